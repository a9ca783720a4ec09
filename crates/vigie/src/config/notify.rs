//! `[notify]` and `[[alerts]]`: what is told, and to whom.

use serde::Deserialize;
use vigie_core::text::SourceId;

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
        if !(email.smtp.starts_with("smtp://") || email.smtp.starts_with("smtps://")) {
            return Err("notify.email.smtp: expected smtps://USER@HOST or smtp://HOST".to_owned());
        }
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
        ];
        if conditions.iter().filter(|is_set| **is_set).count() != 1 {
            return Err(format!(
                "{place}: expected one of above, below, content_age_minutes, completeness_below"
            ));
        }
        let is_of_values = alert.above.or(alert.below).is_some();
        if is_of_values != alert.measure.is_some() {
            return Err(format!(
                "{place}: above and below need a measure, the others have none"
            ));
        }
        if alert.entity.is_some() && !is_of_values {
            return Err(format!(
                "{place}: an entity makes sense with above or below only"
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
