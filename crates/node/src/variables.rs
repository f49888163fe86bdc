//! A container's variables.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Name and value of each.
pub(crate) type Values = BTreeMap<String, String>;

/// The variables of a container: those that tell of services, which all pods of a namespace share, and over them its own.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    links: Arc<Values>,
    own: Values,
}

impl Variables {
    /// Those that tell of services, and no others yet.
    pub(crate) fn of_services(links: Arc<Values>) -> Self {
        Self {
            links,
            own: Values::new(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.own.get(name).or_else(|| self.links.get(name));
        value.map(String::as_str)
    }

    pub(crate) fn insert(&mut self, name: &str, value: String) {
        self.own.insert(name.to_owned(), value);
    }

    /// Gives a variable a value, if it has none.
    pub(crate) fn or_insert(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.insert(name, value.to_owned());
        }
    }

    /// Name and value of each, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let links = self
            .links
            .iter()
            .filter(|(name, _)| !self.own.contains_key(*name));
        links.chain(&self.own).map(|(name, value)| (&**name, &**value))
    }
}

impl PartialEq for Variables {
    fn eq(&self, other: &Self) -> bool {
        self.iter().collect::<BTreeMap<_, _>>() == other.iter().collect()
    }
}

impl Eq for Variables {}

impl From<Values> for Variables {
    fn from(own: Values) -> Self {
        Self {
            links: Arc::default(),
            own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_own_variables_win() {
        let links = [("A", "1"), ("B", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut variables = Variables::of_services(Arc::new(links.into()));
        variables.insert("B", "own".to_owned());
        variables.or_insert("A", "default");
        variables.or_insert("C", "default");
        let mut all: Vec<_> = variables.iter().collect();
        all.sort();
        assert_eq!(all, [("A", "1"), ("B", "own"), ("C", "default")]);
        for (name, value) in all {
            assert_eq!(variables.get(name), Some(value));
        }
    }
}
