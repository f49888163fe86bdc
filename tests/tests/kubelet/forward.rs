//! Connections to the ports of pods, as `kubectl port-forward` makes them.

use std::io::{ErrorKind, Read, Write};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lab::{Lab, name, pod, script};

podlab_tests::tests![&Lab; a_port_is_reached_from_inside_of_the_pod];

fn a_port_is_reached_from_inside_of_the_pod(lab: &Lab) {
    lab.start(pod("ports", &[script("main", "exec sleep 1000")]));
    // Neither of them can be reached from outside of the pod.
    for (address, port) in [("127.0.0.1:80", 80), ("[::1]:81", 81)] {
        let server = lab.listen("ports", address);
        let server = thread::spawn(move || {
            let (mut client, _) = server.accept().unwrap();
            let mut said = [0; 5];
            client.read_exact(&mut said).unwrap();
            client.write_all(&said.to_ascii_uppercase()).unwrap();
        });
        let said = lab.wait(async {
            let mut stream = lab.cluster.dial(&name("ports"), port).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            said
        });
        assert_eq!(said, "HELLO", "{address}");
        server.join().unwrap();
    }
    let cases = [
        (
            "ports",
            ErrorKind::ConnectionRefused,
            "failed to connect to localhost:82 inside namespace \"default/ports\", IPv4: dial tcp4 127.0.0.1:82: \
             connect: connection refused IPv6 dial tcp6 [::1]:82: connect: connection refused",
        ),
        ("nobody", ErrorKind::NotFound, "pods \"nobody\" not found"),
    ];
    for (pod, kind, text) in cases {
        let error = lab.wait(lab.cluster.dial(&name(pod), 82)).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (kind, text));
    }
}
