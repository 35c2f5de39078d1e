//! A dashboard as a ConfigMap, which the sidecar of Grafana's Helm chart finds by its label.

use std::path::Path;

use anyhow::{Result, ensure};

use super::text::{indented, stem};

/// Most bytes of a dashboard. A ConfigMap may have 1 MiB; `kubectl apply` without `--server-side` keeps a second copy
/// of it in an annotation, which may have 256 KiB.
const MOST_BYTES: usize = 240 * 1024;

/// The ConfigMap, with the dashboard's text unchanged.
///
/// # Errors
/// Where the text is too long, or has a form that would not stay as it is.
pub(super) fn config_map(path: &Path, text: &str) -> Result<String> {
    ensure!(
        text.starts_with('{') && text.ends_with("}\n") && !text.contains('\r'),
        "{} has to begin with {{, to end with }} and one line break, and to have no carriage returns",
        path.display()
    );
    let bytes = text.len();
    ensure!(bytes <= MOST_BYTES, "{} has {bytes} bytes; at most {MOST_BYTES} fit", path.display());
    Ok(format!(
        "# Made by `cargo xtask generate` from {source}.\n\
         apiVersion: v1\n\
         kind: ConfigMap\n\
         metadata:\n  name: dashboard-{name}\n  labels:\n    grafana_dashboard: \"1\"\n  annotations:\n    \
         grafana_folder: Glasshouse\n\
         data:\n  glasshouse-{name}.json: |\n{text}",
        source = path.display(),
        name = stem(path),
        text = indented(text, 4),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn made(text: &str) -> Result<String> {
        config_map(Path::new("dashboards/model_quality.json"), text)
    }

    #[test]
    fn the_text_stands_in_a_block_of_its_own() {
        let expected = r#"# Made by `cargo xtask generate` from dashboards/model_quality.json.
apiVersion: v1
kind: ConfigMap
metadata:
  name: dashboard-model-quality
  labels:
    grafana_dashboard: "1"
  annotations:
    grafana_folder: Glasshouse
data:
  glasshouse-model-quality.json: |
    {
      "uid": "a"
    }
"#;
        assert_eq!(made("{\n  \"uid\": \"a\"\n}\n").unwrap(), expected);
    }

    #[test]
    fn what_would_not_stay_as_it_is_is_refused() {
        for text in ["", "{}", "{}\n\n", " {}\n", "{\r\n}\n"] {
            assert!(made(text).is_err(), "{text:?}");
        }
        let of = |bytes: usize| format!("{{{}}}\n", " ".repeat(bytes - 3));
        assert!(made(&of(MOST_BYTES)).is_ok());
        assert!(made(&of(MOST_BYTES + 1)).is_err());
    }
}
