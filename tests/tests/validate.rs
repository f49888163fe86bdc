//! `podlab validate`: what is wrong is said exactly, and what is right passes, as root and as an ordinary user.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use podlab_tests::{User, podlab, printed, workspace};

/// Runs podlab as `user` with a file on standard input.
fn validate(user: User, input: &str, options: &[&str]) -> Output {
    let mut child = podlab(user)
        .args(["validate", "-"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podlab starts");
    child
        .stdin
        .take()
        .expect("it is a pipe")
        .write_all(input.as_bytes())
        .expect("podlab reads its input");
    child.wait_with_output().expect("podlab ends")
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace().join(folder)).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    files.retain(|file| file.extension().is_some_and(|its| its == extension));
    files.sort();
    files
}

/// With `UPDATE_EXPECTED` set, what is printed becomes what is expected: read the difference before you commit it.
#[test]
fn every_bad_input_is_refused_with_its_exact_message() {
    let files = files("tests/bad-input", "yaml");
    assert!(files.len() >= 25, "only {} bad inputs", files.len());
    for file in files {
        let name = file.strip_prefix(workspace()).expect("it is in the workspace");
        let output = podlab(User::all()[0])
            .arg("validate")
            .arg(name)
            .output()
            .expect("podlab runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{}: {}",
            name.display(),
            printed(&output)
        );
        let expected = file.with_extension("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, said.as_bytes()).expect("the file can be written");
        }
        assert_eq!(
            said,
            fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            name.display()
        );
    }
}

#[test]
fn every_scenario_is_valid() {
    for file in files("scenarios", "yaml") {
        let text = fs::read_to_string(&file).expect("the scenario can be read");
        for user in User::all() {
            let output = validate(*user, &text, &["--strict"]);
            assert!(
                output.status.success(),
                "{} as {user:?}: {}",
                file.display(),
                printed(&output)
            );
        }
    }
}

#[test]
fn a_kind_that_podlab_does_not_run_is_passed_over_unless_strict() {
    let input = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: database}\n\
                 ---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let lenient = validate(User::all()[0], input, &[]);
    assert_eq!(lenient.status.code(), Some(0), "{}", printed(&lenient));
    assert!(
        String::from_utf8_lossy(&lenient.stderr).contains("warning: StatefulSet"),
        "{}",
        printed(&lenient)
    );
    assert_eq!(String::from_utf8_lossy(&lenient.stdout), "1 object: valid\n");
    let strict = validate(User::all()[0], input, &["--strict"]);
    assert_eq!(strict.status.code(), Some(2), "{}", printed(&strict));
}

#[test]
fn what_kubernetes_warns_of_is_valid_unless_strict() {
    let input = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n\
                 spec: {clusterIP: None, sessionAffinity: ClientIP, ports: [{port: 80}]}\n";
    let lenient = validate(User::all()[0], input, &[]);
    assert_eq!(lenient.status.code(), Some(0), "{}", printed(&lenient));
    let said =
        "<stdin>:4:42: warning: Service \"web\": spec.SessionAffinity is ignored for headless services\n";
    assert!(
        String::from_utf8_lossy(&lenient.stderr).starts_with(said),
        "{}",
        printed(&lenient)
    );
    let strict = validate(User::all()[0], input, &["--strict"]);
    assert_eq!(strict.status.code(), Some(2), "{}", printed(&strict));
}

#[test]
fn a_file_that_is_not_there_is_bad_input() {
    let output = podlab(User::all()[0])
        .args(["validate", "no-such.yaml"])
        .output()
        .expect("podlab runs");
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: no-such.yaml: No such file or directory (os error 2)\n"
    );
}
