//! The commands of the README. `cargo xtask` lists them.
//!
//! Rule of thumb: what a person has to type more than once is a command here, and the build server types
//! the same one. Nothing of the product lives in this crate.

mod generate;
mod installed;
mod program;
mod test;
mod tidy;
mod up;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use terminal::warn;

#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", about = "The tasks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Build both services in release and run them until Ctrl-C.
    Up(up::UpOptions),
    /// Send traffic to a running inference-service, with an episode of drift, so that there is something to see.
    Demo(HandedOn),
    /// Measure how fast models are served, and what the prediction log costs and takes; hold it against the targets.
    Bench(HandedOn),
    /// Make the pictures of the pages that the documents show.
    Pictures,
    /// Everything a change has to pass: structure, formatting, lints, docs, all tests.
    Test(test::TestOptions),
    /// Check the structure of the repository only (a part of `test`).
    Tidy(tidy::TidyOptions),
    /// Write the Kubernetes objects that are made from rules and dashboards (`test` checks them).
    Generate(generate::GenerateOptions),
}

/// Whatever follows the name of the task, for the program that does it.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
struct HandedOn {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    words: Vec<OsString>,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Option<Task>) -> Result<()> {
    match task {
        Some(Task::Up(options)) => up::run(&options),
        Some(Task::Demo(arguments)) => program::become_package("demo", &arguments.words, "about 2 minutes"),
        Some(Task::Bench(arguments)) => program::become_package("bench", &arguments.words, "about 10 minutes"),
        Some(Task::Pictures) => program::become_pictures(),
        Some(Task::Test(options)) => test::run(&options),
        Some(Task::Tidy(options)) => tidy::run(&options),
        Some(Task::Generate(options)) => generate::run(&options),
        None => Ok(Arguments::command().print_help()?),
    }
}
