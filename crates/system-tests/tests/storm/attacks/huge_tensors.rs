//! Tensors of which the shape says more than there is, and bodies full of numbers.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, post};

const NUMBERS: usize = 2_000_000;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let shape = ["[1099511627776]", "[4294967296,4294967296]", "[-1]", "[0,3,32,32]", "[1000000,3,32,32]"];
    let shape = shape[random.usize(..shape.len())];
    let (path, body) = match random.u8(..3) {
        0 => {
            let tensor = format!("{{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":{shape},\"data\":[0.5]}}");
            ("/v2/models/cifar10/infer", format!("{{\"inputs\":[{tensor}]}}"))
        }
        1 => ("/predict?model=cifar10", format!("{{\"input\":[{}0]}}", "0.5,".repeat(NUMBERS))),
        _ => ("/predict?model=cifar10", format!("{{\"inputs\":[{}[]]}}", "[[]],".repeat(NUMBERS / 2))),
    };
    aim.send(aim.inference, &post(path, "application/json", "", body.as_bytes()), random).await
}
