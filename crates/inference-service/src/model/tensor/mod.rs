//! Tensors: what a model takes and gives, of any type and shape.
//!
//! Rule of thumb: a [`Tensor`] has as many elements as its shape says; this is compared when it is made.

mod bytes;
mod elements;
mod numbers;

pub(crate) use elements::TensorElement;
pub use elements::{Datatype, TensorValues};

/// Elements in a shape, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    values: TensorValues,
}

/// A tensor for one of a model's optional inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionalTensor {
    /// The place of the input in [`Signature::optional`](super::Signature::optional).
    pub position: usize,
    /// What takes the place of the file's value.
    pub tensor: Tensor,
}

impl Tensor {
    /// A tensor of this shape; `None` where there are not as many elements as it says.
    #[must_use]
    pub fn new(shape: Vec<usize>, values: TensorValues) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
        (count == values.len()).then_some(Self { shape, values })
    }

    /// A tensor of zeros, of `false`, or of empty texts.
    #[must_use]
    pub fn zeros(datatype: Datatype, shape: Vec<usize>) -> Self {
        Self { values: TensorValues::zeros(datatype, shape.iter().product()), shape }
    }

    /// The size of each dimension.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its elements.
    #[must_use]
    pub fn values(&self) -> &TensorValues {
        &self.values
    }

    /// Its elements, without the shape.
    #[must_use]
    pub fn into_values(self) -> TensorValues {
        self.values
    }

    /// The same elements in another shape; `None` where that has another number of them.
    #[must_use]
    pub fn reshaped(self, shape: Vec<usize>) -> Option<Self> {
        Self::new(shape, self.values)
    }

    /// Its rows along the first dimension, each with a first dimension of 1; none for a tensor without dimensions.
    #[must_use]
    pub fn rows(&self) -> Vec<Self> {
        let Some((rows, rest)) = self.shape.split_first() else { return Vec::new() };
        let shape: Vec<usize> = std::iter::once(1).chain(rest.iter().copied()).collect();
        let count = self.values.len().checked_div(*rows).unwrap_or_default();
        let row = |row: usize| Self { shape: shape.clone(), values: self.values.slice(row * count..(row + 1) * count) };
        (0..*rows).map(row).collect()
    }

    /// One tensor of several, along the first dimension; `None` for none, and where types or the other sizes differ.
    #[must_use]
    pub fn stacked<'a>(tensors: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut tensors = tensors.into_iter();
        let mut all = tensors.next()?.clone();
        for tensor in tensors {
            let ((rows, rest), (more, others)) = (all.shape.split_first_mut()?, tensor.shape.split_first()?);
            if rest != others || !all.values.append(&tensor.values) {
                return None;
            }
            *rows += more;
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shape_fits_its_elements() {
        let values = TensorValues::Int64(vec![1, 2, 3, 4, 5, 6]);
        assert!(Tensor::new(vec![2, 2], values.clone()).is_none());
        assert!(Tensor::new(vec![usize::MAX, 2], values.clone()).is_none());
        assert!(Tensor::new(vec![], values.clone()).is_none());
        assert_eq!(Tensor::new(vec![2, 3], values).unwrap().shape(), [2, 3]);
    }

    #[test]
    fn other_sizes_and_types_are_not_stacked() {
        let zeros = |datatype, shape: &[usize]| Tensor::zeros(datatype, shape.to_vec());
        let row = zeros(Datatype::Fp32, &[1, 2]);
        for other in [zeros(Datatype::Fp64, &[1, 2]), zeros(Datatype::Fp32, &[1, 3]), zeros(Datatype::Fp32, &[])] {
            assert!(Tensor::stacked([&row, &other]).is_none(), "{other:?}");
        }
        assert!(Tensor::stacked([]).is_none());
    }

    proptest! {
        #[test]
        fn rows_make_the_tensor_again(rows in 1..5_usize, width in 1..4_usize, seed: u8) {
            let texts = (0..rows * width).map(|number| format!("{seed}-{number}")).collect();
            let tensor = Tensor::new(vec![rows, width], TensorValues::Bytes(texts)).unwrap();
            let apart = tensor.rows();
            prop_assert!(apart.iter().all(|row| row.shape() == [1, width]));
            prop_assert_eq!(Tensor::stacked(&apart).unwrap(), tensor);
        }
    }
}
