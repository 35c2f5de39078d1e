//! Whether the shapes and types that an ONNX file declares are those that model.toml asks for.
//!
//! Rule of thumb: what a file leaves open, such as a batch dimension called N, is taken; what it fixes must agree.

use std::fmt::Write;

use tract_onnx::prelude::{DatumType, InferenceFact, InferenceModel, TypedModel};
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Checks that the file declares one input which one item of this shape fits.
///
/// # Errors
/// What the file declares, readable behind "the model has".
pub(super) fn check_input(model: &InferenceModel, shape: &[usize]) -> Result<(), String> {
    let inputs = model.input_outlets().map_err(|error| error.to_string())?;
    if inputs.len() != 1 {
        return Err(format!("{} inputs", inputs.len()));
    }
    let declared = model.input_fact(0).map_err(|error| error.to_string())?;
    let type_fits = declared.datum_type.concretize().is_none_or(|datum_type| datum_type == DatumType::F32);
    let declared_rank = declared.shape.dims().count();
    let rank_fits = if declared.shape.is_open() { declared_rank <= shape.len() } else { declared_rank == shape.len() };
    let sizes_fit = declared.shape.dims().zip(shape).all(|(dimension, size)| {
        let fixed = dimension.concretize().and_then(|dimension| dimension.to_usize().ok());
        fixed.is_none_or(|fixed| fixed == *size)
    });
    if type_fits && rank_fits && sizes_fit { Ok(()) } else { Err(describe(declared)) }
}

/// Checks that the model has one output with one number for each class.
///
/// # Errors
/// What the model has, readable behind "the model has".
pub(super) fn check_output(model: &TypedModel, classes: usize) -> Result<(), String> {
    let outputs = model.output_outlets().map_err(|error| error.to_string())?;
    if outputs.len() != 1 {
        return Err(format!("{} outputs", outputs.len()));
    }
    let fact = model.output_fact(0).map_err(|error| error.to_string())?;
    let sizes = fact.shape.as_concrete();
    // Exporters that keep a spatial dimension after pooling leave ones behind, as in [1, classes, 1, 1].
    let fits = sizes.is_some_and(|sizes| {
        sizes.iter().product::<usize>() == classes && sizes.iter().all(|size| *size == 1 || *size == classes)
    });
    if fits && fact.datum_type == DatumType::F32 {
        return Ok(());
    }
    let shape = match sizes {
        Some(sizes) => format!("{sizes:?}"),
        None => "a shape that depends on the input's values".to_owned(),
    };
    Err(format!("an output of type {:?} and shape {shape}", fact.datum_type))
}

fn describe(declared: &InferenceFact) -> String {
    let mut text = match declared.datum_type.concretize() {
        Some(datum_type) => format!("an input of type {datum_type:?} and shape ["),
        None => "an input of shape [".to_owned(),
    };
    for (position, dimension) in declared.shape.dims().enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{dimension}");
    }
    text.push(']');
    text
}
