//! What commands print: tables for people, JSON for programs. The only place that writes to
//! standard output and standard error.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::failure::{Failure, Outcome};

/// Writes a line to standard output. A closed pipe (`vigie … | head`) ends the command quietly.
pub(crate) fn line(text: &str) -> Outcome<()> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// Writes bytes to standard output.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome<()> {
    written(io::stdout().lock().write_all(bytes))
}

/// Writes a line to standard error.
pub(crate) fn note(text: &str) {
    // Nothing can be said about a standard error that is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Outcome<()> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::usage)?;
    line(&text)
}

fn written(result: io::Result<()>) -> Outcome<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::usage),
    }
}

/// Whether standard error is a terminal, where progress may be drawn.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Lines up columns; the first row is the header.
pub(crate) fn table(rows: &[Vec<String>]) -> Outcome<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    for row in rows {
        let mut text = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            if !text.is_empty() {
                text.push_str("  ");
            }
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        line(text.trim_end())?;
    }
    Ok(())
}

/// A duration as people say it: `7 min`, `3 h`, `2 d`.
pub(crate) fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How far a long command is: a bar on a terminal, plain lines elsewhere, nothing where programs read.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Progress {
    /// The progress through so many steps.
    pub(crate) fn new(steps: usize, quiet: bool) -> Self {
        let bar = (!quiet && steps > 0 && is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} · {eta} · {wide_msg}");
            let bar = ProgressBar::new(steps as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, quiet }
    }

    /// A step is done, and this came of it.
    pub(crate) fn advance(&self, text: &str) -> Outcome<()> {
        match &self.bar {
            Some(bar) => {
                bar.set_message(text.to_owned());
                bar.inc(1);
                Ok(())
            }
            None if self.quiet => Ok(()),
            None => line(text),
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
