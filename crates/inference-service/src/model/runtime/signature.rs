//! What a model takes and gives, and whether that is what model.toml asks for.
//!
//! Rule of thumb: what a file leaves open, such as a batch dimension called N, may be anything; what it fixes must agree.

use std::fmt;

use crate::model::{Datatype, Tensor};

/// What to do where tract does not take optional inputs.
pub(in crate::model) const OTHER_ENGINE: &str = "`engine = \"onnxruntime\"` in model.toml takes them from requests";

/// The tensors of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The inputs that every run needs, as the file declares them.
    pub inputs: Vec<TensorSpec>,
    /// The inputs that a run may leave out, for the file has a value of each: initialisers that are listed as inputs.
    pub optional: Vec<TensorSpec>,
    /// The inputs whose values are always the file's.
    pub constant: Option<ConstantInputs>,
    /// The outputs for one item.
    pub outputs: Vec<TensorSpec>,
}

/// Inputs that have a value in the file, and that requests cannot bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstantInputs {
    /// Their names; at least one.
    pub names: Vec<String>,
    /// Why that is so, and what to do; goes after "because".
    pub because: String,
}

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name in the file.
    pub name: String,
    /// The type of its elements; `None` where the file leaves it open, or for a type that the Open Inference Protocol
    /// does not have.
    pub datatype: Option<Datatype>,
    /// Its dimensions; `None` for one that is open. `None` as a whole where even their number is open.
    pub shape: Option<Vec<Option<usize>>>,
}

impl Signature {
    /// The same, where the shapes of these tensors are open. ONNX Runtime tells them as if they had no dimensions.
    pub(in crate::model) fn with_open(mut self, names: &[String]) -> Self {
        let is_told_of =
            |spec: &&mut TensorSpec| spec.shape.as_ref().is_some_and(Vec::is_empty) && names.contains(&spec.name);
        let inputs = self.inputs.iter_mut().chain(&mut self.optional);
        inputs.chain(&mut self.outputs).filter(is_told_of).for_each(|spec| spec.shape = None);
        self
    }

    /// The same, with these constant inputs beside those that the runtime itself keeps constant.
    pub(in crate::model) fn with_constant(self, constant: Option<ConstantInputs>) -> Self {
        Self { constant: constant.or(self.constant), ..self }
    }

    /// Checks that there is one input of numbers, which one item of this shape fits.
    ///
    /// # Errors
    /// What there is, as a text that goes after "the model has".
    pub(super) fn check_input(inputs: &[TensorSpec], shape: &[usize]) -> Result<(), String> {
        let [input] = inputs else { return Err(format!("{} inputs", inputs.len())) };
        if input.takes_fp32() && input.fits(shape) { Ok(()) } else { Err(format!("an input of {input}")) }
    }
}

impl TensorSpec {
    /// Checks that it is one floating-point number for one item.
    ///
    /// # Errors
    /// What it is, as a text that goes after "the model has".
    pub(crate) fn check_number(&self) -> Result<(), String> {
        let found = || format!("an output of {self}");
        let first_is_open = |(place, size): (usize, &Option<usize>)| if place == 0 { size.or(Some(1)) } else { *size };
        let sizes: Option<Vec<usize>> =
            self.shape.as_ref().ok_or_else(found)?.iter().enumerate().map(first_is_open).collect();
        let sizes = sizes.ok_or_else(found)?;
        let is_float = Tensor::zeros(self.datatype.unwrap_or(Datatype::Bytes), vec![1]).values().float(0).is_some();
        if is_float && sizes.iter().all(|size| *size == 1) { Ok(()) } else { Err(found()) }
    }

    /// Whether a tensor may have this shape.
    #[must_use]
    pub fn fits(&self, shape: &[usize]) -> bool {
        self.shape.as_ref().is_none_or(|declared| is_one_of(declared, shape))
    }

    /// Whether a tensor may have these dimensions after the first.
    #[must_use]
    pub fn fits_behind_first(&self, item: &[usize]) -> bool {
        self.item().is_none_or(|declared| is_one_of(declared, item))
    }

    /// The size of each dimension, where none is open.
    fn fixed_sizes(&self) -> Option<Vec<usize>> {
        self.shape.as_ref()?.iter().copied().collect()
    }

    /// Whether every dimension is fixed.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.fixed_sizes().is_some()
    }

    /// Whether every dimension after the first is fixed.
    #[must_use]
    pub fn is_fixed_behind_first(&self) -> bool {
        self.item().is_some_and(|item| item.iter().all(Option::is_some))
    }

    /// Whether it can be numbers of single precision.
    #[must_use]
    pub fn takes_fp32(&self) -> bool {
        self.datatype.is_none_or(|datatype| datatype == Datatype::Fp32)
    }

    /// The dimensions after the first, where their number is known and there is a first.
    #[must_use]
    pub fn item(&self) -> Option<&[Option<usize>]> {
        Some(self.shape.as_ref()?.split_first()?.1)
    }

    /// A tensor of zeros; what is open is 1, as is the first dimension where `one_item`.
    pub(crate) fn zeros(&self, one_item: bool) -> Tensor {
        Tensor::zeros(self.datatype.unwrap_or(Datatype::Fp32), self.least_shape(one_item))
    }

    /// The shape of these zeros.
    pub(crate) fn least_shape(&self, one_item: bool) -> Vec<usize> {
        let open = |(dimension, size): (usize, &Option<usize>)| match size {
            Some(size) if dimension > 0 || !one_item => *size,
            _ => 1,
        };
        self.shape.iter().flatten().enumerate().map(open).collect()
    }
}

fn is_one_of(declared: &[Option<usize>], shape: &[usize]) -> bool {
    declared.len() == shape.len()
        && declared.iter().zip(shape).all(|(declared, size)| declared.is_none_or(|declared| declared == *size))
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
