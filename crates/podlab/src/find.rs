//! Finds live clusters for commands, and tells people what isn't there.

use std::io;

use crate::clusters::{Alive, Clusters};

/// The user's clusters, after it has told of those that ended by themselves.
pub(crate) fn open() -> io::Result<Clusters> {
    let clusters = Clusters::open()?;
    for (name, last) in clusters.ended() {
        say!("warning: cluster \"{name}\" has ended, and its log with: {last}");
    }
    Ok(clusters)
}

/// A cluster by its name; says so when there is none.
pub(crate) fn find<'a>(clusters: &'a Clusters, name: &str) -> Option<&'a Alive> {
    let found = clusters.get(name);
    if found.is_none() {
        say!("error: clusters \"{name}\" not found");
        let others: Vec<&str> = clusters.alive().iter().map(|cluster| &*cluster.name).collect();
        if others.is_empty() {
            say!("No cluster is up: `podlab up` starts one.");
        } else {
            say!("These are up: {}", others.join(", "));
        }
    }
    found
}
