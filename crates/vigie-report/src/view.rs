//! The view: the analysis in the words of a language, laid out but for ink.
//!
//! It is what a template reads: `json("/report.json")`. Every text is ready to print: numbers, units,
//! dates and times are already written as the language does, in the time zone of the watched place, and
//! text from feeds is cleaned (one line, no invisible letters, a bounded length). `templates/README.md`
//! describes it to those who write their own template.

use jiff::tz::TimeZone;
use serde::Serialize;
use vigie_core::{
    analyse::sentence::Scale,
    analysis::{Analysis, Correlation, Headline, PeriodKind, SourceAnalysis},
    measure::Kind,
    text::Language,
};

use crate::{
    chart::{ChartView, chart_view},
    clean::{clean, clean_or, french_spaces, web_address},
    data::attachments,
    edition::EditionView,
    map::{MapView, map_view},
    mix::mix_view,
    number::{count, number, percent, quantity, unit},
    quality::{QualityView, quality_view},
    sentence::Speaker,
    table::{ColumnView, TableView, table_view},
    time,
    track::track_table,
    words::Words,
};

/// The most letters of a title.
const TITLE_LETTERS_MAX: usize = 120;
/// The most letters of a sentence.
const SENTENCE_LETTERS_MAX: usize = 400;

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportView {
    /// `"fr"` or `"en"`.
    pub language: Language,
    /// Fixed words for the template.
    pub words: &'static Words,
    /// The title of the document.
    pub title: String,
    /// The name of the watched place.
    pub zone: String,
    /// The length of the period: `"day"`, `"week"` or `"month"`.
    pub period_kind: PeriodKind,
    /// The period in words.
    pub period: String,
    /// In which time zone the times are, and when the report was made.
    pub notes: Vec<String>,
    /// Shown first and on every page when the data are simulated.
    pub simulated: Option<String>,
    /// What to know before all, a sentence each.
    pub lead: Vec<String>,
    /// What an earlier edition said otherwise; nothing in the first.
    pub edition: Option<EditionView>,
    /// What happened: the most important of each domain.
    pub highlights: Vec<HighlightView>,
    /// What is unlike what is usual; nothing where nothing is, or nothing can be said.
    pub unusual: Option<TableView>,
    /// Which sources vary together, a sentence each; empty where none was found.
    pub correlated: Vec<String>,
    /// The address of the live page.
    pub dashboard_url: Option<String>,
    /// The files to attach: the data of the charts, and what they are.
    pub attachments: Vec<AttachmentView>,
    /// A line per source.
    pub summary: Vec<SummaryLine>,
    /// The sources by domain, in the order of the analysis.
    pub domains: Vec<DomainView>,
}

/// What happened in a domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HighlightView {
    /// The domain's name.
    pub domain: String,
    /// The source that says it.
    pub id: String,
    /// That source's title.
    pub source: String,
    /// What happened, a sentence or two.
    pub text: String,
    /// Whether something is unlike what is usual.
    pub unusual: bool,
}

/// A file that can be attached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttachmentView {
    /// Where the template finds it.
    pub path: String,
    /// Its type.
    pub mime: &'static str,
    /// What it holds.
    pub description: String,
}

/// A line of the summary table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryLine {
    /// The source's identifier.
    pub id: String,
    /// The source's title.
    pub title: String,
    /// Its first figure with unit; nothing without data.
    pub figure: Option<String>,
    /// What the figure is.
    pub figure_label: String,
    /// What is usual; nothing where that is not known.
    pub usual: Option<String>,
    /// Against the period before; nothing where that cannot be said.
    pub change: Option<String>,
    /// The age of its newest content; nothing when it never had any.
    pub age: Option<String>,
    /// Whether that is too old.
    pub stale: bool,
    /// Downloads: `286 / 288`.
    pub downloads: String,
    /// The share of expected downloads that were obtained, 0 to 1.
    pub downloads_share: Option<f64>,
    /// The share of expected observations that are present, in words.
    pub coverage: Option<String>,
}

/// The sources of a domain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainView {
    /// Its name.
    pub name: String,
    /// Its sources.
    pub sources: Vec<SourceView>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceView {
    /// Its identifier.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether its newest content is too old.
    pub stale: bool,
    /// Why there is nothing to show, when there is nothing.
    pub empty: Option<String>,
    /// What is to be said of it, the most important first.
    pub sentences: Vec<String>,
    /// The figures to lead with.
    pub tiles: Vec<TileView>,
    /// Its chart.
    pub chart: Option<ChartView>,
    /// How the whole that it describes divides into parts: bars.
    pub mix: Option<ChartView>,
    /// Its map.
    pub map: Option<MapView>,
    /// How far and fast what moves has moved.
    pub tracks: Option<TableView>,
    /// Its greatest entities or latest events.
    pub table: Option<TableView>,
    /// How complete and fresh it is.
    pub quality: QualityView,
    /// Whom to credit.
    pub credit: CreditView,
}

/// A figure to lead with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TileView {
    /// What it is.
    pub label: String,
    /// The figure; nothing when nothing was observed.
    pub value: Option<String>,
    /// Its unit; may be empty.
    pub unit: String,
    /// Of what and when.
    pub note: String,
    /// What is usual; nothing where that is not known.
    pub usual: Option<String>,
}

/// Whom to credit. It must be printed with every chart and map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreditView {
    /// The words that the provider asks for.
    pub attribution: String,
    /// The licence.
    pub licence: String,
    /// Where the terms stand.
    pub url: Option<String>,
}

/// Says `analysis` in `language`.
pub fn report_view(
    analysis: &Analysis,
    language: Language,
    dashboard_url: Option<&str>,
) -> ReportView {
    let words = Words::of(language);
    let tz = analysis.zone.tz();
    let zone = clean_or(analysis.zone.name.get(language), 80, "–");
    let period = time::period_words(&analysis.period, language);
    let mut domains: Vec<DomainView> = Vec::new();
    for source in &analysis.sources {
        let name = clean_or(&words.domain(&source.domain), 60, "–");
        let view = source_view(source, analysis, &tz, language);
        match domains.iter_mut().find(|domain| domain.name == name) {
            Some(domain) => domain.sources.push(view),
            None => domains.push(DomainView {
                name,
                sources: vec![view],
            }),
        }
    }
    let simulated = analysis.simulated.then(|| words.simulated().to_owned());
    ReportView {
        language,
        words,
        title: format!("Vigie – {zone} – {period}"),
        zone,
        period,
        period_kind: analysis.period.kind,
        notes: notes(analysis, &tz, language),
        simulated,
        lead: lead(analysis, language),
        edition: None,
        highlights: highlights(analysis, language),
        unusual: unusual(analysis, &tz, language),
        correlated: correlated(analysis, language),
        attachments: attachments(analysis, language),
        dashboard_url: dashboard_url.and_then(web_address),
        summary: analysis
            .sources
            .iter()
            .map(|source| summary_line(source, analysis, language))
            .collect(),
        domains,
    }
}

/// The sentences of a source. Text from outside was cleaned when they were made.
fn said(source: &SourceAnalysis, language: Language) -> impl Iterator<Item = String> {
    let sentences = source.sentences.iter();
    sentences.map(move |sentence| {
        let letters = sentence.text.get(language).chars();
        letters.take(SENTENCE_LETTERS_MAX).collect()
    })
}

fn title_of(source: &SourceAnalysis, language: Language) -> String {
    let title = clean_or(
        source.title.get(language),
        TITLE_LETTERS_MAX,
        source.id.as_str(),
    );
    match language {
        Language::Fr => french_spaces(&title),
        Language::En => title,
    }
}

/// Whether something of a source is unlike what is usual.
fn is_unusual(source: &SourceAnalysis) -> bool {
    let findings = &source.findings;
    findings.record.is_some()
        || findings
            .anomalies
            .as_ref()
            .is_some_and(|all| !all.found.is_empty())
        || findings
            .events
            .as_ref()
            .is_some_and(|events| events.above_all.is_some() || events.busiest.is_some())
}

/// Of each domain the source that has something unusual to say, else the first that has anything.
fn highlights(analysis: &Analysis, language: Language) -> Vec<HighlightView> {
    let words = Words::of(language);
    let mut highlights: Vec<HighlightView> = Vec::new();
    for source in analysis.sources.iter().filter(|source| has_data(source)) {
        let mut said = said(source, language);
        let Some(first) = said.next() else { continue };
        let unusual = is_unusual(source);
        // What is unusual comes right after what a source leads with.
        let text = if unusual {
            said.next()
                .map_or(first.clone(), |second| format!("{first} {second}"))
        } else {
            first
        };
        let highlight = HighlightView {
            domain: clean_or(&words.domain(&source.domain), 60, "–"),
            id: source.id.to_string(),
            source: title_of(source, language),
            text,
            unusual,
        };
        match highlights
            .iter_mut()
            .find(|known| known.domain == highlight.domain)
        {
            Some(known) if unusual && !known.unusual => *known = highlight,
            Some(_) => {}
            None => highlights.push(highlight),
        }
    }
    highlights
}

/// All deviations, with the number of false ones to expect.
fn unusual(analysis: &Analysis, tz: &TimeZone, language: Language) -> Option<TableView> {
    let words = Words::of(language);
    let mut rows = Vec::new();
    let (mut judged, mut expected, mut sources) = (0_u64, 0.0, 0_u64);
    for source in &analysis.sources {
        let Some(all) = &source.findings.anomalies else {
            continue;
        };
        judged += u64::from(all.judged);
        expected += all.false_alarms_expected();
        sources += 1;
        let Some(measure) = &source.leading_measure else {
            continue;
        };
        let scale = Scale {
            unit: measure.unit.clone(),
            decimals: measure.decimals,
        };
        let speaker = Speaker::of(source, &analysis.period, tz, analysis.now, language);
        for anomaly in &all.found {
            let (when, value, usual) = speaker.deviation(anomaly, &scale);
            let label = clean(measure.title.get(language), 40);
            let what = match &anomaly.entity {
                Some(entity) => format!("{label}, {}", clean(entity, 40)),
                None => label,
            };
            rows.push(vec![title_of(source, language), what, when, value, usual]);
        }
    }
    if sources == 0 {
        return None;
    }
    let (judged, expected) = (
        count(judged, language),
        number(expected, u8::from(expected < 10.0), language),
    );
    let none = rows.is_empty();
    let note = match (language, none) {
        (Language::Fr, true) => format!("Rien d’inhabituel parmi {judged} valeurs jugées."),
        (Language::En, true) => format!("Nothing unusual among {judged} values judged."),
        (Language::Fr, false) => format!(
            "{judged} valeurs jugées\u{202F}; le hasard seul en signalerait environ {expected}."
        ),
        (Language::En, false) => {
            format!("{judged} values judged; chance alone would flag about {expected}.")
        }
    };
    Some(TableView {
        caption: words.unusual.to_owned(),
        columns: vec![
            ColumnView::text(words.source),
            ColumnView::text(words.pick("Mesure", "Measure")),
            ColumnView::text(words.pick("Quand", "When")),
            ColumnView::figures(words.pick("Valeur", "Value")),
            ColumnView::figures(words.usual),
        ],
        rows,
        note: Some(note),
    })
}

/// Which sources vary together, with how sure that is.
fn correlated(analysis: &Analysis, language: Language) -> Vec<String> {
    let title = |id| {
        let source = analysis.sources.iter().find(|source| source.id == id)?;
        Some(title_of(source, language))
    };
    let say = |found: &Correlation| {
        let (one, other) = (title(found.one.clone())?, title(found.other.clone())?);
        let (r, p) = (number(found.r, 2, language), number(found.p, 3, language));
        let p = if found.p < 0.001 {
            format!("< {}", number(0.001, 3, language))
        } else {
            format!("= {p}")
        };
        let (first, second) = if found.lag_hours < 0 {
            (other, one)
        } else {
            (one, other)
        };
        let lag = found.lag_hours.unsigned_abs();
        let (n, effective) = (found.n, number(found.n_effective, 0, language));
        Some(match (language, lag) {
            (Language::Fr, 0) => format!(
                "{first} et {second}, aux mêmes heures\u{A0}: r = {r}, {n} heures qui en valent {effective} indépendantes, p {p}."
            ),
            (Language::En, 0) => format!(
                "{first} and {second}, at the same hours: r = {r}, {n} hours that are worth {effective} independent ones, p {p}."
            ),
            (Language::Fr, _) => format!(
                "{first}, et {lag}\u{A0}h après, {second}\u{A0}: r = {r}, {n} heures qui en valent {effective} indépendantes, p {p}."
            ),
            (Language::En, _) => format!(
                "{first}, and {lag}\u{A0}h later {second}: r = {r}, {n} hours that are worth {effective} independent ones, p {p}."
            ),
        })
    };
    let mut sentences: Vec<String> = analysis.correlations.iter().filter_map(say).collect();
    if !sentences.is_empty() {
        let caution = Words::of(language).pick(
            "Cycles quotidiens ôtés, p corrigé pour tous les couples et décalages essayés (Holm). Varier ensemble n’est pas être la cause.",
            "Daily cycles taken out, p corrected for all pairs and lags tried (Holm). To vary together is not to cause.",
        );
        sentences.push(caution.to_owned());
    }
    sentences
}

fn notes(analysis: &Analysis, tz: &TimeZone, language: Language) -> Vec<String> {
    let name = if analysis.zone.time_zone.is_empty() {
        "UTC"
    } else {
        &analysis.zone.time_zone
    };
    let zone = time::zone_words(&clean(name, 60), &analysis.period, tz);
    let made = time::moment_long(analysis.now, tz, language);
    match language {
        Language::Fr => vec![
            format!("Heures locales\u{A0}: {zone}"),
            format!("Établi le {made}"),
        ],
        Language::En => vec![format!("Local times: {zone}"), format!("Made on {made}")],
    }
}

/// Whether there is anything of the period to show. A count of zero is only known where a download succeeded.
fn has_data(source: &SourceAnalysis) -> bool {
    let asked = source.captures.obtained > 0;
    let known = |value: f64| value.is_finite() && (asked || value != 0.0);
    source
        .headlines
        .iter()
        .any(|headline| headline.value.is_some_and(known))
        || !source.entities.is_empty()
        || !source.events.is_empty()
}

fn lead(analysis: &Analysis, language: Language) -> Vec<String> {
    let words = Words::of(language);
    let all = analysis.sources.len() as u64;
    if all == 0 {
        return Vec::new();
    }
    let number_of = |value: u64| count(value, language);
    let with_data = analysis
        .sources
        .iter()
        .filter(|source| has_data(source))
        .count() as u64;
    let expected: u64 = analysis
        .sources
        .iter()
        .map(|source| source.captures.expected)
        .sum();
    let obtained: u64 = analysis
        .sources
        .iter()
        .map(|source| source.captures.obtained)
        .sum();
    let mut sentences = vec![match language {
        Language::Fr => format!(
            "{} {}\u{202F}; {} {} des données sur la période.",
            number_of(all),
            words.plural(all, "source suivie", "sources suivies"),
            if with_data == all {
                "toutes".to_owned()
            } else {
                number_of(with_data)
            },
            if with_data == all {
                "ont"
            } else {
                words.plural(with_data, "a", "ont")
            },
        ),
        Language::En => format!(
            "{} {} watched; {} {} data for the period.",
            number_of(all),
            words.plural(all, "source", "sources"),
            if with_data == all {
                "all".to_owned()
            } else {
                number_of(with_data)
            },
            words.plural(with_data, "has", "have"),
        ),
    }];
    if expected > 0 {
        let share = percent(obtained as f64 / expected as f64, language);
        let (obtained_words, expected_words) = (number_of(obtained), number_of(expected));
        sentences.push(match language {
            Language::Fr => format!(
                "{obtained_words} {} sur {expected_words} {} ({share}).",
                words.plural(obtained, "téléchargement obtenu", "téléchargements obtenus"),
                words.plural(expected, "attendu", "attendus"),
            ),
            Language::En => {
                format!(
                    "{obtained_words} of {expected_words} expected downloads obtained ({share})."
                )
            }
        });
    }
    let late: Vec<String> = analysis
        .sources
        .iter()
        .filter(|source| source.freshness.stale)
        .map(|source| clean_or(source.title.get(language), 60, source.id.as_str()))
        .collect();
    if !late.is_empty() {
        let names = late.join(", ");
        sentences.push(match language {
            Language::Fr => format!("En retard\u{A0}: {names}."),
            Language::En => format!("Stale: {names}."),
        });
    }
    sentences
}

/// Who is meant, where a headline says a rank: of a ranking the names are the news.
fn ranked_entity<'a>(source: &SourceAnalysis, headline: &'a Headline) -> Option<&'a str> {
    let leading = source.leading_measure.as_ref()?;
    (leading.kind == Kind::Rank)
        .then_some(headline.entity.as_deref())
        .flatten()
}

fn summary_line(source: &SourceAnalysis, analysis: &Analysis, language: Language) -> SummaryLine {
    let headlines = if has_data(source) {
        source.headlines.as_slice()
    } else {
        &[]
    };
    let first = headlines.iter().find_map(|headline| {
        let value = headline.value.filter(|value| value.is_finite())?;
        let label = headline.label.get(language);
        Some(match ranked_entity(source, headline) {
            Some(entity) => (
                entity.to_owned(),
                format!("{label} {}", number(value, headline.decimals, language)),
            ),
            None => (
                quantity(value, headline.decimals, &headline.unit, language),
                label.to_owned(),
            ),
        })
    });
    let captures = &source.captures;
    let tz = analysis.zone.tz();
    let speaker = Speaker::of(source, &analysis.period, &tz, analysis.now, language);
    let leading = headlines
        .first()
        .filter(|headline| headline.value.is_some_and(f64::is_finite));
    let scale = leading.map(|headline| Scale {
        unit: headline.unit.clone(),
        decimals: headline.decimals,
    });
    SummaryLine {
        id: source.id.to_string(),
        title: title_of(source, language),
        usual: leading.and_then(|headline| usual(source, headline, &speaker)),
        change: scale.and_then(|scale| {
            let change = source.findings.change.as_ref()?;
            Some(speaker.change_short(change, &scale))
        }),
        figure: first.as_ref().map(|(figure, _)| clean(figure, 40)),
        figure_label: first
            .as_ref()
            .map_or_else(String::new, |(_, label)| clean(label, 60)),
        age: source
            .freshness
            .content_at
            .map(|at| time::age(at, analysis.now, language)),
        stale: source.freshness.stale,
        downloads: format!(
            "{} / {}",
            count(captures.obtained, language),
            count(captures.expected, language)
        ),
        downloads_share: share(captures.obtained, captures.expected),
        coverage: source
            .coverage
            .map(|coverage| percent(coverage.clamp(0.0, 1.0), language)),
    }
}

/// What is usual of a headline, in words.
fn usual(source: &SourceAnalysis, headline: &Headline, speaker: &Speaker<'_>) -> Option<String> {
    let band = headline.usual.as_ref()?;
    if source.findings.events.is_some() {
        return Some(speaker.usual_count(band));
    }
    let scale = Scale {
        unit: headline.unit.clone(),
        decimals: headline.decimals,
    };
    Some(speaker.band(band, &scale))
}

/// The share of `whole`, at most 1; nothing of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| crate::axis::rounded(part as f64 / whole as f64).min(1.0))
}

fn source_view(
    source: &SourceAnalysis,
    analysis: &Analysis,
    tz: &TimeZone,
    language: Language,
) -> SourceView {
    let chart = source
        .chart
        .as_ref()
        .and_then(|chart| chart_view(chart, &analysis.period, tz, analysis.now, language));
    let empty = (!has_data(source) && chart.is_none()).then(|| nothing(source, language));
    let tiles = if empty.is_some() {
        Vec::new()
    } else {
        tiles(source, analysis, tz, language)
    };
    SourceView {
        id: source.id.to_string(),
        title: title_of(source, language),
        stale: source.freshness.stale,
        sentences: if empty.is_some() {
            Vec::new()
        } else {
            said(source, language).collect()
        },
        empty,
        tiles,
        chart,
        mix: source.findings.mix.as_ref().map(|mix| {
            let speaker = Speaker::of(source, &analysis.period, tz, analysis.now, language);
            mix_view(mix, &speaker, language)
        }),
        map: map_view(source, &analysis.zone, &analysis.period, language),
        tracks: track_table(source, &analysis.period, tz, language),
        table: table_view(source, &analysis.period, tz, language),
        quality: quality_view(source, analysis, tz, language),
        credit: CreditView {
            attribution: clean(&source.credit.attribution, 300),
            licence: clean(&source.credit.licence, 80),
            url: web_address(&source.credit.url),
        },
    }
}

fn tiles(
    source: &SourceAnalysis,
    analysis: &Analysis,
    tz: &TimeZone,
    language: Language,
) -> Vec<TileView> {
    let speaker = Speaker::of(source, &analysis.period, tz, analysis.now, language);
    source
        .headlines
        .iter()
        .take(4)
        .map(|headline| {
            let value = headline.value.filter(|value| value.is_finite());
            let entity = headline.entity.as_deref().map(|entity| clean(entity, 48));
            let at = headline
                .at
                .map(|at| time::moment(at, &analysis.period, tz, language));
            if let (Some(value), Some(entity)) = (value, ranked_entity(source, headline)) {
                let rank = number(value, headline.decimals, language);
                return TileView {
                    label: clean(&format!("{} {rank}", headline.label.get(language)), 60),
                    // What has no spaces cannot be broken to fit its tile.
                    value: Some(clean(entity, if entity.contains(' ') { 32 } else { 18 })),
                    unit: String::new(),
                    note: at.unwrap_or_default(),
                    usual: None,
                };
            }
            let note: Vec<String> = entity.into_iter().chain(at).collect();
            TileView {
                usual: value
                    .and_then(|_| usual(source, headline, &speaker))
                    .map(|usual| Words::of(language).usual_is(&usual)),
                label: clean(headline.label.get(language), 60),
                value: value.map(|value| number(value, headline.decimals, language)),
                unit: value.map_or_else(String::new, |value| {
                    clean(&unit(&headline.unit, value, language), 24)
                }),
                note: if value.is_some() {
                    note.join(" · ")
                } else {
                    Words::of(language).no_value.to_owned()
                },
            }
        })
        .collect()
}

/// Why there is nothing, as far as the record of downloads can tell.
fn nothing(source: &SourceAnalysis, language: Language) -> String {
    let words = Words::of(language);
    let captures = &source.captures;
    let text = if captures.expected == 0 && captures.obtained == 0 {
        words.pick(
            "Aucune donnée\u{A0}: aucun téléchargement n’était prévu sur la période.",
            "No data: no download was due in the period.",
        )
    } else if captures.obtained == 0 {
        words.pick(
            "Aucune donnée\u{A0}: aucun téléchargement n’a abouti sur la période.",
            "No data: no download succeeded in the period.",
        )
    } else if captures.rows == 0 {
        words.pick(
            "Aucune donnée\u{A0}: les téléchargements ont abouti, mais n’ont apporté aucune ligne.",
            "No data: downloads succeeded, but brought no rows.",
        )
    } else {
        words.pick(
            "Aucune donnée\u{A0}: rien de ce qui a été reçu ne date de la période.",
            "No data: nothing of what was received is of the period.",
        )
    };
    text.to_owned()
}
