//! What clients do with a connection: reuse it, send ahead, ask for heads only.

use crate::pictures::{cat, dot};
use crate::raw::Connection;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::serve;

fn whole(sent: &Sent) -> Vec<u8> {
    let head = sent.head(&format!("content-length: {}\r\n", sent.body.len()));
    [head.as_bytes(), &sent.body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_ahead_are_answered_in_order_on_one_connection() {
    let service = serve(&shipped(), &[]).await;
    let mut connection = Connection::open(&service);
    let requests = [
        (Sent::new("image/jpeg", cat()), 200),
        (Sent::new("image/jpeg", "not a picture"), 422),
        (Sent::new("text/plain", "x"), 415),
        (Sent::new("image/png", dot()).query("?model=nowhere"), 404),
        (Sent::new("image/png", dot()).query("?model=surface"), 200),
    ];
    let mut bytes = Vec::new();
    for (number, (sent, _)) in requests.iter().enumerate() {
        bytes.extend(whole(&sent.clone().header("x-request-id", &format!("ahead-{number}"))));
    }
    connection.send(bytes);
    for (number, (_, status)) in requests.iter().enumerate() {
        let answer = connection.answer(false);
        let expected = format!("ahead-{number}");
        assert_eq!((answer.status, answer.header("x-request-id")), (*status, Some(expected.as_str())));
    }
    // A refusal does not cost the connection.
    connection.send(whole(&Sent::new("image/jpeg", cat())));
    assert_eq!(connection.answer(false).status, 200);
}

/// A body that nobody looks at is read all the same, because the next request stands behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_nothing_does_not_cost_the_connection() {
    let service = serve(&shipped(), &[]).await;
    let mut connection = Connection::open(&service);
    let body = format!("{{{}}}", " ".repeat(400_000));
    let index = format!("POST /v2/repository/index HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
    for _ in 0..2 {
        connection.send(index.as_bytes());
        connection.send(body.as_bytes());
        assert_eq!(connection.answer(false).status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_that_of_the_whole_answer() {
    let service = serve(&shipped(), &[]).await;
    for path in ["/health", "/health/live", "/health/ready", "/models"] {
        let (whole, head) = (service.get(path).await, service.head(path).await);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), Some(whole.text.len().to_string().as_str()), "{path}");
        assert!(head.header("x-request-id").is_some(), "{path}");
    }
    assert_eq!(service.head("/metrics").await.status, 200);
    assert_eq!(service.head("/predict").await.status, 405);
    assert_eq!(service.head("/nowhere").await.status, 404);
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(r#"http_requests_total{method="HEAD",route="/models",status="200"}"#), 1.0);
    assert_eq!(metrics.get(r#"http_requests_total{method="HEAD",route="unmatched",status="404"}"#), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_ends_where_the_client_wants_it_to() {
    let service = serve(&shipped(), &[]).await;
    let old = "GET /models HTTP/1.0\r\n\r\n";
    let polite = "GET /models HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    for request in [old, polite] {
        let mut connection = Connection::open(&service);
        connection.send(request);
        let answer = connection.answer(false);
        assert_eq!(answer.status, 200, "{request}");
        assert_eq!(connection.rest(), b"", "{request}");
    }
    service
        .metrics_until("only the scrape is in flight", |metrics| metrics.get("http_requests_in_flight") == 1.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_are_all_answered() {
    let service = serve(&shipped(), &[]).await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let service = service.service.clone();
        clients.spawn(async move {
            for _ in 0..10 {
                let answer = service.predict(&Sent::new("image/jpeg", cat())).await;
                assert_eq!(answer.json()["predictions"][0]["label"], "cat", "{answer:?}");
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let metrics = service.metrics().await;
    assert_eq!(metrics.get(r#"predictions_total{model="cifar10",status="success"}"#), 80.0);
    assert_eq!(metrics.get(r#"http_requests_total{method="POST",route="/predict",status="200"}"#), 80.0);
    assert_eq!(metrics.get("prediction_queue_depth"), 0.0);
}
