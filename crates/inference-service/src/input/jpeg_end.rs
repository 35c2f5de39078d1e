//! Whether a JPEG file is there to its end.
//!
//! Rule of thumb: the decoder fills what is missing of an interrupted upload with grey, and a model would answer with a
//! label for it. A picture that is not all there is refused instead.

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

#[cfg(test)]
mod tests {
    use super::is_complete;

    /// Start, a segment that holds a preview with its own end marker, and a scan of data with a stuffed byte and a
    /// restart marker.
    const UP_TO_THE_END: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9, 0xFF, 0xDA, 0, 3, 1, 0x12, 0xFF, 0x00, 0xFF, 0xD0, 0x34,
    ];

    #[test]
    fn the_end_marker_outside_of_segments_counts() {
        let mut bytes = UP_TO_THE_END.to_vec();
        assert!(!is_complete(&bytes), "the preview's end marker must not count");
        bytes.push(0xFF);
        assert!(!is_complete(&bytes));
        bytes.push(0xD9);
        assert!(is_complete(&bytes));
        bytes.extend_from_slice(b"a camera's trailer");
        assert!(is_complete(&bytes));
    }

    #[test]
    fn any_shorter_file_is_incomplete() {
        for length in 0..UP_TO_THE_END.len() {
            assert!(!is_complete(&UP_TO_THE_END[..length]), "complete at {length} bytes");
        }
    }
}
