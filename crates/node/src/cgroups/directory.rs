//! A control group as what it is in the file system: a directory that was opened once, wherever it is mounted since.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};
use nix::unistd::{AccessFlags, UnlinkatFlags, faccessat, unlinkat};

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

#[derive(Debug)]
pub(super) struct Directory(File);

impl Directory {
    pub(super) fn open(path: &Path) -> nix::Result<Self> {
        Ok(Self(open(path, DIRECTORY, Mode::empty())?.into()))
    }

    /// A group within this one.
    pub(super) fn group(&self, name: &str) -> nix::Result<Self> {
        Ok(Self(openat(&self.0, name, DIRECTORY, Mode::empty())?.into()))
    }

    /// The names of the groups within this one.
    pub(super) fn groups(&self) -> nix::Result<Vec<String>> {
        let mut listing = Dir::openat(&self.0, ".", DIRECTORY, Mode::empty())?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let entry = entry?;
            let is_directory = entry.file_type() == Some(nix::dir::Type::Directory);
            match entry.file_name().to_str() {
                Ok(name) if is_directory && !matches!(name, "." | "..") => names.push(name.to_owned()),
                _ => {}
            }
        }
        Ok(names)
    }

    /// Makes a group within this one, if it isn't there.
    pub(super) fn make(&self, name: &str) -> nix::Result<()> {
        match mkdirat(&self.0, name, Mode::from_bits_truncate(0o755)) {
            Err(Errno::EEXIST) => Ok(()),
            made => made,
        }
    }

    /// Removes a group within this one, with all that are in it. Not while a process is in one of them.
    pub(super) fn remove(&self, name: &str) -> nix::Result<()> {
        let group = self.group(name)?;
        for inner in group.groups()? {
            group.remove(&inner)?;
        }
        unlinkat(&self.0, name, UnlinkatFlags::RemoveDir)
    }

    pub(super) fn has(&self, file: &str) -> bool {
        faccessat(&self.0, file, AccessFlags::F_OK, nix::fcntl::AtFlags::empty()).is_ok()
    }

    /// Whether this user may write to a file, or make groups in `.`.
    pub(super) fn is_writable(&self, file: &str) -> bool {
        faccessat(&self.0, file, AccessFlags::W_OK, nix::fcntl::AtFlags::AT_EACCESS).is_ok()
    }

    pub(super) fn file(&self, name: &str, access: OFlag) -> nix::Result<OwnedFd> {
        openat(&self.0, name, access | OFlag::O_CLOEXEC, Mode::empty())
    }

    pub(super) fn read(&self, file: &str) -> io::Result<String> {
        let mut text = String::new();
        File::from(self.file(file, OFlag::O_RDONLY)?).read_to_string(&mut text)?;
        Ok(text)
    }

    /// The words in a file; none when it can't be read.
    pub(super) fn words(&self, file: &str) -> Vec<String> {
        let text = self.read(file).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    pub(super) fn write(&self, file: &str, text: &str) -> io::Result<()> {
        File::from(self.file(file, OFlag::O_WRONLY)?).write_all(text.as_bytes())
    }

    /// Says that somebody needs this group, until this is dropped; waits for who removes it.
    pub(super) fn hold(&self) -> io::Result<()> {
        self.0.lock()
    }

    /// Whether nobody needs it; then nobody can until this is dropped.
    pub(super) fn is_abandoned(&self) -> bool {
        self.0.try_lock().is_ok()
    }

    /// Whether it is still there, and is the group of this name.
    pub(super) fn is(&self, parent: &Self, name: &str) -> bool {
        let same = |one: FileStat, other: FileStat| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino);
        let there = parent.group(name).and_then(|there| fstat(&there.0));
        matches!((fstat(&self.0), there), (Ok(own), Ok(there)) if same(own, there))
    }
}
