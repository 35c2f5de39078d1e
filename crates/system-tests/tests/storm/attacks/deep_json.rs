//! JSON that is nested ever deeper.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, post};

const DEPTH: usize = 200_000;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let nested = if random.bool() { "[".repeat(DEPTH) } else { "{\"a\":".repeat(DEPTH) };
    let body = match random.u8(..3) {
        0 => nested,
        1 => format!("{{\"model\":\"cifar10\",\"input\":{nested}"),
        _ => format!("{{\"model\":\"junk\",\"label\":\"x\",\"confidence\":0.5,\"features\":{nested}"),
    };
    let targets = [
        (aim.inference, "/predict"),
        (aim.inference, "/v2/models/cifar10/infer"),
        (aim.inference, "/invocations"),
        (aim.logging, "/log"),
        (aim.logging, "/feedback"),
    ];
    let (to, path) = targets[random.usize(..targets.len())];
    aim.send(to, &post(path, "application/json", "", body.as_bytes()), random).await
}
