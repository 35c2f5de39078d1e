//! What tract must not be given, and the sizes that a request settles.

use tract_onnx::prelude::{TractResult, TypedModel, TypedSimplePlan};
use tract_onnx::tract_core::ops::array::Pad;
use tract_onnx::tract_hir::internal::{SymbolValues, TDim, bail};

use crate::model::onnx::InputLimits;
use crate::model::{Tensor, TensorValues};

/// What to do about a request that tract would answer otherwise than ONNX Runtime.
const REMEDY: &str = "`engine = \"onnxruntime\"` in model.toml answers it";

/// Checks a request's tensors.
///
/// # Errors
/// What they hold that tract would get wrong, in a sentence.
pub(super) fn check<'a>(limits: &InputLimits, inputs: impl Iterator<Item = &'a Tensor> + Clone) -> Result<(), String> {
    if let Some(operator) = &limits.finite_for
        && inputs.clone().any(|input| !is_finite(input.values()))
    {
        return Err(format!(
            "tract loses NaN and infinite numbers, of which the input has some, at {operator}; {REMEDY}"
        ));
    }
    match &limits.some_for {
        Some(operator) if inputs.clone().any(|input| is_empty(input.values())) => {
            Err(format!("tract makes something of an empty tensor at {operator}, where there is nothing; {REMEDY}"))
        }
        _ => Ok(()),
    }
}

/// An empty tensor of whole numbers is a list of axes, sizes or positions, and tract knows what that is.
fn is_empty(values: &TensorValues) -> bool {
    matches!(values, TensorValues::Fp16(_) | TensorValues::Fp32(_) | TensorValues::Fp64(_)) && values.is_empty()
}

fn is_finite(values: &TensorValues) -> bool {
    match values {
        TensorValues::Fp16(numbers) => numbers.iter().all(|number| number.is_finite()),
        TensorValues::Fp32(numbers) => numbers.iter().all(|number| number.is_finite()),
        TensorValues::Fp64(numbers) => numbers.iter().all(|number| number.is_finite()),
        _ => true,
    }
}

/// Checks that nothing is padded by less than nothing, which tract reads as a number that no machine has room for.
///
/// # Errors
/// The node that cuts instead of padding.
pub(super) fn check_pads(model: &TypedModel) -> TractResult<()> {
    let is_negative = |pads: &(usize, usize)| [pads.0, pads.1].iter().any(|pads| i64::try_from(*pads).is_err());
    for node in model.nodes() {
        if node.op_as::<Pad>().is_some_and(|pad| pad.pads.iter().any(is_negative)) {
            bail!("tract does not know negative `pads` of the operator Pad (node {:?})", node.name);
        }
    }
    Ok(())
}

/// The open sizes of a model's inputs, as a request's tensors have them.
pub(super) fn open_sizes(plan: &TypedSimplePlan, inputs: &[Tensor]) -> TractResult<SymbolValues> {
    let mut values = SymbolValues::default();
    for (position, input) in inputs.iter().enumerate() {
        let fact = plan.model().input_fact(position)?;
        for (size, found) in fact.shape.iter().zip(input.shape()) {
            if let TDim::Sym(symbol) = size {
                values.set(symbol, i64::try_from(*found)?);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(limits: &InputLimits, numbers: Vec<f32>) -> String {
        let tensor = Tensor::new(vec![numbers.len()], TensorValues::Fp32(numbers)).unwrap();
        check(limits, [&tensor].into_iter()).err().unwrap_or_default()
    }

    #[test]
    fn what_an_operator_would_get_wrong_is_refused_with_its_name() {
        let limits = InputLimits { finite_for: Some("Relu (node \"a\")".into()), some_for: Some("ReduceMax".into()) };
        assert!(told(&limits, vec![1.0, f32::NAN]).contains("Relu (node \"a\"); `engine"));
        assert!(told(&limits, vec![f32::NEG_INFINITY]).contains("infinite"));
        assert!(told(&limits, vec![]).contains("empty tensor at ReduceMax"));
        assert_eq!(told(&limits, vec![1.0]), "");
        assert_eq!(told(&InputLimits::default(), vec![f32::NAN]), "");
    }
}
