//! Calls over gRPC whose messages do not come, or whose answers find no window.

use std::io;

use fastrand::Rng;
use testkit::WaitingCalls;

use crate::aim::{Aim, hold};

const MOST_CONNECTIONS: usize = 60;
const MOST_CALLS: u32 = 250;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let is_asked = random.bool();
    let path = if is_asked {
        "/inference.GRPCInferenceService/ServerMetadata"
    } else {
        "/inference.GRPCInferenceService/ModelInfer"
    };
    let bytes = WaitingCalls { path, calls: random.u32(20..=MOST_CALLS), is_asked }.bytes();
    let mut held = Vec::new();
    for _ in 0..random.usize(4..=MOST_CONNECTIONS) {
        let mut stream = aim.connect(aim.grpc, random).await?;
        aim.write(&mut stream, &bytes).await?;
        held.push(stream);
    }
    hold(held, random).await;
    Ok(())
}
