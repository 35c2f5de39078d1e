//! Proves that several of each service are one service: three inference services and three logging services behind HAProxy
//! as shipped, on one PostgreSQL database. Any of them is killed under load, and every prediction that was answered and
//! every record that was acknowledged is there once; three at once make partitions, drop them and lose nothing by it.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{
    Haproxy, Launch, Load, LogBooks, PostgresServer, RunningLoad, Service, Shot, ShotOutcome, Signal, alone,
    free_address, pictures, program, wait_until,
};
use uuid::Uuid;

/// Each of the six once.
const KILLS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(60);
/// The model that the direct clients name.
const MODEL: &str = "direct";
/// Rows that retention is to drop.
const OLD: usize = 4000;

/// The days of four weeks of long ago.
const DAYS: &str =
    "SELECT to_char((now() - days * interval '1 day') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
                    FROM generate_series(60, 87) AS numbers (days)";

/// A server with one database, and how three logging services on it are started.
struct Log {
    server: PostgresServer,
    launches: [Launch; 3],
    addresses: [SocketAddr; 3],
    folder: TempDir,
}

impl Log {
    /// With these flags for each service; `None` where there is no PostgreSQL.
    fn new(flags: &[(&str, &str)]) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let server = PostgresServer::start(&folder.path().join("server"), &[], "replicas on PostgreSQL")?;
        let addresses = [(); 3].map(|()| free_address());
        let launches = addresses.map(|address| {
            let launch = Launch::logging(folder.path()).flag("--database=", server.url("postgres")).listen(address);
            flags.iter().fold(launch, |launch, (name, value)| launch.flag(name, *value))
        });
        Some(Self { server, launches, addresses, folder })
    }

    /// Starts all three at once.
    async fn start(&self) -> [Service; 3] {
        let [one, two, three] = &self.launches;
        tokio::join!(one.start(), two.start(), three.start()).into()
    }

    fn number(&self, sql: &str) -> usize {
        self.server.query(sql)[0][0].parse().unwrap()
    }

    /// Every row is there once, and the windows that are compared with their rows count what is there.
    fn assert_checked(&self) {
        assert_eq!(self.server.query("SELECT count(*) - count(DISTINCT event_id) FROM predictions"), [["0"]]);
        let database = self.server.url("postgres");
        let mut check = Command::new(program("logging-service"));
        let output = check.args(["--database", &database, "check"]).env_clear().output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains(" 0 problems"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_behind_haproxy_answer_and_store_once_whichever_is_killed() {
    let _alone = alone().await;
    // A client may have two connections; all of them come from HAProxy's address.
    let flags = [("--max-connections-per-address=", "2"), ("--proxy-addresses=", "127.0.0.0/8")];
    let Some(log) = Log::new(&flags) else { return };
    let (predictions_at, log_at) = (free_address(), free_address());
    let spools = ["one", "two", "three"].map(|name| log.folder.path().join(name));
    let launches = spools.map(|spool| {
        let launch = Launch::inference_logging_to(log_at).listen(free_address()).flag("--spool=", spool);
        flags.iter().fold(launch, |launch, (name, value)| launch.flag(name, *value))
    });
    let mut logging = log.start().await;
    let [one, two, three] = &launches;
    let mut inference: [Service; 3] = tokio::join!(one.start(), two.start(), three.start()).into();
    let entrances = [("INFERENCE_BIND", predictions_at), ("LOGGING_BIND", log_at)];
    let Some(_haproxy) = balance(entrances, &inference, &logging) else { return };

    let examples = pictures("surface");
    let predicting = Load::open(9, 120.0)
        .start_at(predictions_at, move |number| Shot::picture("surface", &examples[number % examples.len()]));
    let posting = Load::open(12, 100.0).start_at(log_at, records);
    for kill in 0..KILLS {
        let victim = kill / 2 % 3;
        answers_go_on([&predicting, &posting], fastrand::usize(20..60)).await;
        if kill % 2 == 0 {
            logging[victim].crash();
            answers_go_on([&predicting, &posting], 20).await;
            logging[victim] = log.launches[victim].start().await;
        } else {
            inference[victim].crash();
            answers_go_on([&predicting, &posting], 20).await;
            inference[victim] = launches[victim].start().await;
        }
    }
    let (predicted, posted) = (predicting.stop().await, posting.stop().await);
    for service in &inference {
        wait_until("all records are delivered", PATIENCE, async || {
            let books = LogBooks::of(&service.metrics().await);
            assert_eq!(books.dropped, 0);
            books.spooled == 0
        })
        .await;
    }
    assert!(logging.iter().all(|service| service.stderr().is_empty()));
    every_one_served(&logging).await;
    end(logging).await;
    predicted_once(&predicted, &log);
    acknowledged_once(&posted, &log);
    log.assert_checked();
}

fn balance(
    entrances: [(&'static str, SocketAddr); 2],
    inference: &[Service; 3],
    logging: &[Service; 3],
) -> Option<Haproxy> {
    let names = ["INFERENCE_1", "INFERENCE_2", "INFERENCE_3", "LOGGING_1", "LOGGING_2", "LOGGING_3"];
    let services = inference.iter().chain(logging).map(|service| service.address);
    let addresses: Vec<_> = names.into_iter().zip(services).chain(entrances).collect();
    Haproxy::start("services", &addresses, entrances[1].1, "HAProxy in front of replicas")
}

async fn answers_go_on(loads: [&RunningLoad; 2], more: usize) {
    for load in loads {
        let enough = load.answered() + more;
        wait_until("requests are answered", PATIENCE, async || load.answered() >= enough).await;
    }
}

/// Each replica that runs has stored something: HAProxy has left none out.
async fn every_one_served(services: &[Service; 3]) {
    for service in services {
        assert!(service.metrics().await.count("logging_predictions_total", &[]) > 0);
    }
}

async fn end(services: [Service; 3]) {
    for mut service in services {
        service.signal(Signal::TERM);
        assert_eq!(service.ends_within(PATIENCE).await.code(), Some(0), "{}", service.output());
    }
}

fn predicted_once(outcomes: &[ShotOutcome], log: &Log) {
    let rows = log.server.query("SELECT request_id, count(*) FROM predictions WHERE status = 'success' GROUP BY 1");
    let stored: HashMap<&str, &str> = rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    let (mut answered, mut refused) = (0, 0);
    for outcome in outcomes {
        let rows = stored.get(outcome.shot.request_id.as_str()).copied();
        if outcome.status() == Some(200) {
            assert_eq!(rows, Some("1"), "{} was answered", outcome.shot.request_id);
            answered += 1;
        } else {
            // HAProxy's own answers: the replica that had the request is gone.
            assert!(matches!(outcome.status(), Some(502 | 503) | None), "{:?}", outcome.answer);
            assert!(matches!(rows, None | Some("1")), "{rows:?}");
            refused += 1;
        }
    }
    eprintln!("{answered} predictions answered, {refused} not");
    assert!(answered > 20 * refused, "more than a request under way is lost with a replica");
}

fn acknowledged_once(outcomes: &[ShotOutcome], log: &Log) {
    let rows = log.server.query(&format!("SELECT event_id FROM predictions WHERE model = '{MODEL}'"));
    let mut stored: HashMap<Uuid, usize> = HashMap::new();
    for row in rows {
        *stored.entry(row[0].parse().unwrap()).or_default() += 1;
    }
    let (mut acknowledged, mut refused) = (0, 0);
    for outcome in outcomes {
        let ids = event_ids(&outcome.shot);
        let present = ids.iter().filter(|id| stored.contains_key(id)).count();
        if outcome.status() == Some(200) {
            assert_eq!(present, ids.len(), "acknowledged and not there");
            acknowledged += ids.len();
        } else {
            assert!(matches!(outcome.status(), Some(502 | 503) | None), "{:?}", outcome.answer);
            assert!(present == 0 || present == ids.len(), "{present} of {} records are there", ids.len());
            refused += 1;
        }
    }
    eprintln!("{acknowledged} records acknowledged, {refused} requests not");
    assert!(stored.values().all(|count| *count == 1));
    assert!(acknowledged > KILLS * 100);
}

/// A batch of records.
fn records(number: usize) -> Shot {
    let batch: Vec<Value> = (0..=number % 40).map(|_| record(Some(Uuid::now_v7()), None)).collect();
    Shot::new("/log", "application/json", Value::from(batch).to_string())
}

fn record(event_id: Option<Uuid>, occurred_at: Option<&str>) -> Value {
    let mut record = json!({ "model": MODEL, "label": "cat", "confidence": 0.5 });
    if let Some(event_id) = event_id {
        record["event_id"] = json!(event_id);
    }
    if let Some(occurred_at) = occurred_at {
        record["occurred_at"] = json!(occurred_at);
    }
    record
}

fn event_ids(shot: &Shot) -> Vec<Uuid> {
    let records: Vec<Value> = serde_json::from_slice(&shot.body).unwrap();
    records.iter().map(|record| record["event_id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_share_the_upkeep_of_one_log() {
    let _alone = alone().await;
    let flags = [("--retention-days=", "40"), ("--evaluate-seconds=", "0.1")];
    let (Some(log), keeping) = (Log::new(&flags), "until_ms < 1000 * extract(epoch FROM now() - interval '50 days')")
    else {
        return;
    };
    // Rows of four weeks of long ago, whose partitions are made after their first rows.
    let mut before = log.launches[0].clone().flag("--retention-days=", "3000").start().await;
    let days = log.server.query(DAYS);
    let old = |number: usize| record(None, Some(&days[number % days.len()][0]));
    for first in (0..OLD).step_by(500) {
        let batch: Vec<Value> = (first..first + 500).map(old).collect();
        let answer = before.post("/log", "application/json", Value::from(batch).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let partitions = format!("SELECT count(*) FROM prediction_partitions WHERE {keeping}");
    wait_until("the weeks have partitions", PATIENCE, async || log.number(&partitions) >= 4).await;
    before.signal(Signal::TERM);
    before.ends_within(PATIENCE).await;

    let services = log.start().await;
    let loads = log.addresses.map(|address| Load::open(2, 50.0).start_at(address, records));
    wait_until("the weeks are gone", PATIENCE, async || log.number(&partitions) == 0).await;
    let mut posted = Vec::new();
    for load in loads {
        let enough = load.answered() + 20;
        wait_until("records are stored", PATIENCE, async || load.answered() >= enough).await;
        posted.extend(load.stop().await);
    }
    assert!(posted.iter().all(|outcome| outcome.status() == Some(200)), "nobody waits for the upkeep too long");
    let slowest = posted.iter().map(|outcome| outcome.seconds).fold(0.0, f64::max);
    eprintln!("{} requests beside the upkeep, the slowest {slowest} s", posted.len());
    let mut dropped = 0;
    for service in &services {
        dropped += service.metrics().await.count("logging_retention_deleted_total", &[]);
        assert!(!service.log().contains("\"level\":\"ERROR\""), "{}", service.output());
    }
    assert_eq!(dropped, OLD as u64, "each row was counted by the one that dropped it");
    end(services).await;
    acknowledged_once_of_each(&posted, &log);
    log.assert_checked();
}

fn acknowledged_once_of_each(posted: &[ShotOutcome], log: &Log) {
    let records: usize = posted.iter().map(|outcome| event_ids(&outcome.shot).len()).sum();
    assert_eq!(log.number("SELECT count(*) FROM predictions"), records, "what is old is gone, and nothing else");
    assert_eq!(log.number("SELECT sum(predictions) FROM window_stats WHERE length = 300000000"), records + OLD);
}
