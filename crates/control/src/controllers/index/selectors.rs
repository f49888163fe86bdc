//! Objects of a kind by what they select.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use podlab_api::selector::LabelSelector;
use podlab_api::steps::NamespacedName;

use super::{Label, labels};

/// A selector, and the labels that it wants with one value each.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::controllers) struct Selector {
    pub(in crate::controllers) exact: BTreeMap<String, String>,
    all: LabelSelector,
}

impl Selector {
    /// None for one that can't be read, and for one that selects everything: that is nobody's intention.
    pub(in crate::controllers) fn new(selector: &meta::LabelSelector) -> Option<Self> {
        let all = LabelSelector::try_from(selector).ok()?;
        let exact = selector.match_labels.clone().unwrap_or_default();
        (!all.is_empty()).then_some(Self { exact, all })
    }

    pub(in crate::controllers) fn matches(&self, metadata: &meta::ObjectMeta) -> bool {
        match &metadata.labels {
            Some(labels) => self.all.matches(labels),
            None => self.all.matches(&BTreeMap::new()),
        }
    }
}

/// Who selects what: each under one label of those that it wants, as all that it selects have it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selectors {
    by_label: HashMap<Label, BTreeMap<NamespacedName, Selector>>,
    /// Those that want no label with one value, by namespace.
    others: HashMap<String, BTreeMap<NamespacedName, Selector>>,
}

impl Selectors {
    pub(super) fn add(&mut self, name: NamespacedName, selector: Selector) {
        let of_this_kind = match label_of(&name, &selector) {
            Some(label) => self.by_label.entry(label).or_default(),
            None => self.others.entry(name.namespace.clone()).or_default(),
        };
        of_this_kind.insert(name, selector);
    }

    pub(super) fn remove(&mut self, name: &NamespacedName, selector: &Selector) {
        fn take<K: std::hash::Hash + Eq>(
            from: &mut HashMap<K, BTreeMap<NamespacedName, Selector>>,
            key: &K,
            name: &NamespacedName,
        ) {
            if let Some(selectors) = from.get_mut(key) {
                selectors.remove(name);
                if selectors.is_empty() {
                    from.remove(key);
                }
            }
        }
        match label_of(name, selector) {
            Some(label) => take(&mut self.by_label, &label, name),
            None => take(&mut self.others, &name.namespace, name),
        }
    }

    /// Who selects an object with this metadata.
    pub(super) fn of(&self, metadata: &meta::ObjectMeta) -> impl Iterator<Item = &NamespacedName> {
        let by_label = labels(metadata).filter_map(|label| self.by_label.get(&label));
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        by_label
            .chain(self.others.get(namespace))
            .flatten()
            .filter(|(_, selector)| selector.matches(metadata))
            .map(|(name, _)| name)
    }
}

fn label_of(name: &NamespacedName, selector: &Selector) -> Option<Label> {
    let (key, value) = selector.exact.first_key_value()?;
    Some((name.namespace.clone(), key.clone(), value.clone()))
}
