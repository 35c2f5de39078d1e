//! Logarithms of sums of exponentials that stay finite.
//!
//! Rule of thumb: tract takes the exponential of what it is given, which is infinite above 88 in FP32, and the logarithm of
//! what has become zero. Here the largest number is taken out of the sum first, as ONNX Runtime does.

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::{TVec, TractResult, TypedModel};
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::nn::{Reduce as DeclaredReduce, Reducer as DeclaredReducer};

/// What reading a node gives.
type Read = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// Has tract read these operators as they are here.
pub(super) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("Softplus", |_, _| Ok((expand(Softplus), vec![])));
    onnx.op_register.insert("LogSoftmax", log_softmax);
    onnx.op_register.insert("ReduceLogSumExp", reduce_log_sum_exp);
}

/// `ln(1 + exp(x))`, as `max(x, 0) + ln(1 + exp(-|x|))`.
#[derive(Clone, Debug)]
struct Softplus;

impl Expansion for Softplus {
    fn name(&self) -> StaticName {
        "Softplus".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        same_shape(solver, inputs, outputs)
    }

    fn wire(&self, name: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let fact = model.outlet_fact(inputs[0])?.clone();
        let mut constant = |part: &str, number: f32| {
            let number = tensor0(number).cast_to_dt(fact.datum_type)?.into_owned().broadcast_into_rank(fact.rank())?;
            model.add_const(format!("{name}.{part}"), number)
        };
        let (zero, one) = (constant("zero", 0.0)?, constant("one", 1.0)?);
        let distance = model.wire_node(format!("{name}.abs"), math::abs(), inputs)?;
        let negative = model.wire_node(format!("{name}.neg"), math::neg(), &distance)?;
        let small = model.wire_node(format!("{name}.exp"), math::exp(), &negative)?;
        let sum = model.wire_node(format!("{name}.plus_one"), math::add(), &[small[0], one])?;
        let logarithm = model.wire_node(format!("{name}.ln"), math::ln(), &sum)?;
        let positive = model.wire_node(format!("{name}.max"), math::max(), &[inputs[0], zero])?;
        model.wire_node(name, math::add(), &[positive[0], logarithm[0]])
    }
}

/// `x - ln(sum(exp(x)))`, over one axis or, before version 13, over all from one on.
#[derive(Clone, Debug)]
struct LogSoftmax {
    axis: i64,
    with_all_behind: bool,
}

fn log_softmax(context: &ParsingContext<'_>, node: &NodeProto) -> Read {
    let with_all_behind = context.onnx_operator_set_version < 13;
    let axis = node.get_attr_opt("axis")?.unwrap_or(if with_all_behind { 1 } else { -1 });
    Ok((expand(LogSoftmax { axis, with_all_behind }), vec![]))
}

impl Expansion for LogSoftmax {
    fn name(&self) -> StaticName {
        "LogSoftmax".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        same_shape(solver, inputs, outputs)
    }

    fn wire(&self, name: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let first = position(self.axis, rank)?;
        let axes = if self.with_all_behind { (first..rank).collect() } else { tvec!(first) };
        let SumOfExponentials { difference, logarithm, .. } = sum_of_exponentials(name, model, inputs[0], axes)?;
        model.wire_node(name, math::sub(), &[difference, logarithm])
    }
}

/// `ln(sum(exp(x)))` over axes that an attribute names, or from version 18 on an input.
#[derive(Clone, Debug)]
struct ReduceLogSumExp {
    axes: Option<Vec<i64>>,
    has_axes_input: bool,
    keep_dims: bool,
    is_noop_without_axes: bool,
}

fn reduce_log_sum_exp(_: &ParsingContext<'_>, node: &NodeProto) -> Read {
    let flag = |name, default: i64| node.get_attr_opt::<i64>(name).map(|value| value.unwrap_or(default) == 1);
    let reduce = ReduceLogSumExp {
        axes: node.get_attr_opt_vec("axes")?,
        has_axes_input: node.input.get(1).is_some_and(|input| !input.is_empty()),
        keep_dims: flag("keepdims", 1)?,
        is_noop_without_axes: flag("noop_with_empty_axes", 0)?,
    };
    Ok((expand(reduce), vec![]))
}

impl ReduceLogSumExp {
    /// The axes, of those that were brought as an input.
    fn axes(&self, input: Option<&Tensor>, rank: usize) -> TractResult<Vec<i64>> {
        let axes = match input {
            Some(input) => Some(input.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec()),
            None => self.axes.clone(),
        };
        let axes = axes.filter(|axes| !axes.is_empty());
        Ok(axes.unwrap_or_else(|| if self.is_noop_without_axes { vec![] } else { (0..rank as i64).collect() }))
    }

    /// The operator that takes the sizes away which this one does.
    fn declared(&self, input: Option<&Tensor>, rank: usize) -> TractResult<DeclaredReduce> {
        let axes = self.axes(input, rank)?;
        axes.iter().try_for_each(|axis| position(*axis, rank).map(|_| ()))?;
        Ok(DeclaredReduce::new(Some(axes), self.keep_dims, DeclaredReducer::Max))
    }
}

impl Expansion for ReduceLogSumExp {
    fn name(&self) -> StaticName {
        "ReduceLogSumExp".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1 + usize::from(self.has_axes_input))?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        let output = &outputs[0];
        if self.has_axes_input {
            solver.given_2(&inputs[0].shape, &inputs[1].value, move |solver, shape, axes| {
                solver.equals(&output.shape, self.declared(Some(&axes), shape.len())?.output_shape(&shape))
            })
        } else {
            solver.given(&inputs[0].shape, move |solver, shape| {
                solver.equals(&output.shape, self.declared(None, shape.len())?.output_shape(&shape))
            })
        }
    }

    fn wire(&self, name: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let given = inputs.get(1).map(|axes| model.outlet_fact(*axes)).transpose()?;
        let given = given.map(|fact| fact.konst.clone().context("the axes are no constant")).transpose()?;
        let axes = self.axes(given.as_deref(), rank)?;
        let mut axes: TVec<usize> = axes.iter().map(|axis| position(*axis, rank)).collect::<TractResult<_>>()?;
        axes.sort_unstable();
        if axes.is_empty() {
            return Ok(tvec!(inputs[0]));
        }
        let SumOfExponentials { largest, logarithm, .. } = sum_of_exponentials(name, model, inputs[0], axes.clone())?;
        let mut sum = model.wire_node(format!("{name}.whole"), math::add(), &[logarithm, largest])?;
        if !self.keep_dims {
            for axis in axes.into_iter().rev() {
                sum = model.wire_node(format!("{name}.without_{axis}"), AxisOp::Rm(axis), &sum)?;
            }
        }
        Ok(sum)
    }
}

/// What stands for the logarithm of a sum of exponentials: `largest + logarithm`.
struct SumOfExponentials {
    /// The largest number along the axes, or the number nearest to it that is finite.
    largest: OutletId,
    /// How far each number is from it.
    difference: OutletId,
    /// The logarithm of the sum of the differences' exponentials.
    logarithm: OutletId,
}

fn sum_of_exponentials(
    name: &str,
    model: &mut TypedModel,
    input: OutletId,
    axes: TVec<usize>,
) -> TractResult<SumOfExponentials> {
    let fact = model.outlet_fact(input)?.clone();
    let mut constant = |part: &str, number: Tensor| {
        model.add_const(format!("{name}.{part}"), number.broadcast_into_rank(fact.rank())?)
    };
    let top = constant("top", fact.datum_type.max_value())?;
    let bottom = constant("bottom", fact.datum_type.min_value())?;
    let largest = model.wire_node(format!("{name}.max"), Reduce::new(axes.clone(), Reducer::Max), &[input])?[0];
    let largest = model.wire_node(format!("{name}.below"), math::min(), &[largest, top])?[0];
    let largest = model.wire_node(format!("{name}.above"), math::max(), &[largest, bottom])?[0];
    let difference = model.wire_node(format!("{name}.difference"), math::sub(), &[input, largest])?[0];
    let exponentials = model.wire_node(format!("{name}.exp"), math::exp(), &[difference])?;
    let sum = model.wire_node(format!("{name}.sum"), Reduce::new(axes, Reducer::Sum), &exponentials)?;
    let logarithm = model.wire_node(format!("{name}.ln"), math::ln(), &sum)?[0];
    Ok(SumOfExponentials { largest, difference, logarithm })
}

fn same_shape<'r, 'p: 'r>(
    solver: &mut Solver<'r>,
    inputs: &'p [TensorProxy],
    outputs: &'p [TensorProxy],
) -> InferenceResult {
    check_input_arity(inputs, 1)?;
    check_output_arity(outputs, 1)?;
    solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
    solver.equals(&inputs[0].shape, &outputs[0].shape)
}

/// An axis counted from the front.
fn position(axis: i64, rank: usize) -> TractResult<usize> {
    let position = if axis < 0 { axis + rank as i64 } else { axis };
    match usize::try_from(position) {
        Ok(position) if position < rank => Ok(position),
        _ => bail!("there is no axis {axis} among {rank}"),
    }
}

#[cfg(test)]
mod tests;
