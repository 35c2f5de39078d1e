//! A rule file of Prometheus as objects of the operator: one PrometheusRule for each group, so that an overlay can
//! leave a group out.
//!
//! The braces of Prometheus' templates mean nothing to kustomize or the operator. (They would to Helm.)

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::text::{indented, object_name, stem};

/// The objects, one YAML document each. They are named after the file and the group.
///
/// # Errors
/// Where the text is not the list of groups that can be taken apart line by line: `groups:` at the top and nothing
/// beside it, each group beginning with `- name:`.
pub(super) fn prometheus_rules(path: &Path, text: &str) -> Result<String> {
    let objects = groups(text).with_context(|| format!("{} cannot be embedded", path.display()))?;
    let objects: Vec<String> = objects.iter().map(|group| object(path, group)).collect();
    Ok(format!("# Made by `cargo xtask generate` from {}.\n{}", path.display(), objects.join("---\n")))
}

/// One group: its name, and its lines as they are in the file.
#[derive(Debug, PartialEq)]
struct Group {
    name: String,
    text: String,
}

fn object(path: &Path, group: &Group) -> String {
    let name = format!("{}-{}", stem(path), object_name(&group.name));
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {name}\nspec:\n  groups:\n{}",
        indented(&group.text, 2)
    )
}

fn groups(text: &str) -> Result<Vec<Group>> {
    ensure!(text.ends_with('\n') && !text.contains(['\t', '\r']), "it needs lines that end with \\n and have no tabs");
    let mut lines = text.split_inclusive('\n').skip_while(|line| is_aside(line));
    ensure!(lines.next() == Some("groups:\n"), "it does not begin with `groups:`");

    let mut groups: Vec<Group> = Vec::new();
    // Comments in front of a group belong to it, not to the one before. Comments that stand deeper do not: they belong
    // to the group they stand in, or are text of an expression.
    let mut asides = String::new();
    let mut item = None;
    for line in lines {
        let indentation = line.len() - line.trim_start_matches(' ').len();
        if is_aside(line) && item.is_none_or(|item| indentation <= item) {
            asides.push_str(line);
            continue;
        }
        let item = *item.get_or_insert(indentation);
        ensure!(indentation >= item, "`{}` stands beside `groups:`", line.trim_end());
        if indentation == item {
            let name = line.trim().strip_prefix("- name: ");
            let name = name.with_context(|| format!("`{}` does not begin a group with its name", line.trim_end()))?;
            groups.push(Group { name: name.trim_matches(['\'', '"']).to_owned(), text: String::new() });
        }
        let group = groups.last_mut().context("it has no group")?;
        group.text.push_str(&asides);
        group.text.push_str(line);
        asides.clear();
    }
    ensure!(!groups.is_empty(), "it has no group");
    for group in &mut groups {
        group.text = format!("{}\n", group.text.trim_matches('\n'));
    }
    Ok(groups)
}

/// Whether the line is empty or looks like a comment.
fn is_aside(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const RULES: &str = "\
# Of the file.

groups:
  # Of the first group.
  - name: first_group
    rules:
      - alert: A
        expr: |
          # Not a comment of YAML.

          up == 0
        annotations:
          summary: '{{ $labels.job }}'
          description: |
            One.

            # Two.

  # Of the second.
  - name: second
    rules: []
";

    #[test]
    fn each_group_becomes_an_object_with_its_own_comments() {
        let made = prometheus_rules(Path::new("some/alert_rules.yml"), RULES).unwrap();
        let expected = "\
# Made by `cargo xtask generate` from some/alert_rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: alert-rules-first-group
spec:
  groups:
    # Of the first group.
    - name: first_group
      rules:
        - alert: A
          expr: |
            # Not a comment of YAML.

            up == 0
          annotations:
            summary: '{{ $labels.job }}'
            description: |
              One.

              # Two.
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: alert-rules-second
spec:
  groups:
    # Of the second.
    - name: second
      rules: []
";
        assert_eq!(made, expected);
    }

    #[test]
    fn a_list_that_is_not_indented_is_one_too() {
        let names = |text| groups(text).unwrap().into_iter().map(|group| group.name).collect::<Vec<_>>();
        assert_eq!(names("groups:\n- name: 'a'\n  rules: []\n- name: b\n  rules: []\n"), ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_taken_apart_is_refused() {
        for (text, problem) in [
            ("", "lines"),
            ("groups:\n  - name: a", "lines"),
            ("groups:\r\n  - name: a\r\n", "lines"),
            ("---\ngroups:\n  - name: a\n", "begin with"),
            ("groups: []\n", "begin with"),
            ("groups:\n", "no group"),
            ("groups:\n  - interval: 1m\n    name: a\n", "its name"),
            ("groups:\n  - name: a\nother: 1\n", "beside"),
        ] {
            let error = prometheus_rules(Path::new("a.yml"), text).unwrap_err();
            assert!(format!("{error:#}").contains(problem), "{text:?}: {error:#}");
        }
    }
}
