//! Kubernetes' own tests of Services, as tests/conformance/README.md lists them: takes them, and prints what came of
//! each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use podlab_tests::{User, podlab, printed, workspace};
use serde_json::Value;

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
    fn take(&self, programs: &BTreeMap<String, Vec<PathBuf>>) -> Result<String, String> {
        match &self.here {
            Here::Nothing(reason) => return Ok(reason.clone()),
            Here::Scenario(name) => self.run(name)?,
            Here::Test { package, name } => {
                let programs = programs.get(package).map_or(&[][..], Vec::as_slice);
                test(programs, name)?;
            }
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
            // A warning: the kernel has refused something, and was given all of it once more.
            let said = String::from_utf8_lossy(&output.stderr);
            let is_well = ![" WARN ", "panicked"].iter().any(|word| said.contains(word));
            if output.status.code() != Some(0) || !is_well {
                return Err(printed(&output));
            }
        }
        Ok(())
    }
}

/// The programs that hold the tests of each package: built with the whole workspace, so that nothing is built twice.
fn test_programs() -> BTreeMap<String, Vec<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "test",
        "--workspace",
        "--no-run",
        "--quiet",
        "--message-format",
        "json",
    ]);
    let output = command.current_dir(workspace()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", printed(&output));
    let mut programs = BTreeMap::<String, Vec<PathBuf>>::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Value = serde_json::from_str(line).expect("cargo prints JSON");
        let package = message["package_id"]
            .as_str()
            .and_then(|id| id.split(['#', '@']).nth(1));
        if let (Some(package), Some(program)) = (package, message["executable"].as_str()) {
            let programs = programs.entry(package.to_owned()).or_default();
            programs.push(program.into());
        }
    }
    programs
}

fn test(programs: &[PathBuf], name: &str) -> Result<(), String> {
    let mut said = String::new();
    for program in programs {
        let output = Command::new(program)
            .arg(name)
            .output()
            .map_err(|error| error.to_string())?;
        said += &printed(&output);
        if String::from_utf8_lossy(&output.stdout).contains(" 1 passed; 0 failed") {
            return Ok(());
        }
    }
    Err(said)
}

#[test]
fn what_upstream_asks_of_services() {
    let mut counts = [("passed", 0), ("not applicable", 0), ("not yet", 0)];
    let mut failed = Vec::new();
    let programs = test_programs();
    for row in rows() {
        let outcome = row.take(&programs).unwrap_or_else(|why| {
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
