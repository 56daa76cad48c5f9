//! What a command prints: one JSON object for machines, tables and plots for people, plain lines in a pipe.

#[cfg(target_os = "linux")]
pub(crate) mod experiment;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod plot;
pub(crate) mod progress;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::error::CliError;

/// How the answer is printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Format {
    /// Print one JSON object on standard output and everything else on standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw the series: on a terminal only, always or never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) plot: When,
}

/// When something is done that suits a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// Only where a person looks on
    #[default]
    Auto,
    /// In a pipe too
    Always,
    /// Not at all
    Never,
}

/// What is known of the screen that standard output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Whether a person looks on.
    pub(crate) terminal: bool,
    /// Whether colors are wanted and can be shown.
    pub(crate) color: bool,
    /// Characters a line.
    pub(crate) columns: usize,
    /// Lines.
    pub(crate) rows: usize,
}

impl Screen {
    /// The screen of standard output; 100 by 30 where there is none. `NO_COLOR` and `TERM=dumb` are obeyed.
    pub(crate) fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let (rows, columns) = console::Term::stdout().size_checked().unwrap_or((30, 100));
        Self { terminal, color: terminal && !plain, columns: usize::from(columns), rows: usize::from(rows) }
    }

    /// Whether to draw.
    pub(crate) fn draws(&self, when: When) -> bool {
        match when {
            When::Auto => self.terminal,
            When::Always => true,
            When::Never => false,
        }
    }

    /// Text in a color, where colors are shown.
    pub(crate) fn paint(&self, ink: Ink, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }
}

/// A color or weight of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A heading.
    Bold,
    /// What matters less.
    Dim,
    /// What came.
    Seen,
    /// What is forecast.
    Forecast,
    /// What is gained or added.
    Good,
    /// What to look at.
    Warning,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Seen => "39",
            Self::Forecast => "36",
            Self::Good => "32",
            Self::Warning => "33",
        }
    }
}

/// Prints text on standard output as it is.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::output("standard output"))
}

/// Prints the one JSON object that `--json` promises.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string(value).map_err(CliError::failed)?;
    text.push('\n');
    print(&text)
}

/// Tells a person something beside the answer.
pub(crate) fn warn(text: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(io::stderr().lock(), "warning: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_only_where_they_are_shown() {
        let screen = Screen { terminal: true, color: true, columns: 80, rows: 24 };
        assert_eq!(screen.paint(Ink::Good, "x"), "\x1b[32mx\x1b[0m");
        assert_eq!(Screen { color: false, ..screen }.paint(Ink::Good, "x"), "x");
        assert!(screen.draws(When::Auto) && !screen.draws(When::Never));
        assert!(Screen { terminal: false, ..screen }.draws(When::Always));
    }
}
