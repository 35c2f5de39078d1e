#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn read(datatype: Datatype, json: &str) -> JsonElements {
    read_elements(datatype, json, MissingValues::Refuse).unwrap_or_else(|problem| panic!("{json}: {problem}"))
}

/// Numbers of FP32 and the shape of their lists.
fn array(json: &str) -> (Vec<f32>, Vec<usize>) {
    let JsonElements { values, shape } = read(Datatype::Fp32, json);
    (values.fp32().unwrap().to_vec(), shape.unwrap_or_else(|problem| panic!("{json}: {problem}")))
}

fn refusal(datatype: Datatype, json: &str) -> InputError {
    match read_elements(datatype, json, MissingValues::Refuse) {
        Err(UnreadElements::Input(refused)) => refused,
        other => panic!("{json}: {other:?}"),
    }
}

#[test]
fn elements_are_read_in_order_however_they_are_nested() {
    let numbers = TensorValues::Int64(vec![1, -2, i64::MAX]);
    for json in ["[1,-2,9223372036854775807]", "[[1,-2],[9223372036854775807]]", "[[[1]],[-2,9223372036854775807]]"] {
        assert_eq!(read(Datatype::Int64, json).values, numbers, "{json}");
    }
    assert_eq!(read(Datatype::Bool, "[true,[false]]").values, TensorValues::Bool(vec![true, false]));
    let texts = TensorValues::Bytes(vec!["a".into(), "é".into()]);
    assert_eq!(read(Datatype::Bytes, "[\"a\",\"\\u00e9\"]").values, texts);
    let halves = TensorValues::Fp16(vec![f16::from_f32(0.5), f16::ONE]);
    assert_eq!(read(Datatype::Fp16, "[0.5, 1]").values, halves);
    assert_eq!(read(Datatype::Fp64, "[1e300]").values, TensorValues::Fp64(vec![1e300]));
}

#[test]
fn lists_have_a_shape() {
    assert_eq!(array("[1, -2, 2.5e1]"), (vec![1.0, -2.0, 25.0], vec![3]));
    assert_eq!(array("[[1, 2, 3], [4, 5, 6]]"), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![2, 3]));
    assert_eq!(array("[[[[[[[[[1]]]]]]]]]"), (vec![1.0], vec![1; 9]));
    assert_eq!(array("5"), (vec![5.0], vec![]));
    assert_eq!(array("[]"), (vec![], vec![0]));
    assert_eq!(array("[[], []]"), (vec![], vec![2, 0]));
    assert_eq!(read(Datatype::Bytes, "[[\"a\"], [\"b\"]]").shape, Ok(vec![2, 1]));
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
        assert!(matches!(read(Datatype::Fp32, json).shape, Err(InputError::WrongShape { .. })), "{json}");
    }
    for depth in [65, 100] {
        let json = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(matches!(refusal(Datatype::Fp32, &json), InputError::WrongShape { .. }), "{depth}");
    }
}

#[test]
fn what_does_not_fit_the_type_is_refused_with_its_position() {
    for (datatype, json, index, word) in [
        (Datatype::Uint8, "[1, 256]", 1, "256"),
        (Datatype::Uint8, "[-1]", 0, "-1"),
        (Datatype::Int32, "[[1], [1.5]]", 1, "1.5"),
        (Datatype::Int64, "[9223372036854775808]", 0, "9223372036854775808"),
        (Datatype::Bool, "[true, 1]", 1, "1"),
        (Datatype::Fp32, "[0, 1, \"1\"]", 2, "a string"),
        (Datatype::Fp32, "[true]", 0, "true"),
        (Datatype::Bytes, "[1]", 0, "1"),
        (Datatype::Fp32, "[[1], {\"a\": [1, {\"b\": 2}]}]", 1, "an object"),
    ] {
        let InputError::WrongType { found, index: at, .. } = refusal(datatype, json) else { panic!("{json}") };
        assert_eq!((found.as_str(), at), (word, index), "{datatype} {json}");
    }
    let message = refusal(Datatype::Uint8, "[1, 300]").to_string();
    assert_eq!(message, "expected whole numbers of UINT8, got 300 at position 1");
}

#[test]
fn numbers_beyond_their_type_are_refused() {
    let beyond = InputError::NonFinite { expected: "numbers of FP32", index: 2, found: -1e39 };
    assert_eq!(refusal(Datatype::Fp32, "[[1, 2], [-1e39, 1e300]]"), beyond);
    assert!(matches!(refusal(Datatype::Fp16, "[70000]"), InputError::NonFinite { index: 0, .. }));
    assert_eq!(array("[3.4028235e38, 1e-60]").0, [f32::MAX, 0.0]);
    assert!(matches!(read_elements(Datatype::Fp32, "[1e400]", MissingValues::Nan), Err(UnreadElements::Json(_))));
}

#[test]
fn null_is_a_missing_value_where_there_may_be_one() {
    for datatype in [Datatype::Fp16, Datatype::Bf16, Datatype::Fp32, Datatype::Fp64] {
        let JsonElements { values, shape } = read_elements(datatype, "[[1, null]]", MissingValues::Nan).unwrap();
        assert!(values.float(0) == Some(1.0) && values.float(1).unwrap().is_nan(), "{values:?}");
        assert_eq!(shape, Ok(vec![1, 2]));
        let refused = refusal(datatype, "[[1, null]]").to_string();
        assert!(refused.contains("got null at position 1"), "{refused}");
    }
    for datatype in [Datatype::Int64, Datatype::Bool, Datatype::Bytes] {
        let refused = read_elements(datatype, "[null]", MissingValues::Nan);
        assert!(matches!(refused, Err(UnreadElements::Input(InputError::MissingValue { index: 0, .. }))), "{datatype}");
    }
}

/// JSON of these values in arrays of this shape.
fn nested(values: &[f32], shape: &[usize]) -> String {
    let Some((first, rest)) = shape.split_first() else { return values[0].to_string() };
    let size: usize = rest.iter().product();
    let elements: Vec<String> =
        (0..*first).map(|index| nested(&values[index * size..(index + 1) * size], rest)).collect();
    format!("[{}]", elements.join(","))
}

fn array_strategy() -> impl Strategy<Value = (Vec<f32>, Vec<usize>)> {
    prop::collection::vec(1_usize..5, 0..6).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        let number = prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO;
        (prop::collection::vec(number, count), Just(shape))
    })
}

fn json_strategy() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        8 => (-100..100).prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
        1 => Just(serde_json::Value::from("x")),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::from))
}

proptest! {
    #[test]
    fn what_is_written_is_read((values, shape) in array_strategy()) {
        prop_assert_eq!(array(&nested(&values, &shape)), (values, shape));
    }

    #[test]
    fn any_json_is_taken_or_refused(json in json_strategy()) {
        if let Ok(JsonElements { values, shape: Ok(shape) }) =
            read_elements(Datatype::Fp32, &json.to_string(), MissingValues::Nan)
        {
            prop_assert_eq!(shape.iter().product::<usize>(), values.len());
        }
    }
}
