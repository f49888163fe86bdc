//! Holds containers to their limits of memory and CPU time by control groups of version 2, where those are delegated.
//!
//! All of a sandbox's groups are in one, which is made when the first container needs it. Whoever holds the lock of that
//! one needs it; the kernel lets go of the lock with the last process that has it, so what a killed podlab left is known.

mod directory;
mod hierarchy;
mod place;
mod settings;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::core::v1::ResourceRequirements;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::getpid;
use podlab_api::limits::Unenforced;

use directory::Directory;
use place::{PROCESSES, Place, SUBTREE};
use settings::settings;

/// How the names of podlab's groups begin.
const PREFIX: &str = "podlab.";

/// The one file that kernels without swapping don't have.
const SWAP: &str = "memory.swap.max";

/// A process may be counted in its group for a moment after it has been waited for.
const PATIENCE: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// What podlab may do with control groups.
#[derive(Debug)]
pub struct Cgroups {
    place: Option<Place>,
    unenforced: Unenforced,
    claim: OnceLock<Claim>,
}

/// Where a sandbox's group is, or will be.
#[derive(Debug)]
struct Claim {
    place: Directory,
    /// The controllers that the groups there had before podlab came.
    given: Vec<String>,
    /// A process's number is another's in another PID namespace.
    name: String,
    own: Mutex<Option<Arc<Directory>>>,
}

/// The control group of a container that runs.
#[derive(Debug)]
pub struct Group {
    name: String,
    parent: Arc<Directory>,
    directory: Directory,
    processes: File,
}

/// Where this process is. Looked for once, at the first call: outside of the sandbox.
pub fn here() -> &'static Cgroups {
    static HERE: OnceLock<Cgroups> = OnceLock::new();
    HERE.get_or_init(|| {
        let (place, unenforced) = place::find();
        Cgroups {
            place,
            unenforced,
            claim: OnceLock::new(),
        }
    })
}

impl Cgroups {
    /// The resources whose limits can't be enforced.
    pub fn unenforced(&self) -> &Unenforced {
        &self.unenforced
    }

    /// Chooses a name for the sandbox's group, for who is about to make a sandbox: from inside, the place may not be seen.
    pub(crate) fn claim(&self) {
        let Some(place) = &self.place else { return };
        if let Ok(directory) = Directory::open(&place.path) {
            self.claim.get_or_init(|| Claim {
                given: directory.words(SUBTREE),
                place: directory,
                name: format!("{PREFIX}{}.{:08x}", getpid(), rand::random::<u32>()),
                own: Mutex::default(),
            });
        }
    }

    /// A new group that holds a container to these limits; none when it has none that can be enforced.
    ///
    /// # Errors
    /// The kernel refused it.
    pub(crate) fn group(&self, name: &str, resources: &ResourceRequirements) -> io::Result<Option<Group>> {
        let Some(place) = &self.place else { return Ok(None) };
        let mut settings = settings(resources);
        settings.retain(|setting| place.controllers.contains(&setting.controller));
        if settings.is_empty() {
            return Ok(None);
        }
        let claim = self.claim.get().ok_or(ErrorKind::NotFound)?;
        let parent = claim.group(&place.controllers)?;
        parent.make(name)?;
        let directory = parent.group(name)?;
        let processes = File::from(directory.file(PROCESSES, OFlag::O_WRONLY)?);
        let group = Group {
            name: name.to_owned(),
            parent,
            directory,
            processes,
        };
        for setting in settings {
            match group.directory.write(setting.file, &setting.text) {
                Err(error) if error.kind() == ErrorKind::NotFound && setting.file == SWAP => {}
                Err(error) => {
                    let _ = group.parent.remove(name);
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", setting.file)));
                }
                Ok(()) => {}
            }
        }
        Ok(Some(group))
    }

    /// Removes the sandbox's group, if it was made, and takes back what the others were given for it. For who is outside,
    /// when nobody is left inside.
    pub(crate) fn remove(&self) {
        let (Some(place), Some(claim)) = (&self.place, self.claim.get()) else {
            return;
        };
        for _ in 0..PATIENCE {
            match claim.place.remove(&claim.name) {
                Err(Errno::EBUSY) => thread::sleep(PAUSE),
                Err(_) => return,
                Ok(()) => break,
            }
        }
        for controller in &place.controllers {
            if !claim.given.iter().any(|given| given == controller) {
                // Another podlab may use it by now.
                let _ = claim.place.write(SUBTREE, &format!("-{controller}"));
            }
        }
    }
}

impl Claim {
    /// The sandbox's group, made when it isn't there, whose groups have these controllers.
    fn group(&self, controllers: &[&str]) -> io::Result<Arc<Directory>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = &*own {
            return Ok(own.clone());
        }
        remove_abandoned(&self.place);
        let made = loop {
            self.place.make(&self.name)?;
            let Ok(made) = self.place.group(&self.name) else {
                continue;
            };
            made.hold()?;
            // Before it was held, somebody may have thought it abandoned.
            if made.is(&self.place, &self.name) {
                break made;
            }
        };
        for controller in controllers {
            self.place.write(SUBTREE, &format!("+{controller}"))?;
            made.write(SUBTREE, &format!("+{controller}"))?;
        }
        Ok(own.insert(Arc::new(made)).clone())
    }
}

/// Removes what podlabs that were killed have left.
fn remove_abandoned(place: &Directory) {
    let groups = place.groups().unwrap_or_default();
    for name in groups.iter().filter(|name| name.starts_with(PREFIX)) {
        if let Ok(group) = place.group(name)
            && group.is_abandoned()
        {
            let _ = place.remove(name);
        }
    }
}

impl Group {
    /// Moves the calling process into it.
    pub(crate) fn enter(&self) -> io::Result<()> {
        (&self.processes).write_all(b"0")
    }

    /// Whether one of its processes was killed because there was no more memory for it.
    pub(crate) fn was_out_of_memory(&self) -> bool {
        let events = self.directory.read("memory.events").unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.is_some_and(|killed| killed != "0")
    }

    /// Removes it, when its last process has ended.
    pub(crate) async fn remove(&self) {
        for _ in 0..PATIENCE {
            match self.parent.remove(&self.name) {
                Err(Errno::EBUSY) => tokio::time::sleep(PAUSE).await,
                _ => return,
            }
        }
    }
}
