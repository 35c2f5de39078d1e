//! What one run of a model takes.
//!
//! Rule of thumb: what comes from outside becomes a [`ModelInput`] only through constructors that check it, so a wrong count
//! or a NaN cannot exist here.

use std::sync::Arc;

use super::error::InputError;
use super::item_shape::{ItemShape, shape_text};
use super::numbers::NumberArray;
use crate::model::{OptionalTensor, Tensor, TensorValues};

/// The tensors of one item, or of one request to a model that takes whole ones, in the order of the model's inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    tensors: Vec<Tensor>,
    optional: Arc<[OptionalTensor]>,
}

impl ModelInput {
    /// Takes the numbers of one item of this shape in the order of the model's layout, normalised already.
    ///
    /// # Errors
    /// [`InputError::WrongShape`] for another count than the shape's, [`InputError::NonFinite`] for NaN or infinity.
    pub fn new(item: &[usize], values: Vec<f32>) -> Result<Self, InputError> {
        let (count, found) = (item.iter().product::<usize>(), values.len());
        if let Some((index, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(InputError::NonFinite { expected: "numbers of FP32", index, found: f64::from(*value) });
        }
        let shape = std::iter::once(1).chain(item.iter().copied()).collect();
        let tensor = Tensor::new(shape, TensorValues::Fp32(values)).ok_or_else(|| InputError::WrongShape {
            expected: format!("{count} numbers"),
            found: format!("{found} numbers"),
        })?;
        Ok(Self::of(vec![tensor]))
    }

    /// Takes tensors that were checked against the model's signature before.
    #[must_use]
    pub fn of(tensors: Vec<Tensor>) -> Self {
        Self { tensors, optional: Arc::default() }
    }

    /// The same with values for optional inputs, which were checked as well.
    #[must_use]
    pub fn with_optional(self, optional: Arc<[OptionalTensor]>) -> Self {
        Self { optional, ..self }
    }

    /// The values for optional inputs; those that are not here are the file's.
    #[must_use]
    pub fn optional(&self) -> &[OptionalTensor] {
        &self.optional
    }

    /// An item of zeros.
    #[must_use]
    pub fn zeros(item: &[usize]) -> Self {
        let shape: Vec<usize> = std::iter::once(1).chain(item.iter().copied()).collect();
        Self::of(vec![Tensor::zeros(crate::model::Datatype::Fp32, shape)])
    }

    /// Takes one item: nested as the model's item, the same with a leading 1, or flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`].
    pub fn from_values(item: &ItemShape, numbers: NumberArray) -> Result<Self, InputError> {
        let NumberArray { values, shape } = numbers;
        Self::new(&item.one(&shape)?, values)
    }

    /// Takes several items: `[N, …]` with each nested as the model's item, or `[N, count]` with each flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`], also for no item at all.
    pub fn many_from_values(item: &ItemShape, numbers: NumberArray) -> Result<Vec<Self>, InputError> {
        let NumberArray { values, shape } = numbers;
        let sizes = item.several(&shape)?;
        let count = sizes.iter().product::<usize>();
        if count == 0 {
            return Err(InputError::WrongShape { expected: "numbers".to_owned(), found: shape_text(&shape) });
        }
        values.chunks_exact(count).map(|values| Self::new(&sizes, values.to_vec())).collect()
    }

    /// The tensors, in the order of the model's inputs.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The numbers of the first tensor, which is a picture's if it is a picture; empty unless they are FP32.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        self.tensors.first().and_then(|tensor| tensor.values().fp32()).unwrap_or_default()
    }

    /// The shape of its first tensor.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.tensors.first().map(Tensor::shape).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    const ITEM: [usize; 3] = [3, 1, 2];

    fn item() -> ItemShape {
        ItemShape::fixed(&ITEM)
    }

    fn numbers(json: &str) -> NumberArray {
        NumberArray::read(json).unwrap()
    }

    const VALUES: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    #[test]
    fn one_item_in_each_arrangement() {
        for json in ["[1,2,3,4,5,6]", "[[[1,2]],[[3,4]],[[5,6]]]", "[[[[1,2]],[[3,4]],[[5,6]]]]"] {
            let input = ModelInput::from_values(&item(), numbers(json)).unwrap();
            assert_eq!((input.values(), input.shape()), (&VALUES[..], &[1, 3, 1, 2][..]), "{json}");
        }
    }

    #[test]
    fn other_arrangements_are_refused() {
        for json in ["[]", "7", "[1,2,3,4,5]", "[1,2,3,4,5,6,7]", "[[1,2],[3,4],[5,6]]", "[[[1,2,3]],[[4,5,6]]]"] {
            let refused = ModelInput::from_values(&item(), numbers(json)).unwrap_err();
            assert!(matches!(refused, InputError::WrongShape { .. }), "{json}: {refused}");
        }
        let message = ModelInput::from_values(&item(), numbers("[[1,2]]")).unwrap_err().to_string();
        assert_eq!(message, "expected one item of shape [3, 1, 2], [1, 3, 1, 2] or [6], got shape [1, 2]");
    }

    #[test]
    fn several_items() {
        for json in ["[[1,2,3,4,5,6],[1,2,3,4,5,6]]", "[[[[1,2]],[[3,4]],[[5,6]]],[[[1,2]],[[3,4]],[[5,6]]]]"] {
            let items = ModelInput::many_from_values(&item(), numbers(json)).unwrap();
            assert_eq!(items.len(), 2);
            assert!(items.iter().all(|item| item.values() == VALUES && item.shape() == [1, 3, 1, 2]));
        }
        for json in ["[]", "[[]]", "[1,2,3,4,5,6]", "[[1,2,3]]", "[[[1,2]],[[3,4]],[[5,6]]]"] {
            let refused = ModelInput::many_from_values(&item(), numbers(json)).unwrap_err();
            assert!(matches!(refused, InputError::WrongShape { .. }), "{json}: {refused}");
        }
    }

    #[test]
    fn wrong_counts_and_values_cannot_exist() {
        assert!(matches!(ModelInput::new(&ITEM, vec![0.0; 5]), Err(InputError::WrongShape { .. })));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let refused = ModelInput::new(&ITEM, vec![0.0, 1.0, bad, 0.0, 0.0, 0.0]).unwrap_err();
            assert!(matches!(refused, InputError::NonFinite { index: 2, .. }), "{refused}");
        }
        assert_eq!(ModelInput::zeros(&ITEM).values(), [0.0; 6]);
    }

    #[test]
    fn what_is_open_takes_any_size() {
        let open = ItemShape::from(&[None, Some(2)][..]);
        let shape = |json| ModelInput::from_values(&open, numbers(json)).map(|input| input.shape().to_vec());
        assert_eq!(shape("[[1,2],[3,4],[5,6]]").unwrap(), [1, 3, 2]);
        assert_eq!(shape("[[[1,2]]]").unwrap(), [1, 1, 2]);
        let message = shape("[1,2]").unwrap_err().to_string();
        assert_eq!(message, "expected one item of shape [?, 2], [1, ?, 2], got shape [2]");
        let none = ModelInput::many_from_values(&open, numbers("[[],[]]")).unwrap_err();
        assert!(matches!(none, InputError::WrongShape { .. }), "{none}");
    }
}
