//! The report for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use comfy_table::{Table, presets};

use super::Report;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

impl Report {
    /// Tables of pods and services, the steps with what was seen, the time of each phase. With colours as ANSI
    /// escapes, for whoever prints it to strip where they don't belong.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADING}{}{HEADING:#}\n", self.scenario);
        if let Some(reason) = &self.skipped {
            return text + &format!("skipped: {reason}\n");
        }
        if let Some(description) = &self.description {
            text += &format!("{}\n", description.trim_end());
        }
        if !self.pods.is_empty() {
            text += &format!("\n{}\n", self.pod_table());
        }
        if !self.services.is_empty() {
            text += &format!("\n{}\n", self.service_table());
        }
        text.push('\n');
        for step in &self.steps {
            let (style, mark) = if step.passed { (GOOD, '✓') } else { (BAD, '✗') };
            // Writing to a String can't fail.
            let _ = writeln!(text, "{style}{mark}{style:#} {}", step.name);
            if let Some(expected) = &step.expected {
                let _ = writeln!(text, "    expected  {expected}");
                let _ = writeln!(
                    text,
                    "    seen      {}",
                    step.seen.replace('\n', "\n              ")
                );
            } else if !step.seen.is_empty() {
                let _ = writeln!(text, "    {QUIET}{}{QUIET:#}", step.seen);
            }
        }
        for log in &self.logs {
            let _ = writeln!(text, "\n{HEADING}logs of {}{HEADING:#}", log.pod);
            for line in &log.lines {
                let _ = writeln!(text, "    {line}");
            }
            if log.lines.is_empty() {
                let _ = writeln!(text, "    (none)");
            }
        }
        text + &format!("\n{}\n", self.conclusion())
    }

    fn conclusion(&self) -> String {
        let failed = self.steps.iter().filter(|step| !step.passed).count();
        let total = self.steps.len();
        let (style, verdict) = match failed {
            0 if total == 0 => (GOOD, "everything is ready".to_owned()),
            0 => (GOOD, format!("all {total} steps passed")),
            _ => (BAD, format!("{failed} of {total} steps failed")),
        };
        let seconds = |seconds: f64| {
            if seconds < 1.0 {
                format!("{:.0} ms", seconds * 1e3)
            } else {
                format!("{seconds:.2} s")
            }
        };
        let phases: Vec<String> = self
            .phases
            .iter()
            .map(|phase| format!("{} {}", phase.name, seconds(phase.seconds)))
            .collect();
        let total: f64 = self.phases.iter().map(|phase| phase.seconds).sum();
        format!(
            "{style}{verdict}{style:#} in {} ({})",
            seconds(total),
            phases.join(", ")
        )
    }

    fn pod_table(&self) -> String {
        let mut table = table(&["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "IP", "NODE"]);
        for pod in &self.pods {
            let restarts = pod.restarts.to_string();
            table.add_row([
                &pod.namespace,
                &pod.name,
                &pod.ready,
                &pod.status,
                &restarts,
                &pod.ip,
                &pod.node,
            ]);
        }
        table.trim_fmt()
    }

    fn service_table(&self) -> String {
        let mut table = table(&["NAMESPACE", "NAME", "TYPE", "CLUSTER-IP", "PORT(S)", "ENDPOINTS"]);
        for service in &self.services {
            let endpoints = shortened(&service.endpoints);
            table.add_row([
                &service.namespace,
                &service.name,
                &service.type_,
                &service.cluster_ip,
                &service.ports,
                &endpoints,
            ]);
        }
        table.trim_fmt()
    }
}

/// The first three endpoints and how many more there are, as `kubectl get endpoints` shows them.
fn shortened(endpoints: &str) -> String {
    let all: Vec<&str> = endpoints.split(',').collect();
    match all.get(..3) {
        Some(first) if all.len() > 3 => format!("{} + {} more...", first.join(","), all.len() - 3),
        _ => endpoints.to_owned(),
    }
}

/// A table without lines, three spaces between columns, as kubectl's.
fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(columns.iter().copied());
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    table
}
