//! What the segments of a JPEG say of its picture: its frame, its scans and its colours.
//!
//! Rule of thumb: a decoder fills what is missing with grey, and a model would give that a label. So a file whose segments do
//! not make up a whole picture is refused, and a kind of file that a decoder gets wrong goes to another one.

use super::frame::{JpegFrame, LINES_BEHIND};
use super::markers::{END_OF_IMAGE, next_marker};
use super::scans::{JpegScan, ScanCoverage};

/// Most scans of a picture. Encoders write ten or so; each of them goes over all pixels, whatever little it says.
const MAX_SCANS: usize = 64;
const START_OF_SCAN: u8 = 0xDA;
const RESTART_INTERVAL: u8 = 0xDD;
const NUMBER_OF_LINES: u8 = 0xDC;
const APPLICATION_0: u8 = 0xE0;
const APPLICATION_14: u8 = 0xEE;
/// What the components of a picture in red, green and blue are called where no segment says what they are.
const RGB_IDS: [u8; 3] = *b"RGB";

/// The colours of the components, by the rules of libjpeg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::input) enum JpegColours {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// A JPEG whose segments make up a whole picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::input) struct JpegHead {
    pub(in crate::input) frame: JpegFrame,
    pub(in crate::input) colours: JpegColours,
    /// Whether it is of a kind that every decoder gets right, as nearly all files are.
    pub(in crate::input) is_usual: bool,
}

/// What is known of a file as its segments are read.
#[derive(Default)]
struct JpegReading {
    frame: Option<JpegFrame>,
    coverage: ScanCoverage,
    scans: usize,
    restart_interval: u32,
    has_jfif: bool,
    adobe_transform: Option<u8>,
}

impl JpegHead {
    /// Reads all segments up to the end of the picture; what follows that does not matter.
    ///
    /// # Errors
    /// What is wrong, as a part of a sentence.
    pub(in crate::input) fn read(bytes: &[u8]) -> Result<Self, String> {
        let cut = || "the file ends before the picture does".to_owned();
        let mut reading = JpegReading::default();
        // Behind the start-of-image marker.
        let mut position = 2;
        loop {
            let marker = next_marker(bytes, &mut position).ok_or_else(cut)?;
            if marker.kind == END_OF_IMAGE {
                return reading.finish();
            }
            if marker.is_restart() {
                continue;
            }
            let &[high, low] = bytes.get(position..position + 2).ok_or_else(cut)? else { return Err(cut()) };
            let end = position + usize::from(u16::from_be_bytes([high, low])).max(2);
            let segment = bytes.get(position + 2..end).ok_or_else(cut)?;
            position = end;
            if marker.kind == START_OF_SCAN {
                let scan = reading.scan(segment)?;
                let restarts = JpegScan::restarts(bytes, &mut position);
                scan.check_restarts(&restarts, reading.restart_interval)?;
            } else {
                reading.segment(marker.kind, segment)?;
            }
        }
    }
}

impl JpegReading {
    /// A segment that is no scan.
    fn segment(&mut self, kind: u8, segment: &[u8]) -> Result<(), String> {
        match kind {
            // SOF0 to SOF15, less the three markers among them that start tables and extensions (ITU-T T.81, table B.1).
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                if self.frame.is_some() {
                    return Err("it has several frames".to_owned());
                }
                self.frame = Some(JpegFrame::read(kind, segment)?);
            }
            NUMBER_OF_LINES => return Err(LINES_BEHIND.to_owned()),
            RESTART_INTERVAL => match *segment {
                [high, low] => self.restart_interval = u16::from_be_bytes([high, low]).into(),
                _ => return Err("its restart interval cannot be read".to_owned()),
            },
            APPLICATION_0 if segment.starts_with(b"JFIF\0") => self.has_jfif = true,
            APPLICATION_14 if segment.starts_with(b"Adobe") => self.adobe_transform = segment.get(11).copied(),
            _ => {}
        }
        Ok(())
    }

    /// The head of a scan.
    fn scan(&mut self, segment: &[u8]) -> Result<JpegScan, String> {
        let frame = self.frame.as_ref().ok_or("a scan comes before its frame")?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(format!("it has more than {MAX_SCANS} scans; save it as an ordinary JPEG"));
        }
        let scan = JpegScan::read(segment, frame)?;
        self.coverage.add(&scan, frame)?;
        Ok(scan)
    }

    fn finish(self) -> Result<JpegHead, String> {
        let frame = self.frame.as_ref().ok_or("it has no frame")?;
        self.coverage.check(frame)?;
        let colours = self.colours(frame);
        let is_usual = self.is_usual(frame, colours);
        Ok(JpegHead { frame: frame.clone(), colours, is_usual })
    }

    fn colours(&self, frame: &JpegFrame) -> JpegColours {
        let ids = frame.components.iter().map(|component| component.id);
        match (frame.components.len(), self.adobe_transform) {
            (1, _) => JpegColours::Grey,
            (3, _) if self.has_jfif => JpegColours::YCbCr,
            (3, Some(0)) => JpegColours::Rgb,
            (3, None) if ids.eq(RGB_IDS) => JpegColours::Rgb,
            (3, _) => JpegColours::YCbCr,
            (_, None | Some(0)) => JpegColours::Cmyk,
            _ => JpegColours::Ycck,
        }
    }

    /// One scan or a progressive frame, the first component as fine as any other, and nothing that contradicts its colours.
    fn is_usual(&self, frame: &JpegFrame, colours: JpegColours) -> bool {
        let [first, others @ ..] = frame.components.as_slice() else { return false };
        let is_whole = frame.is_progressive || (frame.is_baseline && self.scans == 1);
        let is_even = [first.horizontal, first.vertical].iter().all(|factor| [1, 2, 4].contains(factor));
        let is_plain = match colours {
            JpegColours::Grey => true,
            JpegColours::YCbCr => {
                self.adobe_transform != Some(0) && !frame.components.iter().map(|one| one.id).eq(RGB_IDS)
            }
            JpegColours::Rgb | JpegColours::Cmyk | JpegColours::Ycck => false,
        };
        is_whole && is_even && is_plain && others.iter().all(|one| (one.horizontal, one.vertical) == (1, 1))
    }
}

#[cfg(test)]
mod tests;
