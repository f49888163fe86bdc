//! Asks a name server as a pod's resolver does: name by name of its search list.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use podlab_api::scenario;
use podlab_kernel::conntrack::Protocol;
use podlab_kernel::netns::Netns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

use super::Seen;
use super::client::{failure, socket};

const PORT: u16 = 53;

/// What a resolv.conf says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolver {
    server: Option<SocketAddr>,
    search: Vec<String>,
    /// A name with fewer dots is first tried with the search list.
    dots: usize,
}

impl Resolver {
    pub(super) fn new(resolv_conf: &str) -> Self {
        let mut resolver = Self {
            server: None,
            search: Vec::new(),
            dots: 1,
        };
        for line in resolv_conf.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address: Option<IpAddr> = words.next().and_then(|address| address.parse().ok());
                    let server = address.map(|address| SocketAddr::new(address, PORT));
                    resolver.server = resolver.server.or(server);
                }
                Some("search") => resolver.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let dots = words.find_map(|option| option.strip_prefix("ndots:")?.parse().ok());
                    resolver.dots = dots.unwrap_or(resolver.dots);
                }
                _ => {}
            }
        }
        resolver
    }

    /// Whom it asks.
    pub(super) fn server(&self) -> Option<IpAddr> {
        self.server.map(|server| server.ip())
    }

    /// The names that are asked for, in order, until one is there.
    fn names(&self, name: &str) -> Vec<String> {
        let absolute = format!("{}.", name.trim_end_matches('.'));
        if name.ends_with('.') {
            return vec![absolute];
        }
        let mut names: Vec<String> = self
            .search
            .iter()
            .map(|domain| format!("{absolute}{}.", domain.trim_end_matches('.')))
            .collect();
        if name.matches('.').count() >= self.dots {
            names.insert(0, absolute);
        } else {
            names.push(absolute);
        }
        names
    }

    /// The answer about the first of the names that is there; otherwise about the first.
    pub(super) async fn resolve(&self, from: &Netns, name: &str, kind: scenario::RecordType) -> Seen {
        let Some(server) = self.server else {
            return Seen::Broken("there is no name server in its resolv.conf".to_owned());
        };
        let names = match name.parse::<IpAddr>() {
            Ok(address) if kind == scenario::RecordType::PTR => vec![Name::from(address).to_string()],
            _ => self.names(name),
        };
        let mut seen = None;
        for name in names {
            let asked = match question(&name, kind) {
                Ok(question) => ask(from, server, &question).await,
                Err(error) => return Seen::Broken(error.to_string()),
            };
            match asked {
                Ok(answer) if answer.metadata.response_code == ResponseCode::NoError => return told(&answer),
                // That a later one isn't the server's to answer says nothing new.
                Ok(answer) => drop(seen.get_or_insert_with(|| told(&answer))),
                Err(error) => return failure(&error),
            }
        }
        seen.unwrap_or_else(|| Seen::Broken(format!("{name:?} can't be a name")))
    }
}

fn question(name: &str, kind: scenario::RecordType) -> io::Result<Message> {
    let kind = RecordType::from_str(&format!("{kind:?}")).map_err(io::Error::other)?;
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(
        Name::from_utf8(name).map_err(io::Error::other)?,
        kind,
    ));
    Ok(message)
}

/// By UDP, and what doesn't fit there by TCP.
async fn ask(from: &Netns, server: SocketAddr, question: &Message) -> io::Result<Message> {
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let udp = from.visit(|| socket(server, Protocol::Udp))?;
    let udp = UdpSocket::from_std(udp.into())?;
    udp.connect(server).await?;
    udp.send(&bytes).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let length = udp.recv(&mut buffer).await?;
    let answer = Message::from_vec(&buffer[..length]).map_err(io::Error::other)?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let tcp = from.visit(|| socket(server, Protocol::Tcp))?;
    let mut tcp = TcpSocket::from_std_stream(tcp.into()).connect(server).await?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    tcp.write_all(&[&length.to_be_bytes(), &bytes[..]].concat())
        .await?;
    let mut buffer = vec![0; tcp.read_u16().await?.into()];
    tcp.read_exact(&mut buffer).await?;
    Message::from_vec(&buffer).map_err(io::Error::other)
}

fn told(answer: &Message) -> Seen {
    let code = match answer.metadata.response_code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => other.to_string(),
    };
    let mut records: Vec<String> = answer.answers.iter().map(|record| text(&record.data)).collect();
    records.sort();
    Seen::Resolved { code, records }
}

/// As `dig +short` prints it.
fn text(data: &RData) -> String {
    match data {
        RData::TXT(text) => {
            let parts = text.txt_data.iter().map(|part| String::from_utf8_lossy(part));
            parts
                .map(|part| format!("{part:?}"))
                .collect::<Vec<_>>()
                .join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_ndots_says() {
        let resolver = Resolver::new(
            "search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:2\n",
        );
        assert_eq!(resolver.server, Some("10.96.0.10:53".parse().unwrap()));
        for (name, names) in [
            (
                "web",
                "web.default.svc.cluster.local. web.svc.cluster.local. web.",
            ),
            (
                "web.shop",
                "web.shop.default.svc.cluster.local. web.shop.svc.cluster.local. web.shop.",
            ),
            (
                "a.b.c",
                "a.b.c. a.b.c.default.svc.cluster.local. a.b.c.svc.cluster.local.",
            ),
            ("web.", "web."),
        ] {
            assert_eq!(resolver.names(name).join(" "), names);
        }
    }
}
