//! How a whole divides into its parts: a bar for each, by its share.

use vigie_core::{
    analysis::{ChartKind, MixFigures, MixPart},
    text::Language,
};

use crate::{
    axis::rounded,
    chart::{BarView, ChartView},
    clean::clean,
    number::{percent, quantity},
    sentence::Speaker,
    words::Words,
};

/// Parts that have a bar.
const BARS_MAX: usize = 12;

/// The bars of the parts, the greatest first, and of the groups of parts after them.
pub(crate) fn mix_view(mix: &MixFigures, speaker: &Speaker<'_>, language: Language) -> ChartView {
    let words = Words::of(language);
    let parts = mix.parts.iter().take(BARS_MAX);
    let most = parts.clone().chain(&mix.groups).map(|part| part.share);
    let most = most.fold(f64::MIN_POSITIVE, f64::max);
    let bar = |part: &MixPart, label: String| BarView {
        label,
        from: Some(0.0),
        to: Some(rounded((part.share / most).clamp(0.0, 1.0))),
        value: format!(
            "{} · {}",
            percent_of(part.share, language),
            quantity(part.mean, mix.decimals, &mix.unit, language)
        ),
    };
    let named = |part: &MixPart| clean(part.title.get(language), 60);
    let mut bars: Vec<BarView> = parts.map(|part| bar(part, named(part))).collect();
    let groups = mix.groups.iter();
    bars.extend(groups.map(|group| bar(group, format!("= {}", named(group)))));
    let whole = quantity(mix.mean, mix.decimals, &mix.unit, language);
    let mut subtitle = match language {
        Language::Fr => format!("part et moyenne\u{202F}; en tout {whole} en moyenne"),
        Language::En => format!("share and mean; {whole} on average in all"),
    };
    if mix.hours < mix.hours_passed {
        subtitle = format!("{subtitle} ({})", speaker.hours_known(mix));
    }
    let title = clean(mix.title.get(language), 120);
    let first = bars
        .first()
        .map_or_else(String::new, |bar| format!("{} {}", bar.label, bar.value));
    ChartView {
        kind: ChartKind::Bars,
        alternative: format!(
            "{title}. {}{first}.",
            words.pick("En tête\u{A0}: ", "First: ")
        ),
        title,
        subtitle,
        x_ticks: Vec::new(),
        now: None,
        panels: Vec::new(),
        bars,
        zero: Some(0.0),
        callout: None,
    }
}

/// A share that may be below zero: what took more than it gave.
fn percent_of(share: f64, language: Language) -> String {
    if share < 0.0 {
        format!("−{}", percent(-share, language))
    } else {
        percent(share, language)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date, tz::TimeZone};
    use vigie_core::{
        analysis::{Extreme, PeriodKind},
        text::Text,
        time::period,
    };

    use super::*;
    use crate::sample;

    #[test]
    fn bars_are_shares_of_the_greatest_and_say_their_figures() {
        let at: Timestamp = "2026-11-23T18:00:00Z".parse().unwrap();
        let part = |title: &str, mean: f64, share: f64| MixPart {
            title: Text::same(title),
            mean,
            share,
        };
        let mix = MixFigures {
            title: Text::new("Production par filière", "Production by source"),
            unit: "MW".into(),
            decimals: 0,
            parts: vec![
                part("Nuclear", 40_000.0, 0.8),
                part("Wind", 10_500.0, 0.21),
                part("Pumping", -500.0, -0.01),
            ],
            groups: vec![part("wind and sun", 10_500.0, 0.21)],
            mean: 50_000.0,
            peak: Extreme {
                value: 61_000.0,
                at,
            },
            trough: Extreme {
                value: 40_000.0,
                at,
            },
            hours: 22,
            hours_passed: 24,
        };
        let analysis = sample::analysis(sample::paris(), PeriodKind::Day);
        let tz = TimeZone::UTC;
        let day = period(PeriodKind::Day, date(2026, 11, 23), &tz);
        let view = |language| {
            let source = &analysis.sources[4];
            let speaker = Speaker::of(source, &day, &tz, day.end, language);
            mix_view(&mix, &speaker, language)
        };
        let english = view(Language::En);
        let bars: Vec<(&str, Option<f64>, &str)> = english
            .bars
            .iter()
            .map(|bar| (bar.label.as_str(), bar.to, bar.value.as_str()))
            .collect();
        assert_eq!(
            bars,
            [
                ("Nuclear", Some(1.0), "80% · 40,000\u{202F}MW"),
                ("Wind", Some(0.2625), "21% · 10,500\u{202F}MW"),
                ("Pumping", Some(0.0), "−1% · −500\u{202F}MW"),
                ("= wind and sun", Some(0.2625), "21% · 10,500\u{202F}MW"),
            ]
        );
        assert_eq!(
            english.subtitle,
            "share and mean; 50,000\u{202F}MW on average in all (22 of 24 hours known)"
        );
        assert!(
            view(Language::Fr)
                .subtitle
                .ends_with("(22 heures connues sur 24)")
        );
    }
}
