//! What a cluster takes of the machine, seen from outside, and whether it becomes more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io;

use podlab_kernel::netns::Netns;
use podlab_kernel::nft::Nft;
use podlab_tests::processes::{family, number_in_status};
use serde_json::Value;

/// A part of the figure in the second quarter by which the last one may be more, besides what [`slack`] allows.
const GROWTH: f64 = 0.1;

/// All figures at one moment, by name.
pub(crate) type Look = BTreeMap<String, f64>;

/// How much a figure may differ for no other reason than the moment.
fn slack(figure: &str) -> f64 {
    match figure {
        ANONYMOUS | OF_FILES => 8.0,
        DESCRIPTORS => 100.0,
        THREADS => 16.0,
        // It takes two minutes until as many are forgotten as come.
        CONNECTIONS => 15_000.0,
        _ => 24.0,
    }
}

/// How much a figure may be more at rest after all than it was at rest before; none: as much as it likes.
fn remains(figure: &str) -> Option<f64> {
    match figure {
        ANONYMOUS | OF_FILES => Some(64.0),
        DESCRIPTORS | THREADS => Some(slack(figure)),
        // A chain stays for each number of endpoints that some service has had, and clients are remembered for hours.
        CHAINS | "elements of picks" | "elements of affinity" | CONNECTIONS => None,
        _ => Some(0.0),
    }
}

const ANONYMOUS: &str = "memory of its own, MiB";
const OF_FILES: &str = "memory with files, MiB";
const DESCRIPTORS: &str = "descriptors";
const THREADS: &str = "threads";
const CONNECTIONS: &str = "tracked connections";
const CHAINS: &str = "chains";

/// A cluster that is watched.
pub(crate) struct Watched {
    supervisor: i32,
    node: Netns,
    nft: Nft,
}

impl Watched {
    pub(crate) fn new(supervisor: i32, node: Netns) -> Self {
        let nft = Nft::new(node.clone()).expect("nft");
        Self {
            supervisor,
            node,
            nft,
        }
    }

    pub(crate) fn look(&self) -> Look {
        let field = |name| number_in_status(self.supervisor, name) as f64;
        let descriptors = links(&format!("/proc/{}/fd", self.supervisor));
        let processes = family(self.supervisor);
        let namespaces: BTreeSet<String> = processes
            .iter()
            .filter_map(|pid| fs::read_link(format!("/proc/{pid}/ns/net")).ok())
            .map(|link| link.to_string_lossy().into_owned())
            .chain(
                descriptors
                    .iter()
                    .filter(|link| link.starts_with("net:"))
                    .cloned(),
            )
            .collect();
        let (links, connections) = self.node.visit(of_node).expect("the node's network");
        let mut look: Look = [
            (ANONYMOUS, field("RssAnon") / 1024.0),
            (OF_FILES, field("RssFile") / 1024.0),
            (THREADS, field("Threads")),
            (DESCRIPTORS, descriptors.len() as f64),
            ("processes", processes.len() as f64),
            ("network namespaces", namespaces.len() as f64),
            ("links of the node", links),
            (CONNECTIONS, connections),
        ]
        .map(|(figure, value)| (figure.to_owned(), value))
        .into();
        self.table(&mut look);
        look
    }

    /// What is in the kernel's tables.
    fn table(&self, look: &mut Look) {
        let listed = self.nft.list(&["-j", "list", "table", "ip", "podlab-proxy"]);
        let table: Value = serde_json::from_str(&listed.expect("the table")).expect("JSON");
        let (mut chains, objects) = (0.0, table["nftables"].as_array().expect("a list"));
        for object in objects {
            if object["chain"].is_object() {
                chains += 1.0;
            }
            for map in [&object["map"], &object["set"]] {
                if let Some(name) = map["name"].as_str() {
                    let elements = map["elem"].as_array().map_or(0, Vec::len);
                    look.insert(format!("elements of {name}"), elements as f64);
                }
            }
        }
        look.insert(CHAINS.to_owned(), chains);
    }
}

/// How many links it has, and how many connections the kernel tracks there. To be called inside.
fn of_node() -> io::Result<(f64, f64)> {
    let links = fs::read_to_string("/proc/thread-self/net/dev")?.lines().count() - 2;
    let count = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count")?;
    let count: f64 = count.trim().parse().map_err(io::Error::other)?;
    Ok((links as f64, count))
}

fn links(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("its descriptors").flatten();
    entries
        .filter_map(|entry| Some(fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        .collect()
}

/// Figures in the course of time.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    pub(crate) fn add(&mut self, look: Look) {
        for (figure, value) in look {
            self.0.entry(figure).or_default().push(value);
        }
    }

    /// The figures as a table, and which have become more than they may.
    pub(crate) fn judge(&self, before: &Look, after: &Look) -> (String, Vec<String>) {
        let mut table =
            "| what | at rest before | second quarter | last quarter | may be | at rest after |\n\
                         | --- | ---: | ---: | ---: | ---: | ---: |\n"
                .to_owned();
        let mut grown = left(before, after);
        for (figure, values) in &self.0 {
            let quarter = values.len() / 4;
            let second = median(&values[quarter..2 * quarter]);
            let last = median(&values[values.len() - quarter..]);
            let bound = second * (1.0 + GROWTH) + slack(figure);
            let (before, after) = (before[figure], after[figure]);
            let _ = writeln!(
                table,
                "| {figure} | {before:.0} | {second:.0} | {last:.0} | {bound:.0} | {after:.0} |"
            );
            if last > bound {
                grown.push(format!("{figure}: from {second:.1} to {last:.1}"));
            }
        }
        (table, grown)
    }
}

/// What is more at rest after all than it may be.
pub(crate) fn left(before: &Look, after: &Look) -> Vec<String> {
    let is_left = |figure: &str| remains(figure).is_some_and(|more| after[figure] > before[figure] + more);
    let figures = before.keys().filter(|figure| is_left(figure));
    figures
        .map(|figure| {
            format!(
                "{figure}, at rest: from {:.1} to {:.1}",
                before[figure], after[figure]
            )
        })
        .collect()
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
