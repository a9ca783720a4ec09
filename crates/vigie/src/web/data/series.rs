//! `GET /api/v1/series`: measures over local hours, days, weeks or months.

use std::ops::ControlFlow;

use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderName},
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::task::block_in_place;
use utoipa::ToSchema;
use vigie_core::{
    analysis::Credit,
    event::Event,
    history::Stretch,
    measure::{Across, Kind, Measure},
    series::{Filling, Happenings, Point, Step, Steps, Together},
    text::{EntityId, SourceId, Text},
};
use vigie_sources::{Definition, Model};
use vigie_store::store::{EachHour, EventQuery, MeasureHour, SummaryQuery};

use super::{
    super::{Refusal, Shared, record::ledger_of},
    answer::{self, Format, Mistake, RowAnswer},
    ask::{
        self, BUCKETS_MAX, POINTS_MAX, Parameters, TOGETHER, attribution, bad, missing, too_much,
    },
};
use crate::{
    export::table::{Cell, Column, Type, always, sometimes},
    heard::Watch,
    known::{self, KnownAt, Question, Told},
    summarize::rhythm,
};

/// The most entities of an answer.
const ENTITIES_MAX: usize = 50;

/// The columns of a series as rows: a step of an entity.
static COLUMNS: [Column; 20] = [
    always("source", Type::Text),
    always("entity", Type::Text),
    always("name", Type::Text),
    always("measure", Type::Text),
    always("unit", Type::Text),
    always("kind", Type::Text),
    always("start", Type::Time),
    always("end", Type::Time),
    sometimes("count", Type::Integer),
    sometimes("min", Type::Real),
    sometimes("max", Type::Real),
    sometimes("mean", Type::Real),
    sometimes("sum", Type::Real),
    sometimes("first", Type::Real),
    sometimes("last", Type::Real),
    sometimes("p05", Type::Real),
    sometimes("p50", Type::Real),
    sometimes("p95", Type::Real),
    sometimes("coverage", Type::Real),
    always("attribution", Type::Text),
];

/// A measure of one or more entities over steps of time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeriesAnswer {
    /// The source.
    #[schema(value_type = String)]
    source: SourceId,
    /// Its title.
    title: Text,
    /// Whom to credit.
    credit: Credit,
    /// Whether the data come from the built-in simulator and not from the provider.
    simulated: bool,
    /// IANA name of the time zone in which steps are counted.
    time_zone: String,
    /// What is measured; null where events are only counted.
    measure: Option<Measure>,
    /// Whether they are events, which are counted.
    events: bool,
    /// How all entities became one, where they did.
    across: Option<Across>,
    /// Which figure stands for a step in a chart: `mean`, `last` or `count`.
    figure: String,
    /// The time whose knowledge was asked for.
    #[schema(value_type = Option<String>, format = DateTime)]
    known_at: Option<Timestamp>,
    /// Of how many hours of entities nobody can tell any more what was known then: they are gaps.
    untold: u64,
    /// The length of a step.
    step: Step,
    /// The first instant of each step.
    #[schema(value_type = Vec<String>)]
    starts: Vec<Timestamp>,
    /// The first instant after the last step.
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
    /// One per entity.
    series: Vec<SeriesLine>,
}

/// The figures of one entity, each with an item per step; null in gaps, and where the kind of the measure has no such figure.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesLine {
    /// The entity; `*` for all together.
    entity: String,
    /// Its name, as last observed.
    name: String,
    /// Values at most so many steps apart are joined to a line, for the source says no more in between. What is farther apart
    /// has a gap between.
    joined_steps: u32,
    /// How many values there were; null where nobody watched.
    count: Vec<Option<u64>>,
    /// The least value.
    min: Vec<Option<f64>>,
    /// The greatest value.
    max: Vec<Option<f64>>,
    /// The mean, circular for directions.
    mean: Vec<Option<f64>>,
    /// The sum.
    sum: Vec<Option<f64>>,
    /// The earliest value.
    first: Vec<Option<f64>>,
    /// The latest value.
    last: Vec<Option<f64>>,
    /// The 5th percentile.
    p05: Vec<Option<f64>>,
    /// The median.
    p50: Vec<Option<f64>>,
    /// The 95th percentile.
    p95: Vec<Option<f64>>,
    /// The share of the expected observations that are there.
    coverage: Vec<Option<f64>>,
}

/// The series of an entity, or of all together.
pub(super) struct Loaded {
    pub(super) entity: String,
    pub(super) name: String,
    pub(super) points: Vec<Point>,
    joined_steps: u32,
    /// Of how many hours nobody can tell any more what was known.
    untold: u64,
}

impl Loaded {
    fn line(self) -> SeriesLine {
        let all = |figure: fn(&Point) -> Option<f64>| self.points.iter().map(figure).collect();
        SeriesLine {
            count: self.points.iter().map(|point| point.count).collect(),
            min: all(|point| point.figures.min),
            max: all(|point| point.figures.max),
            mean: all(|point| point.figures.mean),
            sum: all(|point| point.figures.sum),
            first: all(|point| point.figures.first),
            last: all(|point| point.figures.last),
            p05: all(|point| point.p05),
            p50: all(|point| point.figures.p50),
            p95: all(|point| point.figures.p95),
            coverage: all(|point| point.coverage),
            entity: self.entity,
            name: self.name,
            joined_steps: self.joined_steps,
        }
    }

    /// The value that stands for each step in a chart.
    pub(super) fn values(&self, figure: &str) -> Vec<Option<f64>> {
        let value = |point: &Point| match figure {
            "count" => point.count.map(|count| count as f64),
            "last" => point.figures.last,
            _ => point.figures.mean,
        };
        self.points.iter().map(value).collect()
    }
}

/// A measure of entities over steps of time.
#[utoipa::path(get, path = "/api/v1/series", tag = "data", params(
    ("source" = String, Query, description = "The source"),
    ("measure" = Option<String>, Query, description = "The measure; the one that the source leads with when absent. \
        `*` only counts events"),
    ("entity" = Option<Vec<String>>, Query, description = "An entity; may be repeated, up to 50 times. Absent or `*`: all \
        together, summed or averaged as the measure says"),
    ("from" = Option<String>, Query, description = "From this local date of the zone, or this time (RFC 3339)"),
    ("to" = Option<String>, Query, description = "Up to this local date (included), or before this time (RFC 3339)"),
    ("step" = Option<Step>, Query, description = "The length of a step; an hour when absent"),
    ("known_at" = Option<String>, Query, description = "What was known at this time (RFC 3339): what was fetched later is \
        absent, and what was revised is as it was"),
    ("format" = Option<String>, Query, description = "json, csv, ndjson or parquet; JSON when absent")
), responses(
    (status = 200, description = "The figures of each step", body = SeriesAnswer),
    (status = 304, description = "It is as the entity tag says"),
    (status = 400, description = "A parameter is wrong, or too much is asked for", body = Mistake),
    (status = 404, description = "No such source, measure or entity", body = Mistake)))]
pub(super) async fn series(
    State(shared): State<Shared>,
    Query(given): Query<Vec<(String, String)>>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    let names = [
        "source", "measure", "entity", "from", "to", "step", "known_at", "format",
    ];
    let parameters = Parameters::new(given, &names)?;
    let app = &shared.app;
    let definition = ask::source(app, parameters.required("source")?)?;
    let wanted = parameters.one("measure")?;
    let events = definition.model == Model::Events;
    let measure = match wanted {
        Some(TOGETHER) if events => None,
        None if definition.measures.is_empty() => None,
        wanted => Some(ask::measure(&definition, wanted)?),
    };
    let entities = ask::entities(&parameters, ENTITIES_MAX)?;
    let format = Format::of(&parameters)?;
    let step = parameters.step()?;
    let known_at = parameters.known_at()?;
    let now = known_at.unwrap_or_else(|| app.now());
    let steps = parameters.steps(app, now, step, POINTS_MAX / entities.len().max(1))?;
    let wanted = Wanted {
        definition: &definition,
        measure,
        steps: &steps,
        known_at,
    };
    let loaded = wanted.load(&shared, &entities).await?;
    let untold = loaded.iter().map(|loaded| loaded.untold).sum();
    let Format::Rows(format) = format else {
        let kind = if events {
            Kind::Event
        } else {
            measure.map_or(Kind::Gauge, |measure| measure.kind)
        };
        let answer = SeriesAnswer {
            source: definition.id.clone(),
            title: definition.sheet.title.clone(),
            credit: definition.credit(),
            simulated: app.config().simulated,
            time_zone: app.config().zone.time_zone.clone(),
            measure: measure.cloned(),
            events,
            across: measure
                .filter(|_| entities.is_empty() && !events)
                .map(|measure| measure.across),
            figure: ask::figure(kind).to_owned(),
            known_at,
            untold,
            step,
            starts: steps.starts,
            end: steps.end,
            series: loaded.into_iter().map(Loaded::line).collect(),
        };
        return answer::json(&asked, app, Some(&definition), &answer);
    };
    let mut rows = RowAnswer::new(app, &definition, format, &COLUMNS, known_at)?;
    let credit = attribution(app, &definition.credit());
    for series in &loaded {
        for (place, point) in series.points.iter().enumerate() {
            let (start, end) = (steps.starts[place], steps.end_of(place));
            let figures = &point.figures;
            rows.row(&[
                Cell::text(definition.id.as_str()),
                Cell::text(&series.entity),
                Cell::text(&series.name),
                Cell::text(measure.map_or(TOGETHER, |measure| measure.id.as_str())),
                Cell::text(measure.map_or("1", |measure| &measure.unit)),
                Cell::text(
                    measure
                        .filter(|_| !events)
                        .map_or("event", |measure| measure.kind.as_str()),
                ),
                Cell::Time(start, app.tz().to_offset(start)),
                Cell::Time(end, app.tz().to_offset(end)),
                point.count.map_or(Cell::Null, Cell::integer),
                Cell::real(figures.min),
                Cell::real(figures.max),
                Cell::real(figures.mean),
                Cell::real(figures.sum),
                Cell::real(figures.first),
                Cell::real(figures.last),
                Cell::real(point.p05),
                Cell::real(figures.p50),
                Cell::real(figures.p95),
                Cell::real(point.coverage),
                Cell::text(&credit),
            ])?;
        }
    }
    let name = format!(
        "vigie_{}_{}_{}",
        definition.id,
        measure.map_or("events", |measure| measure.id.as_str()),
        step.as_str()
    );
    let then = known_at.map_or(String::new(), |at| {
        at.strftime("_known_%Y%m%dT%H%M%SZ").to_string()
    });
    let mut response = rows.finish(&asked, &format!("{name}{then}"), None)?;
    if known_at.is_some() {
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("vigie-untold"), untold.into());
    }
    Ok(response)
}

/// What is asked of a source.
pub(super) struct Wanted<'a> {
    pub(super) definition: &'a Definition,
    pub(super) measure: Option<&'a Measure>,
    pub(super) steps: &'a Steps,
    /// The time whose knowledge is asked for; that of now where there is none.
    pub(super) known_at: KnownAt,
}

impl Wanted<'_> {
    fn now(&self, shared: &Shared) -> Timestamp {
        self.known_at.unwrap_or_else(|| shared.app.now())
    }

    fn rhythm(&self, shared: &Shared) -> Option<SignedDuration> {
        rhythm(&shared.app, self.definition)
    }

    fn every(&self, shared: &Shared) -> SignedDuration {
        shared.app.schedule(self.definition).every()
    }

    fn joined_steps(&self, shared: &Shared, points: &[Point]) -> u32 {
        let (rhythm, every) = (self.rhythm(shared), self.every(shared));
        self.steps.step.joined(rhythm, every, points)
    }

    /// Reads the series of entities, or of all together where there are none.
    pub(super) async fn load(
        &self,
        shared: &Shared,
        entities: &[EntityId],
    ) -> Result<Vec<Loaded>, Refusal> {
        let definition = self.definition;
        if definition.model == Model::Events {
            if !entities.is_empty() {
                return Err(bad(format!(
                    "{} is of events, which have no entities",
                    definition.id
                )));
            }
            return Ok(vec![self.happenings(shared).await?]);
        }
        let measure =
            (self.measure).ok_or_else(|| missing(format!("{} has no measures", definition.id)))?;
        if entities.is_empty() {
            return Ok(vec![self.together(shared, measure).await?]);
        }
        let mut loaded = Vec::with_capacity(entities.len());
        for entity in entities {
            loaded.push(self.one(shared, measure, entity).await?);
        }
        Ok(loaded)
    }

    async fn one(
        &self,
        shared: &Shared,
        measure: &Measure,
        entity: &EntityId,
    ) -> Result<Loaded, Refusal> {
        let (definition, steps) = (self.definition, self.steps);
        let query = SummaryQuery {
            entity: Some(entity.clone()),
            ..self.query()
        };
        let mut filling = Filling::new(steps, measure.kind, self.now(shared));
        let (mut name, mut found) = (None, false);
        let mut each = |hour: MeasureHour| {
            found = true;
            name = hour.name.or(name.take());
            if let Some(stats) = hour.stats {
                filling.add(hour.hour, hour.end, stats, hour.coverage);
            }
            ControlFlow::Continue(())
        };
        let told = (self.hours(shared, measure, &query, usize::MAX, &mut each)).await?;
        if !found {
            ask::check_entity(shared, definition, entity).await?;
        }
        let points = filling.finish();
        Ok(Loaded {
            entity: entity.as_str().to_owned(),
            name: name.unwrap_or_else(|| entity.as_str().to_owned()),
            joined_steps: self.joined_steps(shared, &points),
            points,
            untold: told.untold.len() as u64,
        })
    }

    async fn hours(
        &self,
        shared: &Shared,
        measure: &Measure,
        query: &SummaryQuery,
        most: usize,
        each: EachHour<'_>,
    ) -> Result<Told, Refusal> {
        let question = Question {
            app: &shared.app,
            store: &*shared.store,
            definition: self.definition,
            query,
            known_at: self.known_at,
        };
        Ok(question.hours(&measure.id, most, each).await?)
    }

    fn query(&self) -> SummaryQuery {
        SummaryQuery {
            source: Some(self.definition.id.clone()),
            from: Some(self.steps.start()),
            to: Some(self.steps.end),
            ..SummaryQuery::default()
        }
    }

    async fn together(&self, shared: &Shared, measure: &Measure) -> Result<Loaded, Refusal> {
        let (definition, tz) = (self.definition, shared.app.tz());
        let pace = self.rhythm(shared).unwrap_or_else(|| self.every(shared));
        let mut together = Together::new(measure, pace, self.steps, tz, self.now(shared))
            .ok_or_else(|| {
                bad(format!(
                    "`{}` of different entities does not add up: name them with `entity` (/api/v1/entities?source={} lists them)",
                    measure.id, definition.id
                ))
            })?;
        let mut each = |hour: MeasureHour| {
            if let Some(stats) = &hour.stats {
                together.add(&hour.entity, hour.hour, stats);
            }
            ControlFlow::Continue(())
        };
        let query = self.query();
        let told = (self.hours(shared, measure, &query, BUCKETS_MAX, &mut each)).await?;
        if told.cut {
            return Err(too_much(format!(
                "more than {BUCKETS_MAX} hours of entities: ask for less time, or name entities"
            )));
        }
        let mut points = together.finish();
        // Without some of them it would be less than all together.
        for (place, point) in points.iter_mut().enumerate() {
            let step = self.steps.starts[place]..self.steps.end_of(place);
            if told.untold.iter().any(|hour| step.contains(hour)) {
                *point = Point {
                    count: Some(0),
                    ..Point::default()
                };
            }
        }
        Ok(Loaded {
            entity: TOGETHER.to_owned(),
            name: TOGETHER.to_owned(),
            joined_steps: self.joined_steps(shared, &points),
            points,
            untold: told.untold.len() as u64,
        })
    }

    async fn happenings(&self, shared: &Shared) -> Result<Loaded, Refusal> {
        let (app, steps, measure) = (&shared.app, self.steps, self.measure);
        let query = EventQuery {
            source: Some(self.definition.id.clone()),
            from: Some(steps.start()),
            to: Some(steps.end),
        };
        let kind = measure.map_or(Kind::Event, |measure| measure.kind);
        let mut happenings = Happenings::new(steps, kind, self.now(shared));
        let mut each = |event: Event| {
            if let Some(version) = event.current() {
                let value = measure.and_then(|measure| version.values.get(&measure.id).copied());
                happenings.add(version.observed_at, value);
            }
            ControlFlow::Continue(())
        };
        known::events(&*shared.store, &query, self.known_at, &mut each).await?;
        let points = block_in_place(|| {
            // A connection of its own: there may be a question for each step, and who writes waits for the disk.
            let ledger = ledger_of(app)?;
            let watch = Watch::of(app, &ledger, self.definition, self.now(shared))?;
            let mut failed = None;
            let points = happenings.finish(|from, to| {
                let stretch = Stretch { from, to };
                let heard = |watch: &Watch| watch.was_heard_daily(&ledger, stretch, app.tz());
                let heard = watch.as_ref().map_or(Ok(false), heard);
                heard.unwrap_or_else(|failure| {
                    failed = Some(failure);
                    false
                })
            });
            failed.map_or(Ok(points), Err)
        })?;
        Ok(Loaded {
            entity: TOGETHER.to_owned(),
            name: TOGETHER.to_owned(),
            points,
            joined_steps: 1,
            untold: 0,
        })
    }
}
