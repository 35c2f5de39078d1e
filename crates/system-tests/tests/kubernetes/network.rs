//! Which pods may talk to which, as the NetworkPolicies say.

use serde_json::{Value, json};

use crate::objects::{Labels, Objects, at, container, labels, name};

/// The direction of a connection, as a policy writes it.
#[derive(Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn policy_type(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    fn rules_key(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    fn peers_key(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// One side of a connection.
struct Peer {
    /// None: in the namespace of the services.
    namespace: Option<Labels>,
    pod: Labels,
}

#[test]
fn pods_talk_only_where_they_have_to() {
    for (place, objects) in Objects::all() {
        let pod = |service: &str| Peer {
            namespace: None,
            pod: labels(objects.get("Deployment", service), "/spec/template/metadata/labels"),
        };
        let of = |list: &[(&str, &str)]| -> Labels {
            list.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
        };
        let foreign =
            |namespace: &[(&str, &str)], pod: &[(&str, &str)]| Peer { namespace: Some(of(namespace)), pod: of(pod) };
        let (inference, logging) = (pod("inference-service"), pod("logging-service"));
        let prometheus = [("app.kubernetes.io/name", "prometheus")];
        let scraper = foreign(&[("kubernetes.io/metadata.name", "monitoring")], &prometheus);
        let client = foreign(&[("glasshouse-clients", "allowed")], &[("app.kubernetes.io/name", "web")]);
        let stranger = foreign(&[("kubernetes.io/metadata.name", "default")], &prometheus);
        let names = foreign(&[("kubernetes.io/metadata.name", "kube-system")], &[("k8s-app", "kube-dns")]);
        let http = |to: &Peer| match &to.pod["app.kubernetes.io/name"] {
            name if name == "logging-service" => [json!("http"), json!(8001)],
            _ => [json!("http"), json!(8000)],
        };
        let grpc = [json!("grpc"), json!(8002)];
        let dns = [json!(53)];

        for (from, to, allowed) in [
            (&inference, &logging, true),
            (&scraper, &inference, true),
            (&scraper, &logging, true),
            (&client, &inference, true),
            (&client, &logging, false),
            (&stranger, &inference, false),
            (&stranger, &logging, false),
            (&logging, &inference, false),
            (&inference, &stranger, false),
            (&logging, &stranger, false),
        ] {
            let leaves = from.namespace.is_some() || passes(&objects, Direction::Egress, from, to, &http(to));
            let enters = to.namespace.is_some() || passes(&objects, Direction::Ingress, to, from, &http(to));
            assert_eq!(leaves && enters, allowed, "{place}: from {:?} to {:?}", from.pod, to.pod);
        }
        for (from, allowed) in [(&client, true), (&scraper, false), (&stranger, false), (&logging, false)] {
            let enters = passes(&objects, Direction::Ingress, &inference, from, &grpc);
            assert_eq!(enters, allowed, "{place}: from {:?} over gRPC", from.pod);
        }
        assert!(passes(&objects, Direction::Egress, &inference, &names, &dns), "{place}: no names");
        assert!(!passes(&objects, Direction::Egress, &logging, &names, &dns), "{place}");
    }
}

#[test]
fn ports_of_policies_are_those_of_the_pods() {
    for (place, objects) in Objects::all() {
        let known: Vec<&Value> = objects
            .of_kind("Deployment")
            .into_iter()
            .flat_map(|deployment| container(deployment)["ports"].as_array().unwrap())
            .flat_map(|port| [&port["name"], &port["containerPort"]])
            .collect();
        for policy in objects.of_kind("NetworkPolicy") {
            let rules = ["ingress", "egress"].map(|direction| policy["spec"][direction].as_array());
            for port in rules.into_iter().flatten().flatten().flat_map(|rule| rule["ports"].as_array().unwrap()) {
                let port = &port["port"];
                assert!(*port == 53 || known.contains(&port), "{place}: {} names port {port}", name(policy));
            }
        }
    }
}

/// The address that records are delivered to is a Service of the same namespace, spelled as there.
#[test]
fn records_are_delivered_to_the_logging_service() {
    for (place, objects) in Objects::all() {
        let variables = container(objects.get("Deployment", "inference-service"))["env"].as_array().unwrap();
        let url = variables.iter().find(|variable| variable["name"] == "PREDICTION_LOG_URL").unwrap();
        let service = objects.get("Service", "logging-service");
        let expected = format!("http://{}:{}", name(service), at(service, "/spec/ports/0/port"));
        assert_eq!(url["value"], expected, "{place}");
    }
}

/// Whether some policy about `own` lets it talk to `other` in this direction, at a port of either spelling. Without
/// any policy about it, everything goes.
fn passes(objects: &Objects, direction: Direction, own: &Peer, other: &Peer, port: &[Value]) -> bool {
    let mut about = objects.of_kind("NetworkPolicy").into_iter().filter(|policy| {
        let types = at(policy, "/spec/policyTypes").as_array().unwrap();
        types.iter().any(|one| one == direction.policy_type()) && chooses(at(policy, "/spec/podSelector"), &own.pod)
    });
    about.clone().next().is_none()
        || about.any(|policy| {
            let rules = policy["spec"][direction.rules_key()].as_array().into_iter().flatten();
            rules.into_iter().any(|rule| {
                let ports = rule["ports"].as_array().unwrap();
                let peers = rule[direction.peers_key()].as_array().unwrap();
                ports.iter().any(|one| port.contains(&one["port"])) && peers.iter().any(|peer| is(peer, other))
            })
        })
}

fn is(peer: &Value, other: &Peer) -> bool {
    let namespace = match (&peer["namespaceSelector"], &other.namespace) {
        (Value::Null, None) => true,
        (Value::Null, Some(_)) | (_, None) => false,
        (selector, Some(labels)) => chooses(selector, labels),
    };
    namespace && (peer["podSelector"].is_null() || chooses(&peer["podSelector"], &other.pod))
}

fn chooses(selector: &Value, labels: &Labels) -> bool {
    let known = ["matchLabels", "matchExpressions"];
    assert!(selector.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{selector}");
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let one_of = selector["matchExpressions"].as_array().into_iter().flatten();
    let has = |label: &str, value: &Value| labels.get(label).is_some_and(|own| value == own);
    equal.into_iter().all(|(label, value)| has(label, value))
        && one_of.into_iter().all(|expression| {
            assert_eq!(expression["operator"], "In");
            let label = expression["key"].as_str().unwrap();
            expression["values"].as_array().unwrap().iter().any(|value| has(label, value))
        })
}
