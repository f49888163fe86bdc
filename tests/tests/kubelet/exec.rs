//! Commands in containers, as `kubectl exec` and `kubectl cp` run them.

use std::time::Duration;

use podlab_api::object::Kind;
use podlab_cluster::kubelet::exec::{Pipes, Session, Streams, WindowSize};
use podlab_cluster::kubelet::logs::LogOptions;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lab::{ALL, Lab, name, pod, script, words};

podlab_tests::tests![
    &Lab;
    the_container_is_chosen,
    who_takes_a_name_over_is_another,
    streams_come_and_go_whole,
    a_command_ends_with_its_session,
    exit_codes_are_those_of_shells,
    errors_are_those_of_kubernetes,
    a_terminal_is_one,
    a_terminal_shows_everything,
];

fn sleeper(name: &str) -> serde_json::Value {
    pod(name, &[script("main", "exec sleep 1000")])
}

fn the_container_is_chosen(lab: &Lab) {
    let mut two = pod(
        "two",
        &[
            script("web", "exec sleep 1000"),
            script("proxy", "exec sleep 1000"),
        ],
    );
    for (container, color) in [(0, "blue"), (1, "red")] {
        two["spec"]["containers"][container]["env"] = json!([{"name": "COLOR", "value": color}]);
    }
    lab.start(two.clone());
    let color = |container| {
        let session = lab.exec(
            "two",
            container,
            &["sh", "-c", "echo $COLOR"],
            Streams::Pipes(Pipes::OUTPUT),
        );
        let mut text = String::new();
        lab.wait(session.stdout.unwrap().read_to_string(&mut text))
            .unwrap();
        text
    };
    assert_eq!(color(None), "blue\n");
    assert_eq!(color(Some("web")), "blue\n");
    assert_eq!(color(Some("proxy")), "red\n");
    two["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/default-container": "proxy"});
    lab.apply(Kind::Pod, two);
    assert_eq!(color(None), "red\n");
}

/// The second comes while the kubelet is still taking the first down.
fn who_takes_a_name_over_is_another(lab: &Lab) {
    for number in ["1", "2", "3", "4"] {
        let mut heir = pod("heir", &[script("main", "echo $NUMBER; exec sleep 1000")]);
        heir["spec"]["containers"][0]["env"] = json!([{"name": "NUMBER", "value": number}]);
        lab.start(heir);
        let seen = lab.printed("heir", &["sh", "-c", "echo $NUMBER"]);
        assert_eq!(seen.trim(), number);
        lab.eventually(|| lab.logs("heir", &LogOptions::default()) == Ok(format!("{number}\n")));
        lab.delete(Kind::Pod, "heir");
    }
}

fn streams_come_and_go_whole(lab: &Lab) {
    lab.start(sleeper("copy"));
    let sent: Vec<u8> = (0..20_000_000_u32)
        .map(|number| (number.wrapping_mul(7) >> 3) as u8)
        .collect();
    let Session {
        stdin,
        stdout,
        stderr,
        exit,
        ..
    } = lab.exec("copy", None, &["sh", "-c", "tee /dev/stderr; exit 3"], ALL);
    let (mut stdin, mut stdout, mut stderr) = (stdin.unwrap(), stdout.unwrap(), stderr.unwrap());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    lab.wait(async {
        let write = async {
            stdin.write_all(&sent).await.unwrap();
            drop(stdin);
        };
        let read_out = async { stdout.read_to_end(&mut out).await.unwrap() };
        let read_err = async { stderr.read_to_end(&mut err).await.unwrap() };
        tokio::join!(write, read_out, read_err);
        assert_eq!(exit.await, 3);
    });
    assert!(
        out == sent && err == sent,
        "{} and {} bytes",
        out.len(),
        err.len()
    );

    // Who reads late gets all as well: the exit code doesn't wait, nor does it take anything away.
    let session = lab.exec("copy", None, &["sh", "-c", "echo out; echo err >&2"], ALL);
    assert_eq!(lab.wait(session.exit), 0);
    let (mut out, mut err) = (String::new(), String::new());
    lab.wait(session.stdout.unwrap().read_to_string(&mut out))
        .unwrap();
    lab.wait(session.stderr.unwrap().read_to_string(&mut err))
        .unwrap();
    assert_eq!((&*out, &*err), ("out\n", "err\n"));

    let nothing = Streams::Pipes(Pipes {
        stdin: false,
        stdout: false,
        stderr: false,
    });
    let session = lab.exec("copy", None, &["sh", "-c", "cat; echo; echo >&2"], nothing);
    assert!(session.stdin.is_none() && session.stdout.is_none() && session.stderr.is_none());
    assert_eq!(lab.wait(session.exit), 0);
}

fn a_command_ends_with_its_session(lab: &Lab) {
    lab.start(sleeper("leave"));
    // By their last argument, as the kernel keeps it.
    let script = "grep -lsaz '^99[01]$' /proc/[0-9]*/cmdline | wc -l";
    let count = |expected| lab.eventually(|| lab.printed("leave", &["sh", "-c", script]).trim() == expected);
    for streams in [ALL, Streams::Terminal] {
        let session = lab.exec(
            "leave",
            None,
            &["sh", "-c", "sleep 990 & sleep 991; echo"],
            streams,
        );
        count("2");
        drop(session);
        count("0");
    }
}

fn exit_codes_are_those_of_shells(lab: &Lab) {
    lab.start(sleeper("codes"));
    for (command, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        assert_eq!(
            lab.run("codes", &["sh", "-c", command]).exit_code,
            code,
            "{command}"
        );
    }
}

fn errors_are_those_of_kubernetes(lab: &Lab) {
    lab.start(sleeper("errors"));
    lab.apply(
        Kind::Pod,
        json!({"metadata": {"name": "waits"}, "spec": {"containers": [{
            "name": "main", "image": "any", "command": ["true"], "envFrom": [{"configMapRef": {"name": "never"}}],
        }]}}),
    );
    lab.until("waits", |pod| pod["status"]["podIP"].is_string());
    let start = "failed to exec in container: unable to start container process";
    let cases = [
        (
            "nobody",
            None,
            &["true"][..],
            "pods \"nobody\" not found".to_owned(),
        ),
        (
            "errors",
            Some("no"),
            &["true"],
            "container no is not valid for pod errors".to_owned(),
        ),
        (
            "waits",
            None,
            &["true"],
            "container not found (\"main\")".to_owned(),
        ),
        (
            "errors",
            None,
            &["no-such-program"],
            format!("{start}: exec: \"no-such-program\": executable file not found in $PATH"),
        ),
        (
            "errors",
            None,
            &["/no/program"],
            format!("{start}: exec: \"/no/program\": stat /no/program: no such file or directory"),
        ),
        (
            "errors",
            None,
            &["/etc/passwd"],
            format!("{start}: exec: \"/etc/passwd\": permission denied"),
        ),
    ];
    for (pod, container, command, expected) in cases {
        for streams in [ALL, Streams::Terminal] {
            let (pod, command) = (name(pod), words(command));
            let error = lab
                .wait(lab.cluster.exec(&pod, container, &command, streams))
                .err();
            assert_eq!(
                error.map(|error| error.to_string()).as_ref(),
                Some(&expected),
                "{pod} {command:?}"
            );
        }
    }
}

/// A terminal without echo, so that only what the command writes is seen.
fn a_terminal_is_one(lab: &Lab) {
    lab.start(sleeper("tty"));
    let script = "stty -echo; tty -s && echo $TERM; test -w $(tty) && echo writable; echo hello > /dev/tty
        read word; echo got $word; trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.01; done";
    let session = lab.exec("tty", None, &["sh", "-c", script], Streams::Terminal);
    assert!(session.stderr.is_none());
    let terminal = session.terminal.unwrap();
    let (mut stdin, mut stdout) = (session.stdin.unwrap(), session.stdout.unwrap());
    let mut seen = String::new();
    lab.wait(async {
        let until =
            async |seen: &mut String, stdout: &mut (dyn tokio::io::AsyncRead + Send + Unpin), part: &str| {
                while !seen.contains(part) {
                    let mut buffer = [0; 1000];
                    let length = stdout.read(&mut buffer).await.unwrap();
                    assert_ne!(length, 0, "{seen}");
                    seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
                }
            };
        until(&mut seen, &mut stdout, "hello").await;
        stdin.write_all(b"a word\r").await.unwrap();
        until(&mut seen, &mut stdout, "ready").await;
        let size = WindowSize {
            columns: 132,
            rows: 43,
        };
        terminal.resize(size).unwrap();
        stdout.read_to_string(&mut seen).await.unwrap();
        assert_eq!(session.exit.await, 5);
    });
    assert_eq!(
        seen,
        "xterm\r\nwritable\r\nhello\r\ngot a word\r\nready\r\n43 132\r\n"
    );

    // Its input ends when its user says so.
    let mut session = lab.exec(
        "tty",
        None,
        &["sh", "-c", "stty -echo; echo; cat; echo end"],
        Streams::Terminal,
    );
    let mut seen = String::new();
    lab.wait(async {
        let (stdin, stdout) = (session.stdin.as_mut().unwrap(), session.stdout.as_mut().unwrap());
        stdout.read_u8().await.unwrap();
        stdin.write_all(b"line\r\x04").await.unwrap();
        stdout.read_to_string(&mut seen).await.unwrap();
        assert_eq!(session.exit.await, 0);
    });
    assert_eq!(seen.trim_start(), "line\r\nend\r\n");
}

fn a_terminal_shows_everything(lab: &Lab) {
    lab.start(sleeper("show"));
    let session = lab.exec("show", None, &["seq", "200000"], Streams::Terminal);
    let mut stdout = session.stdout.unwrap();
    // The command has long ended, or waits for who reads.
    std::thread::sleep(Duration::from_millis(100));
    let mut seen = String::new();
    lab.wait(stdout.read_to_string(&mut seen)).unwrap();
    let expected: String = (1..=200_000).map(|number| format!("{number}\r\n")).collect();
    assert!(seen == expected, "{} of {} bytes", seen.len(), expected.len());
    assert_eq!(lab.wait(session.exit), 0);

    for _ in 0..20 {
        let session = lab.exec("show", None, &["printf", "%4000d", "1"], Streams::Terminal);
        lab.wait(session.exit);
        let mut seen = String::new();
        lab.wait(session.stdout.unwrap().read_to_string(&mut seen))
            .unwrap();
        assert_eq!(seen.len(), 4000);
    }
}
