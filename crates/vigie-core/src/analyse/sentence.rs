//! What may be said of a source's period, as values: which sentences, in which order. Their words in both languages are those of
//! `vigie-report`; here it is decided that nothing is said that the data cannot bear.

use jiff::{SignedDuration, Timestamp};

use crate::{
    analysis::{
        Anomaly, Band, Change, Extreme, MixFigures, Period, PeriodKind, RankLine, Record,
        SourceAnalysis, Strongest, Track, Trend,
    },
    measure::{Kind, Measure},
    text::Text,
};

/// Sentences of a source, at most.
const SENTENCES_MAX: usize = 8;
/// Below this share of what was expected, a source is called incomplete.
const COMPLETE_MIN: f64 = 0.9;
/// Tracks that have a sentence.
const MOVED_MAX: usize = 2;
/// Steps from which a range is worth a sentence.
const RANGE_STEPS_MIN: u32 = 4;

/// How a value is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Its unit, as in [`Measure::unit`].
    pub unit: String,
    /// The digits after the decimal point.
    pub decimals: u8,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Sentence {
    /// How many events there were.
    Events {
        /// What they are about.
        domain: String,
        /// How many.
        count: u64,
        /// The strongest, and what its value is called.
        strongest: Option<(Strongest, Measure)>,
        /// How many are usual.
        usual: Option<Band>,
    },
    /// There are more events than on any of so many days before; the chance of that on an ordinary day.
    MoreThanEver(u32, f64),
    /// The latest value.
    Level {
        /// What it is.
        label: Text,
        /// Of which entity.
        entity: Option<String>,
        /// The value.
        value: f64,
        /// How it is written.
        scale: Scale,
        /// When it was observed.
        at: Option<Timestamp>,
        /// What is usual at that hour.
        usual: Option<Band>,
    },
    /// The mean of the period.
    Mean {
        /// What it is.
        label: Text,
        /// Of which entity.
        entity: Option<String>,
        /// The mean.
        value: f64,
        /// How it is written.
        scale: Scale,
    },
    /// How a whole divides into its parts.
    Mix(MixFigures),
    /// How far and how fast something moved, and how strong it was; what the strength is called.
    Moved(Track, Measure),
    /// From the least to the greatest hour (or day).
    Range(Extreme, Extreme, Scale),
    /// Who is first in a ranking; whether there was one to compare it with.
    First(Text, RankLine, bool),
    /// How many entered a ranking and left it, since when; the first that entered.
    Movement(u32, u32, Timestamp, Option<RankLine>),
    /// Who climbed by most places.
    Climber(RankLine),
    /// By how much counters grew: what is counted, by how much, of how many entities, resets.
    Growth {
        /// What is counted.
        title: Text,
        /// By how much it grew.
        increase: f64,
        /// How that is written.
        scale: Scale,
        /// How many counters.
        entities: u32,
        /// How often one began anew.
        resets: u32,
        /// Which grew most, and by how much.
        most: Option<(String, f64)>,
    },
    /// A stretch that is unlike what is usual; how many others there are, and how many false ones to expect.
    Unusual(Anomaly, Scale, usize, f64),
    /// Against the period before; whether counts are compared.
    Compared(Change, Scale, bool),
    /// A value beyond all known before.
    Record(Record, Scale),
    /// A day with more events than all before: what they are about.
    Busiest(Record, String),
    /// A tendency.
    Trend(Trend, Scale),
    /// Downloads obtained of those expected.
    Incomplete(u64, u64),
    /// The share of the expected observations that are present.
    Sparse(f64),
    /// There is nothing of the period.
    Nothing,
}

/// What is to be said of a source, the most important first.
pub fn sentences(source: &SourceAnalysis, period: &Period, now: Timestamp) -> Vec<Sentence> {
    let mut said = Vec::new();
    let findings = &source.findings;
    let leading = source.leading_measure.as_ref();
    let scale = leading.map_or_else(
        || Scale {
            unit: "1".into(),
            decimals: 0,
        },
        |measure| Scale {
            unit: measure.unit.clone(),
            decimals: measure.decimals,
        },
    );
    if let Some(events) = &findings.events {
        if source.captures.obtained == 0 && events.count == 0 {
            return vec![Sentence::Nothing];
        }
        said.push(Sentence::Events {
            domain: source.domain.clone(),
            count: events.count,
            strongest: events.strongest.clone().zip(leading.cloned()),
            usual: events.usual,
        });
        if let Some(busiest) = events.busiest {
            said.push(Sentence::Busiest(busiest, source.domain.clone()));
        } else if let (Some(chance), Some(usual)) = (events.above_all, events.usual) {
            said.push(Sentence::MoreThanEver(usual.samples, chance));
        }
        let record = findings.record;
        said.extend(record.map(|record| Sentence::Record(record, scale.clone())));
        let counts = Scale {
            unit: "1".into(),
            decimals: 0,
        };
        let compared = findings
            .change
            .clone()
            .filter(|_| findings.events.as_ref().is_some_and(|e| e.usual.is_none()));
        said.extend(compared.map(|change| Sentence::Compared(change, counts, true)));
    } else if let Some(ranking) = &findings.ranking {
        let label = leading
            .map(|measure| measure.title.clone())
            .unwrap_or_default();
        let compared = ranking.compared_with.is_some();
        let first = ranking.top.first().cloned();
        said.extend(first.map(|first| Sentence::First(label, first, compared)));
        if let Some(since) = ranking.compared_with
            && (ranking.entry_count > 0 || ranking.exit_count > 0)
        {
            let first = ranking.entries.first().cloned();
            said.push(Sentence::Movement(
                ranking.entry_count,
                ranking.exit_count,
                since,
                first,
            ));
        }
        let far = |line: &&RankLine| {
            line.before
                .zip(line.rank)
                .is_some_and(|(a, b)| a - b >= 2.0)
        };
        let climber = ranking.climbers.first().filter(far);
        said.extend(climber.cloned().map(Sentence::Climber));
    } else {
        said.extend(lead(source, period, now, &scale));
        if said.is_empty() {
            return vec![Sentence::Nothing];
        }
    }
    if let Some(anomalies) = &findings.anomalies
        && let Some(first) = anomalies.found.first()
    {
        let others = anomalies.found.len() - 1;
        let expected = anomalies.false_alarms_expected();
        said.push(Sentence::Unusual(
            first.clone(),
            scale.clone(),
            others,
            expected,
        ));
    }
    if findings.events.is_none() {
        let record = findings.record;
        said.extend(record.map(|record| Sentence::Record(record, scale.clone())));
        let change = findings.change.clone();
        said.extend(change.map(|change| Sentence::Compared(change, scale.clone(), false)));
        if let (Some(least), Some(greatest)) = (findings.trough, findings.peak)
            && findings.steps >= RANGE_STEPS_MIN
            && least.value < greatest.value
        {
            said.push(Sentence::Range(least, greatest, scale.clone()));
        }
    }
    // What is of the leading series stands together, before what is of others.
    if let Some(measure) = &source.track_measure {
        let moved = source
            .tracks
            .iter()
            .filter(|track| track.distance_km.is_some());
        let moved = moved.take(MOVED_MAX);
        said.extend(moved.map(|track| Sentence::Moved(track.clone(), measure.clone())));
    }
    said.extend(findings.mix.clone().map(Sentence::Mix));
    for counter in &findings.counters {
        said.push(Sentence::Growth {
            title: counter.title.clone(),
            increase: counter.increase,
            scale: Scale {
                unit: counter.unit.clone(),
                decimals: 0,
            },
            entities: counter.entities,
            resets: counter.resets,
            most: counter.most.clone(),
        });
    }
    said.extend(findings.trend.map(|trend| Sentence::Trend(trend, scale)));
    said.truncate(SENTENCES_MAX - 1);
    said.extend(incomplete(source));
    said
}

/// Whether the values of a source's chart are of days.
pub fn is_daily(source: &SourceAnalysis) -> bool {
    source.chart.as_ref().is_some_and(|chart| {
        let mut times = chart.times.iter();
        let (first, second) = (times.next(), times.next());
        let step = first.zip(second).map(|(a, b)| b.duration_since(*a));
        step.is_some_and(|step| step > SignedDuration::from_hours(12))
    })
}

/// The sentence that a source of observations leads with: its latest value of a day, its mean of anything longer.
fn lead(
    source: &SourceAnalysis,
    period: &Period,
    now: Timestamp,
    scale: &Scale,
) -> Option<Sentence> {
    let headline = source.headlines.first()?;
    if period.kind != PeriodKind::Day && now >= period.start {
        let linear = source
            .leading_measure
            .as_ref()
            .is_some_and(|measure| matches!(measure.kind, Kind::Gauge | Kind::Event));
        if linear && let Some(value) = source.findings.mean.filter(|value| value.is_finite()) {
            let alone = source
                .leading_measure
                .as_ref()
                .is_some_and(|m| m.across == crate::measure::Across::Each);
            return Some(Sentence::Mean {
                label: headline.label.clone(),
                entity: headline.entity.clone().filter(|_| alone),
                value,
                scale: scale.clone(),
            });
        }
    }
    Some(Sentence::Level {
        label: headline.label.clone(),
        entity: headline.entity.clone(),
        value: headline.value.filter(|value| value.is_finite())?,
        scale: Scale {
            unit: headline.unit.clone(),
            decimals: headline.decimals,
        },
        at: headline.at,
        usual: headline.usual,
    })
}

fn incomplete(source: &SourceAnalysis) -> Option<Sentence> {
    let captures = &source.captures;
    if captures.expected > 0 && (captures.obtained as f64) < COMPLETE_MIN * captures.expected as f64
    {
        return Some(Sentence::Incomplete(captures.obtained, captures.expected));
    }
    let coverage = source.coverage.filter(|coverage| *coverage < COMPLETE_MIN);
    coverage.map(Sentence::Sparse)
}
