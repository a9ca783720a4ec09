//! Telling people: a webhook, a command, electronic mail. What is told, and when, is in [`crate::alerts`] and [`crate::report`];
//! what waits is in [`crate::outbox`].

mod mail;

use std::{
    fmt::Write as _, path::PathBuf, pin::pin, process::Stdio, sync::LazyLock, time::Duration,
};

use futures::{
    FutureExt as _,
    future::{FusedFuture as _, join, pending},
};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use vigie_core::secret::Secret;

use crate::app::App;

/// The longest that telling one channel may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long after its end a program's last words are waited for, where something that it left behind keeps its output open.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// The most of a program's complaint that is repeated.
const COMPLAINT_BYTES_MAX: usize = 500;
/// The exit code by which a program says that it cannot take this message, and never will (`EX_DATAERR`).
const REFUSED: i32 = 65;

/// The client of the webhook: it follows no redirect, and its connections are used again.
static CLIENT: LazyLock<Result<reqwest::Client, String>> = LazyLock::new(|| {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())
});

/// A way to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    /// `notify.webhook`
    Webhook,
    /// `notify.command`
    Command,
    /// `notify.email`
    Email,
    /// `report.on_done`, which gets reports and nothing else.
    OnDone,
}

impl Channel {
    /// All of them.
    pub(crate) const ALL: [Channel; 4] = [
        Channel::Webhook,
        Channel::Command,
        Channel::Email,
        Channel::OnDone,
    ];

    /// As `vigie.toml` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Channel::Webhook => "notify.webhook",
            Channel::Command => "notify.command",
            Channel::Email => "notify.email",
            Channel::OnDone => "report.on_done",
        }
    }

    /// Whether the settings name it.
    pub(crate) fn is_set(self, app: &App) -> bool {
        let config = app.config();
        match self {
            Channel::Webhook => config.notify.webhook.is_some(),
            Channel::Command => !config.notify.command.is_empty(),
            Channel::Email => config.notify.email.is_some(),
            Channel::OnDone => !config.report.on_done.is_empty(),
        }
    }
}

/// What is told. A channel that fails gets it again, so it may arrive twice: `id` tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// The same whenever it is sent.
    pub(crate) id: String,
    /// In a line.
    pub(crate) subject: String,
    /// In full.
    pub(crate) text: String,
    /// For programs.
    pub(crate) data: serde_json::Value,
    /// A file that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
}

/// Why a message was not taken. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// This message is refused, and would be again; others may go through.
    Refused(String),
    /// The channel does not work now.
    Failed(String),
}

impl Trouble {
    fn failed(error: &impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    /// The reason.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Refused(reason) | Self::Failed(reason) => reason,
        }
    }
}

/// The channels of alerts that the settings name.
pub(crate) fn channels(app: &App) -> Vec<Channel> {
    let all = [Channel::Webhook, Channel::Command, Channel::Email];
    all.into_iter().filter(|one| one.is_set(app)).collect()
}

/// Sends a message by one channel.
pub(crate) async fn send(app: &App, channel: Channel, message: &Message) -> Result<(), Trouble> {
    let config = app.config();
    let sending = async {
        match channel {
            Channel::Webhook => match &config.notify.webhook {
                Some(address) => post(address, message).await,
                None => Ok(()),
            },
            Channel::Command => run(app, &config.notify.command, message).await,
            Channel::Email => match &config.notify.email {
                Some(email) => mail::send(email, message).await,
                None => Ok(()),
            },
            Channel::OnDone => run(app, &config.report.on_done, message).await,
        }
    };
    let told = tokio::time::timeout(PATIENCE, sending).await;
    told.unwrap_or_else(|_| {
        let reason = format!("no end within {} s", PATIENCE.as_secs());
        Err(Trouble::Failed(reason))
    })
}

async fn post(address: &str, message: &Message) -> Result<(), Trouble> {
    let address = match address.strip_prefix("env:") {
        Some(name) => std::env::var(name).map_err(|_| {
            let reason = format!("the environment variable {name} with its address is not set");
            Trouble::Failed(reason)
        })?,
        None => address.to_owned(),
    };
    let secret = Secret::new(address);
    let client = CLIENT.as_ref().map_err(Trouble::failed)?;
    let body = serde_json::to_vec(message).map_err(|error| Trouble::failed(&error))?;
    let request = client
        .post(secret.expose())
        .header("content-type", "application/json")
        .header("idempotency-key", &message.id)
        .body(body);
    // The address may hold a token: no error repeats it.
    let answer = request
        .send()
        .await
        .map_err(|error| Trouble::Failed(secret.redact(&error.without_url().to_string())))?;
    judged(answer.status())
}

/// Whether a status is about the message, or about whoever answers: a token that is wrong, an address that is no more and a
/// server that is busy may be set right.
fn judged(status: StatusCode) -> Result<(), Trouble> {
    let reason = format!("HTTP status {status}");
    match status.as_u16() {
        200..300 => Ok(()),
        401..=405 | 407 | 408 | 410 | 421 | 425 | 429 => Err(Trouble::Failed(reason)),
        400..500 => Err(Trouble::Refused(reason)),
        _ => Err(Trouble::Failed(reason)),
    }
}

/// Runs a program in the workspace, with the message as JSON on its standard input, and the file as its last argument. It has
/// taken the message when it ends, whatever it leaves behind.
async fn run(app: &App, command: &[String], message: &Message) -> Result<(), Trouble> {
    let [program, arguments @ ..] = command else {
        return Ok(());
    };
    if let Some(file) = message.file.as_ref().filter(|file| !file.exists()) {
        return Err(Trouble::Refused(format!("{} is gone", file.display())));
    }
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .args(&message.file)
        .current_dir(app.root())
        .env("VIGIE_SUBJECT", &message.subject)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Trouble::Failed(format!("`{program}` cannot be run: {error}")))?;
    let json = serde_json::to_vec(message).map_err(|error| Trouble::failed(&error))?;
    let (input, output) = (child.stdin.take(), child.stderr.take());
    let mut said = Vec::new();
    let status = {
        let mut feeding = pin!(
            async {
                if let Some(mut input) = input {
                    // A program that does not read what it gets closes the pipe, which is its right.
                    let _ = input.write_all(&json).await;
                }
            }
            .fuse()
        );
        let mut reading = pin!(listen(output, &mut said).fuse());
        let status = tokio::select! {
            status = child.wait() => status,
            () = async {
                join(&mut feeding, &mut reading).await;
                pending::<()>().await;
            } => unreachable!("it is pending"),
        };
        if !reading.is_terminated() {
            // Its last words are in the pipe. Whoever else holds it open is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, reading).await;
        }
        status
    };
    let status = status.map_err(|error| Trouble::Failed(format!("`{program}`: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let reason = format!("`{program}` ended with {status}: {}", said.trim());
    Err(if status.code() == Some(REFUSED) {
        Trouble::Refused(reason)
    } else {
        Trouble::Failed(reason)
    })
}

/// Reads to the end, so that nobody waits for a full pipe, and keeps the beginning.
async fn listen(output: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = output.read(&mut piece).await {
        let room = COMPLAINT_BYTES_MAX.saturating_sub(said.len()).min(read);
        said.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
}

/// The identity of a message: the same for the same parts.
pub(crate) fn identity(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\u{0}").as_bytes());
    let mut text = String::new();
    for byte in digest.iter().take(12) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_about_the_message_or_about_the_channel() {
        for (status, expected) in [
            (200, "taken"),
            (204, "taken"),
            (302, "failed"),
            (400, "refused"),
            (401, "failed"),
            (404, "failed"),
            (413, "refused"),
            (422, "refused"),
            (429, "failed"),
            (500, "failed"),
        ] {
            let is = match judged(StatusCode::from_u16(status).unwrap()) {
                Ok(()) => "taken",
                Err(Trouble::Refused(_)) => "refused",
                Err(Trouble::Failed(_)) => "failed",
            };
            assert_eq!(is, expected, "{status}");
        }
    }

    #[tokio::test]
    async fn of_what_a_program_says_the_beginning_is_kept() {
        let long = vec![b'x'; 10_000];
        let mut said = Vec::new();
        listen(Some(long.as_slice()), &mut said).await;
        assert_eq!(said.len(), COMPLAINT_BYTES_MAX);
    }
}
