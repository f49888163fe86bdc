//! Answers to questions: records, or why there are none.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::lookup::{Found, Host, Target};
use crate::zone::Zone;

/// How long an answer may be kept, in seconds: as CoreDNS has it.
const TTL: u32 = 5;
/// The version of the specification, and how long that may be kept.
const VERSION: (&str, u32) = ("1.1.0", 28_800);
/// How many names that stand for others are followed within the zone.
const MAX_ALIASES: usize = 8;

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
        let name = query.name();
        if let Some(labels) = labels_below(self.domain(), name) {
            return Some(self.forward(&labels, query));
        }
        let reverse = ["in-addr.arpa.", "ip6.arpa."].map(|name| Name::from_ascii(name).ok());
        let zone = reverse.into_iter().flatten().find(|zone| zone.zone_of(name))?;
        Some(self.reverse(&zone, query))
    }

    fn forward(&self, labels: &[String], query: &Query) -> Answer {
        let name = query.name().clone();
        let kind = query.query_type();
        let record = |data| Record::from_rdata(name.clone(), TTL, data);
        match self.find(labels) {
            Found::Nothing => self.negative(ResponseCode::NXDomain, self.domain()),
            Found::Apex if kind == RecordType::SOA => positive(vec![self.soa(self.domain())]),
            Found::Apex if kind == RecordType::NS => {
                let server = self.below("ns.dns");
                let mut answer = positive(vec![record(RData::NS(NS(server.clone())))]);
                answer.additionals = self
                    .own_addresses()
                    .iter()
                    .map(|ip| address(&server, *ip))
                    .collect();
                answer
            }
            Found::Version if kind == RecordType::TXT => {
                let text = RData::TXT(TXT::new(vec![VERSION.0.to_owned()]));
                positive(vec![Record::from_rdata(name, VERSION.1, text)])
            }
            Found::Targets(targets) => match kind {
                RecordType::A | RecordType::AAAA => {
                    self.or_no_data(addresses(&name, kind, &targets), Vec::new())
                }
                RecordType::SRV => self.services(&name, &targets),
                _ => self.no_data(),
            },
            Found::Alias(target) => {
                let mut answers = vec![record(RData::CNAME(CNAME(target.clone())))];
                if kind != RecordType::CNAME {
                    self.follow(target, kind, &mut answers);
                }
                positive(answers)
            }
            Found::Empty | Found::Apex | Found::Version => self.no_data(),
        }
    }

    /// Adds what a name stands for, as far as this zone knows.
    fn follow(&self, first: &Name, kind: RecordType, answers: &mut Vec<Record>) {
        let mut name = first.clone();
        for _ in 0..MAX_ALIASES {
            let Some(labels) = labels_below(self.domain(), &name) else {
                return;
            };
            match self.find(&labels) {
                Found::Alias(next) => {
                    answers.push(Record::from_rdata(name, TTL, RData::CNAME(CNAME(next.clone()))));
                    name = next.clone();
                }
                Found::Targets(targets) => return answers.extend(addresses(&name, kind, &targets)),
                _ => return,
            }
        }
    }

    /// Each address's host, port, and share of the load.
    fn services(&self, name: &Name, targets: &[Target<'_>]) -> Answer {
        let named: Vec<_> = targets
            .iter()
            .filter(|target| target.name != Host::Nobody)
            .collect();
        let weight = u16::try_from(100 / named.len().max(1)).unwrap_or_default().max(1);
        let (mut answers, mut additionals) = (Vec::new(), Vec::new());
        for target in named {
            let host = match &target.name {
                Host::Service((namespace, service)) => self.below(&format!("{service}.{namespace}.svc")),
                Host::Endpoint(endpoint, (namespace, service)) => {
                    self.below(&format!("{endpoint}.{service}.{namespace}.svc"))
                }
                Host::Nobody => continue,
            };
            let service = RData::SRV(SRV::new(0, weight, target.port, host.clone()));
            push_new(&mut answers, Record::from_rdata(name.clone(), TTL, service));
            push_new(&mut additionals, address(&host, target.address));
        }
        self.or_no_data(answers, additionals)
    }

    fn reverse(&self, zone: &Name, query: &Query) -> Answer {
        let network = query.name().parse_arpa_name().ok();
        let single = network.filter(|network| network.prefix_len() == network.max_prefix_len());
        let names: Vec<&str> = single
            .iter()
            .flat_map(|network| self.names_of(network.addr()))
            .collect();
        if names.is_empty() {
            return self.negative(ResponseCode::NXDomain, zone);
        }
        if query.query_type() != RecordType::PTR {
            return self.negative(ResponseCode::NoError, zone);
        }
        let record = |name: &str| {
            let data = RData::PTR(PTR(self.below(name)));
            Record::from_rdata(query.name().clone(), TTL, data)
        };
        positive(names.into_iter().map(record).collect())
    }

    fn or_no_data(&self, answers: Vec<Record>, additionals: Vec<Record>) -> Answer {
        if answers.is_empty() {
            return self.no_data();
        }
        Answer {
            additionals,
            ..positive(answers)
        }
    }

    fn no_data(&self) -> Answer {
        self.negative(ResponseCode::NoError, self.domain())
    }

    fn negative(&self, code: ResponseCode, zone: &Name) -> Answer {
        Answer {
            code,
            authorities: vec![self.soa(zone)],
            ..Answer::default()
        }
    }

    fn soa(&self, zone: &Name) -> Record {
        let part = |label: &str| Name::from_ascii(label).and_then(|label| label.append_domain(zone));
        let [server, author] =
            ["ns.dns", "hostmaster"].map(|label| part(label).unwrap_or_else(|_| zone.clone()));
        let soa = SOA::new(server, author, self.serial(), 7200, 1800, 86_400, TTL);
        Record::from_rdata(zone.clone(), TTL, RData::SOA(soa))
    }

    /// A name of this zone. Those of Kubernetes' objects are short enough to be one.
    fn below(&self, name: &str) -> Name {
        let name = Name::from_ascii(name).and_then(|name| name.append_domain(self.domain()));
        name.unwrap_or_else(|_| self.domain().clone())
    }
}

fn positive(answers: Vec<Record>) -> Answer {
    Answer {
        answers,
        ..Answer::default()
    }
}

/// The labels in front of a domain, in small letters; none when the name isn't below it.
fn labels_below(domain: &Name, name: &Name) -> Option<Vec<String>> {
    let count = usize::from(name.num_labels()).checked_sub(domain.num_labels().into())?;
    let in_small_letters = |label: &[u8]| String::from_utf8_lossy(label).to_lowercase();
    domain
        .zone_of(name)
        .then(|| name.iter().take(count).map(in_small_letters).collect())
}

fn addresses(name: &Name, kind: RecordType, targets: &[Target<'_>]) -> Vec<Record> {
    let wanted = |address: &IpAddr| address.is_ipv4() == (kind == RecordType::A);
    let all = targets.iter().map(|target| target.address);
    let unique: BTreeSet<IpAddr> = all
        .filter(|_| matches!(kind, RecordType::A | RecordType::AAAA))
        .filter(wanted)
        .collect();
    unique.into_iter().map(|ip| address(name, ip)).collect()
}

fn address(name: &Name, address: IpAddr) -> Record {
    let data = match address {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    };
    Record::from_rdata(name.clone(), TTL, data)
}

fn push_new(records: &mut Vec<Record>, record: Record) {
    if !records.contains(&record) {
        records.push(record);
    }
}
