//! In which form MLflow would answer.
//!
//! Rule of thumb: its pyfunc of a model of ONNX answers a frame with a frame, and anything else with the outputs by name.

use crate::dialects::asked::AskedData;
use crate::dialects::told::ToldForm;

/// The form of the answer.
pub(super) fn form_of(data: &AskedData) -> ToldForm {
    if data.is_table() { ToldForm::Records } else { ToldForm::Named }
}
