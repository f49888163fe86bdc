//! Settings of the network namespace that the calling thread is in.

use std::path::Path;
use std::{fs, io};

/// Writes names below `/proc/sys`, and values. Settings that this kernel doesn't have are passed over.
pub(super) fn write_sysctls(settings: &[(&str, &str)]) -> io::Result<()> {
    for (name, value) in settings {
        match fs::write(Path::new("/proc/sys").join(name), value) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_the_kernel_does_not_have_is_passed_over() {
        write_sysctls(&[("net/bridge-that-is-not-loaded/bridge-nf-call-iptables", "0")]).unwrap();
    }
}
