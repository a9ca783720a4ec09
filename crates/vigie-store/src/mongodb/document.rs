//! Documents as they lie in the database, made to be read by people too.
//!
//! Their `_id` is made of the natural key: `<source>|<entity>|<hour>` and `<source>|<event key>`. In what comes from a
//! provider, `%` is written `%25` and `|` `%7C`. No field name comes from a provider: attributes are lists of names and
//! values.

use std::{collections::BTreeMap, fmt};

use ::mongodb::bson::{Bson, DateTime};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vigie_core::{
    bucket::{Bucket, BucketKey, BucketSummary, Label},
    event::{Event, EventKey, Version},
    row::Point,
    text::{EntityId, MeasureId, SourceId},
};

use super::measure::{SamplesDocument, SummaryDocument, Uneven};
use crate::{
    error::{Cause, StoreError},
    store::{BucketWrite, Versioned, floor_ms},
};

/// The `_id` of a bucket.
pub(super) fn bucket_id(key: &BucketKey) -> String {
    format!("{}|{}|{}", key.source, escaped(&key.entity), key.hour)
}

/// The `_id` of an event.
pub(super) fn event_id(key: &EventKey) -> String {
    format!("{}|{}", key.source, escaped(&key.key))
}

fn escaped(text: &EntityId) -> String {
    text.as_str().replace('%', "%25").replace('|', "%7C")
}

/// A whole number, whichever numeric type the server made of it.
pub(super) fn whole_number(number: &Bson) -> Option<u64> {
    match number {
        Bson::Int32(number) => u64::try_from(*number).ok(),
        Bson::Int64(number) => u64::try_from(*number).ok(),
        Bson::Double(number) if *number >= 0.0 => Some(*number as u64),
        _ => None,
    }
}

/// A place as GeoJSON has it.
#[derive(Debug, Serialize, Deserialize)]
struct Location {
    #[serde(rename = "type")]
    kind: Geometry,
    /// Longitude and latitude.
    coordinates: (f64, f64),
}

#[derive(Debug, Serialize, Deserialize)]
enum Geometry {
    Point,
}

impl From<Point> for Location {
    fn from(point: Point) -> Self {
        Self {
            kind: Geometry::Point,
            coordinates: (point.lon, point.lat),
        }
    }
}

impl From<Location> for Point {
    fn from(location: Location) -> Self {
        let (lon, lat) = location.coordinates;
        Self { lon, lat }
    }
}

/// A text attribute.
#[derive(Debug, Serialize, Deserialize)]
struct Attribute {
    name: String,
    value: String,
}

fn attributes(map: BTreeMap<String, String>) -> Vec<Attribute> {
    map.into_iter()
        .map(|(name, value)| Attribute { name, value })
        .collect()
}

fn attribute_map(list: Vec<Attribute>) -> BTreeMap<String, String> {
    list.into_iter()
        .map(|attribute| (attribute.name, attribute.value))
        .collect()
}

fn damaged(store: &str, id: &str, why: impl fmt::Display) -> StoreError {
    StoreError::Corrupt {
        store: store.to_owned(),
        what: format!("the document `{id}`"),
        cause: Cause::new(why),
    }
}

/// A bucket in its collection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BucketDocument {
    #[serde(rename = "_id")]
    id: String,
    /// Counts the writes.
    version: i64,
    source: SourceId,
    entity: EntityId,
    hour: DateTime,
    end: DateTime,
    deadline: DateTime,
    sealed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute>,
    /// When name, location and attributes were observed and fetched.
    described_at: (DateTime, DateTime),
    /// What the bucket says; left out when only the samples are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    measures: Option<BTreeMap<MeasureId, SummaryDocument>>,
    /// Its samples; left out when only the summary is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<BTreeMap<MeasureId, SamplesDocument>>,
}

fn documents<'a, T, D: From<&'a T>>(
    measures: &'a BTreeMap<MeasureId, T>,
) -> BTreeMap<MeasureId, D> {
    measures
        .iter()
        .map(|(id, measure)| (id.clone(), D::from(measure)))
        .collect()
}

fn undocumented<T: TryFrom<D, Error = Uneven>, D>(
    documents: BTreeMap<MeasureId, D>,
) -> Result<BTreeMap<MeasureId, T>, Uneven> {
    documents
        .into_iter()
        .map(|(id, document)| Ok((id, document.try_into()?)))
        .collect()
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(floor_ms(at))
}

impl BucketDocument {
    pub(super) fn new(write: &BucketWrite, version: u64) -> Self {
        let bucket = write.bucket();
        let label = bucket.label.clone();
        let (observed, fetched) = label.stamp;
        Self {
            id: bucket_id(&bucket.key),
            version: version.cast_signed(),
            source: bucket.key.source.clone(),
            entity: bucket.key.entity.clone(),
            hour: date(bucket.key.hour),
            end: date(bucket.end),
            deadline: date(bucket.deadline),
            sealed: bucket.sealed,
            name: label.name,
            location: label.point.map(Location::from),
            attributes: attributes(label.attributes),
            described_at: (
                DateTime::from_millis(observed),
                DateTime::from_millis(fetched),
            ),
            measures: Some(documents(&write.summary().measures)),
            state: Some(documents(&bucket.measures)),
        }
    }

    fn time(&self, at: DateTime, store: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(at.timestamp_millis())
            .map_err(|_| damaged(store, &self.id, "a date is out of range"))
    }

    pub(super) fn key(&self, store: &str) -> Result<BucketKey, StoreError> {
        Ok(BucketKey {
            source: self.source.clone(),
            entity: self.entity.clone(),
            hour: self.time(self.hour, store)?,
        })
    }

    fn label(&mut self) -> Label {
        let (observed, fetched) = self.described_at;
        Label {
            name: self.name.take(),
            point: self.location.take().map(Point::from),
            attributes: attribute_map(std::mem::take(&mut self.attributes)),
            stamp: (observed.timestamp_millis(), fetched.timestamp_millis()),
        }
    }

    pub(super) fn into_bucket(mut self, store: &str) -> Result<Versioned<Bucket>, StoreError> {
        let Some(state) = self.state.take() else {
            return Err(damaged(store, &self.id, "it has no field `state`"));
        };
        let bucket = Bucket {
            key: self.key(store)?,
            end: self.time(self.end, store)?,
            deadline: self.time(self.deadline, store)?,
            sealed: self.sealed,
            label: self.label(),
            measures: undocumented(state).map_err(|why| damaged(store, &self.id, why))?,
        };
        Ok(Versioned {
            document: bucket,
            version: self.version.cast_unsigned(),
        })
    }

    pub(super) fn into_summary(mut self, store: &str) -> Result<BucketSummary, StoreError> {
        let Some(measures) = self.measures.take() else {
            return Err(damaged(store, &self.id, "it has no field `measures`"));
        };
        Ok(BucketSummary {
            key: self.key(store)?,
            end: self.time(self.end, store)?,
            label: self.label(),
            measures: undocumented(measures).map_err(|why| damaged(store, &self.id, why))?,
        })
    }
}

/// A version of an event. Its times are RFC 3339 texts, exact to the nanosecond.
#[derive(Debug, Serialize, Deserialize)]
struct VersionDocument {
    revision: i64,
    observed_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    values: BTreeMap<MeasureId, f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<Attribute>,
    first_fetched_at: Timestamp,
    last_fetched_at: Timestamp,
}

impl From<Version> for VersionDocument {
    fn from(version: Version) -> Self {
        Self {
            revision: version.revision,
            observed_at: version.observed_at,
            published_at: version.published_at,
            location: version.point.map(Location::from),
            title: version.title,
            values: version.values,
            attributes: attributes(version.attributes),
            first_fetched_at: version.first_fetched_at,
            last_fetched_at: version.last_fetched_at,
        }
    }
}

impl From<VersionDocument> for Version {
    fn from(version: VersionDocument) -> Self {
        Self {
            revision: version.revision,
            observed_at: version.observed_at,
            published_at: version.published_at,
            point: version.location.map(Point::from),
            title: version.title,
            values: version.values,
            attributes: attribute_map(version.attributes),
            first_fetched_at: version.first_fetched_at,
            last_fetched_at: version.last_fetched_at,
        }
    }
}

/// An event in its collection. What is beside `versions` is the current one, for readers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EventDocument {
    #[serde(rename = "_id")]
    id: String,
    /// Counts the writes.
    version: i64,
    source: SourceId,
    key: EntityId,
    observed_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
    #[serde(default)]
    values: BTreeMap<MeasureId, f64>,
    versions: Vec<VersionDocument>,
}

impl EventDocument {
    pub(super) fn new(event: Event, version: u64, store: &str) -> Result<Self, StoreError> {
        let Some(current) = event.current().cloned() else {
            return Err(StoreError::Refused {
                store: store.to_owned(),
                cause: Cause::new(format!(
                    "the event `{}` has no version",
                    event_id(&event.key)
                )),
            });
        };
        Ok(Self {
            id: event_id(&event.key),
            version: version.cast_signed(),
            source: event.key.source,
            key: event.key.key,
            observed_at: date(current.observed_at),
            title: current.title,
            location: current.point.map(Location::from),
            values: current.values,
            versions: event
                .versions
                .into_iter()
                .map(VersionDocument::from)
                .collect(),
        })
    }

    pub(super) fn observed_at(&self, store: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.observed_at.timestamp_millis())
            .map_err(|_| damaged(store, &self.id, "a date is out of range"))
    }

    pub(super) fn into_event(self, store: &str) -> Result<Versioned<Event>, StoreError> {
        if self.versions.is_empty() {
            return Err(damaged(store, &self.id, "it has no version"));
        }
        let event = Event {
            key: EventKey {
                source: self.source,
                key: self.key,
            },
            versions: self.versions.into_iter().map(Version::from).collect(),
        };
        Ok(Versioned {
            document: event,
            version: self.version.cast_unsigned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_whatever_the_provider_calls_its_entities() {
        let id = |entity: &str| {
            bucket_id(&BucketKey {
                source: SourceId::new("s").unwrap(),
                entity: EntityId::new(entity).unwrap(),
                hour: Timestamp::UNIX_EPOCH,
            })
        };
        assert_eq!(id("Gare de l'Est"), "s|Gare de l'Est|1970-01-01T00:00:00Z");
        assert_eq!(id("a|b%7C"), "s|a%7Cb%257C|1970-01-01T00:00:00Z");
        assert_ne!(id("a|b"), id("a%7Cb"));
    }
}
