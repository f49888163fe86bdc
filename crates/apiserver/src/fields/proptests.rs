//! What holds of all sets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Element, Path, Set};

fn element() -> impl Strategy<Value = Element> {
    prop_oneof![
        "[abc]".prop_map(Element::field),
        (0..3i64).prop_map(|port| Element::key([("port".to_owned(), json!(port))])),
        (0..3i64).prop_map(|value| Element::value(json!(value))),
        (0..3i64).prop_map(Element::index),
    ]
}

fn paths() -> impl Strategy<Value = BTreeSet<Path>> {
    prop::collection::btree_set(prop::collection::vec(element(), 1..4).prop_map(Path), 0..12)
}

fn set(paths: &BTreeSet<Path>) -> Set {
    paths.iter().cloned().collect()
}

proptest! {
    #[test]
    fn the_algebra_is_that_of_sets_of_paths(a in paths(), b in paths()) {
        prop_assert_eq!(set(&a).union(&set(&b)), set(&(&a | &b)));
        prop_assert_eq!(set(&a).intersection(&set(&b)), set(&(&a & &b)));
        prop_assert_eq!(set(&a).difference(&set(&b)), set(&(&a - &b)));
        let is_outside = |path: &&Path| !b.iter().any(|other| path.0.starts_with(&other.0));
        let outside: BTreeSet<Path> = a.iter().filter(is_outside).cloned().collect();
        prop_assert_eq!(set(&a).outside(&set(&b)), set(&outside));
    }

    #[test]
    fn a_set_has_the_paths_that_it_was_made_of(a in paths(), other in element()) {
        let set = set(&a);
        prop_assert_eq!(set.paths().into_iter().collect::<BTreeSet<_>>(), a.clone());
        prop_assert!(a.iter().all(|path| set.contains(path)));
        let other = Path(vec![other]);
        prop_assert_eq!(set.contains(&other), a.contains(&other));
        prop_assert_eq!(set.is_empty(), a.is_empty());
    }

    #[test]
    fn a_set_is_read_as_it_was_written(a in paths()) {
        let set = set(&a);
        prop_assert_eq!(Set::from_fields_v1(&set.to_fields_v1()), Ok(set));
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written(number in -5i32..5) {
        let (integer, float) = (Element::value(json!(number)), Element::value(json!(f64::from(number))));
        prop_assert_eq!(integer, float);
        prop_assert!(Element::value(json!(u64::MAX)) > Element::value(json!(u64::MAX - 1)));
        let (null, object) = (Element::value(Value::Null), Element::value(json!({})));
        prop_assert!(null > object);
    }
}
