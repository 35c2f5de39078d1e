//! From the bytes of a picture to the numbers that a model takes.
//!
//! Rule of thumb: do what the Python imaging library does, because models are trained on its pixels. Grey is its ITU-R
//! 601 luma, transparency is dropped rather than blended, and the orientation that a camera notes in EXIF is not
//! applied: a client that wants it applied turns the picture before sending it. Limits are checked on the header, before
//! memory is taken for pixels.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageError, ImageReader, Limits, Luma, Pixel};

use super::error::InputError;
use super::format::{PictureFormat, describe_unknown};
use super::jpeg;
use super::model_input::ModelInput;
use crate::model::{Colour, InputSpec, Layout};

/// The most bytes that a decoded pixel may take: 8-bit red, green, blue, alpha.
const BYTES_PER_PIXEL: u64 = 4;

/// How large a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Most pixels in total. The decoder may take four bytes for each, so a picture of more than 32 bits a pixel may have
    /// fewer. Converting them to the model's colour takes up to three bytes more.
    pub max_pixels: u64,
    /// Most pixels on a side.
    pub max_dimension: u32,
}

impl Default for ImageLimits {
    /// 50 million pixels, 16,384 a side.
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_dimension: 16_384 }
    }
}

/// The format and size that a picture's header states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// Its format, by its first bytes.
    pub format: PictureFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Reads format and size without decoding pixels.
///
/// # Errors
/// [`InputError::UnsupportedFormat`], or [`InputError::Undecodable`] for a broken header.
pub fn read_header(bytes: &[u8]) -> Result<ImageHeader, InputError> {
    let format = detect(bytes)?;
    guarded(format, || {
        let (width, height) = open(bytes, format, &ImageLimits::default())?.dimensions();
        Ok(ImageHeader { format, width, height })
    })
}

/// A decoded picture, and what it was like before.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedImage {
    /// The picture as the model takes it.
    pub input: ModelInput,
    /// The picture as it was sent.
    pub header: ImageHeader,
}

/// Decodes, resizes and normalises a picture for a model.
///
/// # Errors
/// [`InputError::UnsupportedFormat`]; [`InputError::TooLarge`], found before memory is taken;
/// [`InputError::Undecodable`] for a picture that is broken, incomplete or empty, or on which the decoder panics.
pub fn decode(bytes: &[u8], spec: &InputSpec, limits: &ImageLimits) -> Result<ModelInput, InputError> {
    decode_with_header(bytes, spec, limits).map(|image| image.input)
}

/// As [`decode`], with what the picture was like before.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_header(bytes: &[u8], spec: &InputSpec, limits: &ImageLimits) -> Result<DecodedImage, InputError> {
    let format = detect(bytes)?;
    guarded(format, || {
        let decoder = open(bytes, format, limits)?;
        let (width, height) = decoder.dimensions();
        check_size(&decoder, format, limits)?;
        if format == PictureFormat::Jpeg && !jpeg::is_complete(bytes) {
            return Err(InputError::Undecodable { format, reason: "the file ends before the picture does".to_owned() });
        }
        let picture = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(format, &error))?;
        let values = normalised(&resized(picture, spec), spec);
        let header = ImageHeader { format, width, height };
        Ok(DecodedImage { input: ModelInput::new(&spec.item_shape(), values)?, header })
    })
}

fn detect(bytes: &[u8]) -> Result<PictureFormat, InputError> {
    PictureFormat::detect(bytes).ok_or_else(|| InputError::UnsupportedFormat { found: describe_unknown(bytes) })
}

/// Turns a panic into a refusal, because decoders work on bytes that strangers choose.
fn guarded<T>(format: PictureFormat, work: impl FnOnce() -> Result<T, InputError>) -> Result<T, InputError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(InputError::Undecodable { format, reason: "the decoder gave up".to_owned() }))
}

fn open<'a>(
    bytes: &'a [u8],
    format: PictureFormat,
    limits: &ImageLimits,
) -> Result<impl ImageDecoder + 'a, InputError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.codec());
    let mut decoder_limits = Limits::default();
    decoder_limits.max_alloc = Some(memory(limits));
    reader.limits(decoder_limits);
    reader.into_decoder().map_err(|error| undecodable(format, &error))
}

fn check_size(decoder: &impl ImageDecoder, format: PictureFormat, limits: &ImageLimits) -> Result<(), InputError> {
    let (width, height) = decoder.dimensions();
    let too_large = |limit| Err(InputError::TooLarge { width, height, limit });
    if width == 0 || height == 0 {
        return Err(InputError::Undecodable { format, reason: "it has no pixels".to_owned() });
    }
    if width.max(height) > limits.max_dimension {
        return too_large(format!("at most {} a side are taken", limits.max_dimension));
    }
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return too_large(format!("at most {} in total are taken", limits.max_pixels));
    }
    if decoder.total_bytes() > memory(limits) {
        return too_large(format!("at most {} bytes of decoded pixels are taken", memory(limits)));
    }
    Ok(())
}

fn memory(limits: &ImageLimits) -> u64 {
    limits.max_pixels.saturating_mul(BYTES_PER_PIXEL)
}

fn undecodable(format: PictureFormat, error: &ImageError) -> InputError {
    // Some decoders end their message with a line end.
    InputError::Undecodable { format, reason: error.to_string().trim_end().to_owned() }
}

/// The picture in the model's colour and size: rows of pixels, each of the model's channels, 8 bits.
fn resized(picture: DynamicImage, spec: &InputSpec) -> Vec<u8> {
    match spec.colour {
        Colour::Rgb => to_size(picture.into_rgb8(), spec),
        Colour::Grey => to_size(grey(picture), spec),
    }
}

fn to_size<P>(picture: ImageBuffer<P, Vec<u8>>, spec: &InputSpec) -> Vec<u8>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    if picture.dimensions() == (spec.width, spec.height) {
        return picture.into_raw();
    }
    image::imageops::resize(&picture, spec.width, spec.height, spec.resize.kernel()).into_raw()
}

/// Grey pictures stay as they are; others become ITU-R 601 luma in the fixed-point arithmetic of the Python imaging
/// library, so that each pixel is the same.
fn grey(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_color() {
        return picture.into_luma8();
    }
    let rgb = picture.into_rgb8();
    GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [red, green, blue] = rgb.get_pixel(x, y).0.map(u32::from);
        Luma([((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8])
    })
}

/// Pixels as the model's numbers, in the model's layout.
fn normalised(pixels: &[u8], spec: &InputSpec) -> Vec<f32> {
    let channels = spec.channels();
    let numbers: Vec<[f32; 256]> = spec.mean.iter().zip(&spec.std).map(|(mean, std)| scale(*mean, *std)).collect();
    match spec.layout {
        Layout::Nhwc => {
            let pixels = pixels.chunks_exact(channels);
            pixels.flat_map(|pixel| pixel.iter().zip(&numbers).map(|(byte, scale)| scale[usize::from(*byte)])).collect()
        }
        Layout::Nchw => {
            let mut planes = vec![0.0; pixels.len()];
            let planes_of = planes.chunks_exact_mut((pixels.len() / channels).max(1));
            for ((channel, scale), plane) in numbers.iter().enumerate().zip(planes_of) {
                for (number, pixel) in plane.iter_mut().zip(pixels.chunks_exact(channels)) {
                    *number = scale[usize::from(pixel[channel])];
                }
            }
            planes
        }
    }
}

/// The model's number for each value of a byte. A picture has many times as many bytes, and a division takes long.
fn scale(mean: f32, std: f32) -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / std)
}

#[cfg(test)]
mod tests;
