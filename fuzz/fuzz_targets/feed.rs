//! Any lines on the name server's standard input: the zone still answers, and what is deleted is gone.
#![no_main]

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use libfuzzer_sys::fuzz_target;
use podlab_dns::fuzzing::take;
use podlab_dns::responder::{Response, Transport, respond};
use podlab_dns::zone::Zone;

const QUESTIONS: &[(&str, RecordType)] = &[
    ("web.default.svc.cluster.local.", RecordType::A),
    ("_http._tcp.web.default.svc.cluster.local.", RecordType::SRV),
    ("10.0.96.10.in-addr.arpa.", RecordType::PTR),
];

fuzz_target!(|text: &str| {
    let mut zone = Zone::new(Name::from_ascii("cluster.local.").expect("it is a name"));
    for line in text.lines() {
        let _ = take(line, &mut zone);
    }
    for (name, kind) in QUESTIONS {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).expect("it is a name"), *kind));
        let bytes = question.to_vec().expect("it is a message");
        let response = respond(&zone, &bytes, Transport::Udp);
        assert_ne!(response, Response::None);
        let answer = response.alone().expect("a question has an answer");
        Message::from_vec(&answer).expect("an answer is a message");
    }
});
