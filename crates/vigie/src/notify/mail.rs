//! Electronic mail by SMTP.

use std::path::Path;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor,
    address::Envelope,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tracing::warn;
use vigie_core::secret::Secret;

use super::{Channel, Message, PATIENCE, Trouble};
use crate::config::EmailConfig;

/// The variable with the password of the mail server.
const SMTP_PASSWORD: &str = "VIGIE_SMTP_PASSWORD";

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends mail, with the file attached.
pub(super) async fn send(email: &EmailConfig, message: &Message) -> Result<(), Trouble> {
    let mail = written(email, message).await?;
    let password = std::env::var(SMTP_PASSWORD)
        .ok()
        .filter(|text| !text.is_empty())
        .map(Secret::new);
    let transport = transport(email, password.as_ref())?;
    let sent = deliver(&transport, &mail).await;
    sent.map_err(|trouble| match &password {
        None => trouble,
        Some(secret) => match trouble {
            Trouble::Refused(reason) => Trouble::Refused(secret.redact(&reason)),
            Trouble::Failed(reason) => Trouble::Failed(secret.redact(&reason)),
        },
    })
}

async fn written(email: &EmailConfig, message: &Message) -> Result<Mail, Trouble> {
    let mailbox = |address: &str| {
        let parsed = address.parse::<Mailbox>();
        parsed.map_err(|error| Trouble::Failed(format!("`{address}`: {error}")))
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
            // A file that is gone does not come back.
            let bytes = tokio::fs::read(path)
                .await
                .map_err(|error| Trouble::Refused(format!("{}: {error}", path.display())))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let kind = ContentType::parse(content_type(path)).map_err(|e| Trouble::failed(&e))?;
            let attached = Attachment::new(name.into_owned()).body(bytes, kind);
            builder.multipart(MultiPart::mixed().singlepart(text).singlepart(attached))
        }
        None => builder.singlepart(text),
    };
    mail.map_err(|error| Trouble::failed(&error))
}

/// What a report is, by its name.
fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    match &*extension.to_ascii_lowercase() {
        "pdf" => "application/pdf",
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

fn transport(email: &EmailConfig, password: Option<&Secret>) -> Result<Transport, Trouble> {
    let wrong = |reason: String| Trouble::Failed(format!("notify.email.smtp: {reason}"));
    let url = Url::parse(&email.smtp).map_err(|error| wrong(error.to_string()))?;
    let builder = Transport::from_url(&email.smtp)
        .map_err(|error| wrong(error.to_string()))?
        .timeout(Some(PATIENCE));
    let user = percent_decode_str(url.username()).decode_utf8_lossy();
    match (user.is_empty(), password) {
        (true, _) => Ok(builder.build()),
        (false, None) => Err(wrong(format!(
            "it names a user, and {SMTP_PASSWORD} is not set"
        ))),
        (false, Some(password)) => {
            let credentials = Credentials::new(user.into_owned(), password.expose().to_owned());
            Ok(builder.credentials(credentials).build())
        }
    }
}

/// Sends to all at once. Where the server refuses somebody, each of the others gets it alone.
async fn deliver(transport: &Transport, mail: &Mail) -> Result<(), Trouble> {
    let (envelope, bytes) = (mail.envelope(), mail.formatted());
    let refused = match transport.send_raw(envelope, &bytes).await.map_err(judged) {
        Err(Trouble::Refused(reason)) => reason,
        sent => return sent.map(|_| ()),
    };
    // One that greets nobody refuses no message.
    if !transport.test_connection().await.is_ok_and(|works| works) {
        return Err(Trouble::Failed(refused));
    }
    if envelope.to().len() < 2 {
        return Err(Trouble::Refused(refused));
    }
    let (mut reasons, mut taken) = (vec![refused], false);
    for to in envelope.to() {
        let one = Envelope::new(envelope.from().cloned(), vec![to.clone()]);
        let one = one.map_err(|error| Trouble::failed(&error))?;
        match transport.send_raw(&one, &bytes).await.map_err(judged) {
            Ok(_) => taken = true,
            Err(Trouble::Refused(reason)) => reasons.push(reason),
            // It may be sent twice to some; better so than to nobody.
            Err(failed) => return Err(failed),
        }
    }
    let reason = reasons.pop().unwrap_or_default();
    if !taken {
        return Err(Trouble::Refused(reason));
    }
    let channel = Channel::Email.name();
    warn!(channel, reason, "somebody did not get a message");
    Ok(())
}

/// Whether an error is about the message or about the server.
#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn judged(error: lettre::transport::smtp::Error) -> Trouble {
    let mut reason = error.to_string();
    if let Some(cause) = std::error::Error::source(&error) {
        let cause = cause.to_string();
        if !reason.contains(&cause) {
            reason = format!("{reason}: {cause}");
        }
    }
    let about_the_message = error
        .status()
        .is_some_and(|code| error.is_permanent() && is_refusal(u16::from(code)));
    if about_the_message {
        Trouble::Refused(reason)
    } else {
        Trouble::Failed(reason)
    }
}

/// The others of the fives are about commands, credentials and servers that take no mail.
fn is_refusal(code: u16) -> bool {
    (550..=556).contains(&code) || code >= 560
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_says_what_it_is() {
        for (name, expected) in [
            ("day.pdf", "application/pdf"),
            ("day.HTML", "text/html; charset=utf-8"),
            ("day.json", "application/json"),
            ("day", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected);
            assert!(ContentType::parse(expected).is_ok());
        }
    }

    #[test]
    fn a_wrong_password_is_no_fault_of_the_message() {
        assert!(is_refusal(550) && is_refusal(552) && is_refusal(554));
        assert!(!is_refusal(530) && !is_refusal(535) && !is_refusal(502) && !is_refusal(521));
    }

    #[test]
    fn a_user_needs_a_password_which_may_be_any_text() {
        let email = |smtp: &str| EmailConfig {
            smtp: smtp.to_owned(),
            from: "a@example.org".to_owned(),
            to: vec!["b@example.org".to_owned()],
        };
        let password = Secret::new("p@ss:w/rd?#");
        assert!(transport(&email("smtp://localhost"), None).is_ok());
        assert!(
            transport(
                &email("smtps://me%40here@mail.example.org"),
                Some(&password)
            )
            .is_ok()
        );
        let without = transport(&email("smtps://me@mail.example.org"), None);
        assert!(without.is_err_and(|trouble| trouble.reason().contains(SMTP_PASSWORD)));
    }
}
