//! The samples of a bucket as bytes: a few for each sample, where JSON takes fifty.
//!
//! Times are written as differences from the one before, once for all measures that share them; values likewise where all are
//! whole numbers. The bytes are those of `postcard` (variable-length integers), after one that says which format it is.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use vigie_core::{
    bucket::{Frozen, Samples, Stamp},
    measure::Kind,
    text::MeasureId,
};

/// The format that is written. Others are refused.
const FORMAT: u8 = 1;

/// The largest whole number that a floating-point number holds with all its neighbours.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The samples of one measure.
#[derive(Serialize, Deserialize)]
struct Series<'a> {
    id: &'a str,
    kind: Kind,
    unit: &'a str,
    /// `None` where they are those of the measure before.
    stamps: Option<Stamps>,
    values: Values,
    frozen: Option<FrozenSeries>,
}

/// Times and revisions of samples, each as the difference from the one before, in milliseconds.
#[derive(Serialize, Deserialize)]
struct Stamps {
    at: Vec<i64>,
    revision: Vec<i64>,
    fetched_at: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
enum Values {
    /// Each as the difference from the one before.
    Whole(Vec<i64>),
    Any(Vec<f64>),
}

#[derive(Serialize, Deserialize)]
struct FrozenSeries {
    /// As JSON: these are few, and JSON says itself what it holds.
    stats: String,
    times: Vec<i64>,
}

/// Why bytes are not samples.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadState {
    /// A newer program wrote them, or the file is damaged.
    #[error("the samples are in the format {0:?}, and this program knows {FORMAT} only")]
    Format(Option<u8>),
    /// The file is damaged.
    #[error("the samples cannot be read: {0}")]
    Bytes(#[from] postcard::Error),
    /// The file is damaged.
    #[error("the statistics cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The file is damaged.
    #[error("the samples cannot be read: {0}")]
    Content(String),
}

fn deltas(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    values
        .map(|value| value.wrapping_sub(std::mem::replace(&mut before, value)))
        .collect()
}

fn sums(deltas: &[i64]) -> impl Iterator<Item = i64> {
    deltas.iter().scan(0_i64, |sum, delta| {
        *sum = sum.wrapping_add(*delta);
        Some(*sum)
    })
}

impl Stamps {
    fn of(stamps: &[Stamp]) -> Self {
        Self {
            at: deltas(stamps.iter().map(|stamp| stamp.at)),
            revision: deltas(stamps.iter().map(|stamp| stamp.revision)),
            fetched_at: deltas(stamps.iter().map(|stamp| stamp.fetched_at)),
        }
    }

    /// `None` where the columns differ in length.
    fn read(&self) -> Option<Vec<Stamp>> {
        let Self {
            at,
            revision,
            fetched_at,
        } = self;
        let times = sums(at).zip(sums(revision)).zip(sums(fetched_at));
        let stamp = |((at, revision), fetched_at)| Stamp {
            at,
            revision,
            fetched_at,
        };
        (at.len() == revision.len() && at.len() == fetched_at.len())
            .then(|| times.map(stamp).collect())
    }
}

impl Values {
    fn of(values: &[f64]) -> Self {
        let is_whole = |value: &f64| {
            value.abs() <= WHOLE_MAX
                && value.fract() == 0.0
                && !(*value == 0.0 && value.is_sign_negative())
        };
        if values.iter().all(is_whole) {
            Self::Whole(deltas(values.iter().map(|value| *value as i64)))
        } else {
            Self::Any(values.to_vec())
        }
    }

    fn read(self) -> Vec<f64> {
        match self {
            Self::Whole(values) => sums(&values).map(|value| value as f64).collect(),
            Self::Any(values) => values,
        }
    }
}

/// The bytes of the samples of a bucket.
pub(super) fn encode(measures: &BTreeMap<MeasureId, Samples>) -> Result<Vec<u8>, BadState> {
    let mut before: Option<&Arc<Vec<Stamp>>> = None;
    let series: Vec<Series<'_>> = measures
        .iter()
        .map(|(id, samples)| {
            let stamps = samples.stamps();
            let is_shared = before.is_some_and(|before| before == stamps);
            before = Some(stamps);
            Ok(Series {
                id: id.as_str(),
                kind: samples.kind,
                unit: &samples.unit,
                stamps: (!is_shared).then(|| Stamps::of(stamps)),
                values: Values::of(samples.values()),
                frozen: samples.frozen.as_ref().map(freeze).transpose()?,
            })
        })
        .collect::<Result<_, BadState>>()?;
    Ok(postcard::to_extend(&series, vec![FORMAT])?)
}

fn freeze(frozen: &Frozen) -> Result<FrozenSeries, BadState> {
    Ok(FrozenSeries {
        stats: serde_json::to_string(&frozen.stats)?,
        times: deltas(frozen.times.iter().copied()),
    })
}

fn thaw(frozen: &FrozenSeries) -> Result<Frozen, BadState> {
    Ok(Frozen {
        stats: serde_json::from_str(&frozen.stats)?,
        times: sums(&frozen.times).collect(),
    })
}

/// The samples that [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<BTreeMap<MeasureId, Samples>, BadState> {
    let (FORMAT, rest) = bytes
        .split_first()
        .map(|(format, rest)| (*format, rest))
        .ok_or(BadState::Format(None))?
    else {
        return Err(BadState::Format(bytes.first().copied()));
    };
    let series: Vec<Series<'_>> = postcard::from_bytes(rest)?;
    let mut stamps: Option<Arc<Vec<Stamp>>> = None;
    let mut measures = BTreeMap::new();
    for series in series {
        let uneven = || {
            BadState::Content(format!(
                "times and values of `{}` differ in number",
                series.id
            ))
        };
        if let Some(own) = &series.stamps {
            stamps = Some(Arc::new(own.read().ok_or_else(uneven)?));
        }
        let shared = stamps.clone().unwrap_or_default();
        let unit = series.unit.to_owned();
        let samples = Samples::of_columns(series.kind, unit, shared, series.values.read());
        let mut samples = samples.ok_or_else(uneven)?;
        samples.frozen = series.frozen.as_ref().map(thaw).transpose()?;
        let id = MeasureId::new(series.id).map_err(|error| BadState::Content(error.to_string()))?;
        measures.insert(id, samples);
    }
    Ok(measures)
}
