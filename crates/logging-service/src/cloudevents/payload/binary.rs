//! The binary extension of V2: the JSON of a body, and the bytes of its tensors behind it.
//!
//! Rule of thumb: a tensor of bytes becomes the list that it stands for, so everything else reads one form.

use half::{bf16, f16};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::cloudevents::EventError;
use crate::cloudevents::batch::{read_json, without_mark};

/// The most numbers of a tensor that become a list, which takes many times the memory of the bytes.
const MAX_ELEMENTS: usize = 1 << 20;
/// The member that stands in a tensor whose bytes were left out.
pub(super) const LEFT_OUT: &str = "left_out";

/// Reads a body in JSON, with or without tensors in bytes behind it. `json_length` is the length of the JSON, where the
/// sender tells it.
///
/// # Errors
/// [`EventError::Json`]; [`EventError::Payload`] for bytes that fit no tensor.
pub(super) fn read_body(bytes: &[u8], json_length: Option<usize>) -> Result<Value, EventError> {
    let bytes = without_mark(bytes);
    let told = json_length.and_then(|length| bytes.split_at_checked(length));
    let (json, binary) = told.unwrap_or_else(|| split(bytes));
    let mut body = read_json(json)?;
    if !binary.is_empty() {
        fill(&mut body, binary)?;
    }
    Ok(body)
}

/// The JSON and what follows it, unless that is white space.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => match bytes.split_at_checked(values.byte_offset()) {
            Some((json, rest)) if !rest.trim_ascii().is_empty() => (json, rest),
            _ => (bytes, b""),
        },
        _ => (bytes, b""),
    }
}

/// Puts the bytes behind the JSON into the tensors that they belong to, in order.
fn fill(body: &mut Value, mut binary: &[u8]) -> Result<(), EventError> {
    let problem = |what: &str| EventError::Payload(format!("the bytes behind the JSON {what}"));
    for member in ["inputs", "outputs"] {
        let tensors = body.get_mut(member).and_then(Value::as_array_mut);
        for tensor in tensors.into_iter().flatten() {
            let Some(size) = tensor.pointer("/parameters/binary_data_size").and_then(Value::as_u64) else { continue };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let (bytes, rest) =
                binary.split_at_checked(size).ok_or_else(|| problem("are fewer than its tensors take"))?;
            binary = rest;
            let datatype = tensor.get("datatype").and_then(Value::as_str).unwrap_or_default();
            let data = read_elements(datatype, bytes).ok_or_else(|| problem("do not fit the datatype of a tensor"))?;
            if let Value::Object(members) = tensor {
                match data {
                    Some(elements) => members.insert("data".to_owned(), elements.into()),
                    None => members.insert(LEFT_OUT.to_owned(), json!(true)),
                };
            }
        }
    }
    if binary.is_empty() { Ok(()) } else { Err(problem("belong to no tensor")) }
}

/// The elements of a tensor; `Some(None)` for too many of them, `None` where the bytes do not fit.
fn read_elements(datatype: &str, bytes: &[u8]) -> Option<Option<Vec<Value>>> {
    if datatype == "BYTES" {
        return read_texts(bytes);
    }
    match datatype {
        "BOOL" => numbers(bytes, |[byte]: [u8; 1]| byte != 0),
        "UINT8" => numbers(bytes, u8::from_le_bytes),
        "UINT16" => numbers(bytes, u16::from_le_bytes),
        "UINT32" => numbers(bytes, u32::from_le_bytes),
        "UINT64" => numbers(bytes, u64::from_le_bytes),
        "INT8" => numbers(bytes, i8::from_le_bytes),
        "INT16" => numbers(bytes, i16::from_le_bytes),
        "INT32" => numbers(bytes, i32::from_le_bytes),
        "INT64" => numbers(bytes, i64::from_le_bytes),
        // A number that is not finite becomes null.
        "FP16" => numbers(bytes, |two| f16::from_le_bytes(two).to_f64()),
        "BF16" => numbers(bytes, |two| bf16::from_le_bytes(two).to_f64()),
        "FP32" => numbers(bytes, |four| f64::from(f32::from_le_bytes(four))),
        "FP64" => numbers(bytes, f64::from_le_bytes),
        _ => None,
    }
}

fn numbers<const SIZE: usize, T: Into<Value>>(
    bytes: &[u8],
    read: impl Fn([u8; SIZE]) -> T,
) -> Option<Option<Vec<Value>>> {
    let (elements, rest) = bytes.as_chunks::<SIZE>();
    if !rest.is_empty() {
        return None;
    }
    Some((elements.len() <= MAX_ELEMENTS).then(|| elements.iter().map(|&element| read(element).into()).collect()))
}

/// Texts, each with its length in front of it.
fn read_texts(mut bytes: &[u8]) -> Option<Option<Vec<Value>>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        if texts.len() >= MAX_ELEMENTS {
            return Some(None);
        }
        texts.push(String::from_utf8_lossy(text).into());
    }
    Some(Some(texts))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    fn body(tensors: &Value, binary: &[u8]) -> Vec<u8> {
        [json!({ "outputs": tensors }).to_string().as_bytes(), binary].concat()
    }

    #[test]
    fn bytes_behind_the_json_become_lists() {
        let tensor = |datatype: &str, size: usize| json!({ "name": datatype, "shape": [1], "datatype": datatype, "parameters": { "binary_data_size": size } });
        let tensors = json!([
            tensor("FP32", 8),
            { "name": "in the JSON", "shape": [1], "datatype": "INT64", "data": [7] },
            tensor("INT64", 8),
            tensor("BYTES", 8),
            tensor("FP16", 2),
            tensor("BOOL", 2),
        ]);
        let mut binary = Vec::new();
        binary.extend(0.5_f32.to_le_bytes());
        binary.extend(f32::NAN.to_le_bytes());
        binary.extend((-3_i64).to_le_bytes());
        binary.extend(4_u32.to_le_bytes());
        binary.extend(b"rose");
        binary.extend(f16::from_f32(1.5).to_le_bytes());
        binary.extend([1, 0]);
        let whole = body(&tensors, &binary);
        let json_length = whole.len() - binary.len();
        for told in [None, Some(json_length)] {
            let read = read_body(&whole, told).unwrap();
            let data: Vec<&Value> = read["outputs"].as_array().unwrap().iter().map(|tensor| &tensor["data"]).collect();
            assert_eq!(json!(data), json!([[0.5, null], [7], [-3], ["rose"], [1.5], [true, false]]));
        }
        assert!(read_body(&whole[..whole.len() - 1], None).is_err(), "a byte is missing");
        assert!(read_body(&[&whole[..], b"x"].concat(), None).is_err(), "a byte is left");
        assert!(read_body(b"500 Internal Server Error", None).is_err());
    }

    #[test]
    fn a_large_tensor_has_a_shape_and_no_values() {
        let size = 4 * (MAX_ELEMENTS + 1);
        let tensors = json!([{ "name": "y", "datatype": "FP32", "parameters": { "binary_data_size": size } }]);
        let read = read_body(&body(&tensors, &vec![0; size]), None).unwrap();
        assert_eq!((read["outputs"][0].get("data"), &read["outputs"][0][LEFT_OUT]), (None, &json!(true)));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(
            datatype in "BYTES|FP32|BOOL|INT64|X", size in 0_u64..20, binary in prop::collection::vec(any::<u8>(), 0..20),
            told in prop::option::of(0_usize..300),
        ) {
            let tensors =
                json!([{ "name": "y", "datatype": datatype, "parameters": { "binary_data_size": size } }]);
            let _ = read_body(&body(&tensors, &binary), told);
        }
    }
}
