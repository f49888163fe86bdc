//! No request is lost while all pods of a Service are replaced, while they become many and few, and while endpoints
//! come and go; and connections to pods that stay are never broken.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use podlab_kernel::netns::Netns;
use podlab_tests::User;
use podlab_tests::flips::Flips;
use podlab_tests::lab::{Lab, in_sandbox};
use podlab_tests::load::{Clients, Habit, Talks};
use serde_json::json;

/// How many requests are sent at least, by all users together.
const REQUESTS: u64 = 200_000;
const CLIENTS: usize = 16;
const FLIPS: usize = 1_000;
/// In how many rounds at least.
const ROUNDS: usize = 5;
const TALKS: usize = 50;
/// Between two requests of a client. The kernel remembers a connection for two minutes after its end, and 262,144 of them.
const REST: Duration = Duration::from_millis(6);
/// Between two flips, and two lines of each connection.
const PAUSE: Duration = Duration::from_millis(5);

const WEB: &str = "10.96.0.100:80";
const FLIPPED: &str = "10.96.0.101:80";
const STICKY: &str = "10.96.0.102:80";
const LINES: &str = "10.96.0.103:7000";

const MANIFESTS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, lines: served}}
    spec:
      containers:
      - name: echo
        image: podlab/echo
        args: [--tcp-port, '7000']
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stay}
spec:
  replicas: 4
  selector: {matchLabels: {app: stay}}
  template:
    metadata: {labels: {app: stay, lines: served}}
    spec:
      containers:
      - name: echo
        image: podlab/echo
        args: [--tcp-port, '7000']
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.100, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: flipped}
spec: {clusterIP: 10.96.0.101, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {clusterIP: 10.96.0.102, selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: lines}
spec: {clusterIP: 10.96.0.103, selector: {lines: served}, ports: [{port: 7000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: client}
spec:
  replicas: 17
  selector: {matchLabels: {app: client}}
  template:
    metadata: {labels: {app: client}}
    spec: {containers: [{name: client, image: podlab/pause}]}
---
apiVersion: v1
kind: Pod
metadata: {name: node}
spec: {hostNetwork: true, containers: [{name: node, image: podlab/pause}]}
";

fn main() -> ExitCode {
    in_sandbox(User::all(), |user| {
        nothing_is_lost(user, REQUESTS / User::all().len() as u64);
    })
}

fn nothing_is_lost(user: User, requests: u64) {
    let began = Instant::now();
    let lab = Lab::up(user, MANIFESTS);
    let mut networks = lab.networks();
    let node = networks.remove("node-1").expect("the node");
    let mut pods = networks.into_iter().filter(|(pod, _)| pod.starts_with("client-"));
    let (_, talker) = pods.next().expect("a pod");
    let habits = [Habit::Leaves, Habit::IsLeft, Habit::Leaves, Habit::Stays];
    let clients: Vec<(Netns, Habit)> = pods
        .map(|(_, netns)| netns)
        .zip(habits.into_iter().cycle())
        .collect();
    assert_eq!(clients.len(), CLIENTS);
    let stay: Vec<IpAddr> = lab.pods("app=stay").into_values().collect();
    let (mut flips, mut flipped) = (Flips::new(&lab, "flipped", stay.clone()), 0);

    let [web, by_hand, sticky, lines] =
        [WEB, FLIPPED, STICKY, LINES].map(|it| it.parse::<SocketAddr>().expect("an address"));
    // The API's answer to whoever writes a slice doesn't wait for the node.
    lab.until("the slice is in effect", || {
        talker.visit(|| TcpStream::connect(by_hand)).is_ok()
    });
    let talks = Talks::start(talker, &node, lines, TALKS, PAUSE);
    let clients = Clients::start(clients, &[web, by_hand, sticky], REST);
    let say = |what: &str| {
        let seconds = began.elapsed().as_secs_f64();
        println!("{seconds:6.2} s, {:6} requests: {what}", clients.asked());
    };
    let mut rollouts = 0;
    say("all is there");
    while clients.asked() < requests || flipped < FLIPS {
        rollouts += 1;
        replace_all(&lab, rollouts);
        say("all pods are replaced");
        scale(&lab, 1);
        say("one pod");
        scale(&lab, 20);
        say("20 pods");
        scale(&lab, 1);
        say("one pod");
        for _ in 0..FLIPS / ROUNDS {
            flips.flip(&lab);
            sleep(PAUSE);
        }
        flipped += FLIPS / ROUNDS;
        say("endpoints have come and gone");
        scale(&lab, 4);
    }
    let tally = clients.stop();
    println!("as {user:?}: {rollouts} rollouts, {flipped} flips; {tally}");
    let talked = talks.stop();
    let stay: BTreeSet<_> = stay.into_iter().collect();
    let (kept, ended): (Vec<_>, Vec<_>) = talked.ends.iter().partition(|end| stay.contains(&end.pod));
    let broken: Vec<_> = ended.iter().filter(|end| end.broken.is_some()).collect();
    println!(
        "{} lines; {} connections to pods that stay, {} of them ended; {} to others ended with their pods, {} broken",
        talked.lines,
        talked.with.iter().filter(|pod| stay.contains(*pod)).count(),
        kept.len(),
        ended.len(),
        broken.len()
    );
    assert!(tally.lost.is_empty(), "requests are lost");
    assert!(tally.answered >= requests);
    assert!(
        kept.is_empty(),
        "connections to pods that stay have ended: {kept:?}"
    );
    assert!(broken.is_empty(), "connections are broken: {broken:?}");
    assert!(
        !ended.is_empty(),
        "no connection was with a pod that was replaced"
    );
}

fn replace_all(lab: &Lab, round: usize) {
    let old: BTreeSet<String> = lab.pods("app=web").into_keys().collect();
    let template = json!({"metadata": {"annotations": {"round": round.to_string()}}});
    lab.patch::<Deployment>("web", &json!({"spec": {"template": template}}));
    lab.until("all are replaced", || {
        let now: BTreeSet<String> = lab.pods("app=web").into_keys().collect();
        old.is_disjoint(&now) && is_settled(lab)
    });
}

fn scale(lab: &Lab, replicas: usize) {
    lab.patch::<Deployment>("web", &json!({"spec": {"replicas": replicas}}));
    lab.until("as many as there shall be", || {
        is_settled(lab) && lab.pods("app=web").len() == replicas
    });
}

/// Whether the deployment is as it shall be.
fn is_settled(lab: &Lab) -> bool {
    let web = lab.wait(lab.api::<Deployment>().get("web"));
    let wanted = web.spec.and_then(|spec| spec.replicas);
    let status = web.status.unwrap_or_default();
    let all = [
        status.replicas,
        status.updated_replicas,
        status.available_replicas,
    ];
    status.observed_generation == web.metadata.generation && all.iter().all(|count| *count == wanted)
}
