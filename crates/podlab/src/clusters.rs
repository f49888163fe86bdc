//! A user's live clusters: a directory for each, and in it the lock that its supervisor holds as long as it lives.
//!
//! One process at a time looks at the directories or changes them: it locks the directory that they are in. Then a
//! cluster whose lock is free has ended, however it did, and what it left is removed.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use podlab_api::validation::label;
use serde::{Deserialize, Serialize};

const LOCK: &str = "lock";
const LOG: &str = "log";
const KUBECONFIG: &str = "kubeconfig";

/// The clusters of a user, and this process's turn to look at them.
pub(crate) struct Clusters {
    directory: PathBuf,
    _turn: File,
    alive: Vec<Alive>,
    /// What ended clusters were called, and the last that their logs said.
    ended: Vec<(String, String)>,
}

/// A cluster whose supervisor is alive.
#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) name: String,
    pub(crate) card: Card,
    directory: PathBuf,
}

/// What a supervisor says of itself, in the file that it locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Card {
    pub(crate) pid: i32,
    pub(crate) creation_timestamp: Time,
    /// Where the API is.
    pub(crate) server: SocketAddr,
}

/// A name that is taken for a new cluster, as long as this or a copy of it in a child is there.
#[derive(Debug)]
pub(crate) struct Claim {
    directory: PathBuf,
    lock: File,
}

impl Clusters {
    /// Waits for its turn, and removes what ended clusters left.
    pub(crate) fn open() -> io::Result<Self> {
        Self::open_in(&directory_of_user())
    }

    fn open_in(directory: &Path) -> io::Result<Self> {
        let turn = take_turn(directory).map_err(at(directory))?;
        let mut clusters = Self {
            directory: directory.to_owned(),
            _turn: turn,
            alive: Vec::new(),
            ended: Vec::new(),
        };
        for entry in fs::read_dir(directory).map_err(at(directory))? {
            let entry = entry.map_err(at(directory))?;
            let is_directory = entry.file_type().map_err(at(directory))?.is_dir();
            match entry.file_name().into_string() {
                Ok(name) if is_directory && label(&name).is_empty() => clusters.meet(name)?,
                _ => {}
            }
        }
        clusters.alive.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(clusters)
    }

    fn meet(&mut self, name: String) -> io::Result<()> {
        let directory = self.directory.join(&name);
        let file = directory.join(LOCK);
        if is_held(&file).map_err(at(&file))? {
            let text = fs::read(&file).map_err(at(&file))?;
            let card = serde_json::from_slice(&text).map_err(|error| at(&file)(error.into()))?;
            self.alive.push(Alive {
                name,
                card,
                directory,
            });
        } else {
            let log = fs::read_to_string(directory.join(LOG)).unwrap_or_default();
            let last = log.lines().next_back().unwrap_or("(nothing)").to_owned();
            fs::remove_dir_all(&directory).map_err(at(&directory))?;
            self.ended.push((name, last));
        }
        Ok(())
    }

    pub(crate) fn alive(&self) -> &[Alive] {
        &self.alive
    }

    pub(crate) fn ended(&self) -> &[(String, String)] {
        &self.ended
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Alive> {
        self.alive.iter().find(|cluster| cluster.name == name)
    }

    /// Takes a name for a cluster that is to be. None when there is one of this name.
    pub(crate) fn claim(&self, name: &str) -> io::Result<Option<Claim>> {
        if self.get(name).is_some() {
            return Ok(None);
        }
        let directory = self.directory.join(name);
        let claim = || {
            private().create(&directory)?;
            let lock = new_file(&directory.join(LOCK))?;
            lock.try_lock()?;
            Ok(lock)
        };
        match claim() {
            Ok(lock) => Ok(Some(Claim { directory, lock })),
            Err(error) => Err(at(&directory)(error)),
        }
    }
}

impl Drop for Clusters {
    fn drop(&mut self) {
        // Refused when there are clusters.
        let _ = fs::remove_dir(&self.directory);
    }
}

impl Alive {
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.join(KUBECONFIG)
    }

    /// A file that can be locked when the cluster has ended.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = self.directory.join(LOCK);
        File::open(&file).map_err(at(&file))
    }
}

impl Claim {
    /// The file in which a cluster tells what becomes of it.
    pub(crate) fn create_log(&self) -> io::Result<File> {
        let file = self.directory.join(LOG);
        new_file(&file).map_err(at(&file))
    }

    pub(crate) fn write_kubeconfig(&self, text: &str) -> io::Result<()> {
        let file = self.directory.join(KUBECONFIG);
        let write = || new_file(&file)?.write_all(text.as_bytes());
        write().map_err(at(&file))
    }

    /// Says who holds the lock. Must be done before the turn is over in which the name was taken.
    pub(crate) fn present(&self, card: &Card) -> io::Result<()> {
        let text = serde_json::to_vec(card)?;
        (&self.lock)
            .write_all(&text)
            .map_err(at(&self.directory.join(LOCK)))
    }
}

/// Where a user's programs keep what is to be gone with the next boot: `XDG_RUNTIME_DIR` of the XDG Base Directory
/// Specification, unless it is another user's, as after `sudo -E`.
fn directory_of_user() -> PathBuf {
    let user = geteuid();
    let given = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let is_own = |path: &PathBuf| {
        path.is_absolute() && fs::metadata(path).is_ok_and(|metadata| metadata.uid() == user.as_raw())
    };
    match given.filter(is_own) {
        Some(directory) => directory.join("podlab"),
        None if user.is_root() => PathBuf::from("/run/podlab"),
        None => PathBuf::from(format!("/tmp/podlab-{user}")),
    }
}

/// Makes the directory, unless it is there, and locks it.
fn take_turn(directory: &Path) -> io::Result<File> {
    loop {
        match private().create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
        let turn = match OpenOptions::new().read(true).custom_flags(flags).open(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let metadata = turn.metadata()?;
        if metadata.uid() != geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        turn.set_permissions(fs::Permissions::from_mode(0o700))?;
        turn.lock()?;
        // Whose turn it was may have removed it.
        let same = |there: fs::Metadata| (there.dev(), there.ino()) == (metadata.dev(), metadata.ino());
        if fs::symlink_metadata(directory).is_ok_and(same) {
            return Ok(turn);
        }
    }
}

fn is_held(lock: &Path) -> io::Result<bool> {
    let file = match File::open(lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn card() -> Card {
        Card {
            pid: 1,
            creation_timestamp: Time(Timestamp::UNIX_EPOCH),
            server: ([127, 0, 0, 1], 6443).into(),
        }
    }

    fn claim(directory: &Path, name: &str) -> Option<Claim> {
        let claim = Clusters::open_in(directory).unwrap().claim(name).unwrap()?;
        claim.present(&card()).unwrap();
        claim.create_log().unwrap().write_all(b"first\nlast\n").unwrap();
        Some(claim)
    }

    fn names(clusters: &Clusters) -> Vec<&str> {
        clusters.alive().iter().map(|alive| &*alive.name).collect()
    }

    #[test]
    fn a_cluster_is_alive_exactly_while_its_lock_is_held() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("podlab");
        let (b, a) = (claim(&directory, "b"), claim(&directory, "a"));
        assert!(claim(&directory, "a").is_none(), "the name is taken");
        let clusters = Clusters::open_in(&directory).unwrap();
        assert_eq!(names(&clusters), ["a", "b"]);
        assert_eq!(clusters.get("a").unwrap().card, card());
        drop((clusters, b));

        let clusters = Clusters::open_in(&directory).unwrap();
        assert_eq!(names(&clusters), ["a"]);
        assert_eq!(clusters.ended(), [("b".to_owned(), "last".to_owned())]);
        assert!(!directory.join("b").exists());
        drop((clusters, a));

        let clusters = Clusters::open_in(&directory).unwrap();
        assert_eq!(names(&clusters), [""; 0]);
        drop(clusters);
        assert!(!directory.exists(), "nobody needs it any more");
    }

    #[test]
    fn what_was_never_a_cluster_is_left_alone_and_what_was_hardly_one_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("podlab");
        fs::create_dir_all(directory.join("Not A Label")).unwrap();
        fs::create_dir_all(directory.join("without-lock")).unwrap();
        fs::write(directory.join("file"), "").unwrap();
        let clusters = Clusters::open_in(&directory).unwrap();
        assert_eq!(
            clusters.ended(),
            [("without-lock".to_owned(), "(nothing)".to_owned())]
        );
        drop(clusters);
        let mut left: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["Not A Label", "file"]);
    }

    #[test]
    fn others_see_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("podlab");
        let claim = claim(&directory, "a").unwrap();
        claim.write_kubeconfig("secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("a"))), (0o700, 0o700));
        for file in [KUBECONFIG, LOCK, LOG] {
            assert_eq!(mode(&directory.join("a").join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn a_link_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("podlab");
        std::os::unix::fs::symlink(scratch.path(), &directory).unwrap();
        assert!(Clusters::open_in(&directory).is_err());
    }

    #[test]
    fn turns_do_not_overlap_though_the_directory_comes_and_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("podlab");
        let busy = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let turn = Clusters::open_in(&directory).unwrap();
                        assert!(!busy.swap(true, std::sync::atomic::Ordering::SeqCst));
                        busy.store(false, std::sync::atomic::Ordering::SeqCst);
                        drop(turn);
                    }
                });
            }
        });
    }
}
