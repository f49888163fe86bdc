//! Every wrong manifest in `tests/bad-input` gets exactly the diagnostics that stand beside it.
//!
//! `UPDATE_EXPECTED=1` writes them anew; read the difference before committing it.

use std::path::{Path, PathBuf};

use podlab_api::manifest::{SourceFile, read};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace")
}

fn inputs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(workspace().join("tests/bad-input")).expect("the folder of bad inputs");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn wrong_inputs_are_refused_with_exactly_these_words() {
    let mut different = Vec::new();
    for path in inputs() {
        let name = path
            .strip_prefix(workspace())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let reading = read(&[SourceFile { name, text }]);
        assert!(reading.has_errors(), "{} is fine", path.display());
        let said: String = reading
            .diagnostics
            .iter()
            .map(|diagnostic| format!("{diagnostic}\n"))
            .collect();
        let beside = path.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&beside, said).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            different.push(format!(
                "{}\n--- expected\n{expected}--- said\n{said}",
                path.display()
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn there_are_enough_of_them() {
    assert!(inputs().len() >= 30);
}
