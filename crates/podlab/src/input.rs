//! Reads the files that the command line names, and says what is wrong with them.

use std::io::{IsTerminal, Read, stderr, stdin};
use std::{fs, io};

use podlab_api::diagnostic::Diagnostic;
use podlab_api::manifest::{Reading, SourceFile, read};

/// Reads and checks files that make a cluster; writes what is wrong to standard error. None when nothing may be built
/// from them.
pub(crate) fn understand(files: &[String], strict: bool) -> Option<Reading> {
    accept(read(&sources(files)?), strict)
}

/// What files hold. None when one can't be read, which it has said then.
pub(crate) fn sources(files: &[String]) -> Option<Vec<SourceFile>> {
    let mut sources = Vec::new();
    for name in files {
        match text_of(name) {
            Ok(text) => sources.push(SourceFile {
                name: name.clone(),
                text,
            }),
            Err(error) => say!("error: {name}: {error}"),
        }
    }
    (sources.len() == files.len()).then_some(sources)
}

/// Writes what is wrong to standard error. None when nothing may be done with it.
pub(crate) fn accept(reading: Reading, strict: bool) -> Option<Reading> {
    let reading = if strict { reading.strict() } else { reading };
    complain(&reading.diagnostics);
    (!reading.has_errors()).then_some(reading)
}

/// Writes diagnostics to standard error, in colour on a terminal.
pub(crate) fn complain(diagnostics: &[Diagnostic]) {
    let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    for diagnostic in diagnostics {
        say!("{}", diagnostic.render(color).trim_end());
    }
}

fn text_of(name: &str) -> io::Result<String> {
    if name != "-" {
        return fs::read_to_string(name);
    }
    let mut text = String::new();
    stdin().read_to_string(&mut text)?;
    Ok(text)
}
