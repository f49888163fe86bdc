//! A cluster that changes without a pause, under traffic: nothing grows, and no request is lost.
//!
//! For 20 seconds among the other tests; `make soak` takes 30 minutes, and writes down what it saw.

#[path = "soak/churn.rs"]
mod churn;
#[path = "soak/figures.rs"]
mod figures;

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use podlab_kernel::netns::Netns;
use podlab_tests::lab::{Lab, in_sandbox};
use podlab_tests::load::{Clients, Habit, Talks};
use podlab_tests::{User, workspace};

use churn::Churn;
use figures::{Figures, Watched, left};

const SHORT: Duration = Duration::from_secs(20);
/// The time of a change: there are fifty in a second.
const TURN: Duration = Duration::from_millis(20);
/// How many samples there are of each figure.
const SAMPLES: u32 = 120;
/// Sixteen clients ask about 700 times a second, so that they don't run out of ports.
const PAUSE: Duration = Duration::from_millis(20);
const TALKS: usize = 50;
/// In which time everything is at rest in the beginning, and in the end at the latest. Connections that have ended are
/// remembered longer.
const REST: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    in_sandbox(&User::all()[..1], |user| {
        let minutes = std::env::var("SOAK_MINUTES").ok();
        let minutes = minutes.map(|minutes| minutes.parse::<u64>().expect("SOAK_MINUTES is a number"));
        let time = minutes.map_or(SHORT, |minutes| Duration::from_secs(60 * minutes));
        let report = soak(user, time);
        println!("{report}");
        if minutes.is_some() {
            let file = workspace().join("docs/soak.md");
            std::fs::write(&file, &report).expect("docs/soak.md is written");
        }
    })
}

fn soak(user: User, time: Duration) -> String {
    let lab = Lab::up(user, include_str!("soak/cluster.yaml"));
    let mut networks = lab.networks();
    let node = networks.remove("node-1").expect("the node");
    let mut pods = networks.into_iter().filter(|(pod, _)| pod.starts_with("client-"));
    let (_, talker) = pods.next().expect("a pod");
    let habits = [Habit::Leaves, Habit::IsLeft, Habit::Leaves, Habit::Stays].into_iter();
    let clients: Vec<(Netns, Habit)> = pods.map(|(_, netns)| netns).zip(habits.cycle()).collect();

    let mut churn = Churn::new(&lab);
    churn.calm();
    sleep(REST);
    let watched = Watched::new(lab.supervisor(), node.clone());
    let before = watched.look();

    let servers =
        ["10.96.0.100:80", "10.96.0.101:80"].map(|it| it.parse::<SocketAddr>().expect("an address"));
    let lines = "10.96.0.102:7000".parse().expect("an address");
    let talks = Talks::start(talker, &node, lines, TALKS, 5 * PAUSE);
    let clients = Clients::start(clients, &servers, PAUSE);
    let (began, over) = (Instant::now(), AtomicBool::new(false));
    let mut figures = Figures::default();
    scope(|scope| {
        let (churn, over) = (&mut churn, &over);
        scope.spawn(move || {
            for done in 1.. {
                churn.change();
                sleep((done * TURN).saturating_sub(began.elapsed()));
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for sample in 1..=SAMPLES {
            sleep((time * sample / SAMPLES).saturating_sub(began.elapsed()));
            figures.add(watched.look());
        }
        over.store(true, Ordering::Relaxed);
    });
    let took = began.elapsed();
    let (tally, talked) = (clients.stop(), talks.stop());
    churn.calm();
    let calm = Instant::now();
    let mut after = watched.look();
    while !left(&before, &after).is_empty() && calm.elapsed() < PATIENCE {
        sleep(PAUSE);
        after = watched.look();
    }
    let (table, grown) = figures.judge(&before, &after);

    let made: u32 = churn.made.values().sum();
    let mut report = format!(
        "# Soak\n\nWritten by `make soak` on {}, after {:.0} s. {}\n\n{made} changes, {:.1} a second:\n\n",
        Timestamp::now().strftime("%Y-%m-%d"),
        took.as_secs_f64(),
        machine(),
        f64::from(made) / took.as_secs_f64(),
    );
    for (sort, count) in &churn.made {
        report += &format!("- {count} times {}\n", sort.title());
    }
    let stay: Vec<IpAddr> = lab.pods("app=stay").into_values().collect();
    let ends = talked.ends.iter();
    let broken: Vec<_> = ends
        .filter(|end| end.broken.is_some() || stay.contains(&end.pod))
        .collect();
    report += &format!(
        "\nTraffic: {tally}. {} lines on {TALKS} connections that are kept; {} were closed in order with their pods, {} \
         broken.\n\nMedians of quarters of the time, which must not grow:\n\n{table}",
        talked.lines,
        talked.ends.len() - broken.len(),
        broken.len(),
    );
    let failed = !tally.lost.is_empty() || !broken.is_empty() || !grown.is_empty();
    assert!(!failed, "{report}\ngrown: {grown:#?}\nbroken: {broken:#?}");
    report
}

/// What the figures depend on.
fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let load = read("/proc/loadavg");
    format!(
        "{}; {} cores, with a load of {} in the last 15 minutes; Linux {}.",
        model.unwrap_or_default().trim_start_matches([' ', '\t', ':']),
        std::thread::available_parallelism().map_or(1, usize::from),
        load.split(' ').nth(2).unwrap_or_default(),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}
