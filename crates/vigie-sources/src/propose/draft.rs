//! What the columns of a candidate are for: identifier, times, place, name, measures, texts.

use jiff::Timestamp;

use super::{
    columns::Column,
    events::{become_events, is_events, leave_births},
    identity::{clocks, key, name, place, step},
    measures::{gauges, texts},
    rows::{Candidate, Shape},
    seen::{Seen, is_own},
    values::{Numbers, Times, facts, numbers, times},
    words::{Meaning, domain, words},
};
use crate::definition::Model;

/// Where the time of a row is, and how it is written.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    pub(super) path: String,
    pub(super) times: Times,
    /// The path of the name of its time zone, where the body has it.
    pub(super) zone: Option<String>,
}

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A path, or a template of paths.
    Path(String),
    /// There is one entity only, which the body does not name.
    Single,
    /// Nothing in the body does, but its place.
    Place,
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Where {
    Degrees {
        lon: String,
        lat: String,
    },
    Geometry(String),
    /// A text of latitude and longitude.
    Text(String),
}

/// A proposed measure.
#[derive(Debug, Clone)]
pub(super) struct Gauge {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) path: String,
    pub(super) numbers: Numbers,
    pub(super) meaning: Meaning,
}

/// What the rows of a candidate are taken to be.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) candidate: Candidate,
    pub(super) model: Model,
    pub(super) key: Key,
    /// `None`: the time of the fetch.
    pub(super) observed: Option<Clock>,
    pub(super) published: Option<Clock>,
    pub(super) place: Option<Where>,
    pub(super) name: Option<String>,
    pub(super) texts: Vec<(String, String)>,
    pub(super) gauges: Vec<Gauge>,
    pub(super) left_out: Vec<String>,
    pub(super) domain: Option<&'static str>,
    /// Seconds between two times of an entity, where there is such a rhythm.
    pub(super) step: Option<i64>,
    pub(super) latest: Option<Timestamp>,
    pub(super) score: f64,
}
/// Makes sense of the columns.
pub(super) fn draft(
    candidate: &Candidate,
    columns: &[Column<'_>],
    rows: usize,
    decimal_comma: bool,
) -> Draft {
    let seen: Vec<Seen<'_, '_>> = columns
        .iter()
        .map(|column| Seen {
            facts: facts(column),
            times: times(column),
            numbers: numbers(column, decimal_comma),
            words: column
                .names
                .last()
                .map(|name| words(name))
                .unwrap_or_default(),
            column,
        })
        .collect();
    let (observed, published) = clocks(&seen, rows);
    let instants = observed.as_ref().map(|clock| clock.times.read.as_slice());
    let key = key(&seen, instants, rows);
    // A list of words or numbers: each is its own identifier.
    let is_list = candidate.shape == Shape::Scalar && !candidate.select.ends_with('}');
    let key = match seen.first() {
        Some(only) if is_list && only.is_distinct(rows) => Key::Path(".".to_owned()),
        _ => key,
    };
    let place = place(&seen);
    let key_path = match &key {
        Key::Path(path) => path.clone(),
        Key::Single | Key::Place => String::new(),
    };
    let name = name(&seen, &key_path, rows);
    let mut left_out = Vec::new();
    let gauges = gauges(&seen, &key_path, place.as_ref(), rows, &mut left_out);
    let taken: Vec<&str> = [Some(key_path.as_str()), name.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let mut draft = Draft {
        candidate: candidate.clone(),
        model: Model::Observations,
        texts: texts(&seen, &taken),
        observed: observed.clone(),
        published,
        domain: domain(
            columns
                .iter()
                .flat_map(|column| column.names.iter().map(String::as_str)),
        ),
        step: observed.as_ref().and_then(|clock| step(&clock.times.read)),
        latest: observed.and_then(|clock| clock.times.read.into_iter().flatten().max()),
        key,
        place,
        name,
        gauges,
        left_out,
        score: 0.0,
    };
    if is_events(&draft, &seen, rows) || become_events(&mut draft, &seen, rows) {
        draft.model = Model::Events;
        draft.step = None;
    } else {
        leave_births(&mut draft, &seen, rows);
    }
    draft.score = score(&draft, &seen, rows);
    draft
}

fn score(draft: &Draft, seen: &[Seen<'_, '_>], rows: usize) -> f64 {
    let time = match &draft.observed {
        Some(clock) if is_own(seen, &clock.path) => 4.0,
        Some(_) => 2.0,
        None => 0.0,
    };
    let key = match (&draft.key, draft.candidate.shape) {
        (Key::Path(path), Shape::Record | Shape::Index) if path.starts_with(['^', '$']) => 0.5,
        (Key::Path(path), Shape::Record) if path.contains('{') => 1.5,
        (Key::Path(_), Shape::Record | Shape::Index | Shape::Cells) => 3.0,
        (Key::Path(_) | Key::Single, _) => 1.0,
        (Key::Place, _) => 0.0,
    };
    let own = draft
        .gauges
        .iter()
        .filter(|gauge| is_own(seen, &gauge.path))
        .count();
    let content = (own as f64).min(3.0) + (draft.texts.len() as f64 / 3.0).min(2.5);
    let iterations = draft.candidate.select.matches('*').count();
    let nesting = iterations.saturating_sub(1) as f64 * 0.7;
    let shape = match draft.candidate.shape {
        Shape::Scalar => -3.0,
        Shape::Whole => -2.0,
        _ => 0.0,
    };
    (1.0 + rows.max(draft.candidate.count) as f64).ln().min(5.0) + time + key + content + shape
        - nesting
}
