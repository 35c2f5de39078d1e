//! The frame of a JPEG: how large its picture is, and how its components are sampled.

/// Why a picture whose head tells no height is refused.
pub(super) const LINES_BEHIND: &str =
    "its height stands behind its pixels, which is not taken; save it as an ordinary JPEG of 8 bits";

/// One component of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JpegComponent {
    pub(super) id: u8,
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
}

/// The head of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::input) struct JpegFrame {
    pub(in crate::input) width: u32,
    pub(in crate::input) height: u32,
    /// Whether it is baseline, the simplest kind.
    pub(super) is_baseline: bool,
    /// Whether its scans refine each other.
    pub(super) is_progressive: bool,
    pub(super) components: Vec<JpegComponent>,
}

impl JpegFrame {
    pub(super) fn read(kind: u8, segment: &[u8]) -> Result<Self, String> {
        match kind {
            0xC0..=0xC2 => {}
            0xC3 => return Err(refused_kind("it is lossless")),
            0xC9 | 0xCA => return Err(refused_kind("it is in arithmetic coding")),
            _ => return Err(refused_kind("it is hierarchical, lossless or in arithmetic coding")),
        }
        let broken = || "the head of its frame cannot be read".to_owned();
        let &[bits, height_high, height_low, width_high, width_low, count, ref components @ ..] = segment else {
            return Err(broken());
        };
        let [width, height] = [[width_high, width_low], [height_high, height_low]].map(u16::from_be_bytes);
        if bits != 8 {
            return Err(refused_kind(&format!("it has {bits} bits a sample")));
        }
        if height == 0 {
            return Err(LINES_BEHIND.to_owned());
        }
        if components.len() != 3 * usize::from(count) || ![1, 3, 4].contains(&count) {
            return Err(broken());
        }
        let components = components.as_chunks::<3>().0.iter().map(|&[id, sampling, _]| JpegComponent {
            id,
            horizontal: (sampling >> 4).into(),
            vertical: (sampling & 15).into(),
        });
        let frame = Self {
            width: width.into(),
            height: height.into(),
            is_baseline: kind == 0xC0,
            is_progressive: kind == 0xC2,
            components: components.collect(),
        };
        let [across, down] = frame.finest();
        let fits = |finest: u32, factor: u32| (1..=4).contains(&factor) && finest.is_multiple_of(factor);
        let is_sampled = |one: &JpegComponent| fits(across, one.horizontal) && fits(down, one.vertical);
        if !frame.components.iter().all(is_sampled) {
            return Err(refused_kind("its colours are sampled in parts that do not fit into each other"));
        }
        Ok(frame)
    }

    /// The largest sampling factors, across and down.
    pub(super) fn finest(&self) -> [u32; 2] {
        let finest = |factor: fn(&JpegComponent) -> u32| self.components.iter().map(factor).max().unwrap_or(1);
        [finest(|one| one.horizontal), finest(|one| one.vertical)]
    }
}

fn refused_kind(what: &str) -> String {
    format!("{what}, which is not taken; save it as an ordinary JPEG of 8 bits")
}
