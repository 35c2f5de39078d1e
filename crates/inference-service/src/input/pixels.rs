//! From decoded pixels to the numbers that a model takes.
//!
//! Rule of thumb: do what the Python imaging library does, because models are trained on its pixels.

use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Pixel};

use crate::model::{Colour, InputSpec, Layout};

/// The picture in the model's colour and size: rows of pixels, each of the model's channels, 8 bits.
pub(super) fn resized(picture: DynamicImage, spec: &InputSpec) -> Vec<u8> {
    match spec.colour {
        Colour::Grey => to_size(grey(picture), spec),
        // Each channel is resized by itself, so three equal ones need not be.
        Colour::Rgb if !picture.color().has_color() => {
            to_size(picture.into_luma8(), spec).into_iter().flat_map(|value| [value; 3]).collect()
        }
        Colour::Rgb => to_size(picture.into_rgb8(), spec),
    }
}

fn to_size<P>(picture: ImageBuffer<P, Vec<u8>>, spec: &InputSpec) -> Vec<u8>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    if picture.dimensions() == (spec.width, spec.height) {
        return picture.into_raw();
    }
    match spec.resize.kernel() {
        Some(kernel) => image::imageops::resize(&picture, spec.width, spec.height, kernel).into_raw(),
        None => nearest(&picture, spec.width, spec.height),
    }
}

/// For each pixel the one at its centre. Where that is the border of two, image's own filter takes the other one than the
/// Python imaging library.
fn nearest<P>(picture: &ImageBuffer<P, Vec<u8>>, width: u32, height: u32) -> Vec<u8>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    let columns = centres(picture.width(), width);
    let rows = centres(picture.height(), height);
    let pixels = rows.iter().flat_map(|y| columns.iter().map(|x| picture.get_pixel(*x, *y)));
    pixels.flat_map(|pixel| pixel.channels().iter().copied()).collect()
}

/// The pixels on the centres of `to` equal parts of `from` pixels. The steps add up in the order in which the Python
/// imaging library adds them: multiplied, some would round to another pixel.
fn centres(from: u32, to: u32) -> Vec<u32> {
    let step = f64::from(from) / f64::from(to);
    let places = std::iter::successors(Some(step * 0.5), |place| Some(place + step));
    places.take(to as usize).map(|place| (place as u32).min(from.saturating_sub(1))).collect()
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
pub(super) fn normalised(pixels: &[u8], spec: &InputSpec) -> Vec<f32> {
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
mod tests {
    use super::*;

    /// What `Image.resize((to, 1), Image.NEAREST)` of Pillow 13 takes of a row of pixels that count up from 0.
    #[test]
    fn the_nearest_pixel_is_that_of_the_python_imaging_library() {
        assert_eq!(centres(64, 12), [2, 8, 13, 18, 23, 29, 34, 40, 45, 50, 56, 61]);
        assert_eq!(centres(5, 12), [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4]);
        assert_eq!(centres(33, 22), [0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26, 27, 29, 30, 32]);
        assert_eq!(centres(298, 299)[149], 148);
    }
}
