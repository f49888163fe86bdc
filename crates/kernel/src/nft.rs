//! Runs `nft` inside a network namespace: loads rules as text, and lists them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::netns::Netns;

/// Where `nft` may be when PATH doesn't have it: the directories of system programs.
const SYSTEM_PATHS: &[&str] = &["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The `nft` program, and the network namespace whose rules it changes.
#[derive(Debug, Clone)]
pub struct Nft {
    program: Arc<Path>,
    netns: Netns,
}

/// A transaction was not taken; nothing of it is in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// There is no `nft` program.
    #[error("nft is not installed: neither PATH nor {} has it", SYSTEM_PATHS.join(", "))]
    NotInstalled,
    /// The kernel hasn't got what it speaks to.
    #[error(
        "this kernel has no nf_tables, and can't load it by itself: sudo modprobe nf_tables, or boot a kernel that has it"
    )]
    NoKernelPart,
    /// It could not be started.
    #[error("cannot run nft: {0}")]
    Start(#[from] io::Error),
    /// What it lists is not the JSON that was asked for.
    #[error("cannot read what nft lists: {0}")]
    Json(#[from] serde_json::Error),
    /// `nft` or the kernel refused it.
    #[error("nft: {message}\nin the transaction:\n{transaction}")]
    Refused {
        /// What nft says.
        message: String,
        /// What it was given, shortened to its first lines.
        transaction: String,
    },
}

impl Nft {
    /// The `nft` program of this machine, to be run in `netns`.
    ///
    /// # Errors
    /// [`NftError::NotInstalled`].
    pub fn new(netns: Netns) -> Result<Self, NftError> {
        let program = find_program("nft").ok_or(NftError::NotInstalled)?;
        Ok(Self {
            program: program.into(),
            netns,
        })
    }

    /// Loads commands in nft's own language, as one transaction. Blocks until the kernel has taken them.
    ///
    /// # Errors
    /// [`NftError::Refused`] with nft's message.
    pub fn load(&self, commands: &str) -> Result<(), NftError> {
        self.run(&["-f", "-"], commands).map(drop)
    }

    /// What `nft ARGUMENTS` prints.
    ///
    /// # Errors
    /// [`NftError::Refused`] with nft's message.
    pub fn list(&self, arguments: &[&str]) -> Result<String, NftError> {
        self.run(arguments, "")
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String, NftError> {
        let output = self.netns.visit(|| {
            let mut child = Command::new(&*self.program)
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // nft reads all of its input before it says anything, so this can't block for ever;
                // when it ends early, its message says more than the broken pipe.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if said.ends_with("Unable to initialize Netlink socket: Protocol not supported") {
            return Err(NftError::NoKernelPart);
        }
        Err(NftError::Refused {
            message: match said.is_empty() {
                true => format!("it ended with {}, and said nothing", output.status),
                false => said,
            },
            transaction: input.chars().take(2000).collect(),
        })
    }
}

/// The path of a program of this machine, from PATH or the directories of system programs.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_PATHS.iter().map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| {
            nix::unistd::access(candidate, nix::unistd::AccessFlags::X_OK).is_ok() && candidate.is_file()
        })
}
