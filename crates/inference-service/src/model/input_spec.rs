//! What one item of a model's input looks like, and how a picture becomes one.
//!
//! Rule of thumb: a value of these types has been checked; no later code asks again whether a width is zero.

use std::path::Path;

use image::imageops::FilterType;
use serde::Deserialize;

use super::error::ModelError;

/// Longest side of a model's input in pixels. Resizing needs up to 16 bytes times this times the picture's width.
const MAX_SIDE: u32 = 1024;
/// Largest magnitude of a mean and of the inverse of a standard deviation, so that normalised values stay finite.
const MAX_SCALE: f32 = 1e6;

/// The colour channels that a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Red, green, blue.
    Rgb,
    /// One channel of ITU-R 601 luma.
    Grey,
}

/// The order of a model's dimensions after the batch dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Channel, row, column.
    Nchw,
    /// Row, column, channel.
    Nhwc,
}

/// How a picture is brought to the model's size. All but `Nearest` widen with the reduction, so that nothing aliases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeFilter {
    /// Linear interpolation.
    #[default]
    Triangle,
    /// The closest pixel.
    Nearest,
    /// Cubic interpolation.
    CatmullRom,
    /// Windowed sinc.
    Lanczos3,
}

impl ResizeFilter {
    /// The filter of the image crate; none to take pixels as they are.
    pub(crate) fn kernel(self) -> Option<FilterType> {
        match self {
            Self::Triangle => Some(FilterType::Triangle),
            Self::Nearest => None,
            Self::CatmullRom => Some(FilterType::CatmullRom),
            Self::Lanczos3 => Some(FilterType::Lanczos3),
        }
    }
}

/// Whether a picture is turned as the camera was held that took it, which it notes in EXIF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadOrientation {
    /// The pixels stay as they are stored. So torchvision and Keras load pictures, and models are trained on that.
    #[default]
    Ignore,
    /// The picture is turned and mirrored as EXIF says, before it is resized.
    Exif,
}

/// The input of one item: its size, and how pixels become numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Width in pixels, 1 to 1024.
    pub width: u32,
    /// Height in pixels, 1 to 1024.
    pub height: u32,
    /// Colour channels.
    pub colour: Colour,
    /// Order of the dimensions.
    pub layout: Layout,
    /// For each channel, what is subtracted from pixel / 255.
    pub mean: Vec<f32>,
    /// For each channel, what the difference is divided by.
    pub std: Vec<f32>,
    /// How a picture of another size is resized.
    pub resize: ResizeFilter,
    /// Whether the orientation in EXIF is applied.
    pub orientation: ReadOrientation,
}

impl InputSpec {
    /// Number of channels: 3 for colour, 1 for grey.
    pub fn channels(&self) -> usize {
        match self.colour {
            Colour::Rgb => 3,
            Colour::Grey => 1,
        }
    }

    /// The shape of one item, without the batch dimension.
    pub fn item_shape(&self) -> [usize; 3] {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.layout {
            Layout::Nchw => [self.channels(), height, width],
            Layout::Nhwc => [height, width, self.channels()],
        }
    }

    /// The shape of a batch of one item.
    pub fn tensor_shape(&self) -> [usize; 4] {
        let [a, b, c] = self.item_shape();
        [1, a, b, c]
    }

    /// How many numbers one item has.
    pub fn count(&self) -> usize {
        self.item_shape().iter().product()
    }

    /// Checks what the file's author wrote under `[input]`.
    ///
    /// # Errors
    /// [`ModelError::Field`] for a size out of range, or a mean or std that is not one sensible number a channel.
    pub(super) fn from_table(table: InputTable, path: &Path) -> Result<Self, ModelError> {
        let field = |field, problem, remedy| ModelError::Field { path: path.to_owned(), field, problem, remedy };
        for (name, side) in [("input.width", table.width), ("input.height", table.height)] {
            if !(1..=MAX_SIDE).contains(&side) {
                return Err(field(name, format!("is {side}"), "give the model's input size, 1 to 1024 pixels"));
            }
        }
        let spec = Self {
            width: table.width,
            height: table.height,
            colour: table.colour,
            layout: table.layout,
            mean: table.mean,
            std: table.std,
            resize: table.resize,
            orientation: table.orientation,
        };
        let channels = spec.channels();
        for (name, values) in [("input.mean", &spec.mean), ("input.std", &spec.std)] {
            if values.len() != channels {
                let problem = format!("has {} numbers for {channels} channels", values.len());
                return Err(field(name, problem, "give one number for each channel"));
            }
        }
        if let Some(mean) = spec.mean.iter().find(|mean| !mean.is_finite() || mean.abs() > MAX_SCALE) {
            return Err(field("input.mean", format!("holds {mean}"), "give the mean of pixel / 255"));
        }
        if let Some(std) = spec.std.iter().find(|std| !std.is_finite() || **std < MAX_SCALE.recip()) {
            return Err(field(
                "input.std",
                format!("holds {std}"),
                "give the standard deviation of pixel / 255, above 0",
            ));
        }
        Ok(spec)
    }
}

/// The table `[input]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputTable {
    width: u32,
    height: u32,
    colour: Colour,
    layout: Layout,
    mean: Vec<f32>,
    std: Vec<f32>,
    #[serde(default)]
    resize: ResizeFilter,
    #[serde(default)]
    orientation: ReadOrientation,
}
