//! The description of the service says what is there, and its examples work.

use crate::description::{assert_complete, examples};
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::serve;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_tells_of_every_route_and_of_no_other() {
    let service = serve(&shipped(), &[]).await;
    let document = service.get("/openapi.json").await.json();
    let methods = ["GET", "POST"].map(|method| format!("method=\"{method}\""));
    let exposition = service.get("/metrics").await.text;
    assert!(methods.iter().all(|method| exposition.contains(method)));
    assert_complete(&document, &exposition);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered() {
    let service = serve(&shipped(), &[]).await;
    let examples = examples(&service.get("/openapi.json").await.json());
    let bodies = examples.iter().filter(|example| example.body.is_some()).count();
    assert!(bodies >= 3, "{bodies}");
    for example in examples {
        let answer = match (&*example.method, &example.body) {
            ("GET", None) => service.get(&example.path).await,
            ("POST", None) => service.post(&example.path, &Sent::default()).await,
            ("POST", Some((content_type, body))) => {
                service.post(&example.path, &Sent::new(content_type, body.as_str())).await
            }
            _ => panic!("{example:?}"),
        };
        let content_type = answer.header("content-type").unwrap().split(';').next().unwrap();
        assert!(answer.status == 200 && example.answers.iter().any(|it| it == content_type), "{example:?}: {answer:?}");
    }
}
