//! What an input looked like, in the few numbers that the prediction log keeps instead of pixels.
//!
//! Rule of thumb: this looks at what the model sees, so that a picture and its tensor count alike. Nothing is clamped: a
//! tensor that no picture can give shows as what it is.

use prediction_record::InputSummary;

use super::model_input::ModelInput;
use crate::model::{Colour, InputSpec, Layout};

/// The weights of red, green and blue in luma, by ITU-R BT.601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];
/// Decimals are kept down to this. What is beyond is the rounding of 32-bit floats, and would double a record's length.
const PRECISION: f64 = 1e9;

/// Summarises an input of this model. The `size` is the picture's, width and height, as it was sent; the model's
/// otherwise.
pub fn summarise(input: &ModelInput, spec: &InputSpec, size: [u32; 2]) -> InputSummary {
    match spec.colour {
        Colour::Rgb => {
            summary::<3>(input, spec, size, |[red, green, blue]| LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)
        }
        Colour::Grey => summary::<1>(input, spec, size, |[grey]| grey),
    }
}

fn summary<const CHANNELS: usize>(
    input: &ModelInput,
    spec: &InputSpec,
    [width, height]: [u32; 2],
    luma: impl Fn([f64; CHANNELS]) -> f64,
) -> InputSummary {
    let values = input.values();
    let pixels = values.len() / CHANNELS;
    let (pixel_step, channel_step) = match spec.layout {
        Layout::Nchw => (1, pixels),
        Layout::Nhwc => (CHANNELS, 1),
    };
    // Back from the model's scale to the picture's, in numbers wide enough for whatever a tensor holds.
    let scale: [(f64, f64); CHANNELS] =
        std::array::from_fn(|channel| (spec.std[channel].into(), spec.mean[channel].into()));
    let pixel = |index: usize| -> [f64; CHANNELS] {
        std::array::from_fn(|channel| {
            let (std, mean) = scale[channel];
            f64::from(values[index * pixel_step + channel * channel_step]) * std + mean
        })
    };
    let first = pixel(0);
    let mut channels: [Moments; CHANNELS] = std::array::from_fn(|channel| Moments::about(first[channel]));
    let mut light = Moments::about(luma(first));
    let mut grey = Vec::with_capacity(pixels);
    for index in 0..pixels {
        let pixel = pixel(index);
        for (moments, value) in channels.iter_mut().zip(pixel) {
            moments.add(value);
        }
        let luma = luma(pixel);
        light.add(luma);
        grey.push(luma);
    }
    InputSummary {
        width,
        height,
        brightness: rounded(light.mean()),
        contrast: rounded(light.variance().sqrt()),
        sharpness: rounded(laplacian_variance(&grey, spec.width as usize)),
        mean: channels.iter().map(|moments| rounded(moments.mean())).collect(),
        std: channels.iter().map(|moments| rounded(moments.variance().sqrt())).collect(),
    }
}

/// The variance of the four-neighbour Laplacian over all pixels that have four neighbours; 0 if none has.
fn laplacian_variance(grey: &[f64], width: usize) -> f64 {
    let mut moments = Moments::about(0.0);
    let rows: Vec<&[f64]> = grey.chunks_exact(width).collect();
    for rows in rows.windows(3) {
        let [above, row, below] = [rows[0], rows[1], rows[2]];
        for ((three, above), below) in row.windows(3).zip(&above[1..]).zip(&below[1..]) {
            moments.add(above + below + three[0] + three[2] - 4.0 * three[1]);
        }
    }
    moments.variance()
}

/// Mean and variance in one pass. Sums of distances from a number among the values stay exact where sums of the values
/// would not.
struct Moments {
    about: f64,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn about(about: f64) -> Self {
        Self { about, count: 0.0, sum: 0.0, squares: 0.0 }
    }

    fn add(&mut self, value: f64) {
        let distance = value - self.about;
        self.count += 1.0;
        self.sum += distance;
        self.squares += distance * distance;
    }

    fn mean(&self) -> f64 {
        self.about + self.sum / self.count
    }

    fn variance(&self) -> f64 {
        if self.count == 0.0 {
            return 0.0;
        }
        let mean = self.sum / self.count;
        (self.squares / self.count - mean * mean).max(0.0)
    }
}

fn rounded(value: f64) -> f64 {
    // Adding 0 turns −0 into 0.
    (value * PRECISION).round() / PRECISION + 0.0
}

#[cfg(test)]
mod tests;
