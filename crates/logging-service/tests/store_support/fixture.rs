//! A database of either engine, for tests that hold on both.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use logging_service::store::{DatabasePath, DatabaseUrl};
use postgres::{Client, NoTls};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::server::Server;

/// A database that no other test knows.
pub(crate) enum Fixture {
    /// A file in a folder of its own.
    Sqlite(TempDir),
    /// A database of the server that the tests of this program share.
    Postgres(String),
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A database of the shared server; nothing where PostgreSQL is not installed, and the test is to be skipped.
    pub(crate) fn postgres() -> Option<Self> {
        apart(|| Server::shared().map(|server| Self::Postgres(server.url(&server.database()))))
    }

    /// Another database of the same engine.
    pub(crate) fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::sqlite(),
            Self::Postgres(_) => Self::postgres().unwrap(),
        }
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        match self {
            Self::Sqlite(_) => DatabasePath::from(self.file()).into(),
            Self::Postgres(url) => url.parse().unwrap(),
        }
    }

    /// The value of the flag `--database`.
    pub(crate) fn flag(&self) -> String {
        match self {
            Self::Sqlite(_) => format!("sqlite:{}", self.file().display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The folder of SQLite's database.
    pub(crate) fn folder(&self) -> &TempDir {
        match self {
            Self::Sqlite(folder) => folder,
            Self::Postgres(_) => panic!("PostgreSQL's databases are no files of ours"),
        }
    }

    /// The file of SQLite's database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder().path().join("data/predictions.db")
    }

    /// Keeps the writer waiting until it is dropped, as a shell with an open transaction would.
    pub(crate) fn lock(&self) -> WriteLock {
        match self {
            Self::Sqlite(_) => {
                let connection = Connection::open(self.file()).unwrap();
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                WriteLock::Sqlite { _connection: connection }
            }
            Self::Postgres(url) => WriteLock::postgres(url.clone()),
        }
    }

    /// Executes statements past the store; a file is made if it is not there.
    pub(crate) fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => {
                std::fs::create_dir_all(self.file().parent().unwrap()).unwrap();
                Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
            }
            Self::Postgres(url) => apart(|| Client::connect(url, NoTls).unwrap().batch_execute(sql).unwrap()),
        }
    }

    /// Asks the database past the store for a whole number.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(_) => Connection::open(self.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap(),
            Self::Postgres(url) => {
                apart(|| Client::connect(url, NoTls).unwrap().query_one(sql, &[]).unwrap().get::<_, i64>(0))
            }
        }
    }

    /// Looks into the database past the store: every id is there exactly once, and a file is sound.
    pub(crate) fn assert_holds(&self, ids: impl IntoIterator<Item = Uuid>) {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        match self {
            Self::Sqlite(_) => super::assert_holds(&self.file(), ids),
            Self::Postgres(url) => assert_server_holds(url, &ids),
        }
    }
}

/// Looks into a database of a server past the store: every id is there exactly once.
pub(crate) fn assert_server_holds(url: &str, ids: &[Uuid]) {
    apart(|| {
        let mut client = Client::connect(url, NoTls).unwrap();
        let sql = "SELECT wanted FROM unnest($1::uuid[]) AS wanted
                   WHERE (SELECT count(*) FROM predictions WHERE event_id = wanted) <> 1";
        let wrong: Vec<Uuid> = client.query(sql, &[&ids]).unwrap().iter().map(|row| row.get(0)).collect();
        assert!(wrong.is_empty(), "{wrong:?} absent or there more than once");
    });
}

/// Runs work that blocks, on a thread where that is allowed.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Keeps the writer waiting, see [`Fixture::lock`].
pub(crate) enum WriteLock {
    Sqlite { _connection: Connection },
    Postgres { release: Option<mpsc::Sender<()>>, thread: Option<JoinHandle<()>> },
}

impl WriteLock {
    fn postgres(url: String) -> Self {
        let (release, released) = mpsc::channel();
        let (locked, is_locked) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut client = Client::connect(&url, NoTls).unwrap();
            client
                .batch_execute("BEGIN; LOCK TABLE predictions, window_counts, window_parts IN EXCLUSIVE MODE")
                .unwrap();
            locked.send(()).unwrap();
            let _ = released.recv();
        });
        is_locked.recv().expect("the tables cannot be locked");
        Self::Postgres { release: Some(release), thread: Some(thread) }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if let Self::Postgres { release, thread } = self {
            drop(release.take());
            let _ = thread.take().map(JoinHandle::join);
        }
    }
}

/// Makes a test of each function and each engine: `sqlite::name` and `postgres::name`.
#[allow(unused_macros, reason = "each test program uses a part of it")]
macro_rules! on_each_engine {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::store_support::Fixture::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(fixture) = $crate::store_support::Fixture::postgres() {
                    super::$name(fixture).await;
                }
            })+
        }
    };
}
pub(crate) use on_each_engine;
