//! The description of the service says what is there, and its examples work.

use crate::description::{assert_complete, examples};
use crate::service::fresh;
use crate::store_support::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_tells_of_every_route_and_of_no_other() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let document = service.get("/openapi.json").await.json();
    assert_complete(&document, &service.get("/metrics").await.text);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered() {
    let fixture = Fixture::sqlite();
    let service = fresh(&fixture, &[]).await;
    let mut examples = examples(&service.get("/openapi.json").await.json());
    // The others are about the predictions of this one.
    examples.sort_by_key(|example| example.path != "/log");
    assert!(examples.iter().filter(|example| example.body.is_some()).count() >= 8, "{examples:?}");
    for example in examples {
        let answer = service.ask(&example.method, &example.path, example.body.clone()).await;
        let content_type = answer.header("content-type").unwrap().split(';').next().unwrap();
        assert!(answer.status == 200 && example.answers.iter().any(|it| it == content_type), "{example:?}: {answer:?}");
    }
    service.stop().await;
}
