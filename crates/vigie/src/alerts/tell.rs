//! The words of messages.

use jiff::Timestamp;
use vigie_core::{alert::Change, text::Language};
use vigie_report::{percent, quantity, span};

use super::{Told, observe::measure_of};
use crate::{
    app::App,
    config::AlertConfig,
    notify::{self, Message},
};

/// Subjects named in a message; the others are counted.
const NAMED_MAX: usize = 20;

/// What is told of a rule: all subjects whose episode begins, or all whose episode ends.
pub(super) fn message(
    app: &App,
    rule: &AlertConfig,
    change: Change,
    told: &[&Told],
    now: Timestamp,
) -> Message {
    let language = app.config().language;
    let pick = |fr: &'static str, en: &'static str| match language {
        Language::Fr => fr,
        Language::En => en,
    };
    let zone = app.config().zone.name.get(language);
    let over = match change {
        Change::Begins => "",
        Change::Ends => pick(" : terminé", ": over"),
    };
    let condition = condition(app, rule, language);
    let simulated = app.config().simulated;
    let mark = if simulated {
        pick(" (données simulées)", " (simulated data)")
    } else {
        ""
    };
    let mut lines = vec![format!("{}{over}. {condition}{mark}", rule.name)];
    for told in told.iter().take(NAMED_MAX) {
        let (name, figure) = (one_line(&told.observed.name), &told.observed.figure);
        lines.push(match change {
            Change::Begins => format!("- {name}{} {figure}", pick(" :", ":")),
            Change::Ends => {
                let lasted = span(now.duration_since(told.since), language);
                let after = pick("après", "after");
                format!("- {name}{} {figure} ({after} {lasted})", pick(" :", ":"))
            }
        });
    }
    if let Some(more) = told.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        lines.push(format!("- {} {more}", pick("et d’autres :", "and others:")));
    }
    let first = told.first().map(|told| one_line(&told.observed.name));
    let what = match (first, told.len()) {
        (Some(first), 1) if first != rule.name => format!("{} – {first}", rule.name),
        (_, 1) => rule.name.clone(),
        (_, count) => format!("{} ({count})", rule.name),
    };
    let subjects: Vec<serde_json::Value> = told
        .iter()
        .map(|told| {
            let observed = &told.observed;
            serde_json::json!({
                "id": observed.subject,
                "name": observed.name,
                "figure": observed.figure,
                "since": told.since,
            })
        })
        .collect();
    let of_first = told
        .first()
        .map_or("", |told| told.observed.subject.as_str());
    let kind = match change {
        Change::Begins => "begins",
        Change::Ends => "ends",
    };
    Message {
        id: notify::identity(&[&rule.name, kind, of_first, &now.to_string()]),
        subject: format!("[Vigie {zone}] {what}{over}"),
        text: lines.join("\n"),
        data: serde_json::json!({
            "kind": "alert",
            "change": change,
            "rule": rule.name,
            "source": rule.source,
            "zone": zone,
            "at": now,
            "simulated": simulated,
            "subjects": subjects,
        }),
        file: None,
    }
}

/// The condition in words.
fn condition(app: &App, rule: &AlertConfig, language: Language) -> String {
    let pick = |fr: &'static str, en: &'static str| match language {
        Language::Fr => fr,
        Language::En => en,
    };
    if let Some(minutes) = rule.content_age_minutes {
        let limit = span(
            jiff::SignedDuration::from_mins(i64::from(minutes)),
            language,
        );
        let word = pick(
            "Dernier contenu plus vieux que",
            "Newest content older than",
        );
        return format!("{word} {limit}");
    }
    if let Some(share) = rule.completeness_below {
        let word = pick(
            "Téléchargements réussis des dernières 24 h : moins de",
            "Downloads obtained in the last 24 h: fewer than",
        );
        return format!("{word} {}", percent(share, language));
    }
    let Some(measure) = measure_of(app, rule) else {
        return String::new();
    };
    let (sign, limit) = match (rule.above, rule.below) {
        (Some(limit), _) => ("≥", limit),
        (None, limit) => ("≤", limit.unwrap_or_default()),
    };
    let limit = quantity(limit, measure.decimals, &measure.unit, language);
    format!("{} {sign} {limit}", measure.title.get(language))
}

/// A message that tries the channels.
pub(super) fn test(app: &App) -> Message {
    let language = app.config().language;
    let zone = app.config().zone.name.get(language);
    let text = match language {
        Language::Fr => "Message d’essai : ce canal fonctionne.",
        Language::En => "A test message: this channel works.",
    };
    let now = app.now();
    Message {
        id: notify::identity(&["test", &now.to_string()]),
        subject: format!("[Vigie {zone}] {text}"),
        text: text.to_owned(),
        data: serde_json::json!({ "kind": "test", "zone": zone, "at": now }),
        file: None,
    }
}

/// Text from feeds on one line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    words.join(" ").trim().chars().take(120).collect()
}
