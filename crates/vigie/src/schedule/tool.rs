//! Programs of the operating system that install what we made.

use std::{ffi::OsStr, io::ErrorKind, path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::failure::{Failure, Outcome};

/// What a program said.
#[derive(Debug)]
pub(super) struct Said {
    /// Whether it did what was asked of it.
    pub(super) done: bool,
    /// Its standard output.
    pub(super) output: Vec<u8>,
    /// Its standard error, in English.
    pub(super) error: String,
}

/// Runs a program to its end, with `input` on its standard input.
pub(super) async fn run<A: AsRef<OsStr>>(
    program: &Path,
    arguments: &[A],
    input: &[u8],
    remedy_if_missing: &str,
) -> Outcome<Said> {
    let failed = |error: std::io::Error| {
        let text = format!("cannot run `{}`: {error}", program.display());
        Failure::usage(text).hint(remedy_if_missing)
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    // What is written here fits into a pipe's buffer or is read at once: these programs say nothing before they have read.
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input).await {
            // Its exit status tells why it read no further.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.map_err(failed)?,
        }
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    Ok(Said {
        done: output.status.success(),
        output: output.stdout,
        error: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
