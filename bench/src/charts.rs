//! Which figures are drawn, and how.

mod axis;
mod draw;

use std::path::Path;

use draw::{Bars, Lines, Series};

use crate::Result;
use crate::figures::{Figures, Peer};
use crate::quantity::{Unit, count};
use crate::rows::scenarios::SCENARIOS;
use crate::statistics::Summary;

/// The phases of a run, as its report names them.
const PHASES: [&str; 4] = ["read", "network", "pods", "steps"];

/// Draws the charts that there are figures for into a folder; returns their files and titles.
///
/// # Errors
/// A file can't be written.
pub(crate) fn draw(folder: &Path, figures: &Figures) -> Result<Vec<(&'static str, String)>> {
    let mut drawn = Vec::new();
    for (file, bars) in [
        ("pods-build.svg", pods(figures)),
        ("latency.svg", latency(figures)),
        ("phases.svg", phases(figures)),
    ] {
        if !bars.groups.is_empty() {
            draw::bars(&folder.join(file), &bars)?;
            drawn.push((file, bars.title));
        }
    }
    for (file, lines) in [
        (
            "services-load.svg",
            times("load", "Load all services into an empty node", figures),
        ),
        (
            "services-change.svg",
            times("change", "Change one endpoint", figures),
        ),
        ("connections.svg", connections(figures)),
    ] {
        if !lines.series.is_empty() {
            draw::lines(&folder.join(file), &lines)?;
            drawn.push((file, lines.title));
        }
    }
    Ok(drawn)
}

fn pods(figures: &Figures) -> Bars {
    let group = |size| (format!("{} pods", count(size)), by_peer("build", size, figures));
    Bars {
        title: "Build the pods of a node".to_owned(),
        unit: Unit::Seconds,
        stacked: false,
        groups: figures.sizes("build").into_iter().map(group).collect(),
    }
}

fn latency(figures: &Figures) -> Bars {
    let sizes = figures.sizes("p50");
    let group = |(size, figure)| {
        (
            format!("{figure}, {}", count(size)),
            by_peer(figure, size, figures),
        )
    };
    let of_each_size = sizes.into_iter().flat_map(|size| [(size, "p50"), (size, "p99")]);
    Bars {
        title: "Time to connect through a ClusterIP, by the number of services".to_owned(),
        unit: Unit::Seconds,
        stacked: false,
        groups: of_each_size.map(group).collect(),
    }
}

fn phases(figures: &Figures) -> Bars {
    let group = |scenario: &str| {
        let phases = PHASES.into_iter().enumerate().filter_map(|(number, phase)| {
            let took = figures.get(&format!("{scenario} {phase}"), Peer::Podlab, 1)?;
            Some((Series::Part(number, phase), Summary::of(took)?.median))
        });
        (scenario.to_owned(), phases.collect::<Vec<_>>())
    };
    let groups = SCENARIOS.into_iter().map(group);
    Bars {
        title: "Scenarios, from the command to the verdict".to_owned(),
        unit: Unit::Seconds,
        stacked: true,
        groups: groups.filter(|(_, phases)| !phases.is_empty()).collect(),
    }
}

fn by_peer(figure: &str, size: u32, figures: &Figures) -> Vec<(Series, f64)> {
    let value = |peer| {
        Some((
            Series::Peer(peer),
            Summary::of(figures.get(figure, peer, size)?)?.median,
        ))
    };
    Peer::ALL.into_iter().filter_map(value).collect()
}

fn times(figure: &str, title: &str, figures: &Figures) -> Lines {
    Lines {
        title: title.to_owned(),
        y: "time (logarithmic)",
        unit: Some(Unit::Seconds),
        series: series(figures, figure, |_, median| Some(median)),
    }
}

fn connections(figures: &Figures) -> Lines {
    let beside_direct = |size, median: f64| {
        let direct = Summary::of(figures.get("connections", Peer::Direct, size)?)?;
        Some(median / direct.median)
    };
    let mut series = series(figures, "connections", beside_direct);
    series.retain(|(peer, _)| *peer != Peer::Direct);
    Lines {
        title: "New connections a second through a ClusterIP".to_owned(),
        y: "part of those to a pod directly",
        unit: None,
        series,
    }
}

/// The points of each peer: size, and what `height` makes of the median.
fn series(
    figures: &Figures,
    figure: &str,
    height: impl Fn(u32, f64) -> Option<f64>,
) -> Vec<(Peer, Vec<(f64, f64)>)> {
    let point = |peer, size| {
        let summary = Summary::of(figures.get(figure, peer, size)?)?;
        Some((f64::from(size), height(size, summary.median)?))
    };
    let points = |peer| {
        let sizes = figures.sizes(figure).into_iter();
        (
            peer,
            sizes.filter_map(|size| point(peer, size)).collect::<Vec<_>>(),
        )
    };
    let all = Peer::ALL.into_iter().map(points);
    all.filter(|(_, points)| !points.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::figures::key;

    #[test]
    fn what_was_measured_is_drawn_with_a_title_units_and_a_legend() {
        let mut figures = Figures::default();
        for (peer, size, value) in [
            (Peer::Podlab, 1_000, 0.01),
            (Peer::Podlab, 100_000, 1.0),
            (Peer::KubeProxyNft, 1_000, 0.4),
        ] {
            figures.values.insert(key("load", peer, size), vec![value]);
        }
        let folder = tempfile::tempdir().unwrap();
        let drawn = draw(folder.path(), &figures).unwrap();
        let title = "Load all services into an empty node";
        assert_eq!(drawn, [("services-load.svg", title.to_owned())]);
        let text = fs::read_to_string(folder.path().join("services-load.svg")).unwrap();
        let named = [
            title,
            "10 ms",
            "100,000",
            "services",
            "podlab",
            "kube-proxy's nftables shape",
        ];
        for expected in named.map(|name| name.replace('\'', "&apos;")) {
            assert!(text.contains(&expected), "{expected}");
        }
    }

    #[test]
    fn connections_are_drawn_as_a_part_of_direct_ones() {
        let mut figures = Figures::default();
        figures
            .values
            .insert(key("connections", Peer::Podlab, 1), vec![90.0]);
        figures
            .values
            .insert(key("connections", Peer::Direct, 1), vec![100.0]);
        assert_eq!(connections(&figures).series, [(Peer::Podlab, vec![(1.0, 0.9)])]);
    }
}
