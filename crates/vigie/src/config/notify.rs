//! `[notify]` and `[[alerts]]`: what is told, and to whom.

use std::net::IpAddr;

use reqwest::Url;
use serde::Deserialize;
use vigie_core::text::{EntityId, SourceId};

/// `[notify]`: where messages go. Every channel that is set gets every message.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NotifyConfig {
    /// An address that takes JSON by POST, or `env:NAME` for one that is a secret.
    pub(crate) webhook: Option<String>,
    /// A program and its arguments; it gets the message as JSON.
    pub(crate) command: Vec<String>,
    /// Electronic mail.
    pub(crate) email: Option<EmailConfig>,
}

/// `[notify.email]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailConfig {
    /// `smtps://USER@HOST`, `smtp://USER@HOST?tls=required` or `smtp://HOST`; the password is in `VIGIE_SMTP_PASSWORD`.
    pub(crate) smtp: String,
    /// The sender.
    pub(crate) from: String,
    /// Those who get it.
    pub(crate) to: Vec<String>,
}

/// `[[alerts]]`: a rule. It has one condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertConfig {
    /// What it is called in messages; no two have the same name.
    pub(crate) name: String,
    /// The source that it looks at.
    pub(crate) source: SourceId,
    /// Only this entity of it.
    #[serde(default)]
    pub(crate) entity: Option<String>,
    /// The measure that `above` or `below` is about.
    #[serde(default)]
    pub(crate) measure: Option<String>,
    /// The latest value is this or more.
    #[serde(default)]
    pub(crate) above: Option<f64>,
    /// The latest value is this or less.
    #[serde(default)]
    pub(crate) below: Option<f64>,
    /// The newest content is older.
    #[serde(default)]
    pub(crate) content_age_minutes: Option<u32>,
    /// Less than this share of the downloads of the last 24 hours was obtained.
    #[serde(default)]
    pub(crate) completeness_below: Option<f64>,
    /// The hours are unlike what is usual.
    #[serde(default)]
    pub(crate) unusual: bool,
    /// For how long the condition must hold before it is told.
    #[serde(default)]
    pub(crate) for_minutes: u32,
    /// For how long it must not hold before its end is told.
    #[serde(default = "clear_minutes")]
    pub(crate) clear_minutes: u32,
}

fn clear_minutes() -> u32 {
    15
}

/// What is wrong with the rules and channels, and where.
pub(super) fn check(
    notify: &NotifyConfig,
    alerts: &[AlertConfig],
    mails_reports: bool,
) -> Result<(), String> {
    if mails_reports && notify.email.is_none() {
        return Err("report.email: notify.email does not say to whom".to_owned());
    }
    if let Some(email) = &notify.email {
        check_smtp(&email.smtp).map_err(|problem| format!("notify.email.smtp: {problem}"))?;
        if email.to.is_empty() {
            return Err("notify.email.to: nobody would get it".to_owned());
        }
        for address in email.to.iter().chain([&email.from]) {
            if address.parse::<lettre::message::Mailbox>().is_err() {
                return Err(format!("notify.email: `{address}` is no address"));
            }
        }
    }
    if let Some(webhook) = &notify.webhook
        && !["http://", "https://", "env:"]
            .iter()
            .any(|start| webhook.starts_with(start))
    {
        return Err("notify.webhook: expected https://… or env:NAME".to_owned());
    }
    for (index, alert) in alerts.iter().enumerate() {
        let place = format!("alerts[{index}] (`{}`)", alert.name);
        if alert.name.trim().is_empty() || alert.name.len() > 200 {
            return Err(format!("alerts[{index}].name: expected 1 to 200 bytes"));
        }
        if alerts
            .iter()
            .take(index)
            .any(|other| other.name == alert.name)
        {
            return Err(format!("{place}: another rule has this name"));
        }
        let conditions = [
            alert.above.is_some(),
            alert.below.is_some(),
            alert.content_age_minutes.is_some(),
            alert.completeness_below.is_some(),
            alert.unusual,
        ];
        if conditions.iter().filter(|is_set| **is_set).count() != 1 {
            return Err(format!(
                "{place}: expected one of above, below, content_age_minutes, completeness_below, unusual = true"
            ));
        }
        let is_of_values = alert.above.or(alert.below).is_some();
        if is_of_values != alert.measure.is_some() && !alert.unusual {
            return Err(format!(
                "{place}: above and below need a measure, unusual may have one, the others have none"
            ));
        }
        if alert.entity.is_some() && !is_of_values && !alert.unusual {
            return Err(format!(
                "{place}: an entity makes sense with above, below or unusual only"
            ));
        }
        if let Some(entity) = &alert.entity
            && !EntityId::fits(entity)
        {
            return Err(format!(
                "{place}: an entity is the identifier that the provider gives it, of 1 to {} bytes",
                EntityId::BYTES_MAX
            ));
        }
        if alert
            .above
            .or(alert.below)
            .is_some_and(|limit| !limit.is_finite())
        {
            return Err(format!("{place}: the limit must be a number"));
        }
        if alert
            .completeness_below
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err(format!("{place}: completeness_below is a share, 0 to 1"));
        }
    }
    Ok(())
}

/// What is wrong with the address of a mail server. A password is in no settings, and goes over no open line.
fn check_smtp(address: &str) -> Result<(), String> {
    const EXPECTED: &str =
        "expected smtps://USER@HOST, smtp://USER@HOST?tls=required or smtp://HOST";
    let url = Url::parse(address).map_err(|error| format!("{EXPECTED} ({error})"))?;
    let host = url.host_str().unwrap_or_default();
    if !matches!(url.scheme(), "smtp" | "smtps") || host.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    if url.password().is_some() {
        return Err(
            "its password belongs into the environment: take it out, and set VIGIE_SMTP_PASSWORD"
                .to_owned(),
        );
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loops_back = host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let encrypts = url.scheme() == "smtps"
        || url
            .query_pairs()
            .any(|(key, value)| key == "tls" && value == "required");
    if !url.username().is_empty() && !encrypts && !loops_back {
        return Err(
            "the password would go over an open line: write smtps://… or add ?tls=required"
                .to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_address_and_goes_over_no_open_line() {
        for (address, problem) in [
            ("smtps://me@mail.example.org", ""),
            ("smtp://me@mail.example.org?tls=required", ""),
            ("smtp://mail.example.org", ""),
            ("smtp://me@localhost:2525", ""),
            ("smtp://me@127.0.0.1:2525", ""),
            ("smtp://me@[::1]:2525", ""),
            ("smtp://me@mail.example.org", "open line"),
            ("smtp://me@mail.example.org?tls=opportunistic", "open line"),
            ("smtp://me@127.0.0.1.example.org", "open line"),
            ("smtps://me:hunter2@mail.example.org", "VIGIE_SMTP_PASSWORD"),
            ("smtp://me:hunter2@127.0.0.1", "VIGIE_SMTP_PASSWORD"),
            ("imap://mail.example.org", "expected smtps://"),
            ("mail.example.org", "expected smtps://"),
        ] {
            let said = check_smtp(address).err().unwrap_or_default();
            assert!(
                said.contains(problem) && said.is_empty() == problem.is_empty(),
                "{address}: {said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
