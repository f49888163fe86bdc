//! `hostPath`: a directory or a file of the host, which containers see read-only.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::HostPathVolumeSource;
use nix::sys::stat::fstat;
use podlab_api::host_path::{NO_FILES, is_hidden};

use crate::mounts::place::{self, AS_ROOT};

/// A path of the host can't be shown to containers; the first two in the kubelet's words.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostPathError {
    #[error("hostPath type check failed: {0} does not exist")]
    Missing(String),
    #[error("hostPath type check failed: {0} is not a {1}")]
    Other(String, &'static str),
    #[error("hostPath {0}: {NO_FILES}")]
    Hidden(String),
    #[error("hostPath {0}: {1}")]
    Unreachable(String, io::Error),
}

/// Whether it is there, of the type that is asked for, and a file or directory at all: a socket of the host can be
/// connected to even if it can't be written to.
pub(super) fn check(host: &Path, volume: &HostPathVolumeSource) -> Result<(), HostPathError> {
    let told = || volume.path.clone();
    let found = place::open(host).and_then(|host| place::within(host, Path::new(&volume.path), AS_ROOT));
    let found = found.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => HostPathError::Missing(told()),
        _ => HostPathError::Unreachable(told(), error),
    })?;
    let unreachable = |error| HostPathError::Unreachable(told(), error);
    let reached = fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).map_err(unreachable)?;
    // A symbolic link may lead where the path itself doesn't.
    let reached = Path::new("/").join(reached.strip_prefix(host).unwrap_or(&PathBuf::new()));
    let status = fstat(&found).map_err(|errno| HostPathError::Unreachable(told(), errno.into()))?;
    let kind = match status.st_mode & libc::S_IFMT {
        libc::S_IFDIR => "directory",
        libc::S_IFREG => "file",
        _ => return Err(HostPathError::Hidden(told())),
    };
    if is_hidden(&reached) {
        return Err(HostPathError::Hidden(told()));
    }
    let wanted = match volume.type_.as_deref() {
        Some("Directory" | "DirectoryOrCreate") => "directory",
        Some("File" | "FileOrCreate") => "file",
        _ => kind,
    };
    match kind == wanted {
        true => Ok(()),
        false => Err(HostPathError::Other(told(), wanted)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_files_and_directories_are_shown() {
        let host = tempfile::tempdir().unwrap();
        let path = |name: &str| host.path().join(name);
        for directory in ["data", "run/inner"] {
            fs::create_dir_all(path(directory)).unwrap();
        }
        fs::write(path("data/file"), "").unwrap();
        let _socket = UnixListener::bind(path("data/socket")).unwrap();
        symlink("/run/inner", path("data/link")).unwrap();
        let checked = |path: &str, kind: Option<&str>| {
            let volume = HostPathVolumeSource {
                path: path.to_owned(),
                type_: kind.map(str::to_owned),
            };
            check(host.path(), &volume).map_err(|error| error.to_string())
        };
        assert_eq!(checked("/data", Some("Directory")), Ok(()));
        assert_eq!(checked("/data/file", Some("FileOrCreate")), Ok(()));
        assert_eq!(checked("/data/file", None), Ok(()));
        let cases = [
            ("/data", "File", "hostPath type check failed: /data is not a file"),
            ("/none", "", "hostPath type check failed: /none does not exist"),
            ("/data/socket", "", &format!("hostPath /data/socket: {NO_FILES}")),
            ("/data/link", "", &format!("hostPath /data/link: {NO_FILES}")),
            ("/run", "", &format!("hostPath /run: {NO_FILES}")),
            ("/", "", &format!("hostPath /: {NO_FILES}")),
        ];
        for (path, kind, expected) in cases {
            assert_eq!(checked(path, Some(kind)), Err(expected.to_owned()), "{path}");
        }
    }
}
