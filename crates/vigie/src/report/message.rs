//! Passing reports on: `report.on_done` and mail.

use tracing::warn;
use vigie_core::{analysis::PeriodKind, text::Language, time::period};
use vigie_report::edition_view;

use super::edition::Report;
use crate::{
    app::App,
    failure::Outcome,
    notify::{self, Channel, Message},
    outbox,
};

/// Puts a report before those who get it. Whether there is anybody.
pub(crate) async fn pass_on(app: &App, report: &Report) -> Outcome<bool> {
    let settings = &app.config().report;
    let mut channels = Vec::new();
    channels.extend((!settings.on_done.is_empty()).then_some(Channel::OnDone));
    channels.extend(settings.email.then_some(Channel::Email));
    if channels.is_empty() {
        return Ok(false);
    }
    outbox::put(app, message(app, report), channels).await?;
    Ok(true)
}

/// The same where nobody looks.
pub(crate) async fn pass_on_quietly(app: &App, report: &Report) {
    if let Err(failure) = pass_on(app, report).await {
        let reason = failure.report();
        warn!(reason, "the report was not passed on");
    }
}

fn message(app: &App, report: &Report) -> Message {
    let wanted = report.wanted;
    let zone = app.config().zone.name.get(wanted.language);
    let first = period(wanted.kind, wanted.date, app.tz()).date;
    let word = match (wanted.language, wanted.kind) {
        (Language::Fr, PeriodKind::Day) => "rapport du jour",
        (Language::Fr, PeriodKind::Week) => "rapport de la semaine du",
        (Language::Fr, PeriodKind::Month) => "rapport du mois du",
        (Language::En, PeriodKind::Day) => "report of the day",
        (Language::En, PeriodKind::Week) => "report of the week of",
        (Language::En, PeriodKind::Month) => "report of the month of",
    };
    let number = report.edition.number;
    let edition = match (wanted.language, number) {
        (_, 1) => String::new(),
        (Language::Fr, _) => format!(", édition {number}"),
        (Language::En, _) => format!(", edition {number}"),
    };
    let subject = format!("[Vigie {zone}] {word} {first}{edition}");
    let mut text = format!("{subject}\n{}", report.path.display());
    if let Some(view) = edition_view(&report.edition, app.tz(), wanted.language) {
        text = format!("{text}\n\n{}\n{}\n", view.line, view.title);
        for change in view.changes {
            text = format!("{text}- {change}\n");
        }
    }
    Message {
        id: notify::identity(&["report", &subject, &app.now().to_string()]),
        text,
        subject,
        data: serde_json::json!({
            "kind": "report",
            "period": wanted.kind,
            "date": first,
            "language": wanted.language,
            "edition": number,
            "zone": zone,
            "simulated": app.config().simulated,
        }),
        file: Some(report.path.clone()),
    }
}
