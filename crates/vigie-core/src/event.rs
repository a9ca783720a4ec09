//! Events and their versions.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    measure::Measure,
    row::{Point, Row},
    text::{EntityId, MeasureId, SourceId},
};

/// What names an event: the provider's identifier within a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey {
    /// The source.
    pub source: SourceId,
    /// The provider's identifier of the event.
    pub key: EntityId,
}

/// What a provider said of an event at some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The provider's order of revisions; 0 when it gives none.
    pub revision: i64,
    /// When it happened.
    pub observed_at: Timestamp,
    /// When the provider published this version, if it says so.
    pub published_at: Option<Timestamp>,
    /// Where.
    pub point: Option<Point>,
    /// Its title. Text from outside: never markup.
    pub title: Option<String>,
    /// The values by measure.
    pub values: BTreeMap<MeasureId, f64>,
    /// Text attributes.
    pub attributes: BTreeMap<String, String>,
    /// When this version was fetched first.
    pub first_fetched_at: Timestamp,
    /// When this version was fetched last; kept only where the provider gives no order of revisions.
    pub last_fetched_at: Timestamp,
}

impl Version {
    fn same_content(&self, other: &Self) -> bool {
        self.content_order(other).is_eq()
    }

    fn content_order(&self, other: &Self) -> Ordering {
        let place = |version: &Self| version.point.map(|p| (p.lon.to_bits(), p.lat.to_bits()));
        self.revision
            .cmp(&other.revision)
            .then_with(|| self.observed_at.cmp(&other.observed_at))
            .then_with(|| self.published_at.cmp(&other.published_at))
            .then_with(|| place(self).cmp(&place(other)))
            .then_with(|| self.title.cmp(&other.title))
            .then_with(|| {
                let bits = |version: &Self| -> Vec<(MeasureId, u64)> {
                    let values = version.values.iter();
                    values
                        .map(|(id, value)| (id.clone(), value.to_bits()))
                        .collect()
                };
                bits(self).cmp(&bits(other))
            })
            .then_with(|| self.attributes.cmp(&other.attributes))
    }

    /// Which of two versions counts: the later revision, then the one fetched last.
    fn precedence(&self, other: &Self) -> Ordering {
        self.revision
            .cmp(&other.revision)
            .then(self.last_fetched_at.cmp(&other.last_fetched_at))
            .then_with(|| self.content_order(other))
    }
}

/// Something that happened, with all that the provider has said of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What names it.
    #[serde(flatten)]
    pub key: EventKey,
    /// Its distinct versions; the last one counts.
    pub versions: Vec<Version>,
}

impl Event {
    /// The event that a row describes, fetched at `fetched_at`.
    pub fn from_row(
        source: &SourceId,
        measures: &[Measure],
        row: Row,
        fetched_at: Timestamp,
    ) -> Self {
        let values = measures
            .iter()
            .zip(&row.values)
            .filter_map(|(measure, value)| Some((measure.id.clone(), (*value)?)))
            .collect();
        let version = Version {
            revision: row.revision,
            observed_at: row.observed_at,
            published_at: row.published_at,
            point: row.point,
            title: row.name,
            values,
            attributes: row.attributes,
            first_fetched_at: fetched_at,
            last_fetched_at: fetched_at,
        };
        Self {
            key: EventKey {
                source: source.clone(),
                key: row.entity,
            },
            versions: vec![version],
        }
    }

    /// Takes in the versions of another record of the same event. Returns whether anything changed.
    pub fn merge(&mut self, other: &Event) -> bool {
        let before = self.versions.clone();
        for theirs in &other.versions {
            if let Some(mine) = self
                .versions
                .iter_mut()
                .find(|mine| mine.same_content(theirs))
            {
                mine.first_fetched_at = mine.first_fetched_at.min(theirs.first_fetched_at);
                mine.last_fetched_at = mine.last_fetched_at.max(theirs.last_fetched_at);
            } else {
                self.versions.push(theirs.clone());
            }
        }
        for version in &mut self.versions {
            // Where revisions are ordered, the last fetch decides nothing: without it, an
            // event that is merely seen again does not change.
            if version.revision != 0 {
                version.last_fetched_at = version.first_fetched_at;
            }
        }
        self.versions.sort_by(Version::precedence);
        self.versions != before
    }

    /// The version that counts.
    pub fn current(&self) -> Option<&Version> {
        self.versions.iter().max_by(|a, b| a.precedence(b))
    }

    /// The version that counts of those observed from `from` on and before `to`.
    pub fn current_within(&self, from: Timestamp, to: Timestamp) -> Option<&Version> {
        let within = |version: &&Version| (from..to).contains(&version.observed_at);
        let versions = self.versions.iter().filter(within);
        versions.max_by(|a, b| a.precedence(b))
    }

    /// The version that counted at `at`, from what had been fetched by then.
    pub fn known_at(&self, at: Timestamp) -> Option<&Version> {
        let known = self
            .versions
            .iter()
            .filter(|version| version.first_fetched_at <= at);
        known.max_by(|a, b| a.precedence(b))
    }

    /// The event with the versions that had been fetched at `at`; `None` where it was not known yet.
    pub fn as_known_at(mut self, at: Timestamp) -> Option<Self> {
        self.versions
            .retain(|version| version.first_fetched_at <= at);
        (!self.versions.is_empty()).then_some(self)
    }

    /// Whether every version of `other` is here: the check made after writing.
    pub fn includes(&self, other: &Event) -> bool {
        other.versions.iter().all(|theirs| {
            self.versions.iter().any(|mine| {
                mine.same_content(theirs) && mine.first_fetched_at <= theirs.first_fetched_at
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(revision: i64, magnitude: f64, fetched: i64) -> Event {
        let at = |second| Timestamp::from_second(second).unwrap();
        Event {
            key: EventKey {
                source: SourceId::new("quakes").unwrap(),
                key: EntityId::new("us1").unwrap(),
            },
            versions: vec![Version {
                revision,
                observed_at: at(1000),
                published_at: None,
                point: None,
                title: None,
                values: [(MeasureId::new("magnitude").unwrap(), magnitude)].into(),
                attributes: BTreeMap::new(),
                first_fetched_at: at(fetched),
                last_fetched_at: at(fetched),
            }],
        }
    }

    fn magnitude(version: Option<&Version>) -> f64 {
        *version.unwrap().values.values().next().unwrap()
    }

    #[test]
    fn the_latest_revision_counts_and_the_past_is_known() {
        let parts = [
            version(20, 5.1, 200),
            version(10, 4.8, 100),
            version(20, 5.1, 300),
        ];
        let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0]];
        let merged = orders.map(|order| {
            let mut event = parts[order[0]].clone();
            event.merge(&parts[order[1]]);
            event.merge(&parts[order[2]]);
            event
        });
        assert_eq!(merged[0], merged[1]);
        assert_eq!(merged[0], merged[2]);
        let mut event = merged[0].clone();
        assert!(!event.merge(&version(20, 5.1, 400)));
        assert!((magnitude(event.current()) - 5.1).abs() < 1e-9);
        let then = Timestamp::from_second(150).unwrap();
        assert!((magnitude(event.known_at(then)) - 4.8).abs() < 1e-9);
        assert_eq!(event.known_at(Timestamp::from_second(50).unwrap()), None);
        let early = event.clone().as_known_at(then).unwrap();
        assert_eq!(early.current(), event.known_at(then));
        assert_eq!(
            event
                .clone()
                .as_known_at(Timestamp::from_second(50).unwrap()),
            None
        );
    }

    #[test]
    fn without_revisions_the_last_fetch_counts() {
        let mut event = version(0, 1.0, 100);
        event.merge(&version(0, 2.0, 200));
        event.merge(&version(0, 1.0, 300));
        assert_eq!(event.versions.len(), 2);
        assert!((magnitude(event.current()) - 1.0).abs() < 1e-9);
    }
}
