//! Objects of a kind by their labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::steps::NamespacedName;

use super::{Label, labels};
use crate::store::name_of;

/// Which objects have a label.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Labelled {
    names: HashMap<Label, BTreeSet<NamespacedName>>,
}

impl Labelled {
    pub(super) fn add(&mut self, metadata: &ObjectMeta) {
        for label in labels(metadata) {
            self.names.entry(label).or_default().insert(name_of(metadata));
        }
    }

    pub(super) fn remove(&mut self, metadata: &ObjectMeta) {
        for label in labels(metadata) {
            if let Some(names) = self.names.get_mut(&label) {
                names.remove(&name_of(metadata));
                if names.is_empty() {
                    self.names.remove(&label);
                }
            }
        }
    }

    /// The objects in a namespace that have all of these labels; none if there are no labels.
    pub(super) fn with<'a>(
        &'a self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a NamespacedName> + use<'a> {
        let mut sets = labels
            .iter()
            .map(|(key, value)| {
                self.names
                    .get(&(namespace.to_owned(), key.clone(), value.clone()))
            })
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default();
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        let smallest = sets.next();
        let others: Vec<_> = sets.collect();
        smallest
            .into_iter()
            .flatten()
            .filter(move |name| others.iter().all(|set| set.contains(name)))
    }
}
