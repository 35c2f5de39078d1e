//! Single bodies that are made to exhaust the service: each is refused clearly, and costs little.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::{Answer, HttpRequest, Launch, Load, Service, Shot, alone, assert_is_refusal, pictures};

use crate::MEGABYTE;
use crate::mutation::random_bytes;

/// More than the service takes of one body.
const TOO_MANY_BYTES: usize = 20_000_000;
const SIDE: u32 = 30_000;

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_claim_to_be_huge_are_refused_by_their_head() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    for (content_type, bytes) in
        [("image/png", huge_png()), ("image/bmp", huge_bmp()), ("image/webp", huge_webp()), ("image/jpeg", huge_jpeg())]
    {
        let answer = service.post("/predict", content_type, bytes).await;
        refused(&answer, 413, "too_large");
    }
    unharmed(&service, 300 * MEGABYTE).await;
}

/// Each is within the limits, and takes 150 MB while it is decoded.
#[tokio::test(flavor = "multi_thread")]
async fn large_pictures_that_come_together_are_decoded_a_few_at_a_time() {
    const TOGETHER: usize = 16;
    let _alone = alone().await;
    let service = Launch::inference().flag("--threads=", "2").start().await;
    let load = Load::closed(TOGETHER).requests(TOGETHER);
    let outcomes = load.run(&service, |_| Shot::new("/predict", "image/bmp", large_bmp(7000))).await;
    for outcome in outcomes {
        assert_eq!(outcome.status(), Some(200), "{:?}", outcome.answer);
    }
    unharmed(&service, 600 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bytes_are_refused_however_they_come() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    for _ in 0..5 {
        refused(&service.post("/predict", "image/png", vec![0; TOO_MANY_BYTES]).await, 413, "too_large");
        let head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\nconnection: close\r\n\
            transfer-encoding: chunked\r\n\r\n";
        let answer = send_raw(&service, &[head, &chunks(TOO_MANY_BYTES)[..]].concat(), AfterSending::Listen);
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"too_large\""), "{answer}");
    }
    unharmed(&service, 300 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unpacks_to_too_much_is_refused() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    let (small, large) = (packed(60), packed(1000));
    for path in ["/predict", "/v2/models/cifar10/infer"] {
        let send = |coding: &str, bomb: &[u8]| {
            let request = HttpRequest::post(path, bomb).header("content-type", "image/png");
            let (request, address) = (request.header("content-encoding", coding), service.address);
            async move { request.send(address).await }
        };
        refused(&send("gzip", &small).await.unwrap(), 413, "too_large");
        refused(&send("deflate", &small).await.unwrap(), 400, "invalid_request");
        refused(&send("br", &small).await.unwrap(), 415, "unsupported_media_type");
        // A client that goes on sending after the refusal may find the connection closed.
        if let Ok(answer) = send("gzip", &large).await {
            refused(&answer, 413, "too_large");
        }
    }
    unharmed(&service, 300 * MEGABYTE).await;
}

/// So many megabytes of zeros, in a thousandth of that.
fn packed(megabytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..megabytes {
        packed.write_all(&[0; 1_000_000]).unwrap();
    }
    packed.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_deep_or_long_is_refused() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    let deep = format!("{}0{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("[0{}]", ",0".repeat(5_000_000));
    for value in [&deep, &long] {
        let body = format!("{{\"model\":\"surface\",\"input\":{value}}}");
        refused(&service.post("/predict", "application/json", body).await, 422, "invalid_input");
    }
    refused(&service.post("/predict", "application/json", deep).await, 400, "invalid_request");
    let inputs = format!("{{\"model\":\"surface\",\"inputs\":{long}}}");
    let answer = service.post("/predict", "application/json", inputs).await;
    assert_is_refusal(&answer);
    assert!([413, 422].contains(&answer.status), "{}", answer.text());
    unharmed(&service, 300 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_http_leave_the_service_alone() {
    let _alone = alone().await;
    let service = Launch::inference().start().await;
    for seed in 0..300 {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let head: &[u8] = match seed % 4 {
            0 => b"",
            1 => b"POST /predict HTTP/1.1\r\n",
            2 => b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\ncontent-length: 20\r\n\r\n",
            _ => b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        };
        let answer = send_raw(&service, &[head, &random_bytes(rng, 3000)].concat(), AfterSending::HangUp);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    unharmed(&service, 300 * MEGABYTE).await;
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_is_refusal(answer);
    assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{}", answer.text());
}

/// It still predicts, and has neither panicked nor taken much memory.
async fn unharmed(service: &Service, most_bytes: u64) {
    let picture = &pictures("cifar10")[0];
    assert_eq!(service.post("/predict", picture.content_type, picture.bytes.clone()).await.status, 200);
    assert_eq!(service.stderr(), "");
    assert!(!service.log().contains("panic"), "it panicked");
    let peak = service.peak_resident_bytes();
    eprintln!("{:.1} MB of memory at most", peak as f64 / MEGABYTE as f64);
    assert!(peak < most_bytes, "{peak} bytes");
}

#[derive(PartialEq)]
enum AfterSending {
    /// Wait for the answer.
    Listen,
    /// Say that nothing more will come, and see whether there is an answer.
    HangUp,
}

/// Writes as far as the service takes it, and reads what it answers.
fn send_raw(service: &Service, bytes: &[u8], then: AfterSending) -> String {
    let mut stream = TcpStream::connect(service.address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answers = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut answer = Vec::new();
        // A reset after the answer leaves what was read.
        let _ = answers.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    // The service may have answered and closed already.
    let _ = stream.write_all(bytes);
    if then == AfterSending::HangUp {
        let _ = stream.shutdown(Shutdown::Write);
    }
    reader.join().unwrap()
}

fn chunks(bytes: usize) -> Vec<u8> {
    const CHUNK: usize = 0x10000;
    let mut body = Vec::new();
    for _ in 0..bytes / CHUNK {
        body.extend(b"10000\r\n");
        body.resize(body.len() + CHUNK, 0);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    body
}

fn huge_png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", vec![0x78, 0x9c, 3, 0, 0, 0, 0, 1]), (b"IEND", Vec::new())] {
        let tagged = [&kind[..], &content].concat();
        png.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        png.extend(&tagged);
        png.extend(crc32(&tagged).to_be_bytes());
    }
    png
}

fn huge_bmp() -> Vec<u8> {
    let mut bmp = b"BM".to_vec();
    bmp.extend([0, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0]);
    bmp.extend([SIDE.to_le_bytes(), SIDE.to_le_bytes()].concat());
    bmp.extend([1, 0, 24, 0]);
    bmp.resize(54 + 100, 0);
    bmp
}

/// A valid one of a single colour, run-length encoded.
fn large_bmp(side: u16) -> Vec<u8> {
    let mut bmp = b"BM".to_vec();
    bmp.extend([0, 0, 0, 0, 0, 0, 0, 0, 58, 0, 0, 0, 40, 0, 0, 0]);
    bmp.extend([u32::from(side).to_le_bytes(), u32::from(side).to_le_bytes()].concat());
    // One plane, 8 bits a pixel, encoding 1 (run lengths), sizes not told, one colour, which follows.
    bmp.extend([1, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 0]);
    for _ in 0..side {
        bmp.extend([255, 0].repeat(usize::from(side / 255)));
        bmp.extend([u8::try_from(side % 255).unwrap(), 0, 0, 0]);
    }
    bmp.extend([0, 1]);
    bmp
}

fn huge_webp() -> Vec<u8> {
    let side = &(SIDE - 1).to_le_bytes()[..3];
    let canvas = [b"VP8X\x0a\0\0\0", &[0; 4][..], side, side].concat();
    // A VP8L frame follows, as large as its 14 bits allow.
    let frame = [&b"VP8L\x0a\0\0\0\x2f\xff\xff\xff\x0f"[..], &[0; 5]].concat();
    let content = [&b"WEBP"[..], &canvas, &frame].concat();
    [b"RIFF", &u32::try_from(content.len()).unwrap().to_le_bytes()[..], &content].concat()
}

/// A real one whose frame header claims another size.
fn huge_jpeg() -> Vec<u8> {
    let pictures = pictures("cifar10");
    let mut jpeg = pictures.into_iter().find(|picture| picture.content_type == "image/jpeg").unwrap().bytes;
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a baseline frame");
    let side = u16::try_from(SIDE).unwrap().to_be_bytes();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[side, side].concat());
    jpeg
}

/// As in the PNG specification, annex D, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
