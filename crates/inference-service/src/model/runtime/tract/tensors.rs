//! Tensors and their descriptions, between tract's types and the service's.

use half::f16;
use tract_onnx::prelude::tract_ndarray::ArrayD;
use tract_onnx::prelude::{Datum, DatumType, InferenceModel, TractResult, TypedModel};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, OutletId, SymbolValues, TDim, Tensor as TractTensor, bail, format_err};

use super::super::signature::TensorSpec;
use crate::model::tensor::TensorElement;
use crate::model::{Datatype, Tensor, TensorValues};

/// A tensor as tract has it.
pub(super) fn to_tract(tensor: &Tensor) -> TractResult<TractTensor> {
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

/// A tensor of tract's, in which sizes that were computed have the values of one run.
pub(super) fn from_tract(tensor: &TractTensor, sizes: &SymbolValues) -> TractResult<Tensor> {
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

/// The inputs of a model, as far as its facts say.
pub(super) fn inputs(model: &InferenceModel) -> TractResult<Vec<TensorSpec>> {
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

/// The outputs of a model, by these names.
pub(super) fn outputs(model: &TypedModel, names: Vec<String>) -> TractResult<Vec<TensorSpec>> {
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
