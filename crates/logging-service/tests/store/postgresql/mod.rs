//! What PostgreSQL alone can do, or suffer.

mod balancer;
mod cautions;
mod days;
mod failover;
mod grown;
mod hanging;
mod locks;
mod outages;
mod partitions;
mod poolers;
mod sharing;

use logging_service::store::{DatabaseUrl, StoreError};
use postgres::{Client, NoTls, SimpleQueryMessage};
use prediction_record::PredictionRecord;

use crate::store_support::{
    EncryptedServer, Fixture, Server, StartedStore, apart, id, is_unavailable, record, records, start,
};

/// The URL of a database that is new; nothing where the test is to be skipped.
fn database() -> Option<String> {
    Fixture::postgres().map(|fixture| fixture.flag())
}

fn server_url(url: &str) -> DatabaseUrl {
    url.parse().unwrap()
}

fn execute(url: &str, sql: &str) {
    apart(|| Client::connect(url, NoTls).unwrap().batch_execute(sql).unwrap());
}

/// The first column of each row, as text.
pub(crate) fn ask(url: &str, sql: &str) -> Vec<String> {
    apart(|| {
        let messages = Client::connect(url, NoTls).unwrap().simple_query(sql).unwrap();
        let first = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        messages.iter().filter_map(first).collect()
    })
}

/// Every row is counted once, in the windows and in the sums: they were committed together.
fn assert_counted(url: &str) {
    let rows = ask(url, "SELECT count(*) FROM predictions");
    let windows = "SELECT sum(CAST(CAST(counts AS json) ->> 'n' AS bigint)) FROM
        (SELECT counts FROM window_counts UNION ALL SELECT counts FROM window_parts) AS counted";
    let sums = "SELECT sum(predictions) FROM window_stats WHERE length = 300000000";
    assert_eq!([ask(url, windows), ask(url, sums)], [rows.clone(), rows]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_refused_untouched_and_an_old_one_keeps_its_rows() {
    let Some(url) = database() else { return };
    let rows = records(3);
    for expected in [3, 0] {
        let store = start(server_url(&url)).store;
        assert_eq!(store.submit(rows.clone()).await.unwrap().accepted, expected);
        store.close().await;
    }
    execute(&url, "UPDATE glasshouse_schema SET version = 99");
    let StartedStore { store, witness } = start(server_url(&url));
    let error = store.submit(records(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
    assert_eq!(witness.told().availability, [false]);
    assert_eq!(ask(&url, "SELECT version FROM glasshouse_schema"), ["99"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_the_server_cannot_hold_is_the_records_fault_alone() {
    let Some(url) = database() else { return };
    let StartedStore { store, witness } = start(server_url(&url));
    let nul = PredictionRecord { label: Some("a\0b".to_owned()), ..record("m") };
    let long = PredictionRecord { label: Some((0..9000).map(|_| fastrand::alphanumeric()).collect()), ..record("m") };
    for bad in [nul, long] {
        let outcome = store.submit(vec![record("m"), bad]).await;
        assert!(matches!(outcome, Err(StoreError::Refused(_))), "{outcome:?}");
    }
    let escaped = serde_json::from_str(r#"{"note":"a\u0000b"}"#).unwrap();
    let escaped = PredictionRecord { extra: escaped, ..record("m") };
    store.submit(vec![escaped.clone()]).await.unwrap();
    assert_eq!(store.get(id(&escaped)).await.unwrap().unwrap().record.extra, escaped.extra);
    assert_eq!(witness.told().availability, [true]);
    assert_eq!(store.count().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_and_no_form_of_the_url_shows_the_password() {
    let url = server_url("postgres://ann:the-secret@127.0.0.1:1/log?connect_timeout=2");
    let StartedStore { store, witness } = start(url.clone());
    let error = store.submit(records(1)).await.unwrap_err();
    let read = store.count().await.unwrap_err();
    let shown = format!("{url} {url:?} {error} {error:?} {read} {:?}", witness.told());
    assert!(!shown.contains("the-secret"), "{shown}");
    assert!(url.to_string().contains("ann@127.0.0.1:1/log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_found_by_their_index() {
    let Some(url) = database() else { return };
    let store = start(server_url(&url)).store;
    for model in ["b", "a", "B"] {
        store.submit((0..3000).map(|_| record(model)).collect()).await.unwrap();
    }
    assert_eq!(store.models().await.unwrap(), ["B", "a", "b"], "byte by byte, as SQLite does");
    execute(&url, "VACUUM ANALYZE predictions");
    let next = "EXPLAIN SELECT min(model) FROM predictions WHERE model > 'a'";
    let plan = ask(&url, next).join("\n");
    assert!(plan.contains("model_occurred_at_id_idx") && !plan.contains("Seq Scan on predictions_p"), "{plan}");
    let page = "EXPLAIN SELECT * FROM predictions WHERE (occurred_at, id) < (9000000000000000, 5)
                ORDER BY occurred_at DESC, id DESC LIMIT 10";
    let plan = ask(&url, page).join("\n");
    assert!(plan.contains("occurred_at_id_idx") && !plan.contains("Sort  ("), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_connection_is_a_verified_one() {
    let Some(EncryptedServer { server, port, authority }) = apart(Server::encrypted) else { return };
    let authority = authority.display();
    let trusting = format!("postgres://postgres@localhost:{port}/postgres?sslmode=require&sslrootcert={authority}");
    let StartedStore { store, witness } = start(server_url(&trusting));
    assert_eq!(witness.told().availability, [true], "{:?}", witness.told());
    store.submit(records(1)).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 1);
    let sessions = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                    WHERE application_name = 'glasshouse-logging-service'";
    assert_eq!(ask(&server.url("postgres"), sessions), ["t"]);
    store.close().await;
    for (refused, why) in [
        (trusting.replace("localhost", "127.0.0.1"), "not its name"),
        (format!("postgres://postgres@localhost:{port}/postgres?sslmode=require"), "nobody the system trusts"),
        (trusting.replace("ca.crt", "absent.crt"), "no authority"),
    ] {
        let store = start(server_url(&refused)).store;
        assert!(is_unavailable(&store.submit(records(1)).await), "{why}");
        assert!(is_unavailable(&store.count().await), "{why}");
    }
    apart(move || drop(server));
}
