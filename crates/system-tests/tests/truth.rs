//! Proves that telemetry tells the truth when all goes wrong at once. Clients of several models and protocols count what
//! they were told; some of them send nonsense, come when the queue is full, have too short a deadline or hang up. Metrics,
//! log lines and rows say the same of every model and every end. What they say beyond that is of the clients that hung up.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::{Load, Metrics, Pair, Picture, Service, Shot, ShotOutcome, alone, pictures, wait_until};

const REQUESTS: usize = 1200;
/// Pictures of a large request; three of them fill the queue.
const BATCH: usize = 8;
/// Requests whose clients do not wait for the answer.
const HUNG_UP: usize = 60;

/// How many predictions ended how, by model and by `success` or the type of the error.
type Ends = BTreeMap<(String, String), u64>;

#[tokio::test(flavor = "multi_thread")]
async fn clients_metrics_log_lines_and_rows_tell_the_same() {
    let _alone = alone().await;
    let small = |launch: testkit::Launch| launch.flag("--threads=", "1").flag("--queue-limit=", "24");
    let pair = Pair::start_with(|inference| small(inference).flag("--max-batch=", "16")).await;
    let examples = [pictures("cifar10"), pictures("surface")];
    let load = Load::closed(12).requests(REQUESTS);
    let (address, picture) = (pair.inference.address, examples[0][0].clone());
    let running = load.start(&pair.inference, move |number| shot(number, &examples));
    let hanging_up = tokio::task::spawn_blocking(move || hang_up(address, &picture));
    let outcomes = running.finish().await;
    hanging_up.await.unwrap();

    let served = |metrics: &Metrics| {
        let routes = ["/predict", "/v2/models/{model}/infer"].map(|route| ("route", route));
        let of_route = |route| metrics.find("http_requests_total", &[("method", "POST"), route]).unwrap_or(0.0);
        routes.map(of_route).iter().sum::<f64>() as usize
    };
    wait_until("every request has ended", Duration::from_secs(30), async || {
        pair.inference.metrics().await.count("http_requests_in_flight", &[]) == 1
    })
    .await;
    let books = pair.all_delivered().await;
    assert!(books.balance() && books.dropped == 0, "{books:?}");

    let metrics = pair.inference.metrics().await;
    assert_eq!(served(&metrics), REQUESTS + HUNG_UP);
    let counted = of_metrics(&metrics);
    assert_eq!(of_lines(&pair.inference).await, counted, "log lines and metrics");
    assert_eq!(pair.database().rows_by_end(), counted, "rows and metrics");
    assert_eq!(metrics.count("prediction_queue_depth", &[]), 0, "a place in the queue is lost");
    the_clients_agree(&outcomes, counted);
}

fn the_clients_agree(outcomes: &[ShotOutcome], counted: Ends) {
    let told = of_clients(outcomes);
    let ends: Vec<&str> = told.keys().map(|(_, end)| end.as_str()).collect();
    for end in ["success", "invalid_request", "invalid_input", "too_large", "model_not_found", "overloaded"] {
        assert!(ends.contains(&end), "no client was told {end}: {told:?}");
    }
    // A deadline may pass before the model is known; it was asked of one model alone.
    let mut left = Ends::new();
    for ((model, end), count) in counted {
        let model = if end == "deadline_exceeded" { "any".to_owned() } else { model };
        *left.entry((model, end)).or_default() += count;
    }
    for (end, count) in &told {
        let counted = left.get_mut(end).unwrap_or_else(|| panic!("clients were told {end:?}, and it was not counted"));
        *counted = counted.checked_sub(*count).unwrap_or_else(|| panic!("{count} clients were told {end:?}"));
    }
    // What is left is of the clients that hung up, which could not be told.
    left.retain(|_, count| *count > 0);
    assert_eq!(left.values().sum::<u64>(), HUNG_UP as u64, "{left:?}");
    let possible = |model: &str, end: &str| match model {
        "cifar10" => ["success", "cancelled", "overloaded"].contains(&end),
        // A client that leaves before its body has come is counted without a model.
        model => (model, end) == ("unknown", "cancelled"),
    };
    assert!(left.keys().all(|(model, end)| possible(model, end)), "{left:?}");
    assert!(left.keys().any(|(_, end)| end == "cancelled"), "no client was missed: {left:?}");
}

fn of_clients(outcomes: &[ShotOutcome]) -> Ends {
    let mut ends = Ends::new();
    for ShotOutcome { shot, answer, .. } in outcomes {
        let answer = answer.as_ref().unwrap_or_else(|failure| panic!("{failure:?} to {shot:?}"));
        let (model, items) = shot.request_id.split_once('-').unwrap();
        let items = items.split_once('-').unwrap().0.parse::<u64>().unwrap();
        let code = answer.json()["code"].as_str().map(str::to_owned);
        let (model, end, items) = match (answer.status, code) {
            (200, _) => (model, "success".to_owned(), items),
            (_, Some(code)) if code == "deadline_exceeded" => ("any", code, items),
            // Refused before its items, or its model, were known.
            (_, Some(code)) if ["too_large", "invalid_request", "unsupported_media_type"].contains(&&*code) => {
                (model, code, 1)
            }
            (_, Some(code)) => (model, code, items),
            (status, None) => panic!("{status} without a code: {}", answer.text()),
        };
        *ends.entry((model.to_owned(), end)).or_default() += items;
    }
    ends
}

fn of_metrics(metrics: &Metrics) -> Ends {
    let mut ends = Ends::new();
    for model in ["cifar10", "surface", "unknown"] {
        let errors = metrics.counts_by("prediction_errors_total", &[("model", model)], "error_type");
        let failed = metrics.count("predictions_total", &[("model", model), ("status", "error")]);
        assert_eq!(errors.values().sum::<u64>(), failed, "{model}");
        let succeeded = metrics.count("predictions_total", &[("model", model), ("status", "success")]);
        let all = errors.into_iter().chain([("success".to_owned(), succeeded)]).filter(|(_, count)| *count > 0);
        ends.extend(all.map(|(end, count)| ((model.to_owned(), end), count)));
    }
    ends
}

async fn of_lines(service: &Service) -> Ends {
    let mut ends = Ends::new();
    for line in service.log_lines().await {
        let end = match line["message"].as_str() {
            Some("prediction_completed") => "success",
            Some("prediction_failed") => line["error_type"].as_str().unwrap(),
            _ => continue,
        };
        let of_end = ends.entry((line["model"].as_str().unwrap().to_owned(), end.to_owned())).or_default();
        *of_end += line["items"].as_u64().unwrap();
    }
    ends
}

/// The request of this number. Its id says which model counts it, and how many items it has.
fn shot(number: usize, examples: &[Vec<Picture>; 2]) -> Shot {
    let which = number % 2;
    let (model, other) = ([("cifar10"), ("surface")][which], number / 2 % examples[which].len());
    let picture = &examples[which][other];
    let encoded = BASE64_STANDARD.encode(&picture.bytes);
    let json = |body: Value| Shot::new("/predict", "application/json", body.to_string());
    let images = |items: usize| json(json!({ "model": model, "images": vec![encoded.as_str(); items] }));
    let infer = |model: &str, datatype: &str| {
        let input = json!({ "name": "input", "shape": [1], "datatype": datatype, "data": [encoded] });
        let path = format!("/v2/models/{model}/infer");
        Shot::new(path, "application/json", json!({ "inputs": [input] }).to_string())
    };
    let (counted, items, shot) = match number % 17 {
        0..5 => (model, BATCH, images(BATCH)),
        5 => (model, 17, images(17)),
        6 => (model, 1, Shot::new(format!("/predict?model={model}"), "image/png", "no picture")),
        7 => ("unknown", 1, Shot::picture("elephant", picture)),
        8 => ("unknown", 1, Shot::new("/predict", "application/json", "{")),
        9 => ("unknown", 1, Shot::new("/predict", "text/plain", "hello")),
        10 => (model, 1, infer(model, "BYTES")),
        11 => ("unknown", 1, infer("elephant", "BYTES")),
        12..14 => (model, 1, Shot::picture(model, picture).within(Duration::from_millis(1))),
        _ => (model, 1, Shot::picture(model, picture)),
    };
    Shot { request_id: format!("{counted}-{items}-{number}"), ..shot }
}

/// Clients that leave when their request is being handled, every other one before its body.
fn hang_up(address: SocketAddr, picture: &Picture) {
    let (content_type, length) = (picture.content_type, picture.bytes.len());
    // The service asks for the body when it wants to read it.
    let head = format!(
        "POST /predict?model=cifar10 HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\n\
         content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    for number in 0..HUNG_UP {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        if number % 2 == 0 {
            stream.write_all(&picture.bytes).unwrap();
        }
    }
}
