//! Pictures of a known brightness.

use testkit::Picture;

const SIDE: u32 = 64;
const HEADERS: u32 = 54;

/// Grey noise around a mean of 0 to 255; another one for each number.
pub(crate) fn noise(mean: u8, number: u64) -> Picture {
    let mut random = fastrand::Rng::with_seed(number);
    // The mean of the whole picture varies as well, as it does in life.
    let mean = i32::from(mean) + random.i32(-20..=20);
    let mut bytes = headers();
    for _ in 0..SIDE * SIDE {
        let grey = (mean + random.i32(-15..=15)).clamp(0, 255) as u8;
        bytes.extend([grey; 3]);
    }
    Picture { content_type: "image/bmp", bytes }
}

/// A BMP of 24 bits a pixel; each row is a multiple of four bytes, so that there is no padding.
fn headers() -> Vec<u8> {
    let pixels = SIDE * SIDE * 3;
    let mut bytes = b"BM".to_vec();
    for word in [HEADERS + pixels, 0, HEADERS, 40, SIDE, SIDE] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(24_u16.to_le_bytes());
    for word in [0, pixels, 2835, 2835, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}
