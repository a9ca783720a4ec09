//! The analysis of a period: one value, read by the page and by the PDF alike.

mod findings;
mod mix;
mod said;
mod track;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    capture::Outcome,
    cause::Cause,
    measure::{Across, Measure},
    stats::Figures,
    text::{SourceId, Text},
    zone::Zone,
};

pub use self::findings::{
    Anomalies, Anomaly, Band, Basis, Change, Correlation, CounterFigure, EventClass, EventFigures,
    Extreme, Findings, HistoryFacts, RankLine, Ranking, Record, Strongest, Trend,
};
pub use self::mix::{MixFigures, MixPart};
pub use self::said::{Origin, Role, Said};
pub use self::track::{Track, TrackPoint};

/// What happened in a zone over a period, per source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Analysis {
    /// The watched place.
    pub zone: Zone,
    /// The analysed stretch of time.
    pub period: Period,
    /// The time at which the analysis was made.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Whether the data come from the built-in simulator and not from the providers.
    pub simulated: bool,
    /// One entry per enabled source, in the order of domains.
    pub sources: Vec<SourceAnalysis>,
    /// Sources whose values vary together. Only reports look for them.
    pub correlations: Vec<Correlation>,
}

/// The length of an analysed period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PeriodKind {
    /// A local day of the zone.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// A stretch of local time of the zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Period {
    /// Its length.
    pub kind: PeriodKind,
    /// Its first local date.
    #[schema(value_type = String, format = Date)]
    pub date: jiff::civil::Date,
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub end: Timestamp,
}

/// What a source says of the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceAnalysis {
    /// The source.
    #[schema(value_type = String)]
    pub id: SourceId,
    /// Its domain: `weather`, `earthquakes`…
    pub domain: String,
    /// Its title.
    pub title: Text,
    /// Whom to credit, printed under every chart.
    pub credit: Credit,
    /// The age of what is shown.
    pub freshness: Freshness,
    /// How complete the record of the period is.
    pub captures: CaptureCount,
    /// The share of the expected observations that are present, 0 to 1; `None` where the source
    /// has no fixed rhythm.
    pub coverage: Option<f64>,
    /// The figures to lead with, at most four.
    pub headlines: Vec<Headline>,
    /// The chart of the period; `None` when there is nothing to draw.
    pub chart: Option<Chart>,
    /// The places to draw on the map, each with its latest value.
    pub map: Vec<MapPoint>,
    /// The time between two observations that leaves nothing out, as a rule, in seconds.
    #[serde(default)]
    pub pace_seconds: u64,
    /// The leading measure: what the values of the map and the tables are.
    pub leading_measure: Option<Measure>,
    /// For observations: the entities with the greatest figures of the leading measure, at most 20.
    pub entities: Vec<EntityLine>,
    /// How many entities were observed in the period.
    pub entity_count: u64,
    /// For events: those of the period, the latest first, at most 200.
    pub events: Vec<EventLine>,
    /// How many events happened in the period.
    pub event_count: u64,
    /// The paths of what moves, the strongest first, at most 100.
    pub tracks: Vec<Track>,
    /// What the values of the tracks are.
    pub track_measure: Option<Measure>,
    /// What is usual, what is not, what changed.
    pub findings: Findings,
    /// The same in words, the most important first.
    pub sentences: Vec<Said>,
}

/// Whom to credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credit {
    /// The words that the provider asks for.
    pub attribution: String,
    /// The licence: an SPDX identifier or the name that the provider gives.
    pub licence: String,
    /// Where the terms stand.
    pub url: String,
}

/// The three clocks of a source. Each is the newest known, whatever the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Freshness {
    /// What the age of the content counts from: when the newest happened; of what is ahead, as in a forecast, when it was
    /// published, or else fetched.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub content_at: Option<Timestamp>,
    /// When the newest content happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Timestamp>,
    /// When the provider published the newest content, if it says so.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub published_at: Option<Timestamp>,
    /// When the provider last answered as it should.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub fetched_at: Option<Timestamp>,
    /// When the next download is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// The age of content beyond which the source is called stale, in seconds.
    pub stale_after_seconds: u64,
    /// Whether the newest content is older than that: now, or at the end of a period that is over.
    pub stale: bool,
}

/// Downloads of the period.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaptureCount {
    /// Slots whose time had come.
    pub expected: u64,
    /// Slots for which the provider answered as it should.
    pub obtained: u64,
    /// Attempts that brought no body.
    pub failed: u64,
    /// Bodies set aside.
    pub quarantined: u64,
    /// Rows taken.
    pub rows: u64,
    /// Rows refused.
    pub refused_rows: u64,
    /// The latest problems, at most 20, newest first.
    pub problems: Vec<Problem>,
}

/// A download that went wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The name of what went wrong, unless an earlier version recorded it.
    pub cause: Option<Cause>,
    /// The same with its details, in English.
    pub reason: String,
}

/// A figure to lead with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Headline {
    /// What it is.
    pub label: Text,
    /// The entity it is of, when it is of one.
    pub entity: Option<String>,
    /// The figure; `None` when nothing was observed.
    pub value: Option<f64>,
    /// Its unit, as in [`Measure::unit`].
    pub unit: String,
    /// The digits to show after the decimal point.
    pub decimals: u8,
    /// When it was observed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// What is usual at that hour.
    pub usual: Option<Band>,
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// Lines, broken at gaps.
    Line,
    /// A mark per event: time against value.
    Scatter,
    /// A bar per category ([`Series::label`], one point each), where time says nothing.
    Bars,
}

/// A chart of the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What it shows.
    pub title: Text,
    /// The unit of the values.
    pub unit: String,
    /// The digits to show after the decimal point.
    pub decimals: u8,
    /// How entities were combined, if they were.
    pub across: Option<Across>,
    /// Whether the values are ranks: 1 is drawn at the top, and there is no 0.
    pub ranked: bool,
    /// For lines: the starts of the hours (or local days) of the period, all of them.
    #[schema(value_type = Vec<String>)]
    pub times: Vec<Timestamp>,
    /// For a line of one series: what is usual, per time of the chart; else empty.
    pub usual: Vec<Option<Band>>,
    /// At most eight.
    pub series: Vec<Series>,
}

/// A series of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The entity or the measure it is of.
    pub label: Text,
    /// For lines: a value per time of the chart; `None` is a gap, never a zero. For bars: one value.
    pub values: Vec<Option<f64>>,
    /// For lines: values at most so many times apart are joined, for the source says no more in between. What is
    /// farther apart has a gap between.
    pub joined_steps: u32,
    /// For scatters: the marks, in the order of time; the strongest 2,000.
    pub marks: Vec<Mark>,
    /// How many weaker ones there are beside them.
    #[serde(default)]
    pub marks_left_out: u64,
}

/// A mark of a scatter chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mark {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The value.
    pub value: f64,
    /// The event's title.
    pub label: String,
}

/// A place on the map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MapPoint {
    /// The entity's or the event's identifier.
    #[serde(default)]
    pub key: String,
    /// Longitude.
    pub lon: f64,
    /// Latitude.
    pub lat: f64,
    /// The entity's or the event's name. Text from outside: never markup.
    pub label: String,
    /// Its latest value.
    pub value: Option<f64>,
    /// When that was observed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// An entity and its figures over the period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntityLine {
    /// Its identifier.
    pub entity: String,
    /// Its name, or its identifier. Text from outside: never markup.
    pub name: String,
    /// The figures of the leading measure.
    pub figures: Figures,
    /// When it was last observed in the period.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// An event of the period, at its latest revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventLine {
    /// The provider's identifier.
    pub key: String,
    /// Its title. Text from outside: never markup.
    pub title: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where.
    pub lon: Option<f64>,
    /// Where.
    pub lat: Option<f64>,
    /// The value of the leading measure.
    pub value: Option<f64>,
    /// How many versions of it are known.
    pub revisions: u64,
}
