//! Requests one behind the other whose answers nobody reads.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, SMALL_BUFFER, hold};

const MOST: usize = 32;
const REQUESTS: usize = 200;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let (to, mut held) = (aim.either(random), Vec::new());
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(REQUESTS);
    for _ in 0..random.usize(4..=MOST) {
        let mut stream = aim.connect_with(to, random, Some(SMALL_BUFFER)).await?;
        aim.write(&mut stream, requests.as_bytes()).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
