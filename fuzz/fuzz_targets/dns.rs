//! Any bytes as a message to the name server: no answer is larger than allowed, none is to an answer, and each is one.
#![no_main]

use std::cell::LazyCell;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::Name;
use libfuzzer_sys::fuzz_target;
use podlab_dns::fuzzing::take;
use podlab_dns::responder::{Response, Transport, failure, respond};
use podlab_dns::zone::Zone;

thread_local! {
    static ZONE: LazyCell<Zone> = LazyCell::new(|| {
        let mut zone = Zone::new(Name::from_ascii("cluster.local.").expect("it is a name"));
        for line in include_str!("../zone.jsonl").lines() {
            take(line, &mut zone).expect("it is a change");
        }
        zone
    });
}

fuzz_target!(|message: &[u8]| {
    ZONE.with(|zone| {
        let edns = Message::from_vec(message).ok().and_then(|message| message.edns);
        let limit = edns.map_or(512, |edns| edns.max_payload().clamp(512, 1232));
        for (transport, limit) in [(Transport::Udp, limit), (Transport::Tcp, u16::MAX)] {
            let response = respond(zone, message, transport);
            match &response {
                Response::None => {}
                Response::Ready(answer) => check(message, answer, limit),
                Response::Foreign(answer) => {
                    check(message, answer, limit);
                    check(message, &failure(answer.clone()), limit);
                }
                Response::Alias(unfinished) => {
                    Message::from_vec(&unfinished.question()).expect("it is a question");
                    // What another server says is as strange as what a client does.
                    check(message, &unfinished.clone().finish(Some(message)), limit);
                    check(message, &unfinished.clone().finish(None), limit);
                }
            }
        }
    });
});

fn check(message: &[u8], answer: &[u8], limit: u16) {
    // QR: a response. Whoever answers these talks with another server for ever.
    assert!(message[2] & 0x80 == 0, "an answer is answered");
    assert!(answer.len() <= usize::from(limit), "{} > {limit}", answer.len());
    assert_eq!(answer[..2], message[..2]);
    let answer = Message::from_vec(answer).expect("an answer is a message");
    assert_eq!(answer.metadata.message_type, MessageType::Response);
}
