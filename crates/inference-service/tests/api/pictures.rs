//! Pictures to send: the shipped examples, the same in other formats, and some that are no good.

use std::fs;
use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat};
use inference_service::input::{ImageLimits, decode};
use inference_service::model::ModelConfig;

use crate::repository::shipped;

/// A shipped example.
pub(crate) fn example(model: &str, file: &str) -> Vec<u8> {
    fs::read(shipped().join(model).join("examples").join(file)).unwrap()
}

/// The photograph of a cat.
pub(crate) fn cat() -> Vec<u8> {
    example("cifar10", "cat.jpg")
}

/// The same pixels in another format, which must lose nothing.
pub(crate) fn reencoded(picture: &[u8], format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::load_from_memory(picture).unwrap().to_rgb8().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A tiny grey picture.
pub(crate) fn dot() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_luma8(1, 1).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The numbers that a shipped model gets for a picture, and the shape of one item.
pub(crate) fn numbers(model: &str, picture: &[u8]) -> (Vec<f32>, [usize; 3]) {
    let spec = ModelConfig::load(&shipped().join(model).join("model.toml")).unwrap().input.unwrap();
    let input = decode(picture, &spec, &ImageLimits::default()).unwrap();
    (input.values().to_vec(), spec.item_shape())
}

/// Pictures of a few bytes that claim to be 16,000 x 16,000 pixels, with their content types.
pub(crate) fn bombs() -> [(&'static str, Vec<u8>); 4] {
    let side = 16_000_u32;
    let picture = dot();
    let mut png = picture.clone();
    png[16..20].copy_from_slice(&side.to_be_bytes());
    png[20..24].copy_from_slice(&side.to_be_bytes());
    let checksum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&checksum);
    let mut bmp = reencoded(&picture, ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&side.to_le_bytes());
    bmp[22..26].copy_from_slice(&side.to_le_bytes());
    let mut jpeg = reencoded(&picture, ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&(side as u16).to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&(side as u16).to_be_bytes());
    let mut webp = reencoded(&picture, ImageFormat::WebP);
    let lossless = webp.windows(4).position(|chunk| chunk == b"VP8L").unwrap();
    webp[lossless + 9..lossless + 13].copy_from_slice(&((side - 1) | (side - 1) << 14).to_le_bytes());
    [("image/png", png), ("image/bmp", bmp), ("image/jpeg", jpeg), ("image/webp", webp)]
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    let crc = bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)));
    (!crc).to_be_bytes()
}
