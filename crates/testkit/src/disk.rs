//! Disks that fill up or cannot be written.
//!
//! Rule of thumb: only root can make one, so without it such a test is skipped, and says so.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A small file system of its own, in memory. Gone when this is dropped, with everything in it.
pub struct Disk(TempDir);

impl Disk {
    /// Makes one of this size, such as `4m`; or says on stderr that `what` is not tested.
    pub fn small(size: &str, what: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a scratch folder");
        let options = format!("size={size}");
        let mount = run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", &folder.path().to_string_lossy()]);
        if let Err(problem) = mount {
            skip(what, &problem);
            return None;
        }
        Some(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left, also what becomes free meanwhile.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            loop {
                match file.write_all(&vec![0; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives the room back.
    ///
    /// # Panics
    /// If that fails.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the file goes");
    }

    /// Allows no more writing. No process may have a file open for it.
    ///
    /// # Panics
    /// If that fails.
    pub fn make_read_only(&self) {
        self.remount("ro");
    }

    /// Allows writing again.
    ///
    /// # Panics
    /// If that fails.
    pub fn make_writable(&self) {
        self.remount("rw");
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        run("mount", &["-o", &options, &self.path().to_string_lossy()]).expect("the file system is mounted again");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that still has a file open there keeps it until its end.
        let _ = run("umount", &["--lazy", &self.path().to_string_lossy()]);
    }
}

/// A file system of its own on a loop device, which can be frozen. Thawed and gone when this is dropped.
pub struct LoopDisk {
    mounted: TempDir,
    _image: TempDir,
}

impl LoopDisk {
    /// Makes one of so many megabytes; or says on stderr that `what` is not tested.
    pub fn new(megabytes: u64, what: &str) -> Option<Self> {
        let (image, mounted) = (TempDir::new().expect("a scratch folder"), TempDir::new().expect("a scratch folder"));
        let file = image.path().join("image");
        fs::File::create(&file).and_then(|file| file.set_len(megabytes << 20)).expect("a file");
        let (file, folder) = (file.to_string_lossy().into_owned(), mounted.path().to_string_lossy().into_owned());
        let made = run("mkfs.ext4", &["-q", "-F", &file]).and_then(|()| run("mount", &["-o", "loop", &file, &folder]));
        if let Err(problem) = made {
            skip(what, &problem);
            return None;
        }
        Some(Self { mounted, _image: image })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.mounted.path()
    }

    /// Lets every write wait until [`LoopDisk::thaw`]. Nothing can end a process that writes meanwhile.
    ///
    /// # Panics
    /// If that fails.
    pub fn freeze(&self) {
        run("fsfreeze", &["--freeze", &self.path().to_string_lossy()]).expect("the file system is frozen");
    }

    /// Lets writes go on.
    ///
    /// # Panics
    /// If it was not frozen.
    pub fn thaw(&self) {
        run("fsfreeze", &["--unfreeze", &self.path().to_string_lossy()]).expect("the file system is thawed");
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // Most often it is not frozen any more.
        let _ = run("fsfreeze", &["--unfreeze", &self.path().to_string_lossy()]);
        let _ = run("umount", &["--lazy", &self.path().to_string_lossy()]);
    }
}

/// Files that no process can write, even if it has them open already. They can be written again when this is dropped.
pub struct Frozen(Vec<PathBuf>);

impl Frozen {
    /// Freezes the files and their folder; or says on stderr that `what` is not tested.
    pub fn files(folder: &Path, names: &[&str], what: &str) -> Option<Self> {
        let paths = names.iter().map(|name| folder.join(name)).chain([folder.to_owned()]).collect();
        let frozen = Self(paths);
        if let Err(problem) = frozen.change("+i") {
            skip(what, &problem);
            return None;
        }
        Some(frozen)
    }

    fn change(&self, attribute: &str) -> Result<(), String> {
        self.0.iter().try_for_each(|path| run("chattr", &[attribute, &path.to_string_lossy()]))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Err(problem) = self.change("-i") {
            eprintln!("{problem}");
        }
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

pub(crate) fn skip(what: &str, problem: &str) {
    // Straight to stderr: what a passing test prints is not shown.
    let line = format!("SKIPPED: {what} is not tested, because it takes root: {problem}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
