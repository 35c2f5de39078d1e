//! The version of the grids that counts are on, as it stands in their JSON.
//!
//! Rule of thumb: counts on other grids are told apart before anything of them is read, because they look alike.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GRID_VERSION;
use super::counts_error::CountsError;

/// The version of the grids in the JSON form, so that counts on other grids are not mistaken for ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GridVersion;

impl Serialize for GridVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(GRID_VERSION)
    }
}

impl<'de> Deserialize<'de> for GridVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = u64::deserialize(deserializer)?;
        if version == u64::from(GRID_VERSION) {
            Ok(Self)
        } else {
            Err(serde::de::Error::custom(CountsError::OtherGrid(version)))
        }
    }
}

/// The grid version of counts, if it is another one than ours.
pub(super) fn other_grid(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct GridHeader {
        #[serde(rename = "g")]
        grid: u64,
    }
    let header: GridHeader = serde_json::from_str(text).ok()?;
    (header.grid != u64::from(GRID_VERSION)).then_some(header.grid)
}
