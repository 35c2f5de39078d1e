//! A second program of a model, in which initialisers that are listed as inputs are inputs.
//!
//! Rule of thumb: what is constant is fast, so requests that leave these inputs out run the program in which they are. Where
//! tract needs a value before it runs, as of the weights of a convolution, that input stays constant.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::prelude::{InferenceFact, InferenceModel, IntoRunnable, TDim, TValue, TractResult, TypedSimplePlan};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{OutletId, Tensor as TractTensor, bail, format_err};
use tract_onnx::tract_hir::ops::source::Source;

use super::super::program::panic_message;
use super::super::signature::{ConstantInputs, OTHER_ENGINE, TensorSpec};
use super::tensors::{inputs, to_tract};
use super::{sizes, windows};
use crate::model::tensor::OptionalTensor;

/// The second program.
#[derive(Debug)]
pub(super) struct OverridingProgram {
    plan: Arc<TypedSimplePlan>,
    /// The optional inputs, which follow the others.
    pub(super) optional: Vec<TensorSpec>,
    /// The file's values of them.
    defaults: Vec<Arc<TractTensor>>,
}

/// What has become of the inputs that may be left out.
#[derive(Debug, Default)]
pub(super) struct OptionalOutcome {
    pub(super) program: Option<OverridingProgram>,
    pub(super) constant: Option<ConstantInputs>,
}

impl OptionalOutcome {
    /// Makes the second program of a model whose inputs have their facts. `required` are its inputs as they have turned out.
    pub(super) fn of(model: &InferenceModel, optional: &[TensorSpec], required: &[TensorSpec]) -> Self {
        if optional.is_empty() {
            return Self::default();
        }
        let attempt = |optional: &[TensorSpec]| {
            catch_unwind(AssertUnwindSafe(|| OverridingProgram::build(model.clone(), optional, required)))
                .unwrap_or_else(|panic| Err(format_err!("{}", panic_message(panic.as_ref()))))
        };
        let names = |specs: &[TensorSpec]| specs.iter().map(|spec| spec.name.clone()).collect::<Vec<_>>();
        let constant = |names, problem| {
            Some(ConstantInputs {
                names,
                because: format!("tract needs its value before it runs ({problem:#}); {OTHER_ENGINE}"),
            })
        };
        let problem = match attempt(optional) {
            Ok(program) => return Self { program: Some(program), constant: None },
            Err(problem) => problem,
        };
        // Weights shape the graph more often than single numbers do.
        let is_number =
            |spec: &&TensorSpec| spec.shape.as_ref().is_some_and(|shape| shape.iter().all(|size| *size == Some(1)));
        let (numbers, others): (Vec<TensorSpec>, Vec<TensorSpec>) =
            optional.iter().cloned().partition(|spec| is_number(&spec));
        if numbers.is_empty() || others.is_empty() {
            return Self { program: None, constant: constant(names(optional), problem) };
        }
        match attempt(&numbers) {
            Ok(program) => Self { program: Some(program), constant: constant(names(&others), problem) },
            Err(problem) => Self { program: None, constant: constant(names(optional), problem) },
        }
    }
}

impl OverridingProgram {
    fn build(mut model: InferenceModel, optional: &[TensorSpec], required: &[TensorSpec]) -> TractResult<Self> {
        let mut defaults = Vec::with_capacity(optional.len());
        for spec in optional {
            let outlet = OutletId::new(model.node_by_name(&spec.name)?.id, 0);
            let value = model.outlet_fact(outlet)?.value.concretize();
            let value = value.ok_or_else(|| format_err!("{:?} has no value", spec.name))?;
            let Some(shape) = &spec.shape else { bail!("the file declares no shape of {:?}", spec.name) };
            if shape.len() != value.rank() {
                bail!("the file declares another shape of {:?} than its value has", spec.name);
            }
            let size = |size: &Option<usize>| match size {
                Some(size) => TDim::from(*size),
                None => model.symbols.new_with_prefix("open").into(),
            };
            let sizes: Vec<TDim> = shape.iter().map(size).collect();
            let fact = InferenceFact::dt_shape(value.datum_type(), sizes);
            model.node_mut(outlet.node).op = Box::new(Source::new());
            model.set_outlet_fact(outlet, fact)?;
            model.inputs.push(outlet);
            defaults.push(value);
        }
        let mut typed = sizes::with_agreeing_sizes(&mut model)?;
        windows::guard(&mut typed)?;
        let mut all = inputs(&model)?;
        let optional = all.split_off(required.len());
        let are_same = all.iter().zip(required).all(|(one, other)| {
            let open = |spec: &TensorSpec| spec.shape.iter().flatten().map(Option::is_none).collect::<Vec<_>>();
            open(one) == open(other)
        });
        if !are_same {
            bail!("the sizes of other inputs would no longer be open");
        }
        Ok(Self { plan: typed.into_optimized()?.into_runnable()?, optional, defaults })
    }

    /// The outputs for these inputs, and for the optional ones that are given.
    pub(super) fn run(&self, mut inputs: Vec<TValue>, optional: &[OptionalTensor]) -> TractResult<Vec<TValue>> {
        for (position, default) in self.defaults.iter().enumerate() {
            let given = optional.iter().find(|optional| optional.position == position);
            inputs.push(match given {
                Some(given) => to_tract(&given.tensor)?.into(),
                None => TValue::from_const(Arc::clone(default)),
            });
        }
        Ok(self.plan.run(inputs.into())?.to_vec())
    }
}
