//! Steps that send something: whom to, on which port, and what must be seen.

use std::net::IpAddr;
use std::time::Duration;

use super::reference::{self, Refused, invalid};
use super::step::{StepReader, kind_and_name};
use crate::object::{Kind, Object};
use crate::scenario::{DnsSpec, ExpectSpec, HttpSpec, Outcome, PortSpec, SocketSpec, StepSpec};
use crate::steps::{Expect, Records, Request, Source, SourceAddress, Target, Traffic};
use crate::suggest::suggest;

/// How long a try may take when the step doesn't say.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Fewer tries say nothing about how answers spread.
const ENOUGH: u32 = 20;

impl StepReader<'_> {
    pub(super) fn traffic(&mut self, spec: StepSpec) -> Option<Traffic> {
        let timeout = self
            .duration("timeout", spec.timeout.as_deref())
            .unwrap_or(TIMEOUT);
        let times = spec.times.unwrap_or(1);
        let from = self.sender(spec.from.as_deref(), spec.exec.is_some());
        let (protocol, request) = if let Some(http) = spec.http {
            ("http", self.http(http))
        } else if let Some(tcp) = spec.tcp {
            let send = tcp.send.clone();
            let to = self.socket("tcp", tcp);
            ("tcp", to.map(|(to, port)| Request::Tcp { to, port, send }))
        } else if let Some(udp) = spec.udp {
            let send = udp.send.clone().unwrap_or_default();
            let to = self.socket("udp", udp);
            ("udp", to.map(|(to, port)| Request::Udp { to, port, send }))
        } else if let Some(DnsSpec { name, type_ }) = spec.dns {
            if name.is_empty() {
                self.complain("dns.name", "Required value");
            } else if !can_be_asked_for(&name) {
                let rule =
                    "must be a name of at most 253 characters, with labels of 1 to 63 between its dots";
                self.complain("dns.name", &invalid(&name, rule));
            }
            let kind = type_.unwrap_or_default();
            ("dns", Some(Request::Dns { name, kind }))
        } else {
            let command = spec.exec.unwrap_or_default();
            if command.first().is_none_or(String::is_empty) {
                self.complain("exec", "Required value: a command and its arguments");
            }
            ("exec", Some(Request::Exec(command)))
        };
        let expect = self.expect(spec.expect.unwrap_or_default(), protocol, times);
        Some(Traffic {
            from: from?,
            request: request?,
            times,
            timeout,
            expect: expect?,
        })
    }

    fn sender(&mut self, from: Option<&str>, exec: bool) -> Option<Source> {
        let Some(text) = from else {
            let who = if exec {
                "pod/NAME or deployment/NAME"
            } else {
                "pod/NAME, deployment/NAME, node or outside"
            };
            self.complain("from", &format!("Required value: who sends: {who}"));
            return None;
        };
        let source = self.accept("from", reference::source(text, self.namespace()))?;
        match &source {
            Source::Pod(pod) => {
                let (kind, name) = kind_and_name(pod);
                self.exists("from", kind, name)?;
            }
            Source::Node | Source::Outside if exec => {
                self.complain(
                    "from",
                    &invalid(text, "exec runs in a pod: must be pod/NAME or deployment/NAME"),
                );
                return None;
            }
            Source::Node | Source::Outside => {}
        }
        Some(source)
    }

    fn http(&mut self, http: HttpSpec) -> Option<Request> {
        if let Some(path) = http.path.as_deref().filter(|path| !path.starts_with('/')) {
            self.complain("http.path", &invalid(path, "must begin with '/'"));
        }
        if let Some(method) = http.method.as_deref()
            && (method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            self.complain(
                "http.method",
                &invalid(method, "must be a method such as GET or POST"),
            );
        }
        if http.body.is_some() && http.json.is_some() {
            self.complain(
                "http.json",
                "Forbidden: a request has one body, and this one has `body` already",
            );
        }
        for name in http.headers.keys() {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                self.complain(
                    &format!("http.headers[{name}]"),
                    &invalid(name, "must be the name of a header field"),
                );
            }
        }
        let to = self.receiver("http.to", &http.to)?;
        let port = self.port("http", &to, http.port.as_ref())?;
        Some(Request::Http { to, port, http })
    }

    fn socket(&mut self, protocol: &str, socket: SocketSpec) -> Option<(Target, Option<PortSpec>)> {
        let to = self.receiver(&format!("{protocol}.to"), &socket.to)?;
        let port = self.port(protocol, &to, socket.port.as_ref())?;
        Some((to, port))
    }

    fn receiver(&mut self, field: &str, text: &str) -> Option<Target> {
        let target = self.accept(field, reference::target(text, self.namespace()))?;
        match &target {
            Target::Service(name) => {
                self.exists(field, Kind::Service, name)?;
            }
            Target::Pod(pod) => {
                let (kind, name) = kind_and_name(pod);
                self.exists(field, kind, name)?;
            }
            Target::Node | Target::Outside | Target::Address(_) => {}
        }
        Some(target)
    }

    /// The port as it is written, if the receiver can have it. The outer option: whether it is right.
    #[allow(clippy::option_option)]
    fn port(&mut self, action: &str, to: &Target, port: Option<&PortSpec>) -> Option<Option<PortSpec>> {
        let field = format!("{action}.port");
        match (to, port) {
            (_, Some(PortSpec::Number(0))) => {
                self.complain(&field, "Invalid value: 0: must be between 1 and 65535, inclusive");
                return None;
            }
            (_, Some(PortSpec::Number(_))) => {}
            (Target::Service(name), port) => {
                let Ok(Object::Service(service)) = self.known.find(Kind::Service, name) else {
                    return None;
                };
                let spec = service.spec.clone().unwrap_or_default();
                let checked = service_port(
                    &name.name,
                    spec.ports.as_deref().unwrap_or_default(),
                    action,
                    port,
                );
                self.accept(&field, checked)?;
            }
            (_, Some(PortSpec::Name(name))) => {
                let rule = "only a service's ports have names here: write the port's number";
                self.complain(&field, &invalid(name, rule));
                return None;
            }
            (_, None) if action != "http" => {
                self.complain(&field, "Required value: only a service has a port of its own");
                return None;
            }
            (_, None) => {}
        }
        Some(port.cloned())
    }

    /// Refuses expectations that a step of this kind can't fulfil.
    pub(super) fn refuse_expectations(&mut self, expect: &ExpectSpec, action: &str) {
        let http: &[&str] = &["http"];
        let pods: &[&str] = &["http", "tcp", "udp"];
        let network: &[&str] = &["http", "tcp", "udp", "dns"];
        let text: &[&str] = &["http", "tcp", "udp", "exec"];
        let traffic: &[&str] = super::step::TRAFFIC;
        let fields = [
            ("outcome", expect.outcome.is_some(), network),
            ("status", expect.status.is_some(), http),
            ("contains", !expect.contains.is_empty(), text),
            ("lacks", !expect.lacks.is_empty(), text),
            ("json", !expect.json.is_empty(), text),
            ("code", expect.code.is_some(), &["dns"]),
            ("records", expect.records.is_some(), &["dns"]),
            ("exitCode", expect.exit_code.is_some(), &["exec"]),
            ("latencyBelow", expect.latency_below.is_some(), traffic),
            ("answeredBy", !expect.answered_by.is_empty(), pods),
            ("distribution", expect.distribution.is_some(), pods),
            ("sourceAddress", expect.source_address.is_some(), pods),
            ("fields", !expect.fields.is_empty(), &["get"]),
            ("unchanged", !expect.unchanged.is_empty(), &["get"]),
        ];
        for (field, _, fit) in fields
            .into_iter()
            .filter(|(_, present, fit)| *present && !fit.contains(&action))
        {
            let message = format!("Forbidden: {action} has no {field}, only {} has", fit.join(", "));
            self.complain(&format!("expect.{field}"), &message);
        }
        let outcome = expect.outcome.unwrap_or_default();
        if outcome == Outcome::Answered {
            return;
        }
        for (field, present, _) in fields
            .iter()
            .filter(|(field, ..)| !matches!(*field, "outcome" | "latencyBelow"))
        {
            if *present {
                let message =
                    format!("Forbidden: there is no answer to look at when the outcome is {outcome:?}");
                self.complain(&format!("expect.{field}"), &message);
            }
        }
    }

    fn expect(&mut self, spec: ExpectSpec, action: &str, times: u32) -> Option<Expect> {
        self.refuse_expectations(&spec, action);
        if let Some(status) = spec.status.filter(|status| !(100..=599).contains(status)) {
            self.complain(
                "expect.status",
                &format!("Invalid value: {status}: must be between 100 and 599, inclusive"),
            );
        }
        for pointer in spec
            .json
            .keys()
            .filter(|pointer| !pointer.is_empty() && !pointer.starts_with('/'))
        {
            let rule = "must be a JSON pointer, which begins with '/', such as /items/0/name";
            self.complain(&format!("expect.json[{pointer}]"), &invalid(pointer, rule));
        }
        if let Some(distribution) = spec.distribution.filter(|_| times < ENOUGH) {
            let message = format!(
                "Invalid value: \"{distribution:?}\": needs at least {ENOUGH} tries, and times is {times}"
            );
            let help = "with times: 300 it makes a good test".to_owned();
            self.accept::<()>("expect.distribution", Err((message, Some(help))));
        }
        let latency_below = self.duration("expect.latencyBelow", spec.latency_below.as_deref());
        let mut answered_by = Vec::new();
        for (index, text) in spec.answered_by.iter().enumerate() {
            answered_by.extend(self.pod(&format!("expect.answeredBy[{index}]"), text));
        }
        let source_address = spec.source_address.map(|text| (source_address(&text), text));
        let source_address = match source_address {
            Some((None, text)) => {
                self.complain(
                    "expect.sourceAddress",
                    &invalid(&text, "must be client, node or an IP address"),
                );
                return None;
            }
            Some((address, _)) => address,
            None => None,
        };
        let records = spec.records.as_deref().map(|records| self.records(records));
        Some(Expect {
            code: spec.code.unwrap_or_default(),
            records,
            outcome: spec.outcome.unwrap_or_default(),
            status: spec.status,
            contains: spec.contains,
            lacks: spec.lacks,
            json: spec.json.into_iter().collect(),
            exit_code: spec.exit_code.unwrap_or(0),
            latency_below,
            answered_by,
            distribution: spec.distribution,
            source_address,
        })
    }
}

/// Whether a name, or an address, can be put into a question.
fn can_be_asked_for(name: &str) -> bool {
    let is_label = |label: &str| (1..=63).contains(&label.len()) && !label.contains(char::is_whitespace);
    let labels = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || (labels.len() <= 253 && labels.split('.').all(is_label))
}

impl StepReader<'_> {
    fn records(&mut self, texts: &[String]) -> Vec<Records> {
        let mut records = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let field = format!("expect.records[{index}]");
            let kind = text.split_once('/').map(|(kind, _)| kind);
            if kind.is_none_or(|kind| reference::kind_alone(kind).is_err()) {
                records.push(Records::Text(text.clone()));
                continue;
            }
            match self.receiver(&field, text) {
                Some(Target::Service(name)) => records.push(Records::Service(name)),
                Some(Target::Pod(pod)) => records.push(Records::Pods(pod)),
                _ => {}
            }
        }
        records
    }
}

fn source_address(text: &str) -> Option<SourceAddress> {
    match text {
        "client" => Some(SourceAddress::Client),
        "node" => Some(SourceAddress::Node),
        _ => text.parse::<IpAddr>().ok().map(SourceAddress::Address),
    }
}

/// Whether a service has the port that a step names, or any port of the protocol if it names none.
fn service_port(
    service: &str,
    ports: &[k8s_openapi::api::core::v1::ServicePort],
    action: &str,
    port: Option<&PortSpec>,
) -> Result<(), Refused> {
    let protocol = if action == "udp" { "UDP" } else { "TCP" };
    let speaks = |port: &&k8s_openapi::api::core::v1::ServicePort| port.protocol.as_deref() == Some(protocol);
    let Some(PortSpec::Name(name)) = port else {
        if ports.iter().any(|port| speaks(&port)) {
            return Ok(());
        }
        return Err((
            format!("Required value: service {service:?} has no {protocol} port"),
            None,
        ));
    };
    match ports.iter().find(|port| port.name.as_deref() == Some(name)) {
        Some(port) if speaks(&port) => Ok(()),
        Some(port) => {
            let spoken = port.protocol.as_deref().unwrap_or("TCP");
            Err((
                invalid(
                    name,
                    &format!("this port of service {service:?} is {spoken}, not {protocol}"),
                ),
                None,
            ))
        }
        None => {
            let names: Vec<&str> = ports.iter().filter_map(|port| port.name.as_deref()).collect();
            let help = match suggest(name, names.iter().copied()) {
                Some(meant) => Some(format!("did you mean {meant:?}?")),
                None if names.is_empty() => {
                    Some("its port has no name: write the number, or leave it out".to_owned())
                }
                None => Some(format!("its ports are {}", names.join(", "))),
            };
            Err((
                invalid(name, &format!("service {service:?} has no port of this name")),
                help,
            ))
        }
    }
}
