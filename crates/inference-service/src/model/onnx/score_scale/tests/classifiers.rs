//! The classifiers of `ai.onnx.ml`.

use super::super::super::proto::AttributeProto;
use super::super::super::written::{float, int, ints, node, text, texts};
use super::*;

fn classifier(operator: &str, transform: &str) -> NodeProto {
    node(operator, &["x"], &["label", "y"]).of_domain("ai.onnx.ml").with("post_transform", text(transform))
}

fn numbers(values: &[f32]) -> AttributeProto {
    AttributeProto { floats: values.to_vec(), r#type: 6, ..Default::default() }
}

#[test]
fn classifiers_say_it_with_their_transform() {
    for operator in ["LinearClassifier", "TreeEnsembleClassifier"] {
        let three = |transform| classifier(operator, transform).with("classlabels_strings", texts(&["a", "b", "c"]));
        assert_eq!(says(vec![three("SOFTMAX")]), Ok(Probabilities), "{operator}");
        assert_eq!(says(vec![three("LOGISTIC")]), Ok(Sigmoid), "{operator}");
        assert!(says(vec![three("PROBIT")]).is_err(), "{operator}");
    }
    let linear = |coefficients: &[f32]| {
        classifier("LinearClassifier", "LOGISTIC")
            .with("classlabels_ints", ints(&[0, 1]))
            .with("coefficients", numbers(coefficients))
    };
    let opposite = linear(&[1.0, -2.0, -1.0, 2.0]).with("intercepts", numbers(&[0.5, -0.5]));
    assert_eq!(says(vec![opposite]), Ok(Probabilities), "one is the other's counter-probability");
    assert_eq!(says(vec![linear(&[1.0, -2.0]).with("intercepts", numbers(&[0.5]))]), Ok(Probabilities));
    assert_eq!(says(vec![linear(&[1.0, 2.0, 3.0, 4.0]).with("intercepts", numbers(&[0.5, -0.5]))]), Ok(Sigmoid));
    assert_eq!(says(vec![classifier("LinearClassifier", "NONE")]), Ok(Logits));
    assert!(says(vec![classifier("SVMClassifier", "NONE")]).is_err(), "these may be votes");
    assert_eq!(says(vec![classifier("SVMClassifier", "NONE").with("prob_a", numbers(&[1.0]))]), Ok(Probabilities));
    let label = node("Identity", &["label"], &["y"]);
    let scores = node("LinearClassifier", &["x"], &["label", "scores"]).of_domain("ai.onnx.ml");
    assert!(says(vec![scores, label]).is_err(), "a label is no score");
}

#[test]
fn normalised_probabilities_are_probabilities() {
    let normalised = |inner: NodeProto, norm| {
        says(vec![inner, node("Normalizer", &["p"], &["y"]).of_domain("ai.onnx.ml").with("norm", text(norm))])
    };
    let inner = |operator| node(operator, &["x"], &["p"]);
    assert_eq!(normalised(inner("Softmax"), "L1"), Ok(Probabilities));
    assert_eq!(normalised(inner("Sigmoid"), "L1"), Ok(Probabilities));
    assert!(normalised(inner("Softmax"), "L2").is_err());
    assert!(normalised(inner("Relu"), "L1").is_err());
    assert!(normalised(node("MatMul", &["x", "w"], &["p"]), "L1").is_err(), "logits may be negative");
    let lp = |p| says(vec![inner("Sigmoid"), node("LpNormalization", &["p"], &["y"]).with("p", int(p))]);
    assert_eq!(lp(1), Ok(Probabilities));
    assert!(lp(2).is_err());
}

/// A forest of two trees with two leaves each, of these weights for two classes.
fn forest(weights: [f32; 8]) -> NodeProto {
    classifier("TreeEnsembleClassifier", "NONE")
        .with("classlabels_int64s", ints(&[0, 1]))
        .with("class_treeids", ints(&[0, 0, 0, 0, 1, 1, 1, 1]))
        .with("class_nodeids", ints(&[1, 1, 2, 2, 1, 1, 2, 2]))
        .with("class_ids", ints(&[0, 1, 0, 1, 0, 1, 0, 1]))
        .with("class_weights", numbers(&weights))
}

#[test]
fn a_forest_gives_probabilities_where_its_leaves_add_up() {
    let leaves = [0.5, 0.0, 0.125, 0.375, 0.25, 0.25, 0.0, 0.5];
    assert_eq!(says(vec![forest(leaves)]), Ok(Probabilities));
    for (place, weight) in [(0, 0.6), (2, 0.5), (7, 0.0), (5, -0.25), (1, f32::NAN)] {
        let mut changed = leaves;
        changed[place] = weight;
        names(says(vec![forest(changed)]), "ai.onnx.ml.TreeEnsembleClassifier");
    }
    assert!(says(vec![forest(leaves).with("base_values", numbers(&[0.5, 0.5]))]).is_err());
    assert!(says(vec![classifier("TreeEnsembleClassifier", "NONE").with("class_weights", float(1.0))]).is_err());
    let second_only = classifier("TreeEnsembleClassifier", "NONE")
        .with("classlabels_int64s", ints(&[0, 1]))
        .with("class_treeids", ints(&[0, 0, 1, 1]))
        .with("class_nodeids", ints(&[1, 2, 1, 2]))
        .with("class_ids", ints(&[0; 4]));
    assert_eq!(
        says(vec![second_only.clone().with("class_weights", numbers(&[0.5, 0.0, 0.5, 0.25]))]),
        Ok(Probabilities)
    );
    assert!(says(vec![second_only.with("class_weights", numbers(&[0.9, 0.0, 0.5, 0.25]))]).is_err());
}
