//! One file of the shipped configuration, as text.
//!
//! Rule of thumb: a change that finds nothing to change is an error, so that a file which has moved on is noticed.
//! Comments are left alone, and what only a comment says is not there.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file of the repository, perhaps changed.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// Reads a file by its path relative to the root of the repository.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn read(root: &Path, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let text =
            fs::read_to_string(root.join(&path)).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Self { path, text })
    }

    /// Puts `address` in the place of every `service:port`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn point(&mut self, service: &str, address: SocketAddr) -> Result<()> {
        let address = address.to_string();
        self.change(&format!("target of {service}"), |line| replace_service(line, service, &address))
    }

    /// Puts `new` in the place of every `old`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn replace(&mut self, old: &str, new: &str) -> Result<()> {
        self.change(old, |line| line.contains(old).then(|| line.replace(old, new)))
    }

    /// Takes a scrape job out.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub(super) fn leave_out_job(&mut self, job: &str) -> Result<()> {
        let mut inside: Option<usize> = None;
        let mut found = false;
        let mut kept = String::new();
        for line in self.text.lines() {
            let indentation = line.len() - line.trim_start().len();
            if inside.is_some_and(|outer| !line.trim().is_empty() && indentation <= outer) {
                inside = None;
            }
            let name = line.trim_start().strip_prefix("- job_name:").map(unquoted);
            if name == Some(job) {
                (inside, found) = (Some(indentation), true);
            }
            if inside.is_none() {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        if !found {
            bail!("{} has no job {job}, which was to be left out", self.path.display());
        }
        self.text = kept;
        Ok(())
    }

    /// Every target is an address, so that none is forgotten.
    ///
    /// # Errors
    /// The first that is not.
    pub(super) fn require_addresses(&self) -> Result<()> {
        for line in self.text.lines().filter(|line| !is_comment(line)) {
            let Some((_, list)) = line.split_once("targets:") else { continue };
            // A list that goes on over several lines is none of these, and so an error as well.
            let list = list.trim().trim_start_matches('[').trim_end_matches(']');
            for target in list.split(',').map(unquoted) {
                if target.parse::<SocketAddr>().is_err() {
                    bail!("{} has the target {target:?}, of which nobody has said where it is", self.path.display());
                }
            }
        }
        Ok(())
    }

    /// Writes the file below `folder`, where it lies as it lies below the root of the repository, and says where.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(&self.path);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, &self.text))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    /// Changes each line for which `change` has something else.
    fn change(&mut self, what: &str, change: impl Fn(&str) -> Option<String>) -> Result<()> {
        let mut found = false;
        let mut changed = String::new();
        for line in self.text.lines() {
            let other = if is_comment(line) { None } else { change(line) };
            found |= other.is_some();
            changed.push_str(other.as_deref().unwrap_or(line));
            changed.push('\n');
        }
        if !found {
            bail!("{} has no {what}, which was to be changed", self.path.display());
        }
        self.text = changed;
        Ok(())
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['\'', '"'])
}

/// The line with `address` for each `service:port`, or `None` if there is none. A service whose name only ends like
/// this one is another.
fn replace_service(line: &str, service: &str, address: &str) -> Option<String> {
    let name = format!("{service}:");
    let part_of_name = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    let (mut changed, mut rest) = (String::new(), line);
    let mut found = false;
    while let Some(start) = rest.find(&name) {
        let (before, after) = (&rest[..start], &rest[start + name.len()..]);
        let port = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        let whole = !before.ends_with(part_of_name) && port > 0 && !after[port..].starts_with(part_of_name);
        found |= whole;
        changed.push_str(before);
        changed.push_str(if whole { address } else { &rest[start..start + name.len() + port] });
        rest = &after[port..];
    }
    changed.push_str(rest);
    found.then_some(changed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TEXT: &str = "\
# scrape_interval: of loki:3100 nothing is said here.
global:
  scrape_interval: 15s
scrape_configs:
  - job_name: web
    scrape_interval: 30s
    static_configs:
      - targets: ['web:80', \"my-web:80\", 'web:800x']

  - job_name: 'loki'
    static_configs:

      - targets: ['loki:3100']

  # The last one.
  - job_name: lokis
    static_configs:
      - targets: [lokis:3100]
";

    fn file() -> ConfigFile {
        ConfigFile { path: "a.yml".into(), text: TEXT.into() }
    }

    fn changed(change: impl FnOnce(&mut ConfigFile) -> Result<()>) -> Result<String, String> {
        let mut file = file();
        change(&mut file).map(|()| file.text).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_names_are_pointed_elsewhere_and_no_others() {
        let address = "127.0.0.1:9".parse().unwrap();
        let pointed = changed(|file| file.point("web", address)).unwrap();
        assert_eq!(pointed, TEXT.replace("'web:80'", "'127.0.0.1:9'"));
        let pointed = changed(|file| file.point("lokis", address)).unwrap();
        assert_eq!(pointed, TEXT.replace("[lokis:3100]", "[127.0.0.1:9]"));
        for absent in ["grafana", "eb", "job_name"] {
            let message = changed(|file| file.point(absent, address)).unwrap_err();
            assert!(message.contains(&format!("a.yml has no target of {absent}")), "{message}");
        }
    }

    #[test]
    fn a_name_twice_in_a_line_is_pointed_elsewhere_twice() {
        let line = replace_service("http://a:1/, a:22", "a", "[::1]:9").unwrap();
        assert_eq!(line, "http://[::1]:9/, [::1]:9");
    }

    #[test]
    fn a_job_goes_with_all_of_its_lines_and_only_those() {
        let (start, end) = (TEXT.find("  - job_name: 'loki'").unwrap(), TEXT.find("  # The last").unwrap());
        let without = changed(|file| file.leave_out_job("loki")).unwrap();
        assert_eq!(without, [&TEXT[..start], &TEXT[end..]].concat());
        let without = changed(|file| file.leave_out_job("lokis")).unwrap();
        assert!(without.ends_with("# The last one.\n"), "{without}");
        assert!(changed(|file| file.leave_out_job("lok")).unwrap_err().contains("job lok"));
    }

    #[test]
    fn what_only_a_comment_says_is_not_there() {
        let message = changed(|file| file.replace("nothing", "much")).unwrap_err();
        assert!(message.contains("a.yml has no nothing"), "{message}");
    }

    #[test]
    fn a_target_without_an_address_is_named() {
        let of = |targets: &str| ConfigFile { path: "a.yml".into(), text: format!("targets: {targets}\n") };
        assert!(of("['127.0.0.1:9', \"[::1]:9\"]").require_addresses().is_ok());
        for (targets, name) in
            [("['127.0.0.1:9', 'new:80']", "target \"new:80\""), ("[]", "target \"\","), ("", "target \"\",")]
        {
            let message = of(targets).require_addresses().unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
