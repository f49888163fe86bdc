//! What holds of all configurations.

use proptest::prelude::*;

use super::*;
use crate::patch::tests::any_json;

const KIND: Kind = Kind::Pod;

/// Some fields of a pod, of all forms that there are.
fn configuration() -> impl Strategy<Value = Value> {
    let names = || prop::sample::subsequence(vec!["a", "b", "c"], 0..=3).prop_shuffle();
    let text = || prop_oneof![Just("1"), Just("2")];
    let container = (text(), prop::option::of(names()), 0..3i64);
    let containers = (names(), prop::collection::vec(container, 3));
    let containers = containers.prop_map(|(names, containers)| {
        let containers = names.iter().zip(containers).map(|(name, (image, args, ports))| {
            let ports: Vec<Value> = (0..ports).map(|port| json!({"containerPort": port})).collect();
            json!({"name": name, "image": image, "args": args, "ports": ports})
        });
        containers.collect::<Value>()
    });
    let map = || prop::collection::btree_map(prop_oneof![Just("a"), Just("b")], text(), 0..3);
    let parts = (map(), names(), containers, prop::option::of(map()), any::<bool>());
    parts.prop_map(|(labels, finalizers, containers, selector, host_network)| {
        object(
            KIND,
            json!({
                "metadata": {"labels": labels, "finalizers": finalizers},
                "spec": {"containers": containers, "nodeSelector": selector, "hostNetwork": host_network},
            }),
        )
    })
}

fn force(live: Option<&Value>, applied: &Value, name: &str) -> Value {
    apply(live, applied, KIND, &manager(name), true, at(1)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn applying_twice_changes_nothing(a in configuration(), b in configuration(), c in configuration()) {
        let live = force(None, &a, "first");
        let live = force(Some(&live), &b, "second");
        let once = force(Some(&live), &c, "first");
        let again = apply(Some(&once), &c, KIND, &manager("first"), false, at(9));
        prop_assert_eq!(again, Ok(once));
    }

    #[test]
    fn what_is_applied_is_there(a in configuration(), b in configuration()) {
        let live = force(Some(&force(None, &a, "first")), &b, "second");
        let node = Node::of(KIND);
        let difference = compare(&canonical(b, node), &without_managed_fields(&live), node);
        prop_assert!(difference.modified.is_empty(), "{:?}", difference.modified.paths());
        prop_assert!(difference.removed.is_empty(), "{:?}", difference.removed.paths());
    }

    #[test]
    fn what_its_only_manager_leaves_out_is_gone(a in configuration(), b in configuration()) {
        let live = force(Some(&force(None, &a, "first")), &b, "first");
        let alone = force(None, &b, "first");
        let node = Node::of(KIND);
        let difference = compare(&without_managed_fields(&alone), &without_managed_fields(&live), node);
        prop_assert_eq!(difference, Comparison::default());
    }

    #[test]
    fn every_field_of_a_tracked_object_has_an_owner(a in configuration(), b in configuration()) {
        let mut old = canonical(a, Node::of(KIND));
        let mut b = canonical(b, Node::of(KIND));
        track(None, &mut old, KIND, &manager("first"), at(1));
        b["metadata"]["managedFields"] = managed_fields(&old).clone();
        track(Some(&old), &mut b, KIND, &manager("second"), at(2));
        let node = Node::of(KIND);
        let there = owned(&without_managed_fields(&b), node).difference(&never_owned());
        let all = Managed::read(managed_fields(&b), KIND).unwrap().all();
        let unowned = there.difference(&all);
        prop_assert!(unowned.is_empty(), "{:?}", unowned.paths());
    }

    #[test]
    fn nothing_is_too_strange(live in any_json(), applied in any_json(), a in configuration()) {
        let with = |value: &Value| change(&object(KIND, json!({})), json!({"spec": value, "metadata": {"labels": value}}));
        for live in [&live, &with(&live), &a] {
            for applied in [&applied, &with(&applied), &a] {
                let _ = apply(Some(live), applied, KIND, &manager("kubectl"), false, at(1));
                let mut new = applied.clone();
                track(Some(live), &mut new, KIND, &manager("kubectl"), at(1));
                track(None, &mut new, KIND, &manager("kubectl"), at(1));
                keep_times(live, &mut new, KIND);
            }
        }
    }
}
