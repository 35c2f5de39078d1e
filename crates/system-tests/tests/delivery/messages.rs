//! What a message says, rendered from a made-up notification whose texts try to break it.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Configuration, skip_without_shipped};

const TEMPLATES: &str = "deploy/alertmanager/templates";

/// One alert that fires and one that is over, without any of the links that an alert may have.
fn notification() -> Value {
    json!({
        "receiver": "e mail", "status": "firing", "externalURL": "http://alerts.test",
        "groupLabels": { "alertname": "Slow", "job": "inference service", "model": "cifar10" },
        "commonLabels": { "alertname": "Slow", "severity": "critical" },
        "alerts": [
            {
                "status": "firing",
                "labels": { "alertname": "Slow", "instance": "a:1" },
                "annotations": {
                    "summary": "<!channel> a & b", "description": "more than <b>1s</b>\n",
                    "runbook_url": "docs/runbooks/Slow.md", "dashboard_url": "http://grafana.test/d/x"
                },
                "startsAt": "2026-01-02T03:04:05Z", "generatorURL": "http://prometheus.test/graph?g0.expr=up"
            },
            {
                "status": "resolved",
                "labels": { "alertname": "Slow", "instance": "b:1" },
                "annotations": { "summary": "once", "description": "over" },
                "startsAt": "2026-01-02T03:04:05Z", "endsAt": "2026-01-02T03:14:05Z",
                "generatorURL": "http://prometheus.test/2"
            }
        ]
    })
}

/// The silence that the group's link fills in: every label of the group, the alert's name last.
const SILENCE: &str = "http://alerts.test/#/silences/new?filter=%7Bjob%3D%22inference+service%22%2C%20\
    model%3D%22cifar10%22%2C%20alertname%3D%22Slow%22%7D";

/// Renders one of the shipped templates, with a base for runbooks; `None` where amtool is missing.
fn rendered(kind: &str, template: &str, notification: &Value) -> Option<String> {
    let program = skip_without_shipped("amtool", "what notifications say")?;
    let configuration = Configuration::copy(&[TEMPLATES]);
    configuration.replace(&format!("{TEMPLATES}/runbook_base.tmpl"), "{{ end }}", "http://git.test/{{ end }}");
    let data = configuration.path("data.json");
    fs::write(&data, notification.to_string()).unwrap();
    let output = Command::new(program)
        .args(["template", "render", "--template.type", kind, "--template.text"])
        .arg(format!("{{{{ template \"{template}\" . }}}}"))
        .arg(format!("--template.glob={}", configuration.path(TEMPLATES).join("*.tmpl").display()))
        .arg(format!("--template.data={}", data.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_subject_says_what_has_happened_to_what() {
    let mut notification = notification();
    let Some(firing) = rendered("text", "glasshouse.subject", &notification) else { return };
    assert_eq!(firing, "[FIRING:1] Slow inference service cifar10");
    notification["status"] = json!("resolved");
    assert_eq!(
        rendered("text", "glasshouse.subject", &notification).unwrap(),
        "[RESOLVED] Slow inference service cifar10"
    );
}

#[test]
fn the_colour_tells_severity_and_end() {
    let mut notification = notification();
    let mut expect = |status: &str, severity: &str, colour: &str| {
        notification["status"] = json!(status);
        notification["commonLabels"]["severity"] = json!(severity);
        let Some(rendered) = rendered("text", "glasshouse.slack.color", &notification) else { return };
        assert_eq!(rendered, colour, "{status} {severity}");
    };
    expect("firing", "critical", "danger");
    expect("firing", "warning", "warning");
    expect("resolved", "critical", "good");
}

#[test]
fn a_slack_message_has_every_link_and_no_markup_but_its_own() {
    let Some(text) = rendered("text", "glasshouse.slack.text", &notification()) else { return };
    let expected = format!(
        "*&lt;!channel&gt; a &amp; b*\n\
         more than &lt;b&gt;1s&lt;/b&gt;\n\
         Runbook: http://git.test/docs/runbooks/Slow.md\n\
         <http://grafana.test/d/x|Dashboard> · <http://prometheus.test/graph?g0.expr=up|Query>\n\
         \n\
         *once* (resolved)\n\
         over\n\
         <http://prometheus.test/2|Query>\n\
         \n\
         <{SILENCE}|Silence>"
    );
    assert_eq!(text, expected);
}

#[test]
fn an_email_says_the_same_in_both_its_forms() {
    let Some(text) = rendered("text", "glasshouse.email.text", &notification()) else { return };
    let html = rendered("html", "glasshouse.email.html", &notification()).unwrap();
    for (said, marked_up) in [
        ("<!channel> a & b\n", "<h3>&lt;!channel&gt; a &amp; b</h3>"),
        ("more than <b>1s</b>\n", "<p>more than &lt;b&gt;1s&lt;/b&gt;"),
        (
            "Runbook:   http://git.test/docs/runbooks/Slow.md\n",
            "<a href=\"http://git.test/docs/runbooks/Slow.md\">http://git.test",
        ),
        ("Dashboard: http://grafana.test/d/x\n", "<a href=\"http://grafana.test/d/x\">Dashboard</a>"),
        (
            "Query:     http://prometheus.test/graph?g0.expr=up\n",
            "<a href=\"http://prometheus.test/graph?g0.expr=up\">Query",
        ),
        ("Since:     2026-01-02 03:04:05 UTC\n", "since 2026-01-02 03:04:05 UTC</p>"),
        ("once (resolved)\nover\n", "<h3>once (resolved)</h3>"),
        ("Until:     2026-01-02 03:14:05 UTC\n", "until 2026-01-02 03:14:05 UTC</p>"),
        (&format!("Silence:   {SILENCE}\n"), &format!("<a href=\"{}\">Silence</a>", SILENCE.replace('+', "&#43;"))),
    ] {
        assert!(text.contains(said), "no {said:?} in {text}");
        assert!(html.contains(marked_up), "no {marked_up:?} in {html}");
    }
    assert_eq!(text.matches("Runbook").count(), 1, "an alert without a runbook has no link to one: {text}");
    assert_eq!(html.matches("Dashboard").count(), 1, "{html}");
}
