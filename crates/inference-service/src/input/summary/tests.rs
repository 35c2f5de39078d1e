#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::input::{ImageLimits, decode};
use crate::model::{ReadOrientation, ResizeFilter};

fn spec(colour: Colour, layout: Layout, [width, height]: [u32; 2]) -> InputSpec {
    let (mean, std) = match colour {
        Colour::Rgb => (vec![0.4914, 0.4822, 0.4465], vec![0.247, 0.2435, 0.2616]),
        Colour::Grey => (vec![0.5], vec![0.25]),
    };
    InputSpec {
        width,
        height,
        colour,
        layout,
        mean,
        std,
        resize: ResizeFilter::Triangle,
        orientation: ReadOrientation::Ignore,
    }
}

/// The input of these pixels, each a number for every channel on the scale of 0 to 1.
fn input(spec: &InputSpec, pixels: &[Vec<f32>]) -> ModelInput {
    let value = |pixel: &[f32], channel: usize| (pixel[channel] - spec.mean[channel]) / spec.std[channel];
    let channels = spec.channels();
    let values = match spec.layout {
        Layout::Nhwc => pixels.iter().flat_map(|pixel| (0..channels).map(|c| value(pixel, c))).collect(),
        Layout::Nchw => (0..channels).flat_map(|c| pixels.iter().map(move |pixel| value(pixel, c))).collect(),
    };
    ModelInput::new(&spec.item_shape(), values).unwrap()
}

fn of(spec: &InputSpec, pixels: &[Vec<f32>]) -> InputSummary {
    summarise(&input(spec, pixels), spec, [spec.width, spec.height])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// The definition, step by step and from the pixels rather than from the model's numbers.
fn by_definition(spec: &InputSpec, pixels: &[Vec<f32>]) -> InputSummary {
    let channel = |c: usize| pixels.iter().map(|pixel| f64::from(pixel[c])).collect::<Vec<_>>();
    let channels: Vec<Vec<f64>> = (0..spec.channels()).map(channel).collect();
    let luma: Vec<f64> = match channels.as_slice() {
        [red, green, blue] => (0..pixels.len()).map(|i| 0.299 * red[i] + 0.587 * green[i] + 0.114 * blue[i]).collect(),
        other => other[0].clone(),
    };
    let (width, height) = (spec.width as usize, spec.height as usize);
    let at = |x: usize, y: usize| luma[y * width + x];
    let mut edges = Vec::new();
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            edges.push(at(x, y - 1) + at(x, y + 1) + at(x - 1, y) + at(x + 1, y) - 4.0 * at(x, y));
        }
    }
    InputSummary {
        width: spec.width,
        height: spec.height,
        brightness: mean(&luma),
        contrast: variance(&luma).sqrt(),
        sharpness: variance(&edges),
        mean: channels.iter().map(|channel| mean(channel)).collect(),
        std: channels.iter().map(|channel| variance(channel).sqrt()).collect(),
    }
}

fn numbers(summary: &InputSummary) -> Vec<f64> {
    let mut numbers = vec![summary.brightness, summary.contrast, summary.sharpness];
    numbers.extend(summary.mean.iter().chain(&summary.std));
    numbers
}

fn alike(a: &InputSummary, b: &InputSummary, tolerance: f64) -> bool {
    (a.width, a.height, a.mean.len()) == (b.width, b.height, b.mean.len())
        && numbers(a).iter().zip(numbers(b)).all(|(a, b)| (a - b).abs() < tolerance)
}

fn checkerboard(spec: &InputSpec) -> Vec<Vec<f32>> {
    let colour = |index: u32| ((index % spec.width + index / spec.width) % 2) as f32;
    (0..spec.width * spec.height).map(|index| vec![colour(index); spec.channels()]).collect()
}

#[test]
fn a_constant_picture_has_neither_contrast_nor_edges() {
    for colour in [Colour::Rgb, Colour::Grey] {
        for level in [0.0, 0.25, 1.0] {
            let spec = spec(colour, Layout::Nchw, [5, 4]);
            let summary = of(&spec, &vec![vec![level; spec.channels()]; 20]);
            assert!((summary.brightness - f64::from(level)).abs() < 1e-6, "{summary:?}");
            assert!(summary.mean.iter().all(|mean| (mean - f64::from(level)).abs() < 1e-6), "{summary:?}");
            assert_eq!((summary.contrast, summary.std), (0.0, vec![0.0; spec.channels()]));
            assert!(summary.sharpness < 1e-9, "{}", summary.sharpness);
        }
    }
}

#[test]
fn a_checkerboard_is_all_edges() {
    for colour in [Colour::Rgb, Colour::Grey] {
        let spec = spec(colour, Layout::Nhwc, [8, 8]);
        let summary = of(&spec, &checkerboard(&spec));
        // Half black and half white; every Laplacian is 4 or −4.
        let expected = InputSummary {
            width: 8,
            height: 8,
            brightness: 0.5,
            contrast: 0.5,
            sharpness: 16.0,
            mean: vec![0.5; spec.channels()],
            std: vec![0.5; spec.channels()],
        };
        assert!(alike(&summary, &expected, 1e-5), "{summary:?}");
    }
}

#[test]
fn a_narrow_input_has_no_edges() {
    for size in [[1, 1], [2, 7], [7, 2], [1, 9]] {
        let spec = spec(Colour::Grey, Layout::Nchw, size);
        assert_eq!(of(&spec, &checkerboard(&spec)).sharpness, 0.0, "{size:?}");
    }
}

#[test]
fn whatever_a_tensor_holds_the_record_is_valid() {
    let spec = spec(Colour::Rgb, Layout::Nchw, [4, 4]);
    for value in [f32::MAX, f32::MIN, f32::MIN_POSITIVE, -1.0, 0.0] {
        let mut values = vec![value; spec.count()];
        values[7] = -value;
        let summary = summarise(&ModelInput::new(&spec.item_shape(), values).unwrap(), &spec, [4, 4]);
        let record = prediction_record::PredictionRecord {
            model: "m".to_owned(),
            status: prediction_record::Status::Error,
            input: Some(summary),
            ..Default::default()
        };
        assert_eq!(record.validate(), Ok(()), "{value}");
    }
}

#[test]
fn every_form_of_a_picture_counts_alike() {
    let spec = spec(Colour::Rgb, Layout::Nchw, [16, 16]);
    let smooth = RgbImage::from_fn(16, 16, |x, y| image::Rgb([(x * 12) as u8, (y * 12) as u8, (x * 6 + y * 6) as u8]));
    let sent = |format| {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(smooth.clone()).write_to(&mut bytes, format).unwrap();
        let input = decode(bytes.get_ref(), &spec, &ImageLimits::default()).unwrap();
        (summarise(&input, &spec, [16, 16]), input)
    };
    let (png, input) = sent(ImageFormat::Png);
    assert_eq!(sent(ImageFormat::Bmp).0, png);
    let tensor = ModelInput::new(&spec.item_shape(), input.values().to_vec()).unwrap();
    assert_eq!(summarise(&tensor, &spec, [16, 16]), png);
    // JPEG loses some of the picture.
    let (jpeg, _) = sent(ImageFormat::Jpeg);
    assert!(alike(&jpeg, &png, 0.02), "{jpeg:?} {png:?}");
}

proptest! {
    #[test]
    fn it_is_what_the_definition_says(
        (size, pixels) in (1..12_u32, 1..12_u32).prop_flat_map(|(width, height)| {
            (Just([width, height]), vec(vec(0.0..=1.0_f32, 3), (width * height) as usize))
        }),
        colour in prop_oneof![Just(Colour::Rgb), Just(Colour::Grey)],
        layout in prop_oneof![Just(Layout::Nchw), Just(Layout::Nhwc)],
    ) {
        let spec = spec(colour, layout, size);
        let (got, expected) = (of(&spec, &pixels), by_definition(&spec, &pixels));
        prop_assert!(alike(&got, &expected, 1e-5), "{:?} instead of {:?}", got, expected);
    }
}
