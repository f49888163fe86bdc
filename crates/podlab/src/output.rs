//! Where answers and reports go: standard output, and the files of a folder.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::adapter::strip_str;
use clap::ValueEnum;
use podlab_scenario::report::Report;

use crate::exit::{self, cannot};

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Tables and ticks.
    Text,
    /// Everything, for programs.
    Json,
    /// JUnit's XML, for CI servers.
    Junit,
}

/// The files that a report goes to, opened before there is a report, so that a folder that can't be written to is
/// told before anything is built.
#[derive(Default)]
pub(crate) struct Files(Vec<(Output, PathBuf, File)>);

impl Files {
    /// Makes the folder and opens the files in it; none without a folder.
    pub(crate) fn open(folder: Option<&Path>, scenario: &str) -> io::Result<Self> {
        let Some(folder) = folder else {
            return Ok(Self(Vec::new()));
        };
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        let forms = [
            (Output::Text, "txt"),
            (Output::Json, "json"),
            (Output::Junit, "xml"),
        ];
        let open = |(form, extension)| {
            let path = folder.join(format!("{scenario}.{extension}"));
            let file = File::create(&path).map_err(|error| at(&path, error))?;
            Ok((form, path, file))
        };
        Ok(Self(forms.into_iter().map(open).collect::<io::Result<_>>()?))
    }

    /// Writes the report in each file's form.
    fn write(&self, report: &Report) -> io::Result<()> {
        for (form, path, mut file) in self.0.iter().map(|(form, path, file)| (form, path, file)) {
            let text = strip_str(&text_of(report, *form)?).to_string();
            file.write_all(text.as_bytes()).map_err(|error| at(path, error))?;
        }
        Ok(())
    }

    /// Keeps the files of a run that has a verdict, and only of that; the exit code.
    pub(crate) fn settle(self, code: u8) -> u8 {
        if !matches!(code, exit::PASSED | exit::FAILED) {
            for (_, path, _) in &self.0 {
                // Somebody else may have removed it.
                let _ = fs::remove_file(path);
            }
        }
        code
    }
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Prints the report and writes it to files; the exit code.
pub(crate) fn conclude(report: &Report, form: Output, files: &Files) -> u8 {
    let printed = text_of(report, form).and_then(|text| print(text.trim_end()));
    let written = printed.and_then(|()| files.write(report));
    match written {
        Ok(()) if report.passed() => exit::PASSED,
        Ok(()) => exit::FAILED,
        Err(error) => cannot(&format!("cannot write the report: {error}")),
    }
}

/// Prints what a command was asked for; the exit code.
pub(crate) fn answer(text: impl Display) -> u8 {
    match print(text) {
        Ok(()) => exit::PASSED,
        Err(error) => cannot(&format!("cannot write the answer: {error}")),
    }
}

/// Prints a line or more, in colours where they belong.
fn print(text: impl Display) -> io::Result<()> {
    match writeln!(anstream::stdout(), "{text}") {
        // Whoever has read enough may go: `podlab run … | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn text_of(report: &Report, form: Output) -> io::Result<String> {
    match form {
        Output::Text => Ok(report.to_text()),
        Output::Json => report.to_json().map_err(io::Error::from),
        Output::Junit => report.to_junit().map_err(io::Error::other),
    }
}
