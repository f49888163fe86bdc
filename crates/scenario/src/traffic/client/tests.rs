//! Exchanges with servers on loopback that behave, and that don't.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use tokio::net::TcpListener;

use super::*;

const PATIENCE: Duration = Duration::from_millis(300);

/// A TCP server that reads the first bytes that come, gives `answer`, and closes; or keeps silent if `silent`.
async fn server(answer: &'static str, silent: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        let request = String::from_utf8_lossy(&buffer[..length]);
        let _ = stream
            .write_all(answer.replace("{request}", &request).as_bytes())
            .await;
        if silent {
            std::future::pending::<()>().await;
        }
    });
    address
}

async fn ask(target: SocketAddr, payload: Payload<'_>) -> Seen {
    let socket = socket(target, payload.protocol()).unwrap();
    exchange(socket, target, payload, PATIENCE).await.0
}

fn http() -> HttpSpec {
    HttpSpec {
        to: String::new(),
        port: None,
        method: None,
        path: None,
        headers: BTreeMap::new(),
        body: None,
        json: None,
    }
}

fn answered(status: impl Into<Option<u16>>, body: &str) -> Seen {
    Seen::Answered {
        status: status.into(),
        body: body.into(),
    }
}

/// What a request looks like, in lower case, and whom it went to.
async fn request_of(spec: HttpSpec) -> (SocketAddr, String) {
    let target = server("HTTP/1.1 200 OK\r\n\r\n{request}", false).await;
    let Seen::Answered { body, .. } = ask(target, Payload::Http(&spec)).await else {
        panic!("no answer");
    };
    (target, String::from_utf8(body).unwrap().to_lowercase())
}

#[tokio::test]
async fn a_request_is_what_the_step_says() {
    let (target, request) = request_of(http()).await;
    assert_eq!(
        request,
        format!("get / http/1.1\r\nhost: {target}\r\nconnection: close\r\n\r\n")
    );

    let spec = HttpSpec {
        method: Some("PUT".into()),
        path: Some("/a?b=c".into()),
        headers: BTreeMap::from([("Host".into(), "shop.example".into())]),
        json: Some(serde_json::json!({"a": 1})),
        ..http()
    };
    let (_, request) = request_of(spec).await;
    assert_eq!(
        request,
        "put /a?b=c http/1.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         host: shop.example\r\ncontent-length: 7\r\n\r\n{\"a\":1}"
    );
}

#[tokio::test]
async fn what_an_http_server_does_is_seen() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let cases = [
        ("HTTP/1.1 204 No Content\r\n\r\n", false, answered(204, "")),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
            true,
            answered(404, "no"),
        ),
        ("", true, Seen::TimedOut),
        (half, true, Seen::TimedOut),
    ];
    for (answer, silent, seen) in cases {
        let target = server(answer, silent).await;
        assert_eq!(ask(target, Payload::Http(&http())).await, seen, "{answer}");
    }
    for answer in ["", "SSH-2.0-OpenSSH\r\n", half] {
        let target = server(answer, false).await;
        let seen = ask(target, Payload::Http(&http())).await;
        assert!(matches!(seen, Seen::Broken(_)), "{answer}: {seen:?}");
    }
}

#[tokio::test]
async fn a_tcp_answer_is_read_until_it_ends_or_falls_silent() {
    let hello = Payload::Tcp(Some("hello"));
    let cases = [
        (
            "you said {request}",
            false,
            hello,
            answered(None, "you said hello"),
        ),
        ("220 ready", true, hello, answered(None, "220 ready")),
        ("", true, hello, Seen::TimedOut),
        ("", true, Payload::Tcp(None), answered(None, "")),
    ];
    for (answer, silent, payload, seen) in cases {
        let target = server(answer, silent).await;
        assert_eq!(ask(target, payload).await, seen, "{answer}");
    }
}

#[tokio::test]
async fn a_datagram_is_answered_or_not() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = socket.local_addr().unwrap();
    let echo = async {
        let mut buffer = [0; 64];
        let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
        socket.send_to(&buffer[..length], client).await.unwrap();
    };
    let (seen, ()) = tokio::join!(ask(target, Payload::Udp("ping")), echo);
    assert_eq!(seen, answered(None, "ping"));
    assert_eq!(ask(target, Payload::Udp("ping")).await, Seen::TimedOut);
}

#[tokio::test]
async fn where_nobody_listens_the_refusal_is_immediate() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = free.local_addr().unwrap();
    drop(free);
    let start = Instant::now();
    assert_eq!(ask(target, Payload::Tcp(None)).await, Seen::Refused);
    assert_eq!(ask(target, Payload::Http(&http())).await, Seen::Refused);
    assert_eq!(ask(target, Payload::Udp("")).await, Seen::Refused);
    assert!(start.elapsed() < PATIENCE);
}
