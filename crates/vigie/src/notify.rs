//! Telling people: a webhook, a command, electronic mail. What is told, and when, is in [`crate::alerts`] and [`crate::report`].

use std::{fmt::Write as _, path::PathBuf, process::Stdio, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use vigie_core::secret::Secret;

use crate::{app::App, config::EmailConfig};

/// The longest that telling one channel may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The variable with the password of the mail server.
const SMTP_PASSWORD: &str = "VIGIE_SMTP_PASSWORD";
/// The most of a program's complaint that is repeated.
const COMPLAINT_BYTES_MAX: usize = 500;

/// A way to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    /// `notify.webhook`
    Webhook,
    /// `notify.command`
    Command,
    /// `notify.email`
    Email,
}

impl Channel {
    /// As `vigie.toml` calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Channel::Webhook => "notify.webhook",
            Channel::Command => "notify.command",
            Channel::Email => "notify.email",
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

/// The channels that the settings name.
pub(crate) fn channels(app: &App) -> Vec<Channel> {
    let notify = &app.config().notify;
    let all = [
        (Channel::Webhook, notify.webhook.is_some()),
        (Channel::Command, !notify.command.is_empty()),
        (Channel::Email, notify.email.is_some()),
    ];
    all.into_iter()
        .filter_map(|(channel, is_set)| is_set.then_some(channel))
        .collect()
}

/// Sends a message by one channel. The error holds no secret.
pub(crate) async fn send(app: &App, channel: Channel, message: &Message) -> Result<(), String> {
    let notify = &app.config().notify;
    let sending = async {
        match channel {
            Channel::Webhook => match &notify.webhook {
                Some(address) => post(address, message).await,
                None => Ok(()),
            },
            Channel::Command => run(app, &notify.command, message).await,
            Channel::Email => match &notify.email {
                Some(email) => mail(email, message).await,
                None => Ok(()),
            },
        }
    };
    in_time(sending).await
}

/// Runs a program for a message that is not for the channels.
pub(crate) async fn hook(app: &App, command: &[String], message: &Message) -> Result<(), String> {
    in_time(run(app, command, message)).await
}

async fn in_time(telling: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let told = tokio::time::timeout(PATIENCE, telling).await;
    told.unwrap_or_else(|_| Err(format!("no end within {} s", PATIENCE.as_secs())))
}

async fn post(address: &str, message: &Message) -> Result<(), String> {
    let address = match address.strip_prefix("env:") {
        Some(name) => std::env::var(name)
            .map_err(|_| format!("the environment variable {name} with its address is not set"))?,
        None => address.to_owned(),
    };
    let secret = Secret::new(address);
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())?;
    let body = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    let request = client
        .post(secret.expose())
        .header("content-type", "application/json")
        .header("idempotency-key", &message.id)
        .body(body);
    // The address may hold a token: no error repeats it.
    let answer = request
        .send()
        .await
        .map_err(|error| secret.redact(&error.without_url().to_string()))?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("HTTP status {status}"))
    }
}

/// Runs a program in the workspace, with the message as JSON on its standard input, and the file as its last argument.
async fn run(app: &App, command: &[String], message: &Message) -> Result<(), String> {
    let [program, arguments @ ..] = command else {
        return Ok(());
    };
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
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    let json = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    let input = child.stdin.take();
    let feeding = async {
        if let Some(mut input) = input {
            // A program that does not read what it gets closes the pipe, which is its right.
            let _ = input.write_all(&json).await;
        }
    };
    let ((), output) = tokio::join!(feeding, child.wait_with_output());
    let output = output.map_err(|error| format!("`{program}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = &output.stderr[..output.stderr.len().min(COMPLAINT_BYTES_MAX)];
    let said = String::from_utf8_lossy(said);
    Err(format!(
        "`{program}` ended with {}: {}",
        output.status,
        said.trim()
    ))
}

/// Sends mail, with the file attached.
async fn mail(email: &EmailConfig, message: &Message) -> Result<(), String> {
    let mailbox = |address: &str| {
        let parsed = address.parse::<Mailbox>();
        parsed.map_err(|error| format!("`{address}`: {error}"))
    };
    let mut builder = Mail::builder()
        .from(mailbox(&email.from)?)
        .subject(message.subject.as_str())
        .message_id(Some(format!("<{}@vigie.invalid>", message.id)));
    for address in &email.to {
        builder = builder.to(mailbox(address)?);
    }
    let text = SinglePart::plain(message.text.clone());
    let mail = match &message.file {
        Some(path) => {
            let bytes = tokio::fs::read(path)
                .await
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let kind = ContentType::parse("application/pdf").map_err(|error| error.to_string())?;
            let attached = Attachment::new(name).body(bytes, kind);
            builder.multipart(MultiPart::mixed().singlepart(text).singlepart(attached))
        }
        None => builder.singlepart(text),
    }
    .map_err(|error| error.to_string())?;
    let password = std::env::var(SMTP_PASSWORD)
        .ok()
        .filter(|text| !text.is_empty());
    let secret = password.clone().map(Secret::new);
    let hide = |text: String| match &secret {
        Some(secret) => secret.redact(&text),
        None => text,
    };
    let mut url = Url::parse(&email.smtp).map_err(|error| format!("notify.email.smtp: {error}"))?;
    if let Some(password) = &password {
        url.set_password(Some(password))
            .map_err(|()| "notify.email.smtp: it takes no password".to_owned())?;
    }
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())
        .map_err(|error| hide(format!("notify.email.smtp: {error}")))?
        .timeout(Some(PATIENCE))
        .build();
    let sent = transport.send(mail).await;
    sent.map(|_| ()).map_err(|error| {
        let mut text = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            text = format!("{text}: {cause}");
        }
        hide(text)
    })
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
