//! Samples and statistics as they lie in a document.
//!
//! Lists of pairs lie as pairs of lists: this takes less space, and `FerretDB` 1 takes no arrays within arrays.

use std::sync::Arc;

use ::mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use vigie_core::{
    bucket::{Frozen, Sample, Samples, Stamp, Summary},
    measure::Kind,
    sketch::Sketch,
    stats::{At, Figures, Stats, Sum},
};

/// The lists of a document do not have the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its lists differ in length")]
pub(super) struct Uneven;

fn zip<A, B>(a: Vec<A>, b: Vec<B>) -> Result<Vec<(A, B)>, Uneven> {
    if a.len() == b.len() {
        Ok(a.into_iter().zip(b).collect())
    } else {
        Err(Uneven)
    }
}

/// The summary of a measure.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SummaryDocument {
    kind: Kind,
    unit: String,
    #[serde(flatten)]
    figures: Figures,
    coverage: Option<f64>,
    stats: StatsDocument,
}

impl From<&Summary> for SummaryDocument {
    fn from(summary: &Summary) -> Self {
        Self {
            kind: summary.kind,
            unit: summary.unit.clone(),
            figures: summary.figures.clone(),
            coverage: summary.coverage,
            stats: StatsDocument::from(&summary.stats),
        }
    }
}

impl TryFrom<SummaryDocument> for Summary {
    type Error = Uneven;

    fn try_from(document: SummaryDocument) -> Result<Self, Uneven> {
        Ok(Self {
            kind: document.kind,
            unit: document.unit,
            figures: document.figures,
            coverage: document.coverage,
            stats: document.stats.try_into()?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct StatsDocument {
    count: u64,
    min: f64,
    max: f64,
    sum: Sum,
    first: Option<AtDocument>,
    last: Option<AtDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector: Option<VectorDocument>,
    sketch: SketchDocument,
}

/// For directions: the sums of the cosines and sines.
#[derive(Debug, Serialize, Deserialize)]
struct VectorDocument {
    cosines: Sum,
    sines: Sum,
}

#[derive(Debug, Serialize, Deserialize)]
struct AtDocument {
    at: DateTime,
    value: f64,
}

impl From<At> for AtDocument {
    fn from(At(at, value): At) -> Self {
        let at = DateTime::from_millis(at);
        Self { at, value }
    }
}

impl From<AtDocument> for At {
    fn from(document: AtDocument) -> Self {
        Self(document.at.timestamp_millis(), document.value)
    }
}

impl From<&Stats> for StatsDocument {
    fn from(stats: &Stats) -> Self {
        Self {
            count: stats.count,
            min: stats.min,
            max: stats.max,
            sum: stats.sum,
            first: stats.first.map(AtDocument::from),
            last: stats.last.map(AtDocument::from),
            vector: stats
                .vector
                .map(|(cosines, sines)| VectorDocument { cosines, sines }),
            sketch: SketchDocument::from(&stats.sketch),
        }
    }
}

impl TryFrom<StatsDocument> for Stats {
    type Error = Uneven;

    fn try_from(document: StatsDocument) -> Result<Self, Uneven> {
        Ok(Self {
            count: document.count,
            min: document.min,
            max: document.max,
            sum: document.sum,
            first: document.first.map(At::from),
            last: document.last.map(At::from),
            vector: document.vector.map(|vector| (vector.cosines, vector.sines)),
            sketch: document.sketch.try_into()?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum SketchDocument {
    Exact { values: Vec<f64>, counts: Vec<u64> },
    Binned { bins: Vec<i32>, counts: Vec<u64> },
}

impl From<&Sketch> for SketchDocument {
    fn from(sketch: &Sketch) -> Self {
        match sketch {
            Sketch::Exact(exact) => {
                let (values, counts) = exact.iter().copied().unzip();
                Self::Exact { values, counts }
            }
            Sketch::Binned(binned) => {
                let (bins, counts) = binned.iter().copied().unzip();
                Self::Binned { bins, counts }
            }
        }
    }
}

impl TryFrom<SketchDocument> for Sketch {
    type Error = Uneven;

    fn try_from(document: SketchDocument) -> Result<Self, Uneven> {
        Ok(match document {
            SketchDocument::Exact { values, counts } => Self::Exact(zip(values, counts)?),
            SketchDocument::Binned { bins, counts } => Self::Binned(zip(bins, counts)?),
        })
    }
}

/// The format of samples that is written.
const FORMAT: i32 = 2;

/// The samples of a measure.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SamplesDocument {
    kind: Kind,
    unit: String,
    #[serde(flatten)]
    counting: Columns,
    /// Documents of an older program have none: of their samples only the last fetch is known.
    #[serde(default)]
    format: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    superseded: Option<Columns>,
    /// What was known before this time nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_since: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen: Option<FrozenDocument>,
}

/// Samples in the order of observed times.
#[derive(Debug, Serialize, Deserialize)]
struct Columns {
    observed_at: Vec<DateTime>,
    values: Vec<f64>,
    /// Left out where the provider gives no order of revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revisions: Option<Vec<i64>>,
    /// When each was fetched last.
    fetched_at: Vec<DateTime>,
    /// Left out where none was fetched twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<Again>,
}

/// What is known of samples that were fetched several times.
#[derive(Debug, Serialize, Deserialize)]
struct Again {
    first_fetched_at: Vec<DateTime>,
    /// [`Stamp::between`], as bits.
    between: Vec<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FrozenDocument {
    stats: StatsDocument,
    observed_at: Vec<DateTime>,
}

fn dates(times: impl Iterator<Item = i64>) -> Vec<DateTime> {
    times.map(DateTime::from_millis).collect()
}

impl Columns {
    fn of(stamps: &[Stamp], values: Vec<f64>) -> Self {
        let all = || stamps.iter();
        let is_revised = all().any(|stamp| stamp.revision != 0);
        let is_again = all().any(|stamp| stamp.first_fetched_at != stamp.last_fetched_at);
        Self {
            observed_at: dates(all().map(|stamp| stamp.at)),
            values,
            revisions: is_revised.then(|| all().map(|stamp| stamp.revision).collect()),
            fetched_at: dates(all().map(|stamp| stamp.last_fetched_at)),
            again: is_again.then(|| Again {
                first_fetched_at: dates(all().map(|stamp| stamp.first_fetched_at)),
                between: all().map(|stamp| stamp.between.cast_signed()).collect(),
            }),
        }
    }

    fn stamps(self) -> Result<(Vec<Stamp>, Vec<f64>), Uneven> {
        let revisions = self.revisions.unwrap_or_else(|| vec![0; self.values.len()]);
        let times = zip(self.observed_at, self.fetched_at)?;
        let once = zip(times, revisions)?
            .into_iter()
            .map(|((at, fetched_at), revision)| {
                Stamp::once(
                    at.timestamp_millis(),
                    revision,
                    fetched_at.timestamp_millis(),
                )
            });
        let mut stamps: Vec<Stamp> = once.collect();
        if let Some(again) = self.again {
            let again = zip(again.first_fetched_at, again.between)?;
            if again.len() != stamps.len() {
                return Err(Uneven);
            }
            for (stamp, (first, between)) in stamps.iter_mut().zip(again) {
                stamp.first_fetched_at = first.timestamp_millis();
                stamp.between = between.cast_unsigned();
            }
        }
        Ok((stamps, self.values))
    }
}

impl From<&Samples> for SamplesDocument {
    fn from(samples: &Samples) -> Self {
        let superseded = samples.superseded();
        let stamps: Vec<Stamp> = superseded.iter().map(|sample| sample.stamp).collect();
        let values = superseded.iter().map(|sample| sample.value).collect();
        Self {
            kind: samples.kind,
            unit: samples.unit.clone(),
            counting: Columns::of(samples.stamps(), samples.values().to_vec()),
            format: Some(FORMAT),
            superseded: (!superseded.is_empty()).then(|| Columns::of(&stamps, values)),
            told_since: samples.told_since().map(DateTime::from_millis),
            frozen: samples.frozen.as_ref().map(|frozen| FrozenDocument {
                stats: StatsDocument::from(&frozen.stats),
                observed_at: dates(frozen.times.iter().copied()),
            }),
        }
    }
}

impl TryFrom<SamplesDocument> for Samples {
    type Error = Uneven;

    fn try_from(document: SamplesDocument) -> Result<Self, Uneven> {
        let frozen = document.frozen.map(|frozen| {
            Ok(Frozen {
                stats: frozen.stats.try_into()?,
                times: frozen
                    .observed_at
                    .into_iter()
                    .map(DateTime::timestamp_millis)
                    .collect(),
            })
        });
        let superseded = document.superseded.map(|columns| {
            let (stamps, values) = columns.stamps()?;
            let samples = zip(stamps, values)?.into_iter();
            Ok(samples
                .map(|(stamp, value)| Sample { stamp, value })
                .collect())
        });
        let (stamps, values) = document.counting.stamps()?;
        let (kind, unit) = (document.kind, document.unit);
        let samples = Self::of_columns(kind, unit, Arc::new(stamps), values);
        let mut samples = samples.ok_or(Uneven)?;
        samples.frozen = frozen.transpose()?;
        samples = samples.told_from(document.told_since.map(DateTime::timestamp_millis));
        if document.format.is_none() {
            samples = samples.of_last_fetches();
        }
        Ok(samples.beside(superseded.transpose()?.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use ::mongodb::bson::{deserialize_from_document as from_document, doc};

    use super::*;

    #[test]
    fn lists_of_other_lengths_are_refused() {
        let samples = SamplesDocument {
            kind: Kind::Gauge,
            unit: "m".to_owned(),
            counting: Columns {
                observed_at: vec![DateTime::from_millis(1)],
                values: vec![1.0, 2.0],
                revisions: Some(vec![0]),
                fetched_at: vec![DateTime::from_millis(2)],
                again: None,
            },
            format: Some(FORMAT),
            superseded: None,
            told_since: None,
            frozen: None,
        };
        assert_eq!(Samples::try_from(samples), Err(Uneven));
    }

    #[test]
    fn of_an_older_document_the_last_fetch_is_known() {
        let old = doc! {
            "kind": "gauge", "unit": "m", "observed_at": [DateTime::from_millis(1)], "values": [1.5],
            "revisions": [7_i64], "fetched_at": [DateTime::from_millis(9)],
        };
        let document: SamplesDocument = from_document(old).unwrap();
        let samples = Samples::try_from(document).unwrap();
        assert_eq!(samples.stamps()[..], [Stamp::once(1, 7, 9)]);
        assert_eq!(samples.told_since(), Some(9));
    }
}
