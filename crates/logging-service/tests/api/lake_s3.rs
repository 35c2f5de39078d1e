//! A lake in a bucket: moto, from PyPI, is S3.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use logging_service::command;
use logging_service::config::{Config, DatabaseCommand};
use serde_json::{Value, json};
use testkit::pypi;

use crate::lake::days_ago;
use crate::service::RunningService;
use crate::store_support::Fixture;

const MOTO: [pypi::Package; 3] = [("moto", "5.2.5"), ("flask", "3.1.3"), ("flask-cors", "6.0.5")];
/// Makes the bucket, or prints its keys.
const BUCKET: &str = "
import boto3, sys
s3 = boto3.client('s3', endpoint_url=sys.argv[1], aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')
if sys.argv[2] == 'make':
    s3.create_bucket(Bucket='the-bucket')
elif sys.argv[2] == 'damage':
    s3.put_object(Bucket='the-bucket', Key=sys.argv[3], Body=b'PAR1')
for found in s3.list_objects_v2(Bucket='the-bucket').get('Contents', []):
    print(found['Key'])
";

/// A server that stands for S3, until it is dropped.
pub(crate) struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    pub(crate) async fn start() -> Option<Self> {
        let program = pypi::program(&MOTO, "moto_server", "a lake in S3")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        monitoring::use_ring();
        let moto = Self { child, url: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while reqwest::get(&moto.url).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "moto does not answer");
        }
        moto.bucket(&["make"]);
        Some(moto)
    }

    /// Its address and port.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// Does something with the bucket, and gives its keys.
    fn bucket(&self, arguments: &[&str]) -> Vec<String> {
        let python = pypi::python(&MOTO, "a lake in S3").unwrap();
        let output = Command::new(python).args(["-c", BUCKET, &self.url]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_days_go_to_a_bucket_and_are_exported_from_there() {
    let Some(moto) = Moto::start().await else { return };
    let fixture = Fixture::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings");
    let lines = format!(
        "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nAWS_REGION=us-east-1\nAWS_ALLOW_HTTP=true\nAWS_ENDPOINT={}\n",
        moto.url
    );
    std::fs::write(&settings, lines).unwrap();
    let flags = [
        "--lake",
        "s3://the-bucket/a/prefix",
        "--lake-settings-file",
        settings.to_str().unwrap(),
        "--retention-days",
        "30",
        "--evaluate-seconds",
        "0.05",
    ];
    let service = RunningService::start(&fixture, &flags).await;
    // Four kilobytes each that hardly shrink, so that the file goes up in parts.
    let row = |i: i64| {
        let padding: String = std::iter::repeat_with(fastrand::alphanumeric).take(4000).collect();
        json!({ "model": "m", "label": "x", "occurred_at": days_ago(60, -i / 100), "request_id": i.to_string(), "padding": padding })
    };
    for part in 0..12 {
        service.store(&(0..500).map(|i| row(part * 500 + i)).collect::<Vec<_>>()).await;
    }
    service.store(&[json!({ "model": "m", "label": "x" })]).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("the old rows are gone", |m| m.get(deleted) == 6000.0).await;
    let export = service.get("/export?request_id=7").await.text;
    assert_eq!(serde_json::from_str::<Value>(&export).unwrap()["request_id"], "7");
    assert_eq!(service.get("/export").await.text.lines().count(), 6001);
    service.stop().await;

    let keys = moto.bucket(&["list"]);
    assert!(keys.iter().all(|key| key.starts_with("a/prefix/")), "{keys:?}");
    let verify = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        let output = program.args(["--database", &fixture.flag()]).args(&flags[..4]).args(["lake", "verify"]).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_sound, printed) = verify();
    assert!(is_sound && printed.ends_with("with 6000 rows read, 0 problems\n"), "{printed}");
    let file = keys.iter().find(|key| key.ends_with(".parquet")).unwrap();
    moto.bucket(&["damage", file]);
    moto.bucket(&["damage", &format!("{file}-stray.parquet")]);
    let (is_sound, printed) = verify();
    assert!(!is_sound && printed.contains("another content") && printed.contains("named by no manifest"), "{printed}");
}

/// What a person sees of a lake, and that nothing can be asked about none.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_writes_says_and_verifies() {
    let fixture = Fixture::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let service = RunningService::start(&fixture, &[]).await;
    let old = (0..10).map(|i| json!({ "model": "m", "label": "x", "occurred_at": days_ago(60, -i) }));
    service.store(&old.collect::<Vec<_>>()).await;
    service.stop().await;
    let url = format!("file://{}", folder.path().display());
    let run = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        let output = program.args(["--database", &fixture.flag()]).args(arguments).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (is_done, printed) = run(&["--lake", &url, "lake", "write"]);
    assert!(is_done && printed.starts_with("10 rows and "), "{printed}");
    let (is_done, printed) = run(&["--lake", &url, "lake", "status"]);
    assert!(is_done && printed.ends_with("1 days, 10 rows, 0 labels\n"), "{printed}");
    let (is_done, printed) = run(&["--lake", &url, "lake", "verify"]);
    assert_eq!((is_done, printed.as_str()), (true, "1 files with 10 rows read, 0 problems\n"));
    let config = Config::try_parse_from(["logging-service", "--database", &fixture.flag(), "lake", "status"]).unwrap();
    let Some(DatabaseCommand::Lake(_)) = &config.command else { panic!("{config:?}") };
    let outcome = tokio::task::spawn_blocking(move || command::run(config.command.as_ref().unwrap(), &config)).await;
    assert_eq!(format!("{:?}", outcome.unwrap()), format!("{:?}", anyhow::Ok(std::process::ExitCode::FAILURE)));
}
