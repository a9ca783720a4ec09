//! The samples of a bucket as bytes: a few for each sample, where JSON takes fifty.
//!
//! Times are written as differences from the one before, once for all measures that share them; values likewise where all are
//! whole numbers, or have few decimals. The bytes are those of `postcard` (variable-length integers), after one that says
//! which format it is.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use vigie_core::{
    bucket::{Frozen, Sample, Samples, Stamp},
    measure::Kind,
    text::MeasureId,
};

/// The format that is written.
const FORMAT: u8 = 2;
/// A format that is read: without superseded samples, and with the last fetch only. Others are refused.
const FORMAT_1: u8 = 1;

/// The most decimals of values that are written as whole numbers.
const DECIMALS_MAX: u8 = 4;

/// The largest whole number that a floating-point number holds with all its neighbours.
const WHOLE_MAX: u64 = 1 << f64::MANTISSA_DIGITS;

/// The samples of one measure.
#[derive(Serialize, Deserialize)]
struct Series<'a> {
    id: &'a str,
    kind: Kind,
    unit: &'a str,
    /// `None` where they are those of the measure before.
    stamps: Option<Stamps>,
    values: Values,
    superseded: Option<(Stamps, Values)>,
    told_since: Option<i64>,
    frozen: Option<FrozenSeries>,
}

/// What stamps say, each as the difference from the one before; times are in milliseconds.
#[derive(Serialize, Deserialize)]
struct Stamps {
    at: Vec<i64>,
    revision: Vec<i64>,
    first_fetched_at: Vec<i64>,
    /// What of the samples is known that were fetched several times; `None` where none was.
    again: Option<Again>,
}

#[derive(Serialize, Deserialize)]
struct Again {
    /// How many milliseconds after the first fetch the last was.
    later: Vec<i64>,
    between: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
enum Values {
    /// Each as the difference from the one before.
    Whole(Vec<i64>),
    Any(Vec<f64>),
    /// So many decimals, then as whole numbers of the last of these.
    Decimal(u8, Vec<i64>),
}

/// The samples of one measure in the format 1.
#[derive(Deserialize)]
struct Series1<'a> {
    id: &'a str,
    kind: Kind,
    unit: &'a str,
    stamps: Option<Stamps1>,
    values: Values,
    frozen: Option<FrozenSeries>,
}

#[derive(Deserialize)]
struct Stamps1 {
    at: Vec<i64>,
    revision: Vec<i64>,
    fetched_at: Vec<i64>,
}

impl<'a> From<Series1<'a>> for Series<'a> {
    fn from(series: Series1<'a>) -> Self {
        Self {
            id: series.id,
            kind: series.kind,
            unit: series.unit,
            stamps: series.stamps.map(|stamps| Stamps {
                at: stamps.at,
                revision: stamps.revision,
                first_fetched_at: stamps.fetched_at,
                again: None,
            }),
            values: series.values,
            superseded: None,
            told_since: None,
            frozen: series.frozen,
        }
    }
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
    #[error("the samples are in the format {0:?}, and this program knows {FORMAT_1} and {FORMAT}")]
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
        let later = |stamp: &Stamp| stamp.last_fetched_at.wrapping_sub(stamp.first_fetched_at);
        let is_again = stamps.iter().any(|stamp| later(stamp) != 0);
        Self {
            at: deltas(stamps.iter().map(|stamp| stamp.at)),
            revision: deltas(stamps.iter().map(|stamp| stamp.revision)),
            first_fetched_at: deltas(stamps.iter().map(|stamp| stamp.first_fetched_at)),
            again: is_again.then(|| Again {
                later: stamps.iter().map(later).collect(),
                between: stamps.iter().map(|stamp| stamp.between).collect(),
            }),
        }
    }

    /// `None` where the columns differ in length.
    fn read(&self) -> Option<Vec<Stamp>> {
        let Self {
            at,
            revision,
            first_fetched_at,
            again,
        } = self;
        if at.len() != revision.len() || at.len() != first_fetched_at.len() {
            return None;
        }
        let times = sums(at).zip(sums(revision)).zip(sums(first_fetched_at));
        let once = times.map(|((at, revision), fetched)| Stamp::once(at, revision, fetched));
        let mut stamps: Vec<Stamp> = once.collect();
        if let Some(Again { later, between }) = again {
            if later.len() != stamps.len() || between.len() != stamps.len() {
                return None;
            }
            for (stamp, (later, between)) in stamps.iter_mut().zip(later.iter().zip(between)) {
                stamp.last_fetched_at = stamp.first_fetched_at.wrapping_add(*later);
                stamp.between = *between;
            }
        }
        Some(stamps)
    }
}

impl Values {
    fn of(values: &[f64]) -> Self {
        let powers = std::iter::successors(Some(1.0), |power| Some(power * 10.0));
        for (decimals, power) in (0..=DECIMALS_MAX).zip(powers) {
            // As many decimals as give back the same bits.
            let whole = |value: &f64| {
                let scaled = (value * power).round() as i64;
                let again = scaled as f64 / power;
                (scaled.unsigned_abs() <= WHOLE_MAX && again.to_bits() == value.to_bits())
                    .then_some(scaled)
            };
            if let Some(whole) = values.iter().map(whole).collect::<Option<Vec<i64>>>() {
                let whole = deltas(whole.into_iter());
                return match decimals {
                    0 => Self::Whole(whole),
                    _ => Self::Decimal(decimals, whole),
                };
            }
        }
        Self::Any(values.to_vec())
    }

    fn read(self) -> Vec<f64> {
        match self {
            Self::Whole(values) => sums(&values).map(|value| value as f64).collect(),
            Self::Any(values) => values,
            Self::Decimal(decimals, values) => {
                let power = 10_f64.powi(i32::from(decimals));
                sums(&values).map(|value| value as f64 / power).collect()
            }
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
                superseded: superseded(samples.superseded()),
                told_since: samples.told_since(),
                frozen: samples.frozen.as_ref().map(freeze).transpose()?,
            })
        })
        .collect::<Result<_, BadState>>()?;
    Ok(postcard::to_extend(&series, vec![FORMAT])?)
}

fn superseded(samples: &[Sample]) -> Option<(Stamps, Values)> {
    let stamps: Vec<Stamp> = samples.iter().map(|sample| sample.stamp).collect();
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    (!samples.is_empty()).then(|| (Stamps::of(&stamps), Values::of(&values)))
}

/// `None` where the columns differ in length.
fn beside((stamps, values): (Stamps, Values)) -> Option<Vec<Sample>> {
    let (stamps, values) = (stamps.read()?, values.read());
    let same = stamps.len() == values.len();
    let samples = stamps.into_iter().zip(values);
    same.then(|| {
        samples
            .map(|(stamp, value)| Sample { stamp, value })
            .collect()
    })
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
    let (series, is_old): (Vec<Series<'_>>, bool) = match bytes.split_first() {
        Some((&FORMAT, rest)) => (postcard::from_bytes(rest)?, false),
        Some((&FORMAT_1, rest)) => {
            let series: Vec<Series1<'_>> = postcard::from_bytes(rest)?;
            (series.into_iter().map(Series::from).collect(), true)
        }
        other => return Err(BadState::Format(other.map(|(format, _)| *format))),
    };
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
        let mut samples = samples.ok_or_else(uneven)?.told_from(series.told_since);
        if is_old {
            samples = samples.of_last_fetches();
        }
        if let Some(superseded) = series.superseded {
            samples = samples.beside(beside(superseded).ok_or_else(uneven)?);
        }
        samples.frozen = series.frozen.as_ref().map(thaw).transpose()?;
        let id = MeasureId::new(series.id).map_err(|error| BadState::Content(error.to_string()))?;
        measures.insert(id, samples);
    }
    Ok(measures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_to_the_bit() {
        let kept = |values: &[f64]| {
            let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            let written = postcard::to_stdvec(&Values::of(values)).unwrap();
            let read: Values = postcard::from_bytes(&written).unwrap();
            assert_eq!(bits(&read.read()), bits(values));
            written.len()
        };
        assert_eq!(kept(&[3.0, 4.0, 2.0]), 5);
        // Two decimals: two bytes each at most, where a float has eight.
        assert_eq!(kept(&[12.34, 12.5, -3.0]), 3 + 2 + 1 + 2);
        for values in [
            &[-0.0, 1.0][..],
            &[0.1 + 0.2, 1e300, f64::MIN_POSITIVE],
            &[1.7e15 + 0.25, 9_007_199_254_740_993.0, -1e19],
            &[],
        ] {
            kept(values);
        }
    }

    /// What version 0.1 wrote: one sample of `level`, fetched last ten minutes after it was observed.
    #[test]
    fn the_first_format_is_read() {
        #[derive(Serialize)]
        struct Written {
            id: &'static str,
            kind: Kind,
            unit: &'static str,
            stamps: Option<(Vec<i64>, Vec<i64>, Vec<i64>)>,
            values: Values,
            frozen: Option<FrozenSeries>,
        }
        let written = Written {
            id: "level",
            kind: Kind::Gauge,
            unit: "m",
            stamps: Some((vec![60_000], vec![7], vec![660_000])),
            values: Values::Any(vec![1.5]),
            frozen: None,
        };
        let bytes = postcard::to_extend(&vec![written], vec![FORMAT_1]).unwrap();
        let samples = decode(&bytes).unwrap().into_values().next().unwrap();
        assert_eq!(samples.stamps()[..], [Stamp::once(60_000, 7, 660_000)]);
        assert_eq!(samples.values(), [1.5]);
        // It may have been fetched before; nobody knows.
        assert_eq!(samples.told_since(), Some(660_000));
        let written: BTreeMap<_, _> = [(MeasureId::new("level").unwrap(), samples)].into();
        assert_eq!(decode(&encode(&written).unwrap()).unwrap(), written);
    }
}
