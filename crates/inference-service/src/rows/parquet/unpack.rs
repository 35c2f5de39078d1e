//! Pages of a Parquet file, unpacked.
//!
//! Rule of thumb: how long a page is unpacked is known before, and has been compared with what may be held. No more than
//! that is ever written.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

/// How the pages of a column are packed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PageCodec {
    Plain,
    Snappy,
    Gzip,
    Zstd,
    /// Without the frames that its first users had.
    Lz4,
}

impl PageCodec {
    /// The codec of this number.
    ///
    /// # Errors
    /// The name of one that is not unpacked here.
    pub(super) fn of(number: i64) -> Result<Self, &'static str> {
        match number {
            0 => Ok(Self::Plain),
            1 => Ok(Self::Snappy),
            2 => Ok(Self::Gzip),
            6 => Ok(Self::Zstd),
            7 => Ok(Self::Lz4),
            3 => Err("LZO"),
            4 => Err("Brotli"),
            5 => Err("LZ4 in its old frames"),
            _ => Err("a codec that is not known"),
        }
    }

    /// Unpacks bytes that have this length then; `None` where they have another, or are not packed like this.
    pub(super) fn unpack(self, packed: &[u8], length: usize) -> Option<Vec<u8>> {
        match self {
            Self::Plain => (packed.len() == length).then(|| packed.to_vec()),
            Self::Snappy => {
                if snap::raw::decompress_len(packed).ok()? != length {
                    return None;
                }
                snap::raw::Decoder::new().decompress_vec(packed).ok()
            }
            Self::Gzip => {
                let mut unpacked = Vec::with_capacity(length);
                // One byte more would be one too many.
                MultiGzDecoder::new(packed).take(length as u64 + 1).read_to_end(&mut unpacked).ok()?;
                (unpacked.len() == length).then_some(unpacked)
            }
            Self::Lz4 => {
                let mut unpacked = vec![0; length];
                (lz4_flex::block::decompress_into(packed, &mut unpacked).ok()? == length).then_some(unpacked)
            }
            Self::Zstd => {
                let unpacked = zstd::bulk::decompress(packed, length).ok()?;
                (unpacked.len() == length).then_some(unpacked)
            }
        }
    }
}
