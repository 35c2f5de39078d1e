//! Connections that announce a large body and send nothing of it.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, head, hold};

const ANNOUNCED: usize = 16 << 20;
const MOST: usize = 64;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let (to, mut held) = (aim.either(random), Vec::new());
    let path = ["/log", "/predict", "/feedback"][random.usize(..3)];
    for _ in 0..random.usize(8..=MOST) {
        let mut stream = aim.connect(to, random).await?;
        aim.write(&mut stream, head(path, "application/json", "", ANNOUNCED).as_bytes()).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
