//! tract: pure Rust, nothing to install.

mod casts;
mod files;
mod limits;
mod logarithms;
mod overriding;
mod sizes;
mod tensors;
mod windows;

use std::sync::Arc;

use tract_onnx::prelude::{
    Datum, InferenceFact, InferenceModel, IntoRunnable, TValue, TractError, TractResult, TypedSimplePlan,
};
use tract_onnx::tract_hir::infer::Factoid;

use super::execution_provider::{ExecutionProvider, MissingBecause};
use super::model_file::ModelFile;
use super::program::{FixedInputs, LoadError, LoadOptions, LoadProgram, NoAnswer, Program, RunProgram};
use super::signature::{Signature, TensorSpec};
use crate::model::Tensor;
use crate::model::onnx::InputLimits;
use crate::model::tensor::OptionalTensor;
use overriding::{OptionalOutcome, OverridingProgram};
use tensors::{from_tract, inputs, outputs, to_tract};
use windows::TooSmall;

/// The runtime; there is nothing to keep.
pub(super) struct Tract;

impl LoadProgram for Tract {
    fn offers(&self, _: ExecutionProvider) -> Result<(), MissingBecause> {
        Err(MissingBecause::Tract)
    }

    fn load(&self, file: ModelFile, options: LoadOptions<'_>) -> Result<Arc<dyn Program>, LoadError> {
        let fixed = options.fixed;
        let unsupported = |error: TractError| LoadError::Unsupported(format!("{error:#}"));
        // Declared shapes between input and output often still speak of a symbolic batch; they are inferred instead.
        let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
        casts::register(&mut onnx);
        logarithms::register(&mut onnx);
        let limits = file.limits.clone();
        let model = files::model(onnx, file).map_err(unsupported)?;
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
        let mut typed = sizes::with_agreeing_sizes(&mut model).map_err(unsupported)?;
        limits::check_pads(&typed).map_err(unsupported)?;
        windows::guard(&mut typed).map_err(unsupported)?;
        let settled = inputs(&model).map_err(unsupported)?;
        let OptionalOutcome { program: overriding, constant } =
            OptionalOutcome::of(&unsettled, options.optional, &settled);
        let inputs = with_settled_sizes(declared, settled, fixed);
        let model = typed.into_optimized().map_err(unsupported)?;
        let optional = overriding.as_ref().map(|program| program.optional.clone()).unwrap_or_default();
        let outputs = outputs(&model, names).map_err(unsupported)?;
        let signature = Signature { inputs, optional, outputs, constant };
        let plan = model.into_runnable().map_err(unsupported)?;
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
    fn run(&mut self, inputs: &[Tensor], optional: &[OptionalTensor]) -> Result<Vec<Tensor>, NoAnswer> {
        let all = inputs.iter().chain(optional.iter().map(|optional| &optional.tensor));
        limits::check(&self.limits, all).map_err(NoAnswer::ToInput)?;
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
        run().map_err(|error| match error.downcast_ref::<TooSmall>() {
            Some(too_small) => NoAnswer::ToInput(too_small.to_string()),
            None => NoAnswer::Failed(format!("{error:#}")),
        })
    }
}
