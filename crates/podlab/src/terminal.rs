//! A terminal that passes every key on, until somebody lets go of it.

use std::io::{IsTerminal, stdin};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use terminal_size::{Height, Width, terminal_size_of};

/// The terminal of standard input, in raw mode as long as this is there.
#[derive(Debug)]
pub(crate) struct Raw(Termios);

impl Raw {
    /// None if standard input is no terminal.
    pub(crate) fn enter() -> std::io::Result<Option<Self>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(stdin(), SetArg::TCSADRAIN, &raw)?;
        Ok(Some(Self(before)))
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        let (Width(columns), Height(rows)) = terminal_size_of(stdin())?;
        Some((columns, rows))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = tcsetattr(stdin(), SetArg::TCSADRAIN, &self.0);
    }
}
