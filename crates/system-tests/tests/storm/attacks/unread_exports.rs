//! Exports that nobody reads.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, SMALL_BUFFER, hold};

const MOST: usize = 48;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let format = ["ndjson", "parquet", "csv"][random.usize(..3)];
    let request = format!("GET /export?format={format} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..random.usize(4..=MOST) {
        let mut stream = aim.connect_with(aim.logging, random, Some(SMALL_BUFFER)).await?;
        aim.write(&mut stream, request.as_bytes()).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
