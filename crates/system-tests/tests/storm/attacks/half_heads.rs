//! Heads that do not end, byte after byte, and prefaces of HTTP/2 that stop in the middle.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, hold};

const MOST: usize = 100;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let beginnings: [&[u8]; 4] =
        [b"P", b"POST /predict HTTP/1.1\r\nhost: localhost\r\nx-a: ", b"PRI * HTTP/2.0\r\n\r\nSM", b"\x16\x03\x01\x02"];
    let to = [aim.inference, aim.grpc, aim.logging][random.usize(..3)];
    let beginning = beginnings[random.usize(..beginnings.len())];
    let mut held = Vec::new();
    for _ in 0..random.usize(8..=MOST) {
        let mut stream = aim.connect(to, random).await?;
        aim.write(&mut stream, beginning).await?;
        held.push(stream);
    }
    for stream in &mut held {
        // Some have been closed meanwhile.
        let _ = aim.write(stream, b"a").await;
    }
    hold(held, random).await;
    Ok(())
}
