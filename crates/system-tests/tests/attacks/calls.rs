//! Calls over gRPC that wait for their client, hundreds of them over each of hundreds of connections.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::{WaitingCalls, alone};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::besieged::Besieged;

const CONNECTIONS: usize = 600;
/// Attackers begin one after the other, as one that has two cores with the service.
const PAUSE: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_do_not_begin() {
    attack("/inference.GRPCInferenceService/ModelInfer", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_window() {
    attack("/inference.GRPCInferenceService/ServerMetadata", true).await;
}

async fn attack(path: &'static str, is_asked: bool) {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that waiting calls attack").await else { return };
    let calls = WaitingCalls { path, calls: 100, is_asked };
    besieged
        .withstands(async |service| {
            let address = service.grpc_address();
            let mut attackers = JoinSet::new();
            for _ in 0..CONNECTIONS {
                attackers.spawn(go_on(address, calls));
                sleep(PAUSE).await;
            }
            attackers.join_all().await;
        })
        .await;
}

/// Makes the calls, and makes them anew when the connection ends.
async fn go_on(address: SocketAddr, calls: WaitingCalls) {
    loop {
        // Whatever ends it, it begins anew.
        let _ = once(address, calls).await;
        sleep(Duration::from_millis(500)).await;
    }
}

async fn once(address: SocketAddr, calls: WaitingCalls) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&calls.bytes()).await?;
    let mut answers = [0; 4096];
    while stream.read(&mut answers).await? > 0 {}
    Ok(())
}
