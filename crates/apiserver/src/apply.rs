//! Server-side apply (KEP-555), and who owns what after any other change.

mod error;
mod last_applied;
mod prune;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use podlab_api::object::Kind;
use serde_json::{Value, json};

use crate::fields::{Path, Set};
use crate::managed::{Managed, Operation, Owned, Owner};
use crate::schema::Node;
use crate::structure::{Comparison, canonical, check, compare, filled, merge, owned};

pub(crate) use crate::managed::Manager;
pub(crate) use error::{ApplyError, Conflict};

/// Who owns the fields of an object that was changed before anybody was known to own them.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// An object with the configuration that a manager applies, `application/apply-patch+yaml`, merged into it; a new object
/// if there is none. Fields that the manager had applied and now leaves out go, unless somebody else owns them.
/// Defaults aren't filled in yet, so that nobody comes to own them.
///
/// # Errors
/// [`ApplyError::Conflicts`] when others own fields that would change, unless `force` says that they shall lose them;
/// and when the configuration isn't one of this kind.
pub(crate) fn apply(
    live: Option<&Value>,
    applied: &Value,
    kind: Kind,
    manager: &Manager,
    force: bool,
    now: Timestamp,
) -> Result<Value, ApplyError> {
    let is_new = live.is_none();
    let new = json!({"apiVersion": kind.api_version(), "kind": kind.as_str()});
    let live = live.unwrap_or(&new);
    let mut managed = Managed::read(managed_fields(live), kind).map_err(ApplyError::ManagedFields)?;
    check_form(applied, kind)?;
    check(applied, Node::of(kind)).map_err(|faults| ApplyError::malformed(applied, kind, faults))?;
    let live = canonical(without_managed_fields(live), Node::of(kind));
    if managed.0.is_empty() && !is_new {
        let before = Manager {
            name: BEFORE_FIRST_APPLY.to_owned(),
            ..manager.clone()
        };
        update(&mut managed, &json!({}), &live, kind, &before, now);
    }
    let change = Change {
        live: &live,
        applied,
        kind,
        owner: Owner::new(manager, Operation::Apply),
        now,
    };
    let (mut object, managed) = match change.made(managed.clone(), force) {
        Err(conflicts) if manager.name == last_applied::MANAGER => {
            match last_applied::conflicting(conflicts, &live, kind) {
                conflicts if conflicts.is_empty() => change.made(managed, true)?,
                conflicts => return Err(ApplyError::Conflicts(conflicts)),
            }
        }
        made => made?,
    };
    if manager.name == last_applied::MANAGER {
        last_applied::renew(&mut object, applied);
    }
    set_managed_fields(&mut object, &managed, kind);
    Ok(object)
}

/// Writes into the new version of an object who owns what after a change that isn't an apply, by what is different.
/// An object whose owners aren't known stays so, unless it is new. Fields that the schema doesn't have aren't owned.
///
/// The client may change the owners itself: no entries or an empty one make all of them forgotten.
pub(crate) fn track(old: Option<&Value>, new: &mut Value, kind: Kind, manager: &Manager, now: Timestamp) {
    let known = |object: &Value| Managed::read(managed_fields(object), kind).unwrap_or_default();
    let is_of_object = manager.subresource.is_none();
    let is_reset = is_of_object && is_reset(managed_fields(new));
    let given = known(new);
    let mut managed = match old {
        _ if is_reset => Managed::default(),
        Some(old) if given.0.is_empty() || !is_of_object => known(old),
        _ => given,
    };
    let is_tracked = old.is_none() || !managed.0.is_empty();
    if is_tracked {
        let old = old.map_or_else(|| json!({}), without_managed_fields);
        update(
            &mut managed,
            &old,
            &without_managed_fields(new),
            kind,
            manager,
            now,
        );
    }
    set_managed_fields(new, &managed, kind);
}

/// Gives the entries of a new version the times of the old one, if only these are different: so nothing has changed.
/// It has to be called when defaults are filled in.
pub(crate) fn keep_times(old: &Value, new: &mut Value, kind: Kind) {
    let without_times = |object: &Value| {
        let mut entries = managed_fields(object).clone();
        for entry in entries.as_array_mut().into_iter().flatten() {
            entry.as_object_mut().map(|entry| entry.remove("time"));
        }
        entries
    };
    let content = |object: &Value| canonical(without_managed_fields(object), Node::of(kind));
    if without_times(old) == without_times(new) && content(old) == content(new) {
        new.clone_from(old);
    }
}

/// An apply, of which nobody knows yet whether it is in conflict.
struct Change<'a> {
    live: &'a Value,
    applied: &'a Value,
    kind: Kind,
    owner: Owner,
    now: Timestamp,
}

impl Change<'_> {
    /// The new object, and who owns its fields.
    fn made(&self, mut managed: Managed, force: bool) -> Result<(Value, Managed), Vec<Conflict>> {
        let node = Node::of(self.kind);
        let reset = reset_fields(Some(&*self.owner.subresource));
        let last = managed.0.remove(&self.owner).unwrap_or_default();
        let own = Owned {
            time: last.time,
            fields: owned(self.applied, node).outside(&reset),
        };
        managed.0.insert(self.owner.clone(), own);
        let merged = merge(self.live, self.applied, node);
        let pruned = prune::prune(merged, &last.fields, &managed.all(), node);
        let object = canonical(pruned, node);
        let comparison = difference(self.live, &object, node, &reset);
        if !force {
            let conflicts = error::conflicts(&managed, &self.owner, &comparison.set(), self.kind);
            if !conflicts.is_empty() {
                return Err(conflicts);
            }
        }
        managed.take(&comparison.all(), Some(&self.owner));
        if let Some(own) = managed.0.get_mut(&self.owner) {
            own.fields = own.fields.difference(&never_owned());
            if object != *self.live {
                own.time = Some(self.now);
            }
        }
        managed.0.retain(|_, owned| !owned.fields.is_empty());
        Ok((object, managed))
    }
}

/// Makes the manager the owner of what is different.
fn update(managed: &mut Managed, old: &Value, new: &Value, kind: Kind, manager: &Manager, now: Timestamp) {
    let reset = reset_fields(manager.subresource.as_deref());
    let comparison = difference(old, new, Node::of(kind), &reset);
    managed.take(&comparison.all(), None);
    let fields = comparison.set().difference(&never_owned());
    if !fields.is_empty() {
        let own = managed
            .0
            .entry(Owner::new(manager, Operation::Update))
            .or_default();
        own.fields = own.fields.union(&fields);
        own.time = Some(now);
    }
    managed.cap();
}

fn difference(old: &Value, new: &Value, node: Node, reset: &Set) -> Comparison {
    let typed = |object: &Value| filled(&canonical(object.clone(), node), node);
    compare(&typed(old), &typed(new), node).outside(reset)
}

fn check_form(applied: &Value, kind: Kind) -> Result<(), ApplyError> {
    if !applied.is_object() && !applied.is_null() {
        return Err(ApplyError::NoObject(applied.clone()));
    }
    let text = |field: &str| applied[field].as_str().unwrap_or_default();
    let (api_version, name) = (text("apiVersion"), text("kind"));
    if (api_version, name) != (kind.api_version(), kind.as_str()) {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        return Err(ApplyError::Type(format!("{group}/{version}, Kind={name}")));
    }
    if managed_fields(applied).is_null() {
        Ok(())
    } else {
        Err(ApplyError::ManagedFieldsGiven)
    }
}

/// What a request at this place of an object doesn't change, whatever it says.
fn reset_fields(subresource: Option<&str>) -> Set {
    let fields: &[&[&str]] = match subresource {
        Some("status") => &[
            &["spec"],
            &["metadata", "deletionGracePeriodSeconds"],
            &["metadata", "deletionTimestamp"],
            &["metadata", "finalizers"],
            &["metadata", "generateName"],
            &["metadata", "labels"],
            &["metadata", "ownerReferences"],
        ],
        _ => &[&["status"]],
    };
    fields.iter().map(|path| Path::of(path.iter().copied())).collect()
}

/// What nobody owns: the cluster has given it, or it says which object it is.
fn never_owned() -> Set {
    let in_metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let in_metadata = in_metadata.map(|field| Path::of(["metadata", field]));
    let of_the_object = ["apiVersion", "kind", "metadata"].map(|field| Path::of([field]));
    in_metadata.into_iter().chain(of_the_object).collect()
}

fn managed_fields(object: &Value) -> &Value {
    &object["metadata"]["managedFields"]
}

/// Whether a client wants all owners to be forgotten.
fn is_reset(entries: &Value) -> bool {
    match entries.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([entry]) => entry.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn set_managed_fields(object: &mut Value, managed: &Managed, kind: Kind) {
    *object = without_managed_fields(object);
    let metadata = object
        .as_object_mut()
        .map(|object| object.entry("metadata").or_insert_with(|| json!({})));
    if let (Some(Value::Object(metadata)), Some(entries)) = (metadata, managed.write(kind)) {
        metadata.insert("managedFields".to_owned(), entries);
    }
}
