//! Puts files into a volume so that who reads sees all of the old ones or all of the new ones.
//!
//! As the kubelet does it: the files are in a directory of their own, `..data` is a symbolic link to that, and every
//! name at the top of the volume is one through `..data`.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::content::Content;

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";

/// Makes `volume`, which exists, have exactly this content.
///
/// # Errors
/// What can't be written; who reads still sees what was there before.
pub(super) fn write(volume: &Path, content: &Content) -> io::Result<()> {
    let now = jiff::Timestamp::now();
    let new = format!(
        "..{}.{}",
        now.strftime("%Y_%m_%d_%H_%M_%S"),
        now.subsec_nanosecond()
    );
    let directory = volume.join(&new);
    fs::create_dir(&directory)?;
    if let Err(error) = write_files(&directory, content) {
        fs::remove_dir_all(&directory)?;
        return Err(error);
    }
    let old = fs::read_link(volume.join(DATA)).ok();
    symlink(&new, volume.join(NEW_DATA))?;
    fs::rename(volume.join(NEW_DATA), volume.join(DATA))?;
    link_names(volume, content)?;
    match old {
        Some(old) => fs::remove_dir_all(volume.join(old)),
        None => Ok(()),
    }
}

fn write_files(directory: &Path, content: &Content) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    for (path, file) in content {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, &file.bytes)?;
        fs::set_permissions(&path, Permissions::from_mode(file.mode))?;
    }
    Ok(())
}

/// A link for each name at the top, and for no other.
fn link_names(volume: &Path, content: &Content) -> io::Result<()> {
    let first = |path: &String| path.split('/').next().unwrap_or_default().to_owned();
    let mut names: BTreeSet<String> = content.keys().map(first).collect();
    for entry in fs::read_dir(volume)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !names.remove(&*name) {
            fs::remove_file(entry.path())?;
        }
    }
    for name in names {
        symlink(Path::new(DATA).join(&name), volume.join(&name))?;
    }
    Ok(())
}
