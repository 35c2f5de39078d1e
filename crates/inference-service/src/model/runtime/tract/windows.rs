//! Windows that have to fit into what they are laid over, and other sizes that must not be too small.
//!
//! Rule of thumb: tract computes where a convolution's kernel goes without looking whether it has room. Of one that is larger
//! than its padded input it writes behind its memory, and that ends the process; of a pooling it makes numbers up, as it does
//! for the largest of no numbers, their edge, or more of them than there are. So such operators run only over sizes that are
//! large enough: known sizes are looked at when the model is loaded, and an operator that looks at the others goes in front.

mod too_small;
mod top_k;

use tract_onnx::prelude::{TractResult, TypedModel};
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::internal::*;

pub(super) use too_small::TooSmall;

/// Puts a guard before each operator for which sizes may be too small that are open until a request comes.
///
/// # Errors
/// A size that is known already, and too small.
pub(super) fn guard(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes().len() {
        guard_inside(model.node_mut(node))?;
        top_k::guard(model, node)?;
        let Some(guard) = LargeEnough::of(model.node(node)) else { continue };
        let outlet = model.node(node).inputs[0];
        let shape = model.outlet_fact(outlet)?.shape.to_tvec();
        let sizes: Option<TVec<usize>> =
            guard.least.iter().map(|(axis, _)| shape.get(*axis)?.to_usize().ok()).collect();
        if let Some(sizes) = sizes {
            guard.check(sizes.into_iter())?;
            continue;
        }
        let name = model.unique_name(format!("{}.large_enough", guard.node)).into_owned();
        let guarded = model.wire_node(name, guard, &[outlet])?[0];
        model.add_edge(guarded, InletId::new(node, 0))?;
    }
    Ok(())
}

/// Does the same in the models inside a node.
fn guard_inside(node: &mut TypedNode) -> TractResult<()> {
    if let Some(scan) = node.op_as_mut::<Scan>() {
        return guard(&mut scan.body);
    }
    let Some(branches) = node.op_as_mut::<IfThenElse>() else { return Ok(()) };
    guard(&mut branches.then_body)?;
    guard(&mut branches.else_body)
}

/// Hands its input on, if that is large enough for the operator behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LargeEnough {
    /// The axes along which sizes may be too small, and the smallest that is not.
    least: TVec<(usize, usize)>,
    /// The operator behind.
    operator: &'static str,
    /// The node of that operator.
    node: String,
}

impl LargeEnough {
    /// What a node needs; `None` if it takes any sizes.
    fn of(node: &TypedNode) -> Option<Self> {
        let (operator, least) = if let Some(convolution) = node.op_as::<Conv>() {
            ("convolution", of_pool(&convolution.pool_spec, least_for_window))
        } else if let Some(transposed) = node.op_as::<Deconv>() {
            ("transposed convolution", of_pool(&transposed.pool_spec, least_to_transpose))
        } else if let Some(pooling) = node.op_as::<MaxPool>() {
            ("pooling", of_pool(&pooling.pool_spec, least_for_window))
        } else if let Some(pooling) = node.op_as::<SumPool>() {
            ("pooling", of_pool(&pooling.pool_spec, least_for_window))
        } else if let Some(pad) = node.op_as::<Pad>() {
            ("padding", least_to_pad(pad))
        } else {
            let reduce = node.op_as::<Reduce>()?;
            let is_position = matches!(reduce.reducer, Reducer::ArgMax(_) | Reducer::ArgMin(_));
            is_position.then(|| ("position", reduce.axes.iter().map(|axis| (*axis, 1)).collect()))?
        };
        Some(Self { least, operator, node: node.name.clone() })
    }

    /// # Errors
    /// The first of the sizes along the axes that is too small.
    fn check(&self, sizes: impl Iterator<Item = usize>) -> Result<(), TooSmall> {
        for ((axis, least), size) in self.least.iter().copied().zip(sizes) {
            if size < least {
                let Self { operator, node, .. } = self;
                return Err(TooSmall(format!(
                    "the {operator} {node:?} needs a size of at least {least} in dimension {axis} of its input, which has {size}"
                )));
            }
        }
        Ok(())
    }
}

/// The smallest size along each axis of a window.
fn of_pool(pool: &PoolSpec, least: fn(&PoolSpec, usize) -> usize) -> TVec<(usize, usize)> {
    let first = pool.data_format.h_axis();
    (0..pool.rank()).map(|axis| (first + axis, least(pool, axis))).collect()
}

/// The smallest sizes that have an edge to repeat, or enough behind it to reflect.
fn least_to_pad(pad: &Pad) -> TVec<(usize, usize)> {
    let padded = pad.pads.iter().map(|(before, after)| *before.max(after)).enumerate().filter(|(_, pads)| *pads > 0);
    match pad.mode {
        PadMode::Constant(_) => TVec::new(),
        PadMode::Edge => padded.map(|(axis, _)| (axis, 1)).collect(),
        PadMode::Reflect => padded.map(|(axis, pads)| (axis, pads.saturating_add(1))).collect(),
    }
}

/// The smallest size that, once it is padded, has room for the window.
fn least_for_window(pool: &PoolSpec, axis: usize) -> usize {
    let pads = match &pool.padding {
        PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _) => {
            before[axis].saturating_add(after[axis])
        }
        PaddingSpec::Valid => 0,
        PaddingSpec::SameUpper | PaddingSpec::SameLower => return 1,
    };
    field(pool, axis).saturating_sub(pads).max(1)
}

/// The smallest size of which something is left once the pads are cut off.
fn least_to_transpose(pool: &PoolSpec, axis: usize) -> usize {
    let (PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _)) = &pool.padding else {
        return 1;
    };
    let pads = before[axis].saturating_add(after[axis]);
    let missing = pads.saturating_add(1).saturating_sub(field(pool, axis));
    missing.div_ceil(pool.stride(axis).max(1)).saturating_add(1)
}

/// From the first to the last number that a window covers.
fn field(pool: &PoolSpec, axis: usize) -> usize {
    pool.kernel_shape[axis].saturating_sub(1).saturating_mul(pool.dilation(axis)).saturating_add(1)
}

impl Op for LargeEnough {
    fn name(&self) -> StaticName {
        "LargeEnough".into()
    }

    op_as_typed_op!();
}

impl EvalOp for LargeEnough {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let shape = inputs[0].shape();
        self.check(self.least.iter().map_while(|(axis, _)| shape.get(*axis).copied()))?;
        Ok(inputs)
    }

    fn forwards_input(&self) -> Option<usize> {
        Some(0)
    }
}

impl TypedOp for LargeEnough {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].clone()))
    }

    fn axes_mapping(&self, inputs: &[&TypedFact], outputs: &[&TypedFact]) -> TractResult<AxesMapping> {
        AxesMapping::natural(inputs, outputs)
    }

    /// What moves axes goes on through it, as it does where no size is open.
    fn change_axes(
        &self,
        model: &TypedModel,
        node: &TypedNode,
        _: InOut,
        change: &AxisOp,
    ) -> TractResult<Option<AxisChangeConsequence>> {
        let moved = |(axis, least): &(usize, usize)| Some((change.transform_axis(*axis)?, *least));
        let Some(least) = self.least.iter().map(moved).collect() else { return Ok(None) };
        let op: Box<dyn TypedOp> = Box::new(Self { least, ..self.clone() });
        Ok(Some(AxisChangeConsequence::new(model, node, Some(op), change)))
    }

    as_op!();
}

#[cfg(test)]
mod tests;
