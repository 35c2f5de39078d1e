//! How a camera was held, in each format that can tell.

use super::*;

/// What a camera writes that was held in one of eight ways, in Intel's or in Motorola's order.
fn exif(orientation: u8, is_intel: bool) -> Vec<u8> {
    match is_intel {
        true => [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0], &[0; 4]].concat(),
        false => [&b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01"[..], &[0, orientation, 0, 0], &[0; 4]].concat(),
    }
}

/// The picture with these metadata in it.
fn with_exif(picture: &RgbImage, codec: ImageFormat, exif: &[u8]) -> Vec<u8> {
    let file = encode(picture.clone(), codec);
    match codec {
        ImageFormat::Jpeg => {
            let length = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
            [&file[..2], &[0xFF, 0xE1], &length, b"Exif\0\0", exif, &file[2..]].concat()
        }
        ImageFormat::Png => {
            let named = [b"eXIf", exif].concat();
            let length = u32::try_from(exif.len()).unwrap().to_be_bytes();
            // Behind the header, which always is as long.
            [&file[..33], &length, &named, &crc(&named), &file[33..]].concat()
        }
        _ => {
            // The simple form becomes the extended one: a header that announces metadata, the picture, the metadata.
            let side = |pixels: u32| (pixels - 1).to_le_bytes();
            let (width, height) = (side(picture.width()), side(picture.height()));
            let length = u32::try_from(exif.len()).unwrap().to_le_bytes();
            let head = [&b"WEBPVP8X\x0a\0\0\0\x08\0\0\0"[..], &width[..3], &height[..3]].concat();
            let chunks = [&head, &file[12..], b"EXIF", &length, exif].concat();
            [&b"RIFF"[..], &u32::try_from(chunks.len()).unwrap().to_le_bytes(), &chunks].concat()
        }
    }
}

#[test]
fn the_orientation_in_exif_is_applied_where_model_toml_asks_for_it() {
    // Each corner has another brightness; the numbers of the corners in reading order, as one sees them.
    let corners = [0_u8, 80, 160, 240];
    let picture = RgbImage::from_fn(32, 16, |x, y| Rgb([corners[(x / 16 + y / 8 * 2) as usize]; 3]));
    let turned = [
        [0, 1, 2, 3],
        [1, 0, 3, 2],
        [3, 2, 1, 0],
        [2, 3, 0, 1],
        [0, 2, 1, 3],
        [2, 0, 3, 1],
        [3, 1, 2, 0],
        [1, 3, 0, 2],
    ];
    for codec in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        for (orientation, order) in (1..).zip(turned) {
            let file = with_exif(&picture, codec, &exif(orientation, orientation % 2 == 0));
            assert_eq!(read_header(&file).unwrap().width, 32, "the header is that of the file");
            // A picture on its side is as wide as the other is high.
            let (width, height) = if orientation > 4 { (16, 32) } else { (32, 16) };
            let mut spec = spec(width, height, Colour::Grey);
            spec.orientation = ReadOrientation::Exif;
            let seen = seen(&file, &spec);
            let at = |x: u32, y: u32| seen[(y * width + x) as usize];
            let found = [at(2, 2), at(width - 3, 2), at(2, height - 3), at(width - 3, height - 3)];
            let near = found.iter().zip(order).all(|(found, corner)| found.abs_diff(corners[corner]) <= 3);
            assert!(near, "{codec:?} {orientation}: {found:?}");
        }
    }
}

#[test]
fn the_orientation_in_exif_is_left_alone_unless_model_toml_asks_for_it() {
    let picture = gradient(16, 8);
    for codec in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let turned = with_exif(&picture, codec, &exif(6, true));
        let patience = DecodePatience::default();
        let mut decoder = open(
            PatientBytes::new(&turned, &patience),
            PictureFormat::detect(&turned).unwrap(),
            &ImageLimits::default(),
        )
        .unwrap();
        assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90, "the test's metadata are read");
        let plain = encode(picture.clone(), codec);
        assert_eq!(seen(&turned, &spec(16, 8, Colour::Rgb)), seen(&plain, &spec(16, 8, Colour::Rgb)));
    }
}
