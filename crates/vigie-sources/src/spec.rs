//! What a definition says of rows, compiled: ready to be applied to any number of bodies.

use std::fmt;

use jiff::tz::TimeZone;
use regex_lite::Regex;

use crate::{
    format::Format,
    join::Join,
    path::{Base, Path},
    projection::Projection,
};

/// How rows are made of a body.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of its own in definitions"
)]
pub(crate) struct Extract {
    pub(crate) format: Format,
    pub(crate) encoding: Option<&'static encoding_rs::Encoding>,
    pub(crate) errors: Vec<ProviderError>,
    pub(crate) select: Vec<Path>,
    pub(crate) optional: bool,
    pub(crate) columns: Option<Path>,
    pub(crate) header: bool,
    pub(crate) skip: usize,
    pub(crate) filter: Vec<Condition>,
    pub(crate) pivot: Option<Pivot>,
    pub(crate) rows_most: usize,
    /// Whether the definition itself says so.
    pub(crate) rows_most_is_own: bool,
    /// The most levels of nesting.
    pub(crate) nesting_most: usize,
    pub(crate) key: Pick,
    pub(crate) observed_at: Time,
    pub(crate) published_at: Option<Time>,
    pub(crate) revision: Option<Revision>,
    pub(crate) point: Option<Place>,
    pub(crate) name: Option<Pick>,
    pub(crate) attributes: Vec<(String, Pick)>,
    /// The second document of a body of two.
    pub(crate) join: Option<Join>,
    pub(crate) measures: Vec<Reading>,
    /// Whether rows of the same entity and time are made one.
    pub(crate) groups: bool,
}

/// How a body says that the provider could not answer.
#[derive(Debug, Clone)]
pub(crate) struct ProviderError {
    pub(crate) path: Path,
    /// Where its words are, if not there.
    pub(crate) message: Option<Path>,
    /// Values that are no errors: a status of 200.
    pub(crate) unless: Vec<String>,
}

/// A condition on a row.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) path: Path,
    pub(crate) test: Test,
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// There is a value, or there is none.
    Exists(bool),
    /// The value is one of these.
    In(Vec<String>),
    /// The value is none of these, or absent.
    NotIn(Vec<String>),
}

/// Rows that carry the name of their measure.
#[derive(Debug, Clone)]
pub(crate) struct Pivot {
    pub(crate) name: Pick,
    pub(crate) value: Path,
}

/// Where a text is taken from: the first origin that has one.
#[derive(Debug, Clone)]
pub(crate) struct Pick {
    pub(crate) origins: Vec<Origin>,
    pub(crate) nulls: Vec<String>,
    /// The first group of the match is the text.
    pub(crate) capture: Option<Regex>,
    /// Words to replace.
    pub(crate) map: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Path(Path),
    /// Literal texts and paths, alternating; absent when one of the paths is.
    Template(Vec<Piece>),
    Constant(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Literal(String),
    Path(Path),
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    EpochSeconds,
    EpochMilliseconds,
    Rfc3339,
    Rfc2822,
    /// A `strptime` pattern.
    Pattern(String),
}

/// The zone of times that carry no offset.
#[derive(Debug, Clone)]
pub(crate) enum ZoneOfTime {
    /// None: such a time is refused.
    Unknown,
    Fixed(TimeZone),
    /// That of the watched zone.
    Watched,
    /// Its IANA name is in the body.
    Path(Path),
}

/// Where a time is taken from, and how it is written.
#[derive(Debug, Clone)]
pub(crate) struct Time {
    pub(crate) pick: Pick,
    pub(crate) formats: Vec<TimeFormat>,
    pub(crate) zone: ZoneOfTime,
    /// The local time of dates without one.
    pub(crate) at: Option<jiff::civil::Time>,
    pub(crate) plus: Option<Plus>,
}

/// A number of steps after a time: `(count − from) × each`.
#[derive(Debug, Clone)]
pub(crate) struct Plus {
    pub(crate) count: Path,
    pub(crate) from: i64,
    pub(crate) each: Each,
}

#[derive(Debug, Clone)]
pub(crate) enum Each {
    Fixed(jiff::SignedDuration),
    /// An ISO 8601 duration in the body.
    Path(Path),
}

/// The order of versions.
#[derive(Debug, Clone)]
pub(crate) enum Revision {
    Number(Pick),
    Time(Box<Time>),
}

/// Where a row is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Degrees { lon: Pick, lat: Pick },
    Geometry(Path),
}

/// How a measure is read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Its paths; empty where the measure comes from a pivot.
    pub(crate) pick: Pick,
    pub(crate) filter: Vec<Condition>,
    pub(crate) numeric: Numeric,
    /// The length of the list at the path is the value.
    pub(crate) length: bool,
    pub(crate) reduce: Option<Reduce>,
    /// The names under which a pivot brings it.
    pub(crate) names: Vec<String>,
}

/// How a number is written, and what it becomes.
#[derive(Debug, Clone)]
pub(crate) struct Numeric {
    pub(crate) strip: Vec<String>,
    pub(crate) decimal_comma: bool,
    pub(crate) map: Vec<(String, f64)>,
    pub(crate) scale: f64,
    pub(crate) offset: f64,
    pub(crate) range: Option<(f64, f64)>,
}

impl Default for Numeric {
    fn default() -> Self {
        Self {
            strip: Vec::new(),
            decimal_comma: false,
            map: Vec::new(),
            scale: 1.0,
            offset: 0.0,
            range: None,
        }
    }
}

/// How the values of many rows become that of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduce {
    Count,
    Sum,
    Mean,
    Min,
    Max,
}

impl Pick {
    /// Where nothing is found.
    pub(crate) fn nothing() -> Self {
        Self {
            origins: Vec::new(),
            nulls: Vec::new(),
            capture: None,
            map: Vec::new(),
        }
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.origins.iter().flat_map(|origin| match origin {
            Origin::Path(path) => vec![path],
            Origin::Constant(_) => Vec::new(),
            Origin::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Path(path) => Some(path),
                    Piece::Literal(_) => None,
                })
                .collect(),
        })
    }
}

impl Time {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let zone = match &self.zone {
            ZoneOfTime::Path(path) => Some(path),
            _ => None,
        };
        let plus = self.plus.iter().flat_map(|plus| {
            let each = match &plus.each {
                Each::Path(path) => Some(path),
                Each::Fixed(_) => None,
            };
            [Some(&plus.count), each].into_iter().flatten()
        });
        self.pick.paths().chain(zone).chain(plus)
    }
}

impl Place {
    pub(crate) fn paths(&self) -> Vec<&Path> {
        match self {
            Place::Degrees { lon, lat } => lon.paths().chain(lat.paths()).collect(),
            Place::Geometry(path) => vec![path],
        }
    }

    /// Keeps what a geometry is made of.
    fn project(&self, select: &Path, projection: &mut Projection) {
        let Place::Geometry(path) = self else { return };
        for part in ["type", "coordinates", "geometries"] {
            projection.add(select, &path.member(part));
        }
        let mut inner = path.member("geometries");
        inner.steps.push(crate::path::Step::Elements);
        projection.add(select, &inner.member("coordinates"));
    }
}

impl Extract {
    /// Every path of the definition that starts at a row or at the root.
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> = Vec::new();
        paths.extend(self.columns.as_ref());
        paths.extend(self.filter.iter().map(|condition| &condition.path));
        if let Some(pivot) = &self.pivot {
            paths.extend(pivot.name.paths());
            paths.push(&pivot.value);
        }
        paths.extend(self.key.paths());
        paths.extend(self.observed_at.paths());
        paths.extend(self.published_at.iter().flat_map(Time::paths));
        match &self.revision {
            Some(Revision::Number(pick)) => paths.extend(pick.paths()),
            Some(Revision::Time(time)) => paths.extend(time.paths()),
            None => {}
        }
        paths.extend(self.point.iter().flat_map(Place::paths));
        paths.extend(self.name.iter().flat_map(Pick::paths));
        paths.extend(self.attributes.iter().flat_map(|(_, pick)| pick.paths()));
        for measure in &self.measures {
            paths.extend(measure.pick.paths());
            paths.extend(measure.filter.iter().map(|condition| &condition.path));
        }
        paths
    }

    /// What is to be kept of a body.
    pub(crate) fn projection(&self) -> Projection {
        let mut projection = Projection::default();
        let paths = self.paths();
        for select in &self.select {
            // The selected element itself, which may be a scalar or a list of scalars.
            projection.add(select, &Path::item());
            for path in &paths {
                projection.add(select, path);
            }
            if let Some(place) = &self.point {
                place.project(select, &mut projection);
            }
            for error in &self.errors {
                projection.add(select, &error.path);
                if let Some(message) = &error.message {
                    projection.add(select, message);
                }
            }
        }
        if let Some(join) = &self.join {
            for path in join.paths() {
                projection.add(&join.select, path);
            }
            if let Some(place) = &join.point {
                place.project(&join.select, &mut projection);
            }
        }
        projection.close();
        projection
    }
}

impl Time {
    /// Whether the time is one of the body and not of a row.
    pub(crate) fn is_of_body(&self) -> bool {
        self.paths()
            .all(|path| path.base == Base::Root && path.known.is_none())
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, origin) in self.origins.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " or " })?;
            match origin {
                Origin::Path(path) => write!(f, "{path}")?,
                Origin::Constant(text) => write!(f, "“{text}”")?,
                Origin::Template(pieces) => {
                    for piece in pieces {
                        match piece {
                            Piece::Literal(text) => f.write_str(text)?,
                            Piece::Path(path) => write!(f, "{{{path}}}")?,
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
