//! Kubernetes' own tests of Services, as tests/conformance/README.md lists them: takes them, and prints what came of
//! each.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Command;

use podlab_tests::{User, podlab, printed, workspace};

/// A row of the list.
struct Row {
    upstream: String,
    here: Here,
}

/// What stands for an upstream test here.
enum Here {
    /// A scenario of the folder, without its extension.
    Scenario(String),
    /// A crate, and the path of a test in it.
    Test { package: String, name: String },
    /// The reason why there is nothing.
    Nothing(String),
}

fn rows() -> Vec<Row> {
    let list =
        fs::read_to_string(workspace().join("tests/conformance/README.md")).expect("the list can be read");
    let rows = list.lines().filter_map(|line| {
        let (upstream, here) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        Some((upstream, here)).filter(|(upstream, _)| !["Upstream", "---"].contains(upstream))
    });
    rows.map(|(upstream, here)| Row {
        upstream: upstream.to_owned(),
        here: read(here),
    })
    .collect()
}

fn read(here: &str) -> Here {
    let test: Vec<&str> = here.split('`').collect();
    if let Some(name) = here.split(['[', ']']).nth(1) {
        assert_eq!(here, format!("[{name}]({name}.yaml)"));
        Here::Scenario(name.to_owned())
    } else if let ["", package, " ", name, ""] = test[..] {
        Here::Test {
            package: package.to_owned(),
            name: name.to_owned(),
        }
    } else {
        let reasons = ["not applicable: ", "not yet: "];
        assert!(reasons.iter().any(|reason| here.starts_with(reason)), "{here}");
        Here::Nothing(here.to_owned())
    }
}

impl Row {
    /// What came of it, or why it failed.
    fn take(&self) -> Result<String, String> {
        match &self.here {
            Here::Nothing(reason) => return Ok(reason.clone()),
            Here::Scenario(name) => self.run(name)?,
            Here::Test { package, name } => test(package, name)?,
        }
        Ok("passed".to_owned())
    }

    fn run(&self, name: &str) -> Result<(), String> {
        let path = workspace()
            .join("tests/conformance")
            .join(name)
            .with_extension("yaml");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let title = format!("# {}\n", self.upstream.trim_end_matches(" [Conformance]"));
        if !text.contains(&title) {
            return Err(format!("{name}.yaml has no {title}"));
        }
        for user in User::all() {
            let file = File::open(&path).map_err(|error| error.to_string())?;
            let output = podlab(*user).args(["run", "-"]).stdin(file).output();
            let output = output.map_err(|error| error.to_string())?;
            if output.status.code() != Some(0) || !output.stderr.is_empty() {
                return Err(printed(&output));
            }
        }
        Ok(())
    }
}

fn test(package: &str, name: &str) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--quiet", "--package", package, "--", name]);
    let output = command
        .current_dir(workspace())
        .output()
        .map_err(|error| error.to_string())?;
    let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    if output.status.success() && ran {
        Ok(())
    } else {
        Err(printed(&output))
    }
}

#[test]
fn what_upstream_asks_of_services() {
    let mut counts = [("passed", 0), ("not applicable", 0), ("not yet", 0)];
    let mut failed = Vec::new();
    for row in rows() {
        let outcome = row.take().unwrap_or_else(|why| {
            failed.push(format!("{}\n{why}", row.upstream));
            "FAILED".to_owned()
        });
        println!("{:<118} {outcome}", row.upstream);
        for (what, count) in &mut counts {
            *count += usize::from(outcome.starts_with(*what));
        }
    }
    let counts = counts.map(|(what, count)| format!("{count} {what}"));
    println!("\n{}, {} failed", counts.join(", "), failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_scenario_is_listed() {
    let entries = fs::read_dir(workspace().join("tests/conformance")).expect("the folder can be read");
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let files: BTreeSet<String> = names
        .filter_map(|name| Some(name.strip_suffix(".yaml")?.to_owned()))
        .collect();
    let listed = rows().into_iter().filter_map(|row| match row.here {
        Here::Scenario(name) => Some(name),
        _ => None,
    });
    assert_eq!(files, listed.collect());
}
