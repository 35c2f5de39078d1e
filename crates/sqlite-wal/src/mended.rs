//! A log that SQLite reads to its end, made of what can be read of a damaged one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::frame::LogFrame;
use super::survey::{FrameState, LogSurvey, SurveyedFrame, index_path};

/// The mode of what is written: the owner and the group may read it.
const MODE: u32 = 0o640;

/// The frames of a mended log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameChoice {
    /// The commits before the first frame that is lost. With them, a database is sound.
    UntilLoss,
    /// All frames that can be read. Where one is lost, a page of the database is older than the others.
    Readable,
}

impl LogSurvey {
    /// Keeps a copy of the damaged log as `<log>.corrupt-<number>`, with the first number from `number` on that is free;
    /// gives its path.
    ///
    /// # Errors
    /// The copy cannot be written.
    pub fn keep_copy(&self, number: u64) -> io::Result<PathBuf> {
        let mut from = File::open(&self.path)?;
        let mut number = number;
        loop {
            let path = PathBuf::from(format!("{}.corrupt-{number}", self.path.display()));
            match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                opened => {
                    let mut copy = opened?;
                    io::copy(&mut from, &mut copy)?;
                    copy.sync_all()?;
                    sync_folder(&path)?;
                    return Ok(path);
                }
            }
        }
    }

    /// Puts a log in the place of this one that SQLite reads to its end. No connection may be open. Interrupted, it leaves
    /// the log as it was.
    ///
    /// # Errors
    /// The new log cannot be written.
    pub fn replace(&self, choice: FrameChoice) -> io::Result<()> {
        let new = PathBuf::from(format!("{}.mended", self.path.display()));
        self.write(&new, choice)?;
        // The index speaks of the damaged log; SQLite makes another one.
        remove_if_there(&index_path(&self.path))?;
        fs::rename(&new, &self.path)?;
        sync_folder(&self.path)
    }

    /// Writes such a log to another place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, to: &Path, choice: FrameChoice) -> io::Result<()> {
        let from = File::open(&self.path)?;
        remove_if_there(to)?;
        let mut new = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(MODE).open(to)?);
        let chosen = self.chosen(choice);
        let Some(&last) = chosen.last() else { return new.into_inner()?.sync_all() };
        new.write_all(self.header.bytes())?;
        let mut sum = self.header.sum();
        for number in chosen {
            let mut frame = LogFrame::read(&from, &self.header, number)?;
            if let FrameState::BitFlipped(bit) = self.frames[number].state {
                frame.flip(bit);
            }
            if number == last && frame.commit() == 0 {
                frame.set_commit(self.most_pages());
            }
            let (bytes, own) = frame.bytes(&self.header, sum);
            new.write_all(&bytes)?;
            sum = own;
        }
        new.into_inner()?.sync_all()
    }

    /// The numbers of the chosen frames.
    fn chosen(&self, choice: FrameChoice) -> Vec<usize> {
        match choice {
            FrameChoice::Readable => (0..self.frames.len()).filter(|number| !self.frames[*number].is_lost()).collect(),
            FrameChoice::UntilLoss => {
                let readable = self.frames.iter().position(SurveyedFrame::is_lost).unwrap_or(self.frames.len());
                let commits = self.frames[..readable].iter().rposition(|frame| frame.commit > 0);
                (0..commits.map_or(0, |last| last + 1)).collect()
            }
        }
    }

    /// Pages of the database after the last commit, where its frame is lost.
    fn most_pages(&self) -> u32 {
        let readable = self.frames.iter().filter(|frame| !frame.is_lost());
        let known = readable.map(|frame| frame.page.max(frame.commit)).max().unwrap_or_default();
        self.pages.unwrap_or_default().max(known)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
