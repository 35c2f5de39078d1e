//! The markers of a JPEG, and how large its picture is, without a decoder.

use crate::input::format::PictureFormat;

const MARKER: u8 = 0xFF;
pub(super) const END_OF_IMAGE: u8 = 0xD9;

/// A marker that starts a segment, ends the picture, or divides the data of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) kind: u8,
}

impl Marker {
    /// Whether it divides the data of a scan.
    pub(super) fn is_restart(self) -> bool {
        matches!(self.kind, 0xD0..=0xD7)
    }
}

/// Moves behind the next marker. Stuffed bytes, fill bytes and further starts of an image are no markers here.
pub(super) fn next_marker(bytes: &[u8], position: &mut usize) -> Option<Marker> {
    loop {
        let start = *position + bytes.get(*position..)?.iter().position(|byte| *byte == MARKER)?;
        let kind = *bytes.get(start + 1)?;
        match kind {
            MARKER => *position = start + 1,
            0x00 | 0x01 | 0xD8 => *position = start + 2,
            _ => {
                *position = start + 2;
                return Some(Marker { kind });
            }
        }
    }
}

/// Width and height; `None` for another format, for a file with a preview in it, and for a broken file.
///
/// The decoder builds its tables before it knows the size, and builds them again for the pixels. So the size is looked for
/// among the bytes, and is given only if a single place in them can be the head of a frame.
pub(crate) fn jpeg_size(bytes: &[u8]) -> Option<[u32; 2]> {
    if PictureFormat::detect(bytes)? != PictureFormat::Jpeg {
        return None;
    }
    // SOF0 to SOF15, less the three markers among them that start tables and extensions (ITU-T T.81, table B.1).
    let is_frame =
        |pair: &[u8]| pair[0] == 0xFF && matches!(pair[1], 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF);
    let mut frames = bytes.windows(2).enumerate().filter(|(_, pair)| is_frame(pair));
    let (position, _) = frames.next()?;
    if frames.next().is_some() {
        return None;
    }
    // Behind the marker: the segment's length, the bits of a sample, the height, the width.
    let &[height_high, height_low, width_high, width_low] = bytes.get(position + 5..position + 9)? else { return None };
    let [width, height] = [[width_high, width_low], [height_high, height_low]].map(u16::from_be_bytes);
    (width > 0 && height > 0).then(|| [width.into(), height.into()])
}

#[cfg(test)]
mod tests;
