//! Was it right? Labels that come before their prediction, after it, again, and corrected.

use serde_json::{Value, json};
use testkit::{Pair, Shot, ShotOutcome, pictures, wait_until};

use crate::{PATIENCE, get, metric_becomes, post, predict};

const MODEL: &str = "cifar10";
const WINDOW: [(&str, &str); 2] = [("model", MODEL), ("window", "1h")];
const LATE: usize = 40;
/// Of the late labels, one in so many says that the model was wrong.
const WRONG: usize = 4;

pub(crate) async fn early_late_and_revised(pair: &Pair) {
    // One label is there before its prediction. It says that the model is wrong.
    let examples = pictures(MODEL);
    let early = Shot::picture(MODEL, &examples[0]);
    let label = json!({ "request_id": early.request_id, "label": "elephant" });
    assert_eq!(feedback(pair, &[label]).await, TakenLabels { accepted: 1, duplicates: 0 });
    metric_becomes(pair, "logging_feedback_waiting", &[], 1.0).await;
    let answer = pair.inference.send(&early.request()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    pair.all_delivered().await;
    metric_becomes(pair, "logging_feedback_waiting", &[], 0.0).await;
    quality_becomes(pair, 0, 1).await;

    // The others come late, one in four of them with bad news.
    let late = (0..LATE).map(|number| examples[number % examples.len()].clone()).collect();
    let outcomes = predict(pair, MODEL, late).await;
    let labels: Vec<Value> = outcomes
        .iter()
        .enumerate()
        .map(|(number, outcome)| {
            let label = if number % WRONG == 0 { "elephant".to_owned() } else { predicted(outcome) };
            json!({ "request_id": outcome.shot.request_id, "label": label, "source": "people" })
        })
        .collect();
    assert_eq!(feedback(pair, &labels).await, TakenLabels { accepted: LATE, duplicates: 0 });
    let right = LATE - LATE / WRONG;
    quality_becomes(pair, right, LATE + 1).await;
    assert_eq!(feedback(pair, &labels).await, TakenLabels { accepted: 0, duplicates: LATE }, "the same again");
    quality_becomes(pair, right, LATE + 1).await;

    // A second look at the labels: the model was right.
    let revised: Vec<Value> = outcomes
        .iter()
        .step_by(WRONG)
        .map(|outcome| json!({ "request_id": outcome.shot.request_id, "label": predicted(outcome), "revision": 1 }))
        .collect();
    assert_eq!(feedback(pair, &revised).await, TakenLabels { accepted: LATE / WRONG, duplicates: 0 });
    quality_becomes(pair, LATE, LATE + 1).await;
    // What was said before the revision does not win over it, however often it is said.
    assert_eq!(
        feedback(pair, &labels).await,
        TakenLabels { accepted: LATE / WRONG, duplicates: right },
        "an older opinion is kept"
    );
    quality_becomes(pair, LATE, LATE + 1).await;
    let taken = pair.logging.metrics().await.counts_by("logging_feedback_total", &[], "outcome");
    assert_eq!((taken["accepted"], taken["duplicate"]), ((1 + LATE + 2 * LATE / WRONG) as u64, (LATE + right) as u64));
}

/// What the logging service says of labels that it was sent.
#[derive(Debug, PartialEq)]
struct TakenLabels {
    /// New ones.
    accepted: usize,
    /// Labels that were there already.
    duplicates: usize,
}

/// Posts labels, a line for each.
async fn feedback(pair: &Pair, labels: &[Value]) -> TakenLabels {
    let lines: Vec<String> = labels.iter().map(Value::to_string).collect();
    let answer = post(&pair.logging, "/feedback", "application/x-ndjson", lines.join("\n")).await;
    let count = |member: &str| usize::try_from(answer[member].as_u64().unwrap()).unwrap();
    TakenLabels { accepted: count("accepted"), duplicates: count("duplicates") }
}

/// Waits until the API and the metrics agree on how many of how many were right.
async fn quality_becomes(pair: &Pair, right: usize, labelled: usize) {
    let accuracy = right as f64 / labelled as f64;
    let mut body = Value::Null;
    wait_until("the labels are counted", PATIENCE, async || {
        body = get(&pair.logging, &format!("/quality?model={MODEL}&window=1h")).await;
        body["models"][0]["quality"]["labelled"] == labelled
    })
    .await;
    let quality = &body["models"][0]["quality"];
    assert_eq!((&quality["accuracy"], &quality["coverage"]), (&json!(accuracy), &json!(1.0)), "{body}");
    assert!(quality["expected_accuracy"].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)), "{body}");
    let elephants: Vec<&Value> =
        quality["classes"].as_array().unwrap().iter().filter(|class| class["class"] == "elephant").collect();
    assert_eq!(elephants.len(), 1, "{body}");
    assert_eq!((&elephants[0]["recall"], &elephants[0]["support"]), (&json!(0.0), &json!(labelled - right)), "{body}");
    metric_becomes(pair, "logging_accuracy", &WINDOW, accuracy).await;
    metric_becomes(pair, "logging_labelled_predictions", &WINDOW, labelled as f64).await;
}

fn predicted(outcome: &ShotOutcome) -> String {
    outcome.answer.as_ref().unwrap().json()["predictions"][0]["label"].as_str().unwrap().to_owned()
}
