#![allow(clippy::unwrap_used, clippy::expect_used)]

use prediction_record::FeatureValue;
use proptest::prelude::*;

use super::*;
use crate::model::features::FeatureTable;

fn served(toml: &str) -> Vec<ServedFeature> {
    #[derive(serde::Deserialize)]
    struct Features {
        features: Vec<FeatureTable>,
    }
    toml::from_str::<Features>(toml).unwrap().features.into_iter().map(ServedFeature::from).collect()
}

fn signature(inputs: &[(&str, Datatype, &[Option<usize>])]) -> Signature {
    let spec = |(name, datatype, shape): &(&str, Datatype, &[Option<usize>])| TensorSpec {
        name: (*name).to_owned(),
        datatype: Some(*datatype),
        shape: Some(shape.to_vec()),
    };
    let inputs = inputs.iter().map(spec).collect();
    Signature { inputs, optional: Vec::new(), outputs: Vec::new(), constant: None }
}

fn placed(toml: &str, inputs: &[(&str, Datatype, &[Option<usize>])]) -> Result<ModelFeatures, String> {
    let placed = ModelFeatures::place(&served(toml), &signature(inputs), MissingValues::Nan);
    placed.map_err(|FeatureMismatch { problem, remedy }| format!("{problem}: {remedy}"))
}

const ONE: &[Option<usize>] = &[None, Some(1)];
const TWO: &[Option<usize>] = &[None, Some(2)];
const NUMBERS: &str = "[[features]]\nname = \"a\"\nkind = \"number\"\n[[features]]\nname = \"b\"\nkind = \"number\"\n";

#[test]
fn what_the_file_does_not_have_is_refused_with_the_remedy() {
    let number = |more: &str| format!("[[features]]\nname = \"a\"\nkind = \"number\"\n{more}\n");
    let category = |more: &str| format!("[[features]]\nname = \"a\"\nkind = \"category\"\n{more}\n");
    let cities = "categories = [\"x\", \"y\"]\n";
    let one: &[(&str, Datatype, &[Option<usize>])] = &[("t", Datatype::Fp32, ONE)];
    let whole: &[(&str, Datatype, &[Option<usize>])] = &[("t", Datatype::Int64, ONE)];
    let text: &[(&str, Datatype, &[Option<usize>])] = &[("t", Datatype::Bytes, ONE)];
    let two: &[(&str, Datatype, &[Option<usize>])] = &[("t", Datatype::Fp32, TWO)];
    let apart: &[(&str, Datatype, &[Option<usize>])] = &[("a", Datatype::Fp32, ONE), ("b", Datatype::Bytes, ONE)];
    for (toml, inputs, says) in [
        (number("input = \"u\""), one, "is of the input \"u\", and the inputs that a run needs are \"t\": correct"),
        (number(""), two, "no feature is column 1 of the input \"t\", which has 2: declare the missing one"),
        (number("column = 2"), two, "is column 2 of the input \"t\", which has 2: columns count from 0"),
        (format!("{NUMBERS}column = 0\n"), two, "the features \"a\" and \"b\" are both column 0 of the input \"t\""),
        (
            number("").replace("\"a\"", "\"c\""),
            apart,
            "no input \"c\", and several others: \"a\", \"b\": say with `input`",
        ),
        (number(""), apart, "no feature is column 0 of the input \"b\""),
        (number("encoding = \"index\""), one, "\"a\" is a number: remove its `encoding`"),
        (number(""), text, "takes texts: give kind = \"category\""),
        (category(""), one, "is a category, and its input \"t\" takes FP32: give `categories` and encoding"),
        (category("encoding = \"index\""), one, "has an encoding, and no categories: give `categories`"),
        (category(&format!("{cities}encoding = \"index\"")), text, "takes texts: remove its `encoding`"),
        (category("missing_value = 1"), text, "is the number 1, and its input takes texts: write it in quotes"),
        (number("missing_value = \"none\""), one, "is \"none\", and its input takes FP32: give a number of that type"),
        (number("optional = true"), whole, "takes INT64, which has no NaN: give `missing_value`"),
        (
            category(&format!("{cities}encoding = \"index\"\noutside = \"accept\"")),
            whole,
            "has no NaN: give `missing_value`",
        ),
        (number(""), &[("t", Datatype::Fp32, &[])], "no rows of columns"),
        (number(""), &[("t", Datatype::Fp32, &[None, None, Some(3)])], "no rows of columns"),
    ] {
        let problem = placed(&toml, inputs).expect_err(&toml);
        assert!(problem.contains(says), "{toml}\n{problem}");
    }
    let refusing = ModelFeatures::place(&served(&number("optional = true")), &signature(one), MissingValues::Refuse);
    assert!(refusing.unwrap_err().problem.contains("nothing in the model looks at missing values"));
}

#[test]
fn inputs_that_are_one_feature_each_are_found_by_name() {
    let toml = "[[features]]\nname = \"b\"\nkind = \"category\"\noptional = true\n[[features]]\nname = \"a\"\nkind = \"number\"\n";
    let features = placed(toml, &[("a", Datatype::Fp64, ONE), ("b", Datatype::Bytes, &[None])]).unwrap();
    let tensors = features.tensors(&[FeatureValue::Category("x".to_owned()), FeatureValue::Number(0.1)]);
    assert_eq!(tensors[0], Tensor::new(vec![1, 1], TensorValues::Fp64(vec![0.1])).unwrap());
    assert_eq!(tensors[1], Tensor::new(vec![1], TensorValues::Bytes(vec!["x".to_owned()])).unwrap());
    let missing = features.tensors(&[FeatureValue::Missing, FeatureValue::Number(0.1)]);
    assert_eq!(missing[1].values(), &TensorValues::Bytes(vec![String::new()]));
}

const MIXED: &str = r#"
[[features]]
name = "size"
kind = "number"
column = 3
optional = true
missing_value = -1
range = [0, 10]

[[features]]
name = "colour"
kind = "category"
categories = ["red", "green", "blue"]
encoding = "one_hot"
column = 0
optional = true

[[features]]
name = "grade"
kind = "category"
categories = ["low", "high"]
encoding = "index"
column = 4
"#;

#[test]
fn an_encoding_is_written_and_undone() {
    let features = placed(MIXED, &[("x", Datatype::Fp32, &[None, None])]).unwrap();
    let category = |name: &str| FeatureValue::Category(name.to_owned());
    for (row, numbers) in [
        ([FeatureValue::Number(2.5), category("green"), category("high")], [0.0, 1.0, 0.0, 2.5, 1.0]),
        ([FeatureValue::Missing, FeatureValue::Missing, category("low")], [0.0, 0.0, 0.0, -1.0, 0.0]),
    ] {
        let tensors = features.tensors(&row);
        assert_eq!(tensors[0].shape(), [1, 5]);
        assert_eq!(tensors[0].values(), &TensorValues::Fp32(numbers.to_vec()));
        let read: Vec<FeatureValue> = features.held_in(&tensors, 0).map(|(_, value)| value.unwrap()).collect();
        assert_eq!(read, row);
    }
}

/// What is refused of the first row of a tensor, as feature and reason.
fn refused(features: &ModelFeatures, numbers: &[f32]) -> Vec<String> {
    let tensors = [Tensor::new(vec![1, numbers.len()], TensorValues::Fp32(numbers.to_vec())).unwrap()];
    assert_eq!(features.rows_in(&tensors), Ok(1));
    let held = features.held_in(&tensors, 0);
    let refused = held.filter_map(|(column, value)| Some((column.declaration.name.clone(), value.err()?.reason)));
    refused.map(|(feature, reason)| format!("{feature}: {}", monitoring::LabelEnum::as_str(reason))).collect()
}

#[test]
fn numbers_of_a_tensor_are_held_against_the_declaration() {
    let features = placed(MIXED, &[("x", Datatype::Fp32, &[None, None])]).unwrap();
    for (numbers, says) in [
        ([0.0, 1.0, 0.0, 2.5, 1.0], &[][..]),
        ([0.0, 0.0, 0.0, -1.0, 0.0], &[]),
        ([0.0, 0.0, 0.0, f32::NAN, 0.0], &[]),
        ([1.0, 1.0, 0.0, 2.5, 0.5], &["colour: unknown_category", "grade: unknown_category"]),
        ([0.5, 0.0, 0.0, 10.5, 2.0], &["size: out_of_range", "colour: unknown_category", "grade: unknown_category"]),
        ([1.0, 0.5, 0.0, f32::INFINITY, f32::NAN], &["size: type", "colour: unknown_category", "grade: missing"]),
    ] {
        assert_eq!(refused(&features, &numbers), says, "{numbers:?}");
    }
    let accepting = MIXED.replace("kind = \"category\"", "kind = \"category\"\noutside = \"accept\"");
    let accepting = accepting.replace("kind = \"number\"", "kind = \"number\"\noutside = \"accept\"");
    let accepting = placed(&accepting, &[("x", Datatype::Fp32, &[None, None])]).unwrap();
    for numbers in [[1.0, 1.0, 0.0, 2.5, 0.5], [0.5, 0.0, 0.0, 10.5, 2.0], [0.0, 0.0, 0.0, 1.0, f32::NAN]] {
        assert_eq!(refused(&accepting, &numbers), [""; 0], "{numbers:?}");
    }
    assert_eq!(refused(&accepting, &[1.0, 0.0, 0.0, f32::INFINITY, 0.0]), ["size: type"]);
    let wide = [Tensor::new(vec![1, 6], TensorValues::Fp32(vec![0.0; 6])).unwrap()];
    assert_eq!(features.rows_in(&wide), Err("has 6 columns, and the features fill 5".to_owned()));
}

#[test]
fn a_bound_is_inside_of_its_range_in_every_type() {
    let toml =
        "[[features]]\nname = \"size\"\nkind = \"number\"\nrange = [0.7, 1]\noptional = true\nmissing_value = 0.1\n";
    let features = placed(toml, &[("x", Datatype::Fp32, &[None, Some(1)])]).unwrap();
    let held = |number: f32| {
        let tensors = [Tensor::new(vec![1, 1], TensorValues::Fp32(vec![number])).unwrap()];
        features.held_in(&tensors, 0).next().unwrap().1.map_err(|refusal| refusal.reason)
    };
    assert!(f64::from(0.7_f32) < 0.7 && f64::from(0.1_f32) != 0.1);
    assert_eq!(held(0.7), Ok(FeatureValue::Number(0.7)));
    assert_eq!(held(0.1), Ok(FeatureValue::Missing));
    assert_eq!(held(0.2), Err(super::super::refusal::RefusalReason::OutOfRange));
}

proptest! {
    /// Whatever a column takes stands at its place, and is told from the tensor again.
    #[test]
    fn what_is_written_is_read(size in proptest::option::of(0.0_f32..=10.0), colour in 0..4_usize, grade in 0..2_usize) {
        let features = placed(MIXED, &[("x", Datatype::Fp32, &[None, Some(5)])]).unwrap();
        let colours = [None, Some("red"), Some("green"), Some("blue")];
        let category = |name: &str| FeatureValue::Category(name.to_owned());
        let row = [
            size.map_or(FeatureValue::Missing, |size| FeatureValue::Number(f64::from(size))),
            colours[colour].map_or(FeatureValue::Missing, category),
            category(["low", "high"][grade]),
        ];
        let checked: Vec<FeatureValue> =
            features.columns().iter().zip(row.clone()).map(|(column, value)| column.checked(value).unwrap()).collect();
        prop_assert_eq!(&checked, &row);
        let tensors = features.tensors(&checked);
        prop_assert_eq!(tensors[0].shape(), [1, 5]);
        let read: Vec<FeatureValue> = features.held_in(&tensors, 0).map(|(_, value)| value.unwrap()).collect();
        prop_assert_eq!(read, row);
    }
}

#[test]
fn a_category_that_is_called_by_a_number_is_known_in_each_of_its_spellings() {
    let toml = "[[features]]\nname = \"sex\"\nkind = \"category\"\ncategories = [\"1\", \"2\", \"2.5\"]\nencoding = \"index\"\n";
    let features = placed(toml, &[("x", Datatype::Fp32, ONE)]).unwrap();
    let column = &features.columns()[0];
    let category = |name: &str| FeatureValue::Category(name.to_owned());
    for (sent, known) in [("2", "2"), ("2.0", "2"), ("2.50", "2.5"), ("1e0", "1")] {
        assert_eq!(column.checked(category(sent)).ok(), Some(category(known)), "{sent}");
    }
    for unknown in ["3", "2.0.0", "-2", "two", "NaN"] {
        assert!(column.checked(category(unknown)).is_err(), "{unknown}");
    }
}
