//! The fixed grids on which values are counted.
//!
//! Rule of thumb: a grid never depends on data. It is so fine that the bins of a comparison can later be made of its bins,
//! and it is the same for all windows, so that their counts can be added.

use std::f64::consts::SQRT_2;
use std::sync::LazyLock;

/// Raised when an edge of any grid changes, because counts of different versions cannot be added.
pub const GRID_VERSION: u16 = 1;

/// 2^(1/4) and 2^(3/4), written out because a computed power may differ between platforms in its last digit.
const QUARTER: f64 = 1.189_207_115_002_721;
const THREE_QUARTERS: f64 = 1.681_792_830_507_429;

/// 128 equal bins from 0 to 1.
pub(super) static UNIT: LazyLock<BinGrid> = LazyLock::new(|| BinGrid::linear((0..=128).map(|step| ratio(step, 128))));

/// The grid of confidences is ever finer towards 1, where those of neural networks are.
pub(super) static CONFIDENCE: LazyLock<BinGrid> = LazyLock::new(|| {
    let hundredths = (0..99).map(|step| ratio(step, 100));
    let thousandths = (990..999).map(|step| ratio(step, 1_000));
    let rest = (9_990..=10_000).map(|step| ratio(step, 10_000));
    BinGrid::linear(hundredths.chain(thousandths).chain(rest))
});

/// Quarter octaves from 2⁻²⁰ (about 10⁻⁶) to 4, with a bin below and one above.
pub(super) static SHARPNESS: LazyLock<BinGrid> = LazyLock::new(|| BinGrid::octaves(-20, 2, true));

/// Quarter octaves from 1 to 65,536 pixels.
pub(super) static SIZE: LazyLock<BinGrid> = LazyLock::new(|| BinGrid::octaves(0, 16, false));

/// Quarter octaves from 1/16 of a second to 2²⁸ seconds (eight years), with a bin below and one above.
pub(super) static LAG: LazyLock<BinGrid> = LazyLock::new(|| BinGrid::octaves(-4, 28, true));

/// Neighbouring bins. The first one also counts everything below it, and the last one everything above.
#[derive(Debug)]
pub(super) struct BinGrid {
    edges: Vec<f64>,
    positions: Vec<f64>,
    half_widths: Vec<f64>,
}

impl BinGrid {
    fn linear(edges: impl Iterator<Item = f64>) -> Self {
        Self::new(edges.collect(), |edge| edge, false)
    }

    /// From 2^`from` to 2^`to`, four bins to each doubling; distances are measured in doublings.
    fn octaves(from: i32, to: i32, outside: bool) -> Self {
        let beyond = i32::from(outside);
        let edges = (from * 4 - beyond..=to * 4 + beyond).map(quarter_octave);
        Self::new(edges.collect(), f64::log2, true)
    }

    /// `is_open` says that values may lie beyond the outermost edges.
    fn new(edges: Vec<f64>, axis: impl Fn(f64) -> f64, is_open: bool) -> Self {
        let positions = edges.windows(2).map(|pair| f64::midpoint(axis(pair[0]), axis(pair[1]))).collect();
        let mut half_widths: Vec<f64> = edges.windows(2).map(|pair| (axis(pair[1]) - axis(pair[0])) / 2.0).collect();
        if is_open {
            half_widths.first_mut().into_iter().for_each(|end| *end = f64::INFINITY);
            half_widths.last_mut().into_iter().for_each(|end| *end = f64::INFINITY);
        }
        Self { edges, positions, half_widths }
    }

    /// How many bins there are.
    pub(super) fn bins(&self) -> u16 {
        u16::try_from(self.positions.len()).unwrap_or(u16::MAX)
    }

    /// The bin of a finite number; a bin includes its lower edge.
    pub(super) fn bin(&self, value: f64) -> u16 {
        let inner = &self.edges[1..self.edges.len() - 1];
        u16::try_from(inner.partition_point(|edge| *edge <= value)).unwrap_or(u16::MAX)
    }

    /// The edges, one more than there are bins.
    pub(super) fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The middle of each bin, on a logarithmic axis where the grid is logarithmic.
    pub(super) fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// How far a value of each bin may be from its middle, on the same axis; infinite where values lie beyond the grid.
    pub(super) fn half_widths(&self) -> &[f64] {
        &self.half_widths
    }
}

/// A single division, so that the edge is the number nearest to its decimal notation.
fn ratio(step: u16, of: u16) -> f64 {
    f64::from(step) / f64::from(of)
}

/// 2^(`quarters`/4).
fn quarter_octave(quarters: i32) -> f64 {
    let fraction = [1.0, QUARTER, SQRT_2, THREE_QUARTERS][quarters.rem_euclid(4).unsigned_abs() as usize];
    fraction * 2_f64.powi(quarters.div_euclid(4))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn all() -> [&'static BinGrid; 5] {
        [&UNIT, &CONFIDENCE, &SHARPNESS, &SIZE, &LAG].map(|grid| &**grid)
    }

    #[test]
    fn edges_rise_and_each_lower_edge_belongs_to_its_bin() {
        for grid in all() {
            assert!(grid.edges().is_sorted_by(|a, b| a < b));
            assert_eq!(grid.edges().len(), usize::from(grid.bins()) + 1);
            for (bin, edge) in grid.edges()[..grid.edges().len() - 1].iter().enumerate() {
                assert_eq!(usize::from(grid.bin(*edge)), bin);
            }
            assert_eq!(grid.bin(f64::MAX), grid.bins() - 1);
            assert_eq!(grid.bin(-1.0), 0);
        }
    }

    #[test]
    fn the_grids_are_as_fine_as_documented() {
        assert_eq!(
            [UNIT.bins(), CONFIDENCE.bins(), SHARPNESS.bins(), SIZE.bins(), LAG.bins()],
            [128, 118, 90, 64, 130]
        );
        assert_eq!(CONFIDENCE.edges()[99], 0.99);
        assert_eq!(CONFIDENCE.edges()[108], 0.999);
        assert_eq!(CONFIDENCE.bin(1.0), 117);
        assert_eq!(SIZE.bin(32.0), 20);
        assert_eq!(SHARPNESS.bin(0.0), 0);
        assert_eq!(SHARPNESS.bin(4.0), 89);
    }
}
