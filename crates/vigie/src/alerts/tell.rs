//! The words of messages.

use jiff::Timestamp;
use vigie_core::{alert::Change, text::Language};
use vigie_report::{percent, quantity, span};

use super::{Told, observe::measure_of, unusual};
use crate::{
    app::App,
    config::AlertConfig,
    notify::{self, Message},
};

/// Subjects named in the text of a message; the others are counted.
const NAMED_MAX: usize = 20;
/// Subjects in what programs get; `count` says how many there are.
const SUBJECTS_MAX: usize = 100;
/// The most digits of a limit after the decimal point.
const DECIMALS_MAX: u8 = 12;

/// What is told of a rule: all subjects whose episode begins, or all whose episode ends.
pub(super) fn message(
    app: &App,
    rule: &AlertConfig,
    change: Change,
    told: &[&Told],
    note: Option<&str>,
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
    lines.extend(told.iter().take(NAMED_MAX).map(|told| line(told, language)));
    if let Some(more) = told.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        lines.push(format!("- {} {more}", pick("et d’autres :", "and others:")));
    }
    if change == Change::Begins
        && let Some(note) = note
    {
        lines.push(note.to_owned());
    }
    let first = told.first().map(|told| one_line(&told.observed.name));
    let what = match (first, told.len()) {
        (Some(first), 1) if first != rule.name => format!("{} – {first}", rule.name),
        (_, 1) => rule.name.clone(),
        (_, count) => format!("{} ({count})", rule.name),
    };
    let subjects: Vec<serde_json::Value> = told
        .iter()
        .take(SUBJECTS_MAX)
        .map(|told| {
            let observed = &told.observed;
            let mut subject = serde_json::json!({
                "id": observed.subject,
                "name": one_line(&observed.name),
                "figure": observed.figure,
                "since": told.since,
            });
            if told.change == Change::Ends {
                subject["until"] = serde_json::json!(told.until);
            }
            subject
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
            "count": told.len(),
            "subjects": subjects,
        }),
        file: None,
    }
}

/// A subject, and for how long the rule held of it.
fn line(told: &Told, language: Language) -> String {
    let (colon, after) = match language {
        Language::Fr => ("\u{A0}:", "après"),
        Language::En => (":", "after"),
    };
    let (name, figure) = (one_line(&told.observed.name), &told.observed.figure);
    let what = if figure.is_empty() {
        format!("- {name}")
    } else {
        format!("- {name}{colon} {figure}")
    };
    match told.change {
        Change::Begins => what,
        Change::Ends => {
            let lasted = told.until.duration_since(told.since);
            format!("{what} ({after} {})", span(lasted, language))
        }
    }
}

/// The digits that a limit needs, and no fewer than its measure has.
fn decimals_of(limit: f64, least: u8) -> u8 {
    let plain = limit.to_string();
    let digits = plain.split_once('.').map_or(0, |(_, digits)| digits.len());
    u8::try_from(digits)
        .unwrap_or(DECIMALS_MAX)
        .clamp(least.min(DECIMALS_MAX), DECIMALS_MAX)
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
    if rule.unusual {
        let title = unusual::leading_of(app, rule);
        let title = title.map_or_else(String::new, |measure| {
            measure.title.get(language).to_owned()
        });
        return pick("Inhabituel\u{A0}: {}", "Unusual: {}").replace("{}", &title);
    }
    let Some(measure) = measure_of(app, rule) else {
        return String::new();
    };
    let (sign, limit) = match (rule.above, rule.below) {
        (Some(limit), _) => ("≥", limit),
        (None, limit) => ("≤", limit.unwrap_or_default()),
    };
    let limit = quantity(
        limit,
        decimals_of(limit, measure.decimals),
        &measure.unit,
        language,
    );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Observed;

    #[test]
    fn an_end_says_how_long_it_lasted_in_both_languages() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let told = |figure: &str, change| Told {
            change,
            observed: Observed {
                subject: "LFPG".to_owned(),
                name: "Paris\nCDG".to_owned(),
                holds: Some(false),
                figure: figure.to_owned(),
            },
            since: at(0),
            until: at(70),
        };
        let of = |figure, change, language| line(&told(figure, change), language);
        assert_eq!(
            of("12 °C", Change::Ends, Language::En),
            "- Paris CDG: 12 °C (after 1\u{A0}h\u{A0}10)"
        );
        assert_eq!(
            of("12 °C", Change::Ends, Language::Fr),
            "- Paris CDG\u{A0}: 12 °C (après 1\u{A0}h\u{A0}10)"
        );
        assert_eq!(
            of("", Change::Ends, Language::Fr),
            "- Paris CDG (après 1\u{A0}h\u{A0}10)"
        );
        assert_eq!(
            of("12 °C", Change::Begins, Language::En),
            "- Paris CDG: 12 °C"
        );
    }

    #[test]
    fn a_limit_is_printed_as_it_was_written() {
        for (limit, least, expected) in [
            (6.0, 1, 1),
            (6.25, 1, 2),
            (30.0, 0, 0),
            (-0.005, 0, 3),
            (1e-30, 0, 12),
        ] {
            assert_eq!(decimals_of(limit, least), expected, "{limit}");
        }
    }
}
