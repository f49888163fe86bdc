//! From a message to its answer.

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use crate::zone::Zone;

/// The largest datagram to clients that don't say what they can take (RFC 1035).
const PLAIN: u16 = 512;
/// The largest one to any: it passes every link whole (DNS Flag Day 2020).
const LARGEST: u16 = 1232;

/// The bit of a header's third byte that says that something was left out.
const TRUNCATED: u8 = 2;

/// The size of a record that says what EDNS has to.
const OPT: u16 = 11;

/// How a message came, and with it how large its answer can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// In a stream.
    Tcp,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// Nothing: it is no question.
    None,
    /// These bytes.
    Ready(Vec<u8>),
    /// It is about names that the zone doesn't have: somebody else may know, and otherwise these bytes.
    Foreign(Vec<u8>),
    /// It ends at somebody else's name, whose addresses they may know.
    Alias(Box<Unfinished>),
}

/// An answer whose last record is another name.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    answer: Message,
    limit: u16,
}

impl Response {
    /// The answer when there is nobody else to ask.
    pub fn alone(self) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::Ready(bytes) | Self::Foreign(bytes) => Some(bytes),
            Self::Alias(unfinished) => Some(unfinished.finish(None)),
        }
    }
}

impl Unfinished {
    /// Whether an answer is to a question for addresses, and has come to another name only.
    fn is_one(answer: &Message) -> bool {
        let kind = answer.queries.first().map(Query::query_type);
        let last = answer.answers.last().map(Record::record_type);
        matches!(kind, Some(RecordType::A | RecordType::AAAA)) && last == Some(RecordType::CNAME)
    }

    /// What somebody else is to be asked: for the addresses of the last name.
    pub fn question(&self) -> Vec<u8> {
        let mut question = Message::query();
        question.metadata.recursion_desired = true;
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST);
        question.edns = Some(edns);
        if let (
            Some(asked),
            Some(Record {
                data: RData::CNAME(CNAME(target)),
                ..
            }),
        ) = (self.answer.queries.first(), self.answer.answers.last())
        {
            question.add_query(Query::query(target.clone(), asked.query_type()));
        }
        question.to_vec().unwrap_or_default()
    }

    /// The whole answer, with what somebody else has said, as far as they could.
    pub fn finish(mut self, said: Option<&[u8]>) -> Vec<u8> {
        if let Some(said) = said.and_then(|bytes| Message::from_vec(bytes).ok()) {
            self.answer.metadata.truncation = said.metadata.truncation;
            self.answer.answers.extend(said.answers);
        }
        encode(self.answer, self.limit)
    }
}

/// A refusal as the word of a server that should have known, and couldn't be asked.
pub fn failure(mut refusal: Vec<u8>) -> Vec<u8> {
    if let Some(code) = refusal.get_mut(3) {
        *code = (*code & 0xf0) | u8::try_from(u16::from(ResponseCode::ServFail)).unwrap_or_default();
    }
    refusal
}

/// The answer of `zone` to the bytes of a message.
pub fn respond(zone: &Zone, message: &[u8], transport: Transport) -> Response {
    let request = match Message::from_vec(message) {
        Ok(request) if request.metadata.message_type == MessageType::Query => request,
        Err(_) if is_query(message) => return Response::Ready(unreadable(message)),
        _ => return Response::None,
    };
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata.recursion_desired = request.metadata.recursion_desired;
    response.metadata.checking_disabled = request.metadata.checking_disabled;
    if let [query] = &request.queries[..] {
        response.add_query(query.clone());
    }
    if let Some(edns) = &request.edns {
        let mut own = Edns::new();
        own.set_max_payload(LARGEST).set_dnssec_ok(edns.flags().dnssec_ok);
        response.edns = Some(own);
    }
    let mut foreign = false;
    response.metadata.response_code = match understood(&request) {
        Err(code) => code,
        Ok(query) => match zone.answer(query) {
            None => {
                foreign = true;
                ResponseCode::Refused
            }
            Some(answer) => {
                response.metadata.authoritative = true;
                response.answers = answer.answers;
                response.authorities = answer.authorities;
                response.additionals = answer.additionals;
                answer.code
            }
        },
    };
    let limit = match transport {
        Transport::Tcp => u16::MAX,
        Transport::Udp => request
            .edns
            .map_or(PLAIN, |edns| edns.max_payload().clamp(PLAIN, LARGEST)),
    };
    if foreign {
        return Response::Foreign(encode(response, limit));
    }
    if Unfinished::is_one(&response) {
        let answer = response;
        return Response::Alias(Box::new(Unfinished { answer, limit }));
    }
    Response::Ready(encode(response, limit))
}

/// The one question that can be answered, or why there is none.
fn understood(request: &Message) -> Result<&Query, ResponseCode> {
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Err(ResponseCode::BADVERS);
    }
    if request.metadata.op_code != OpCode::Query {
        return Err(ResponseCode::NotImp);
    }
    let [query] = &request.queries[..] else {
        return Err(ResponseCode::FormErr);
    };
    let is_transfer = matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR);
    if is_transfer || query.query_class() != DNSClass::IN {
        return Err(ResponseCode::Refused);
    }
    Ok(query)
}

/// What doesn't fit is left out: first what nobody asked for, then as much as must be, and the client comes again by
/// TCP.
fn encode(mut response: Message, limit: u16) -> Vec<u8> {
    if let Some(bytes) = whole(&response, limit) {
        return bytes;
    }
    response.additionals.clear();
    if let Some(bytes) = whole(&response, limit) {
        return bytes;
    }
    response.metadata.truncation = true;
    response.answers.truncate(fitting(&response, limit - OPT));
    response.to_vec().unwrap_or_default()
}

/// The bytes of a message, if all of it fits: the library cuts what is too large for any.
fn whole(response: &Message, limit: u16) -> Option<Vec<u8>> {
    let bytes = response.to_vec().ok()?;
    let is_cut = !response.metadata.truncation && bytes.get(2).is_some_and(|flags| flags & TRUNCATED != 0);
    (bytes.len() <= limit.into() && !is_cut).then_some(bytes)
}

/// How many answers have room.
fn fitting(response: &Message, room: u16) -> usize {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(room);
    // An error is of what doesn't fit behind the answers.
    let _ = response.emit(&mut encoder);
    bytes
        .get(6..8)
        .map_or(0, |count| u16::from_be_bytes([count[0], count[1]]).into())
}

/// Whether the header is that of a question, though what follows can't be read.
fn is_query(message: &[u8]) -> bool {
    message.len() >= 12 && message[2] & 0x80 == 0
}

/// A header only, with the question's number and operation.
fn unreadable(message: &[u8]) -> Vec<u8> {
    let number = u16::from_be_bytes([message[0], message[1]]);
    let operation = OpCode::from_u8((message[2] >> 3) & 0xf);
    let code = match operation {
        OpCode::Query => ResponseCode::FormErr,
        _ => ResponseCode::NotImp,
    };
    let mut error = Message::error_msg(number, operation, code);
    error.metadata.recursion_desired = message[2] & 1 == 1;
    error.to_vec().unwrap_or_default()
}
