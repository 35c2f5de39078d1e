//! Bodies of the largest size of which the last byte does not come.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, head, hold};

const LARGEST: usize = 16 << 20;
const MOST: usize = 8;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let targets = [(aim.inference, "/predict", "image/png"), (aim.logging, "/log", "application/json")];
    let (to, path, content_type) = targets[random.usize(..targets.len())];
    let mut held = Vec::new();
    for _ in 0..random.usize(1..=MOST) {
        let mut stream = aim.connect(to, random).await?;
        aim.write(&mut stream, head(path, content_type, "", LARGEST).as_bytes()).await?;
        aim.write(&mut stream, &vec![b'1'; LARGEST - 1]).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
