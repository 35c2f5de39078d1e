//! Bodies that arrive damaged, and one that was refused.

use std::fs;

use testkit::{HttpRequest, Launch, alone};

use crate::shelf::{NamedEngine, ScratchRepository, assert_near, cases, numbers};

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_packing_is_a_bad_request_and_nobody_left() {
    let _alone = alone().await;
    let Some(folder) = cases("the bodies among the cases") else { return };
    let service = Launch::inference().start().await;
    let cut = fs::read(folder.join("http/t.gz")).unwrap();
    for coding in ["gzip", "x-gzip", "GZIP"] {
        let request = HttpRequest::post("/predict?model=cifar10", cut.clone())
            .header("content-type", "application/json")
            .header("content-encoding", coding);
        let answer = request.send(service.address).await.unwrap();
        assert_eq!((answer.status, &answer.json()["code"]), (400, &"invalid_request".into()), "{coding}");
    }
    let cancelled = [("error_type", "cancelled")];
    assert_eq!(service.metrics().await.count("prediction_errors_total", &cancelled), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scalar_is_taken_in_the_request_that_brings_it() {
    let _alone = alone().await;
    let what = "the request with a scalar among the cases";
    let Some(folder) = cases(what) else { return };
    let repository = ScratchRepository::new();
    repository.add("scalar", &folder.join("models/scalar_input"), "task = \"raw\"");
    let body = fs::read(folder.join("http/vad.json")).unwrap();
    for engine in NamedEngine::all(what) {
        let service = engine.launch().models(repository.path()).start().await;
        let answer = service.post("/v2/models/scalar/infer", "application/json", body.clone()).await;
        assert_eq!(answer.status, 200, "{}: {}", engine.name, answer.text());
        assert_near(&numbers(&answer.json(), "output"), &[1.599_999], engine.name);
    }
}
