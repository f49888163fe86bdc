//! Nobody outside of the cluster gets in: each trick that is known, against the network of a real cluster.
//!
//! Whoever is outside is root in a host beside the nodes: he sends whatever frames he likes. A test is a trick that
//! fails; and where something particular stands in its way, the trick works as soon as that is taken away.

#![allow(clippy::unwrap_used)]

use std::env;
use std::process::ExitCode;

use clap::Parser;
use podlab_tests::sandboxed;
use podlab_workloads::{Workload, until_stopped};

#[path = "internal/external.rs"]
mod external;
#[path = "internal/frames.rs"]
mod frames;
#[path = "internal/host.rs"]
mod host;
#[path = "internal/lab.rs"]
mod lab;
#[path = "internal/loopback.rs"]
mod loopback;
#[path = "internal/neighbours.rs"]
mod neighbours;
#[path = "internal/routing.rs"]
mod routing;
#[path = "internal/spoofing.rs"]
mod spoofing;
#[path = "internal/stale.rs"]
mod stale;

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|argument| argument == "workload") {
        run_workload();
        return ExitCode::SUCCESS;
    }
    host::serve_on_the_machine();
    sandboxed::trials(|| {
        [
            external::TESTS,
            host::TESTS,
            loopback::TESTS,
            neighbours::TESTS,
            routing::TESTS,
            spoofing::TESTS,
            stale::TESTS,
        ]
        .concat()
    })
}

/// What this program is in a pod: one of podlab's own workloads, or somebody who means no good.
fn run_workload() {
    #[derive(Parser)]
    enum InPod {
        Dns(podlab_dns::server::Options),
        ChangeTheNetwork,
        #[command(flatten)]
        Other(Workload),
    }
    match InPod::parse_from(env::args().skip(1)) {
        InPod::Dns(options) => until_stopped(|_| podlab_dns::server::serve(options)).unwrap(),
        InPod::ChangeTheNetwork => host::change_the_network(),
        InPod::Other(workload) => podlab_workloads::run(workload).unwrap(),
    }
}
