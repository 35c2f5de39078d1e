//! What a picture says of its size in its first bytes, without a decoder.

use super::format::PictureFormat;
use super::image::read_header;
use super::jpeg::jpeg_size;

/// Width and height as the file announces them; `None` where it does not. The decoder finds out whether that is true. Only a
/// JPEG that has several sizes in it, such as that of a preview, is read to its end for this.
pub(crate) fn announced_size(bytes: &[u8]) -> Option<[u32; 2]> {
    let at = |place: usize, length: usize| bytes.get(place..place + length);
    let little = |place: usize, length: usize| at(place, length)?.iter().rev().try_fold(0_u32, push);
    match PictureFormat::detect(bytes)? {
        PictureFormat::Jpeg => {
            let of_the_frame = || read_header(bytes).ok().map(|header| [header.width, header.height]);
            jpeg_size(bytes).or_else(of_the_frame)
        }
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
    fn a_photograph_with_a_preview_announces_its_own_size() {
        let encoded = |width: u32, height: u32| {
            let mut file = Vec::new();
            DynamicImage::new_rgb8(width, height).write_to(&mut Cursor::new(&mut file), ImageFormat::Jpeg).unwrap();
            file
        };
        let (picture, preview) = (encoded(400, 300), encoded(4, 3));
        let length = u16::try_from(preview.len() + 2).unwrap().to_be_bytes();
        let with_preview = [&picture[..2], &[0xFF, 0xE1], &length, &preview, &picture[2..]].concat();
        assert_eq!(announced_size(&with_preview), Some([400, 300]));
    }

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
