//! Bars and lines as SVG.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use crate::Result;
use crate::figures::Peer;
use crate::quantity::{Unit, count};

const SIZE: (u32, u32) = (860, 460);
const FONT: &str = "sans-serif";
const TEXT: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
/// Of the room that a group of bars has, what the bars take.
const FILLED: f64 = 0.8;
/// Colours of parts, in order.
const PARTS: [RGBColor; 4] = [
    RGBColor(0xae, 0xc7, 0xe8),
    RGBColor(0x6b, 0xa3, 0xd6),
    RGBColor(0x1f, 0x6f, 0xb4),
    RGBColor(0x0b, 0x3c, 0x6f),
];

/// What a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    Peer(Peer),
    /// One of several parts of a whole: which, and its name.
    Part(usize, &'static str),
}

impl Series {
    fn title(self) -> &'static str {
        match self {
            Self::Peer(peer) => peer.title(),
            Self::Part(_, name) => name,
        }
    }

    fn color(self) -> RGBColor {
        match self {
            Self::Part(number, _) => PARTS[number % PARTS.len()],
            Self::Peer(peer) => match peer {
                Peer::Podlab => RGBColor(0x1f, 0x6f, 0xb4),
                Peer::Floor | Peer::Direct => RGBColor(0x9a, 0x9a, 0x9a),
                Peer::Shell | Peer::Maps => RGBColor(0x2c, 0x9c, 0x5a),
                Peer::Mininet | Peer::KubeProxyNft => RGBColor(0xe0, 0x7b, 0x1a),
                Peer::KubeProxyIptables => RGBColor(0xb8, 0x3a, 0x3a),
            },
        }
    }
}

/// Groups of bars: beside each other on a logarithmic scale, or on top of each other on a linear one.
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) unit: Unit,
    pub(super) stacked: bool,
    pub(super) groups: Vec<(String, Vec<(Series, f64)>)>,
}

/// Lines over the number of services.
pub(super) struct Lines {
    pub(super) title: String,
    /// What is upwards.
    pub(super) y: &'static str,
    /// In which unit, on a logarithmic scale; without one it is a ratio, from zero on.
    pub(super) unit: Option<Unit>,
    pub(super) series: Vec<(Peer, Vec<(f64, f64)>)>,
}

type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// Draws bars into a file.
///
/// # Errors
/// It can't be written.
pub(super) fn bars(file: &Path, bars: &Bars) -> Result<()> {
    let values = bars
        .groups
        .iter()
        .flat_map(|(_, group)| group.iter().map(|(_, value)| *value));
    let y = if bars.stacked {
        let sums = bars
            .groups
            .iter()
            .map(|(_, group)| group.iter().map(|(_, value)| value).sum::<f64>());
        Axis::linear(sums.fold(0.0, f64::max))
    } else {
        Axis::logarithmic(&values.collect::<Vec<_>>())
    };
    let x = Axis::things(bars.groups.len());
    let name = |place: f64| {
        bars.groups
            .get(place as usize)
            .map_or_else(String::new, |group| group.0.clone())
    };
    let widest = bars
        .groups
        .iter()
        .map(|(_, group)| group.len())
        .max()
        .unwrap_or(1);
    let has_room = bars.stacked || bars.groups.len() * widest <= 16;
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    let y_name = if bars.stacked {
        "time"
    } else {
        "time (logarithmic)"
    };
    let height = |value: f64| bars.unit.tick(value);
    let mut chart = frame(&area, &bars.title, (&x, &y), ("", y_name), &name, &height)?;
    let mut named: Vec<Series> = Vec::new();
    for (group, (_, all)) in bars.groups.iter().enumerate() {
        let mut below = 0.0;
        for (number, (series, value)) in all.iter().enumerate() {
            let left = group as f64 + (1.0 - FILLED) / 2.0;
            let width = if bars.stacked {
                FILLED
            } else {
                FILLED / all.len() as f64
            };
            let left = if bars.stacked {
                left
            } else {
                left + width * number as f64
            };
            let (bottom, top) = if bars.stacked {
                (below, below + value)
            } else {
                (y.ends.start, y.place(*value))
            };
            below = top;
            let color = series.color();
            let bar = Rectangle::new([(left, bottom), (left + width * 0.94, top)], color.filled());
            let drawn = chart.draw_series([bar])?;
            if !named.contains(series) {
                named.push(*series);
                drawn
                    .label(series.title())
                    .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], color.filled()));
            }
            let middle = if bars.stacked {
                f64::midpoint(bottom, top)
            } else {
                top
            };
            let is_high_enough = !bars.stacked || *value > y.ends.end * 0.04;
            if has_room && is_high_enough {
                let label = bars.unit.show(*value);
                let white_on_dark = bars.stacked && matches!(series, Series::Part(2.., _));
                let color = if white_on_dark { WHITE } else { TEXT };
                let vertical = if bars.stacked { VPos::Center } else { VPos::Bottom };
                let style = style(11, &color).pos(Pos::new(HPos::Center, vertical));
                chart.draw_series([Text::new(label, (left + width / 2.0, middle), style)])?;
            }
        }
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    area.present()?;
    Ok(())
}

/// Draws lines into a file.
///
/// # Errors
/// It can't be written.
pub(super) fn lines(file: &Path, lines: &Lines) -> Result<()> {
    let points = || lines.series.iter().flat_map(|(_, points)| points.iter());
    let x = Axis::logarithmic(&points().map(|point| point.0).collect::<Vec<_>>());
    let heights: Vec<f64> = points().map(|point| point.1).collect();
    let y = match lines.unit {
        Some(_) => Axis::logarithmic(&heights),
        None => Axis::linear(heights.iter().copied().fold(1.0, f64::max)),
    };
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    let services = |value: f64| count(value.round() as u32);
    let height = |value: f64| {
        lines
            .unit
            .map_or_else(|| format!("{value:.1}"), |unit| unit.tick(value))
    };
    let names = ("services (logarithmic)", lines.y);
    let mut chart = frame(&area, &lines.title, (&x, &y), names, &services, &height)?;
    for (peer, points) in &lines.series {
        let color = Series::Peer(*peer).color();
        let places: Vec<(f64, f64)> = points
            .iter()
            .map(|(size, value)| (x.place(*size), y.place(*value)))
            .collect();
        let line = LineSeries::new(places.clone(), color.stroke_width(3));
        chart
            .draw_series(line)?
            .label(peer.title())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
        chart.draw_series(places.iter().map(|place| Circle::new(*place, 4, color.filled())))?;
    }
    let corner = match lines.unit {
        Some(_) => SeriesLabelPosition::UpperLeft,
        None => SeriesLabelPosition::LowerLeft,
    };
    legend(&mut chart, corner)?;
    area.present()?;
    Ok(())
}

/// An empty chart: its title, and its axes with their names and what stands beside them.
fn frame<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    title: &str,
    (x, y): (&Axis, &Axis),
    names: (&str, &str),
    show_x: &dyn Fn(f64) -> String,
    show_y: &dyn Fn(f64) -> String,
) -> Result<Chart<'a>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(title, style(19, &TEXT))
        .margin(14)
        .x_label_area_size(if names.0.is_empty() { 28 } else { 46 })
        .y_label_area_size(78)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .axis_style(TEXT)
        .label_style(style(13, &TEXT))
        .axis_desc_style(style(14, &TEXT))
        .x_desc(names.0)
        .y_desc(names.1)
        .x_label_formatter(&|place| show_x(x.value(*place)))
        .y_label_formatter(&|place| show_y(y.value(*place)))
        .draw()?;
    Ok(chart)
}

fn legend(chart: &mut Chart<'_>, corner: SeriesLabelPosition) -> Result<()> {
    chart
        .configure_series_labels()
        .position(corner)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(style(13, &TEXT))
        .margin(8)
        .legend_area_size(22)
        .draw()?;
    Ok(())
}

fn style(size: i32, color: &RGBColor) -> TextStyle<'static> {
    (FONT, size).into_font().color(color)
}
