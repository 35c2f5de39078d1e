//! The settings of a service, from its flags and the environment.

use std::env;
use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::{Command, Parser};

/// Reads flags and environment variables, and ends the process with a sentence where they are wrong.
///
/// A variable that is empty counts as not set, because manifests and compose files write it so. That leaves the flags in
/// `off_if_empty`, by the names of their fields: with them, empty turns something off.
#[must_use]
pub fn parse_settings<P: Parser>(off_if_empty: &[&str]) -> P {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    let matches = without_empty(P::command(), off_if_empty, &is_empty).get_matches();
    P::from_arg_matches(&matches).unwrap_or_else(|problem| problem.exit())
}

/// The command and its own commands, which do not look at the variables that are empty.
fn without_empty(command: Command, off_if_empty: &[&str], is_empty: &dyn Fn(&OsStr) -> bool) -> Command {
    let command = command.mut_args(|arg| {
        let ignored = arg.get_env().is_some_and(is_empty) && !off_if_empty.contains(&arg.get_id().as_str());
        if ignored { arg.env(Resettable::Reset) } else { arg }
    });
    command.mut_subcommands(|subcommand| without_empty(subcommand, off_if_empty, is_empty))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;

    /// Variables that are set wherever tests run.
    #[derive(Parser)]
    struct TestSettings {
        #[arg(long, env = "PATH", default_value = "left out")]
        path: String,
        #[arg(long, env = "HOME", default_value = "left out")]
        home: String,
    }

    #[test]
    fn an_empty_variable_counts_as_not_set_unless_it_turns_something_off() {
        let parse = |off_if_empty: &[&str]| {
            let command = without_empty(TestSettings::command(), off_if_empty, &|name| name == "PATH");
            let matches = command.try_get_matches_from(["test"]).unwrap();
            TestSettings::from_arg_matches(&matches).map(|settings| [settings.path, settings.home]).unwrap()
        };
        let set = |name: &str| std::env::var(name).unwrap();
        assert_eq!(parse(&[]), ["left out".to_owned(), set("HOME")]);
        assert_eq!(parse(&["path"]), [set("PATH"), set("HOME")]);
    }
}
