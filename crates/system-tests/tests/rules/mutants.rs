//! Every mutation makes a test fail, or there is a reason why it need not.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::skip_without_shipped;

use crate::catalogue::{Case, Rule, cases, rules};
use crate::mutations::{Mutation, mutations};
use crate::selection::{Selection, for_cases, for_rule};
use crate::survivors::SURVIVORS;

/// At least so many are tried.
const FEWEST: usize = 100;
const THREADS: usize = 2;
/// All of them take four minutes; without this set to `all`, each third is tried.
const VARIABLE: &str = "RULE_MUTATIONS";
const THINNED: usize = 3;

#[test]
fn every_mutation_of_a_rule_is_caught_by_a_test_or_justified() {
    let Some(promtool) = skip_without_shipped("promtool", "whether the tests notice mistakes in the rules") else {
        return;
    };
    let (rules, cases) = (rules(), cases());
    let bench = Bench { promtool: &promtool, rules: &rules, cases: &cases };
    // A test that fails without any mutation would make every mutation look caught.
    let alone: Vec<_> = (0..cases.len()).map(|case| for_cases(&rules, &cases, [case].into())).collect();
    let broken = failing(&alone, |selection| !bench.hold(selection, None));
    let broken: Vec<_> = broken.into_iter().map(|case| &cases[case].body["name"]).collect();
    assert!(broken.is_empty(), "these fail without any mutation: {broken:?}");

    let selections: Vec<_> = (0..rules.len()).map(|rule| for_rule(&rules, &cases, rule)).collect();
    let mutations = mutations(&rules);
    let names: BTreeSet<_> = mutations.iter().map(|mutation| mutation.name.clone()).collect();
    assert_eq!(names.len(), mutations.len(), "two mutations are called alike");
    let mutations = thinned(mutations);
    assert!(mutations.len() >= FEWEST);
    let tried: BTreeSet<_> = mutations.iter().map(|mutation| mutation.name.as_str()).collect();
    let survivors = failing(&mutations, |mutation| bench.hold(&selections[mutation.rule], Some(mutation)));
    let survivors: BTreeSet<_> = survivors.into_iter().map(|at| mutations[at].name.as_str()).collect();

    let justified: BTreeMap<_, _> = SURVIVORS.iter().copied().collect();
    let unjustified: Vec<_> = survivors.iter().filter(|name| !justified.contains_key(*name)).collect();
    let caught = mutations.len() - survivors.len();
    let counts =
        format!("{caught} caught, {} justified, {} survived", survivors.len() - unjustified.len(), unjustified.len());
    eprintln!("{} mutations of {} rules: {counts}", mutations.len(), rules.len());
    assert!(unjustified.is_empty(), "no test notices these: {unjustified:#?}");
    let is_gone = |name: &str| !survivors.contains(name) && (tried.contains(name) || !names.contains(name));
    let gone: Vec<_> = justified.keys().filter(|name| is_gone(name)).collect();
    assert!(gone.is_empty(), "these are justified and do not survive: {gone:#?}");
}

/// Each third, or all where all are asked for.
fn thinned(mutations: Vec<Mutation>) -> Vec<Mutation> {
    if env::var_os(VARIABLE).is_some_and(|value| value == "all") {
        return mutations;
    }
    let of = mutations.len();
    let tried: Vec<_> = mutations.into_iter().step_by(THINNED).collect();
    eprintln!(
        "SKIPPED: {} of {of} mutations of rules, because all of them take minutes; to try all: {VARIABLE}=all",
        of - tried.len()
    );
    tried
}

struct Bench<'a> {
    promtool: &'a Path,
    rules: &'a [Rule],
    cases: &'a [Case],
}

impl Bench<'_> {
    /// Whether all selected tests hold, if the rule is replaced by its mutation. Stops at the first that does not, and
    /// begins with the shortest.
    fn hold(&self, selection: &Selection, mutation: Option<&Mutation>) -> bool {
        assert!(!selection.cases.is_empty(), "no test knows anything of these rules: {selection:?}");
        let folder = TempDir::new().unwrap();
        let rules: Vec<_> =
            selection.rules.iter().map(|rule| mutated(*rule, &self.rules[*rule].body, mutation)).collect();
        // All in one group, and in the order of their files, so that what is recorded is there when it is looked at.
        write(&folder, "rules.yml", &json!({ "groups": [{ "name": "all", "rules": rules }] }));
        let mut cases: Vec<_> = selection.cases.iter().map(|case| &self.cases[*case]).collect();
        cases.sort_by_key(|case| case.body.to_string().len());
        cases.into_iter().all(|case| {
            let (every, tests) = (&case.every, [&case.body]);
            write(
                &folder,
                "test.yml",
                &json!({ "rule_files": ["rules.yml"], "evaluation_interval": every, "tests": tests }),
            );
            let mut promtool = Command::new(self.promtool);
            // One thread each, and little collecting of garbage: half of the time would go there.
            promtool
                .args(["test", "rules", "test.yml"])
                .current_dir(folder.path())
                .envs([("GOMAXPROCS", "1"), ("GOGC", "400")]);
            promtool.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        })
    }
}

fn mutated<'a>(rule: usize, body: &'a Value, mutation: Option<&'a Mutation>) -> &'a Value {
    mutation.filter(|mutation| mutation.rule == rule).map_or(body, |mutation| &mutation.body)
}

/// JSON is YAML.
fn write(folder: &TempDir, name: &str, content: &Value) {
    fs::write(folder.path().join(name), content.to_string()).unwrap();
}

/// The places of those items of which this is true, asked for several at a time.
fn failing<T: Sync>(items: &[T], is_true: impl Fn(&T) -> bool + Sync) -> Vec<usize> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    if is_true(item) {
                        found.lock().unwrap().push(at);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}
