//! The scans of a JPEG: what each of them holds, and whether all of them together are the picture.

use super::frame::{JpegComponent, JpegFrame};
use super::markers::next_marker;

/// Coefficients of a block.
const COEFFICIENTS: u8 = 64;

/// The head of a scan.
pub(super) struct JpegScan {
    /// The positions of its components in the frame.
    components: Vec<usize>,
    /// The first and the last coefficient.
    spectrum: [u8; 2],
    /// How many of the lowest bits are left to later scans.
    missing_bits: u8,
    /// How many units of data it has, between which restart markers may stand.
    units: u32,
}

impl JpegScan {
    pub(super) fn read(segment: &[u8], frame: &JpegFrame) -> Result<Self, String> {
        let broken = || "the head of a scan cannot be read".to_owned();
        let [count, rest @ ..] = segment else { return Err(broken()) };
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(*count)).ok_or_else(broken)?;
        let &[first, last, bits] = rest else { return Err(broken()) };
        let position = |id: u8| frame.components.iter().position(|component| component.id == id).ok_or_else(broken);
        let components: Vec<usize> =
            chosen.as_chunks::<2>().0.iter().map(|&[id, _]| position(id)).collect::<Result<_, _>>()?;
        let is_repeated = components.iter().enumerate().any(|(i, one)| components[..i].contains(one));
        // A baseline scan has everything, whatever it says.
        let (spectrum, missing_bits) =
            if frame.is_progressive { ([first, last], bits & 15) } else { ([0, COEFFICIENTS - 1], 0) };
        if components.is_empty() || is_repeated || spectrum[0] > spectrum[1] || spectrum[1] >= COEFFICIENTS {
            return Err(broken());
        }
        let units = units(frame, &components);
        Ok(Self { components, spectrum, missing_bits, units })
    }

    /// The restart markers in the data of a scan, whose end becomes the position.
    pub(super) fn restarts(bytes: &[u8], position: &mut usize) -> Vec<u8> {
        let mut restarts = Vec::new();
        while let Some(marker) = next_marker(bytes, position) {
            if !marker.is_restart() {
                // The next segment begins with its marker.
                *position -= 2;
                return restarts;
            }
            restarts.push(marker.kind & 7);
        }
        *position = bytes.len();
        restarts
    }

    /// A lost marker moves everything behind it, and no decoder tells.
    pub(super) fn check_restarts(&self, restarts: &[u8], interval: u32) -> Result<(), String> {
        let expected = self.units.checked_div(interval).map_or(0, |_| self.units.div_ceil(interval) - 1) as usize;
        let in_order = restarts.iter().zip((0..8).cycle()).all(|(found, expected)| *found == expected);
        // Some encoders write one behind the last unit.
        if in_order && (restarts.len() == expected || (interval > 0 && restarts.len() == expected + 1)) {
            return Ok(());
        }
        Err("its restart markers are not where they belong, so a part of it is lost".to_owned())
    }
}

/// A scan of one component has its blocks; one of several has groups of them, which make up a tile of the picture.
fn units(frame: &JpegFrame, components: &[usize]) -> u32 {
    let [across, down] = frame.finest();
    let blocks = |side: u32, factor: u32, finest: u32| (side * factor).div_ceil(finest).div_ceil(8);
    match components {
        [one] => {
            let JpegComponent { horizontal, vertical, .. } = frame.components[*one];
            blocks(frame.width, horizontal, across) * blocks(frame.height, vertical, down)
        }
        _ => frame.width.div_ceil(8 * across) * frame.height.div_ceil(8 * down),
    }
}

/// Which bits of which coefficients the scans have brought.
#[derive(Default)]
pub(super) struct ScanCoverage {
    /// For each component and coefficient, how many of the lowest bits are missing; `None` if all are.
    missing: Vec<[Option<u8>; COEFFICIENTS as usize]>,
}

impl ScanCoverage {
    pub(super) fn add(&mut self, scan: &JpegScan, frame: &JpegFrame) -> Result<(), String> {
        self.missing.resize(frame.components.len(), [None; COEFFICIENTS as usize]);
        let [first, last] = scan.spectrum.map(usize::from);
        for component in &scan.components {
            let coefficients = &mut self.missing[*component][first..=last];
            if !frame.is_progressive && coefficients[0].is_some() {
                return Err("two of its scans are of the same component".to_owned());
            }
            coefficients.fill(Some(scan.missing_bits));
        }
        Ok(())
    }

    /// Whether nothing is missing, as it is when an upload was interrupted between two scans.
    pub(super) fn check(&self, frame: &JpegFrame) -> Result<(), String> {
        let is_whole =
            |coefficients: &[Option<u8>; COEFFICIENTS as usize]| coefficients.iter().all(|bits| *bits == Some(0));
        if self.missing.len() == frame.components.len() && self.missing.iter().all(is_whole) {
            return Ok(());
        }
        Err("some of its scans are missing, so it is not the whole picture".to_owned())
    }
}
