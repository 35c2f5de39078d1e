use super::super::super::written::{int, ints, node, text};
use super::inputs_of;

#[test]
fn an_einsum_is_guarded_unless_it_is_a_product_of_tensors_as_they_lie() {
    let einsum =
        |equation: &str, inputs: &[&str]| inputs_of(&node("Einsum", inputs, &["y"]).with("equation", text(equation)));
    let batched = ["bij,bkj->bki", "bid, bjd -> bij", "...d,de->...e", "bij,bjk", "ij,ij->ij"];
    let transposed = ["ij,kj->ik", "ij,ji->", "ij,jk->ki", "aij,jk->ik", "iij,jk->ik"];
    for equation in batched.iter().chain(&transposed) {
        assert_eq!(einsum(equation, &["a", "b"]), [0, 1], "{equation}");
    }
    assert_eq!(einsum("ij,jk,kl->il", &["a", "b", "c"]), [0, 1, 2]);
    for equation in ["bij,jk->bik", " bi, ij -> bj", "i,j->ij", "i,i->", "ij,ij->", "abcd,cde->abe"] {
        assert_eq!(einsum(equation, &["a", "b"]), [0; 0], "{equation}");
    }
    assert_eq!(einsum("bij->b", &["a"]), [0; 0]);
    assert_eq!(einsum("ii", &["a"]), [0; 0]);
}

#[test]
fn operators_are_told_apart_by_their_domain_and_inputs_that_are_left_out_stay_out() {
    let attention = node("MultiHeadAttention", &["q", "", "v", "bias"], &["y"]);
    assert_eq!(inputs_of(&attention.clone().of_domain("com.microsoft")), [0, 2]);
    assert_eq!(inputs_of(&attention), [0; 0]);
    assert_eq!(inputs_of(&node("NonMaxSuppression", &["b", "s", "n", "", "t"], &["y"])), [2, 4]);
    let unique = node("Unique", &["x"], &["y"]);
    assert_eq!(inputs_of(&unique), [0; 0]);
    assert_eq!(inputs_of(&unique.with("axis", int(1))), [0]);
    let convolution = node("ConvTranspose", &["x", "w", "b"], &["y"]);
    assert_eq!(inputs_of(&convolution.clone().with("kernel_shape", ints(&[3, 3]))), [0; 0]);
    assert_eq!(inputs_of(&convolution.clone().with("kernel_shape", ints(&[3, 3, 3]))), [0, 1]);
    assert_eq!(inputs_of(&convolution), [0, 1]);
    assert_eq!(inputs_of(&node("InstanceNormalization", &["x", "s", "b"], &["y"])), [0]);
}
