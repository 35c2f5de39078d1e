//! From the bytes of a picture to a model's input.
//!
//! Rule of thumb: do what the Python imaging library does, because models are trained on its pixels. Grey is its ITU-R
//! 601 luma, transparency is dropped rather than blended, and the orientation that a camera notes in EXIF is applied only
//! where model.toml asks for it. Limits are checked on the header, before memory is taken for pixels.

use std::error::Error as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::error::InputError;
use super::format::{PictureFormat, describe_unknown};
use super::jpeg::{JpegHead, UnusualJpeg};
use super::model_input::ModelInput;
use super::patience::{DecodePatience, PatientBytes};
use super::pixels::{normalised, resized};
use crate::model::{InputSpec, ReadOrientation};

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
        let (width, height) = match format {
            PictureFormat::Jpeg => jpeg_head(bytes).map(|head| (head.frame.width, head.frame.height))?,
            _ => {
                let patience = DecodePatience::default();
                open(PatientBytes::new(bytes, &patience), format, &ImageLimits::default())?.dimensions()
            }
        };
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
    decode_patiently(bytes, spec, limits, &DecodePatience::default()).map(|image| image.input)
}

/// As [`decode`], with what the picture was like before, and no longer than the patience lasts.
///
/// # Errors
/// As [`decode`], and [`InputError::OutOfTime`].
pub fn decode_patiently(
    bytes: &[u8],
    spec: &InputSpec,
    limits: &ImageLimits,
    patience: &DecodePatience,
) -> Result<DecodedImage, InputError> {
    let format = detect(bytes)?;
    let decoded = guarded(format, || {
        let file = PictureFile { bytes, format, patience };
        let Picture { mut pixels, orientation, header } = file.picture(spec.orientation, limits)?;
        patience.check()?;
        pixels.apply_orientation(orientation);
        patience.check()?;
        let pixels = resized(pixels, spec);
        patience.check()?;
        Ok(DecodedImage { input: ModelInput::new(&spec.item_shape(), normalised(&pixels, spec))?, header })
    });
    // A decoder that was stopped says what it makes of that itself.
    decoded.map_err(|problem| patience.check().err().unwrap_or(problem))
}

/// A picture with all its pixels.
struct Picture {
    pixels: DynamicImage,
    /// What is to be done to it before a model sees it.
    orientation: Orientation,
    header: ImageHeader,
}

/// A file whose format is known.
struct PictureFile<'a> {
    bytes: &'a [u8],
    format: PictureFormat,
    patience: &'a DecodePatience,
}

impl PictureFile<'_> {
    fn picture(&self, read: ReadOrientation, limits: &ImageLimits) -> Result<Picture, InputError> {
        let Self { bytes, format, patience } = *self;
        let oriented = |found: &mut dyn FnMut() -> Orientation| match read {
            ReadOrientation::Ignore => Orientation::NoTransforms,
            ReadOrientation::Exif => found(),
        };
        if format == PictureFormat::Jpeg {
            let head = jpeg_head(bytes)?;
            if !head.is_usual {
                let (width, height) = (head.frame.width, head.frame.height);
                let header = ImageHeader { format, width, height };
                check_size(header, u64::from(width) * u64::from(height) * BYTES_PER_PIXEL, limits)?;
                let reason = |reason| InputError::Undecodable { format, reason };
                let bytes = PatientBytes::new(bytes, patience);
                let UnusualJpeg { picture, orientation } = UnusualJpeg::decode(bytes, &head).map_err(reason)?;
                return Ok(Picture { pixels: picture, orientation: oriented(&mut || orientation), header });
            }
        }
        let mut decoder = open(PatientBytes::new(bytes, patience), format, limits)?;
        let (width, height) = decoder.dimensions();
        let header = ImageHeader { format, width, height };
        check_size(header, decoder.total_bytes(), limits)?;
        // Metadata that cannot be read tell of no orientation, and are no reason to refuse the pixels.
        let orientation = oriented(&mut || decoder.orientation().unwrap_or(Orientation::NoTransforms));
        let pixels = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(format, &error))?;
        Ok(Picture { pixels, orientation, header })
    }
}

fn jpeg_head(bytes: &[u8]) -> Result<JpegHead, InputError> {
    JpegHead::read(bytes).map_err(|reason| InputError::Undecodable { format: PictureFormat::Jpeg, reason })
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
    bytes: PatientBytes<'a>,
    format: PictureFormat,
    limits: &ImageLimits,
) -> Result<impl ImageDecoder + 'a, InputError> {
    let mut reader = ImageReader::with_format(bytes, format.codec());
    let mut decoder_limits = Limits::default();
    decoder_limits.max_alloc = Some(memory(limits));
    reader.limits(decoder_limits);
    reader.into_decoder().map_err(|error| undecodable(format, &error))
}

fn check_size(header: ImageHeader, bytes: u64, limits: &ImageLimits) -> Result<(), InputError> {
    let ImageHeader { format, width, height } = header;
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
    if bytes > memory(limits) {
        return too_large(format!("at most {} bytes of decoded pixels are taken", memory(limits)));
    }
    Ok(())
}

fn memory(limits: &ImageLimits) -> u64 {
    limits.max_pixels.saturating_mul(BYTES_PER_PIXEL)
}

/// Says what a decoder found in words for people; what it says itself is about its own insides.
fn undecodable(format: PictureFormat, error: &ImageError) -> InputError {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let is_end = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
    let ends_early = match error {
        ImageError::IoError(error) => is_end(error),
        _ => { causes }.any(|cause| cause.downcast_ref().is_some_and(is_end)),
    };
    let reason = match error {
        _ if ends_early => "the file ends before the picture does",
        ImageError::Limits(_) => "it takes more memory than is allowed",
        ImageError::Unsupported(_) => "it is of a kind that is not taken; save it in another one",
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::IoError(_) => {
            "its bytes are damaged"
        }
    };
    InputError::Undecodable { format, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
