//! What is to be said of a source's period beyond its figures: what is usual, what is not, what changed.
//!
//! `docs/analysis.md` says how each figure is computed, and on which assumptions.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MixFigures;
use crate::text::{SourceId, Text};

/// Which values of the past stand for what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The same hour of the same day of the week.
    HourOfWeek,
    /// The same hour of any day: there are too few weeks.
    HourOfDay,
    /// The same day of the week.
    Weekday,
    /// Any day.
    AnyDay,
}

/// What is usual: about four of five ordinary values lie from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Band {
    /// The low end.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The high end.
    pub high: f64,
    /// Of how many values of the past.
    pub samples: u32,
    /// Of which ones.
    pub basis: Basis,
}

/// How far back the memory reaches that the findings rest on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryFacts {
    /// How many days before the period have data.
    pub days: u32,
    /// The first of them.
    #[schema(value_type = Option<String>, format = Date)]
    pub since: Option<Date>,
    /// Whether that suffices to say what is usual; where nothing is usual (ranks, rates of exchange), it is never said.
    pub enough: bool,
    /// Whether it is still being read: what rests on it will follow.
    pub pending: bool,
}

/// Hours (or days) that are unlike what is usual.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Anomalies {
    /// How many values were judged.
    pub judged: u32,
    /// The share of ordinary values that are flagged all the same; no more, if the past is like the present.
    pub false_alarm_rate: f64,
    /// What was found, the most unusual first, at most ten.
    pub found: Vec<Anomaly>,
}

impl Anomalies {
    /// How many ordinary values are flagged in a period like this one, on average.
    pub fn false_alarms_expected(&self) -> f64 {
        f64::from(self.judged) * self.false_alarm_rate
    }
}

/// A stretch of values all above, or all below, what is usual.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Anomaly {
    /// The entity, where the values are of one.
    pub entity: Option<String>,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// Whether the values are greater than usual.
    pub above: bool,
    /// The value farthest from what is usual.
    pub value: f64,
    /// The hour (or day) of that value.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What is usual then.
    pub usual: Band,
    /// How many values it has.
    pub steps: u32,
    /// The share of past values that were at least as far from what was usual, of `1 + n`.
    pub p: f64,
}

/// A figure of the period beside that of the period before, over the hours that both know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// The mean of the period; of events, their count.
    pub value: f64,
    /// The same of the period before.
    pub before: f64,
    /// How many hours of the period were compared: those that have passed and that both periods know.
    pub hours: u32,
    /// How many hours have passed.
    pub hours_passed: u32,
    /// Whether a ratio of the two means anything: 20 °C are not twice 10 °C.
    pub ratio: bool,
    /// The first date of the period before.
    #[schema(value_type = String, format = Date)]
    pub before_date: Date,
}

/// An hour (or day) and its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Extreme {
    /// The value.
    pub value: f64,
    /// Its hour (or day).
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A value beyond all those known before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// Whether it is the greatest (or the least).
    pub highest: bool,
    /// The value.
    pub value: f64,
    /// Its hour (or day), or the time of its event.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The record before.
    pub before: f64,
    /// The first date of what it was compared with.
    #[schema(value_type = String, format = Date)]
    pub since: Date,
    /// Whether there is nothing before that.
    pub of_all: bool,
    /// How many days it was compared with.
    pub days: u32,
    /// How many there have been since then, those without data included.
    pub days_passed: u32,
}

/// A tendency of daily values (Theil and Sen's slope, Mann and Kendall's test).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trend {
    /// By how much the value changes a day.
    pub per_day: f64,
    /// Over how many days.
    pub days: u32,
    /// How many of them have a value.
    pub known: u32,
    /// The probability of so clear a tendency where there is none, serial correlation taken into account.
    pub p: f64,
}

/// What happened in a ranking.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ranking {
    /// When the present ranking was observed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// When the one was observed that it is compared with: the last before the period, else the first of it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub compared_with: Option<Timestamp>,
    /// How many are in it.
    pub size: u32,
    /// The first ten.
    pub top: Vec<RankLine>,
    /// Those that were not in it before, by rank, at most ten.
    pub entries: Vec<RankLine>,
    /// How many they are.
    pub entry_count: u32,
    /// Those that were in it before, by their rank then, at most ten.
    pub exits: Vec<RankLine>,
    /// How many they are.
    pub exit_count: u32,
    /// Those that climbed by most places, at most three.
    pub climbers: Vec<RankLine>,
}

/// An entity of a ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RankLine {
    /// Its identifier.
    pub entity: String,
    /// Its name, or its identifier. Text from outside: never markup.
    pub name: String,
    /// Its rank now; `None` of those that left.
    pub rank: Option<f64>,
    /// Its rank before; `None` of those that entered.
    pub before: Option<f64>,
    /// The best rank known, of the period and the seven days before.
    pub best: f64,
    /// In how many hours of the period it was seen in the ranking.
    pub hours: u32,
}

/// By how much a counter grew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CounterFigure {
    /// What is counted.
    pub title: Text,
    /// Its unit.
    pub unit: String,
    /// By how much the counters of all entities grew together while they were watched in the period.
    pub increase: f64,
    /// How often a counter fell: it began anew, or its provider corrected it.
    pub resets: u32,
    /// How many entities have a counter.
    pub entities: u32,
    /// The entity whose counter grew most, and by how much. Text from outside: never markup.
    pub most: Option<(String, f64)>,
}

/// Events of a class of the leading measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventClass {
    /// From this value on.
    pub from: f64,
    /// Up to this value, excluded; `None`: without end.
    pub to: Option<f64>,
    /// How many there were.
    pub count: u64,
}

/// What is to be said of the events of a period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventFigures {
    /// How many there were.
    pub count: u64,
    /// How many have a place.
    pub placed: u64,
    /// The event with the greatest leading measure. Text from outside: never markup.
    pub strongest: Option<Strongest>,
    /// The counts by class of the leading measure, in ascending order; empty without values.
    pub classes: Vec<EventClass>,
    /// How many there are in as much of an ordinary day.
    pub usual: Option<Band>,
    /// Of a day: that it has more events than all days before.
    pub busiest: Option<Record>,
    /// The chance that an ordinary day has more than all days before: what a claim of "more than ever" may be wrong.
    pub above_all: Option<f64>,
}

/// An event with its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Strongest {
    /// Its title. Text from outside: never markup.
    pub title: String,
    /// Its value of the leading measure.
    pub value: f64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Everything found of a source's period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// What they rest on.
    pub history: HistoryFacts,
    /// What is unlike what is usual; `None` where that cannot be said.
    pub anomalies: Option<Anomalies>,
    /// Against the period before.
    pub change: Option<Change>,
    /// The mean of the leading series over its hours (or days).
    pub mean: Option<f64>,
    /// Over how many.
    pub steps: u32,
    /// The greatest value of the leading series, its hour (or day).
    pub peak: Option<Extreme>,
    /// The least.
    pub trough: Option<Extreme>,
    /// A value beyond all those known before.
    pub record: Option<Record>,
    /// The tendency of daily values.
    pub trend: Option<Trend>,
    /// Of rankings.
    pub ranking: Option<Ranking>,
    /// Of counters.
    pub counters: Vec<CounterFigure>,
    /// Of events.
    pub events: Option<EventFigures>,
    /// Of measures that are parts of a whole.
    pub mix: Option<MixFigures>,
}

/// Two sources whose hourly values vary together, their daily cycles taken out. No more than that: neither causes the other by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Correlation {
    /// One source.
    #[schema(value_type = String)]
    pub one: SourceId,
    /// The other.
    #[schema(value_type = String)]
    pub other: SourceId,
    /// How many hours the other follows behind; negative where it goes ahead.
    pub lag_hours: i32,
    /// The coefficient of correlation (Pearson's), −1 to 1.
    pub r: f64,
    /// How many hours both have.
    pub n: u32,
    /// How many independent hours those are worth (Pyper and Peterman 1998).
    pub n_effective: f64,
    /// The probability of so large a coefficient without any connection, corrected for all pairs and lags tried (Holm).
    pub p: f64,
}
