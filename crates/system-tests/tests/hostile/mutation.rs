//! Spoiling what was valid.

use fastrand::Rng;
use serde_json::{Value, json};

/// Bytes with something wrong in one to four places: flipped, cut, repeated, overwritten or put in.
pub(crate) fn spoil(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.usize(1..5) {
        if bytes.is_empty() {
            return bytes;
        }
        let start = rng.usize(..bytes.len());
        let end = rng.usize(start..bytes.len()).min(start + 64);
        match rng.u8(..7) {
            0 => bytes[start] ^= 1 << rng.u8(..8),
            // Sizes stand near the start.
            1 => {
                let near = start.min(63).min(bytes.len() - 1);
                bytes[near] = choose(rng, &[0, 1, 0x7f, 0x80, 0xff]);
            }
            2 => bytes.truncate(start),
            3 => drop(bytes.drain(start..end)),
            4 => bytes.splice(start..start, random_bytes(rng, 64)).for_each(drop),
            5 => bytes[start..end].fill(choose(rng, &[0, 0xff])),
            _ => {
                let piece = bytes[start..end].to_vec();
                bytes.splice(start..start, piece).for_each(drop);
            }
        }
    }
    bytes
}

/// Up to `most` bytes of anything.
pub(crate) fn random_bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(..=most)).map(|_| rng.u8(..)).collect()
}

/// The object with one member changed to anything, taken away, or put in.
pub(crate) fn spoil_member(rng: &mut Rng, mut object: Value) -> Value {
    let members = object.as_object_mut().expect("an object");
    let names: Vec<String> = members.keys().cloned().collect();
    let name = choose(rng, &names);
    match rng.u8(..8) {
        0 => drop(members.remove(&name)),
        1 => drop(members.insert(format!("{name}x"), any_value(rng, 2))),
        _ => drop(members.insert(name, any_value(rng, 3))),
    }
    object
}

/// Any JSON value, with a liking for what is on an edge.
pub(crate) fn any_value(rng: &mut Rng, depth: usize) -> Value {
    match rng.u8(..if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => choose(rng, &[0, 1, -1, i64::MAX, i64::MIN, 1 << 32, 1 << 53, 65_536]).into(),
        3 => json!(choose(rng, &[0.5, -0.0, 1e308, -1e308, 1e-320, 1.000_000_1, 1e39])),
        4 => u64::MAX.into(),
        5 => choose(rng, &["", "1", "cifar10", "../..", "\u{0}", "\u{1F431}", "data:;base64,AAAA", "NaN"])
            .to_owned()
            .into(),
        6 => "é".repeat(rng.usize(..2000)).into(),
        7 => (0..rng.usize(..4)).map(|_| any_value(rng, depth - 1)).collect(),
        _ => (0..rng.usize(..4)).map(|i| (i.to_string(), any_value(rng, depth - 1))).collect(),
    }
}

/// One of these.
pub(crate) fn choose<T: Clone>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())].clone()
}
