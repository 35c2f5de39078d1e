//! Answers that nobody reads.

use testkit::{Service, alone};

use super::attackers::Attack;
use super::besieged::Besieged;

#[tokio::test(flavor = "multi_thread")]
async fn exports_that_nobody_reads() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log whose exports nobody reads").await else { return };
    fill(&besieged.service).await;
    let attacks = ["ndjson", "csv", "parquet"].map(|format| Attack::unread(&format!("/export?format={format}")));
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 60).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_metrics_and_descriptions_that_nobody_reads() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log whose answers nobody reads").await else { return };
    fill(&besieged.service).await;
    let attacks =
        ["/predictions?limit=1000", "/metrics", "/openapi.json", "/docs/swagger-ui-bundle.js"].map(Attack::unread);
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 300).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_predictions_that_nobody_reads() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service whose answers nobody reads").await else { return };
    let attacks = ["/metrics", "/openapi.json", "/docs/swagger-ui-bundle.js"].map(Attack::unread);
    besieged.withstands(async |service| Attack::all(&attacks, service.address, 300).await).await;
}

/// Stores rows of two kilobytes each.
pub(super) async fn fill(service: &Service) {
    let top = format!(r#"{{"label":"{}","confidence":0.1}}"#, "x".repeat(250));
    for batch in 0..3 {
        let record = |row: usize| {
            format!(
                r#"{{"model":"m","label":"a","confidence":0.5,"request_id":"{batch}-{row}","top":[{}]}}"#,
                [&top[..]; 6].join(",")
            )
        };
        let lines: Vec<String> = (0..6000).map(record).collect();
        let answer = service.post("/log", "application/x-ndjson", lines.join("\n")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
