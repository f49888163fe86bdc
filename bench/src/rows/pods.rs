//! The pods of a node, built and taken down: namespace, link, bridge port, address and routes, and no process.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pause};
use podlab_kernel::netns::Netns;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Case, Row, Scale};
use crate::Result;
use crate::figures::{Peer, tell};
use crate::{child, floor, lab};

pub(crate) const ROW: Row = Row {
    id: "pods",
    cases,
    measure,
};

fn cases(scale: Scale) -> Vec<Case> {
    let of = |size, rounds: [u32; 4]| {
        let peers = [Peer::Podlab, Peer::Floor, Peer::Shell, Peer::Mininet];
        peers
            .into_iter()
            .zip(rounds)
            .map(move |(peer, rounds)| Case::new(peer, size, rounds))
    };
    match scale {
        Scale::Quick => of(200, [5, 5, 2, 1]).collect(),
        Scale::Full => of(200, [7, 7, 3, 3]).chain(of(1_000, [7, 7, 2, 1])).collect(),
    }
}

fn measure(case: &Case) -> Result<()> {
    match case.peers[..] {
        [peer @ (Peer::Podlab | Peer::Floor)] => by_holder(peer, case.size),
        [Peer::Shell] => by_shell(case.size),
        _ => by_mininet(case.size),
    }
}

/// What a process says that has built pods, and holds them.
#[derive(Serialize, Deserialize)]
struct Held {
    /// The number of the sandbox's first process, with which all ends.
    pid: i32,
    /// How long the pods took.
    seconds: f64,
}

/// Has another process build the pods, and kills it.
fn by_holder(peer: Peer, size: u32) -> Result<()> {
    let size_argument = size.to_string();
    let mut holder: Child = Command::new(child::OWN_PROGRAM)
        .args(["hold", "--peer", &peer.argument(), "--size", &size_argument])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(holder.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let held: Held = serde_json::from_str(&line).map_err(|_| "the pods weren't built")?;
    tell("build", peer, size, held.seconds)?;
    let began = Instant::now();
    kill(Pid::from_raw(held.pid), Signal::SIGKILL)?;
    holder.wait()?;
    tell("down", peer, size, began.elapsed().as_secs_f64())?;
    child::settle()?;
    tell("gone", peer, size, began.elapsed().as_secs_f64())?;
    Ok(())
}

/// Builds pods, says so, and holds them until it is killed.
pub(crate) fn hold(peer: Peer, size: u32) -> Result<()> {
    lab::in_sandbox(|outside| {
        let say = |began: Instant| {
            let held = Held {
                pid: outside.pid,
                seconds: began.elapsed().as_secs_f64(),
            };
            let line = serde_json::to_string(&held)?;
            Ok::<_, io::Error>(writeln!(io::stdout(), "{line}")?)
        };
        if peer == Peer::Floor {
            let began = Instant::now();
            let _pods = floor::build(size)?;
            say(began)?;
            pause();
            return Ok(());
        }
        tokio::runtime::Runtime::new()?.block_on(async {
            let began = Instant::now();
            let node = Arc::new(lab::node().await?);
            let mut pods = JoinSet::new();
            for _ in 0..size {
                let node = node.clone();
                pods.spawn(async move { node.attach().await });
            }
            let _pods = pods
                .join_all()
                .await
                .into_iter()
                .collect::<std::result::Result<Vec<_>, _>>()?;
            say(began)?;
            std::future::pending().await
        })
    })
}

/// A process for each command, as people write it.
fn by_shell(size: u32) -> Result<()> {
    lab::in_sandbox(|_| {
        let (here, size_argument) = (Netns::current()?, size.to_string());
        for (figure, step) in [("build", "build"), ("down", "down")] {
            let began = Instant::now();
            lab::feed(
                &here,
                "sh",
                &["-s", step, &size_argument],
                include_str!("pods.sh"),
            )?;
            tell(figure, Peer::Shell, size, began.elapsed().as_secs_f64())?;
        }
        Ok(())
    })
}

fn by_mininet(size: u32) -> Result<()> {
    #[derive(Deserialize)]
    struct Took {
        build: f64,
        down: f64,
    }
    for program in ["mn", "brctl"] {
        if podlab_kernel::nft::find_program(program).is_none() {
            return Err("not installed: apt-get install mininet bridge-utils".into());
        }
    }
    lab::in_sandbox(|_| {
        let here = Netns::current()?;
        let printed = lab::feed(
            &here,
            "/usr/bin/python3",
            &["-", &size.to_string()],
            include_str!("pods.py"),
        )?;
        let took: Took = serde_json::from_str(&printed)?;
        tell("build", Peer::Mininet, size, took.build)?;
        tell("down", Peer::Mininet, size, took.down)?;
        Ok(())
    })
}
