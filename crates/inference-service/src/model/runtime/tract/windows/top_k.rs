//! More numbers than there are, of which tract makes zeros.

use tract_onnx::prelude::{TractResult, TypedModel};
use tract_onnx::tract_core::ops::array::Topk;
use tract_onnx::tract_hir::internal::*;

use super::too_small::TooSmall;

/// Puts a guard before a node that picks the largest numbers, if it is such a node.
pub(super) fn guard(model: &mut TypedModel, node: usize) -> TractResult<()> {
    let Some(axis) = model.node(node).op_as::<Topk>().map(|top| top.axis) else { return Ok(()) };
    let (name, inputs) = (model.node(node).name.clone(), model.node(node).inputs.clone());
    let guard = EnoughNumbers { axis, node: name.clone() };
    let (numbers, count) = (model.outlet_fact(inputs[0])?, model.outlet_fact(inputs[1])?);
    if let (Some(count), Ok(available)) = (&count.konst, numbers.shape[axis].to_usize()) {
        return Ok(guard.check(count.cast_to_scalar()?, available)?);
    }
    let guard_name = model.unique_name(format!("{name}.large_enough")).into_owned();
    let guarded = model.wire_node(guard_name, guard, &inputs)?[0];
    model.add_edge(guarded, InletId::new(node, 0))
}

/// Hands its first input on, if it has as many numbers along an axis as the second asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct EnoughNumbers {
    axis: usize,
    node: String,
}

impl EnoughNumbers {
    fn check(&self, count: i64, available: usize) -> Result<(), TooSmall> {
        if usize::try_from(count).is_ok_and(|count| count <= available) {
            return Ok(());
        }
        Err(TooSmall(format!("the node {:?} is to find {count} numbers among {available}", self.node)))
    }
}

impl Op for EnoughNumbers {
    fn name(&self) -> StaticName {
        "EnoughNumbers".into()
    }

    op_as_typed_op!();
}

impl EvalOp for EnoughNumbers {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let available = inputs[0].shape().get(self.axis).copied().unwrap_or_default();
        self.check(inputs[1].cast_to_scalar()?, available)?;
        inputs.truncate(1);
        Ok(inputs)
    }

    fn forwards_input(&self) -> Option<usize> {
        Some(0)
    }
}

impl TypedOp for EnoughNumbers {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].clone()))
    }

    as_op!();
}
