//! Numbers of double precision as elements of any numeric type.

use half::{bf16, f16};

use super::elements::{Datatype, TensorValues};

/// Whole numbers beyond this share a number of double precision with their neighbours.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_991.0;

impl Datatype {
    /// Whether an element can be this number, rounded where the type has a fraction. NaN is one of the floating-point types.
    #[must_use]
    pub(crate) fn holds(self, number: f64) -> bool {
        match self.whole_bounds() {
            Some([least, greatest]) => number.fract() == 0.0 && (least..=greatest).contains(&number),
            None => match self {
                Self::Fp16 => number.is_nan() || f16::from_f64(number).is_finite(),
                Self::Bf16 => number.is_nan() || bf16::from_f64(number).is_finite(),
                Self::Fp32 => number.is_nan() || (number as f32).is_finite(),
                Self::Fp64 => !number.is_infinite(),
                _ => false,
            },
        }
    }

    /// The least and the greatest whole number of the type that double precision tells from its neighbours; `None` for types
    /// that are no whole numbers.
    #[must_use]
    pub(crate) fn whole_bounds(self) -> Option<[f64; 2]> {
        let signed = |bits: i32| [-(2_f64.powi(bits - 1)), 2_f64.powi(bits - 1) - 1.0];
        let unsigned = |bits: i32| [0.0, 2_f64.powi(bits) - 1.0];
        match self {
            Self::Bool => Some([0.0, 1.0]),
            Self::Uint8 => Some(unsigned(8)),
            Self::Uint16 => Some(unsigned(16)),
            Self::Uint32 => Some(unsigned(32)),
            Self::Uint64 => Some([0.0, LARGEST_WHOLE]),
            Self::Int8 => Some(signed(8)),
            Self::Int16 => Some(signed(16)),
            Self::Int32 => Some(signed(32)),
            Self::Int64 => Some([-LARGEST_WHOLE, LARGEST_WHOLE]),
            Self::Fp16 | Self::Bf16 | Self::Fp32 | Self::Fp64 | Self::Bytes => None,
        }
    }
}

impl TensorValues {
    /// Numbers that the type [holds](Datatype::holds), as elements of it; `None` for texts.
    #[must_use]
    pub(crate) fn of_numbers(datatype: Datatype, numbers: &[f64]) -> Option<Self> {
        let all = numbers.iter().copied();
        Some(match datatype {
            Datatype::Bool => Self::Bool(all.map(|number| number != 0.0).collect()),
            Datatype::Uint8 => Self::Uint8(all.map(|number| number as u8).collect()),
            Datatype::Uint16 => Self::Uint16(all.map(|number| number as u16).collect()),
            Datatype::Uint32 => Self::Uint32(all.map(|number| number as u32).collect()),
            Datatype::Uint64 => Self::Uint64(all.map(|number| number as u64).collect()),
            Datatype::Int8 => Self::Int8(all.map(|number| number as i8).collect()),
            Datatype::Int16 => Self::Int16(all.map(|number| number as i16).collect()),
            Datatype::Int32 => Self::Int32(all.map(|number| number as i32).collect()),
            Datatype::Int64 => Self::Int64(all.map(|number| number as i64).collect()),
            Datatype::Fp16 => Self::Fp16(all.map(f16::from_f64).collect()),
            Datatype::Bf16 => Self::Bf16(all.map(bf16::from_f64).collect()),
            Datatype::Fp32 => Self::Fp32(all.map(|number| number as f32).collect()),
            Datatype::Fp64 => Self::Fp64(numbers.to_vec()),
            Datatype::Bytes => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMERIC: [Datatype; 13] = [
        Datatype::Bool,
        Datatype::Uint8,
        Datatype::Uint16,
        Datatype::Uint32,
        Datatype::Uint64,
        Datatype::Int8,
        Datatype::Int16,
        Datatype::Int32,
        Datatype::Int64,
        Datatype::Fp16,
        Datatype::Bf16,
        Datatype::Fp32,
        Datatype::Fp64,
    ];

    #[test]
    fn bounds_are_those_of_the_types() {
        for (datatype, inside, outside) in [
            (Datatype::Bool, vec![0.0, 1.0], vec![2.0, 0.5, f64::NAN]),
            (Datatype::Int8, vec![-128.0, 127.0], vec![-129.0, 128.0, 0.5]),
            (Datatype::Uint32, vec![0.0, 4_294_967_295.0], vec![-1.0, 4_294_967_296.0]),
            (Datatype::Int64, vec![9e15, -9e15], vec![1e16, f64::INFINITY, f64::NAN]),
            (Datatype::Fp16, vec![65504.0, f64::NAN], vec![1e6, f64::INFINITY]),
            (Datatype::Fp32, vec![3.4e38, 0.1], vec![3.5e38, f64::NEG_INFINITY]),
            (Datatype::Fp64, vec![f64::MAX], vec![f64::INFINITY]),
            (Datatype::Bytes, vec![], vec![0.0]),
        ] {
            assert!(inside.iter().all(|number| datatype.holds(*number)), "{datatype}");
            assert!(outside.iter().all(|number| !datatype.holds(*number)), "{datatype}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_come_back_from_every_type_that_holds_them(number in -300_i64..300) {
            let number = number as f64;
            for datatype in NUMERIC.into_iter().filter(|datatype| datatype.holds(number)) {
                // BF16 has eight bits of fraction.
                let coarse = datatype == Datatype::Bf16 && number.abs() > 256.0;
                let back = TensorValues::of_numbers(datatype, &[number]).and_then(|values| values.number(0));
                prop_assert!(coarse || back == Some(number), "{datatype} {back:?}");
            }
        }
    }
}
