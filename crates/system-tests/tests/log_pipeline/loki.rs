//! Loki's settings, each of which makes sense with others only.

use serde_json::Value;

use crate::{LABELS, yaml};

#[test]
fn lokis_settings_hold_together() {
    let loki = yaml("deploy/loki/loki.yml");
    let limits = &loki["limits_config"];
    // Nothing is deleted without all of these.
    assert_eq!(limits["retention_period"], "336h");
    assert_eq!(loki["compactor"]["retention_enabled"], true);
    let [schema] = &loki["schema_config"]["configs"].as_array().unwrap()[..] else { panic!("{loki}") };
    assert_eq!(loki["compactor"]["delete_request_store"], schema["object_store"]);
    assert!(loki["common"]["storage"][schema["object_store"].as_str().unwrap()].is_object());
    // Structured metadata needs these.
    assert_eq!((&schema["store"], &schema["schema"]), (&"tsdb".into(), &"v13".into()));
    assert_eq!(limits["allow_structured_metadata"], true);
    assert_eq!(schema["index"]["period"], "24h", "retention works on an index of a day");
    // Loki adds no label of its own, and would refuse many.
    assert_eq!(limits["discover_service_name"], Value::Array(Vec::new()));
    assert!(limits["max_label_names_per_series"].as_u64().unwrap() >= LABELS.len() as u64);
    assert_eq!(loki["analytics"]["reporting_enabled"], false);
    // All that is written lies on the volume, and the port is the one that the other files name.
    let prefix = loki["common"]["path_prefix"].as_str().unwrap();
    let compose = &yaml("docker-compose.monitoring.yml")["services"]["loki"];
    assert!(compose["volumes"].as_array().unwrap().contains(&format!("loki:{prefix}").into()), "{compose}");
    let filesystem = loki["common"]["storage"]["filesystem"].as_object().unwrap().values();
    for path in filesystem.chain([&loki["compactor"]["working_directory"]]) {
        assert!(path.as_str().unwrap().starts_with(&format!("{prefix}/")), "{path}");
    }
    assert_eq!(loki["server"]["http_listen_port"], 3100);
}
