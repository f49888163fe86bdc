//! A server and clients of it, on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use axum::Extension;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::routing::{any, get};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

const API_SERVICE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));

/// A server that says who asks, talks on WebSockets, and can be slow.
struct Running {
    address: SocketAddr,
    pki: Arc<Pki>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<&'static str>>,
}

fn app() -> Router {
    let whoami = async |Extension(identity): Extension<Identity>| {
        format!("{} {}", identity.user, identity.groups.join(","))
    };
    let echo = async |mut socket: WebSocket| {
        while let Some(Ok(Message::Text(text))) = socket.recv().await {
            let _ = socket.send(Message::Text(text)).await;
        }
    };
    let slow = async || {
        sleep(Duration::from_millis(100)).await;
        "slow"
    };
    Router::new()
        .route("/whoami", get(whoami))
        .route("/slow", get(slow))
        .route("/never", get(async || sleep(Duration::from_secs(3600)).await))
        .route(
            "/echo",
            any(async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
        )
}

fn start() -> Running {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pki = Arc::new(Pki::new(API_SERVICE).unwrap());
    let (stop, stopped) = oneshot::channel();
    let served = pki.clone();
    let until = async {
        let _ = stopped.await;
        "stopped"
    };
    let task = tokio::spawn(async move { serve(listener, &served, app(), until).await });
    Running {
        address,
        pki,
        stop,
        task,
    }
}

/// A client that trusts the authority of `trusted`, and presents the administrator's certificate of `presented`.
fn client(trusted: &Pki, presented: Option<&Pki>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.authority.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match presented {
        None => builder.with_no_client_auth(),
        Some(pki) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pki.admin_certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(pki.admin_key.as_bytes()).unwrap(),
            )
            .unwrap(),
    }
}

async fn connect(address: SocketAddr, config: ClientConfig, name: &str) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Status code and body of an answer by HTTP/1.1.
async fn ask(running: &Running, config: ClientConfig, path: &str) -> (u16, String) {
    let mut stream = connect(running.address, config, "127.0.0.1").await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: podlab\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

#[tokio::test]
async fn the_administrator_is_known_by_the_certificate() {
    let running = start();
    let config = client(&running.pki, Some(&running.pki));
    let expected = "kubernetes-admin kubeadm:cluster-admins,system:authenticated".to_owned();
    assert_eq!(ask(&running, config, "/whoami").await, (200, expected));
}

#[tokio::test]
async fn others_are_answered_401() {
    let running = start();
    let another_cluster = Pki::new(API_SERVICE).unwrap();
    for presented in [None, Some(&another_cluster)] {
        for path in ["/whoami", "/livez", "/nothing"] {
            let (code, body) = ask(&running, client(&running.pki, presented), path).await;
            let expected = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
            });
            assert_eq!(code, 401);
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn the_server_is_known_by_all_its_names_and_no_other() {
    let running = start();
    let names = [
        "127.0.0.1",
        "::1",
        "10.96.0.1",
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    for name in names {
        let config = client(&running.pki, None);
        connect(running.address, config, name).await.expect(name);
    }
    for name in ["10.96.0.2", "kubernetes.default.svc.cluster", "example.com"] {
        let config = client(&running.pki, None);
        connect(running.address, config, name).await.expect_err(name);
    }
    let another_cluster = Pki::new(API_SERVICE).unwrap();
    let stranger = connect(running.address, client(&another_cluster, None), "localhost");
    stranger.await.expect_err("another authority");
}

#[tokio::test]
async fn http2_is_spoken_with_who_prefers_it() {
    let running = start();
    let mut config = client(&running.pki, Some(&running.pki));
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    let stream = connect(running.address, config, "localhost").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/whoami").body(Empty::<bytes::Bytes>::new());
    let answer = sender.send_request(request.unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"kubernetes-admin "), "{body:?}");
}

#[tokio::test]
async fn a_websocket_is_an_upgrade_of_http1() {
    let running = start();
    let config = client(&running.pki, Some(&running.pki));
    let mut stream = connect(running.address, config, "localhost").await.unwrap();
    let request = "GET /echo HTTP/1.1\r\nHost: podlab\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{answer:?}");
    // A text of two bytes, masked with zeros, and the same without a mask.
    stream.write_all(b"\x81\x82\0\0\0\0hi").await.unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(&frame, b"\x81\x02hi");
}

#[tokio::test]
async fn requests_that_are_under_way_come_to_their_end_and_others_are_cut_off() {
    let Running {
        address,
        pki,
        stop,
        task,
    } = start();
    let request = |path: &'static str| {
        let config = client(&pki, Some(&pki));
        async move {
            let mut stream = connect(address, config, "localhost").await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: podlab\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        }
    };
    let (mut slow, mut never) = (request("/slow").await, request("/never").await);
    // Until the requests are read.
    sleep(Duration::from_millis(20)).await;
    let start = Instant::now();
    stop.send(()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("slow"), "{answer}");
    assert_eq!(task.await.unwrap().unwrap(), "stopped");
    assert!(start.elapsed() < GRACE * 5, "{:?}", start.elapsed());
    let cut_off = never.read(&mut [0]).await;
    assert!(!matches!(cut_off, Ok(1..)), "{cut_off:?}");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn who_is_slow_is_sent_away() {
    let running = start();
    let start = tokio::time::Instant::now();
    let connect = async |presented| {
        let config = client(&running.pki, presented);
        connect(running.address, config, "localhost").await.unwrap()
    };
    let mut without_handshake = TcpStream::connect(running.address).await.unwrap();
    let mut unknown = connect(None).await;
    let mut known = connect(Some(&*running.pki)).await;
    known.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // Until that is read.
    sleep(Duration::from_millis(20)).await;
    tokio::time::pause();
    let sent_away = async |stream: &mut (dyn AsyncRead + Unpin + Send)| {
        // Either without a word, or with one of TLS.
        let _ = stream.read(&mut [0]).await;
        start.elapsed()
    };
    let soon = PATIENCE..PATIENCE * 2;
    assert!(soon.contains(&sent_away(&mut without_handshake).await));
    assert!(soon.contains(&sent_away(&mut unknown).await));
    assert!((HEAD..HEAD * 2).contains(&sent_away(&mut known).await));
}

#[tokio::test]
async fn large_heads_are_refused() {
    let running = start();
    let config = || client(&running.pki, Some(&running.pki));
    let large = format!("/whoami?{}", "a".repeat(60_000));
    assert_eq!(ask(&running, config(), &large).await.0, 200);
    let mut stream = connect(running.address, config(), "localhost").await.unwrap();
    let larger = format!(
        "GET / HTTP/1.1\r\nHost: podlab\r\nX: {}\r\n\r\n",
        "a".repeat(HEAD_SIZE)
    );
    stream.write_all(larger.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}
