//! Decoding that takes long: it ends with its request, and others are answered meanwhile.

use std::io::Cursor;
use std::time::Duration;

use image::{DynamicImage, ImageFormat};

use crate::pictures::cat;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::{Service, serve_logging_to};

const TIMEOUT: &str = "x-request-timeout-ms";
/// Milliseconds that are enough, also for a machine that is busy.
const PATIENT: &str = "600000";

/// Few bytes, and so many thousand times two thousand pixels.
fn dense(format: ImageFormat, thousands: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_luma8(thousands * 1_000, 2_000).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn form(picture: &[u8], count: usize) -> Sent {
    Sent::form(&vec![("image", picture); count])
}

async fn places_are_free(service: &Service) {
    service.metrics_until("no place is taken", |metrics| metrics.get("prediction_queue_depth") == 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_time_is_over_leaves_places_and_decoders() {
    let running = serve_logging_to("", &shipped(), &["--threads", "1"]).await;
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let late = form(&dense(format, 6), 4).query("?model=cifar10").header(TIMEOUT, "50");
        let answer = running.predict(&late).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (504, Some("deadline_exceeded")), "{format:?}");
        places_are_free(&running).await;
        let left = running.prediction(&form(&dense(format, 6), 4).query("?model=cifar10"));
        let left = left.timeout(Duration::from_millis(50)).send().await;
        assert!(left.is_err(), "the client has left");
        places_are_free(&running).await;
        // The one turn for large pictures is free again.
        let one = form(&dense(format, 3), 1).query("?model=cifar10").header(TIMEOUT, PATIENT);
        assert_eq!(running.predict(&one).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_pictures_do_not_wait_for_large_ones() {
    let running = serve_logging_to("", &shipped(), &["--threads", "1"]).await;
    let large = form(&dense(ImageFormat::Png, 6), 4).query("?model=cifar10").header(TIMEOUT, PATIENT);
    let service = Service::at(running.address);
    let decoding = tokio::spawn(async move { service.predict(&large).await.status });
    running.metrics_until("it is decoded", |metrics| metrics.get("prediction_queue_depth") == 4.0).await;
    let mut middle = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(1_200, 900).write_to(&mut middle, ImageFormat::Bmp).unwrap();
    for sent in [Sent::new("image/bmp", middle.into_inner()), Sent::new("image/jpeg", cat())] {
        assert_eq!(running.predict(&sent.query("?model=cifar10")).await.status, 200);
        assert!(!decoding.is_finished(), "the large ones still take their turns");
    }
    assert_eq!(decoding.await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_too_many_pixels_together_are_refused_by_their_heads() {
    let running = serve_logging_to("", &shipped(), &[]).await;
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Jpeg] {
        let answer = running.predict(&form(&dense(format, 16), 7).query("?model=cifar10")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")), "{format:?}");
    }
    // Each claims 2^62 pixels, and a sum of four is more than 64 bits hold.
    let mut claim = dense(ImageFormat::Png, 1);
    claim[16..24].copy_from_slice(&[0x80, 0, 0, 0, 0x80, 0, 0, 0]);
    let answer = running.predict(&form(&claim, 4).query("?model=cifar10")).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
}
