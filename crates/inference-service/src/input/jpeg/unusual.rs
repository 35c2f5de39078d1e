//! Decodes the JPEGs that the image crate's decoder gets wrong without saying so: several scans in a baseline file, colours
//! sampled finer than the brightness or in threes, and colours other than those that the components suggest.
//!
//! Rule of thumb: the decoder here is slower and right; nearly no file needs it.

use std::io::Read;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{ColorTransform, Decoder, Error};

use super::head::{JpegColours, JpegHead};

/// A decoded picture, and how the camera was held.
pub(in crate::input) struct UnusualJpeg {
    pub(in crate::input) picture: DynamicImage,
    pub(in crate::input) orientation: Orientation,
}

impl UnusualJpeg {
    /// Decodes a file whose size has been checked.
    ///
    /// # Errors
    /// What is wrong, as a part of a sentence.
    pub(in crate::input) fn decode(bytes: impl Read, head: &JpegHead) -> Result<Self, String> {
        let mut decoder = Decoder::new(bytes);
        decoder.set_color_transform(match head.colours {
            JpegColours::Grey => ColorTransform::Grayscale,
            JpegColours::YCbCr => ColorTransform::YCbCr,
            JpegColours::Rgb => ColorTransform::RGB,
            JpegColours::Cmyk => ColorTransform::CMYK,
            JpegColours::Ycck => ColorTransform::YCCK,
        });
        let pixels = decoder.decode().map_err(|error| in_words(&error))?;
        let (width, height) = (head.frame.width, head.frame.height);
        let picture = match head.colours {
            JpegColours::Grey => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
            JpegColours::YCbCr | JpegColours::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
            JpegColours::Cmyk | JpegColours::Ycck => {
                RgbImage::from_raw(width, height, from_inks(&pixels)).map(DynamicImage::from)
            }
        };
        let exif = decoder.exif_data().and_then(Orientation::from_exif_chunk);
        Ok(Self {
            picture: picture.ok_or("its pixels are not as many as its head says")?,
            orientation: exif.unwrap_or(Orientation::NoTransforms),
        })
    }
}

/// Red, green and blue of cyan, magenta, yellow and black, in the arithmetic of the Python imaging library.
fn from_inks(pixels: &[u8]) -> Vec<u8> {
    let light = |ink: u8, black: u8| {
        let left = 255 - u32::from(black);
        let product = u32::from(ink) * left + 128;
        left.saturating_sub((product + (product >> 8)) >> 8) as u8
    };
    let (pixels, _) = pixels.as_chunks::<4>();
    pixels
        .iter()
        .flat_map(|&[cyan, magenta, yellow, black]| [cyan, magenta, yellow].map(|ink| light(ink, black)))
        .collect()
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Format(problem) => problem.clone(),
        Error::Unsupported(_) => "it is of a kind that is not taken; save it as an ordinary JPEG".to_owned(),
        Error::Io(_) => "the file ends before the picture does".to_owned(),
        Error::Internal(_) => "the decoder gave up".to_owned(),
    }
}
