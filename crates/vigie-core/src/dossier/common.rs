//! What sources have in common, beyond date and place.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::SourceRecord;
use crate::text::{MeasureId, SourceId};

/// Names of shared entities that are given as examples.
const EXAMPLES_MAX: usize = 5;

/// What sources have in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CommonGround {
    /// Entities that several sources know, by pairs of sources.
    pub entities: Vec<SharedEntities>,
    /// Measures of the same name.
    pub measures: Vec<SharedMeasure>,
    /// Units, by their codes.
    pub units: Vec<SharedTrait>,
    /// Times between two downloads, in seconds.
    pub rhythms: Vec<SharedTrait>,
    /// Pairs of sources whose located rows lie in areas that overlap.
    pub areas: Vec<SharedArea>,
    /// Providers, by their names.
    pub providers: Vec<SharedTrait>,
    /// Licences.
    pub licences: Vec<SharedTrait>,
    /// Formats of bodies.
    pub formats: Vec<SharedTrait>,
}

/// Entities that two sources know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedEntities {
    /// The two sources.
    pub sources: [SourceId; 2],
    /// How many they share, by identifier or by name.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// A measure that several sources have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedMeasure {
    /// Its name.
    pub id: MeasureId,
    /// The sources, each with the unit in which it has the measure.
    pub units: Vec<(SourceId, String)>,
}

/// What several sources are alike in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedTrait {
    /// What it is.
    pub value: String,
    /// The sources.
    pub sources: Vec<SourceId>,
}

/// Two sources whose located rows lie in areas that overlap.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedArea {
    /// The two sources.
    pub sources: [SourceId; 2],
    /// West, south, east, north of the area of both, in degrees.
    pub bbox: [f64; 4],
    /// How much of the smaller area, in degrees, is in the other, 0 to 1.
    pub share: f64,
}

impl CommonGround {
    pub(super) fn of(sources: &[SourceRecord]) -> Self {
        let units = |source: &SourceRecord| {
            let units = source.model.measures.iter().map(|m| m.unit.clone());
            units.filter(|unit| unit != "1").collect()
        };
        let rhythm = |source: &SourceRecord| vec![source.periodicity.collect_seconds.to_string()];
        let mut rhythms = alike(sources, rhythm);
        rhythms.sort_by_key(|group| group.value.parse::<i64>().unwrap_or(0));
        Self {
            entities: pairs(sources).filter_map(shared_entities).collect(),
            measures: shared_measures(sources),
            units: alike(sources, units),
            rhythms,
            areas: pairs(sources).filter_map(shared_area).collect(),
            providers: alike(sources, |source| vec![source.sheet.provider.name.clone()]),
            licences: alike(sources, |source| vec![source.sheet.rights.licence.clone()]),
            formats: alike(sources, |source| vec![source.model.format.clone()]),
        }
    }

    /// Whether nothing at all is shared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn pairs(sources: &[SourceRecord]) -> impl Iterator<Item = [&SourceRecord; 2]> {
    sources.iter().enumerate().flat_map(move |(index, one)| {
        let others = sources.get(index + 1..).unwrap_or_default().iter();
        others.map(move |two| [one, two])
    })
}

/// The values that at least two sources have, in order.
fn alike(
    sources: &[SourceRecord],
    values: impl Fn(&SourceRecord) -> Vec<String>,
) -> Vec<SharedTrait> {
    let mut groups: BTreeMap<String, Vec<SourceId>> = BTreeMap::new();
    for source in sources {
        let distinct: BTreeSet<String> = values(source).into_iter().collect();
        for value in distinct {
            groups.entry(value).or_default().push(source.id.clone());
        }
    }
    groups.retain(|_, sources| sources.len() > 1);
    let shared = |(value, sources)| SharedTrait { value, sources };
    groups.into_iter().map(shared).collect()
}

fn shared_measures(sources: &[SourceRecord]) -> Vec<SharedMeasure> {
    let mut groups: BTreeMap<MeasureId, Vec<(SourceId, String)>> = BTreeMap::new();
    for source in sources {
        for measure in &source.model.measures {
            let group = groups.entry(measure.id.clone()).or_default();
            group.push((source.id.clone(), measure.unit.clone()));
        }
    }
    groups.retain(|_, sources| sources.len() > 1);
    let shared = |(id, units)| SharedMeasure { id, units };
    groups.into_iter().map(shared).collect()
}

/// Events are no entities: their identifiers and titles are not compared.
fn shared_entities([one, two]: [&SourceRecord; 2]) -> Option<SharedEntities> {
    if one.model.events || two.model.events {
        return None;
    }
    let names = |source: &SourceRecord| -> BTreeSet<String> {
        let entities = source.seen.entities.iter();
        entities
            .flat_map(|(id, name)| [Some(id), name.as_ref()])
            .flatten()
            .map(|name| name.trim().to_lowercase())
            .collect()
    };
    let known = names(two);
    let has = |name: &str| known.contains(&name.trim().to_lowercase());
    let shared = one
        .seen
        .entities
        .iter()
        .filter(|(id, name)| has(id) || name.as_deref().is_some_and(has));
    let shared: Vec<&String> = shared
        .map(|(id, name)| name.as_ref().unwrap_or(id))
        .collect();
    (!shared.is_empty()).then(|| SharedEntities {
        sources: [one.id.clone(), two.id.clone()],
        count: shared.len() as u64,
        examples: shared.into_iter().take(EXAMPLES_MAX).cloned().collect(),
    })
}

fn shared_area([one, two]: [&SourceRecord; 2]) -> Option<SharedArea> {
    let (a, b) = (one.seen.extent?, two.seen.extent?);
    let bbox = [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ];
    let size = |[west, south, east, north]: [f64; 4]| (east - west) * (north - south);
    let smaller = size(a).min(size(b));
    (bbox[0] <= bbox[2] && bbox[1] <= bbox[3]).then(|| SharedArea {
        sources: [one.id.clone(), two.id.clone()],
        bbox,
        // An area of a single point, or of a line, is in the other as a whole.
        share: if smaller > 0.0 {
            (size(bbox) / smaller).min(1.0)
        } else {
            1.0
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dossier::sample,
        measure::{Across, Kind, Measure},
        text::Text,
    };

    fn measure(id: &str, unit: &str) -> Measure {
        Measure {
            id: MeasureId::new(id).unwrap(),
            kind: Kind::Gauge,
            unit: unit.into(),
            title: Text::same(id),
            across: Across::Sum,
            decimals: 0,
            headline: false,
        }
    }

    #[test]
    fn sources_that_share_nothing_say_so() {
        let (mut one, mut two) = (sample("one"), sample("two"));
        one.periodicity.collect_seconds = 60;
        two.model.format = "XML".into();
        one.model.measures = vec![measure("a", "1")];
        two.model.measures = vec![measure("b", "1")];
        assert!(CommonGround::of(&[one, two]).is_empty());
    }

    #[test]
    fn what_is_shared_is_found() {
        let (mut one, mut two, mut three) = (sample("one"), sample("two"), sample("three"));
        one.model.measures = vec![measure("speed", "m/s"), measure("gust", "m/s")];
        two.model.measures = vec![measure("speed", "km/h")];
        three.model.measures = vec![measure("current", "m/s")];
        three.periodicity.collect_seconds = 900;
        two.sheet.provider = one.sheet.provider.clone();
        one.seen
            .entities
            .insert("1".into(), Some("Gare du Nord".into()));
        one.seen.entities.insert("2".into(), None);
        two.seen.entities.insert("gare du nord".into(), None);
        one.seen.extent = Some([2.0, 48.0, 3.0, 49.0]);
        two.seen.extent = Some([2.5, 48.0, 4.5, 49.0]);
        three.seen.extent = Some([-74.0, 40.0, -73.0, 41.0]);
        let common = CommonGround::of(&[one, two, three]);
        assert_eq!(common.measures.len(), 1);
        assert_eq!(common.measures[0].units[1].1, "km/h");
        let ids = |group: &SharedTrait| {
            let ids: Vec<&str> = group.sources.iter().map(SourceId::as_str).collect();
            ids.join(" ")
        };
        assert_eq!(
            (common.units.len(), ids(&common.units[0])),
            (1, "one three".into())
        );
        assert_eq!(common.rhythms[0].value, "300");
        assert_eq!(ids(&common.rhythms[0]), "one two");
        assert_eq!(ids(&common.providers[0]), "one two");
        assert_eq!(common.entities.len(), 1);
        assert_eq!(common.entities[0].examples, ["Gare du Nord"]);
        assert_eq!(common.areas.len(), 1);
        let bbox = common.areas[0].bbox.map(|edge| (edge * 10.0) as i64);
        assert_eq!(bbox, [25, 480, 30, 490]);
        assert!((common.areas[0].share - 0.5).abs() < 1e-9);
    }
}
