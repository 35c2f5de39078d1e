//! tract: pure Rust, nothing to install.

use std::sync::Arc;

use tract_onnx::prelude::{
    Datum, DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, TValue, Tensor,
    TractError, TractResult, TypedModel, TypedSimplePlan, TypedSimpleState, tvec,
};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, OutletId};

use super::{Load, LoadError, Program, Run, Signature, TensorSpec};

/// The runtime; there is nothing to keep.
pub(super) struct Tract;

impl Load for Tract {
    fn load(&self, bytes: &[u8], shape: [usize; 4]) -> Result<Arc<dyn Program>, LoadError> {
        let unsupported = |error: TractError| LoadError::Unsupported(format!("{error:#}"));
        // Declared shapes between input and output often still speak of a symbolic batch; they are inferred instead.
        let onnx = tract_onnx::onnx().with_ignore_value_info(true);
        let model = onnx.model_for_read(&mut &*bytes).map_err(unsupported)?;
        let inputs = inputs(&model).map_err(unsupported)?;
        Signature::check_input(&inputs, &shape).map_err(LoadError::Input)?;
        let names: Vec<String> = model
            .output_outlets()
            .map_err(unsupported)?
            .iter()
            .map(|outlet| model.outlet_label(*outlet).unwrap_or(&model.node(outlet.node).name).to_owned())
            .collect();
        let mut model =
            model.with_input_fact(0, InferenceFact::dt_shape(f32::datum_type(), shape)).map_err(unsupported)?;
        for output in 0..names.len() {
            model = model.with_output_fact(output, InferenceFact::default()).map_err(unsupported)?;
        }
        let model = model.into_optimized().map_err(unsupported)?;
        let signature = Signature { inputs, outputs: outputs(&model, names).map_err(unsupported)? };
        let plan = model.into_runnable().map_err(unsupported)?;
        Ok(Arc::new(Plan { plan, shape, signature }))
    }
}

/// An optimised model.
#[derive(Debug)]
struct Plan {
    plan: Arc<TypedSimplePlan>,
    shape: [usize; 4],
    signature: Signature,
}

impl Program for Plan {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self) -> Result<Box<dyn Run>, String> {
        let state = self.plan.spawn().map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(State { state, shape: self.shape }))
    }
}

#[derive(Debug)]
struct State {
    state: TypedSimpleState,
    shape: [usize; 4],
}

impl Run for State {
    fn run(&mut self, values: &[f32]) -> Result<Vec<f32>, String> {
        let mut run = || -> TractResult<Vec<f32>> {
            let tensor = Tensor::from_shape(&self.shape, values)?;
            let outputs = self.state.run(tvec!(TValue::from(tensor)))?;
            let first = outputs.first().map(|output| output.try_as_plain_ram()?.as_slice::<f32>().map(<[f32]>::to_vec));
            first.unwrap_or_else(|| Ok(Vec::new()))
        };
        run().map_err(|error| format!("{error:#}"))
    }
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

fn datatype(datum_type: DatumType) -> Option<&'static str> {
    match datum_type {
        DatumType::Bool => Some("BOOL"),
        DatumType::U8 => Some("UINT8"),
        DatumType::U16 => Some("UINT16"),
        DatumType::U32 => Some("UINT32"),
        DatumType::U64 => Some("UINT64"),
        DatumType::I8 => Some("INT8"),
        DatumType::I16 => Some("INT16"),
        DatumType::I32 => Some("INT32"),
        DatumType::I64 => Some("INT64"),
        DatumType::F16 => Some("FP16"),
        DatumType::F32 => Some("FP32"),
        DatumType::F64 => Some("FP64"),
        DatumType::String => Some("BYTES"),
        _ => None,
    }
}
