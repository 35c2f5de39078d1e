//! What an input looked like, in a few numbers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the input looked like, instead of its pixels. The numbers are on a scale where black is 0 and white is 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputSummary {
    /// Width of the input as it was sent, in pixels; of a tensor, the model's.
    #[serde(deserialize_with = "crate::whole_number::required_whole_number")]
    #[schema(minimum = 1, maximum = 4294967295u32)]
    pub width: u32,
    /// Height of the input as it was sent, in pixels; of a tensor, the model's.
    #[serde(deserialize_with = "crate::whole_number::required_whole_number")]
    #[schema(minimum = 1, maximum = 4294967295u32)]
    pub height: u32,
    /// Mean luma (ITU-R BT.601).
    pub brightness: f64,
    /// Standard deviation of luma, which is the root-mean-square contrast.
    #[schema(minimum = 0)]
    pub contrast: f64,
    /// Variance of the Laplacian of luma: low where edges are blurred (Pech-Pacheco 2000).
    #[schema(minimum = 0)]
    pub sharpness: f64,
    /// Mean of each channel.
    #[schema(min_items = 1, max_items = 4)]
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    #[schema(min_items = 1, max_items = 4)]
    pub std: Vec<f64>,
}
