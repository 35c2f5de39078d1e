//! The picture formats that are taken, told apart by their first bytes.
//!
//! Rule of thumb: a file's name and a request's Content-Type are claims; the first bytes decide.

use std::fmt;

use image::ImageFormat;

/// A picture format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureFormat {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG; of an animation, its default image.
    Png,
    /// WebP, lossy or lossless; of an animation, its first frame.
    WebP,
    /// Windows bitmap.
    Bmp,
}

impl PictureFormat {
    /// The format that the first bytes show; `None` for any other than these.
    #[must_use]
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] => Some(Self::Bmp),
            _ => None,
        }
    }

    /// The format's name in the image crate.
    pub(super) fn codec(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
            Self::Bmp => ImageFormat::Bmp,
        }
    }
}

impl fmt::Display for PictureFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        })
    }
}

/// The name of what people send by mistake; for anything else, its first bytes.
pub(super) fn describe_unknown(bytes: &[u8]) -> String {
    match bytes {
        [] => "nothing".to_owned(),
        [b'G', b'I', b'F', b'8', ..] => "a GIF picture".to_owned(),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => "a TIFF picture".to_owned(),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a HEIF or AVIF picture or a video".to_owned(),
        [b'%', b'P', b'D', b'F', ..] => "a PDF document".to_owned(),
        _ => {
            let start: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("{} bytes that start with {}", bytes.len(), start.join(" "))
        }
    }
}
