//! Models that answer an item otherwise when another runs beside it: they never run together.

use serde_json::json;
use testkit::{HttpRequest, alone};

use crate::shelf::{NamedEngine, ScratchRepository, assert_near, cases, infer, numbers, tensor};

const WHAT: &str = "the models that look across a batch";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_depend_on_what_else_is_asked() {
    let _alone = alone().await;
    let Some(folder) = cases(WHAT) else { return };
    let repository = ScratchRepository::new();
    let waits = "task = \"raw\"\n[batching]\nmax_delay_ms = 100\n";
    repository.add("text", &folder.join("models/batch_models/text_int8dyn"), waits);
    for engine in NamedEngine::all(WHAT) {
        let service = engine.launch().models(repository.path()).start().await;
        let right = [-2.569_551, 3.211_939, -3.174_151, -2.229_463];
        let ids = |ids: [i64; 4]| tensor("ids", "INT64", &[1, 4], &json!(ids));
        let alone = infer(&service, "text", &[ids([1, 2, 3, 4])]).await.unwrap();
        assert_near(&numbers(&alone, "y"), &right, engine.name);

        let address = service.address;
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..16 {
            let input = if number % 2 == 0 { ids([1, 2, 3, 4]) } else { ids([0, 0, 0, 0]) };
            let body = json!({"id": number.to_string(), "inputs": [input]}).to_string();
            let request = HttpRequest::post("/v2/models/text/infer", body).header("content-type", "application/json");
            asked.spawn(async move { request.send(address).await.unwrap().json() });
        }
        for answer in asked.join_all().await {
            let is_first = answer["id"].as_str().unwrap().parse::<u32>().unwrap() % 2 == 0;
            let right = if is_first { right } else { [4.987_952, 0.604_600, -1.360_351, -1.209_201] };
            assert_near(&numbers(&answer, "y"), &right, engine.name);
        }
    }
}
