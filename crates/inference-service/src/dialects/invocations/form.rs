//! In which form MLflow would answer.
//!
//! Rule of thumb: its pyfunc of a model of ONNX answers a frame with a frame, and anything else with the outputs by name. A
//! signature of columns makes a frame of what names them, and one of tensors makes tensors of every frame.

use crate::dialects::asked::AskedKind;
use crate::dialects::told::ToldForm;
use crate::model::{Engine, MlflowSignature, SavedByMlflow};

/// The form of the answer.
pub(super) fn form_of(kind: AskedKind, engine: &Engine) -> ToldForm {
    let takes_tensors = |saved: &SavedByMlflow| saved.signature == MlflowSignature::Tensors;
    let has_tensors = engine.config().mlflow.as_ref().is_some_and(takes_tensors);
    match kind {
        AskedKind::Tensors => ToldForm::Named,
        AskedKind::Frame if has_tensors => ToldForm::Named,
        AskedKind::Rows | AskedKind::Frame => ToldForm::Records,
    }
}
