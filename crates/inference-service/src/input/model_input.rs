//! One item that a model takes.
//!
//! Rule of thumb: the constructors are the only way in, so a wrong count or a NaN cannot exist here.

use super::error::InputError;
use super::numbers::{Numbers, shape_text};
use crate::model::InputSpec;

/// The numbers of one item, finite and as many as the model needs, in its layout.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInput {
    values: Vec<f32>,
    shape: [usize; 4],
}

impl ModelInput {
    /// Takes the numbers of one item in the order of the model's layout, normalised already.
    ///
    /// # Errors
    /// [`InputError::WrongShape`] for another count than the model's, [`InputError::NonFinite`] for NaN or infinity.
    pub fn new(spec: &InputSpec, values: Vec<f32>) -> Result<Self, InputError> {
        if values.len() != spec.count() {
            return Err(InputError::WrongShape {
                expected: format!("{} numbers", spec.count()),
                found: format!("{} numbers", values.len()),
            });
        }
        if let Some((index, value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(InputError::NonFinite { index, found: f64::from(*value) });
        }
        Ok(Self { values, shape: spec.tensor_shape() })
    }

    /// An item of zeros.
    pub fn zeros(spec: &InputSpec) -> Self {
        Self { values: vec![0.0; spec.count()], shape: spec.tensor_shape() }
    }

    /// Takes one item: nested as the model's item, the same with a leading 1, or flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`], or what made the numbers invalid.
    pub fn from_values(spec: &InputSpec, numbers: Numbers) -> Result<Self, InputError> {
        let (values, shape) = numbers.into_parts()?;
        let item = spec.item_shape();
        let fits = shape == item || shape == spec.tensor_shape() || shape == [spec.count()];
        if !fits {
            let expected = format!("one item of shape {item:?}, {:?} or [{}]", spec.tensor_shape(), spec.count());
            return Err(InputError::WrongShape { expected, found: shape_text(&shape) });
        }
        Self::new(spec, values)
    }

    /// Takes several items: `[N, …]` with each nested as the model's item, or `[N, count]` with each flat.
    ///
    /// # Errors
    /// [`InputError::WrongShape`], also for no item at all, or what made the numbers invalid.
    pub fn many_from_values(spec: &InputSpec, numbers: Numbers) -> Result<Vec<Self>, InputError> {
        let (values, shape) = numbers.into_parts()?;
        let [a, b, c] = spec.item_shape();
        let are_items = match shape.as_slice() {
            [items, item @ ..] => *items > 0 && (item == [a, b, c] || item == [spec.count()]),
            [] => false,
        };
        if !are_items {
            let expected = format!("N items of shape [N, {a}, {b}, {c}] or [N, {}]", spec.count());
            return Err(InputError::WrongShape { expected, found: shape_text(&shape) });
        }
        values.chunks_exact(spec.count()).map(|item| Self::new(spec, item.to_vec())).collect()
    }

    /// The numbers, row by row in the model's layout.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The shape of the model's input for this one item; the first dimension is 1.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::model::{Colour, Layout, ResizeFilter};

    fn spec() -> InputSpec {
        InputSpec {
            width: 2,
            height: 1,
            colour: Colour::Rgb,
            layout: Layout::Nchw,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
            resize: ResizeFilter::Triangle,
        }
    }

    fn numbers(json: &str) -> Numbers {
        serde_json::from_str(json).unwrap()
    }

    const VALUES: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    #[test]
    fn one_item_in_each_arrangement() {
        for json in ["[1,2,3,4,5,6]", "[[[1,2]],[[3,4]],[[5,6]]]", "[[[[1,2]],[[3,4]],[[5,6]]]]"] {
            let input = ModelInput::from_values(&spec(), numbers(json)).unwrap();
            assert_eq!((input.values(), input.shape()), (&VALUES[..], [1, 3, 1, 2]), "{json}");
        }
    }

    #[test]
    fn other_arrangements_are_refused() {
        for json in ["[]", "7", "[1,2,3,4,5]", "[1,2,3,4,5,6,7]", "[[1,2],[3,4],[5,6]]", "[[[1,2,3]],[[4,5,6]]]"] {
            let refused = ModelInput::from_values(&spec(), numbers(json)).unwrap_err();
            assert!(matches!(refused, InputError::WrongShape { .. }), "{json}: {refused}");
        }
        let message = ModelInput::from_values(&spec(), numbers("[[1,2]]")).unwrap_err().to_string();
        assert_eq!(message, "expected one item of shape [3, 1, 2], [1, 3, 1, 2] or [6], got shape [1, 2]");
        let refused = ModelInput::from_values(&spec(), numbers("[1,2,3,null,5,6]")).unwrap_err();
        assert!(matches!(refused, InputError::WrongType { .. }));
    }

    #[test]
    fn several_items() {
        for json in ["[[1,2,3,4,5,6],[1,2,3,4,5,6]]", "[[[[1,2]],[[3,4]],[[5,6]]],[[[1,2]],[[3,4]],[[5,6]]]]"] {
            let items = ModelInput::many_from_values(&spec(), numbers(json)).unwrap();
            assert_eq!(items.len(), 2);
            assert!(items.iter().all(|item| item.values() == VALUES && item.shape() == [1, 3, 1, 2]));
        }
        for json in ["[]", "[[]]", "[1,2,3,4,5,6]", "[[1,2,3]]", "[[[1,2]],[[3,4]],[[5,6]]]"] {
            let refused = ModelInput::many_from_values(&spec(), numbers(json)).unwrap_err();
            assert!(matches!(refused, InputError::WrongShape { .. }), "{json}: {refused}");
        }
    }

    #[test]
    fn wrong_counts_and_values_cannot_exist() {
        assert!(matches!(ModelInput::new(&spec(), vec![0.0; 5]), Err(InputError::WrongShape { .. })));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let refused = ModelInput::new(&spec(), vec![0.0, 1.0, bad, 0.0, 0.0, 0.0]).unwrap_err();
            assert!(matches!(refused, InputError::NonFinite { index: 2, .. }), "{refused}");
        }
        assert_eq!(ModelInput::zeros(&spec()).values(), [0.0; 6]);
    }
}
