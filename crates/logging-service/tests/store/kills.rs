//! What was acknowledged survives a kill of the program, on either engine.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use logging_service::store::Store;
use uuid::Uuid;

use crate::postgresql::ask;
use crate::store_support::{Fixture, id, records, start};

const DATABASE: &str = "GLASSHOUSE_KILL_TEST_DATABASE";

/// Writes until it is killed, and prints each id when it is acknowledged.
#[test]
#[ignore = "the child process of the tests below"]
fn child_that_writes_until_it_is_killed() {
    let url = std::env::var(DATABASE).expect("run by the tests below only");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = start(url.parse::<logging_service::store::DatabaseUrl>().unwrap()).store;
        let callers = (1..=8).map(|caller| tokio::spawn(submit_and_print(Arc::clone(&store), caller * 3)));
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
    });
}

async fn submit_and_print(store: Arc<Store>, batch_size: usize) {
    loop {
        let rows = records(batch_size);
        store.submit(rows.clone()).await.unwrap();
        let lines: String = rows.iter().map(|row| format!("ack {}\n", id(row))).collect();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()).unwrap();
    }
}

/// Kills a child after so many acknowledgements, and gives the ids of all.
pub(crate) fn acknowledged_until_killed(fixture: &Fixture, acknowledgements: u64) -> Vec<Uuid> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kills::child_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(DATABASE, fixture.flag())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut left = acknowledgements;
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // After the kill, what is still in the pipe was acknowledged, too. A line cut short was not printed whole.
    while stdout.read_line(&mut line).unwrap() > 0 {
        if let Some(id) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("ack ")) {
            acknowledged.push(id.parse().unwrap());
            left = left.saturating_sub(1);
            if left == 0 {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert_eq!(left, 0, "the child ended by itself");
    acknowledged
}

#[test]
fn every_acknowledged_row_survives_twenty_kills() {
    let fixture = Fixture::sqlite();
    let mut acknowledged: Vec<Uuid> = Vec::new();
    for round in 0..20 {
        // 1 to 5000 acknowledgements; where in a transaction the kill falls is up to chance.
        let random = Uuid::now_v7().as_u128() as u64;
        acknowledged.extend(acknowledged_until_killed(&fixture, random % [10, 500, 5000][round % 3] + 1));
        fixture.assert_holds(acknowledged.iter().copied());
    }
    for span in ["window", "day"] {
        let counted = format!(
            "SELECT sum(counts ->> 'n') FROM (SELECT counts FROM {span}_counts UNION ALL SELECT counts FROM {span}_parts)"
        );
        assert_eq!(fixture.number(&counted), fixture.number("SELECT count(*) FROM predictions"), "{span}");
    }
}

#[test]
fn every_row_acknowledged_by_a_server_survives_kills_of_the_program() {
    let Some(fixture) = Fixture::postgres() else { return };
    let mut acknowledged: Vec<Uuid> = Vec::new();
    for acknowledgements in [1, 200, 1000, 50, 500] {
        acknowledged.extend(acknowledged_until_killed(&fixture, acknowledgements));
        fixture.assert_holds(acknowledged.iter().copied());
    }
    let url = fixture.flag();
    for span in ["window", "day"] {
        let counted = format!(
            "SELECT sum(CAST(CAST(counts AS json) ->> 'n' AS bigint)) FROM
                (SELECT counts FROM {span}_counts UNION ALL SELECT counts FROM {span}_parts) AS counted"
        );
        assert_eq!(ask(&url, &counted), ask(&url, "SELECT count(*) FROM predictions"), "{span}");
    }
}
