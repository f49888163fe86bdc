//! The table, for a terminal and for a page.

use comfy_table::{CellAlignment, Table, presets};

use crate::goals::{Goal, Line};
use crate::quantity::{count, three_digits};
use crate::statistics::Summary;

const COLUMNS: [&str; 8] = [
    "WHAT",
    "SIZE",
    "PODLAB",
    "PEER OR FLOOR",
    "RATIO",
    "GOAL",
    "MET",
    "GROWTH",
];

/// For a terminal.
pub(crate) fn text(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(COLUMNS);
    for line in lines {
        table.add_row(cells(line));
    }
    if let Some(sizes) = table.column_mut(1) {
        sizes.set_cell_alignment(CellAlignment::Right);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.to_string()
}

/// For a page.
pub(crate) fn markdown(lines: &[Line]) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header = COLUMNS.map(|name| name.to_lowercase());
    let rules = ["---", "---:", "---", "---", "---:", "---", "---", "---"].map(str::to_owned);
    let body = lines.iter().map(|line| row(&cells(line)));
    [row(&header), row(&rules)].into_iter().chain(body).collect()
}

fn cells(line: &Line) -> [String; 8] {
    let with_spread = |summary: Summary| {
        let unit = line.fact.unit;
        let median = unit.show(summary.median);
        if summary.least == summary.most {
            return median;
        }
        format!(
            "{median} ({})",
            unit.show_spread(summary.median, (summary.least, summary.most))
        )
    };
    let unknown = || line.missing.clone().unwrap_or_else(|| "not measured".to_owned());
    let peer = line.fact.peer.map(|peer| {
        let figure = line
            .peer
            .map_or_else(unknown, |summary| line.fact.unit.show(summary.median));
        format!("{}: {figure}", peer.title())
    });
    let met = match (line.goal, line.met()) {
        (None, _) => "",
        (_, Some(true)) => "yes",
        (_, Some(false)) => "missed",
        (_, None) => "unknown",
    };
    [
        line.fact.what.to_owned(),
        count(line.size),
        line.podlab.map_or_else(unknown, with_spread),
        peer.unwrap_or_default(),
        ratio(line).unwrap_or_default(),
        goal(line).unwrap_or_default(),
        met.to_owned(),
        line.growth
            .map(|growth| format!("× {} per × 10", three_digits(growth)))
            .unwrap_or_default(),
    ]
}

fn ratio(line: &Line) -> Option<String> {
    let ratio = line.ratio()?;
    Some(if line.is_faster() {
        format!("{} × faster", three_digits(ratio))
    } else {
        format!("{ratio:.2}")
    })
}

fn goal(line: &Line) -> Option<String> {
    Some(match line.goal? {
        Goal::AtMost(most) => format!("≤ {}", line.fact.unit.show(most)),
        Goal::AtMostTimes(times) => format!("≤ {times}"),
        Goal::Faster(times) => format!("≥ {times} × faster"),
        Goal::ShareOf(share) => format!("≥ {share}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Figures, Peer, key};
    use crate::goals::lines;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        figures
            .values
            .insert(key("build", Peer::Podlab, 1_000), vec![0.5, 0.4, 0.7]);
        figures.values.insert(key("build", Peer::Floor, 1_000), vec![0.4]);
        figures.values.insert(key("build", Peer::Shell, 1_000), vec![3.0]);
        figures
            .missing
            .insert(("pods", Peer::Mininet, 1_000), "not installed".into());
        figures
    }

    #[test]
    fn a_line_shows_the_spread_the_ratio_and_whether_the_goal_is_met() {
        let page = markdown(&lines(&figures()));
        let rows: Vec<&str> = page.lines().skip(2).take(3).collect();
        assert_eq!(
            rows,
            [
                "| build pods | 1,000 | 500 ms (400–700) | floor: 400 ms | 1.25 | ≤ 1.5 | yes |  |",
                "| build pods | 1,000 | 500 ms (400–700) | shell script: 3.00 s | 6.00 × faster | ≥ 8 × faster | missed |  |",
                "| build pods | 1,000 | 500 ms (400–700) | mininet: not installed |  | ≥ 20 × faster | unknown |  |",
            ]
        );
    }

    #[test]
    fn a_terminal_is_shown_the_same() {
        let text = text(&lines(&figures()));
        assert!(text.lines().nth(2).unwrap().contains("missed"), "{text}");
        assert!(!text.contains('|'));
    }
}
