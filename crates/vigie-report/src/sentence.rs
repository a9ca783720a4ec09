//! The words of [`Sentence`], in both languages: for the page, the PDF and the HTML alike.

mod change;
mod ranking;
mod record;
mod unusual;
mod whole;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use vigie_core::{
    analyse::{
        origin::origins,
        sentence::{self, Scale, Sentence, is_daily},
    },
    analysis::{Band, Period, PeriodKind, Said, SourceAnalysis},
    measure::{Across, Kind},
    text::{Language, Text},
};

use crate::{
    clean::clean,
    number::{count, number, percent, unit},
    time,
};

/// The most letters of a name or a title within a sentence.
const NAME_LETTERS_MAX: usize = 80;

/// What is to be said of a source's period, the most important first, in both languages, and what it comes from. Text from
/// outside is in it: never markup.
pub fn sentences(
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    now: Timestamp,
) -> Vec<Said> {
    let in_language = |language| Speaker::of(source, period, tz, now, language);
    let (fr, en) = (in_language(Language::Fr), in_language(Language::En));
    let combined = is_combined(source);
    sentence::sentences(source, period, now)
        .iter()
        .map(|sentence| {
            let of_all = combined && is_of_course(sentence);
            let text = |speaker: &Speaker<'_>| {
                let text = speaker.say(sentence);
                if of_all { speaker.of_all(&text) } else { text }
            };
            Said {
                text: Text::new(text(&fr), text(&en)),
                origins: origins(sentence, source, period, tz, now),
            }
        })
        .collect()
}

/// Whether a source leads with single entities while what is said of its course is of the mean of all.
fn is_combined(source: &SourceAnalysis) -> bool {
    let led_apart = source
        .headlines
        .first()
        .is_some_and(|first| first.entity.is_some());
    let mean = source
        .leading_measure
        .as_ref()
        .is_some_and(|measure| measure.across == Across::Mean && measure.kind != Kind::Rank);
    led_apart && mean && source.findings.events.is_none() && source.entity_count > 1
}

/// Whether a sentence is of the course of the leading series.
fn is_of_course(sentence: &Sentence) -> bool {
    matches!(
        sentence,
        Sentence::Range(..) | Sentence::Compared(..) | Sentence::Record(..) | Sentence::Trend(..)
    )
}

/// Says sentences of a source in one language.
pub(crate) struct Speaker<'a> {
    language: Language,
    period: &'a Period,
    tz: &'a TimeZone,
    now: Timestamp,
    /// Whether the values are of days.
    daily: bool,
}

/// What events are called: French singular and plural, whether feminine, English singular and plural.
struct Noun(&'static str, &'static str, bool, &'static str, &'static str);

fn noun(domain: &str) -> Noun {
    match domain {
        "earthquakes" => Noun("séisme", "séismes", false, "earthquake", "earthquakes"),
        "wildfires" => Noun("feu", "feux", false, "fire", "fires"),
        "weather" => Noun("alerte", "alertes", true, "alert", "alerts"),
        _ => Noun("événement", "événements", false, "event", "events"),
    }
}

impl<'a> Speaker<'a> {
    pub(crate) fn of(
        source: &SourceAnalysis,
        period: &'a Period,
        tz: &'a TimeZone,
        now: Timestamp,
        language: Language,
    ) -> Self {
        Self {
            language,
            period,
            tz,
            now,
            daily: is_daily(source),
        }
    }
}

impl Speaker<'_> {
    fn is_french(&self) -> bool {
        self.language == Language::Fr
    }

    fn pick<'t>(&self, fr: &'t str, en: &'t str) -> &'t str {
        if self.is_french() { fr } else { en }
    }

    /// `: ` and `; ` have a space before in French.
    fn colon(&self) -> &'static str {
        self.pick("\u{A0}: ", ": ")
    }

    fn semicolon(&self) -> &'static str {
        self.pick("\u{202F}; ", "; ")
    }

    fn under_way(&self) -> bool {
        self.now < self.period.end
    }

    fn number(&self, value: f64, decimals: u8) -> String {
        number(value, decimals, self.language)
    }

    /// A sentence that is of the mean of all entities, where others are of one.
    fn of_all(&self, text: &str) -> String {
        let label = self.pick("Moyenne de l’ensemble", "Mean of all");
        format!("{label}{}{}", self.colon(), uncapitalised(text))
    }

    /// A value; counted things (`{bike}`) without their word, which the label says.
    fn quantity(&self, value: f64, scale: &Scale) -> String {
        if scale.unit.starts_with('{') && !scale.unit.contains('/') {
            return self.number(value, scale.decimals);
        }
        let sign = unit(&scale.unit, value, self.language);
        self.with_unit(self.number(value, scale.decimals), &sign)
    }

    /// A figure with the sign of its unit, between them a space that does not break.
    fn with_unit(&self, figure: String, sign: &str) -> String {
        match sign {
            "" => figure,
            "°" => figure + "°",
            "%" if !self.is_french() => figure + "%",
            _ => format!("{figure}\u{202F}{}", clean(sign, 24)),
        }
    }

    /// The moment of a value: its day where values are of days.
    fn when(&self, at: Timestamp) -> String {
        if self.daily {
            let date = at.to_zoned_datetime(self.tz.clone()).date();
            return time::day_and_month(date, self.language);
        }
        time::moment(at, self.period, self.tz, self.language)
    }

    /// Whether the moment of a value is said with its date.
    fn dated(&self, at: Timestamp) -> bool {
        let date = at.to_zoned_datetime(self.tz.clone()).date();
        self.daily || self.period.kind != PeriodKind::Day || date != self.period.date
    }

    /// The hour of a value that is of an hour, also where values are of days.
    fn hour_of(&self, at: Timestamp) -> String {
        time::moment(at, self.period, self.tz, self.language)
    }

    /// `11 000 à 12 500`, rounded to what the width of the band bears; `usual` of nothing but one value is that value.
    pub(crate) fn band(&self, band: &Band, scale: &Scale) -> String {
        let width = band.high - band.low;
        let coarse = if width > 0.0 {
            10_f64.powf(width.log10().floor() - 1.0)
        } else {
            0.0
        };
        let step = coarse.max(10_f64.powi(-i32::from(scale.decimals)));
        let decimals = if step >= 1.0 {
            0
        } else {
            (-step.log10()).round() as u8
        };
        let round = |value: f64| self.number((value / step).round() * step, decimals);
        let (low, high) = (round(band.low), round(band.high));
        let sign = if scale.unit.starts_with('{') {
            String::new()
        } else {
            unit(&scale.unit, band.high, self.language)
        };
        let range = if low == high {
            high
        } else {
            format!("{low}{}{high}", self.pick(" à ", "–"))
        };
        self.with_unit(range, &sign)
    }

    fn name(name: &str) -> String {
        clean(name, NAME_LETTERS_MAX)
    }

    fn say(&self, sentence: &Sentence) -> String {
        let (colon, semicolon) = (self.colon(), self.semicolon());
        let label_of = |label: &Text, entity: Option<&str>| {
            let label = clean(label.get(self.language), NAME_LETTERS_MAX);
            entity.map_or_else(
                || label.clone(),
                |entity| format!("{label}, {}", Self::name(entity)),
            )
        };
        match sentence {
            Sentence::Events {
                domain,
                count,
                strongest,
                usual,
            } => {
                let mut text = self.counted(*count, &noun(domain));
                if let Some((strongest, measure)) = strongest {
                    text.push_str(&self.strongest(strongest, measure, *count, &noun(domain)));
                }
                if let Some(usual) = usual {
                    let words = if self.under_way() {
                        self.pick("habituel à cette heure", "usual by this time")
                    } else {
                        self.pick("habituel", "usual")
                    };
                    let _ = write!(text, "{semicolon}{words}{colon}{}", self.usual_count(usual));
                }
                text + "."
            }
            Sentence::MoreThanEver(days, chance) => {
                let one_in = count((1.0 / chance).round() as u64, self.language);
                if self.is_french() {
                    format!(
                        "Plus que chacun des {days} jours d’avant (le hasard seul le ferait un jour sur {one_in})."
                    )
                } else {
                    format!(
                        "More than on any of the {days} days before (chance alone would do that one day in {one_in})."
                    )
                }
            }
            Sentence::Level {
                label,
                entity,
                value,
                scale,
                at,
                usual,
            } => {
                let mut text = format!(
                    "{}{colon}{}",
                    label_of(label, entity.as_deref()),
                    self.quantity(*value, scale)
                );
                if let Some(at) = at {
                    let at = time::moment(*at, self.period, self.tz, self.language);
                    let _ = write!(text, " ({at})");
                }
                if let Some(usual) = usual {
                    let words = self.pick("habituel à cette heure", "usual at that hour");
                    let _ = write!(text, "{semicolon}{words}{colon}{}", self.band(usual, scale));
                }
                text + "."
            }
            Sentence::Mean {
                label,
                entity,
                value,
                scale,
            } => format!(
                "{}{colon}{} {}.",
                label_of(label, entity.as_deref()),
                self.quantity(*value, scale),
                self.pick("en moyenne", "on average"),
            ),
            Sentence::Mix(mix) => self.mix(mix),
            Sentence::Moved(track, measure) => self.moved(track, measure),
            Sentence::Range(least, greatest, scale) => format!(
                "{} {} ({}) {} {} ({}).",
                self.pick("Entre", "Between"),
                self.quantity(least.value, scale),
                self.when(least.at),
                self.pick("et", "and"),
                self.quantity(greatest.value, scale),
                self.when(greatest.at),
            ),
            Sentence::First(_, line, compared) => self.first(line, *compared),
            Sentence::Movement(entries, exits, since, first) => {
                self.movement(*entries, *exits, *since, first.as_ref())
            }
            Sentence::Climber(line) => {
                let rank = |rank: Option<f64>| {
                    rank.map_or_else(|| "–".to_owned(), |rank| self.number(rank, 0))
                };
                let (name, from, to) = (Self::name(&line.name), rank(line.before), rank(line.rank));
                if self.is_french() {
                    format!("Plus forte progression\u{A0}: {name}, du rang {from} au rang {to}.")
                } else {
                    format!("Greatest climb: {name}, from rank {from} to rank {to}.")
                }
            }
            Sentence::Growth {
                title,
                increase,
                scale,
                entities,
                resets,
                most,
            } => {
                let mut text = format!(
                    "{}{colon}+{}",
                    label_of(title, None),
                    self.quantity(*increase, scale)
                );
                if let Some((name, increase)) = most.as_ref().filter(|_| *entities > 1) {
                    let words = self.pick("le plus", "most");
                    let _ = write!(
                        text,
                        "{semicolon}{words}{colon}{} (+{})",
                        Self::name(name),
                        self.quantity(*increase, scale)
                    );
                }
                if *resets > 0 {
                    let (one, many) = if self.is_french() {
                        (
                            "remise à zéro ou correction",
                            "remises à zéro ou corrections",
                        )
                    } else {
                        ("reset or correction", "resets or corrections")
                    };
                    let word = if *resets == 1 { one } else { many };
                    let _ = write!(
                        text,
                        "{semicolon}{} {word}",
                        count(u64::from(*resets), self.language)
                    );
                }
                text + "."
            }
            Sentence::Unusual(anomaly, scale, others, expected) => {
                self.unusual(anomaly, scale, *others, *expected)
            }
            Sentence::Compared(change, scale, counts) => self.compared(change, scale, *counts),
            Sentence::Record(record, scale) => self.record(record, scale),
            Sentence::Busiest(record, domain) => self.busiest(record, &noun(domain)),
            Sentence::Trend(trend, scale) => self.trend(trend, scale),
            Sentence::Incomplete(obtained, expected) => {
                let (obtained, expected) = (
                    count(*obtained, self.language),
                    count(*expected, self.language),
                );
                if self.is_french() {
                    format!(
                        "Données incomplètes\u{A0}: {obtained} téléchargements obtenus sur {expected} attendus."
                    )
                } else {
                    format!(
                        "Incomplete data: {obtained} of {expected} expected downloads obtained."
                    )
                }
            }
            Sentence::Sparse(share) => {
                let share = percent(share.clamp(0.0, 1.0), self.language);
                if self.is_french() {
                    format!("Données lacunaires\u{A0}: {share} des observations attendues.")
                } else {
                    format!("Sparse data: {share} of the expected observations.")
                }
            }
            Sentence::Nothing => self.pick("Aucune donnée.", "No data.").to_owned(),
        }
    }

    fn counted(&self, number_of: u64, noun: &Noun) -> String {
        let Noun(un, des, feminine, one, many) = noun;
        let figure = count(number_of, self.language);
        match (number_of, self.is_french()) {
            (0, true) => format!("{} {un}", if *feminine { "Aucune" } else { "Aucun" }),
            (0, false) => format!("No {one}"),
            (1, true) => format!("{} {un}", if *feminine { "Une" } else { "Un" }),
            (1, false) => format!("One {one}"),
            (_, true) => format!("{figure} {des}"),
            (_, false) => format!("{figure} {many}"),
        }
    }

    fn strongest(
        &self,
        strongest: &vigie_core::analysis::Strongest,
        measure: &vigie_core::measure::Measure,
        count: u64,
        noun: &Noun,
    ) -> String {
        let title = Self::name(without_magnitude(&strongest.title));
        let at = time::moment(strongest.at, self.period, self.tz, self.language);
        if measure.unit == "{magnitude}" || measure.id.as_str().contains("magnitude") {
            let value = self.number(strongest.value, measure.decimals.max(1));
            return match (self.is_french(), count) {
                (true, 1) => format!(", de magnitude {value} – {title} ({at})"),
                (true, _) if noun.2 => {
                    format!(", la plus forte de magnitude {value} – {title} ({at})")
                }
                (true, _) => format!(", le plus fort de magnitude {value} – {title} ({at})"),
                (false, 1) => format!(", M {value} – {title} ({at})"),
                (false, _) => format!(", the strongest M {value} – {title} ({at})"),
            };
        }
        let label = clean(measure.title.get(self.language), NAME_LETTERS_MAX);
        let scale = Scale {
            unit: measure.unit.clone(),
            decimals: measure.decimals,
        };
        let value = self.quantity(strongest.value, &scale);
        let (colon, label) = (self.colon(), uncapitalised(&label));
        format!(
            "{}{label} max.{colon}{value} – {title} ({at})",
            self.semicolon()
        )
    }

    pub(crate) fn usual_count(&self, band: &Band) -> String {
        let whole = |value: f64| self.number(value, 0);
        let (low, high) = (whole(band.low), whole(band.high));
        if low == high {
            return low;
        }
        let range = format!("{low}{}{high}", self.pick(" à ", "–"));
        // A median between two counts is none that anybody has counted.
        if band.median.fract() == 0.0 {
            format!("{} ({range})", whole(band.median))
        } else {
            range
        }
    }

    /// The end of a stretch, as people say it: the last day of days, the instant of hours (24:00 of a day's end).
    fn end(&self, to: Timestamp) -> String {
        if self.daily {
            let last = to
                .saturating_sub(SignedDuration::from_hours(1))
                .unwrap_or(to);
            return self.when(last);
        }
        if to == self.period.end && self.period.kind == PeriodKind::Day {
            return "24:00".to_owned();
        }
        self.when(to)
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.map_or_else(String::new, |first| first.chain(letters).collect())
}

/// A label within a sentence: `Wind` but not `PM10` begins with a small letter.
fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next();
    let rest = letters.as_str();
    match first {
        Some(first) if rest.starts_with(|next: char| next.is_lowercase() || next == ' ') => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}

/// `M 5.1 - 8 km NNE of Amatrice, Italy` without its magnitude, which is said already.
fn without_magnitude(title: &str) -> &str {
    let rest = title.strip_prefix("M ").or_else(|| title.strip_prefix("M"));
    let parts = rest.and_then(|rest| rest.split_once(" - "));
    parts
        .filter(|(magnitude, _)| magnitude.trim().parse::<f64>().is_ok())
        .map_or(title, |(_, place)| place)
}

#[cfg(test)]
mod tests;
