//! What is measured: figures by name, by whose they are, and by the size that they were measured at.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Whose figure it is: podlab's, or that of somebody or something that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    Podlab,
    /// The kernel's own pace: the same objects by one thread and the fewest system calls.
    Floor,
    /// A script of `ip` commands.
    Shell,
    Mininet,
    /// To the pod's address, without a service.
    Direct,
    /// Three plain maps as nft text.
    Maps,
    KubeProxyNft,
    KubeProxyIptables,
}

impl Peer {
    /// All, in the order in which they are shown.
    pub(crate) const ALL: [Self; 8] = [
        Self::Podlab,
        Self::Floor,
        Self::Shell,
        Self::Mininet,
        Self::Direct,
        Self::Maps,
        Self::KubeProxyNft,
        Self::KubeProxyIptables,
    ];

    /// As tables and charts name it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Podlab => "podlab",
            Self::Floor => "floor",
            Self::Shell => "shell script",
            Self::Mininet => "mininet",
            Self::Direct => "direct",
            Self::Maps => "plain maps",
            Self::KubeProxyNft => "kube-proxy's nftables shape",
            Self::KubeProxyIptables => "kube-proxy's iptables shape",
        }
    }

    /// As the command line names it.
    pub(crate) fn argument(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What a figure is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) figure: String,
    pub(crate) peer: Peer,
    pub(crate) size: u32,
}

/// One value of a figure, in seconds, bytes, or pieces a second.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    #[serde(flatten)]
    key: Key,
    value: f64,
}

/// Tells the parent of a figure that was measured: one line of JSON on standard output.
pub(crate) fn tell(figure: &str, peer: Peer, size: u32, value: f64) -> io::Result<()> {
    let figure = Figure {
        key: key(figure, peer, size),
        value,
    };
    let mut line = serde_json::to_vec(&figure)?;
    line.push(b'\n');
    io::stdout().write_all(&line)
}

pub(crate) fn key(figure: &str, peer: Peer, size: u32) -> Key {
    Key {
        figure: figure.to_owned(),
        peer,
        size,
    }
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) values: BTreeMap<Key, Vec<f64>>,
    /// What a peer wasn't measured for, and why: by peer and size.
    pub(crate) missing: BTreeMap<(&'static str, Peer, u32), String>,
}

impl Figures {
    /// Takes what a child has told.
    ///
    /// # Errors
    /// A line is no figure.
    pub(crate) fn take(&mut self, output: &str) -> serde_json::Result<()> {
        for line in output.lines() {
            let Figure { key, value } = serde_json::from_str(line)?;
            self.values.entry(key).or_default().push(value);
        }
        Ok(())
    }

    pub(crate) fn get(&self, figure: &str, peer: Peer, size: u32) -> Option<&[f64]> {
        self.values.get(&key(figure, peer, size)).map(Vec::as_slice)
    }

    /// The sizes that a figure was measured at, for anybody.
    pub(crate) fn sizes(&self, figure: &str) -> Vec<u32> {
        let of_figure = self.values.keys().filter(|key| key.figure == figure);
        let mut sizes: Vec<u32> = of_figure.map(|key| key.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_children_tell_is_collected_by_figure_peer_and_size() {
        let line =
            |value: &str| format!(r#"{{"figure":"build","peer":"podlab","size":200,"value":{value}}}"#);
        let mut figures = Figures::default();
        figures
            .take(&format!("{}\n{}\n", line("0.5"), line("0.25")))
            .unwrap();
        figures.take(&line("1.0").replace("200", "1000")).unwrap();
        assert_eq!(figures.get("build", Peer::Podlab, 200), Some(&[0.5, 0.25][..]));
        assert_eq!(figures.sizes("build"), [200, 1000]);
        assert!(figures.take("panic").is_err());
    }
}
