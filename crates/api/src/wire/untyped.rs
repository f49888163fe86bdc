//! Fields that are there twice in a value of any form.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::manifest::tree::{Content, Node};

/// All of them: `duplicate field "spec.replicas"`.
pub(super) fn duplicates(node: &Node) -> Vec<String> {
    let mut problems = Problems::default();
    look(node, &mut String::new(), &mut problems);
    problems.told
}

/// Looks at a value that stands at a path.
pub(super) fn look(node: &Node, path: &mut String, problems: &mut Problems) {
    let length = path.len();
    match &node.content {
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                look(item, path, problems);
                path.truncate(length);
            }
        }
        Content::Map(entries) => {
            let mut seen = HashSet::new();
            for entry in entries {
                enter(path, &entry.key);
                if !seen.insert(&entry.key) {
                    problems.tell("duplicate", path);
                }
                look(&entry.value, path, problems);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Goes to a field of the value at the path.
pub(super) fn enter(path: &mut String, field: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(field);
}

/// What strict decoding complains of: each thing once, and not more than the server tells.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) told: Vec<String>,
}

impl Problems {
    const MOST: usize = 100;

    /// `which` is `unknown` or `duplicate`.
    pub(super) fn tell(&mut self, which: &str, path: &str) {
        let problem = format!("{which} field {path:?}");
        if self.told.len() < Self::MOST && !self.told.contains(&problem) {
            self.told.push(problem);
        }
    }
}
