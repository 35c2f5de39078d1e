//! A bucket behind a network that fails by chance, and a service that is killed meanwhile: every row is exported, once.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::lake::{old_rows, rows};
use crate::lake_s3::Moto;
use crate::service::{RunningService, fresh};
use crate::store_support::Fixture;

/// How often the service is killed.
const KILLS: usize = 8;

/// A way to the server on which much goes wrong.
struct BadNetwork {
    address: String,
    faults: Arc<AtomicUsize>,
}

impl BadNetwork {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let faults = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&faults);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, counted) = (server.clone(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let _ = serve(client, &server, &counted).await;
                });
            }
        });
        Self { address, faults }
    }
}

/// Serves one connection, for as long as chance lets it live.
async fn serve(mut client: TcpStream, server: &str, faults: &AtomicUsize) -> std::io::Result<()> {
    let fate = fastrand::u32(0..10);
    let life = Duration::from_millis(fastrand::u64(20..600));
    if fate < 4 {
        faults.fetch_add(1, Ordering::Relaxed);
    }
    let mut piece = vec![0; 1 << 16];
    match fate {
        0 => return Ok(()),
        1 => {
            let _ = client.read(&mut piece).await?;
            return client.write_all(b"HTTP/1.1 500 Broken\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
        _ => {}
    }
    let mut server = TcpStream::connect(server).await?;
    if fate > 3 {
        let _ = tokio::time::timeout(life, copy_bidirectional(&mut client, &mut server)).await;
        return Ok(());
    }
    // The request arrives as a whole and takes place; its answer is lost, or cut short.
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let sending = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let answered = from_server.read(&mut piece).await?;
    if fate == 2 {
        to_client.write_all(&piece[..answered / 2]).await?;
    }
    sending.abort();
    Ok(())
}

/// Flags of a service whose lake is in the bucket, reached at this address.
fn flags(folder: &std::path::Path, address: &str) -> Vec<String> {
    let settings = folder.join(address);
    let keys = "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\nAWS_REGION=us-east-1\nAWS_ALLOW_HTTP=true\n";
    std::fs::write(&settings, format!("{keys}AWS_ENDPOINT=http://{address}\n")).unwrap();
    let settings = settings.to_str().unwrap();
    let retention = ["--retention-days", "30", "--evaluate-seconds", "0.05"];
    let lake = ["--lake", "s3://the-bucket/lake", "--lake-settings-file", settings, "--lake-after-days", "1"];
    lake.into_iter().chain(retention).map(str::to_owned).collect()
}

async fn start(fixture: &Fixture, flags: &[String]) -> RunningService {
    RunningService::start(fixture, &flags.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_exported_once_after_failures_of_the_network_and_kills() {
    let Some(moto) = Moto::start().await else { return };
    let fixture = Fixture::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let service = fresh(&fixture, &[]).await;
    let rows = rows();
    service.store(&rows).await;
    service.store(&[json!({ "model": "m", "label": "x" })]).await;
    service.stop().await;

    let network = BadNetwork::start(moto.address()).await;
    let bad = flags(folder.path(), &network.address);
    for _ in 0..KILLS {
        let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        program.args(["--listen", "127.0.0.1:0", "--database", &fixture.flag()]).args(&bad);
        let mut child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The moment of the kill is chosen by chance; nothing waits for anything here.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(300..1_500))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // As if the two minutes were over for which the lake is a killed program's.
        fixture.execute("UPDATE lake_progress SET held_until = 0");
    }
    let service = start(&fixture, &bad).await;
    let (old, backlog) = (old_rows(&rows) as i64, "logging_lake_last_success_timestamp_seconds");
    service.metrics_until("a turn succeeds", |m| m.get(backlog) > 0.0 && m.get("logging_lake_backlog") == 0.0).await;
    let left = rows.len() as i64 + 1 - old;
    let count = || fixture.number("SELECT count(*) FROM predictions");
    service.metrics_until("the old rows are gone", |_| count() == left).await;
    service.stop().await;
    assert!(network.faults.load(Ordering::Relaxed) > 5, "{:?} faults", network.faults);

    let good = flags(folder.path(), &moto.address());
    let service = start(&fixture, &good).await;
    let export = service.get("/export").await.text;
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event_id"].to_string();
    let found: Vec<String> = export.lines().map(id).collect();
    let sent: BTreeSet<String> = rows.iter().map(|row| row["event_id"].to_string()).collect();
    assert_eq!(found.len(), sent.len() + 1, "each row once");
    assert!(found.into_iter().collect::<BTreeSet<_>>().is_superset(&sent));
    service.stop().await;
    let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
    let program = program.args(["--database", &fixture.flag()]).args(&good[..4]).args(["lake", "verify"]);
    let printed = String::from_utf8(program.output().unwrap().stdout).unwrap();
    assert!(printed.ends_with(&format!("with {old} rows read, 0 problems\n")), "{printed}");
}
