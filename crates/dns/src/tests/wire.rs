//! What messages look like, and what becomes of odd ones.

use hickory_proto::op::{Edns, OpCode};
use hickory_proto::rr::DNSClass;

use super::*;
use crate::responder::failure;

/// A cluster with a headless service of 200 endpoints, and one of a few with long names.
fn crowded() -> Zone {
    let many: Vec<String> = (0..200).map(|number| format!("10.244.1.{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let few: Vec<String> = (0..5)
        .map(|number| format!("10.244.2.{number} a-pod-with-quite-a-long-name-{number}"))
        .collect();
    let few: Vec<&str> = few.iter().map(String::as_str).collect();
    let headless = |name: &str| service(name, json!({"clusterIP": "None"}));
    let services = [
        headless("many.default"),
        headless("few.default"),
        cluster_ip("web.default", &["10.96.0.1"]),
    ];
    let slices = [
        slice("many.default", 1, &many, http()),
        slice("few.default", 1, &few, http()),
    ];
    zone(&cluster(&["default"], &services, &slices))
}

const MANY: &str = "many.default.svc.cluster.local. A";
const WEB: &str = "web.default.svc.cluster.local. A";

fn ask(request: &Message, transport: Transport) -> (Message, usize) {
    let bytes = ready(&request.to_vec().unwrap(), transport);
    (Message::from_vec(&bytes).unwrap(), bytes.len())
}

fn ready(request: &[u8], transport: Transport) -> Vec<u8> {
    match respond(&crowded(), request, transport) {
        Response::Ready(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn code(request: &Message) -> ResponseCode {
    ask(request, Transport::Udp).0.metadata.response_code
}

fn with_payload(question: &str, payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload);
    let mut request = request(question);
    request.edns = Some(edns);
    request
}

#[test]
fn an_answer_is_cut_to_what_the_client_takes() {
    let limits = [
        (None, 512),
        (Some(100), 512),
        (Some(900), 900),
        (Some(1232), 1232),
        (Some(4096), 1232),
    ];
    for (payload, limit) in limits {
        let request = payload.map_or_else(|| request(MANY), |payload| with_payload(MANY, payload));
        let (response, length) = ask(&request, Transport::Udp);
        assert!(length <= limit, "{length} bytes of {limit}");
        assert!(length + 64 > limit, "only {length} bytes of {limit}");
        assert!(response.metadata.truncation);
        assert_eq!(response.edns.is_some(), payload.is_some());
    }
    for request in [request(MANY), with_payload(MANY, 512)] {
        let (response, _) = ask(&request, Transport::Tcp);
        assert!(!response.metadata.truncation);
        assert_eq!(response.answers.len(), 200);
    }
}

/// With short names, the last answer that fits leaves hardly anything.
#[test]
fn there_is_room_for_edns() {
    let mut zone = Zone::new(Name::from_ascii("c.").unwrap());
    let many: Vec<String> = (0..200).map(|number| format!("10.244.1.{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    zone.set_namespace(&namespace("b"), true);
    zone.set_service(&service("a.b", json!({"clusterIP": "None"})), true);
    zone.set_slice(&slice("a.b", 1, &many, http()), true);
    for payload in 512..600 {
        let request = with_payload("a.b.svc.c. A", payload).to_vec().unwrap();
        let Response::Ready(bytes) = respond(&zone, &request, Transport::Udp) else {
            panic!("no answer");
        };
        assert!(bytes.len() <= usize::from(payload));
        assert!(Message::from_vec(&bytes).unwrap().edns.is_some());
    }
}

#[test]
fn what_nobody_asked_for_is_left_out_first() {
    let question = "few.default.svc.cluster.local. SRV";
    let (whole, length) = ask(&request(question), Transport::Tcp);
    assert!(length > 512);
    assert_eq!((whole.answers.len(), whole.additionals.len()), (5, 5));
    let (response, length) = ask(&request(question), Transport::Udp);
    assert!(length <= 512);
    assert!(!response.metadata.truncation);
    assert_eq!((response.answers.len(), response.additionals.len()), (5, 0));
}

#[test]
fn only_the_version_of_edns_that_there_is_is_spoken() {
    let mut request = with_payload(WEB, 4096);
    request.edns.as_mut().unwrap().set_version(1);
    let (response, _) = ask(&request, Transport::Udp);
    // The number is BADSIG's as well.
    assert_eq!(
        u16::from(response.metadata.response_code),
        u16::from(ResponseCode::BADVERS)
    );
    assert_eq!(response.edns.unwrap().version(), 0);
    assert!(response.answers.is_empty());
}

#[test]
fn edns_is_answered_with_edns() {
    let mut request = with_payload(WEB, 4096);
    request.edns.as_mut().unwrap().set_dnssec_ok(true);
    let edns = ask(&request, Transport::Udp).0.edns.unwrap();
    assert!(edns.flags().dnssec_ok);
    assert_eq!(edns.max_payload(), 1232);
    assert!(ask(&super::request(WEB), Transport::Udp).0.edns.is_none());
}

#[test]
fn transfers_and_other_classes_are_refused() {
    for kind in [RecordType::AXFR, RecordType::IXFR] {
        let mut request = request("cluster.local. SOA");
        request.queries[0].set_query_type(kind);
        for transport in [Transport::Udp, Transport::Tcp] {
            let (response, _) = ask(&request, transport);
            assert_eq!(response.metadata.response_code, ResponseCode::Refused);
            assert!(response.answers.is_empty());
        }
    }
    for class in [DNSClass::CH, DNSClass::HS, DNSClass::ANY, DNSClass::NONE] {
        let mut request = request(WEB);
        request.queries[0].set_query_class(class);
        assert_eq!(code(&request), ResponseCode::Refused);
    }
}

#[test]
fn only_questions_are_understood() {
    for operation in 1..16 {
        let mut request = request(WEB);
        request.metadata.op_code = OpCode::from_u8(operation);
        let (response, _) = ask(&request, Transport::Udp);
        assert_eq!(response.metadata.response_code, ResponseCode::NotImp);
        assert_eq!(response.metadata.op_code, OpCode::from_u8(operation));
        let mut cut = request.to_vec().unwrap();
        cut.truncate(20);
        let response = Message::from_vec(&ready(&cut, Transport::Udp)).unwrap();
        assert_eq!(response.metadata.response_code, ResponseCode::NotImp);
    }
}

#[test]
fn one_question_at_a_time() {
    let mut none = request(WEB);
    none.queries.clear();
    assert_eq!(code(&none), ResponseCode::FormErr);
    let mut two = request(WEB);
    two.add_query(two.queries[0].clone());
    assert_eq!(code(&two), ResponseCode::FormErr);
    let mut hundreds = request(WEB);
    hundreds.queries = vec![hundreds.queries[0].clone(); 300];
    let (response, length) = ask(&hundreds, Transport::Udp);
    assert_eq!(
        (response.metadata.response_code, length),
        (ResponseCode::FormErr, 12)
    );
}

#[test]
fn answers_and_runts_are_passed_over() {
    let answer = ready(&request(WEB).to_vec().unwrap(), Transport::Udp);
    let question = request(WEB).to_vec().unwrap();
    let mut is_answer = [0xff; 40];
    is_answer[2] = 0x80;
    let runts = (0..12).map(|length| &question[..length]);
    for message in runts.chain([&answer[..], &is_answer[..]]) {
        for transport in [Transport::Udp, Transport::Tcp] {
            assert_eq!(respond(&crowded(), message, transport), Response::None);
        }
    }
}

#[test]
fn garbage_after_a_header_is_told() {
    let mut whole = with_payload(WEB, 1232);
    whole.metadata.recursion_desired = true;
    let whole = whole.to_vec().unwrap();
    let cut = (13..whole.len()).map(|length| whole[..length].to_vec());
    let garbage = [&whole[..12], &[0xff; 30]].concat();
    for message in cut.chain([garbage]) {
        let response = ready(&message, Transport::Udp);
        assert_eq!(response.len(), 12);
        let response = Message::from_vec(&response).unwrap();
        assert_eq!(response.metadata.response_code, ResponseCode::FormErr);
        assert_eq!(response.metadata.id, 4711);
        assert!(response.metadata.recursion_desired);
    }
}

#[test]
fn names_of_others_are_foreign() {
    for question in [
        "example.com. A",
        "local. A",
        "notcluster.local. A",
        "arpa. PTR",
        "com. SOA",
    ] {
        let bytes = request(question).to_vec().unwrap();
        let Response::Foreign(refusal) = respond(&crowded(), &bytes, Transport::Udp) else {
            panic!("{question}");
        };
        let refusal = Message::from_vec(&refusal).unwrap();
        assert_eq!(refusal.metadata.id, 4711);
        assert_eq!(refusal.metadata.response_code, ResponseCode::Refused);
        assert!(!refusal.metadata.authoritative);
        assert_eq!(refusal.queries, request(question).queries);
    }
}

#[test]
fn the_header_is_kept_as_far_as_it_is_the_clients() {
    for (number, desired) in [(0, false), (1, true), (0xffff, false), (0xbeef, true)] {
        for question in [WEB, "nobody.default.svc.cluster.local. A", "cluster.local. AXFR"] {
            let mut request = request(question);
            request.metadata.id = number;
            request.metadata.recursion_desired = desired;
            request.metadata.checking_disabled = !desired;
            let (response, _) = ask(&request, Transport::Udp);
            assert_eq!(response.metadata.id, number);
            assert_eq!(response.metadata.recursion_desired, desired);
            assert_eq!(response.metadata.checking_disabled, !desired);
            assert!(!response.metadata.recursion_available);
        }
    }
}

#[test]
fn the_question_comes_back_letter_by_letter() {
    for name in [
        "wEb.DEfauLT.svC.CLusTER.LOcal.",
        "nOBody.default.SVC.cluster.local.",
        "CLUSTER.local.",
    ] {
        let request = request(&format!("{name} A")).to_vec().unwrap();
        let response = ready(&request, Transport::Udp);
        assert_eq!(response[12..request.len()], request[12..]);
    }
}

#[test]
fn labels_that_are_no_text_are_no_names() {
    let labels: [&[&[u8]]; 3] = [
        &[b"\xff", b"_tcp", b"web", b"default", b"svc"],
        &[b"_\xff", b"_tcp", b"web", b"default", b"svc"],
        &[b"10.244.0.1", b"default", b"pod"],
    ];
    for labels in labels {
        let all = labels.iter().copied().chain([&b"cluster"[..], b"local"]);
        let mut request = request(WEB);
        request.queries[0].set_name(Name::from_labels(all).unwrap());
        assert_eq!(code(&request), ResponseCode::NXDomain, "{labels:?}");
    }
}

/// A CNAME to somebody else's name, with what somebody else says of it.
#[test]
fn an_alias_is_finished_by_who_knows_its_target() {
    let zone = zone(&services::cluster());
    let asked = request("external.testns.svc.cluster.local. A");
    let Response::Alias(unfinished) = respond(&zone, &asked.to_vec().unwrap(), Transport::Udp) else {
        panic!("it isn't finished");
    };
    let question = Message::from_vec(&unfinished.question()).unwrap();
    assert_eq!(question.queries[0].to_string(), "ext.interwebs.test. IN A");
    let mut said = Message::response(question.metadata.id, OpCode::Query);
    let address = Name::from_ascii("ext.interwebs.test.").unwrap();
    let data = hickory_proto::rr::RData::A(std::net::Ipv4Addr::new(192, 0, 2, 1).into());
    said.add_answer(Record::from_rdata(address, 60, data));
    let finished = Message::from_vec(&unfinished.finish(Some(&said.to_vec().unwrap()))).unwrap();
    let rows: Vec<String> = finished.answers.iter().map(Record::to_string).collect();
    assert_eq!(
        rows,
        [
            "external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test.",
            "ext.interwebs.test. 60 IN A 192.0.2.1",
        ]
    );
    // Who comes again by TCP gets what there was no room for.
    let Response::Alias(unfinished) = respond(&zone, &asked.to_vec().unwrap(), Transport::Udp) else {
        panic!("it isn't finished");
    };
    said.metadata.truncation = true;
    let finished = Message::from_vec(&unfinished.finish(Some(&said.to_vec().unwrap()))).unwrap();
    assert!(finished.metadata.truncation);
    // Who asks for the CNAME itself, or for text, needs nobody else.
    for kind in ["CNAME", "TXT"] {
        let asked = request(&format!("external.testns.svc.cluster.local. {kind}"));
        let response = respond(&zone, &asked.to_vec().unwrap(), Transport::Udp);
        assert!(matches!(response, Response::Ready(_)), "{kind}");
    }
}

/// The most that a message can be is not much for a service of a thousand pods.
#[test]
fn the_largest_answers_end_where_they_say() {
    let mut zone = Zone::new(Name::from_ascii("cluster.local.").unwrap());
    zone.set_namespace(&namespace("default"), true);
    zone.set_service(&service("crowd.default", json!({"clusterIP": "None"})), true);
    for number in 0..50 {
        let endpoints: Vec<String> = (0..100).map(|last| format!("10.244.{number}.{last}")).collect();
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        zone.set_slice(&slice("crowd.default", number, &endpoints, http()), true);
    }
    for kind in ["A", "SRV"] {
        let asked = request(&format!("crowd.default.svc.cluster.local. {kind}"));
        let Response::Ready(bytes) = respond(&zone, &asked.to_vec().unwrap(), Transport::Tcp) else {
            panic!("it is all here");
        };
        let answer = Message::from_vec(&bytes).unwrap();
        let told = (answer.metadata.truncation, answer.answers.len());
        assert!(told.0 && told.1 > 500, "{kind}: {told:?}, {} bytes", bytes.len());
        // Nothing is left behind the last record: written again, it is as long.
        assert_eq!(answer.to_vec().unwrap().len(), bytes.len(), "{kind}");
    }
}

#[test]
fn who_cannot_be_asked_is_a_failure_and_no_refusal() {
    let zone = zone(&services::cluster());
    let asked = request("example.com. A").to_vec().unwrap();
    let Response::Foreign(refusal) = respond(&zone, &asked, Transport::Udp) else {
        panic!("it is somebody else's name");
    };
    let failed = Message::from_vec(&failure(refusal.clone())).unwrap();
    let refused = Message::from_vec(&refusal).unwrap();
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(
        (failed.metadata.id, failed.queries),
        (refused.metadata.id, refused.queries)
    );
}
