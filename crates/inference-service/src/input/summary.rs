//! What an input looked like, in the few numbers that the prediction log keeps instead of pixels.
//!
//! Rule of thumb: this looks at what the model sees, so that a picture and its tensor count alike. Nothing is clamped: a
//! tensor that no picture can give shows as what it is.

use prediction_record::InputSummary;

use super::model_input::ModelInput;
use crate::model::{Colour, InputSpec, Layout};

/// The weights of red, green and blue in luma, by ITU-R BT.601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];
/// Numbers are kept to nine decimals. Further ones are the rounding of 32-bit floats, and would double a record's length.
const PRECISION: f64 = 1e9;
/// How many sums are made side by side.
const LANES: usize = 4;

/// Summarises an input of this model. Width and height are those of the picture as it was sent, or the model's for a tensor.
pub fn summarise(input: &ModelInput, spec: &InputSpec, [width, height]: [u32; 2]) -> InputSummary {
    let weights = match spec.colour {
        Colour::Rgb => &LUMA[..],
        Colour::Grey => &[1.0],
    };
    let pixels = input.values().len() / weights.len();
    let mut luma = vec![0.0; pixels];
    let mut channel = vec![0.0; pixels];
    let (mut mean, mut std) = (Vec::with_capacity(weights.len()), Vec::with_capacity(weights.len()));
    for (index, weight) in weights.iter().enumerate() {
        fill(&mut channel, input.values(), spec, index);
        for (luma, value) in luma.iter_mut().zip(&channel) {
            *luma += weight * value;
        }
        let moments = Moments::of(&channel);
        mean.push(rounded(moments.mean));
        std.push(rounded(moments.variance.sqrt()));
    }
    let light = Moments::of(&luma);
    InputSummary {
        width,
        height,
        brightness: rounded(light.mean),
        contrast: rounded(light.variance.sqrt()),
        sharpness: rounded(laplacian_variance(&luma, spec.width as usize, channel)),
        mean,
        std,
    }
}

/// One channel, back from the model's scale to the picture's, in numbers wide enough for whatever a tensor holds.
fn fill(channel: &mut [f64], values: &[f32], spec: &InputSpec, index: usize) {
    let (std, mean) = (f64::from(spec.std[index]), f64::from(spec.mean[index]));
    let pixel = |value: &f32| f64::from(*value) * std + mean;
    match spec.layout {
        Layout::Nchw => {
            let plane = &values[index * channel.len()..];
            channel.iter_mut().zip(plane).for_each(|(to, value)| *to = pixel(value));
        }
        Layout::Nhwc => {
            let plane = values[index..].iter().step_by(spec.channels());
            channel.iter_mut().zip(plane).for_each(|(to, value)| *to = pixel(value));
        }
    }
}

/// The variance of the four-neighbour Laplacian over all pixels that have four neighbours; 0 if none has. The `edges`
/// are memory to work in.
fn laplacian_variance(luma: &[f64], width: usize, mut edges: Vec<f64>) -> f64 {
    edges.clear();
    let (above, here, below) = (luma, luma.get(width..).unwrap_or_default(), luma.get(2 * width..).unwrap_or_default());
    let rows = above.chunks_exact(width).zip(here.chunks_exact(width)).zip(below.chunks_exact(width));
    for ((above, row), below) in rows {
        let inner = row.windows(3).zip(&above[1..]).zip(&below[1..]);
        edges.extend(inner.map(|((three, above), below)| above + below + three[0] + three[2] - 4.0 * three[1]));
    }
    Moments::of(&edges).variance
}

/// Mean and variance of some values; both 0 if there are none.
struct Moments {
    mean: f64,
    variance: f64,
}

impl Moments {
    /// Several sums are made side by side, because a single one waits for each of its additions. The distances from the first
    /// value are summed: they stay exact where the values themselves would not.
    fn of(values: &[f64]) -> Self {
        let Some(first) = values.first() else { return Self { mean: 0.0, variance: 0.0 } };
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let mut chunks = values.chunks_exact(LANES);
        for chunk in &mut chunks {
            for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(chunk) {
                let distance = value - first;
                *sum += distance;
                *square += distance * distance;
            }
        }
        for value in chunks.remainder() {
            let distance = value - first;
            sums[0] += distance;
            squares[0] += distance * distance;
        }
        let count = values.len() as f64;
        let (mean, square) = (sums.iter().sum::<f64>() / count, squares.iter().sum::<f64>() / count);
        Self { mean: first + mean, variance: (square - mean * mean).max(0.0) }
    }
}

fn rounded(value: f64) -> f64 {
    // Adding 0 turns −0 into 0.
    (value * PRECISION).round() / PRECISION + 0.0
}

#[cfg(test)]
mod tests;
