//! How a process comes to be: born on a thread made for that, it prepares itself, and executes its program.
//!
//! It shares the memory of this process until it executes its program, and its mother thread waits until then, as
//! `posix_spawn` does it: copying the tables of all memory that a large cluster takes would cost more than all else.

use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use nix::errno::Errno;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork};

use super::{Failure, OrFailure, Program, SELF, StartError};
use crate::mounts::host::own_program;

/// How much stack a process has before it executes its program.
const STACK: usize = 256 * 1024;

/// Where a program is looked up whose environment has no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// How a process gets its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    /// It uses this process's, which is the fastest.
    Sharing,
    /// It has a copy: the kernel gives user namespaces only to those who share nothing, and ends them alone.
    Copied,
}

/// A program, ready for the kernel.
pub(super) struct Executable {
    name: String,
    places: Places,
    argv: Vec<CString>,
    env: Vec<CString>,
}

/// Where a program is.
enum Places {
    /// At one of these paths in the container: the first that there is.
    Paths(Vec<CString>),
    /// It is podlab itself, which is at none.
    Own(OwnedFd),
}

impl Executable {
    /// # Errors
    /// There is no program, or a text with a zero in it.
    pub(super) fn new(program: &Program) -> Result<Self, StartError> {
        let invalid = |what: String| StartError {
            what,
            source: io::ErrorKind::InvalidInput.into(),
        };
        let Some(name) = program.argv.first() else {
            return Err(invalid("no command".to_owned()));
        };
        let text = |text: &str| CString::new(text).map_err(|_| invalid(format!("exec: {name:?}")));
        let path = program.env.get("PATH").unwrap_or(DEFAULT_PATH);
        let in_path = || {
            path.split(':')
                .map(|directory| Path::new(if directory.is_empty() { "." } else { directory }).join(name))
                .map(|place| CString::new(place.as_os_str().as_bytes()))
                .collect::<Result<_, _>>()
                .map_err(|_| invalid(format!("exec: {name:?}")))
        };
        let places = if name == SELF {
            let own = own_program().map_err(|source| StartError {
                what: "open podlab's own program".to_owned(),
                source,
            })?;
            Places::Own(own)
        } else if name.contains('/') {
            Places::Paths(vec![text(name)?])
        } else {
            Places::Paths(in_path()?)
        };
        let mut argv: Vec<CString> = program
            .argv
            .iter()
            .map(|word| text(word))
            .collect::<Result<_, _>>()?;
        if name == SELF {
            argv[0] = c"podlab".to_owned();
        }
        let env = program
            .env
            .iter()
            .map(|(name, value)| text(&format!("{name}={value}")));
        Ok(Self {
            name: name.clone(),
            places,
            argv,
            env: env.collect::<Result<_, _>>()?,
        })
    }

    /// Becomes the program.
    fn execute(&self) -> Failure {
        let pointers = |texts: &[CString]| {
            let all = texts.iter().map(|text| text.as_ptr());
            all.chain([ptr::null()]).collect::<Vec<_>>()
        };
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        let paths = match &self.places {
            Places::Paths(paths) => paths,
            Places::Own(program) => {
                let (path, flags) = (c"".as_ptr(), libc::AT_EMPTY_PATH);
                // SAFETY: all texts and lists live until the program takes the place of this one, or the call fails.
                unsafe {
                    let program = program.as_raw_fd();
                    libc::syscall(
                        libc::SYS_execveat,
                        program,
                        path,
                        argv.as_ptr(),
                        env.as_ptr(),
                        flags,
                    );
                }
                return self.failure(Errno::last());
            }
        };
        let mut error = Errno::ENOENT;
        for place in paths {
            // SAFETY: all texts and lists live until the program takes the place of this one, or the call fails.
            unsafe { libc::execve(place.as_ptr(), argv.as_ptr(), env.as_ptr()) };
            match Errno::last() {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES => error = Errno::EACCES,
                other => {
                    error = other;
                    break;
                }
            }
        }
        self.failure(error)
    }

    /// In the words of Go's `exec`, which container runtimes pass on.
    fn failure(&self, errno: Errno) -> Failure {
        let name = &self.name;
        let source = io::Error::from(errno);
        let kind = source.kind();
        let told = match errno {
            Errno::ENOENT if name.contains('/') => {
                io::Error::new(kind, format!("stat {name}: no such file or directory"))
            }
            Errno::ENOENT => io::Error::new(kind, "executable file not found in $PATH"),
            Errno::EACCES => io::Error::new(kind, "permission denied"),
            Errno::ENOEXEC => io::Error::new(kind, "exec format error"),
            _ => source,
        };
        Failure(format!("exec: {name:?}"), told)
    }
}

/// Bears a process that runs `inside` and then executes the program, with these standard streams. For a thread that
/// ends after that.
pub(super) fn bear(
    how: Birth,
    executable: &Executable,
    streams: &[OwnedFd; 3],
    mut inside: impl FnMut() -> Result<(), Failure>,
) -> Result<Pid, Failure> {
    let (mut said, say) = io::pipe().or_failure("pipe")?;
    // A handler of this process's must not run in the new one, which shares what it would write to.
    SigSet::all().thread_block().or_failure("sigprocmask")?;
    let mut child = || {
        let prepared = connect(streams)
            .and_then(|()| inside())
            .and_then(|()| reset_signals())
            .and_then(|()| close_others());
        let Failure(what, error) = match prepared {
            Ok(()) => executable.execute(),
            Err(failure) => failure,
        };
        let errno = error.raw_os_error().unwrap_or_default();
        // Nobody can be told that nobody can be told.
        let _ = (&say).write_all(format!("{errno}\0{what}\0{error}").as_bytes());
        127
    };
    let pid = match how {
        Birth::Sharing => {
            let mut stack = vec![0; STACK];
            let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
            // SAFETY: this thread stands still until the new process has executed its program or has ended, so that it
            // is as if this thread itself went on: on a stack of its own, with the same allocator. It has its own
            // descriptors, handlers and namespaces, calls nothing that speaks to the other threads of this process, and
            // doesn't unwind.
            unsafe { clone(Box::new(&mut child), &mut stack, flags, Some(libc::SIGCHLD)) }
                .or_failure("clone")?
        }
        // SAFETY: the C library's fork makes its allocator usable in the child, which takes no other lock.
        Birth::Copied => match unsafe { fork() }.or_failure("fork")? {
            ForkResult::Parent { child } => child,
            // SAFETY: ends the process without running what others have registered for its end.
            ForkResult::Child => unsafe { libc::_exit(child() as i32) },
        },
    };
    drop(say);
    let mut failure = Vec::new();
    said.read_to_end(&mut failure).or_failure("pipe")?;
    if failure.is_empty() {
        return Ok(pid);
    }
    let _ = waitpid(pid, None);
    Err(read_failure(&failure))
}

/// What [`bear`]'s process has said.
fn read_failure(said: &[u8]) -> Failure {
    let said = String::from_utf8_lossy(said);
    let mut parts = said.splitn(3, '\0');
    let mut next = || parts.next().unwrap_or_default();
    let (errno, what, text) = (next(), next(), next());
    let error = match errno.parse() {
        Ok(errno) if errno != 0 => io::Error::from_raw_os_error(errno),
        _ => io::Error::other(text.to_owned()),
    };
    Failure(what.to_owned(), error)
}

fn connect([stdin, stdout, stderr]: &[OwnedFd; 3]) -> Result<(), Failure> {
    let connected = dup2_stdin(stdin.as_fd())
        .and_then(|()| dup2_stdout(stdout.as_fd()))
        .and_then(|()| dup2_stderr(stderr.as_fd()));
    connected.or_failure("dup2")
}

/// A program has its standard streams only, whatever else this process has, or was left by its caller.
fn close_others() -> Result<(), Failure> {
    // SAFETY: closes nothing before the program is executed, and what is open then has no owner any more.
    let closed = unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
    Errno::result(closed).or_failure("close_range").map(drop)
}

/// A program starts with all signals as they are by default, which executing it makes of those that have a handler, and
/// none blocked. Until then they do nothing: where others of the container send one that ends with a core dump, older
/// kernels end all who share the memory.
fn reset_signals() -> Result<(), Failure> {
    extern "C" fn nothing(_: libc::c_int) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: the handler does nothing.
        unsafe { sigaction(signal, &action) }.or_failure("sigaction")?;
    }
    SigSet::empty().thread_set_mask().or_failure("sigprocmask")
}
