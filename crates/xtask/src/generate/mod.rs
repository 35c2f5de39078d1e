//! `cargo xtask generate`: the rules and dashboards of the repository as Kubernetes objects.
//!
//! Rule of thumb: what is written down once is generated wherever it is needed again, and `--check` compares the
//! two. The texts are embedded by indentation, so that every byte of an expression or a dashboard stays as it is.

mod dashboards;
mod files;
mod rules;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use self::files::Folder;
use self::text::stem;
use crate::workspace;
use terminal::say;

/// Where the objects go to, relative to the root. Whatever else lies there is removed.
const GENERATED: &str = "deploy/kubernetes/base/generated";
/// The rules that Prometheus reads: one file, and all in one folder.
const ALERT_RULES: &str = "alert_rules.yml";
const MORE_RULES: &str = "deploy/prometheus";
const DASHBOARDS: &str = "dashboards";

/// What to do with the generated files.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerateOptions {
    /// Write nothing; fail where a file differs from what would be written.
    #[arg(long)]
    check: bool,
}

/// Writes the generated files, or compares them.
///
/// # Errors
/// Where a source cannot be read or embedded, or a file cannot be written; with `--check`, where one differs.
pub(crate) fn run(options: &GenerateOptions) -> Result<()> {
    if options.check {
        return check();
    }
    let (folder, generated) = (generated_folder(), generate()?);
    let changed = folder.write(&generated)?;
    say(format_args!("{GENERATED}: {} files, {changed} of them changed.", generated.len()));
    Ok(())
}

/// Compares the generated files with their sources.
///
/// # Errors
/// Where they differ, with the command that mends it.
pub(crate) fn check() -> Result<()> {
    let (folder, generated) = (generated_folder(), generate()?);
    let differences = folder.differences(&generated)?;
    ensure!(
        differences.is_empty(),
        "{GENERATED} is not what its sources say; run `cargo xtask generate`:\n{}",
        differences.join("\n")
    );
    say(format_args!("{} generated files are up to date.", generated.len()));
    Ok(())
}

/// What should be in the folder: file names and texts.
fn generate() -> Result<BTreeMap<String, String>> {
    let root = workspace::root();
    let mut objects = BTreeMap::new();
    let mut rule_files = vec![PathBuf::from(ALERT_RULES)];
    rule_files.extend(sources(root, MORE_RULES, "yml")?);
    for path in rule_files {
        objects.insert(format!("{}.yaml", stem(&path)), rules::prometheus_rules(&path, &read(root, &path)?)?);
    }
    for path in sources(root, DASHBOARDS, "json")? {
        let text = read(root, &path)?;
        objects.insert(format!("dashboard-{}.yaml", stem(&path)), dashboards::config_map(&path, &text)?);
    }
    let list = kustomization(objects.keys());
    objects.insert("kustomization.yaml".into(), list);
    Ok(objects)
}

fn generated_folder() -> Folder {
    Folder::new(workspace::root().join(GENERATED))
}

fn kustomization<'a>(files: impl Iterator<Item = &'a String>) -> String {
    let head = "# Made by `cargo xtask generate`: the rules and dashboards of the repository.\n\
                apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n";
    head.to_owned() + &files.map(|file| format!("  - {file}\n")).collect::<String>()
}

/// The files of one folder, without its subfolders, with this extension: paths relative to the root, sorted.
fn sources(root: &Path, folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("{folder} cannot be listed"))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = Path::new(folder).join(entry?.file_name());
        if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(root: &Path, path: &Path) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn sources_are_the_files_of_one_kind_and_of_one_folder() {
        let root = tempfile::TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("rules/tests")).unwrap();
        for path in ["rules/b_c.yml", "rules/a.yml", "rules/README.md", "rules/tests/d.yml"] {
            fs::write(root.path().join(path), "").unwrap();
        }
        let found = sources(root.path(), "rules", "yml").unwrap();
        assert_eq!(found, [Path::new("rules/a.yml"), Path::new("rules/b_c.yml")]);
        assert_eq!(stem(&found[1]), "b-c");
    }
}
