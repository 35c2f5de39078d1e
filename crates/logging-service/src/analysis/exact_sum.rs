//! Sums of floats without any rounding.
//!
//! Each finite float is a whole number times a power of two, and so are its square and every sum of them. Such sums do not
//! depend on the order, are those of the whole when parts are merged, and become nothing when all is taken back.
//!
//! Rule of thumb: there is one rounding, at the end, when a sum becomes a number again.

use std::fmt;

use num_bigint::{BigInt, Sign};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The most hexadecimal digits of a sum: the squares of all floats have fewer, and there is room for 2^64 of them.
const MOST_DIGITS: usize = 1_100;
/// Exponents of sums lie between the negative and the positive of this.
const MOST_EXPONENT: i64 = 2_200;
/// Bits by which a quotient is finer than the sum that was divided.
const QUOTIENT_BITS: i64 = 192;
/// Bits of a float's fraction.
const FRACTION: u32 = 52;

/// A sum of floats, or of their squares: `mantissa`·2^`exponent`. The mantissa is odd, or both are 0, so equal sums have
/// equal parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExactSum {
    mantissa: BigInt,
    exponent: i64,
}

impl ExactSum {
    /// A finite number; anything else counts as 0.
    pub fn of(number: f64) -> Self {
        if !number.is_finite() {
            return Self::default();
        }
        let bits = number.to_bits();
        let fraction = bits & ((1 << FRACTION) - 1);
        let biased = (bits >> FRACTION) & 0x7ff;
        // A number with the least exponent has no leading 1.
        let (mantissa, exponent) =
            if biased == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION, i64::from(biased as u16)) };
        let mantissa = BigInt::from(mantissa);
        Self::from_parts(if number < 0.0 { -mantissa } else { mantissa }, exponent - 1_023 - i64::from(FRACTION))
    }

    /// The square of a finite number.
    pub fn of_square(number: f64) -> Self {
        Self::of(number).squared()
    }

    /// Adds another sum as often as `times` says; negative times take away.
    pub fn add(&mut self, other: &Self, times: i64) {
        let exponent = if self.is_zero() { other.exponent } else { self.exponent.min(other.exponent) };
        let sum = self.mantissa_at(exponent) + other.mantissa_at(exponent) * times;
        *self = Self::from_parts(sum, exponent);
    }

    /// Whether the sum is 0.
    pub fn is_zero(&self) -> bool {
        self.mantissa.sign() == Sign::NoSign
    }

    /// The float that is nearest to the sum.
    pub fn value(&self) -> f64 {
        let bits = self.mantissa.bits();
        let surplus = bits.saturating_sub(64);
        let top: BigInt = &self.mantissa >> surplus;
        let mut top = top.iter_u64_digits().next().unwrap_or_default();
        // The mantissa is odd, so something was cut off, and a last 1 keeps the rounding right.
        top |= u64::from(surplus > 0);
        let exponent = self.exponent.saturating_add(i64::try_from(surplus).unwrap_or(i64::MAX));
        let magnitude = scaled(top as f64, exponent);
        if self.mantissa.sign() == Sign::Minus { -magnitude } else { magnitude }
    }

    /// The mean of `count` numbers with this sum, rounded once. It is a float also where the sum is beyond all floats.
    pub fn mean(&self, count: i64) -> f64 {
        self.divided(count).value()
    }

    /// The root of the mean of `count` numbers with this sum, which are not negative.
    pub fn root_mean(&self, count: i64) -> f64 {
        let Self { mantissa, exponent } = self.divided(count);
        let half = exponent.saturating_add_unsigned(mantissa.bits()) / 2;
        scaled(Self { mantissa, exponent: exponent - 2 * half }.value().sqrt(), half)
    }

    /// Σ(x − x̄)² of `count` numbers with this sum, whose squares have the sum `squares`; rounded once.
    pub fn centred_squares(&self, squares: &Self, count: i64) -> f64 {
        let mut scaled = Self::default();
        scaled.add(squares, count);
        scaled.add(&self.squared(), -1);
        scaled.value() / count as f64
    }

    /// Accurate to many more bits than a float has.
    fn divided(&self, count: i64) -> Self {
        Self::from_parts((&self.mantissa << QUOTIENT_BITS) / count.max(1), self.exponent - QUOTIENT_BITS)
    }

    fn squared(&self) -> Self {
        Self { mantissa: &self.mantissa * &self.mantissa, exponent: 2 * self.exponent }
    }

    fn from_parts(mantissa: BigInt, exponent: i64) -> Self {
        match mantissa.trailing_zeros() {
            None => Self::default(),
            Some(zeros) => Self { mantissa: mantissa >> zeros, exponent: exponent + i64::try_from(zeros).unwrap_or(0) },
        }
    }

    /// The mantissa for a smaller exponent.
    fn mantissa_at(&self, exponent: i64) -> BigInt {
        let shift = if self.is_zero() { 0 } else { u64::try_from(self.exponent - exponent).unwrap_or(0) };
        &self.mantissa << shift
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::default());
        }
        let (digits, exponent) = text.split_once('p')?;
        let exponent: i64 = exponent.parse().ok()?;
        if digits.len() > MOST_DIGITS || exponent.abs() > MOST_EXPONENT {
            return None;
        }
        Some(Self::from_parts(BigInt::parse_bytes(digits.as_bytes(), 16)?, exponent))
    }
}

/// `number`·2^`exponent`, in two steps, because one power of two may not be a float where the product is.
fn scaled(number: f64, exponent: i64) -> f64 {
    let exponent = exponent.clamp(-4_000, 4_000) as i32;
    let half = exponent / 2;
    number * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

impl fmt::Display for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() { f.write_str("0") } else { write!(f, "{:x}p{}", self.mantissa, self.exponent) }
    }
}

impl Serialize for ExactSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExactSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a sum is a hexadecimal number, p and an exponent of 2"))
    }
}

impl PartialSchema for ExactSum {
    fn schema() -> RefOr<Schema> {
        let description = "A sum without rounding: a hexadecimal number, `p` and the power of two to multiply it with.";
        ObjectBuilder::new().schema_type(Type::String).description(Some(description)).examples(["-1fp-3"]).into()
    }
}

impl ToSchema for ExactSum {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn sum(numbers: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|number| sum.add(&ExactSum::of(*number), 1));
        sum
    }

    fn finite() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter("finite", |number| number.is_finite())
    }

    #[test]
    fn nothing_is_lost_between_large_and_small() {
        assert_eq!(sum(&[1e300, 1.0, -1e300]).value(), 1.0);
        assert_eq!(sum(&[0.1; 10]).value(), 1.0);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum(&[f64::MIN_POSITIVE / 4.0]).value(), f64::MIN_POSITIVE / 4.0);
        assert_eq!(ExactSum::of(-3.875).to_string(), "-1fp-3");
        assert!(sum(&[f64::NAN, f64::INFINITY]).is_zero());
    }

    #[test]
    fn squares_about_the_mean_do_not_cancel() {
        let numbers = [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0];
        let mut squares = ExactSum::default();
        numbers.iter().for_each(|number| squares.add(&ExactSum::of_square(*number), 1));
        assert_eq!(sum(&numbers).centred_squares(&squares, 3), 2.0);
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        let long = format!("\"{}p0\"", "f".repeat(MOST_DIGITS + 1));
        for text in ["1", "\"1\"", "\"p3\"", "\"1p\"", "\"xp3\"", "\"1p99999\"", "null", &long] {
            assert!(serde_json::from_str::<ExactSum>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<ExactSum>("\"10p0\"").unwrap(), ExactSum::of(16.0));
    }

    proptest! {
        #[test]
        fn a_number_comes_back(number in finite()) {
            prop_assert_eq!(ExactSum::of(number).value(), number);
        }

        #[test]
        fn any_split_is_the_whole_and_taken_back_it_is_nothing(numbers in vec(finite(), 0..40), cut in 0_usize..40) {
            let whole = sum(&numbers);
            let (first, second) = numbers.split_at(cut.min(numbers.len()));
            let mut merged = sum(second);
            merged.add(&sum(first), 1);
            prop_assert_eq!(&merged, &whole);
            let json = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(&serde_json::from_str::<ExactSum>(&json).unwrap(), &whole);
            merged.add(&whole, -1);
            prop_assert_eq!(merged, ExactSum::default());
        }
    }
}
