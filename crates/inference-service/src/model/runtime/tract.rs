//! tract: pure Rust, nothing to install.

mod limits;
mod logarithms;
mod overriding;
mod sizes;

use std::sync::Arc;

use half::f16;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::{
    Datum, DatumType, Framework, InferenceFact, InferenceModel, IntoRunnable, TValue, TractError, TractResult,
    TypedModel, TypedSimplePlan,
};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, OutletId, SymbolValues, TDim, Tensor as TractTensor, bail, format_err};

use super::execution_provider::{ExecutionProvider, MissingBecause};
use super::model_file::ModelFile;
use super::program::{FixedInputs, LoadError, LoadOptions, LoadProgram, Program, RunProgram};
use super::signature::{Signature, TensorSpec};
use crate::model::onnx::InputLimits;
use crate::model::tensor::{OptionalTensor, TensorElement};
use crate::model::{Datatype, Tensor, TensorValues};
use overriding::{OptionalOutcome, OverridingProgram};

/// The runtime; there is nothing to keep.
pub(super) struct Tract;

impl LoadProgram for Tract {
    fn offers(&self, _: ExecutionProvider) -> Result<(), MissingBecause> {
        Err(MissingBecause::Tract)
    }

    fn load(&self, file: &ModelFile, options: LoadOptions<'_>) -> Result<Arc<dyn Program>, LoadError> {
        let fixed = options.fixed;
        let unsupported = |error: TractError| LoadError::Unsupported(format!("{error:#}"));
        // Declared shapes between input and output often still speak of a symbolic batch; they are inferred instead.
        let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
        logarithms::register(&mut onnx);
        let model = match &file.rewritten {
            Some(bytes) => onnx.model_for_read(&mut &bytes[..]),
            None => onnx.model_for_path(&file.path),
        };
        let model = model.map_err(unsupported)?;
        let declared = inputs(&model).map_err(unsupported)?;
        if let FixedInputs::Input(shape) = fixed {
            Signature::check_input(&declared, shape).map_err(LoadError::Input)?;
        }
        let names: Vec<String> = model
            .output_outlets()
            .map_err(unsupported)?
            .iter()
            .map(|outlet| model.outlet_label(*outlet).unwrap_or(&model.node(outlet.node).name).to_owned())
            .collect();
        let mut model = model;
        for input in 0..declared.len() {
            let fact = model.input_fact(input).map_err(unsupported)?.clone();
            let fact = with_named_dimensions(narrowed(fact, fixed), &model);
            model = model.with_input_fact(input, fact).map_err(unsupported)?;
        }
        for output in 0..names.len() {
            model = model.with_output_fact(output, InferenceFact::default()).map_err(unsupported)?;
        }
        let unsettled = model.clone();
        let typed = sizes::with_agreeing_sizes(&mut model).map_err(unsupported)?;
        limits::check_pads(&typed).map_err(unsupported)?;
        let settled = inputs(&model).map_err(unsupported)?;
        let OptionalOutcome { program: overriding, constant } =
            OptionalOutcome::of(&unsettled, options.optional, &settled);
        let inputs = with_settled_sizes(declared, settled, fixed);
        let model = typed.into_optimized().map_err(unsupported)?;
        let optional = overriding.as_ref().map(|program| program.optional.clone()).unwrap_or_default();
        let outputs = outputs(&model, names).map_err(unsupported)?;
        let signature = Signature { inputs, optional, outputs, constant };
        let plan = model.into_runnable().map_err(unsupported)?;
        let limits = file.limits.clone();
        Ok(Arc::new(TractProgram { plan, overriding: overriding.map(Arc::new), signature, limits }))
    }
}

/// An input once what is fixed is known of it.
fn narrowed(declared: InferenceFact, fixed: FixedInputs<'_>) -> InferenceFact {
    match fixed {
        FixedInputs::Input(shape) => InferenceFact::dt_shape(f32::datum_type(), shape),
        FixedInputs::OneItem => {
            let mut shape = declared.shape.clone();
            shape.set_dim(0, 1.into());
            declared.with_shape(shape)
        }
        FixedInputs::Nothing => declared,
    }
}

/// An input of which each open dimension has a name of its own: scikit-learn and its like leave them without one, and what
/// has no name is not known to be the same a node later.
fn with_named_dimensions(fact: InferenceFact, model: &InferenceModel) -> InferenceFact {
    let mut shape = fact.shape.clone();
    let unnamed = shape.dims().enumerate().filter(|(_, size)| !size.is_concrete()).map(|(position, _)| position);
    for position in unnamed.collect::<Vec<_>>() {
        shape.set_dim(position, model.symbols.new_with_prefix("open").into());
    }
    fact.with_shape(shape)
}

/// The declared inputs with the open sizes that have turned out to be settled, but for those that were fixed for this load.
fn with_settled_sizes(declared: Vec<TensorSpec>, settled: Vec<TensorSpec>, fixed: FixedInputs<'_>) -> Vec<TensorSpec> {
    let first = match fixed {
        FixedInputs::Input(_) => return declared,
        FixedInputs::OneItem => 1,
        FixedInputs::Nothing => 0,
    };
    let mut inputs = declared;
    for (input, settled) in inputs.iter_mut().zip(settled) {
        let sizes = input.shape.iter_mut().flatten().zip(settled.shape.into_iter().flatten());
        for (size, settled) in sizes.skip(first) {
            *size = size.or(settled);
        }
    }
    inputs
}

/// An optimised model.
#[derive(Debug)]
struct TractProgram {
    plan: Arc<TypedSimplePlan>,
    overriding: Option<Arc<OverridingProgram>>,
    signature: Signature,
    limits: InputLimits,
}

impl Program for TractProgram {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_batches(&self) -> Result<(), &'static str> {
        // ResNet-20 takes 2.2 ms alone, 3.5 ms an item of 4, and 4.8 ms of 8; each size would be a plan of its own, too.
        Err("tract takes longer for items together than one after the other")
    }

    fn start(&self) -> Result<Box<dyn RunProgram>, String> {
        let (plan, overriding) = (Arc::clone(&self.plan), self.overriding.clone());
        Ok(Box::new(TractRun { plan, overriding, limits: self.limits.clone() }))
    }
}

/// What a thread runs. A state of the plan is made for each run: LSTM, Scan and the like go on from where the state's
/// last run ended, so one that is kept carries what one client sent into another's answer.
#[derive(Debug)]
struct TractRun {
    plan: Arc<TypedSimplePlan>,
    overriding: Option<Arc<OverridingProgram>>,
    limits: InputLimits,
}

impl RunProgram for TractRun {
    fn run(&mut self, inputs: &[Tensor], optional: &[OptionalTensor]) -> Result<Vec<Tensor>, String> {
        limits::check(&self.limits, inputs.iter().chain(optional.iter().map(|optional| &optional.tensor)))?;
        let run = || -> TractResult<Vec<Tensor>> {
            let sizes = limits::open_sizes(&self.plan, inputs)?;
            let inputs = inputs.iter().map(|input| to_tract(input).map(TValue::from));
            let outputs = match &self.overriding {
                Some(overriding) if !optional.is_empty() => {
                    overriding.run(inputs.collect::<TractResult<_>>()?, optional)?
                }
                _ => self.plan.run(inputs.collect::<TractResult<_>>()?)?.to_vec(),
            };
            outputs.iter().map(|output| from_tract(output, &sizes)).collect()
        };
        run().map_err(|error| format!("{error:#}"))
    }
}

fn to_tract(tensor: &Tensor) -> TractResult<TractTensor> {
    let shape = tensor.shape();
    match tensor.values() {
        TensorValues::Bool(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Uint8(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Uint16(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Uint32(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Uint64(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Int8(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Int16(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Int32(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Int64(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Fp16(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Fp32(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Fp64(elements) => TractTensor::from_shape(shape, elements),
        TensorValues::Bytes(texts) => Ok(ArrayD::from_shape_vec(shape, texts.clone())?.into()),
        values @ TensorValues::Bf16(_) => bail!("it takes no {}", values.datatype()),
    }
}

fn from_tract(tensor: &TractTensor, sizes: &SymbolValues) -> TractResult<Tensor> {
    fn elements<T: Datum + TensorElement>(tensor: &TractTensor) -> TractResult<TensorValues> {
        Ok(T::values(tensor.try_as_plain_ram()?.as_slice::<T>()?.to_vec()))
    }
    let values = match tensor.datum_type() {
        DatumType::Bool => elements::<bool>(tensor)?,
        DatumType::U8 => elements::<u8>(tensor)?,
        DatumType::U16 => elements::<u16>(tensor)?,
        DatumType::U32 => elements::<u32>(tensor)?,
        DatumType::U64 => elements::<u64>(tensor)?,
        DatumType::I8 => elements::<i8>(tensor)?,
        DatumType::I16 => elements::<i16>(tensor)?,
        DatumType::I32 => elements::<i32>(tensor)?,
        DatumType::I64 => elements::<i64>(tensor)?,
        DatumType::F16 => elements::<f16>(tensor)?,
        DatumType::F32 => elements::<f32>(tensor)?,
        DatumType::F64 => elements::<f64>(tensor)?,
        // Sizes, with which tract computes as expressions.
        DatumType::TDim => {
            let sizes = tensor.try_as_plain_ram()?.as_slice::<TDim>()?.iter().map(|size| size.eval_to_i64(sizes));
            TensorValues::Int64(sizes.collect::<TractResult<_>>()?)
        }
        DatumType::String => elements::<String>(tensor)?,
        other => bail!("it gives numbers of the type {other:?}, which the protocol does not have"),
    };
    Tensor::new(tensor.shape().to_vec(), values)
        .ok_or_else(|| format_err!("it gives a tensor that does not fit its shape"))
}

fn inputs(model: &InferenceModel) -> TractResult<Vec<TensorSpec>> {
    let spec = |outlet: &OutletId| {
        let fact = model.outlet_fact(*outlet)?;
        let dimensions = fact.shape.dims();
        let sizes = dimensions.map(|size| size.concretize().and_then(|size| size.to_usize().ok())).collect();
        Ok(TensorSpec {
            name: model.node(outlet.node).name.clone(),
            datatype: fact.datum_type.concretize().and_then(datatype),
            shape: (!fact.shape.is_open()).then_some(sizes),
        })
    };
    model.input_outlets()?.iter().map(spec).collect()
}

fn outputs(model: &TypedModel, names: Vec<String>) -> TractResult<Vec<TensorSpec>> {
    let spec = |(outlet, name): (&OutletId, String)| {
        let fact = model.outlet_fact(*outlet)?;
        let sizes = fact.shape.iter().map(|size| size.to_usize().ok()).collect();
        Ok(TensorSpec { name, datatype: datatype(fact.datum_type), shape: Some(sizes) })
    };
    model.output_outlets()?.iter().zip(names).map(spec).collect()
}

fn datatype(datum_type: DatumType) -> Option<Datatype> {
    match datum_type {
        DatumType::Bool => Some(Datatype::Bool),
        DatumType::U8 => Some(Datatype::Uint8),
        DatumType::U16 => Some(Datatype::Uint16),
        DatumType::U32 => Some(Datatype::Uint32),
        DatumType::U64 => Some(Datatype::Uint64),
        DatumType::I8 => Some(Datatype::Int8),
        DatumType::I16 => Some(Datatype::Int16),
        DatumType::I32 => Some(Datatype::Int32),
        DatumType::I64 | DatumType::TDim => Some(Datatype::Int64),
        DatumType::F16 => Some(Datatype::Fp16),
        DatumType::F32 => Some(Datatype::Fp32),
        DatumType::F64 => Some(Datatype::Fp64),
        DatumType::String => Some(Datatype::Bytes),
        _ => None,
    }
}
