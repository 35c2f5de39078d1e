//! Both services with a database of either engine, and what is killed of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tempfile::TempDir;
use testkit::{Cgroup, Database, Launch, PostgresServer, Service, Signal, free_address};

/// How long a service may take to stop, as Kubernetes gives it: answers that nobody reads have half a minute of it.
const STOP_PATIENCE: Duration = Duration::from_secs(45);
/// How long after a start what was interrupted may show: pauses before the next attempt, connections made anew.
const AFTERMATH: Duration = Duration::from_secs(6);

/// The memory that the services are shipped with, in bytes.
const INFERENCE_BYTES: u64 = 1 << 30;
const LOGGING_BYTES: u64 = 512 << 20;

/// What stores the predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StormEngine {
    Sqlite,
    Postgres,
}

/// What is done to the services and their database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    KillInference,
    KillLogging,
    KillDatabase,
    RestartInference,
    RestartLogging,
}

/// A fault, and from when to when its traces are excused.
#[derive(Clone, Copy, Debug)]
pub(super) struct FaultDone {
    pub(super) fault: Fault,
    pub(super) from: Instant,
    pub(super) until: Instant,
}

/// The services at work.
pub(super) struct Scene {
    pub(super) engine: StormEngine,
    pub(super) inference: Service,
    pub(super) logging: Service,
    pub(super) grpc: SocketAddr,
    inference_again: Launch,
    logging_again: Launch,
    database: PathBuf,
    server: Option<PostgresServer>,
    /// Of either service, where the system lets them be made.
    groups: Option<[Cgroup; 2]>,
    _folder: TempDir,
}

/// All rows, all events, how many rows tell of the success of each request, and how many labels there are for it.
pub(super) struct StoredCounts {
    pub(super) rows: u64,
    pub(super) events: u64,
    pub(super) by_request: HashMap<String, u64>,
    pub(super) labels: HashMap<String, u64>,
}

impl Fault {
    /// The faults that an engine can have.
    pub(super) fn of(engine: StormEngine) -> &'static [Self] {
        let all =
            &[Self::KillInference, Self::KillLogging, Self::RestartInference, Self::RestartLogging, Self::KillDatabase];
        if engine == StormEngine::Postgres { all } else { &all[..all.len() - 1] }
    }

    /// Whether the inference service goes.
    pub(super) fn is_of_inference(self) -> bool {
        matches!(self, Self::KillInference | Self::RestartInference)
    }
}

impl Scene {
    /// Starts everything; `None` where there is no PostgreSQL.
    pub(super) async fn start(engine: StormEngine) -> Option<Self> {
        let folder = TempDir::new().expect("a scratch folder");
        let database = folder.path().join("predictions.db");
        let server = match engine {
            StormEngine::Sqlite => None,
            StormEngine::Postgres => {
                let settings = ["max_connections=100", "shared_buffers=64MB"];
                Some(PostgresServer::start(&folder.path().join("server"), &settings, "a storm on PostgreSQL")?)
            }
        };
        let (address, grpc) = (free_address(), free_address());
        let quiet = ("RUST_LOG", "warn,[]=info");
        let groups = groups();
        let logging = Launch::logging(&database).listen(address).environment(quiet.0, quiet.1);
        let logging_again = match &server {
            Some(server) => logging.flag("--database=", server.url("postgres")),
            None => logging,
        };
        let inference_again = Launch::inference_logging_to(address)
            .listen(free_address())
            .environment(quiet.0, quiet.1)
            .flag("--grpc-listen=", grpc.to_string())
            .flag("--spool=", folder.path().join("spool"));
        let (inference_again, logging_again) = match &groups {
            Some([inference, logging]) => (inference_again.within(inference), logging_again.within(logging)),
            None => (inference_again, logging_again),
        };
        let logging = logging_again.start().await;
        let inference = inference_again.start().await;
        let _folder = folder;
        Some(Self {
            engine,
            inference,
            logging,
            grpc,
            inference_again,
            logging_again,
            database,
            server,
            groups,
            _folder,
        })
    }

    /// Does one of the faults by chance, waits until all is well again, and says which it was.
    pub(super) async fn suffer(&mut self, random: &mut Rng) -> FaultDone {
        self.assert_lives();
        let faults = Fault::of(self.engine);
        let (fault, from) = (faults[random.usize(..faults.len())], Instant::now());
        match fault {
            Fault::KillInference => {
                self.inference.crash();
                self.inference = self.inference_again.start().await;
            }
            Fault::RestartInference => {
                self.inference.signal(Signal::TERM);
                self.inference.ends_within(STOP_PATIENCE).await;
                self.inference = self.inference_again.start().await;
            }
            Fault::KillLogging => {
                self.logging.crash();
                self.logging = self.logging_again.start().await;
            }
            Fault::RestartLogging => {
                self.logging.signal(Signal::TERM);
                self.logging.ends_within(STOP_PATIENCE).await;
                self.logging = self.logging_again.start().await;
            }
            Fault::KillDatabase => {
                let server = self.server.as_mut().expect("this engine has a server");
                server.crash();
                server.run();
                assert!(self.logging.becomes_ready().await, "it ended without its database: {}", self.logging.output());
            }
        }
        FaultDone { fault, from, until: Instant::now() + AFTERMATH }
    }

    /// Whether either service has as much memory as it is shipped with, and no more.
    pub(super) fn is_bounded(&self) -> bool {
        self.groups.is_some()
    }

    /// Neither service has ended but by our hand.
    ///
    /// # Panics
    /// If one has.
    pub(super) fn assert_lives(&mut self) {
        for (name, service) in [("inference", &mut self.inference), ("logging", &mut self.logging)] {
            assert!(!service.has_ended(), "the {name} service has ended: {}", tail(&service.output()));
        }
        for group in self.groups.iter().flatten() {
            assert_eq!(group.killed(), 0, "a service had no memory left");
        }
    }

    /// Stops the logging service as it should be stopped, and counts what it has stored.
    pub(super) async fn stored(&mut self) -> StoredCounts {
        self.logging.signal(Signal::TERM);
        assert_eq!(self.logging.ends_within(STOP_PATIENCE).await.code(), Some(0), "{}", tail(&self.logging.output()));
        let Some(server) = &self.server else {
            let database = Database::open(&self.database);
            assert_eq!(database.integrity(), "ok");
            let (by_request, labels) = (database.successes_by_request(), database.labels_by_request());
            return StoredCounts { rows: database.rows(), events: database.distinct_events(), by_request, labels };
        };
        let sums = server.query("SELECT count(*), count(DISTINCT event_id) FROM predictions");
        let number = |text: &String| text.parse::<u64>().expect("a number");
        let counts = |sql: &str| server.query(sql).iter().map(|pair| (pair[0].clone(), number(&pair[1]))).collect();
        StoredCounts {
            rows: number(&sums[0][0]),
            events: number(&sums[0][1]),
            by_request: counts("SELECT request_id, count(*) FROM predictions WHERE status = 'success' GROUP BY 1"),
            labels: counts("SELECT request_id, count(*) FROM labels GROUP BY 1"),
        }
    }
}

/// A control group for each service; `None` where they cannot be made.
fn groups() -> Option<[Cgroup; 2]> {
    let group = |bytes| Cgroup::with_memory(bytes, "a storm on services of the shipped limits of memory");
    Some([group(INFERENCE_BYTES)?, group(LOGGING_BYTES)?])
}

/// The end of what a service wrote.
fn tail(output: &str) -> &str {
    const BYTES: usize = 4_000;
    let mut from = output.len().saturating_sub(BYTES);
    while !output.is_char_boundary(from) {
        from += 1;
    }
    &output[from..]
}
