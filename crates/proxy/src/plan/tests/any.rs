//! What any story of a cluster's services comes to.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use podlab_kernel::maps::{Change, Fields};

use crate::elements::Key;
use crate::pick::Pick;

/// A change of a small cluster; its numbers choose from few names, so that changes meet.
#[derive(Debug, Clone)]
enum Step {
    SetService {
        name: u8,
        address: u8,
        ports: u8,
        wishes: u8,
    },
    RemoveService(u8),
    SetSlice {
        name: u8,
        service: u8,
        endpoints: Vec<(u8, u8)>,
    },
    RemoveSlice(u8),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    let endpoints = prop::collection::vec((0..6u8, 0..4u8), 0..5);
    prop_oneof![
        2 => (0..3u8, 0..5u8, 0..8u8, 0..8u8)
            .prop_map(|(name, address, ports, wishes)| Step::SetService { name, address, ports, wishes }),
        1 => (0..3u8).prop_map(Step::RemoveService),
        5 => (0..4u8, 0..3u8, endpoints).prop_map(|(name, service, endpoints)| Step::SetSlice { name, service, endpoints }),
        1 => (0..4u8).prop_map(Step::RemoveSlice),
        3 => Just(Step::Commit),
    ]
}

impl Follower {
    fn take(&self, step: &Step) {
        match step {
            Step::SetService {
                name,
                address,
                ports,
                wishes,
            } => {
                let name = format!("service-{name}");
                let address = if *address == 0 {
                    "None".to_owned()
                } else {
                    format!("10.96.0.{address}")
                };
                let services = self.store.list::<Service>();
                let is_taken = services.iter().any(|other| {
                    other.metadata.name.as_ref() != Some(&name)
                        && other.spec.as_ref().unwrap().cluster_ip.as_ref() == Some(&address)
                });
                // As the registry does: it gives an address to one service only.
                if !is_taken || address == "None" {
                    let is_wished = |bit: u8| wishes & bit != 0;
                    let order = if is_wished(1) { "RoundRobin" } else { "" };
                    self.set_annotated_service(
                        &name,
                        json!({ "podlab.dev/load-balancing": order }),
                        json!({
                            "clusterIP": address,
                            "ports": chosen_ports(*ports),
                            "sessionAffinity": if is_wished(2) { "ClientIP" } else { "None" },
                            "internalTrafficPolicy": if is_wished(4) { "Local" } else { "Cluster" },
                        }),
                    );
                }
            }
            Step::RemoveService(name) => {
                self.remove::<Service>(&format!("service-{name}"));
            }
            Step::SetSlice {
                name,
                service,
                endpoints,
            } => {
                let endpoints = endpoints.iter().map(|(byte, state)| {
                    let mut pod = match state {
                        0 => pod(*byte, false, false, false),
                        1 => pod(*byte, false, true, true),
                        _ => pod(*byte, true, true, false),
                    };
                    pod["nodeName"] = json!(format!("node-{}", 1 + byte % 2));
                    pod
                });
                let ports = chosen_ports(7);
                self.set_slice(
                    &format!("slice-{name}"),
                    &format!("service-{service}"),
                    ports,
                    endpoints.collect(),
                );
            }
            Step::RemoveSlice(name) => {
                self.remove::<EndpointSlice>(&format!("slice-{name}"));
            }
            Step::Commit => {}
        }
    }
}

fn chosen_ports(bits: u8) -> Value {
    let ports = [("TCP", 80), ("UDP", 80), ("TCP", 81)].into_iter().enumerate();
    ports
        .filter(|(bit, _)| bits & (1 << bit) != 0)
        .map(|(bit, (protocol, port))| json!({ "name": format!("port-{bit}"), "protocol": protocol, "port": port }))
        .collect()
}

/// What the kernel has.
#[derive(Default)]
struct Maps(HashMap<Key, Element>);

impl Maps {
    fn apply(&mut self, transaction: &Transaction) {
        for element in &transaction.delete {
            assert_eq!(
                self.0.remove(&element.key()).as_ref(),
                Some(element),
                "deleted, and not there"
            );
        }
        for element in &transaction.add {
            assert_eq!(
                self.0.insert(element.key(), element.clone()),
                None,
                "{element} added, and there already"
            );
        }
    }

    /// The elements in order, with the endpoints of a service in theirs: which slot or identity one has doesn't
    /// matter, as long as the slots have no gaps.
    fn normal(&self) -> (BTreeSet<Element>, BTreeMap<Frontend, BTreeSet<SocketAddr>>) {
        let (mut others, mut slots_of) = (BTreeSet::new(), BTreeMap::<_, BTreeMap<_, _>>::new());
        for element in self.0.values() {
            match element {
                Element::Identity {
                    frontend,
                    slot,
                    identity,
                } => {
                    let key = Key::Endpoint(*frontend, *identity);
                    let Some(Element::Endpoint { endpoint, .. }) = self.0.get(&key) else {
                        panic!("{element} is nobody's");
                    };
                    slots_of.entry(*frontend).or_default().insert(*slot, *endpoint);
                }
                Element::Endpoint {
                    frontend,
                    number,
                    endpoint,
                } if *number < 1 << 16 => {
                    slots_of.entry(*frontend).or_default().insert(*number, *endpoint);
                }
                Element::Endpoint { .. } => {}
                Element::ServiceIp {
                    frontend,
                    verdict: Verdict::Pick(Chain { pick, .. }),
                    name,
                } => {
                    // Whose number is which depends on who came first.
                    let verdict = Verdict::Pick(Chain {
                        number: 0,
                        pick: *pick,
                    });
                    others.insert(Element::ServiceIp {
                        frontend: *frontend,
                        verdict,
                        name: name.clone(),
                    });
                }
                other => drop(others.insert(other.clone())),
            }
        }
        let all = self
            .0
            .values()
            .filter(|element| matches!(element, Element::Endpoint { .. }))
            .count();
        assert_eq!(
            all,
            slots_of.values().map(BTreeMap::len).sum::<usize>(),
            "each has one slot"
        );
        let endpoints = slots_of.into_iter().map(|(frontend, slots)| {
            assert!((0..).take(slots.len()).eq(slots.keys().copied()), "{slots:?}");
            let Some(Element::ServiceIp {
                verdict: Verdict::Pick(Chain { pick, .. }),
                ..
            }) = self.0.get(&Key::ServiceIp(frontend))
            else {
                panic!("{frontend} has slots and no verdict");
            };
            assert_eq!(pick.endpoints, slots.len());
            let count = slots.len();
            let set: BTreeSet<_> = slots.into_values().collect();
            assert_eq!(set.len(), count, "an endpoint has two slots");
            (frontend, set)
        });
        let endpoints = endpoints.collect();
        (others, endpoints)
    }

    fn chains(&self) -> BTreeSet<Chain> {
        self.0.values().filter_map(chain_of).collect()
    }
}

/// The maps while a transaction is made, change by change.
struct Halfway {
    maps: HashMap<(&'static str, Fields), Option<Fields>>,
    /// Of each number, how it picks.
    picks: Vec<(Fields, Pick)>,
    frontends: BTreeSet<Frontend>,
    identities: BTreeSet<u32>,
}

impl Halfway {
    fn new(before: &Maps, after: &Maps) -> Self {
        let all = || before.0.values().chain(after.0.values());
        let picks = all().filter_map(chain_of);
        Self {
            maps: before
                .0
                .values()
                .map(|element| ((element.map(), element.key().fields()), element.content().value))
                .collect(),
            picks: picks
                .map(|Chain { number, pick }| (Fields::default().mark(number), pick))
                .collect(),
            frontends: all()
                .filter_map(|element| match element {
                    Element::ServiceIp { frontend, .. } => Some(*frontend),
                    _ => None,
                })
                .collect(),
            identities: all()
                .filter_map(|element| match element {
                    Element::Identity { identity, .. } => Some(*identity),
                    _ => None,
                })
                .collect(),
        }
    }

    fn take(&mut self, map: &'static str, change: Change) {
        match change {
            Change::Delete(key) => drop(self.maps.remove(&(map, key)).unwrap()),
            Change::Add(element) => assert_eq!(self.maps.insert((map, element.key), element.value), None),
            Change::Replace(element) => drop(self.maps.insert((map, element.key), element.value).unwrap()),
        }
    }

    /// Whatever a service leads to is there.
    fn check(&self) {
        for &frontend in &self.frontends {
            let Some(Some(number)) = self.get(Key::ServiceIp(frontend)) else {
                continue;
            };
            let Some((_, pick)) = self.picks.iter().find(|(known, _)| known == number) else {
                continue;
            };
            for slot in 0..u32::try_from(pick.endpoints).unwrap() {
                let number = if pick.stay.is_some() {
                    let identity = self.get(Key::Identity(frontend, slot)).cloned().flatten();
                    let is_it = |number: &&u32| Some(Fields::default().mark(**number)) == identity;
                    *self
                        .identities
                        .iter()
                        .find(is_it)
                        .expect("nobody is in this slot")
                } else {
                    slot
                };
                assert!(
                    self.get(Key::Endpoint(frontend, number)).is_some(),
                    "nobody is in slot {slot} of {frontend}"
                );
            }
        }
    }

    fn get(&self, key: Key) -> Option<&Option<Fields>> {
        let map = match key {
            Key::ServiceIp(_) => "service-ips",
            Key::Identity(..) => "identities",
            _ => "endpoints",
        };
        self.maps.get(&(map, key.fields()))
    }
}

/// Of each UDP service, who serves it: whatever the policy, and also to their last.
type Udp = BTreeMap<SocketAddr, BTreeSet<SocketAddr>>;

impl Follower {
    fn udp(&self) -> Udp {
        let mut serving = Udp::new();
        for service in self.store.list::<Service>() {
            let spec = service.spec.clone().unwrap();
            let Ok(address) = spec.cluster_ip.unwrap().parse() else {
                continue;
            };
            let ports = spec.ports.into_iter().flatten();
            for port in ports.filter(|port| port.protocol.as_deref() == Some("UDP")) {
                let frontend = SocketAddr::new(address, port.port.try_into().unwrap());
                let mut pods = BTreeSet::new();
                for slice in self.store.list::<EndpointSlice>() {
                    let of = &slice.metadata.labels.as_ref().unwrap()[SERVICE_NAME];
                    let endpoints = slice
                        .endpoints
                        .iter()
                        .filter(|_| service.metadata.name.as_ref() == Some(of));
                    let serves = |it: &&k8s_openapi::api::discovery::v1::Endpoint| {
                        it.conditions.as_ref().unwrap().serving == Some(true)
                    };
                    pods.extend(
                        endpoints
                            .filter(serves)
                            .map(|it| SocketAddr::new(it.addresses[0].parse().unwrap(), frontend.port())),
                    );
                }
                serving.insert(frontend, pods);
            }
        }
        serving
    }
}

/// Flows are looked at when somebody has stopped serving, and only with those who serve now in mind.
fn check_udp(told: &Udp, before: &Udp, after: &Udp) {
    let none = BTreeSet::new();
    for (service, serving) in told {
        assert_eq!(serving, after.get(service).unwrap_or(&none), "{service}");
    }
    for (service, serving) in before {
        let is_stale = !serving.is_subset(after.get(service).unwrap_or(&none));
        assert!(!is_stale || told.contains_key(service), "{service}");
    }
}

proptest! {
    #[test]
    fn any_story_ends_where_a_new_plan_begins(steps in prop::collection::vec(step(), 1..40)) {
        let mut cluster = Follower::new();
        let mut maps = Maps::default();
        let mut chains = BTreeSet::new();
        let mut udp = BTreeMap::new();
        for step in steps.iter().chain([&Step::Commit]) {
            cluster.take(step);
            if matches!(step, Step::Commit) {
                let transaction = cluster.commit();
                for chain in &transaction.add_chains {
                    prop_assert!(chains.insert(*chain), "{} is there already", chain.pick.chain());
                }
                let before = Maps(maps.0.clone());
                maps.apply(&transaction);
                let mut halfway = Halfway::new(&before, &maps);
                for (map, change) in transaction.changes() {
                    halfway.take(map, change);
                    halfway.check();
                }
                let now = cluster.udp();
                check_udp(&transaction.udp, &udp, &now);
                udp = now;
                for chain in &transaction.delete_chains {
                    prop_assert!(chains.remove(chain), "{} isn't there", chain.pick.chain());
                }
                let needed = maps.chains();
                prop_assert!(needed.is_subset(&chains));
                let left: Vec<_> = chains.difference(&needed).filter(|chain| chain.pick.turns.is_some()).collect();
                prop_assert!(left.is_empty(), "left over: {left:?}");
                let mut anew = Maps::default();
                anew.apply(&Follower::of(cluster.store.clone()).commit());
                prop_assert_eq!(maps.normal(), anew.normal());
            }
        }
    }
}
