#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use proptest::prelude::*;

use super::*;
use crate::input::read_header;

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(width, height).write_to(&mut file, format).unwrap();
    file.into_inner()
}

#[test]
fn the_size_is_that_of_the_decoder() {
    for (width, height) in [(1, 1), (32, 32), (300, 7), (513, 1024)] {
        assert_eq!(jpeg_size(&encoded(width, height, ImageFormat::Jpeg)), Some([width, height]));
    }
    assert_eq!(jpeg_size(&encoded(2, 2, ImageFormat::Png)), None);
}

#[test]
fn a_file_that_tells_two_sizes_tells_none() {
    let picture = encoded(400, 300, ImageFormat::Jpeg);
    // A preview in a segment of the application's.
    let preview = encoded(4, 3, ImageFormat::Jpeg);
    let length = u16::try_from(preview.len() + 2).unwrap().to_be_bytes();
    let with_preview = [&picture[..2], &[0xFF, 0xE1], &length, &preview, &picture[2..]].concat();
    assert_eq!(read_header(&with_preview).unwrap().width, 400);
    assert_eq!(jpeg_size(&with_preview), None);
}

proptest! {
    #[test]
    fn a_damaged_file_never_tells_another_size_than_the_decoder(at in 0..600_usize, byte: u8) {
        let mut bytes = encoded(16, 8, ImageFormat::Jpeg);
        let place = at % bytes.len();
        bytes[place] = byte;
        if let (Some([width, height]), Ok(header)) = (jpeg_size(&bytes), read_header(&bytes)) {
            prop_assert_eq!([width, height], [header.width, header.height]);
        }
    }
}
