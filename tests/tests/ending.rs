//! A built-in server that is told to end serves those who are on their way to it, and finishes what it has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podlab_tests::{Running, User, podlab, until};

const ASKED: &str = "GET /here HTTP/1.1\r\nhost: echo\r\n\r\n";

/// An echo server on free ports of the loopback: for HTTP, and for lines.
fn echo() -> (Running, u16, u16) {
    let free = [(); 2].map(|()| std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
    let [http, lines] = free.map(|it| it.local_addr().expect("its address").port());
    let mut command = podlab(User::all()[0]);
    command.args(["workload", "echo", "--http-port", &http.to_string()]);
    let child = command
        .args(["--tcp-port", &lines.to_string()])
        .stdout(Stdio::null())
        .spawn();
    let echo = Running(child.expect("podlab runs"));
    until("it listens", || connect(http).and(connect(lines)).is_some());
    (echo, http, lines)
}

fn connect(port: u16) -> Option<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let patience = Some(Duration::from_secs(10));
    stream.set_read_timeout(patience).expect("a time");
    Some(BufReader::new(stream))
}

/// Asks, and returns the head of the answer.
fn ask(stream: &mut BufReader<TcpStream>) -> String {
    stream.get_mut().write_all(ASKED.as_bytes()).expect("it is sent");
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).expect("an answer"), 0, "{head}");
        let last = head.lines().next_back().unwrap_or_default();
        if let Some(value) = last.strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
    }
    stream.read_exact(&mut vec![0; length]).expect("the body");
    head
}

fn end(child: &Child) {
    let pid = i32::try_from(child.id()).expect("a number");
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is told to end");
}

#[test]
fn who_is_on_the_way_is_served_and_told_to_go() {
    let (mut echo, http, lines) = echo();
    let mut kept = connect(http).expect("a connection");
    assert!(!ask(&mut kept).contains("connection: close"));
    let mut talk = connect(lines).expect("a connection");
    let mut line = String::new();
    talk.get_mut().write_all(b"before\n").expect("it is sent");
    talk.read_line(&mut line).expect("it comes back");

    end(&echo.0);
    let told = Instant::now();
    let mut late = None;
    until("who comes late is told so", || {
        let mut stream = connect(http).expect("a connection is taken still");
        let told = ask(&mut stream).contains("connection: close\r\n");
        late = Some(stream);
        told
    });
    let mut late = late.expect("a connection");
    assert!(ask(&mut kept).contains("connection: close\r\n"));
    for stream in [&mut late, &mut kept] {
        assert_eq!(stream.read(&mut [0]).expect("it is closed in order"), 0);
    }
    // Whoever sends all the time sees the end of the connection, and no break.
    loop {
        talk.get_mut().write_all(b"more\n").expect("it is taken");
        line.clear();
        match talk.read_line(&mut line).expect("it is closed in order") {
            0 => break,
            _ => assert_eq!(line, "more\n"),
        }
    }
    talk.get_mut().write_all(b"unheard\n").expect("it is taken");
    assert_eq!(talk.read(&mut [0]).expect("no break"), 0);
    drop(talk);
    assert!(echo.0.wait().expect("it ends").success());
    assert!(told.elapsed() < Duration::from_secs(9), "{:?}", told.elapsed());
    assert!(connect(http).is_none());
}

#[test]
fn who_stays_is_not_waited_for_without_end() {
    let (mut echo, _, lines) = echo();
    let _stays = connect(lines).expect("a connection");
    end(&echo.0);
    let told = Instant::now();
    assert!(echo.0.wait().expect("it ends").success());
    assert!(told.elapsed() > Duration::from_secs(5), "{:?}", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(60), "{:?}", told.elapsed());
}
