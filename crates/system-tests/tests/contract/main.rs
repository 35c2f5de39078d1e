//! Proves that metrics and what asks for them belong together, in both directions: every metric, label and label
//! value in rules, dashboards and documents is exposed by the running programs, and every metric that the services
//! expose is used by a rule or a dashboard, or is exempt for a reason.
//!
//! Queries are not searched for words but read as Prometheus reads them, so that it also shows where labels can
//! never match, and where a text shows a label that the result does not have.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod catalogue;
mod elsewhere;
mod exempt;
mod expression;
mod labels;
mod mistakes;
mod recorded;
mod sources;

use std::collections::BTreeSet;

use testkit::{Pair, Stage, alone, get_url, pictures};

use crate::catalogue::{Catalogue, Owner};
use crate::elsewhere::{DOCUMENTED, add_documented, add_of_every_target};
use crate::exempt::EXEMPT;
use crate::expression::{Reading, read};
use crate::recorded::{add_alerts, add_recorded};
use crate::sources::{Question, dashboards, federated, made_up_series, of_documents, rules, scaled_on};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_there() {
    let _alone = alone().await;
    let Some(stage) = Stage::around(used_pair().await).await else { return };
    stage.catches_up().await;
    let mut catalogue = everything_exposed(&stage).await;
    let rules = rules();
    let mut problems = add_recorded(&mut catalogue, &rules);
    add_alerts(&mut catalogue, &rules);

    let mut asked = BTreeSet::new();
    for rule in &rules {
        let given = if rule.is_alert { rule.labels.keys().cloned().collect() } else { BTreeSet::new() };
        check(&rule.question, &catalogue, &given, &mut problems, &mut asked);
    }
    let sources = [("dashboards", dashboards()), ("documents", of_documents()), ("the central server", federated())];
    for (source, questions) in sources {
        assert!(!questions.is_empty(), "{source} ask for nothing");
        for question in questions {
            check(&question, &catalogue, &BTreeSet::new(), &mut problems, &mut asked);
        }
    }
    // The operator gives these two to every target of a ServiceMonitor.
    let in_kubernetes = catalogue.with_any(&["namespace", "pod"], |_| true);
    for question in scaled_on() {
        check(&question, &in_kubernetes, &BTreeSet::new(), &mut problems, &mut asked);
    }
    // A series that is made up for a test may belong to anybody, but has to look like a real one.
    let of_anybody = catalogue
        .with_any(&["job", "model", "class", "le", "owner", "tag", "value", "feature", "fault"], |already| already);
    for question in made_up_series() {
        check(&question, &of_anybody, &BTreeSet::new(), &mut problems, &mut asked);
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    for (_, name, _) in DOCUMENTED {
        assert!(asked.contains(name), "{name} is listed, and nothing asks for it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exposed_is_used() {
    let _alone = alone().await;
    let pair = used_pair().await;
    let mut catalogue = Catalogue::default();
    let mut families = BTreeSet::new();
    for (job, service) in [("inference-service", &pair.inference), ("logging-service", &pair.logging)] {
        let text = service.get("/metrics").await.text();
        catalogue.add_scrape(job, Owner::Us, &text);
        let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        families.extend(kinds.map(|(name, kind)| (name.to_owned(), kind == "histogram")));
    }
    let questions = rules().into_iter().map(|rule| rule.question).chain(dashboards());
    let used: BTreeSet<String> = questions.flat_map(|question| read(&question.query, &catalogue).metrics).collect();
    let is_used = |(name, is_histogram): &(String, bool)| {
        let parts = ["_bucket", "_sum", "_count"].map(|part| format!("{name}{part}"));
        used.contains(name) || *is_histogram && parts.iter().any(|part| used.contains(part))
    };
    let unused: BTreeSet<&str> =
        families.iter().filter(|family| !is_used(family)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(unused, EXEMPT.map(|(name, _)| name).into(), "metrics that nothing uses, and those that are exempt");
}

/// A level names the labels that are left, so that a name says how to aggregate further.
#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_recorded_series_say_their_labels() {
    let _alone = alone().await;
    let pair = used_pair().await;
    let mut catalogue = Catalogue::default();
    for (job, service) in [("inference-service", &pair.inference), ("logging-service", &pair.logging)] {
        catalogue.add_scrape(job, Owner::Us, &service.get("/metrics").await.text());
    }
    let rules = rules();
    let problems = add_recorded(&mut catalogue, &rules);
    assert!(problems.is_empty(), "{problems:?}");
    let mut recorded = 0;
    for rule in rules.iter().filter(|rule| !rule.is_alert) {
        let (level, _) = rule.name.split_once(':').unwrap_or_else(|| panic!("{} has no level", rule.name));
        let mut labels: Vec<&str> = catalogue.get(&rule.name).unwrap().keys().map(String::as_str).collect();
        labels.sort_by_key(|label| level.find(label));
        assert_eq!(labels.join("_"), level, "{} has other labels", rule.name);
        recorded += 1;
    }
    assert!(recorded > 20, "only {recorded} series are recorded");
}

/// Reads a question, and says what is wrong with it or with what is shown of its answer.
fn check(
    question: &Question,
    catalogue: &Catalogue,
    given: &BTreeSet<String>,
    problems: &mut Vec<String>,
    asked: &mut BTreeSet<String>,
) {
    let Reading { labels, complaints, metrics, .. } = read(&question.query, catalogue);
    problems.extend(complaints.iter().map(|complaint| format!("{}: {complaint}", question.place)));
    asked.extend(metrics);
    for label in question.shown.iter().filter(|label| !labels.contains_key(*label) && !given.contains(*label)) {
        problems.push(format!("{}: the result has no label {label} to show: {}", question.place, question.query));
    }
}

/// Both services, once each model has been asked and its answers are labelled.
async fn used_pair() -> Pair {
    let pair = Pair::start_eager(|inference| inference).await;
    for model in ["cifar10", "surface"] {
        let picture = pictures(model).remove(0);
        let path = format!("/predict?model={model}");
        assert_eq!(pair.inference.post(&path, picture.content_type, picture.bytes).await.status, 200);
    }
    pair.all_delivered().await;
    pair.is_judged(&["cifar10", "surface"]).await;
    pair.other_tasks_are_judged().await;
    pair
}

/// What each target of Prometheus exposes, asked as Prometheus asks.
async fn everything_exposed(stage: &Stage) -> Catalogue {
    let mut catalogue = Catalogue::default();
    let ours = [&stage.pair.inference, &stage.pair.logging].map(|service| service.url("/metrics"));
    let answer = stage.prometheus.daemon.get("/api/v1/targets", &[]).await;
    for target in answer["data"]["activeTargets"].as_array().unwrap() {
        let job = target["labels"]["job"].as_str().unwrap();
        let url = target["scrapeUrl"].as_str().unwrap();
        let scrape = get_url(url).await.unwrap();
        let owner = if ours.iter().any(|our| our == url) { Owner::Us } else { Owner::Others };
        catalogue.add_scrape(job, owner, &scrape.text());
    }
    let answer = stage.prometheus.daemon.get("/api/v1/scrape_pools", &[]).await;
    let jobs = answer["data"]["scrapePools"].as_array().unwrap();
    let jobs: Vec<String> = jobs.iter().map(|job| job.as_str().unwrap().to_owned()).collect();
    add_of_every_target(&mut catalogue, &jobs);
    add_documented(&mut catalogue);
    catalogue
}
