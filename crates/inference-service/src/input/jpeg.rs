//! What the bytes of a JPEG tell without its decoder: whether the file is complete, and how large its picture is.
//!
//! Rule of thumb: the decoder fills what is missing of an interrupted upload with grey, and a model would give that a label.
//! So an incomplete file is refused.

use super::format::PictureFormat;

const MARKER: u8 = 0xFF;
const END_OF_IMAGE: u8 = 0xD9;

/// Whether the end-of-image marker follows. Segments are skipped by their length, because a preview inside of one has
/// an end marker of its own; what follows the end marker does not matter.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    // Behind the start-of-image marker.
    let mut position = 2;
    while let Some(marker) = next_marker(bytes, &mut position) {
        if marker == END_OF_IMAGE {
            return true;
        }
        let Some(&[high, low]) = bytes.get(position..position + 2) else { return false };
        // A scan's header has a length and its compressed data has none: that is searched for the next marker.
        position += usize::from(u16::from_be_bytes([high, low])).max(2);
    }
    false
}

/// Moves behind the next marker that starts a segment or ends the picture. Stuffed bytes, restart markers and fill
/// bytes are part of the data.
fn next_marker(bytes: &[u8], position: &mut usize) -> Option<u8> {
    loop {
        let start = *position + bytes.get(*position..)?.iter().position(|byte| *byte == MARKER)?;
        let marker = *bytes.get(start + 1)?;
        match marker {
            MARKER => *position = start + 1,
            0x00 | 0x01 | 0xD0..=0xD8 => *position = start + 2,
            _ => {
                *position = start + 2;
                return Some(marker);
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
