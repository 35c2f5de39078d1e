//! Several programs on one database.

use std::collections::BTreeMap;
use std::sync::Arc;

use prediction_record::PredictionRecord;
use uuid::Uuid;

use super::{ask, database, server_url};
use crate::store_support::{StartedStore, assert_server_holds, id, record, records, start, submit_until_accepted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_share_a_database_and_everything_is_stored_once() {
    let Some(url) = database() else { return };
    // Both begin on an empty database, so they also meet while they make the tables.
    let other_url = url.clone();
    let other = tokio::task::spawn_blocking(move || start(server_url(&other_url)));
    let stores = [start(server_url(&url)), other.await.unwrap()];
    let shared: Vec<Vec<PredictionRecord>> = (0..30).map(|_| records(20)).collect();
    let mut tasks = Vec::new();
    for (number, StartedStore { store, witness }) in stores.iter().enumerate() {
        for lane in 0..4 {
            let (store, witness, mut shared) = (Arc::clone(store), Arc::clone(witness), shared.clone());
            // In different orders, so that transactions cross each other.
            if number == 1 {
                shared.reverse();
                shared.iter_mut().for_each(|batch| batch.reverse());
            }
            tasks.push(tokio::spawn(async move {
                let (mut accepted, mut sent) = (0, Vec::new());
                for batch in shared {
                    accepted += submit_until_accepted(&store, &witness, &batch).await;
                    let own = vec![PredictionRecord { model: format!("lane-{lane}"), ..record("") }];
                    accepted += submit_until_accepted(&store, &witness, &own).await;
                    sent.extend(own.iter().map(id));
                }
                (accepted, sent)
            }));
        }
    }
    let (mut accepted, mut sent): (u64, Vec<Uuid>) = (0, shared.iter().flatten().map(id).collect());
    for task in tasks {
        let (lane_accepted, lane_sent) = task.await.unwrap();
        accepted += lane_accepted;
        sent.extend(lane_sent);
    }
    assert_eq!(accepted, sent.len() as u64, "each record was new exactly once");
    assert_server_holds(&url, &sent);
    for StartedStore { store, witness } in &stores {
        assert_eq!(store.count().await.unwrap(), sent.len() as u64);
        assert_eq!(witness.told().availability, [true], "{:?}", witness.told().failures);
    }
    // The counts that each wrote add up to the rows.
    let per_model = |sql: &str| -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for line in ask(&url, sql) {
            let (model, count) = line.rsplit_once(' ').unwrap();
            *sums.entry(model.to_owned()).or_default() += count.parse::<u64>().unwrap();
        }
        sums
    };
    let rows = per_model("SELECT model || ' ' || count(*) FROM predictions GROUP BY model");
    let counted = per_model(
        "SELECT model || ' ' || (CAST(counts AS json) ->> 'n') FROM
            (SELECT model, counts FROM window_counts UNION ALL SELECT model, counts FROM window_parts) AS counted",
    );
    assert_eq!(rows, counted);
}
