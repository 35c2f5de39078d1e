//! What a picture says of its size in its first bytes, without a decoder.

use super::format::PictureFormat;
use super::jpeg::jpeg_size;

/// Width and height as the file announces them; `None` where it does not. The decoder finds out whether that is true.
pub(crate) fn announced_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let at = |place: usize, length: usize| bytes.get(place..place + length);
    let little = |place: usize, length: usize| at(place, length)?.iter().rev().try_fold(0_u32, push);
    match PictureFormat::detect(bytes)? {
        PictureFormat::Jpeg => jpeg_size(bytes),
        PictureFormat::Png => {
            let big = |place: usize| at(place, 4)?.iter().try_fold(0_u32, push);
            Some([big(16)?, big(20)?])
        }
        // The height of a picture that is stored from top to bottom is negative.
        PictureFormat::Bmp if little(14, 4)? > 12 => {
            Some([little(18, 4)?, little(22, 4)?.cast_signed().unsigned_abs()])
        }
        PictureFormat::Bmp => Some([little(18, 2)?, little(20, 2)?]),
        PictureFormat::WebP => match at(12, 4)? {
            b"VP8X" => Some([little(24, 3)? + 1, little(27, 3)? + 1]),
            b"VP8 " => Some([little(26, 2)? & 0x3FFF, little(28, 2)? & 0x3FFF]),
            b"VP8L" => {
                let sizes = little(21, 4)?;
                Some([(sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1])
            }
            _ => None,
        },
    }
}

fn push(number: u32, byte: &u8) -> Option<u32> {
    Some(number << 8 | u32::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};

    use super::*;

    #[test]
    fn each_format_announces_its_size() {
        let picture = DynamicImage::new_rgb8(300, 7);
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
            let mut file = Vec::new();
            picture.write_to(&mut Cursor::new(&mut file), format).unwrap();
            assert_eq!(announced_size(&file), Some([300, 7]), "{format:?}");
            for length in 0..60 {
                let _ = announced_size(&file[..length]);
            }
        }
        // Lossy, and lossy with a canvas.
        let simple = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x2c\x01\x07\x40";
        assert_eq!(announced_size(simple), Some([300, 7]));
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x2b\x01\0\x06\0\0";
        assert_eq!(announced_size(extended), Some([300, 7]));
    }
}
