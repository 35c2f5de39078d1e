//! Heads of hundreds of kilobytes, of a hundred headers and more, and of methods and codings that nobody knows.

use std::io;

use fastrand::Rng;

use crate::aim::Aim;

const MOST: usize = 20;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let to = aim.either(random);
    for _ in 0..random.usize(1..=MOST) {
        let request = match random.u8(..5) {
            0 => format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000)),
            1 => format!("GET / HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n\r\n", "a".repeat(350_000)),
            2 => format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x-a: b\r\n".repeat(5_000)),
            3 => format!("{} / HTTP/1.1\r\n\r\n", "X".repeat(10_000)),
            _ => "POST /log HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, what\r\n\r\nffffffffffffffff\r\n"
                .to_owned(),
        };
        aim.send(to, request.as_bytes(), random).await?;
    }
    Ok(())
}
