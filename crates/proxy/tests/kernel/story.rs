//! Any story of services and pods: who answers is whom a naive reading of the objects says, and the kernel's maps
//! hold what a plan says that begins anew.

use std::io::ErrorKind;
use std::net::SocketAddr;

use podlab_kernel::conntrack::Protocol;
use podlab_kernel::maps::Maps;
use podlab_proxy::elements::TABLE;
use podlab_proxy::plan::Plan;
use podlab_proxy::transaction::Transaction;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::lab::{Lab, NODE_NAME, ranges};
use crate::model::{Cluster, PODS, SERVICES, Shape, Step};

crate::tests![
    any_story_is_answered_as_a_naive_reading_says,
    who_terminates_and_is_not_ready_answers_if_published,
    who_terminates_and_is_not_ready_answers_nobody_otherwise,
    a_proxy_that_died_in_the_middle_of_a_change_is_followed_by_one_that_completes_it,
];

fn step() -> impl Strategy<Value = Step> {
    let shape = (0..4u8, any::<[bool; 5]>()).prop_map(
        |(selector, [affinity, turns, local, not_ready_too, exchanged])| Shape {
            selector,
            affinity,
            turns,
            local,
            not_ready_too,
            exchanged,
        },
    );
    prop_oneof![
        4 => (0..SERVICES, shape).prop_map(|(name, shape)| Step::Service { name, shape }),
        1 => (0..SERVICES).prop_map(Step::NoService),
        6 => (0..PODS, 0..4u8, prop::bool::weighted(0.8))
            .prop_map(|(name, labels, ready)| Step::Pod { name, labels, ready }),
        2 => (0..PODS).prop_map(Step::Terminate),
        1 => (0..PODS).prop_map(Step::NoPod),
        1 => Just(Step::NewProxy),
        1 => Just(Step::NoTable),
    ]
}

fn any_story_is_answered_as_a_naive_reading_says() {
    let config = Config {
        cases: 6,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    };
    let stories = prop::collection::vec(step(), 8..24);
    let result = TestRunner::new(config).run(&stories, |steps| {
        let mut cluster = Cluster::new();
        for (number, step) in steps.iter().enumerate() {
            cluster.take(step);
            // Not after each: changes shall also come in twos and threes.
            if number % 3 != 1 {
                cluster.settle();
                cluster.check_maps();
                cluster.check_answers();
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn a_proxy_that_died_in_the_middle_of_a_change_is_followed_by_one_that_completes_it() {
    let config = Config {
        cases: 8,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    };
    let (before, last) = (
        prop::collection::vec(step(), 4..12),
        prop::collection::vec(step(), 1..8),
    );
    let result = TestRunner::new(config).run(&(before, last, any::<prop::sample::Index>()), |story| {
        let (before, last, moment) = story;
        let mut cluster = Cluster::new();
        cluster.settle();
        cluster.lab.stop_proxy();
        let mut watch = cluster.lab.store.watch();
        let mut plan = Plan::new(NODE_NAME.to_owned(), ranges());
        let mut next_change = |cluster: &mut Cluster, steps: &[Step]| {
            for step in steps.iter().filter(|step| step.is_of_objects()) {
                cluster.take(step);
            }
            cluster.controllers.run();
            while let Some(event) = watch.try_next() {
                plan.record(&event);
            }
            plan.commit()
        };
        // What the proxy has loaded already.
        next_change(&mut cluster, &[]);
        let whole = next_change(&mut cluster, &before);
        make(&cluster.lab, &whole, |parts| parts);
        let broken = next_change(&mut cluster, &last);
        make(&cluster.lab, &broken, |parts| moment.index(parts + 1));
        cluster.lab.restart_proxy();
        cluster.settle();
        cluster.check_maps();
        cluster.check_answers();
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// As the proxy makes a change: rules, elements, rules. Only the first `how_many` of so many parts.
fn make(lab: &Lab, change: &Transaction, how_many: impl Fn(usize) -> usize) {
    let mut elements = change.changes();
    let parts = how_many(elements.len() + 2);
    let (first, last) = (parts > 0, parts > elements.len() + 1);
    elements.truncate(parts.saturating_sub(1));
    let rules = |is_made: bool, rules: String| {
        if is_made && !rules.is_empty() {
            lab.nft().load(&rules).unwrap();
        }
    };
    rules(first, change.rules_before());
    Maps::open(&lab.node, TABLE).unwrap().change(elements).unwrap();
    rules(last, change.rules_after());
}

/// The answer of a service whose only pod terminates, and isn't ready.
fn answer_of_the_unready(not_ready_too: bool) -> Result<SocketAddr, ErrorKind> {
    let shape = Shape {
        not_ready_too,
        ..Shape::PLAIN
    };
    let mut cluster = Cluster::new();
    for step in [
        Step::Service { name: 0, shape },
        Step::Pod {
            name: 1,
            labels: 0,
            ready: false,
        },
        Step::Terminate(1),
    ] {
        cluster.take(&step);
    }
    cluster.settle();
    let to = SocketAddr::new(cluster.cluster_ip(0).unwrap(), 80);
    cluster.answer(Protocol::Tcp, to)
}

fn who_terminates_and_is_not_ready_answers_if_published() {
    assert!(answer_of_the_unready(true).is_ok());
}

fn who_terminates_and_is_not_ready_answers_nobody_otherwise() {
    assert_eq!(answer_of_the_unready(false), Err(ErrorKind::ConnectionRefused));
}
