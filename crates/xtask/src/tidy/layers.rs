//! Dependencies between our own crates point downwards only.
//!
//! Rule of thumb: a crate uses what lies in a lower layer. So the two services do not know each other, and
//! what both build on knows neither.

use super::Violation;
use super::manifests::Manifest;

/// From the ground up.
const LAYERS: [&[&str]; 4] = [
    &["terminal"],
    // What xtask needs compiles in seconds; it starts everything else as a program.
    &["monitoring", "pages", "prediction-record", "sqlite-wal", "testkit", "xtask"],
    &["inference-service", "logging-service"],
    &["bench", "demo", "system-tests"],
];

/// The crate has a layer, and all it depends on, for tests too, lies lower.
pub(super) fn check(manifest: &Manifest) -> Vec<Violation> {
    let name = manifest.name.as_str();
    let Some(layer) = layer_of(name) else {
        return vec![Violation::new(
            &manifest.path,
            format!("{name} has no layer; give it one in xtask's tidy/layers.rs"),
        )];
    };
    manifest
        .dependencies()
        .into_iter()
        .filter(|(dependency, _)| layer_of(dependency).is_some_and(|other| other >= layer))
        .map(|(dependency, _)| {
            let what = format!(
                "{name} must not depend on {dependency}, which does not lie below it; \
                 move what both need into a crate of a lower layer"
            );
            Violation::new(&manifest.path, what)
        })
        .collect()
}

fn layer_of(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::TextFile;
    use super::*;

    fn violations(name: &str, table: &str, dependency: &str) -> usize {
        let path = format!("crates/{name}/Cargo.toml");
        let text = format!("[{table}]\n{dependency}.workspace = true\n");
        check(&Manifest::parse(&TextFile { path, text }).unwrap()).len()
    }

    #[test]
    fn downwards_is_allowed_and_no_other_way() {
        for (name, dependency, expected) in [
            ("system-tests", "logging-service", 0),
            ("logging-service", "monitoring", 0),
            ("logging-service", "serde", 0),
            ("logging-service", "inference-service", 1),
            ("inference-service", "logging-service", 1),
            ("monitoring", "prediction-record", 1),
            ("prediction-record", "monitoring", 1),
            ("monitoring", "inference-service", 1),
            ("inference-service", "system-tests", 1),
            ("inference-service", "testkit", 0),
            ("testkit", "monitoring", 1),
            ("bench", "inference-service", 0),
            ("xtask", "terminal", 0),
            ("xtask", "testkit", 1),
            ("xtask", "bench", 1),
        ] {
            for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
                assert_eq!(violations(name, table, dependency), expected, "{name} on {dependency} in {table}");
            }
        }
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        assert_eq!(violations("newcomer", "dependencies", "serde"), 1);
    }
}
