//! Which objects there are: none twice, each in a namespace that exists.

use std::collections::{BTreeMap, BTreeSet};

use super::located::{Located, Place};
use crate::diagnostic::{Diagnostic, Severity};
use crate::object::{Kind, Object};
use crate::steps::NamespacedName;
use crate::suggest::suggest;

/// The objects that exist at some point.
#[derive(Debug)]
pub(super) struct Objects {
    objects: BTreeMap<(Kind, NamespacedName), Known>,
    namespaces: BTreeSet<String>,
}

#[derive(Debug)]
struct Known {
    object: Object,
    /// The step that deletes it.
    deleted_by: Option<String>,
}

impl Objects {
    /// The objects that are there before any others.
    pub(super) fn new(there: impl IntoIterator<Item = Object>) -> Self {
        let mut known = Self {
            objects: BTreeMap::new(),
            namespaces: BTreeSet::new(),
        };
        there.into_iter().for_each(|object| known.add(&object));
        known
    }

    /// With those of the manifests.
    pub(super) fn with(mut self, objects: &[Located<Object>], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut places: BTreeMap<(Kind, NamespacedName), &Place> = BTreeMap::new();
        for object in objects {
            self.add(&object.value);
            let Some(name) = name(&object.value) else { continue };
            if let Some(first) = places.get(&(object.value.kind(), name.clone())) {
                let message = format!("{} {:?} already exists", object.value.kind().plural(), name.name);
                let diagnostic = object
                    .place
                    .diagnose(Severity::Error, "metadata.name", &message)
                    .related(
                        &first.source,
                        first.node.locate("metadata.name"),
                        "first defined here",
                    );
                diagnostics.push(diagnostic);
            } else {
                places.insert((object.value.kind(), name), &object.place);
            }
        }
        for object in objects {
            self.check_namespace(object, diagnostics);
        }
        self
    }

    /// Takes note of an object that is created or changed.
    pub(super) fn add(&mut self, object: &Object) {
        let Some(name) = name(object) else { return };
        if object.kind() == Kind::Namespace {
            self.namespaces.insert(name.name.clone());
        }
        self.objects.insert(
            (object.kind(), name),
            Known {
                object: object.clone(),
                deleted_by: None,
            },
        );
    }

    /// Takes note that a step deletes an object.
    pub(super) fn delete(&mut self, kind: Kind, name: &NamespacedName, step: &str) {
        if let Some(known) = self.objects.get_mut(&(kind, name.clone())) {
            known.deleted_by = Some(step.to_owned());
        }
    }

    /// The object of this kind and name.
    ///
    /// # Errors
    /// Kubernetes' message that there is none, and advice.
    pub(super) fn find(
        &self,
        kind: Kind,
        name: &NamespacedName,
    ) -> Result<&Object, (String, Option<String>)> {
        let message = format!("{} {:?} not found", kind.plural(), name.name);
        match self.objects.get(&(kind, name.clone())) {
            Some(Known {
                object,
                deleted_by: None,
            }) => Ok(object),
            Some(Known {
                deleted_by: Some(step),
                ..
            }) => Err((message, Some(format!("the step {step:?} deletes it")))),
            None => Err((message, self.advice(kind, name))),
        }
    }

    /// Whether there is or was such an object.
    pub(super) fn ever_known(&self, kind: Kind, name: &NamespacedName) -> bool {
        self.objects.contains_key(&(kind, name.clone()))
    }

    fn advice(&self, kind: Kind, name: &NamespacedName) -> Option<String> {
        let of_kind = || {
            self.objects
                .keys()
                .filter(|(other, _)| *other == kind)
                .map(|(_, name)| name)
        };
        if let Some(elsewhere) = of_kind().find(|other| other.name == name.name) {
            let reference = format!(
                "{}/{}/{}",
                kind.as_str().to_lowercase(),
                elsewhere.namespace,
                elsewhere.name
            );
            return Some(format!(
                "there is one in namespace {:?}: write {reference}",
                elsewhere.namespace
            ));
        }
        let here = of_kind()
            .filter(|other| other.namespace == name.namespace)
            .map(|other| other.name.as_str());
        suggest(&name.name, here).map(|meant| format!("did you mean {meant:?}?"))
    }

    /// Kubernetes' message if a namespace doesn't exist, and advice.
    pub(super) fn missing_namespace(&self, namespace: &str) -> Option<(String, String)> {
        if self.namespaces.contains(namespace) {
            return None;
        }
        let message = format!("namespaces {namespace:?} not found");
        let meant = suggest(namespace, self.namespaces.iter().map(String::as_str));
        let help = meant.map_or_else(
            || format!("add an object of kind Namespace with the name {namespace:?}"),
            |meant| format!("did you mean {meant:?}?"),
        );
        Some((message, help))
    }

    /// Refuses an object that isn't there. One whose namespace doesn't exist is refused for that.
    pub(super) fn check_is_there(&self, object: &Located<Object>, diagnostics: &mut Vec<Diagnostic>) {
        let kind = object.value.kind();
        let Some(name) = name(&object.value) else { return };
        if self.objects.contains_key(&(kind, name.clone()))
            || (kind.namespaced() && !self.namespaces.contains(&name.namespace))
        {
            return;
        }
        let message = format!("{} {:?} not found", kind.qualified(), name.name);
        let file = &object.place.source.name;
        let file = if file == "<stdin>" { "-" } else { file };
        diagnostics.push(
            object
                .place
                .say_at(Severity::Error, "metadata.name", &message)
                .help(format!("put it there first: podlab apply -f {file}")),
        );
    }

    /// Refuses an object whose namespace doesn't exist.
    pub(super) fn check_namespace(&self, object: &Located<Object>, diagnostics: &mut Vec<Diagnostic>) {
        let Some(namespace) = &object.value.metadata().namespace else {
            return;
        };
        if !object.value.kind().namespaced() {
            return;
        }
        if let Some((message, help)) = self.missing_namespace(namespace) {
            diagnostics.push(
                object
                    .place
                    .diagnose(Severity::Error, "metadata.namespace", &message)
                    .help(help),
            );
        }
    }
}

/// None for an object that gets its name when it is created.
fn name(object: &Object) -> Option<NamespacedName> {
    let metadata = object.metadata();
    let namespace = if object.kind().namespaced() {
        metadata.namespace.clone().unwrap_or_default()
    } else {
        String::new()
    };
    let name = metadata.name.clone().filter(|name| !name.is_empty())?;
    Some(NamespacedName { namespace, name })
}
