//! Casts to whole numbers of 32 and 64 bits that give what ONNX Runtime gives.
//!
//! Rule of thumb: ONNX Runtime does what the processor does (x86-64, `cvttss2si`): a number that is out of range, and NaN,
//! becomes the smallest whole number. tract takes the nearest one, and keeps 32 bits of what becomes INT64.

use std::sync::LazyLock;

use half::f16;
use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::{Datum, DatumType, TVec, TractResult, TypedModel};
use tract_onnx::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_onnx::tract_hir::internal::*;

/// What reading a node gives.
type CastRead = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;
type CastReader = fn(&ParsingContext<'_>, &NodeProto) -> CastRead;

/// tract's own reader of casts.
static OTHERS: LazyLock<Option<CastReader>> = LazyLock::new(|| tract_onnx::onnx().op_register.0.get("Cast").copied());

/// Has tract read casts as they are here.
pub(super) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert("Cast", cast);
}

fn cast(context: &ParsingContext<'_>, node: &NodeProto) -> CastRead {
    let to = node.get_attr::<DatumType>("to")?;
    match (to, *OTHERS) {
        // tract computes with sizes instead of INT64, which may be of either.
        (DatumType::I64, _) => Ok((expand(CastToWholes { to: DatumType::TDim }), vec![])),
        (DatumType::I32, _) => Ok((expand(CastToWholes { to }), vec![])),
        (_, Some(others)) => others(context, node),
        (_, None) => bail!("there is no operator Cast"),
    }
}

#[derive(Clone, Debug)]
struct CastToWholes {
    to: DatumType,
}

impl Expansion for CastToWholes {
    fn name(&self) -> StaticName {
        "CastToWholes".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, self.to)?;
        solver.equals(&outputs[0].rank, &inputs[0].rank)?;
        solver.equals(&outputs[0].shape, &inputs[0].shape)
    }

    fn wire(&self, name: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let from = model.outlet_fact(inputs[0])?.datum_type;
        let is_whole = from.is_integer() || from == DatumType::TDim || from == DatumType::Bool;
        let is_wide = matches!(from, DatumType::I64 | DatumType::U64 | DatumType::U32);
        if from.is_float() || (is_wide && self.to == DatumType::TDim) {
            return model.wire_node(name, ElementWiseOp(Box::new(Truncated { to: self.to }), None), inputs);
        }
        if !is_whole {
            bail!("it casts no {from:?} to whole numbers");
        }
        model.wire_node(name, tract_onnx::tract_core::ops::cast::cast(self.to), inputs)
    }
}

/// What is behind the point is cut off; what is out of range is the smallest number.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Truncated {
    to: DatumType,
}

impl ElementWiseMiniOp for Truncated {
    fn name(&self) -> String {
        "Truncated".to_owned()
    }

    fn output_type(&self, _: DatumType) -> Option<DatumType> {
        Some(self.to)
    }

    fn eval_out_of_place(&self, tensor: &Tensor, _: Option<DatumType>) -> TractResult<Tensor> {
        fn wholes<T: Datum + Copy>(tensor: &Tensor, whole: impl Fn(T) -> i64) -> TractResult<Vec<i64>> {
            Ok(tensor.try_as_plain_ram()?.as_slice::<T>()?.iter().map(|number| whole(*number)).collect())
        }
        let is_narrow = self.to == DatumType::I32;
        let whole = |number: f64| if is_narrow { truncated_to_32_bits(number) } else { truncated(number) };
        let numbers = match tensor.datum_type() {
            DatumType::F16 => wholes(tensor, |number: f16| whole(number.to_f64()))?,
            DatumType::F32 => wholes(tensor, |number: f32| whole(number.into()))?,
            DatumType::F64 => wholes(tensor, whole)?,
            DatumType::I64 => wholes(tensor, |number: i64| number)?,
            DatumType::U64 => wholes(tensor, |number: u64| number.cast_signed())?,
            DatumType::U32 => wholes(tensor, |number: u32| number.into())?,
            other => bail!("it casts no {other:?} to whole numbers"),
        };
        if is_narrow {
            let numbers: Vec<i32> = numbers.into_iter().map(|number| number as i32).collect();
            return Tensor::from_shape(tensor.shape(), &numbers);
        }
        let numbers: Vec<TDim> = numbers.into_iter().map(TDim::from).collect();
        Ok(ArrayD::from_shape_vec(tensor.shape(), numbers)?.into())
    }
}

fn truncated(number: f64) -> i64 {
    // 2⁶³ is the first number that is out of range; -2⁶³ is in it.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}

fn truncated_to_32_bits(number: f64) -> i64 {
    let whole = number.trunc();
    if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole) { whole as i64 } else { i32::MIN.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_the_smallest_number() {
        for (number, right) in [
            (1.7, 1),
            (-2.5, -2),
            (3e9, 3_000_000_000),
            (9.3e18, i64::MIN),
            (-9.3e18, i64::MIN),
            (f64::NAN, i64::MIN),
            (f64::INFINITY, i64::MIN),
            (-9_223_372_036_854_775_808.0, i64::MIN),
            (9_223_372_036_854_774_784.0, 9_223_372_036_854_774_784),
        ] {
            assert_eq!(truncated(number), right, "{number}");
        }
        for (number, right) in [
            (2_147_483_647.9, i32::MAX),
            (2_147_483_648.0, i32::MIN),
            (-2_147_483_648.9, i32::MIN),
            (f64::NAN, i32::MIN),
        ] {
            assert_eq!(truncated_to_32_bits(number), i64::from(right), "{number}");
        }
    }
}
