//! What goes from an object when its manager doesn't apply it any more.

use serde_json::Value;

use crate::fields::Set;
use crate::schema::Node;
use crate::structure::{named, owned, remove};

/// The object without what was applied last time and has no owner now. What nobody ever owned stays, but for what is in
/// something that goes.
pub(super) fn prune(merged: Value, last: &Set, managed: &Set, node: Node) -> Value {
    if last.is_empty() {
        return merged;
    }
    let fields = |object: &Value| named(&owned(object, node), node);
    let (last, managed, there) = (named(last, node), named(managed, node), fields(&merged));
    let without_last = fields(&remove(&merged, &last, node));
    let with_owned = remove(&merged, &there.difference(&without_last.union(&managed)), node);
    let gone = there.difference(&fields(&with_owned));
    remove(&merged, &gone.intersection(&last), node)
}
