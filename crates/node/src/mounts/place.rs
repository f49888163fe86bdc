//! Paths that containers have a say in: found without ever leaving the directory that they belong to, and mounted by
//! descriptor, so that a symbolic link that is put there in between leads nowhere else.

#![expect(unsafe_code, reason = "nix has no open_tree, move_mount and mount_setattr")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, mkdirat};

/// What there shall be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// Symbolic links lead to where they do if the directory is the root of all.
pub(crate) const AS_ROOT: ResolveFlag =
    ResolveFlag::RESOLVE_IN_ROOT.union(ResolveFlag::RESOLVE_NO_MAGICLINKS);

/// Symbolic links that lead out of the directory are refused: `EXDEV`.
pub(crate) const BENEATH: ResolveFlag =
    ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_MAGICLINKS);

const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 0x04;
const MOVE_MOUNT_T_EMPTY_PATH: libc::c_uint = 0x40;

/// A path of podlab's own, to be found from or mounted at.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    let place = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    Ok(place)
}

/// What is at `path` within `directory`.
pub(crate) fn within(directory: impl AsFd, path: &Path, links: ResolveFlag) -> io::Result<OwnedFd> {
    let path = Path::new(".").join(path.strip_prefix("/").unwrap_or(path));
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(links);
    loop {
        match openat2(&directory, &path, how) {
            // Something was renamed meanwhile, and the kernel can't tell whether it matters.
            Err(Errno::EAGAIN) => {}
            found => return found.map_err(io::Error::from),
        }
    }
}

/// What is at `path` within `directory`; whatever of it is missing is made.
pub(crate) fn make_within(
    directory: impl AsFd,
    path: &Path,
    kind: Kind,
    links: ResolveFlag,
) -> io::Result<OwnedFd> {
    let mut parts = path.strip_prefix("/").unwrap_or(path).components().peekable();
    let mut way = PathBuf::from(".");
    let mut reached = within(&directory, &way, links)?;
    while let Some(part) = parts.next() {
        way.push(part);
        reached = match within(&directory, &way, links) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let kind = parts.peek().map_or(kind, |_| Kind::Directory);
                make(&reached, part.as_ref(), kind)?;
                within(&directory, &way, links)?
            }
            found => found?,
        };
    }
    Ok(reached)
}

fn make(parent: &OwnedFd, name: &Path, kind: Kind) -> io::Result<()> {
    let made = match kind {
        Kind::Directory => mkdirat(parent, name, Mode::from_bits_truncate(0o755)),
        Kind::File => {
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::from_bits_truncate(0o644)).map(drop)
        }
    };
    match made {
        // Another container of the pod was faster.
        Err(Errno::EEXIST) => Ok(()),
        made => made.map_err(io::Error::from),
    }
}

/// Shows `source`, and all that is mounted below it, at `target`.
pub(crate) fn bind(source: impl AsFd, target: impl AsFd, read_only: bool) -> io::Result<()> {
    let flags = OPEN_TREE_CLONE
        | libc::O_CLOEXEC as libc::c_uint
        | (libc::AT_EMPTY_PATH | libc::AT_RECURSIVE) as libc::c_uint;
    let source = source.as_fd().as_raw_fd();
    // SAFETY: takes numbers and a text that lives through the call, and returns a new descriptor.
    let tree = unsafe { libc::syscall(libc::SYS_open_tree, source, c"".as_ptr(), flags) };
    let tree = i32::try_from(Errno::result(tree)?).map_err(io::Error::other)?;
    // SAFETY: nobody else owns it.
    let tree = unsafe { OwnedFd::from_raw_fd(tree) };
    if read_only {
        set_attributes(&tree, libc::MOUNT_ATTR_RDONLY, libc::AT_RECURSIVE)?;
    }
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    let (tree, target) = (tree.as_raw_fd(), target.as_fd().as_raw_fd());
    // SAFETY: takes numbers and texts that live through the call.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree,
            c"".as_ptr(),
            target,
            c"".as_ptr(),
            flags,
        )
    };
    Errno::result(moved)?;
    Ok(())
}

/// Sets attributes of the mount that `place` is on; with `AT_RECURSIVE` also of those below it.
///
/// # Errors
/// `ENOSYS` before Linux 5.12.
pub(crate) fn set_attributes(place: impl AsFd, attributes: u64, recursive: libc::c_int) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | recursive;
    // SAFETY: mount_attr is plain numbers; the text and the attributes live through the call.
    let set = unsafe {
        let mut wanted: libc::mount_attr = std::mem::zeroed();
        wanted.attr_set = attributes;
        libc::syscall(
            libc::SYS_mount_setattr,
            place.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(set)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_leads_out() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), inside.path().join("link")).unwrap();
        let directory = open(inside.path()).unwrap();
        let made = |links| make_within(&directory, Path::new("link/made/here"), Kind::Directory, links);
        // The path of the other folder is looked for inside, where it isn't; a link to nothing is no directory.
        assert!(made(AS_ROOT).is_err());
        let refused = made(BENEATH).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::EXDEV));
        assert!(make_within(&directory, Path::new("../up"), Kind::Directory, BENEATH).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_missing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        symlink("a", folder.path().join("link")).unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let directory = open(folder.path()).unwrap();
        for (path, kind) in [("/link/b/c", Kind::Directory), ("a/file", Kind::File)] {
            make_within(&directory, Path::new(path), kind, AS_ROOT).unwrap();
        }
        assert!(folder.path().join("a/b/c").is_dir());
        assert!(folder.path().join("a/file").is_file());
    }
}
