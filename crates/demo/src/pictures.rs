//! The example pictures of a model, clear and as a camera that is about to fail would take them.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// How many pictures of an example come in normal times.
const VIEWS: usize = 12;

/// An encoded picture.
#[derive(Clone, Debug)]
pub(super) struct EncodedPicture {
    /// Its `Content-Type`.
    pub(super) content_type: &'static str,
    /// The file.
    pub(super) bytes: Vec<u8>,
}

/// One example.
#[derive(Debug)]
pub(super) struct ExamplePicture {
    /// The label of the picture: the file's name up to the first `-` or `.`.
    pub(super) label: String,
    /// The file as it is, and as the same camera takes it at other times: a little lighter or darker, mirrored, grainier.
    pub(super) clear: Vec<EncodedPicture>,
    /// Made from it: darkened, noisy, blurred.
    pub(super) spoilt: [EncodedPicture; 3],
}

/// Reads all examples in a folder, in the order of their names.
///
/// # Errors
/// Where there is none, or one is no picture.
pub(super) fn examples(folder: &Path, random: &mut Rng) -> Result<Vec<ExamplePicture>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    let entries = fs::read_dir(folder).with_context(unreadable)?;
    let mut files =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>().with_context(unreadable)?;
    files.sort();
    ensure!(!files.is_empty(), "{} has no examples", folder.display());
    files
        .iter()
        .map(|file| example(file, random).with_context(|| format!("{} is no example", file.display())))
        .collect()
}

fn example(file: &Path, random: &mut Rng) -> Result<ExamplePicture> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let label = name.split(['-', '.']).next().unwrap_or_default().to_owned();
    let bytes = fs::read(file)?;
    let format = image::guess_format(&bytes)?;
    let picture = image::load_from_memory(&bytes)?;
    // In proportion to the picture, so that small and large ones look alike.
    let blur = f32::max(1.0, picture.width() as f32 / 12.0);
    let spoilt = [darkened(&picture), noisy(&picture, random), picture.blur(blur)];
    let [dark, noise, blurred] = spoilt.map(|picture| encoded(&picture));
    let mut clear = vec![EncodedPicture { content_type: format.to_mime_type(), bytes }];
    while clear.len() < VIEWS {
        clear.push(encoded(&another_view(&picture, random))?);
    }
    Ok(ExamplePicture { label, clear, spoilt: [dark?, noise?, blurred?] })
}

/// The picture in another light.
fn another_view(picture: &DynamicImage, random: &mut Rng) -> DynamicImage {
    let (gain, offset, grain) = (0.9 + random.f32() * 0.2, random.f32() * 16.0 - 8.0, random.f32() * 6.0);
    let view = each_value(picture, |value| value * gain + offset + (random.f32() - 0.5) * grain);
    if random.bool() { view.fliph() } else { view }
}

fn darkened(picture: &DynamicImage) -> DynamicImage {
    each_value(picture, |value| value * 0.12)
}

fn noisy(picture: &DynamicImage, random: &mut Rng) -> DynamicImage {
    each_value(picture, |value| value + (random.f32() - 0.5) * 120.0)
}

fn each_value(picture: &DynamicImage, mut change: impl FnMut(f32) -> f32) -> DynamicImage {
    let mut changed: RgbImage = picture.to_rgb8();
    for Rgb(values) in changed.pixels_mut() {
        *values = values.map(|value| change(f32::from(value)).clamp(0.0, 255.0) as u8);
    }
    changed.into()
}

fn encoded(picture: &DynamicImage) -> Result<EncodedPicture> {
    let mut bytes = Cursor::new(Vec::new());
    picture.to_rgb8().write_to(&mut bytes, ImageFormat::Png)?;
    Ok(EncodedPicture { content_type: ImageFormat::Png.to_mime_type(), bytes: bytes.into_inner() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use testkit::root;

    #[test]
    fn every_example_has_a_label_and_three_spoilt_pictures_of_its_size() {
        let folder = root().join("deploy/models/cifar10/examples");
        let examples = examples(&folder, &mut Rng::with_seed(1)).unwrap();
        let labels: Vec<&str> = examples.iter().map(|example| example.label.as_str()).collect();
        assert!(labels.contains(&"cat") && labels.contains(&"frog"), "{labels:?}");
        for example in &examples {
            assert_eq!(example.clear.len(), VIEWS);
            let clear = image::load_from_memory(&example.clear[0].bytes).unwrap().to_rgb8();
            let spoilt =
                example.spoilt.each_ref().map(|picture| image::load_from_memory(&picture.bytes).unwrap().to_rgb8());
            for picture in &spoilt {
                assert_eq!(picture.dimensions(), clear.dimensions());
                assert_ne!(picture, &clear, "{}", example.label);
            }
            assert!(brightness(&spoilt[0]) < brightness(&clear) / 3.0, "{} is not darker", example.label);
        }
    }

    #[test]
    fn a_folder_without_pictures_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        for file in ["", "cat.jpg"] {
            if !file.is_empty() {
                fs::write(folder.path().join(file), "no picture").unwrap();
            }
            let message = format!("{:#}", examples(folder.path(), &mut Rng::new()).unwrap_err());
            assert!(message.contains(folder.path().to_str().unwrap()) && message.contains(file), "{message}");
        }
    }

    fn brightness(picture: &RgbImage) -> f64 {
        picture.as_raw().iter().map(|value| f64::from(*value)).sum::<f64>() / picture.as_raw().len() as f64
    }
}
