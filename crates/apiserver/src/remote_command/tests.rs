//! Programs as a client of WebSocket sees them, over the loopback interface.

mod spdy;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::{ExecOptions, Session, TerminalSize, exec};
use crate::loopback::{Socket, serve, websocket, within};

const BOTH: &str = "v5.channel.k8s.io, v4.channel.k8s.io";

/// What a program has.
struct Inside {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
}

fn session<F>(program: impl FnOnce(Inside) -> F) -> Session
where
    F: Future<Output = i32> + Send + 'static,
{
    let [(to_stdin, stdin), (from_stdout, stdout), (from_stderr, stderr)] =
        std::array::from_fn(|_| tokio::io::duplex(64 * 1024));
    let inside = Inside {
        stdin,
        stdout,
        stderr,
    };
    let ended = tokio::spawn(program(inside));
    Session {
        stdin: Some(Box::new(to_stdin)),
        stdout: Some(Box::new(from_stdout)),
        stderr: Some(Box::new(from_stderr)),
        resize: Box::new(|_| {}),
        exit: ended.map(|code| Ok(code.unwrap())).boxed(),
    }
}

/// A server that runs `program` for each who asks.
async fn server<F>(program: impl Fn(Inside) -> F + Clone + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = i32> + Send + 'static,
{
    serve(move |upgrade, query| {
        let program = program.clone();
        let start = async move || Ok::<_, io::Error>(session(program));
        exec(upgrade, ExecOptions::parse(query).unwrap().streams, start)
    })
    .await
}

async fn say(socket: &mut Socket, channel: u8, data: &[u8]) {
    let message = [&[channel], data].concat();
    socket.send(Message::Binary(message.into())).await.unwrap();
}

/// All that is still to come: each message's channel and text.
async fn rest(socket: &mut Socket) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        lines.push(match message {
            Message::Binary(bytes) => format!("{} {}", bytes[0], String::from_utf8_lossy(&bytes[1..])),
            Message::Close(Some(close)) => format!("close {}", u16::from(close.code)),
            other => format!("{other:?}"),
        });
    }
    lines
}

#[tokio::test]
async fn output_comes_first_then_the_status_then_the_end() {
    const SUCCESS: &str = r#"3 {"metadata":{},"status":"Success"}"#;
    const FAILURE: &str = concat!(
        r#"3 {"details":{"causes":[{"message":"7","reason":"ExitCode"}]},"#,
        r#""message":"command terminated with non-zero exit code: command terminated with exit code 7","#,
        r#""metadata":{},"reason":"NonZeroExitCode","status":"Failure"}"#
    );
    const OUT: &[&str] = &["1 ", "1 out"];
    // Nobody need read it.
    let talk = |code| {
        move |mut inside: Inside| async move {
            let _ = inside.stdout.write_all(b"out").await;
            sleep(Duration::from_millis(20)).await;
            let _ = inside.stderr.write_all(b"err").await;
            code
        }
    };
    let cases: [(&str, &str, i32, &[&str]); 5] = [
        ("stdout=1&stderr=1", BOTH, 0, &["1 ", "1 out", "2 err", SUCCESS]),
        (
            "stdout=1&stderr=1",
            "v4.channel.k8s.io",
            7,
            &["1 ", "1 out", "2 err", FAILURE],
        ),
        ("stdout=1&stderr=1&tty=1", BOTH, 7, &[OUT[0], OUT[1], FAILURE]),
        ("stderr=1", BOTH, 0, &["2 ", "2 err", SUCCESS]),
        ("stdin=1", BOTH, 0, &["3 ", SUCCESS]),
    ];
    for (query, protocols, code, expected) in cases {
        let server = server(talk(code)).await;
        let heard = within(async {
            let mut socket = websocket(server, query, protocols).await.unwrap();
            rest(&mut socket).await
        });
        assert_eq!(
            heard.await,
            [expected, &["close 1000"]].concat(),
            "{query} {protocols} {code}"
        );
    }
}

/// A program that says what it hears.
async fn cat(mut inside: Inside) -> i32 {
    tokio::io::copy(&mut inside.stdin, &mut inside.stdout)
        .await
        .unwrap();
    0
}

/// As many bytes, of which no two parts are alike.
fn noise(length: u32) -> Vec<u8> {
    (0..length.div_ceil(4))
        .flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes())
        .collect()
}

#[tokio::test]
async fn input_goes_in_and_output_comes_out_at_the_same_time_until_stdin_is_closed() {
    within(async {
        let server = server(cat).await;
        let socket = websocket(server, "stdin=1&stdout=1", BOTH).await.unwrap();
        let (mut sink, mut source) = socket.split();
        let all = noise(8_000_000);
        let input = all.clone();
        tokio::spawn(async move {
            for chunk in input.chunks(100_000) {
                let message = [&[0], chunk].concat();
                sink.send(Message::Binary(message.into())).await.unwrap();
            }
            sink.send(Message::Binary(vec![255, 0].into())).await.unwrap();
            sink
        });
        let mut output = Vec::new();
        while let Some(Ok(Message::Binary(message))) = source.next().await {
            if message[0] == 1 {
                output.extend_from_slice(&message[1..]);
            }
        }
        assert!(output == all, "{} bytes of {}", output.len(), all.len());
    })
    .await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    within(async {
        let server = server(|mut inside: Inside| async move {
            inside.stdout.write_all(&noise(20_000_000)).await.unwrap();
            0
        })
        .await;
        let mut socket = websocket(server, "stdout=1", BOTH).await.unwrap();
        sleep(Duration::from_millis(300)).await;
        let lengths = rest_lengths(&mut socket).await;
        assert_eq!(
            lengths,
            [20_000_000, r#"{"metadata":{},"status":"Success"}"#.len()]
        );
    })
    .await;
}

/// How much is still to come on channels 1 and 3.
async fn rest_lengths(socket: &mut Socket) -> [usize; 2] {
    let mut lengths = [0; 2];
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(message) = message {
            lengths[usize::from(message[0]) / 2] += message.len() - 1;
        }
    }
    lengths
}

#[tokio::test]
async fn text_is_input_as_well_and_what_is_for_other_channels_is_not() {
    within(async {
        let server = server(cat).await;
        let mut socket = websocket(server, "stdin=1&stdout=1", BOTH).await.unwrap();
        socket.send(Message::Text("\0hello".into())).await.unwrap();
        socket.send(Message::Binary(Vec::new().into())).await.unwrap();
        for channel in [0, 1, 3, 4, 5, 254] {
            say(&mut socket, channel, if channel == 0 { b"" } else { b"nobody" }).await;
        }
        say(&mut socket, 255, &[0]).await;
        assert_eq!(rest(&mut socket).await[..2], ["1 ", "1 hello"]);
    })
    .await;
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    within(async {
        let server = server(|mut inside: Inside| async move {
            inside.stdin.read_exact(&mut [0; 5]).await.unwrap();
            3
        })
        .await;
        let socket = websocket(server, "stdin=1", BOTH).await.unwrap();
        let (mut sink, mut source) = socket.split();
        let input = tokio::spawn(async move {
            let message = Message::Binary(vec![0; 32 * 1024].into());
            while sink.send(message.clone()).await.is_ok() {}
        });
        assert_eq!(source.next().await.unwrap().unwrap().into_data()[..], [3]);
        let status = source.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(status.contains("exit code 3"), "{status}");
        assert!(matches!(source.next().await, Some(Ok(Message::Close(_)))));
        input.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_program_goes_on_when_its_client_leaves() {
    for protocols in [BOTH, "v4.channel.k8s.io"] {
        within(async {
            let (ended, mut end) = mpsc::channel(1);
            let server = server(move |mut inside: Inside| {
                let ended = ended.clone();
                async move {
                    let mut input = Vec::new();
                    inside.stdin.read_to_end(&mut input).await.unwrap();
                    while inside.stdout.write_all(b"to nobody").await.is_ok() {}
                    ended.send(input).await.unwrap();
                    0
                }
            })
            .await;
            let mut socket = websocket(server, "stdin=1&stdout=1", protocols).await.unwrap();
            say(&mut socket, 0, b"all of it").await;
            socket.close(None).await.unwrap();
            assert_eq!(end.recv().await.unwrap(), b"all of it");
        })
        .await;
    }
}

#[tokio::test]
async fn a_silent_program_learns_that_nobody_reads_it_any_more() {
    within(async {
        let (hung_up, mut hang_ups) = mpsc::channel(1);
        let server = server(move |mut inside: Inside| {
            let hung_up = hung_up.clone();
            async move {
                // The other end of this pipe closes, as that of a terminal does.
                inside.stdout.read_to_end(&mut Vec::new()).await.unwrap();
                hung_up.send(()).await.unwrap();
                0
            }
        })
        .await;
        drop(websocket(server, "stdout=1&tty=1", BOTH).await.unwrap());
        hang_ups.recv().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn pings_are_answered_while_a_program_runs() {
    within(async {
        let server = server(cat).await;
        let mut socket = websocket(server, "stdin=1&stdout=1", BOTH).await.unwrap();
        socket.send(Message::Ping("?".into())).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap(),
            Message::Binary(vec![1].into())
        );
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("?".into()));
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_not_there_cannot_be_closed() {
    within(async {
        for message in [&[255][..], &[255, 5], &[255, 0, 0]] {
            let server = server(cat).await;
            let mut socket = websocket(server, "stdin=1&stdout=1", BOTH).await.unwrap();
            socket
                .send(Message::Binary(message.to_vec().into()))
                .await
                .unwrap();
            assert_eq!(rest(&mut socket).await, ["1 "], "{message:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_terminal_has_the_sizes_that_the_client_gives_it() {
    within(async {
        let (resized, mut sizes) = mpsc::unbounded_channel();
        let server = serve(move |upgrade, query| {
            let resized = resized.clone();
            let start = async move || {
                let resize = Box::new(move |size| resized.send(size).unwrap());
                Ok::<_, io::Error>(Session {
                    resize,
                    ..session(cat)
                })
            };
            exec(upgrade, ExecOptions::parse(query).unwrap().streams, start)
        })
        .await;
        let mut socket = websocket(server, "stdin=1&stdout=1&tty=1", BOTH).await.unwrap();
        say(&mut socket, 4, br#"{"Width":80,"Height":24}"#).await;
        say(&mut socket, 4, b"no size").await;
        say(&mut socket, 4, b"{\"Width\":132,\"Height\":43}\n").await;
        let mut next = async || {
            sizes
                .recv()
                .await
                .map(|TerminalSize { width, height }| (width, height))
        };
        assert_eq!(next().await, Some((80, 24)));
        assert_eq!(next().await, Some((132, 43)));
    })
    .await;
}

#[tokio::test]
async fn what_prevents_a_program_is_told() {
    within(async {
        let server = serve(|upgrade, query| {
            let start = async || Err("container \"web\" is not running");
            exec(upgrade, ExecOptions::parse(query).unwrap().streams, start)
        })
        .await;
        let mut socket = websocket(server, "stdout=1", BOTH).await.unwrap();
        let why = r#"error executing command in container: container \"web\" is not running"#;
        let status = format!(
            r#"3 {{"code":500,"details":{{"causes":[{{"message":"{why}"}}]}},"message":"Internal error occurred: {why}","metadata":{{}},"reason":"InternalError","status":"Failure"}}"#
        );
        assert_eq!(rest(&mut socket).await, ["1 ", &status, "close 1000"]);
    })
    .await;
}

#[tokio::test]
async fn other_protocols_are_refused_and_nothing_is_started() {
    within(async {
        let server = serve(|upgrade, query| {
            let start = async || -> io::Result<Session> { panic!("started") };
            exec(upgrade, ExecOptions::parse(query).unwrap().streams, start)
        })
        .await;
        let refused = websocket(server, "stdout=1", "v3.channel.k8s.io")
            .await
            .unwrap_err();
        let why = "unable to upgrade: unable to negotiate protocol: client supports [v3.channel.k8s.io], \
                   server accepts [v5.channel.k8s.io v4.channel.k8s.io]";
        assert_eq!(refused, (403, why.to_owned()));
    })
    .await;
}
