//! What a process gives back that has built something large, and now waits.

use std::fs;

/// Gives back the memory that building took and nobody uses any more: free pages between objects that stay, and the
/// program's own code, of which waiting needs little. The kernel reads it again from the file where it is needed.
pub(crate) fn rest() {
    // SAFETY: it only gives back what is free.
    unsafe { libc::malloc_trim(0) };
    let mappings = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in mappings.lines().filter_map(code) {
        // SAFETY: what is mapped from a file and can't be written is the same when it is read again.
        unsafe { libc::madvise(start as *mut _, end - start, libc::MADV_DONTNEED) };
    }
}

/// Where a mapping begins and ends, if it is of a file, to be executed and never written.
fn code(mapping: &str) -> Option<(usize, usize)> {
    let mut words = mapping.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let executed = words.next()? == "r-xp";
    let of_file = words.nth(3)?.starts_with('/');
    let address = |text| usize::from_str_radix(text, 16).ok();
    (executed && of_file).then_some((address(start)?, address(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_is_executed_of_a_file() {
        let cases = [
            (
                "00998000-0242b000 r-xp 00797000 fe:00 61    /usr/bin/podlab",
                Some((0x99_8000, 0x242_b000)),
            ),
            (
                "0242b000-02521000 r--p 02229000 fe:00 61    /usr/bin/podlab",
                None,
            ),
            ("0932d000-0950d000 rw-p 00000000 00:00 0     [heap]", None),
            ("7ffd0000-7ffd2000 r-xp 00000000 00:00 0     [vdso]", None),
            ("7f8bd0000-7f8bd2000 r-xp 00000000 00:00 0", None),
        ];
        for (mapping, expected) in cases {
            assert_eq!(code(mapping), expected, "{mapping}");
        }
    }
}
