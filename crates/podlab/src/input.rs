//! Reads the files that the command line names, and says what is wrong with them.

use std::io::{IsTerminal, Read, stderr, stdin};
use std::{fs, io};

use podlab_api::diagnostic::Diagnostic;
use podlab_api::manifest::{Reading, SourceFile, read};
use podlab_node::cgroups;

/// The most bytes of all files together: what can be read and checked within about a second.
pub(crate) const LARGEST: u64 = 16 << 20;
/// How many things that are wrong are told.
const MOST: usize = 100;

/// Reads and checks files that make a cluster on this machine; writes what is wrong to standard error. None when nothing
/// may be built from them.
pub(crate) fn understand(files: &[String], strict: bool) -> Option<Reading> {
    let sources = sources(files)?;
    let reading = read(&sources).on_nodes(cgroups::here().unenforced(), &sources);
    accept(reading, strict)
}

/// What files hold. None when one can't be read, which it has said then.
pub(crate) fn sources(files: &[String]) -> Option<Vec<SourceFile>> {
    let mut sources = Vec::new();
    let mut room = LARGEST;
    for name in files {
        match text_of(name, room) {
            Ok(text) => {
                room -= text.len() as u64;
                sources.push(SourceFile {
                    name: name.clone(),
                    text,
                });
            }
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

/// Writes diagnostics to standard error, in colour on a terminal. If there are too many, errors come first.
pub(crate) fn complain(diagnostics: &[Diagnostic]) {
    let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut diagnostics: Vec<&Diagnostic> = diagnostics.iter().collect();
    if diagnostics.len() > MOST {
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
    }
    let (told, others) = diagnostics.split_at(diagnostics.len().min(MOST));
    for diagnostic in told {
        say!("{}", diagnostic.render(color).trim_end());
    }
    if !others.is_empty() {
        say!("and {} more", others.len());
    }
}

fn text_of(name: &str, room: u64) -> io::Result<String> {
    let mut file: Box<dyn Read> = match name {
        "-" => Box::new(stdin()),
        name => Box::new(fs::File::open(name)?),
    };
    let mut bytes = Vec::new();
    file.by_ref().take(room + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > room {
        let why = format!(
            "manifests must be at most {} MiB, all files together",
            LARGEST >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}
