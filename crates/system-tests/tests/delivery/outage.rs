//! A service dies and comes back, and every channel tells of it as it should.

use std::time::Duration;

use testkit::{Launch, Pair, Service, alone, skip_without, skip_without_shipped, wait_until};

use crate::people::{People, Told};
use crate::stack::Stack;

const PATIENCE: Duration = Duration::from_secs(60);

const RUNBOOK: &str = "https://git.example.org/glasshouse/docs/runbooks/ServiceDown.md";
const DASHBOARD: &str = "http://localhost:3000/d/glasshouse-overview";
const SILENCE: &str = "http://localhost:9093/#/silences/new?filter=%7B\
    job%3D%22inference-service%22%2C%20alertname%3D%22ServiceDown%22%7D";

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_service_is_told_by_every_channel_until_it_is_back() {
    let _alone = alone().await;
    let Some(prometheus) = skip_without_shipped("prometheus", "the delivery of alerts") else { return };
    let Some(alertmanager) = skip_without("prometheus-alertmanager", "the delivery of alerts") else { return };
    let mut pair = Pair::start().await;
    let people = People::start().await;
    let stack = Stack::start(&prometheus, &alertmanager, &pair, &people).await;

    wait_until("the dead man's switch is told", PATIENCE, async || people.signs_of_life() >= 1).await;
    stack.prometheus.becomes("sum(up{job=~'.+-service'})", 2.0).await;
    assert_eq!(people.names(), [""; 0], "something is wrong with healthy services");

    // Errors, and then the end: the error rate is too high all along, and its alert fires while the service is down.
    send_bad_pictures(&pair.inference).await;
    stack.prometheus.becomes("count(ALERTS{alertname='HighErrorRate', alertstate='pending'})", 1.0).await;
    pair.inference.crash();
    let told = everybody_hears(&people, "[FIRING:1] ServiceDown").await;
    assert_tells_what_is_wrong(&told);
    // Once for the screen, and once for Slack.
    wait_until("the error rate's alert is due", PATIENCE, async || {
        let log = stack.alertmanager.daemon.log();
        log.lines().filter(|line| line.contains("msg=flushing") && line.contains("HighErrorRate")).count() >= 2
    })
    .await;
    assert!(stack.is_quiet("HighErrorRate").await);
    assert_eq!(people.names(), ["ServiceDown"], "more was told than that the service is down");

    let signs_of_life = people.signs_of_life();
    let again = Launch::inference_logging_to(pair.logging.address).listen(pair.inference.address);
    pair.inference = again.start().await;
    let told = everybody_hears(&people, "[RESOLVED] ServiceDown").await;
    assert_tells_that_it_is_over(&told);
    let names = ["HighErrorRate", "ServiceDown"];
    wait_until("what was kept quiet is told", PATIENCE, async || people.names() == names).await;
    wait_until("the dead man's switch is told again", PATIENCE, async || people.signs_of_life() > signs_of_life + 1)
        .await;
    assert_eq!(stack.alertmanager.complaints(), [""; 0]);
}

async fn send_bad_pictures(inference: &Service) {
    for _ in 0..20 {
        let answer = inference.post("/predict?model=cifar10", "image/jpeg", "no picture").await;
        assert_eq!(answer.status, 422, "{}", answer.text());
    }
}

/// Waits until every channel has been told so, and returns what each was told.
async fn everybody_hears(people: &People, subject: &str) -> Told {
    let mut told = None;
    wait_until(&format!("everybody hears {subject}"), PATIENCE, async || {
        told = people.told(subject);
        told.is_some()
    })
    .await;
    told.unwrap()
}

fn assert_tells_what_is_wrong(told: &Told) {
    let Told { slack, mail, webhook } = told;
    assert_eq!(slack["title"], "[FIRING:1] ServiceDown inference-service");
    assert_eq!(slack["color"], "danger");
    let text = slack["text"].as_str().unwrap();
    for part in ["*inference-service is down*", RUNBOOK, &format!("<{DASHBOARD}|"), &format!("<{SILENCE}|")] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }

    assert_eq!(mail.login, "alerts@example.org/open sesame");
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("<alerts@example.org>", "<on-call@example.org>"));
    let html = format!("<a href=\"{RUNBOOK}\">");
    for part in ["<h3>inference-service is down</h3>", RUNBOOK, &html, DASHBOARD, SILENCE] {
        assert!(mail.text.contains(part), "no {part:?} in {}", mail.text);
    }

    let alert = &webhook["alerts"][0];
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["annotations"]["runbook_url"], "docs/runbooks/ServiceDown.md");
    assert_eq!(alert["annotations"]["summary"], "inference-service is down");
}

fn assert_tells_that_it_is_over(told: &Told) {
    assert_eq!(told.slack["color"], "good");
    assert!(told.slack["text"].as_str().unwrap().contains("is down* (resolved)"), "{}", told.slack);
    assert!(told.mail.text.contains("<h3>inference-service is down (resolved)</h3>"), "{}", told.mail.text);
    assert!(told.mail.text.contains("Until:"), "{}", told.mail.text);
    assert_eq!(told.webhook["alerts"][0]["status"], "resolved");
}
