//! `GET /api/v1/correlation`: how two series go together, and how far that can be trusted.

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::task::block_in_place;
use utoipa::ToSchema;
use vigie_core::{
    correlation::{Best, Lag, best, lagged},
    measure::Kind,
    series::{Step, Steps},
};
use vigie_sources::Model;

use super::{
    super::{Refusal, Shared},
    answer::{self, Mistake},
    ask::{self, Line, Parameters, bad},
    series::Wanted,
};

/// The longest lag, in steps: a week of hours.
const LAG_MAX: usize = 168;
/// The most steps: a year of hours.
const STEPS_MAX: usize = 24 * 366;

/// How two series go together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CorrelationAnswer {
    /// The first series, as asked for.
    a: String,
    /// The second series, as asked for.
    b: String,
    /// The length of a step.
    step: Step,
    /// Whether changes from step to step were compared, and not the values.
    changes: bool,
    /// All lags, from the most negative on.
    lags: Vec<Lag>,
    /// The lag at which they go together most; null where too little is known.
    best: Option<Best>,
    /// What speaks against reading more into it.
    caution: String,
}

/// The lagged correlation of two series.
#[utoipa::path(get, path = "/api/v1/correlation", tag = "data", params(
    ("a" = String, Query, description = "The first series: source/measure/entity, `*` for all entities together, source/* for a \
        count of events"),
    ("b" = String, Query, description = "The second series, likewise"),
    ("from" = Option<String>, Query, description = "From this local date or time on"),
    ("to" = Option<String>, Query, description = "Up to this local date (included), or before this time"),
    ("step" = Option<Step>, Query, description = "The length of a step; an hour when absent"),
    ("lag" = Option<usize>, Query, description = "The longest lag in steps, either way: 24 when absent, at most 168"),
    ("changes" = Option<bool>, Query, description = "Whether to compare the changes from step to step, which takes common \
        trends away"),
    ("known_at" = Option<String>, Query, description = "With what was known at this time (RFC 3339)")
), responses(
    (status = 200, description = "The coefficients by lag", body = CorrelationAnswer),
    (status = 304, description = "It is as the entity tag says"),
    (status = 400, description = "A parameter is wrong, or too much is asked for", body = Mistake),
    (status = 404, description = "No such source, measure or entity", body = Mistake)))]
pub(super) async fn correlation(
    State(shared): State<Shared>,
    Query(given): Query<Vec<(String, String)>>,
    asked: HeaderMap,
) -> Result<Response, Refusal> {
    let names = ["a", "b", "from", "to", "step", "lag", "changes", "known_at"];
    let parameters = Parameters::new(given, &names)?;
    let app = &shared.app;
    let most: usize = parameters.parsed("lag", "a whole number")?.unwrap_or(24);
    if most > LAG_MAX {
        return Err(bad(format!("lag is at most {LAG_MAX}")));
    }
    let changes = parameters
        .parsed("changes", "true or false")?
        .unwrap_or(false);
    let (a, b) = (parameters.required("a")?, parameters.required("b")?);
    let lines = [Line::parse(app, a)?, Line::parse(app, b)?];
    let step = parameters.step()?;
    let known_at = parameters.known_at()?;
    let now = known_at.unwrap_or_else(|| app.now());
    let steps = parameters.steps(app, now, step, STEPS_MAX)?;
    let mut values = Vec::new();
    for line in &lines {
        let mut series = one(&shared, line, &steps, known_at).await?;
        if changes {
            series = differences(&series);
        }
        values.push(series);
    }
    let (lags, best) = block_in_place(|| {
        let lags = lagged(&values[0], &values[1], most);
        let best = best(&values[0], &values[1], &lags);
        (lags, best)
    });
    let caution = format!(
        "{} lags were tried, and the greatest of many coefficients is great by chance; series that share a rhythm or a trend go \
         together without any cause. effective_pairs allows for values that resemble their neighbours, not for the choice of \
         the lag.",
        lags.len()
    );
    let answer = CorrelationAnswer {
        a: a.to_owned(),
        b: b.to_owned(),
        step,
        changes,
        lags,
        best,
        caution,
    };
    answer::json(&asked, app, None, &answer)
}

async fn one(
    shared: &Shared,
    line: &Line,
    steps: &Steps,
    known_at: Option<Timestamp>,
) -> Result<Vec<Option<f64>>, Refusal> {
    let definition = &line.definition;
    let measure = definition
        .measures
        .iter()
        .find(|measure| Some(&measure.id) == line.measure.as_ref());
    let kind = match measure {
        Some(measure) if definition.model == Model::Observations => measure.kind,
        _ => Kind::Event,
    };
    if kind == Kind::Direction {
        return Err(bad(
            "a direction goes round in a circle: Pearson's coefficient says nothing of it",
        ));
    }
    let entities: Vec<_> = line.entity.iter().cloned().collect();
    let wanted = Wanted {
        definition,
        measure,
        steps,
        known_at,
    };
    let loaded = wanted.load(shared, &entities).await?;
    let mut values = loaded
        .first()
        .map(|loaded| loaded.values(ask::figure(kind)))
        .unwrap_or_default();
    // A step that goes on has not had all its events yet.
    let now = known_at.unwrap_or_else(|| shared.app.now());
    let over = (0..values.len()).take_while(|place| steps.end_of(*place) <= now);
    values.truncate(over.count());
    Ok(values)
}

/// By how much each step differs from the one before, where both are known.
fn differences(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = values.windows(2).map(|pair| Some(pair[1]? - pair[0]?));
    std::iter::once(None).chain(pairs).collect()
}
