#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const NUMBERS: [Datatype; 13] = [
    Datatype::Bool,
    Datatype::Uint8,
    Datatype::Uint16,
    Datatype::Uint32,
    Datatype::Uint64,
    Datatype::Int8,
    Datatype::Int16,
    Datatype::Int32,
    Datatype::Int64,
    Datatype::Fp16,
    Datatype::Bf16,
    Datatype::Fp32,
    Datatype::Fp64,
];

#[test]
fn a_type_has_the_name_by_which_it_is_found() {
    for datatype in NUMBERS.into_iter().chain([Datatype::Bytes]) {
        assert_eq!(Datatype::parse(datatype.as_str()), Some(datatype));
        assert_eq!(TensorValues::zeros(datatype, 3).datatype(), datatype);
    }
    assert_eq!(Datatype::parse("FLOAT"), None);
}

#[test]
fn what_is_not_finite_is_found() {
    let found = |values: TensorValues| values.first_float(|number| !number.is_finite());
    assert_eq!(found(TensorValues::Fp16(vec![f16::ZERO, f16::INFINITY])), Some((1, f64::INFINITY)));
    assert_eq!(found(TensorValues::Bf16(vec![bf16::NEG_INFINITY])), Some((0, f64::NEG_INFINITY)));
    let nan = found(TensorValues::Fp64(vec![0.0, f64::NAN]));
    assert!(nan.is_some_and(|(index, number)| index == 1 && number.is_nan()));
    assert_eq!(found(TensorValues::Fp32(vec![f32::MAX])), None);
    assert_eq!(found(TensorValues::Int8(vec![1])), None);
}

#[test]
fn json_has_numbers_where_there_are_some() {
    let json = |values: TensorValues| serde_json::to_string(&values).unwrap();
    assert_eq!(json(TensorValues::Fp16(vec![f16::from_f32(0.5), f16::NAN])), "[0.5,null]");
    assert_eq!(json(TensorValues::Uint64(vec![u64::MAX])), "[18446744073709551615]");
    assert_eq!(json(TensorValues::Bytes(vec!["é".to_owned()])), "[\"é\"]");
    assert_eq!(TensorValues::Bytes(vec!["é".to_owned()]).to_bytes(), [2, 0, 0, 0, 0xc3, 0xa9]);
}

proptest! {
    #[test]
    fn bytes_come_back(bytes in proptest::collection::vec(0..2_u8, 0..64)) {
        for datatype in NUMBERS {
            let width = TensorValues::zeros(datatype, 1).to_bytes().len();
            let read = TensorValues::from_bytes(datatype, &bytes, bytes.len() / width);
            prop_assert_eq!(read.is_some(), bytes.len() % width == 0);
            prop_assert!(TensorValues::from_bytes(datatype, &bytes, bytes.len() / width + 1).is_none());
            if let Some(values) = read {
                prop_assert_eq!(values.to_bytes(), bytes.clone());
            }
        }
    }
}
