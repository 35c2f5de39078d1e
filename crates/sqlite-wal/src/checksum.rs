//! The checksum of the log: two sums of 32 bits, each of which takes in the other.
//!
//! Rule of thumb: the sums are linear, so what a changed bit does to them depends on its place alone.

/// The order of the bytes in the words that are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordOrder {
    Big,
    Little,
}

impl WordOrder {
    /// The order in which this machine has them.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };

    fn words(self, pair: &[u8]) -> [u32; 2] {
        let words = [big_endian(pair, 0), big_endian(pair, 4)];
        if self == Self::Big { words } else { words.map(u32::swap_bytes) }
    }

    /// Where a bit of a word lies in its bytes.
    fn byte_of(self, bit: usize) -> usize {
        if self == Self::Big { 3 - bit / 8 } else { bit / 8 }
    }
}

/// A checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSum {
    pub(crate) first: u32,
    pub(crate) second: u32,
}

impl LogSum {
    /// The sum as it is stored: big-endian in any log.
    pub(crate) fn stored(bytes: &[u8]) -> Self {
        Self { first: big_endian(bytes, 0), second: big_endian(bytes, 4) }
    }

    /// The eight bytes that are stored of it.
    pub(crate) fn bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.first.to_be_bytes());
        bytes[4..].copy_from_slice(&self.second.to_be_bytes());
        bytes
    }

    /// The sum that goes on with these bytes, a multiple of eight.
    pub(crate) fn with(mut self, bytes: &[u8], order: WordOrder) -> Self {
        for pair in bytes.chunks_exact(8) {
            let [one, two] = order.words(pair);
            self.first = self.first.wrapping_add(one).wrapping_add(self.second);
            self.second = self.second.wrapping_add(two).wrapping_add(self.first);
        }
        self
    }

    /// Whether one bit alone tells them apart.
    pub(crate) fn is_one_bit_from(self, other: Self) -> bool {
        (self.first ^ other.first).count_ones() + (self.second ^ other.second).count_ones() == 1
    }
}

/// What turned one sum into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SumChange {
    /// This bit has flipped.
    Bit(FlippedBit),
    /// One bit of several has flipped.
    OneOfSeveral,
    /// More than a bit has changed.
    Other,
}

/// A bit of the bytes that are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlippedBit {
    /// Its byte.
    pub(crate) byte: usize,
    mask: u8,
}

impl FlippedBit {
    /// Finds the bit that turned the sum of these bytes from `expected` into `found`. The high bits of words leave the same
    /// trace at several places, so the place of about a fourth of all bits stays open.
    ///
    /// For other changes the chance that a bit is named all the same is one in 2^48.
    pub(crate) fn between(bytes: &[u8], order: WordOrder, expected: LogSum, found: LogSum) -> SumChange {
        let missing = [expected.first.wrapping_sub(found.first), expected.second.wrapping_sub(found.second)];
        // How a change of 1 in either word of a pair reaches the two sums at the end.
        let mut weights = [[1_u32, 1], [0, 1]];
        let mut change = SumChange::Other;
        for (index, pair) in bytes.chunks_exact(8).enumerate().rev() {
            for (place, word) in order.words(pair).into_iter().enumerate() {
                for bit in 0..32 {
                    let difference = if word >> bit & 1 == 1 { (1_u32 << bit).wrapping_neg() } else { 1 << bit };
                    if weights[place].map(|weight| weight.wrapping_mul(difference)) == missing {
                        let byte = index * 8 + place * 4 + order.byte_of(bit);
                        if change != SumChange::Other {
                            return SumChange::OneOfSeveral;
                        }
                        change = SumChange::Bit(Self { byte, mask: 1 << (bit % 8) });
                    }
                }
            }
            weights = weights.map(|[one, two]| {
                let first = one.wrapping_add(two);
                [first, first.wrapping_add(two)]
            });
        }
        change
    }

    /// Flips it in its byte.
    pub(crate) fn flip(self, byte: &mut u8) {
        *byte ^= self.mask;
    }
}

/// The word at this place, which is big-endian.
pub(crate) fn big_endian(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_flipped_bit_is_found_unless_it_is_a_high_one(
            bytes in proptest::collection::vec(any::<u8>(), 1..600), bit in any::<usize>(), big in any::<bool>(), seed in any::<[u32; 2]>(),
        ) {
            let mut bytes = bytes;
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let order = if big { WordOrder::Big } else { WordOrder::Little };
            let seed = LogSum { first: seed[0], second: seed[1] };
            let expected = seed.with(&bytes, order);
            let whole = bytes.clone();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            match FlippedBit::between(&bytes, order, expected, seed.with(&bytes, order)) {
                SumChange::Bit(found) => {
                    found.flip(&mut bytes[found.byte]);
                    prop_assert_eq!(bytes, whole);
                }
                change => {
                    prop_assert_eq!(change, SumChange::OneOfSeveral);
                    let byte = bit / 8 % 4;
                    let bit_of_word = if big { 3 - byte } else { byte } * 8 + bit % 8;
                    prop_assert!(bit_of_word > 20);
                }
            }
        }

        #[test]
        fn another_change_is_no_bit(bytes in proptest::array::uniform32(any::<u8>()), others in proptest::array::uniform8(any::<u8>())) {
            let mut changed = bytes;
            changed[5..13].copy_from_slice(&others);
            let differing: u32 = bytes.iter().zip(&changed).map(|(a, b)| (a ^ b).count_ones()).sum();
            let sum = |bytes: &[u8]| LogSum::default().with(bytes, WordOrder::Little);
            let found = FlippedBit::between(&changed, WordOrder::Little, sum(&bytes), sum(&changed));
            prop_assert!(found == SumChange::Other || differing == 1);
        }
    }
}
