//! What PostgreSQL alone can do, or suffer: several programs on one database, a server that goes away, partitions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod store_support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{Timestamp, ToSpan};
use logging_service::store::{DatabaseUrl, Store, StoreError};
use postgres::{Client, NoTls};
use prediction_record::PredictionRecord;
use store_support::{Fixture, Server, Witness, apart, assert_server_holds, id, is_unavailable, record, records, start};
use uuid::{NoContext, Uuid};

/// The URL of a database that is new; nothing where the test is to be skipped.
fn database() -> Option<String> {
    match Fixture::postgres()? {
        Fixture::Postgres(url) => Some(url),
        Fixture::Sqlite(_) => None,
    }
}

fn server_url(url: &str) -> DatabaseUrl {
    url.parse().unwrap()
}

fn execute(url: &str, sql: &str) {
    apart(|| Client::connect(url, NoTls).unwrap().batch_execute(sql).unwrap());
}

/// The first column of each row, as text.
fn ask(url: &str, sql: &str) -> Vec<String> {
    apart(|| {
        let messages = Client::connect(url, NoTls).unwrap().simple_query(sql).unwrap();
        let first = |message: &postgres::SimpleQueryMessage| match message {
            postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        };
        messages.iter().filter_map(first).collect()
    })
}

/// Submits until the store accepts, as a client that retries does.
async fn submit_until_accepted(store: &Store, witness: &Witness, records: &[PredictionRecord]) -> u64 {
    loop {
        let changes = witness.told().availability.len();
        match store.submit(records.to_vec()).await {
            Ok(accepted) => return accepted.accepted,
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
        witness.until(|told| told.availability.last() == Some(&true) || told.availability.len() > changes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_share_a_database_and_everything_is_stored_once() {
    let Some(url) = database() else { return };
    // Both begin on an empty database, so they also meet while they make the tables.
    let other_url = url.clone();
    let other = tokio::task::spawn_blocking(move || start(server_url(&other_url)));
    let stores = [start(server_url(&url)), other.await.unwrap()];
    let shared: Vec<Vec<PredictionRecord>> = (0..30).map(|_| records(20)).collect();
    let mut tasks = Vec::new();
    for (number, (store, witness)) in stores.iter().enumerate() {
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
    for (store, witness) in &stores {
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
    let counted = per_model("SELECT model || ' ' || (CAST(counts AS json) ->> 'n') FROM window_counts");
    assert_eq!(rows, counted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_under_load_loses_nothing_that_was_acknowledged() {
    let Some(mut server) = apart(Server::own) else { return };
    let name = apart(|| server.database());
    let url = server.url(&name);
    let (store, witness) = start(server_url(&url));
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = Vec::new();
    for caller in 1..=4usize {
        let (store, stop, witness) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&witness));
        callers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let rows = records(caller * 7);
                submit_until_accepted(&store, &witness, &rows).await;
                acknowledged.extend(rows.iter().map(id));
            }
            acknowledged
        }));
    }
    for round in 1..=3 {
        let commits = witness.told().commits.len();
        witness.until(|told| told.commits.len() > commits + 20).await;
        apart(|| server.crash());
        witness.until(|told| told.availability.len() == 2 * round).await;
        assert!(!store.is_available());
        assert!(is_unavailable(&store.submit(records(1)).await));
        assert!(is_unavailable(&store.count().await));
        apart(|| server.run());
        witness.until(|told| told.availability.len() == 2 * round + 1).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(caller.await.unwrap());
    }
    assert_eq!(witness.told().availability, [true, false, true, false, true, false, true]);
    assert_server_holds(&url, &acknowledged);
    // Rows and counts were committed together, whatever was open when the server went.
    let counted = "SELECT sum(CAST(CAST(counts AS json) ->> 'n' AS bigint)) FROM window_counts";
    assert_eq!(ask(&url, counted), ask(&url, "SELECT count(*) FROM predictions"));
    store.close().await;
    apart(move || drop(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_waits_for_a_server_that_is_not_there_yet() {
    let Some(mut server) = apart(Server::own) else { return };
    let name = apart(|| server.database());
    let url = server.url(&name);
    apart(|| server.crash());
    let (store, witness) = start(server_url(&url));
    assert_eq!(witness.told().availability, [false]);
    assert!(is_unavailable(&store.submit(records(1)).await));
    assert!(is_unavailable(&store.get(Uuid::nil()).await));
    apart(|| server.run());
    witness.until_availability_told(2).await;
    let rows = records(3);
    store.submit(rows.clone()).await.unwrap();
    assert_server_holds(&url, &rows.iter().map(id).collect::<Vec<_>>());
    store.close().await;
    apart(move || drop(server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_turns_read_only_is_noticed_without_traffic() {
    let Some(url) = database() else { return };
    let name = url.rsplit_once('/').unwrap().1;
    let (store, witness) = start(server_url(&url));
    let end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // As after a failover: the old address leads to a server that only answers.
    execute(&url, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on; {end_sessions}"));
    witness.until_availability_told(2).await;
    assert!(is_unavailable(&store.submit(records(1)).await));
    let elsewhere = url.replace(name, "postgres");
    execute(&elsewhere, &format!("ALTER DATABASE {name} RESET ALL"));
    witness.until_availability_told(3).await;
    assert_eq!(witness.told().availability, [true, false, true]);
    store.submit(records(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_lie_in_the_partition_of_their_ids_day_and_empty_past_ones_go() {
    let Some(url) = database() else { return };
    let (store, _) = start(server_url(&url));
    let now = Timestamp::now();
    let partition = |time: Timestamp| format!("predictions_p{}", time.strftime("%Y%m%d"));
    let with_id = |event_id: Uuid| PredictionRecord { event_id: Some(event_id), ..record("m") };
    let made_at =
        |time: Timestamp| Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, time.as_second().unsigned_abs(), 0));
    let (tomorrow, long_ago, far) = (now + 24.hours(), now - 2400.hours(), now + 2400.hours());
    let random = Uuid::from_u128(0xffff_ffff_ffff_4fff_8fff_ffff_ffff_ffff);
    for (event_id, expected) in [
        (Uuid::now_v7(), partition(now)),
        (made_at(tomorrow), partition(tomorrow)),
        (made_at(long_ago), "predictions_default".to_owned()),
        (made_at(far), "predictions_default".to_owned()),
        (random, "predictions_default".to_owned()),
    ] {
        assert_eq!(store.submit(vec![with_id(event_id)]).await.unwrap().accepted, 1);
        assert_eq!(store.submit(vec![with_id(event_id)]).await.unwrap().duplicates, 1);
        let found = ask(&url, &format!("SELECT tableoid::regclass FROM predictions WHERE event_id = '{event_id}'"));
        assert_eq!(found, [expected]);
    }
    store.close().await;

    // Tomorrow's partition is missing and its row lies in the default one, as after a stop of a day; and a past day's is empty.
    let (lost, past) = (partition(tomorrow), "predictions_p20200101");
    execute(
        &url,
        &format!(
            "BEGIN; ALTER TABLE predictions DETACH PARTITION {lost};
             INSERT INTO predictions OVERRIDING SYSTEM VALUE SELECT * FROM {lost}; DROP TABLE {lost};
             CREATE TABLE {past} PARTITION OF predictions
                 FOR VALUES FROM ('016f5e66-e800-0000-0000-000000000000') TO ('016f638d-4400-0000-0000-000000000000');
             COMMIT"
        ),
    );
    let partitions = "SELECT relid::regclass FROM pg_partition_tree('predictions') WHERE isleaf";
    assert!(ask(&url, partitions).contains(&past.to_owned()));
    let (store, _) = start(server_url(&url));
    assert_eq!(ask(&url, &format!("SELECT count(*) FROM {lost}")), ["1"], "the row moved");
    assert!(!ask(&url, partitions).contains(&past.to_owned()));
    assert_eq!(store.count().await.unwrap(), 5);
    assert_eq!(
        ask(&url, "SELECT count(*) FROM predictions_readable WHERE occurred_at > now() - interval '1 hour'"),
        ["5"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_refused_untouched_and_an_old_one_keeps_its_rows() {
    let Some(url) = database() else { return };
    let rows = records(3);
    for expected in [3, 0] {
        let (store, _) = start(server_url(&url));
        assert_eq!(store.submit(rows.clone()).await.unwrap().accepted, expected);
        store.close().await;
    }
    execute(&url, "UPDATE glasshouse_schema SET version = 99");
    let (store, witness) = start(server_url(&url));
    let error = store.submit(records(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
    assert_eq!(witness.told().availability, [false]);
    assert_eq!(ask(&url, "SELECT version FROM glasshouse_schema"), ["99"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_the_server_cannot_hold_is_the_records_fault_alone() {
    let Some(url) = database() else { return };
    let (store, witness) = start(server_url(&url));
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
    let (store, witness) = start(url.clone());
    let error = store.submit(records(1)).await.unwrap_err();
    let read = store.count().await.unwrap_err();
    let shown = format!("{url} {url:?} {error} {error:?} {read} {:?}", witness.told());
    assert!(!shown.contains("the-secret"), "{shown}");
    assert!(url.to_string().contains("ann@127.0.0.1:1/log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_found_by_their_index() {
    let Some(url) = database() else { return };
    let (store, _) = start(server_url(&url));
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
    let Some((server, port, authority)) = apart(Server::encrypted) else { return };
    let authority = authority.display();
    let trusting = format!("postgres://postgres@localhost:{port}/postgres?sslmode=require&sslrootcert={authority}");
    let (store, witness) = start(server_url(&trusting));
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
        let (store, _) = start(server_url(&refused));
        assert!(is_unavailable(&store.submit(records(1)).await), "{why}");
        assert!(is_unavailable(&store.count().await), "{why}");
    }
    apart(move || drop(server));
}

const KILLED_DATABASE: &str = "GLASSHOUSE_KILL_TEST_DATABASE";

/// Writes until it is killed, and prints each id when it is acknowledged.
#[test]
#[ignore = "the child process of the test below"]
fn child_that_writes_until_it_is_killed() {
    let url = std::env::var(KILLED_DATABASE).expect("run by the test below only");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (store, _) = start(server_url(&url));
        loop {
            let rows = records(11);
            store.submit(rows.clone()).await.unwrap();
            let lines: String = rows.iter().map(|row| format!("ack {}\n", id(row))).collect();
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).unwrap();
        }
    });
}

#[test]
fn every_acknowledged_row_survives_kills_of_the_program() {
    let Some(url) = database() else { return };
    let mut acknowledged: Vec<Uuid> = Vec::new();
    for wanted in [1, 200, 1000, 50, 500] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(KILLED_DATABASE, &url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut left = wanted;
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // After the kill, what is still in the pipe was acknowledged too. A line cut short was not printed whole.
        while stdout.read_line(&mut line).unwrap() > 0 {
            if let Some(id) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("ack ")) {
                acknowledged.push(id.parse().unwrap());
                left -= 1;
                if left == 0 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        child.wait().unwrap();
        assert!(left <= 0, "the child ended by itself");
        assert_server_holds(&url, &acknowledged);
    }
    let counted = "SELECT sum(CAST(CAST(counts AS json) ->> 'n' AS bigint)) FROM window_counts";
    assert_eq!(ask(&url, counted), ask(&url, "SELECT count(*) FROM predictions"));
}
