//! A look at all frames of a log.
//!
//! Rule of thumb: each frame is held against the stored checksum of the frame before it, so one that is damaged does not
//! cast doubt on those behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::checksum::{FlippedBit, LogSum, SumChange};
use super::frame::LogFrame;
use super::header::{HEADER, LogHeader};
use super::index::LogIndex;

/// What a log looks like, up to the end of its last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// SQLite reads all of it.
    Whole,
    /// SQLite would leave out commits, and all of them can be restored.
    Restorable,
    /// SQLite would leave out commits, and frames of some are lost.
    Damaged,
}

/// A survey of a log.
#[derive(Debug)]
pub struct LogSurvey {
    pub(crate) path: PathBuf,
    pub(crate) header: LogHeader,
    pub(crate) is_header_sound: bool,
    /// The frames up to the end of the last commit.
    pub(crate) frames: Vec<SurveyedFrame>,
    /// Frames that were committed and that the file is too short for.
    pub(crate) missing: usize,
    /// Pages of the database after the last commit, where the index says it.
    pub(crate) pages: Option<u32>,
}

/// A frame, and how it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SurveyedFrame {
    pub(crate) page: u32,
    pub(crate) commit: u32,
    pub(crate) state: FrameState,
}

/// How a frame was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameState {
    Whole,
    /// One bit of what the checksum counts has flipped.
    BitFlipped(FlippedBit),
    /// The checksum or the salts in its header are wrong, and nothing else is.
    HeaderWrong,
    /// One bit has flipped, and it cannot be known which. So it is lost, and was whole once.
    OneBitWrong,
    Lost,
}

impl SurveyedFrame {
    /// Whether its page cannot be used.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.state, FrameState::OneBitWrong | FrameState::Lost)
    }

    /// Whether a commit ended with it, as far as it can be read. A frame that a crash has torn is no commit.
    fn is_commit(&self) -> bool {
        self.commit > 0 && self.state != FrameState::Lost
    }
}

impl LogSurvey {
    /// Looks at the log at `path`, which ends in `-wal`, and at its index beside it; nothing where there is no log, or no
    /// commit in it.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let mut bytes = [0; HEADER];
        if length <= HEADER as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut bytes, 0)?;
        let index = LogIndex::read(&index_path(path))?;
        let sound = LogHeader::sound(bytes);
        // The salts of the first frame say which of several headers it was.
        let is_of_first =
            |header: &LogHeader| LogFrame::read(&file, header, 0).is_ok_and(|first| first.salts() == header.salts());
        let known = sound.or_else(|| LogHeader::restored(bytes).find(is_of_first));
        let Some(header) = known.or_else(|| likely_header(&file, index)) else {
            return Ok(None);
        };
        let before = known.map(|header| header.sum());
        let mut frames = survey_frames(&file, &header, before, LogFrame::count(&header, length))?;
        let index = index.filter(|index| index.salts == header.salts());
        let end = end_of_commits(&frames, index);
        let missing = end.saturating_sub(frames.len());
        frames.truncate(end);
        let is_header_sound = sound.is_some();
        let pages = index.map(|index| index.pages);
        let survey = Self { path: path.to_owned(), header, is_header_sound, frames, missing, pages };
        Ok((end > 0).then_some(survey))
    }

    /// What became of it.
    pub fn state(&self) -> LogState {
        if self.missing > 0 || self.frames.iter().any(SurveyedFrame::is_lost) {
            LogState::Damaged
        } else if !self.is_header_sound || self.frames.iter().any(|frame| frame.state != FrameState::Whole) {
            LogState::Restorable
        } else {
            LogState::Whole
        }
    }

    /// Frames up to the end of the last commit.
    pub fn committed_frames(&self) -> usize {
        self.frames.len() + self.missing
    }

    /// Frames that SQLite would not have read for themselves, and that can be restored.
    pub fn restored_frames(&self) -> usize {
        self.frames.iter().filter(|frame| frame.state != FrameState::Whole && !frame.is_lost()).count()
    }

    /// Frames that are lost.
    pub fn lost_frames(&self) -> usize {
        self.frames.iter().filter(|frame| frame.is_lost()).count() + self.missing
    }
}

/// The index of a log.
pub(crate) fn index_path(log: &Path) -> PathBuf {
    let name = log.as_os_str().to_string_lossy();
    PathBuf::from(format!("{}-shm", name.strip_suffix("-wal").unwrap_or(&name)))
}

/// A header in place of one of which nothing can be read: by the index, or by the first frame and the usual page size.
fn likely_header(file: &File, index: Option<LogIndex>) -> Option<LogHeader> {
    if let Some(index) = index {
        return LogHeader::new(index.page_size, index.salts, index.order);
    }
    let usual = LogHeader::new(4096, [0; 8], super::checksum::WordOrder::NATIVE)?;
    let first = LogFrame::read(file, &usual, 0).ok()?;
    LogHeader::new(usual.page_size(), first.salts(), usual.order())
}

fn survey_frames(
    file: &File,
    header: &LogHeader,
    mut before: Option<LogSum>,
    count: usize,
) -> io::Result<Vec<SurveyedFrame>> {
    let mut frames = Vec::with_capacity(count);
    for number in 0..count {
        let mut frame = LogFrame::read(file, header, number)?;
        let next = || (number + 1 < count).then(|| LogFrame::read(file, header, number + 1)).transpose();
        // Frames with other salts are left over from before the log was begun anew. One whose checksum goes on from a frame
        // of this log belongs to it all the same.
        let is_current = frame.salts() == header.salts();
        let follows = frames.last().is_none_or(|last: &SurveyedFrame| last.state != FrameState::Lost);
        let (state, sum) = match before {
            Some(before) if is_current || follows => judge(&frame, header, before, next)?,
            _ => (FrameState::Lost, frame.stored()),
        };
        if let FrameState::BitFlipped(bit) = state {
            frame.flip(bit);
        }
        before = Some(sum);
        frames.push(SurveyedFrame { page: frame.page(), commit: frame.commit(), state });
    }
    Ok(frames)
}

/// How a frame is, and the checksum from which that of the next one goes on.
fn judge(
    frame: &LogFrame,
    header: &LogHeader,
    before: LogSum,
    next: impl FnOnce() -> io::Result<Option<LogFrame>>,
) -> io::Result<(FrameState, LogSum)> {
    let is_current = frame.salts() == header.salts();
    let (order, stored) = (header.order(), frame.stored());
    let sum = frame.sum(before, order);
    if sum == stored {
        return Ok((if is_current { FrameState::Whole } else { FrameState::HeaderWrong }, sum));
    }
    if !is_current {
        return Ok((FrameState::Lost, stored));
    }
    let next = next()?;
    let is_before_next = |sum: LogSum| next.as_ref().is_some_and(|next| next.sum(sum, order) == next.stored());
    if is_before_next(sum) {
        return Ok((FrameState::HeaderWrong, sum));
    }
    let change = frame.change(sum, order);
    if sum.is_one_bit_from(stored) && !is_before_next(stored) {
        // Where no other frame says whether the checksum is wrong or the page, a bit of the page may leave the same trace.
        let is_sure = change == SumChange::Other;
        return Ok((if is_sure { FrameState::HeaderWrong } else { FrameState::OneBitWrong }, sum));
    }
    let state = match change {
        SumChange::Bit(bit) => FrameState::BitFlipped(bit),
        SumChange::OneOfSeveral => FrameState::OneBitWrong,
        SumChange::Other => FrameState::Lost,
    };
    Ok((state, stored))
}

/// Frames up to the end of the last commit: the last one that can be read, or a later one that the index knows of.
fn end_of_commits(frames: &[SurveyedFrame], index: Option<LogIndex>) -> usize {
    let through_last_commit =
        |frames: &[SurveyedFrame]| frames.iter().rposition(SurveyedFrame::is_commit).map_or(0, |last| last + 1);
    let Some(LogIndex { committed, .. }) = index else {
        return through_last_commit(frames);
    };
    // Behind what the index knows there may be a commit that was not acknowledged yet, and what a transaction left that
    // was rolled back; only the former goes on without a gap.
    let behind = frames.get(committed..).unwrap_or_default();
    let contiguous = behind.iter().take_while(|frame| frame.state == FrameState::Whole).count();
    committed + through_last_commit(&behind[..contiguous])
}
