//! Bodies that arrive damaged.

use std::fs;

use testkit::{HttpRequest, Launch, alone};

use crate::shelf::cases;

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
