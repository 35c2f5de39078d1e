//! What a model takes and gives, and whether that is what model.toml asks for.
//!
//! Rule of thumb: what a file leaves open, such as a batch dimension called N, is taken; what it fixes must agree.

use std::fmt;

/// The tensors of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What it takes, as the file declares it.
    pub inputs: Vec<TensorSpec>,
    /// What it gives for one item.
    pub outputs: Vec<TensorSpec>,
}

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name in the file.
    pub name: String,
    /// The type of its elements in the words of the Open Inference Protocol, such as `FP32`; `None` where the file
    /// leaves it open, or for a type that the protocol does not have.
    pub datatype: Option<&'static str>,
    /// Its dimensions; `None` for one that is open. `None` as a whole where even their number is open.
    pub shape: Option<Vec<Option<usize>>>,
}

impl Signature {
    /// Checks that there is one input, which one item of this shape fits.
    ///
    /// # Errors
    /// What there is, readable behind "the model has".
    pub(super) fn check_input(inputs: &[TensorSpec], shape: &[usize]) -> Result<(), String> {
        let [input] = inputs else { return Err(format!("{} inputs", inputs.len())) };
        let type_fits = input.datatype.is_none_or(|datatype| datatype == "FP32");
        let shape_fits = input.shape.as_ref().is_none_or(|declared| {
            declared.len() == shape.len()
                && declared.iter().zip(shape).all(|(declared, size)| declared.is_none_or(|declared| declared == *size))
        });
        if type_fits && shape_fits { Ok(()) } else { Err(format!("an input of {input}")) }
    }

    /// Checks that there is one output with one number for each class.
    ///
    /// # Errors
    /// What there is, readable behind "the model has".
    pub(crate) fn check_output(&self, classes: usize) -> Result<(), String> {
        let [output] = self.outputs.as_slice() else { return Err(format!("{} outputs", self.outputs.len())) };
        // Exporters that keep a spatial dimension after pooling leave ones behind, as in [1, classes, 1, 1].
        let shape_fits = output.shape.as_ref().is_some_and(|shape| {
            let sizes: Option<Vec<usize>> = shape.iter().copied().collect();
            sizes.is_some_and(|sizes| {
                sizes.iter().product::<usize>() == classes && sizes.iter().all(|size| *size == 1 || *size == classes)
            })
        });
        if shape_fits && output.datatype == Some("FP32") { Ok(()) } else { Err(format!("an output of {output}")) }
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(datatype) = self.datatype {
            write!(f, "type {datatype} and ")?;
        }
        match &self.shape {
            Some(shape) => {
                let sizes = shape.iter().map(|size| size.map_or_else(|| "?".to_owned(), |size| size.to_string()));
                write!(f, "shape [{}]", sizes.collect::<Vec<_>>().join(", "))
            }
            None => f.write_str("an open shape"),
        }
    }
}
