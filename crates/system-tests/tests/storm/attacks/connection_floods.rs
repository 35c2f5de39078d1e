//! Hundreds of connections on which nothing is sent.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, hold};

const MOST: usize = 600;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let to = [aim.inference, aim.grpc, aim.logging][random.usize(..3)];
    let mut held = Vec::new();
    for _ in 0..random.usize(100..=MOST) {
        held.push(aim.connect(to, random).await?);
    }
    hold(held, random).await;
    Ok(())
}
