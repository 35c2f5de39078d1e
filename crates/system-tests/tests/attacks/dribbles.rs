//! Connections on which hardly anything moves: a byte a second of a head, of a body, of an answer, of a frame.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::alone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::besieged::Besieged;

/// Between two bytes.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before a connection that was closed is made again.
const AGAIN: Duration = Duration::from_millis(100);
/// Bytes that the system takes for a client that reads as slowly.
const RECEIVED_UNREAD: u32 = 4096;
/// Connections of each attack.
const CONNECTIONS: usize = 600;
/// Of which each has so many streams, over HTTP/2.
const STREAMS: u32 = 200;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A client that says something at once, and then a little every second.
#[derive(Clone)]
struct Dribble {
    at_once: Vec<u8>,
    /// What follows again and again; nothing where it only reads.
    every_second: Vec<u8>,
    /// Bytes of the answer that it reads each second.
    reads: usize,
}

impl Dribble {
    fn saying(at_once: impl Into<Vec<u8>>, every_second: impl Into<Vec<u8>>) -> Self {
        Self { at_once: at_once.into(), every_second: every_second.into(), reads: 1 }
    }

    /// Goes on for ever, over so many connections for all of these. They are closed when this is dropped.
    async fn all(dribbles: &[Self], address: SocketAddr, connections: usize) {
        let mut clients = JoinSet::new();
        for dribble in dribbles.iter().cycle().take(connections) {
            let dribble = dribble.clone();
            clients.spawn(async move {
                loop {
                    // Whatever ends it, it begins anew.
                    let _ = dribble.once(address).await;
                    sleep(AGAIN).await;
                }
            });
        }
        clients.join_all().await;
    }

    async fn once(&self, address: SocketAddr) -> std::io::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVED_UNREAD)?;
        let mut stream = socket.connect(address).await?;
        stream.write_all(&self.at_once).await?;
        let mut read = vec![0; self.reads];
        loop {
            sleep(PAUSE).await;
            stream.write_all(&self.every_second).await?;
            if let Ok(read) = timeout(PAUSE, stream.read(&mut read)).await
                && read? == 0
            {
                return Ok(());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_a_second_to_and_from_the_log() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log that dribbles attack").await else { return };
    super::answers::fill(&besieged.service).await;
    let body = "POST /log HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 16000000\r\n\r\n";
    let chunks =
        "POST /log HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let probe = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let dribbles = [
        Dribble::saying("POST /log HTTP/1.1\r\nhost: x\r\nx-long: ", "y"),
        Dribble::saying(body, "1"),
        Dribble::saying(format!("{probe}{body}"), "1"),
        Dribble::saying(chunks, "1\r\n1\r\n"),
        Dribble::saying(probe, probe),
        Dribble::saying("GET /export HTTP/1.1\r\nhost: x\r\n\r\n", ""),
        Dribble::saying("GET /predictions?limit=1000 HTTP/1.1\r\nhost: x\r\n\r\n", ""),
    ];
    besieged.withstands(async |service| Dribble::all(&dribbles, service.address, CONNECTIONS).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_a_second_to_and_from_predictions() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that dribbles attack").await else { return };
    let body = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 16000000\r\n\r\n";
    let probe = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let dribbles = [
        Dribble::saying("POST /predict HTTP/1.1\r\nhost: x\r\nx-long: ", "y"),
        Dribble::saying(body, "1"),
        Dribble::saying(format!("{probe}{body}"), "1"),
        Dribble::saying("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n", ""),
        Dribble::saying("GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n", ""),
        Dribble::saying("GET /models HTTP/1.1\r\nhost: x\r\n\r\n", "GET /models HTTP/1.1\r\nhost: x\r\n\r\n"),
    ];
    besieged.withstands(async |service| Dribble::all(&dribbles, service.address, CONNECTIONS).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_over_http2_on_which_hardly_anything_moves() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::inference("a service that dribbled frames attack").await else { return };
    let begin = |settings: &[u8]| [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat();
    let ids = || (0..STREAMS).map(|number| number * 2 + 1);
    // A message of 16,000,000 bytes begins on each stream.
    let message = [&[0][..], &16_000_000_u32.to_be_bytes(), &[b'\n'; 1_000]].concat();
    let half_message =
        |id| [frame(HEADERS, END_HEADERS, id, &call("ModelInfer")), frame(DATA, 0, id, &message)].concat();
    let question = |id| {
        let nothing = frame(DATA, END_STREAM, id, &[0; 5]);
        [frame(HEADERS, END_HEADERS, id, &call("ServerMetadata")), nothing].concat()
    };
    let window = |bytes: u32| [&4_u16.to_be_bytes()[..], &bytes.to_be_bytes()].concat();
    let dribbles = [
        Dribble::saying(
            [begin(&[]), ids().flat_map(half_message).collect()].concat(),
            ids().flat_map(|id| frame(DATA, 0, id, b"\n")).collect::<Vec<_>>(),
        ),
        Dribble::saying(
            [begin(&window(0)), ids().flat_map(question).collect()].concat(),
            ids().flat_map(|id| frame(WINDOW_UPDATE, 0, id, &1_u32.to_be_bytes())).collect::<Vec<_>>(),
        ),
        Dribble::saying(
            [begin(&[]), frame(HEADERS, 0, 1, &call("ModelInfer"))].concat(),
            frame(CONTINUATION, 0, 1, &[0x82]),
        ),
        Dribble::saying(&PREFACE[..10], ""),
    ];
    let attack = async |service: &testkit::Service| Dribble::all(&dribbles, service.grpc_address(), 64).await;
    besieged.withstands(attack).await;
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a call: POST, http, and names and values as they are.
fn call(method: &str) -> Vec<u8> {
    let plain = |name: &str, value: &str| {
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        [&[0][..], &text(name), &text(value)].concat()
    };
    let path = format!("/inference.GRPCInferenceService/{method}");
    let fields = [(":path", &*path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers")];
    let fields = fields.into_iter().flat_map(|(name, value)| plain(name, value));
    [0x83, 0x86].into_iter().chain(fields).collect()
}
