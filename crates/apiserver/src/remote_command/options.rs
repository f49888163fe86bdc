//! What is to be run, and what the client wants of it: the query parameters of `pods/exec` and `pods/attach`.

use crate::query::Query;

/// PodExecOptions; PodAttachOptions are the same without a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExecOptions {
    /// In which container; a pod with one container needs no name.
    pub(crate) container: Option<String>,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// What the client wants to write and read.
    pub(crate) streams: Streams,
}

/// The streams between a client and a program, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Streams {
    /// The client writes the program's standard input.
    pub(crate) stdin: bool,
    /// It reads the program's standard output.
    pub(crate) stdout: bool,
    /// It reads the program's standard error. Never with `tty`, where that is the standard output.
    pub(crate) stderr: bool,
    /// The program has a terminal, whose size the client can change.
    pub(crate) tty: bool,
}

/// The client wants nothing of the program. The reason is `BadRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("you must specify at least 1 of stdin, stdout, stderr")]
pub(crate) struct ExecOptionsError;

impl ExecOptions {
    /// Reads a URL's part after the question mark.
    ///
    /// # Errors
    /// [`ExecOptionsError`].
    pub(crate) fn parse(query: &str) -> Result<Self, ExecOptionsError> {
        let query = Query::parse(query);
        let tty = query.flag("tty");
        let streams = Streams {
            stdin: query.flag("stdin"),
            stdout: query.flag("stdout"),
            stderr: query.flag("stderr") && !tty,
            tty,
        };
        if !(streams.stdin || streams.stdout || streams.stderr) {
            return Err(ExecOptionsError);
        }
        Ok(Self {
            container: query.text("container"),
            command: query.all("command").map(str::to_owned).collect(),
            streams,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubectl_asks_for() {
        let asked = "command=sh&command=-c&command=exit+7&container=web&stderr=true&stdout=true";
        let options = ExecOptions::parse(asked).unwrap();
        assert_eq!(options.command, ["sh", "-c", "exit 7"]);
        assert_eq!(options.container.as_deref(), Some("web"));
    }

    #[test]
    fn streams_are_those_that_are_wanted() {
        let cases = [
            ("stdin=true", Some("stdin")),
            ("stdout=1&stderr=true", Some("stdout stderr")),
            ("stdin=1&stdout=1&stderr=false", Some("stdin stdout")),
            ("stdin=1&stdout=1&stderr=1&tty=1", Some("stdin stdout tty")),
            ("", None),
            ("tty=true", None),
            ("stderr=true&tty=true", None),
            ("stdin=0&stdout=false", None),
        ];
        for (query, expected) in cases {
            let names = ExecOptions::parse(query).ok().map(|options| {
                let Streams {
                    stdin,
                    stdout,
                    stderr,
                    tty,
                } = options.streams;
                let all = [
                    ("stdin", stdin),
                    ("stdout", stdout),
                    ("stderr", stderr),
                    ("tty", tty),
                ];
                let wanted = all.iter().filter(|(_, wanted)| *wanted);
                wanted.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
            });
            assert_eq!(names.as_deref(), expected, "{query}");
        }
    }
}
