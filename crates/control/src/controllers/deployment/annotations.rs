//! What a deployment writes on its sets: their places in its history, and for how many replicas they were sized.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Of a set: when its template became the deployment's, counted in templates. Of a deployment: that of its set.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
/// The revisions that a set was before, with commas.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many replicas the deployment wanted when the set was sized.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many pods the deployment could have then.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// What a deployment says of itself only.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];
/// How long a history gets, in characters.
const HISTORY_SIZE: usize = 2_000;

/// An annotation that is a number.
pub(super) fn number<T: std::str::FromStr>(metadata: &ObjectMeta, name: &str) -> Option<T> {
    metadata.annotations.as_ref()?.get(name)?.parse().ok()
}

/// The revision of a set; 0 for one that has none.
pub(super) fn revision(metadata: &ObjectMeta) -> i64 {
    number(metadata, REVISION).unwrap_or_default()
}

/// What the deployment's newest set has: the deployment's own annotations, and a revision of at least `revision`.
pub(super) fn mark_newest(deployment: &ObjectMeta, set: &mut ObjectMeta, next: i64) {
    let before = revision(set);
    let annotations = set.annotations.get_or_insert_default();
    let own = deployment.annotations.iter().flatten();
    let copied = own.filter(|(name, _)| !NOT_COPIED.contains(&name.as_str()));
    annotations.extend(copied.map(|(name, value)| (name.clone(), value.clone())));
    if before >= next {
        return;
    }
    if let Some(before) = annotations.insert(REVISION.to_owned(), next.to_string()) {
        remember(annotations, before);
    }
}

fn remember(annotations: &mut BTreeMap<String, String>, revision: String) {
    let history = annotations.entry(HISTORY.to_owned()).or_default();
    if !history.is_empty() {
        history.push(',');
    }
    history.push_str(&revision);
    while history.len() > HISTORY_SIZE
        && let Some((_, newer)) = history.split_once(',')
    {
        *history = newer.to_owned();
    }
}

/// Writes down for how many replicas a set was sized.
pub(super) fn mark_size(set: &mut ObjectMeta, desired: i32, max: i32) {
    let annotations = set.annotations.get_or_insert_default();
    annotations.insert(DESIRED.to_owned(), desired.to_string());
    annotations.insert(MAX.to_owned(), max.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(annotations: &[(&str, &str)]) -> ObjectMeta {
        let pairs = annotations.iter();
        ObjectMeta {
            annotations: Some(
                pairs
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            ),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_set_remembers_which_revisions_it_was() {
        let mut set = ObjectMeta::default();
        for (next, revision, history) in [
            (1, "1", None),
            (1, "1", None),
            (3, "3", Some("1")),
            (2, "3", Some("1")),
            (10, "10", Some("1,3")),
        ] {
            mark_newest(&ObjectMeta::default(), &mut set, next);
            let annotations = set.annotations.as_ref().unwrap();
            assert_eq!(annotations[REVISION], revision);
            assert_eq!(annotations.get(HISTORY).map(String::as_str), history);
        }
        for next in 11..2_000 {
            mark_newest(&ObjectMeta::default(), &mut set, next);
        }
        let history = &set.annotations.unwrap()[HISTORY];
        assert!(history.len() <= HISTORY_SIZE && history.ends_with(",1997,1998"));
    }

    #[test]
    fn a_set_says_why_it_came_but_not_what_is_the_deployments_own() {
        let deployment = with(&[
            ("kubernetes.io/change-cause", "a new image"),
            ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
            (REVISION, "7"),
        ]);
        let mut set = with(&[("kept", "yes"), ("kubernetes.io/change-cause", "the first")]);
        mark_newest(&deployment, &mut set, 8);
        let expected = with(&[
            ("kept", "yes"),
            ("kubernetes.io/change-cause", "a new image"),
            (REVISION, "8"),
        ]);
        assert_eq!(set, expected);
    }
}
