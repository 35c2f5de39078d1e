//! Questions that read much, many at a time, which nobody waits for.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, hold};

const MOST: usize = 40;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let questions = [
        "/predictions?label=zebra&limit=1000",
        "/predictions?max_confidence=0.0001",
        "/stats?window=168d&interval=1d",
        "/stats",
        "/quality?window=7d",
        "/drift?window=7d",
        "/metrics",
    ];
    let mut held = Vec::new();
    for _ in 0..random.usize(8..=MOST) {
        let question = questions[random.usize(..questions.len())];
        let mut stream = aim.connect(aim.logging, random).await?;
        aim.write(&mut stream, format!("GET {question} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
