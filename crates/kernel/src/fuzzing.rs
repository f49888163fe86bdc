//! The ways in that fuzzing takes: what is sent to the kernel, and what is read of its answers, without sockets.

use std::io;

use crate::conntrack::{self, Flow};
use crate::maps::{self, Change};
use crate::rtnl::{self, Step};

/// The batches that changes of `table` become, of at most `largest` bytes where they can be parted.
pub fn batches(
    table: &'static str,
    largest: usize,
    changes: impl IntoIterator<Item = (&'static str, Change)>,
) -> Vec<Vec<u8>> {
    maps::encoded(table, largest, changes)
}

/// The datagram that steps become, numbered from `first` on.
pub fn steps(mut steps: Vec<Step>, first: u32) -> Vec<u8> {
    rtnl::encode(&mut steps, first)
}

/// Reads bytes as each of the answers that the kernel gives. The flows are those of connection tracking.
pub fn answers(bytes: &[u8], steps: Vec<Step>) -> (io::Result<Vec<Flow>>, io::Result<()>, io::Result<()>) {
    let mut flows = Vec::new();
    let tracked = conntrack::read(bytes, |entry| flows.extend(conntrack::flow(entry)));
    (
        tracked.map(|_| flows),
        maps::heard(bytes),
        rtnl::Answers::expected(steps, 1).read(bytes),
    )
}
