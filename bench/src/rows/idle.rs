//! A live cluster that has nothing to do: what it takes of the machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};
use podlab_kernel::netns::Netns;
use podlab_node::sandbox;
use serde_json::{Value, json};

use super::{Case, Row, Scale};
use crate::Result;
use crate::child;
use crate::figures::{Peer, tell};
use crate::lab;

pub(crate) const ROW: Row = Row {
    id: "idle",
    cases,
    measure,
};

const PODS: [u32; 2] = [200, 1_000];
const WATCHED: Duration = Duration::from_secs(10);

fn cases(scale: Scale) -> Vec<Case> {
    let sizes = if scale == Scale::Full {
        &PODS[..]
    } else {
        &PODS[..1]
    };
    sizes
        .iter()
        .map(|size| Case::new(Peer::Podlab, *size, 1))
        .collect()
}

/// In a sandbox, so that the cluster is gone whatever happens.
fn measure(case: &Case) -> Result<()> {
    lab::in_sandbox(|_| {
        // Where the API listens.
        lab::feed(&Netns::current()?, "ip", &["link", "set", "lo", "up"], "")?;
        watch(case.size)
    })
}

fn watch(size: u32) -> Result<()> {
    let say = |figure, value| tell(figure, Peer::Podlab, size, value);
    let folder = Path::new(sandbox::RUN_DIR);
    let manifest = folder.join("pods.yaml");
    fs::write(
        &manifest,
        format!("{}\n---\n{}\n", large_node(), deployment(size)),
    )?;
    let podlab = |arguments: &[&str]| {
        let program = child::podlab()?;
        let output = Command::new(program)
            .env("XDG_RUNTIME_DIR", folder)
            .args(arguments)
            .output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(crate::Error::from(said))
    };

    let free = available_memory()?;
    let began = Instant::now();
    podlab(&["up", "--filename", manifest.to_str().ok_or("a strange folder")?])?;
    say("ready", began.elapsed().as_secs_f64())?;

    let list: Value = serde_json::from_slice(&podlab(&["list", "--output", "json"])?)?;
    let guard = list[0]["pid"].as_u64().ok_or("the cluster isn't listed")?;
    let own = [guard, first_child(guard)?];
    let used = processor_ticks(&own)?;
    sleep(WATCHED);
    let ticks = processor_ticks(&own)? - used;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.ok_or("no clock")?;
    say(
        "idle-processor",
        ticks as f64 / per_second as f64 / WATCHED.as_secs_f64(),
    )?;
    say("rss", resident(&own, "VmRSS:")?)?;
    say("rss-anonymous", resident(&own, "RssAnon:")?)?;
    say("memory-per-pod", (free - available_memory()?) / f64::from(size))?;

    let began = Instant::now();
    podlab(&["down"])?;
    say("cluster-down", began.elapsed().as_secs_f64())?;
    Ok(())
}

fn large_node() -> Value {
    json!({
        "apiVersion": "podlab.dev/v1alpha1",
        "kind": "Scenario",
        "metadata": { "name": "idle" },
        "spec": {
            "cluster": { "nodeCIDRMaskSize": 20 },
            "steps": [{ "name": "All are there", "wait": { "object": "deployment/idle", "for": "Ready" } }],
        },
    })
}

fn deployment(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "idle" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "idle" } },
            "template": {
                "metadata": { "labels": { "app": "idle" } },
                "spec": { "containers": [{ "name": "idle", "image": "podlab/pause" }] },
            },
        },
    })
}

/// The first process of the sandbox that `guard` watches.
fn first_child(guard: u64) -> Result<u64> {
    let children = fs::read_to_string(format!("/proc/{guard}/task/{guard}/children"))?;
    let first = children
        .split_whitespace()
        .next()
        .ok_or("the cluster has ended")?;
    Ok(first.parse()?)
}

/// Of the processors, by these processes, in ticks of the clock.
fn processor_ticks(processes: &[u64]) -> Result<u64> {
    let mut all = 0;
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name before may hold anything; of what comes after it, user's time is the 12th and system's the 13th.
        let (_, rest) = stat.rsplit_once(')').ok_or("strange /proc")?;
        let times = rest.split_whitespace().skip(11).take(2);
        all += times
            .map(str::parse::<u64>)
            .sum::<std::result::Result<u64, _>>()?;
    }
    Ok(all)
}

/// Bytes in memory, of all sorts or one.
fn resident(processes: &[u64], sort: &str) -> Result<f64> {
    let of = |process: &u64| kib(&format!("/proc/{process}/status"), sort);
    processes.iter().map(of).sum()
}

/// Bytes that programs could still be given.
fn available_memory() -> Result<f64> {
    kib("/proc/meminfo", "MemAvailable:")
}

fn kib(file: &str, name: &str) -> Result<f64> {
    let text = fs::read_to_string(Path::new(file))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("strange /proc")?;
    Ok(value.parse::<f64>()? * 1024.0)
}
