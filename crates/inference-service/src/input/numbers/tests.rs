#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn parse(json: &str) -> Numbers {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json} stopped the parse: {error}"))
}

fn array(json: &str) -> (Vec<f32>, Vec<usize>) {
    parse(json).into_array().map(|array| (array.values, array.shape)).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refusal(json: &str) -> InputError {
    // A request goes on behind the numbers; whatever they are, the parse must end where they do.
    #[derive(Deserialize)]
    struct Request {
        input: Numbers,
        after: u8,
    }
    let request: Request = serde_json::from_str(&format!("{{\"input\": {json}, \"after\": 7}}"))
        .unwrap_or_else(|error| panic!("{json} stopped the parse: {error}"));
    assert_eq!(request.after, 7);
    request.input.into_array().expect_err(json)
}

#[test]
fn arrays_of_any_depth() {
    assert_eq!(array("[1, -2, 2.5e1]"), (vec![1.0, -2.0, 25.0], vec![3]));
    assert_eq!(array("[[1, 2, 3], [4, 5, 6]]"), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![2, 3]));
    assert_eq!(array("[[[[[[[[1]]]]]]]]"), (vec![1.0], vec![1; 8]));
    assert_eq!(parse("[[1, 2], [3, 4]]").total(), 4);
    assert_eq!(array("5"), (vec![5.0], vec![]));
    assert_eq!(array("[]"), (vec![], vec![0]));
    assert_eq!(array("[[], []]"), (vec![], vec![2, 0]));
    assert_eq!(array("[18446744073709551615]"), (vec![18_446_744_073_709_551_615.0], vec![1]));
}

#[test]
fn ragged_arrays_are_invalid() {
    for json in [
        "[[1, 2], [3]]",
        "[[1], [2, 3]]",
        "[1, [2]]",
        "[[1], 2]",
        "[[], 1]",
        "[1, []]",
        "[[], [1]]",
        "[[], [[]]]",
        "[[[1]], [2]]",
    ] {
        assert!(matches!(refusal(json), InputError::WrongShape { .. }), "{json}");
    }
}

#[test]
fn what_is_no_number_is_invalid() {
    for (json, word) in [
        ("[1, \"2\"]", "string"),
        ("\"abc\"", "string"),
        ("[null, 1]", "null"),
        ("[true]", "true"),
        ("false", "false"),
        ("[[1], {\"a\": [1, {\"b\": 2}]}]", "object"),
        ("{}", "object"),
        ("[\"NaN\", \"\\u00e4\", [[1]]]", "string"),
    ] {
        let refusal = refusal(json);
        assert!(matches!(&refusal, InputError::WrongType { found } if found.contains(word)), "{json}: {refusal}");
    }
}

#[test]
fn numbers_beyond_32_bits_are_invalid() {
    assert_eq!(refusal("[[1, 2], [-1e39, 1e300]]"), InputError::NonFinite { index: 2, found: -1e39 });
    assert_eq!(array("[3.4028235e38, 1e-60]").0, [f32::MAX, 0.0]);
}

#[test]
fn depth_is_bounded() {
    for depth in [9, 100] {
        let json = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(matches!(refusal(&json), InputError::WrongShape { .. }), "{depth}");
    }
    let bottomless = "[".repeat(100_000);
    assert!(serde_json::from_str::<Numbers>(&bottomless).is_err(), "the JSON parser has a bound of its own");
}

#[test]
fn broken_json_is_not_an_invalid_array() {
    for json in ["[1, 2", "[1 2]", "[NaN]", "[1,]", "[\"a\", }", ""] {
        assert!(serde_json::from_str::<Numbers>(json).is_err(), "{json}");
    }
}

/// JSON of these values in arrays of this shape.
fn nested(values: &[f32], shape: &[usize]) -> String {
    let Some((first, rest)) = shape.split_first() else { return values[0].to_string() };
    let elements: Vec<String> = (0..*first)
        .map(|index| {
            let size: usize = rest.iter().product();
            nested(&values[index * size..(index + 1) * size], rest)
        })
        .collect();
    format!("[{}]", elements.join(","))
}

fn array_strategy() -> impl Strategy<Value = (Vec<f32>, Vec<usize>)> {
    prop::collection::vec(1_usize..5, 0..6).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        let number = prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO;
        (prop::collection::vec(number, count), Just(shape))
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((values, shape) in array_strategy()) {
        prop_assert_eq!(array(&nested(&values, &shape)), (values, shape));
    }

    #[test]
    fn any_json_is_taken_or_refused(json in json_strategy()) {
        let text = json.to_string();
        if let Numbers::Array(NumberArray { values, shape }) = parse(&text) {
            prop_assert_eq!(shape.iter().product::<usize>(), values.len());
            let back: serde_json::Value = serde_json::from_str(&nested_or_empty(&values, &shape)).unwrap();
            prop_assert_eq!(depth(&back), depth(&json));
        }
    }
}

fn nested_or_empty(values: &[f32], shape: &[usize]) -> String {
    if values.is_empty() {
        format!("{}{}", "[".repeat(shape.len()), "]".repeat(shape.len()))
    } else {
        nested(values, shape)
    }
}

fn depth(json: &serde_json::Value) -> usize {
    json.as_array().map_or(0, |elements| 1 + elements.first().map_or(0, depth))
}

fn json_strategy() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        8 => (-100..100).prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
        1 => Just(serde_json::Value::from("x")),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::from))
}
