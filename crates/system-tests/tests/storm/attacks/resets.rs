//! Requests whose connection is reset before the answer.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, post};

const MOST: usize = 100;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let input = serde_json::json!({ "model": "surface", "input": vec![0.5; 64 * 64] }).to_string();
    let predict = post("/predict", "application/json", "", input.as_bytes());
    let question = b"GET /stats?window=7d&interval=1h HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let (to, request) = if random.bool() { (aim.inference, predict) } else { (aim.logging, question) };
    for _ in 0..random.usize(8..=MOST) {
        let mut stream = aim.connect(to, random).await?;
        aim.write(&mut stream, &request[..random.usize(1..=request.len())]).await?;
        stream.set_zero_linger()?;
    }
    Ok(())
}
