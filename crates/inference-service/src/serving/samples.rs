//! Items that are unlike each other, with which it is tried whether a model may run several together.
//!
//! Rule of thumb: everything about an item varies (each input, its numbers, their signs and how large they are), because
//! what is the same in all items cannot show whether one gets into the answer of another.

use half::{bf16, f16};

use crate::input::ModelInput;
use crate::model::{Tensor, TensorValues};

/// How large the numbers of the items are, one after the other: quantisation by the largest number of a batch shows only
/// where some items are much smaller than others.
const MAGNITUDES: [f64; 5] = [1.0, 100.0, 0.01, 10.0, 0.1];

/// What the numbers of the items may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleRange {
    /// Whole numbers are below this.
    whole: usize,
    /// Whether there are negative numbers.
    is_signed: bool,
    varies_magnitude: bool,
}

impl SampleRange {
    /// From the widest to the narrowest; a model may refuse the wider ones, as an index out of its table.
    pub(super) const ALL: [Self; 5] = [
        Self { whole: 89, is_signed: true, varies_magnitude: true },
        Self { whole: 89, is_signed: false, varies_magnitude: true },
        Self { whole: 2, is_signed: true, varies_magnitude: true },
        Self { whole: 2, is_signed: false, varies_magnitude: true },
        Self { whole: 2, is_signed: false, varies_magnitude: false },
    ];

    /// Numbers of either sign that are not large.
    pub(super) const USUAL: Self = Self { whole: 2, is_signed: true, varies_magnitude: false };

    /// An item unlike those of other numbers, of the types and shapes of this one.
    pub(super) fn sample(self, like: &ModelInput, number: usize) -> ModelInput {
        let inputs = like.tensors().iter().enumerate();
        ModelInput::of(inputs.map(|(input, tensor)| self.varied(tensor, number * 7 + input)).collect())
    }

    fn varied(self, like: &Tensor, seed: usize) -> Tensor {
        let count = like.values().len();
        let magnitude = if self.varies_magnitude { MAGNITUDES[seed / 7 % MAGNITUDES.len()] } else { 1.0 };
        let mixed = |index: usize| (index * 31 + seed * 17 + index * index % 11) % 89;
        let float = |index: usize| {
            let part = mixed(index) as f64 / 89.0;
            magnitude * if self.is_signed { 2.0 * part - 1.0 } else { part }
        };
        let whole = |index: usize| (mixed(index) % self.whole) as u8;
        macro_rules! all {
            ($element:expr) => {
                (0..count).map($element).collect()
            };
        }
        let values = match like.values() {
            TensorValues::Bool(_) => TensorValues::Bool(all!(|index| mixed(index) % 2 == 0)),
            TensorValues::Uint8(_) => TensorValues::Uint8(all!(whole)),
            TensorValues::Uint16(_) => TensorValues::Uint16(all!(|index| whole(index).into())),
            TensorValues::Uint32(_) => TensorValues::Uint32(all!(|index| whole(index).into())),
            TensorValues::Uint64(_) => TensorValues::Uint64(all!(|index| whole(index).into())),
            TensorValues::Int8(_) => TensorValues::Int8(all!(|index| whole(index).cast_signed())),
            TensorValues::Int16(_) => TensorValues::Int16(all!(|index| whole(index).into())),
            TensorValues::Int32(_) => TensorValues::Int32(all!(|index| whole(index).into())),
            TensorValues::Int64(_) => TensorValues::Int64(all!(|index| whole(index).into())),
            TensorValues::Fp16(_) => TensorValues::Fp16(all!(|index| f16::from_f64(float(index)))),
            TensorValues::Bf16(_) => TensorValues::Bf16(all!(|index| bf16::from_f64(float(index)))),
            TensorValues::Fp32(_) => TensorValues::Fp32(all!(|index| float(index) as f32)),
            TensorValues::Fp64(_) => TensorValues::Fp64(all!(float)),
            TensorValues::Bytes(_) => TensorValues::Bytes(all!(|index| format!("{}", whole(index)))),
        };
        // There are as many as before.
        Tensor::new(like.shape().to_vec(), values).unwrap_or_else(|| like.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Datatype;

    #[test]
    fn items_differ_in_every_input_of_every_type() {
        let types = [
            "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
            "FP64", "BYTES",
        ];
        let zeros = types.map(|name| Tensor::zeros(Datatype::parse(name).unwrap(), vec![1, 6]));
        let zeros = ModelInput::of(zeros.to_vec());
        for range in SampleRange::ALL {
            let (one, other) = (range.sample(&zeros, 0), range.sample(&zeros, 1));
            for ((one, other), zeros) in one.tensors().iter().zip(other.tensors()).zip(zeros.tensors()) {
                assert!(one != other && one != zeros, "{range:?}: {one:?}");
                assert_eq!((one.shape(), one.values().datatype()), (zeros.shape(), zeros.values().datatype()));
            }
        }
    }

    #[test]
    fn their_numbers_are_of_different_sizes() {
        let zeros = ModelInput::of(vec![Tensor::zeros(Datatype::Fp32, vec![1, 50])]);
        let largest = |number: usize| {
            let item = SampleRange::ALL[0].sample(&zeros, number);
            item.tensors()[0].values().fp32().unwrap().iter().fold(0.0_f32, |largest, number| largest.max(number.abs()))
        };
        assert!(largest(1) > 50.0 * largest(0) && largest(0) > 50.0 * largest(2));
    }
}
