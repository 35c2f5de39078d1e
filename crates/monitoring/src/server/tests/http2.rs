//! What clients of HTTP/2 do that want no answer.

use axum::body::Body;

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `GET / HTTP/2`, with names and values from HPACK's own table.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x04, b't', b'e', b's', b't'];

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

async fn serving_http2(deadlines: ConnectionDeadlines) -> SocketAddr {
    let body = async || Body::from(vec![b'x'; 1_000_000]);
    let router = Router::new().route("/", get(body));
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    serving_at("127.0.0.1:0", Protocol::Http2, service, ConnectionLimits { deadlines, ..limits() }).await
}

async fn begun(address: SocketAddr, settings: &[u8]) -> TcpStream {
    connected(address, &[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()).await
}

/// Waits for the end of the connection; what came until then.
async fn end_of(connection: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = timeout(Duration::from_secs(30), connection.read_to_end(&mut bytes));
    let _ = reading.await.expect("the connection is never closed");
    bytes
}

fn hasty() -> ConnectionDeadlines {
    let time = Duration::from_millis(200);
    ConnectionDeadlines { preface: time, idle_http2: time * 2, unread: time, ..ConnectionDeadlines::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_opens_no_stream_is_closed() {
    let address = serving_http2(hasty()).await;
    for begin in [&b""[..], &PREFACE[..10], PREFACE] {
        let mut connection = connected(address, begin).await;
        assert!(end_of(&mut connection).await.is_empty(), "{begin:?}");
    }
    let mut pinging = begun(address, &[]).await;
    let (mut reading, mut writing) = pinging.split();
    let ping = async {
        while writing.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut bytes = Vec::new();
    let closed = async { reading.read_to_end(&mut bytes).await };
    tokio::select! {
        () = ping => {}
        _ = closed => {}
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("pings keep a connection"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_window_ends_its_connection() {
    let address = serving_http2(hasty()).await;
    for window in [0, 1, 70_000] {
        let mut connection = begun(address, &setting(4, window)).await;
        connection.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).await.unwrap();
        let answer = end_of(&mut connection).await;
        assert!(answer.len() < 200_000, "{window}: {}", answer.len());
    }
}

/// Each request that waits for its client keeps a handler in memory.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_their_clients_leave_a_share_to_others() {
    let body = async |body: Body| axum::body::to_bytes(body, 1_000).await.unwrap_or_default();
    let router = Router::new().route("/", axum::routing::post(body));
    let service = RefusingService { router, refusals: HeadRefusals::default() };
    let deadlines =
        ConnectionDeadlines { unread_in_a_crowd: Duration::from_millis(200), ..ConnectionDeadlines::default() };
    let places = ConnectionPlaces { requests: 40, ..limits().places };
    let address = serving_at(
        "127.0.0.1:0",
        Protocol::Http2,
        service,
        ConnectionLimits { deadlines, ..ConnectionLimits::new(places) },
    )
    .await;
    // `POST /` of `test`.
    let post = [&[0x83][..], &GET[1..]].concat();
    let open = |numbers: std::ops::Range<u32>| -> Vec<u8> {
        numbers.flat_map(|number| frame(HEADERS, END_HEADERS, number * 2 + 1, &post)).collect()
    };
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut connection = begun(address, &[]).await;
        connection.write_all(&open(0..30)).await.unwrap();
        waiting.push(connection);
    }
    // The body of none of them comes, so any answer is a refusal: they have more than their share.
    let answered = |connection| timeout(Duration::from_secs(30), next_head(connection));
    answered(waiting.last_mut().unwrap()).await.expect("it has all its requests under way");
    let mut honest = begun(address, &[]).await;
    honest.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &post)).await.unwrap();
    answered(&mut honest).await.expect("no answer");
}

/// Waits for the head of an answer.
async fn next_head(connection: &mut TcpStream) {
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        connection.read_exact(&mut payload).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_the_connection() {
    let address = serving_http2(ConnectionDeadlines::default()).await;
    let resets: Vec<u8> = (0..20_000)
        .flat_map(|number| {
            let stream = number * 2 + 1;
            [frame(HEADERS, END_STREAM | END_HEADERS, stream, GET), frame(RESET, 0, stream, &[0, 0, 0, 8])].concat()
        })
        .collect();
    let mut continuations = frame(HEADERS, END_STREAM, 1, GET);
    // A name and a value that HPACK does not know, again and again.
    let field = [&[0x00, 0x01, b'a', 0x7f, 0x81, 0x00][..], &[b'b'; 256]].concat();
    (0..20_000).for_each(|_| continuations.extend(frame(CONTINUATION, 0, 1, &field)));
    let empty: Vec<u8> = [frame(HEADERS, END_HEADERS, 1, GET), frame(DATA, 0, 1, &[]).repeat(100_000)].concat();
    for (name, flood) in [("resets", resets), ("continuations", continuations), ("empty data", empty)] {
        let connection = begun(address, &[]).await;
        let (mut reading, mut writing) = connection.into_split();
        let sending = tokio::spawn(async move {
            let sent = writing.write_all(&flood).await;
            (sent, writing)
        });
        let mut bytes = Vec::new();
        let ended = timeout(Duration::from_secs(30), reading.read_to_end(&mut bytes)).await;
        assert!(ended.is_ok(), "{name}: the connection goes on");
        drop(sending);
    }
}

/// They cost what reading them costs: no memory, and nobody else's time.
#[tokio::test(flavor = "multi_thread")]
async fn floods_of_settings_and_pings_keep_no_other_client_waiting() {
    let address = serving_http2(ConnectionDeadlines::default()).await;
    let mut floods = Vec::new();
    for frame in [frame(SETTINGS, 0, 0, &setting(4, 1_000_000)), frame(PING, 0, 0, &[1; 8])] {
        let (reading, mut writing) = begun(address, &[]).await.into_split();
        let many = frame.repeat(1_000);
        floods.push((reading, tokio::spawn(async move { while writing.write_all(&many).await.is_ok() {} })));
    }
    for _ in 0..20 {
        let mut connection = begun(address, &setting(4, 2_000_000)).await;
        connection.write_all(&frame(8, 0, 0, &2_000_000_u32.to_be_bytes())).await.unwrap();
        connection.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET)).await.unwrap();
        let mut answer = vec![0; 1_000_000];
        timeout(Duration::from_secs(30), connection.read_exact(&mut answer)).await.expect("no answer").unwrap();
    }
    floods.into_iter().for_each(|(_, flood)| flood.abort());
}
