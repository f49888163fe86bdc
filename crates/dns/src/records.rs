//! Answers to questions: records, or why there are none.

use std::collections::{BTreeSet, HashSet};
use std::mem::replace;
use std::net::IpAddr;

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::lookup::{Found, Host, Place, Target};
use crate::zone::{OWN_SERVICE, Zone};

/// How long an answer may be kept, in seconds: as CoreDNS has it.
const TTL: u32 = 5;
/// The version of the specification, and how long that may be kept.
const VERSION: (&str, u32) = ("1.1.0", 28_800);
/// How many names that stand for others are followed within the zone.
const MAX_ALIASES: usize = 11;

/// What is answered to a question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// `NoError` also when there are no records of the type that was asked for.
    pub code: ResponseCode,
    /// The records that were asked for.
    pub answers: Vec<Record>,
    /// When there are none: how long that may be relied on.
    pub authorities: Vec<Record>,
    /// The addresses of names in the answers.
    pub additionals: Vec<Record>,
}

impl Zone {
    /// What this zone knows; none when the question is about a name of somebody else's.
    pub fn answer(&self, query: &Query) -> Option<Answer> {
        let (name, kind) = (query.name(), query.query_type());
        let in_small_letters = name.to_lowercase();
        let place = Place::of(&in_small_letters, self.domain())?;
        // In the letters of the question.
        let zone = name.trim_to(place.zone);
        Some(match (kind, self.find(&place)) {
            (RecordType::SOA, Found::Apex) => positive(vec![self.soa(&zone)]),
            (RecordType::SOA, _) => self.no_data(&zone),
            (RecordType::NS, Found::Apex) => self.name_server(name),
            (RecordType::TXT, Found::Version) => {
                let text = RData::TXT(TXT::new(vec![VERSION.0.to_owned()]));
                positive(vec![Record::from_rdata(name.clone(), VERSION.1, text)])
            }
            (RecordType::TXT, Found::Targets(_) | Found::Alias(_)) => self.no_data(&zone),
            // CoreDNS doesn't look further when it is asked for texts.
            (RecordType::TXT, _) | (_, Found::Nothing | Found::Version) => self.no_such_name(&zone),
            (RecordType::PTR, Found::Address(names)) => {
                let data = |below: &str| RData::PTR(PTR(below_zone(below, self.domain())));
                let record = |below| Record::from_rdata(name.clone(), TTL, data(below));
                positive(names.into_iter().map(record).collect())
            }
            // Nor when it is asked for anything else of an address.
            (_, Found::Address(_)) => self.no_such_name(&zone),
            (RecordType::A | RecordType::AAAA, found) => {
                let records = match found {
                    Found::Alias(target) => self.aliases(name, target, kind),
                    found => self.addresses(name, kind, &found),
                };
                self.or_no_data(records, Vec::new(), &zone)
            }
            (RecordType::SRV, Found::Targets(targets)) => self.services(name, &zone, &targets),
            (RecordType::CNAME, Found::Alias(target)) => positive(vec![alias(name, target)]),
            _ => self.no_data(&zone),
        })
    }

    /// It is known by its service's name.
    fn name_server(&self, zone: &Name) -> Answer {
        let (namespace, service) = OWN_SERVICE;
        let addresses = self.own_addresses();
        let server = if addresses.is_empty() {
            below_zone("ns.dns", zone)
        } else {
            below_zone(&format!("{service}.{namespace}.svc"), self.domain())
        };
        let record = Record::from_rdata(zone.clone(), TTL, RData::NS(NS(server.clone())));
        Answer {
            additionals: addresses.iter().map(|ip| address(&server, *ip)).collect(),
            ..positive(vec![record])
        }
    }

    /// From name to name until there are addresses, or somebody else's name. A chain that comes to nothing is nothing.
    fn aliases(&self, name: &Name, target: &Name, kind: RecordType) -> Vec<Record> {
        let mut records = Vec::new();
        let (mut name, mut target) = (name.clone(), target.clone());
        while records.len() < MAX_ALIASES {
            records.push(alias(&name, &target));
            let in_small_letters = target.to_lowercase();
            let Some(place) = Place::of(&in_small_letters, self.domain()) else {
                return records;
            };
            match self.find(&place) {
                Found::Alias(next) => name = replace(&mut target, next.clone()),
                found => {
                    let addresses = self.addresses(&target, kind, &found);
                    return if addresses.is_empty() {
                        addresses
                    } else {
                        [records, addresses].concat()
                    };
                }
            }
        }
        Vec::new()
    }

    fn addresses(&self, name: &Name, kind: RecordType, found: &Found<'_>) -> Vec<Record> {
        let wanted = |address: &IpAddr| address.is_ipv4() == (kind == RecordType::A);
        let addresses: BTreeSet<IpAddr> = match found {
            Found::Server => self.own_addresses().iter().copied().filter(wanted).collect(),
            Found::Targets(targets) => targets
                .iter()
                .map(|target| target.address)
                .filter(wanted)
                .collect(),
            _ => return Vec::new(),
        };
        addresses.into_iter().map(|ip| address(name, ip)).collect()
    }

    /// Each host and port, with its share of the load.
    fn services(&self, name: &Name, zone: &Name, targets: &[Target<'_>]) -> Answer {
        let weight = u16::try_from(100 / targets.len().max(1))
            .unwrap_or_default()
            .max(1);
        let (mut told, mut told_addresses) = (HashSet::new(), HashSet::new());
        let (mut answers, mut additionals) = (Vec::new(), Vec::new());
        for target in targets {
            let Some(port) = target.port else {
                continue;
            };
            let host = target.host.below(zone);
            if told.insert((target.host, port)) {
                let service = RData::SRV(SRV::new(0, weight, port, host.clone()));
                answers.push(Record::from_rdata(name.clone(), TTL, service));
            }
            if told_addresses.insert((target.host, target.address)) {
                additionals.push(address(&host, target.address));
            }
        }
        self.or_no_data(answers, additionals, zone)
    }

    fn or_no_data(&self, answers: Vec<Record>, additionals: Vec<Record>, zone: &Name) -> Answer {
        if answers.is_empty() {
            return self.no_data(zone);
        }
        Answer {
            additionals,
            ..positive(answers)
        }
    }

    fn no_data(&self, zone: &Name) -> Answer {
        Answer {
            authorities: vec![self.soa(zone)],
            ..Answer::default()
        }
    }

    fn no_such_name(&self, zone: &Name) -> Answer {
        Answer {
            code: ResponseCode::NXDomain,
            ..self.no_data(zone)
        }
    }

    fn soa(&self, zone: &Name) -> Record {
        let [server, author] = ["ns.dns", "hostmaster"].map(|label| below_zone(label, zone));
        let soa = SOA::new(server, author, self.serial(), 7200, 1800, 86_400, TTL);
        Record::from_rdata(zone.clone(), TTL, RData::SOA(soa))
    }
}

impl Host<'_> {
    fn below(&self, zone: &Name) -> Name {
        let name = match self {
            Self::Service(service, namespace) => format!("{service}.{namespace}.svc"),
            Self::Endpoint(endpoint, service, namespace) => format!("{endpoint}.{service}.{namespace}.svc"),
            Self::Pod(pod, namespace) => format!("{pod}.{namespace}.pod"),
        };
        below_zone(&name, zone)
    }
}

/// Names of Kubernetes' objects are short enough to be put in front of a zone.
fn below_zone(name: &str, zone: &Name) -> Name {
    let name =
        Name::from_labels(name.split('.').map(str::as_bytes)).and_then(|name| name.append_domain(zone));
    name.unwrap_or_else(|_| zone.clone())
}

fn alias(name: &Name, target: &Name) -> Record {
    Record::from_rdata(name.clone(), TTL, RData::CNAME(CNAME(target.clone())))
}

fn positive(answers: Vec<Record>) -> Answer {
    Answer {
        answers,
        ..Answer::default()
    }
}

fn address(name: &Name, address: IpAddr) -> Record {
    let data = match address {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    };
    Record::from_rdata(name.clone(), TTL, data)
}
