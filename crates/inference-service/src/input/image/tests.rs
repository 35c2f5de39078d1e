#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Cursor;
use std::time::{Duration, Instant};

use image::{GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;
use crate::model::{Colour, Layout, ReadOrientation, ResizeFilter};

mod orientation;

/// A model that sees pixel values as they are.
fn spec(width: u32, height: u32, colour: Colour) -> InputSpec {
    let channels = if colour == Colour::Rgb { 3 } else { 1 };
    InputSpec {
        width,
        height,
        colour,
        layout: Layout::Nhwc,
        mean: vec![0.0; channels],
        std: vec![1.0 / 255.0; channels],
        resize: ResizeFilter::Triangle,
        orientation: ReadOrientation::Ignore,
    }
}

fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Pixel values, rounded, as the model sees them.
fn seen(bytes: &[u8], spec: &InputSpec) -> Vec<u8> {
    let input = decode(bytes, spec, &ImageLimits::default()).unwrap();
    input.values().iter().map(|value| value.round() as u8).collect()
}

fn refusal(bytes: &[u8], limits: &ImageLimits) -> InputError {
    decode(bytes, &spec(8, 8, Colour::Rgb), limits).expect_err("should be refused")
}

fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 20) as u8, (y * 20) as u8, 128]))
}

const FORMATS: [(PictureFormat, ImageFormat); 4] = [
    (PictureFormat::Jpeg, ImageFormat::Jpeg),
    (PictureFormat::Png, ImageFormat::Png),
    (PictureFormat::WebP, ImageFormat::WebP),
    (PictureFormat::Bmp, ImageFormat::Bmp),
];

#[test]
fn every_format_arrives() {
    let picture = gradient(7, 5);
    for (format, codec) in FORMATS {
        let bytes = encode(picture.clone(), codec);
        assert_eq!(read_header(&bytes), Ok(ImageHeader { format, width: 7, height: 5 }));
        let seen = seen(&bytes, &spec(7, 5, Colour::Rgb));
        let tolerance = if format == PictureFormat::Jpeg { 40 } else { 0 };
        let off = seen.iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(tolerance), "{format}: off by {off:?}");
    }
}

#[test]
fn both_layouts_and_the_normalisation() {
    let picture = RgbImage::from_raw(2, 1, vec![255, 0, 51, 0, 102, 255]).unwrap();
    let bytes = encode(picture, ImageFormat::Png);
    let mut spec = spec(2, 1, Colour::Rgb);
    spec.mean = vec![0.5, 0.0, 0.2];
    spec.std = vec![0.5, 0.2, 1.0];
    let values = |spec: &InputSpec| decode(&bytes, spec, &ImageLimits::default()).unwrap().values().to_vec();
    let near = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(near(&values(&spec), &[1.0, 0.0, 0.0, -1.0, 2.0, 0.8]));
    spec.layout = Layout::Nchw;
    assert!(near(&values(&spec), &[1.0, -1.0, 0.0, 2.0, 0.0, 0.8]));
}

#[test]
fn grey_is_the_luma_of_itu_r_601() {
    let picture = RgbImage::from_raw(6, 1, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 200, 30, 0, 1, 0]);
    let bytes = encode(picture.unwrap(), ImageFormat::Png);
    assert_eq!(seen(&bytes, &spec(6, 1, Colour::Grey)), [76, 150, 29, 255, 124, 1]);
}

#[test]
fn grey_pictures_stay_as_they_are() {
    let values: Vec<u8> = (0..=255).collect();
    let grey = GrayImage::from_raw(16, 16, values.clone()).unwrap();
    for codec in [ImageFormat::Png, ImageFormat::Bmp] {
        let bytes = encode(grey.clone(), codec);
        assert_eq!(seen(&bytes, &spec(16, 16, Colour::Grey)), values);
        let tripled: Vec<u8> = values.iter().flat_map(|value| [*value; 3]).collect();
        assert_eq!(seen(&bytes, &spec(16, 16, Colour::Rgb)), tripled);
    }
}

#[test]
fn transparency_is_dropped_and_not_blended() {
    let picture = RgbaImage::from_raw(2, 1, vec![200, 100, 50, 0, 1, 2, 3, 128]).unwrap();
    for codec in [ImageFormat::Png, ImageFormat::WebP] {
        let bytes = encode(picture.clone(), codec);
        let seen = seen(&bytes, &spec(2, 1, Colour::Rgb));
        assert_eq!(seen[3..], [1, 2, 3]);
        // WebP's encoder may forget the colour of what nobody sees.
        assert!(codec == ImageFormat::WebP || seen[..3] == [200, 100, 50]);
    }
    let grey = image::GrayAlphaImage::from_raw(2, 1, vec![77, 0, 9, 255]).unwrap();
    assert_eq!(seen(&encode(grey, ImageFormat::Png), &spec(2, 1, Colour::Grey)), [77, 9]);
}

#[test]
fn sixteen_bits_become_eight() {
    let values = [0_u16, 0x8080, 0xFFFF, 257];
    let grey = ImageBuffer::<Luma<u16>, _>::from_raw(4, 1, values.to_vec()).unwrap();
    assert_eq!(seen(&encode(grey, ImageFormat::Png), &spec(4, 1, Colour::Grey)), [0, 128, 255, 1]);
    let rgba = ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, values.to_vec()).unwrap();
    assert_eq!(seen(&encode(rgba, ImageFormat::Png), &spec(1, 1, Colour::Rgb)), [0, 128, 255]);
}

#[test]
fn reducing_averages_unless_the_nearest_pixel_is_asked_for() {
    let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
    let bytes = encode(board, ImageFormat::Png);
    let mut spec = spec(8, 8, Colour::Grey);
    for resize in [ResizeFilter::Triangle, ResizeFilter::CatmullRom, ResizeFilter::Lanczos3] {
        spec.resize = resize;
        let seen = seen(&bytes, &spec);
        assert!(seen.iter().all(|value| value.abs_diff(127) <= 10), "{resize:?}: {seen:?}");
    }
    spec.resize = ResizeFilter::Nearest;
    assert!(seen(&bytes, &spec).iter().all(|value| *value == 0 || *value == 255));
}

#[test]
fn a_grey_picture_is_resized_as_if_it_were_in_three_equal_colours() {
    let grey = GrayImage::from_fn(67, 43, |x, y| Luma([(x * x * 3 + y * 37 + x * y) as u8]));
    let deep = ImageBuffer::<Luma<u16>, _>::from_fn(67, 43, |x, y| Luma([(x * 977 + y * 1499) as u16]));
    for picture in [DynamicImage::from(grey), DynamicImage::from(deep)] {
        let in_colours = DynamicImage::from(picture.to_rgb8());
        for resize in [ResizeFilter::Triangle, ResizeFilter::Nearest, ResizeFilter::CatmullRom, ResizeFilter::Lanczos3]
        {
            for (width, height) in [(32, 32), (67, 43), (5, 90), (224, 224)] {
                let spec = InputSpec { resize, ..spec(width, height, Colour::Rgb) };
                let [grey, colours] =
                    [&picture, &in_colours].map(|picture| seen(&encode(picture.clone(), ImageFormat::Png), &spec));
                assert_eq!(grey, colours, "{resize:?} {width} x {height}");
            }
        }
    }
}

#[test]
fn limits_hold() {
    let bytes = encode(gradient(12, 10), ImageFormat::Png);
    let just = ImageLimits { max_pixels: 120, max_dimension: 12 };
    assert!(decode(&bytes, &spec(8, 8, Colour::Rgb), &just).is_ok());
    for (limits, word) in [
        (ImageLimits { max_pixels: 119, ..just }, "119 in total"),
        (ImageLimits { max_dimension: 11, ..just }, "11 a side"),
    ] {
        let message = refusal(&bytes, &limits).to_string();
        assert!(message.contains("12 x 10") && message.contains(word), "{message}");
    }
    let deep = encode(ImageBuffer::<Rgba<u16>, _>::new(12, 10), ImageFormat::Png);
    assert!(matches!(refusal(&deep, &just), InputError::TooLarge { .. }), "8 bytes a pixel are more than 4");
}

/// A PNG checksum.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    let crc = bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    (!crc).to_be_bytes()
}

/// Pictures of a few bytes that claim to be 16,000 x 16,000 pixels.
fn bombs() -> Vec<Vec<u8>> {
    let side = 16_000_u32;
    let mut png = encode(gradient(4, 4), ImageFormat::Png);
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let checksum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&checksum);
    let mut bmp = encode(gradient(4, 4), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&side.to_le_bytes());
    bmp[22..26].copy_from_slice(&side.to_le_bytes());
    let mut jpeg = encode(gradient(4, 4), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&(side as u16).to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&(side as u16).to_be_bytes());
    let mut webp = encode(gradient(4, 4), ImageFormat::WebP);
    let lossless = webp.windows(4).position(|chunk| chunk == b"VP8L").unwrap();
    let size = (side - 1) | (side - 1) << 14;
    webp[lossless + 9..lossless + 13].copy_from_slice(&size.to_le_bytes());
    vec![png, bmp, jpeg, webp]
}

#[test]
fn small_files_that_claim_to_be_huge_are_refused_by_their_header() {
    for bomb in bombs() {
        let header = read_header(&bomb).unwrap();
        assert_eq!((header.width, header.height), (16_000, 16_000), "{}", header.format);
        let refused = refusal(&bomb, &ImageLimits::default());
        assert!(matches!(refused, InputError::TooLarge { width: 16_000, .. }), "{}: {refused}", header.format);
    }
}

#[test]
fn decoding_ends_with_the_patience_also_inside_of_a_picture() {
    let [mut few, mut many] = [GrayImage::new(4000, 3000), GrayImage::new(4000, 3000)];
    few.put_pixel(0, 0, Luma([1]));
    many.enumerate_pixels_mut().for_each(|(x, y, pixel)| pixel.0 = [(x * y) as u8]);
    for picture in [few, many] {
        for format in [ImageFormat::Png, ImageFormat::Bmp] {
            let bytes = encode(picture.clone(), format);
            let spec = spec(8, 8, Colour::Grey);
            let decode = |patience: &DecodePatience| {
                decode_patiently(&bytes, &spec, &ImageLimits::default(), patience).map(|decoded| decoded.header.width)
            };
            assert_eq!(decode(&DecodePatience::until(Instant::now() + Duration::from_secs(3600))), Ok(4000));
            let soon = Instant::now() + Duration::from_micros(500);
            assert_eq!(decode(&DecodePatience::until(soon)), Err(InputError::OutOfTime));
            let left = DecodePatience::default();
            drop(left.waiter());
            assert_eq!(decode(&left), Err(InputError::OutOfTime));
        }
    }
}

#[test]
fn what_is_no_picture_is_named() {
    for (bytes, word) in [
        (&b""[..], "nothing"),
        (b"GIF89a....", "GIF"),
        (b"II*\0....", "TIFF"),
        (b"\0\0\0\x20ftypheic", "HEIF"),
        (b"%PDF-1.7", "PDF"),
        (b"hello, world", "12 bytes that start with 68 65 6c"),
        (b"RIFF\0\0\0\0WAVE", "start with 52 49 46 46"),
    ] {
        let refused = refusal(bytes, &ImageLimits::default());
        assert!(matches!(refused, InputError::UnsupportedFormat { .. }), "{refused}");
        assert!(refused.to_string().contains(word), "{refused}");
    }
}

#[test]
fn pictures_that_are_cut_off_are_refused() {
    for (format, codec) in FORMATS {
        let bytes = encode(gradient(40, 40), codec);
        for length in [bytes.len() / 2, bytes.len() * 9 / 10, bytes.len() - 14] {
            let refused = refusal(&bytes[..length], &ImageLimits::default());
            assert!(matches!(refused, InputError::Undecodable { .. }), "{format} of {length} bytes: {refused}");
        }
    }
}

#[test]
fn a_panic_becomes_a_refusal() {
    let refused = guarded::<()>(PictureFormat::Png, || panic!("a bug in a decoder"));
    assert!(matches!(refused, Err(InputError::Undecodable { format: PictureFormat::Png, .. })));
}

fn decodes_or_refuses(bytes: &[u8], spec: &InputSpec) {
    let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
    let _ = read_header(bytes);
    if let Ok(input) = decode(bytes, spec, &limits) {
        assert_eq!(input.values().len(), spec.count());
        assert!(input.values().iter().all(|value| value.is_finite()));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes(start in 0_usize..5, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let starts: [&[u8]; 5] = [b"", b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1A\n", b"RIFF\0\0\0\0WEBP", b"BM"];
        decodes_or_refuses(&[starts[start], &bytes].concat(), &spec(5, 3, Colour::Rgb));
    }

    #[test]
    fn mutated_pictures(
        format in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = encode(gradient(9, 6), FORMATS[format].1);
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        decodes_or_refuses(&bytes, &spec(5, 3, Colour::Grey));
    }
}
