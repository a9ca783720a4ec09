//! Tracks: the positions of what moves, by observed time.
//!
//! A source says that what it describes moves, and by which measure its strength is told ([`super::SourceSheet::track`]). What never
//! has a value of that measure has no track: a list of storms and floods tells so which of them move. A position that was
//! corrected later is where the correction says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    analysis::{Extreme, Period, Track, TrackPoint},
    bucket::BucketSummary,
    event::Event,
    row::Point,
    text::MeasureId,
};

/// Positions of a track, at most.
const POINTS_MAX: usize = 800;
/// Tracks of a source, at most.
const TRACKS_MAX: usize = 100;
/// Positions farther apart are not joined: nobody knows the way between them.
const JOINED_MAX: SignedDuration = SignedDuration::from_hours(24);
/// The mean radius of the Earth.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// The positions of one thing.
#[derive(Debug, Clone, Default)]
struct Path {
    /// Its latest name, and when it was observed.
    name: Option<(Timestamp, String)>,
    positions: BTreeMap<Timestamp, (Point, Option<f64>)>,
}

impl Path {
    fn name(&mut self, at: Timestamp, name: Option<&String>) {
        if let Some(name) = name
            && self.name.as_ref().is_none_or(|known| known.0 <= at)
        {
            self.name = Some((at, name.clone()));
        }
    }
}

/// The positions of all that moves, as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(BTreeMap<String, Path>);

impl Positions {
    /// Takes in where an entity was last in an hour.
    pub(super) fn add_summary(&mut self, summary: &BucketSummary, strength: &MeasureId) {
        let Some(point) = summary.label.point else {
            return;
        };
        let Ok(at) = Timestamp::from_millisecond(summary.label.stamp.0) else {
            return;
        };
        let value = summary.measures.get(strength);
        let value = value.and_then(|found| found.stats.last).map(|last| last.1);
        let id = summary.key.entity.as_str().to_owned();
        let path = self.0.entry(id).or_default();
        path.name(at, summary.label.name.as_ref());
        path.positions.insert(at, (point, value));
    }

    /// Takes in where an event was in each of its versions; of those of one time the last one counts.
    pub(super) fn add_event(&mut self, event: &Event, strength: &MeasureId) {
        let path = self.0.entry(event.key.key.as_str().to_owned()).or_default();
        for version in &event.versions {
            path.name(version.observed_at, version.title.as_ref());
            if let Some(point) = version.point {
                let value = version.values.get(strength).copied();
                path.positions.insert(version.observed_at, (point, value));
            }
        }
    }

    /// The tracks of what had a position in the period, the strongest first.
    pub(super) fn tracks(&self, before: Option<&Positions>, period: &Period) -> Vec<Track> {
        let mut tracks: Vec<Track> = self
            .0
            .iter()
            .filter_map(|(id, path)| {
                let earlier = before.and_then(|before| before.0.get(id));
                track(id, path, earlier, period)
            })
            .collect();
        let strength = |track: &Track| track.strongest.map_or(f64::NEG_INFINITY, |most| most.value);
        tracks.sort_by(|a, b| {
            let stronger = strength(b).total_cmp(&strength(a));
            stronger.then_with(|| a.entity.cmp(&b.entity))
        });
        tracks.truncate(TRACKS_MAX);
        tracks
    }
}

fn track(id: &str, path: &Path, earlier: Option<&Path>, period: &Period) -> Option<Track> {
    let mut positions = earlier.map_or_else(BTreeMap::new, |path| path.positions.clone());
    positions.extend(path.positions.iter().map(|(at, place)| (*at, *place)));
    positions.retain(|at, _| *at < period.end);
    let within = |at: Timestamp| at >= period.start;
    let present = positions.keys().any(|at| within(*at));
    let has_strength = positions.values().any(|(_, value)| value.is_some());
    if !present || !has_strength || positions.len() < 2 {
        return None;
    }
    let mut points: Vec<TrackPoint> = Vec::with_capacity(positions.len());
    let (mut distance_km, mut time) = (0.0, SignedDuration::ZERO);
    let mut strongest: Option<Extreme> = None;
    for (at, (point, value)) in positions {
        let last = points.last();
        let joined = last.is_some_and(|last| at.duration_since(last.at) <= JOINED_MAX);
        if let Some(last) = last.filter(|last| joined && within(last.at)) {
            distance_km += distance(last.lon, last.lat, point.lon, point.lat);
            time += at.duration_since(last.at);
        }
        if let Some(value) = value.filter(|value| value.is_finite() && within(at))
            && strongest.is_none_or(|most| value > most.value)
        {
            strongest = Some(Extreme { value, at });
        }
        points.push(TrackPoint {
            at,
            lon: point.lon,
            lat: point.lat,
            value,
            joined,
        });
    }
    points.drain(..points.len().saturating_sub(POINTS_MAX));
    let moved = time > SignedDuration::ZERO;
    let name = path.name.as_ref().map_or(id, |(_, name)| name.as_str());
    Some(Track {
        entity: id.to_owned(),
        name: name.to_owned(),
        points,
        distance_km: moved.then_some(distance_km),
        speed_km_h: moved.then(|| distance_km / (time.as_secs_f64() / 3600.0)),
        strongest,
    })
}

/// The length of the great circle between two places, in degrees, on a sphere (haversine: no loss where they are near).
fn distance(lon: f64, lat: f64, other_lon: f64, other_lat: f64) -> f64 {
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let h = half_sine(other_lat - lat)
        + lat.to_radians().cos() * other_lat.to_radians().cos() * half_sine(other_lon - lon);
    2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use jiff::{civil::date, tz::TimeZone};

    use super::*;
    use crate::{
        analysis::PeriodKind,
        event::{EventKey, Version},
        text::{EntityId, SourceId},
        time::period,
    };

    fn wind() -> MeasureId {
        MeasureId::new("wind").unwrap()
    }

    /// Versions are hours after midnight, a place and a wind.
    fn storm(key: &str, versions: &[(i64, f64, f64, Option<f64>)]) -> Event {
        let start = day().start;
        let versions = versions.iter().map(|(hour, lon, lat, value)| {
            let at = start + SignedDuration::from_hours(*hour);
            Version {
                revision: 0,
                observed_at: at,
                published_at: None,
                point: Point::new(*lon, *lat),
                title: Some(format!("{key} at {hour}")),
                values: value.iter().map(|value| (wind(), *value)).collect(),
                attributes: BTreeMap::new(),
                first_fetched_at: at,
                last_fetched_at: at,
            }
        });
        Event {
            key: EventKey {
                source: SourceId::new("storms").unwrap(),
                key: EntityId::new(key).unwrap(),
            },
            versions: versions.collect(),
        }
    }

    fn day() -> Period {
        period(PeriodKind::Day, date(2026, 9, 3), &TimeZone::UTC)
    }

    fn tracks(now: &[Event], before: &[Event]) -> Vec<Track> {
        let of = |events: &[Event]| {
            let mut positions = Positions::default();
            for event in events {
                positions.add_event(event, &wind());
            }
            positions
        };
        of(now).tracks(Some(&of(before)), &day())
    }

    #[test]
    fn a_degree_of_the_equator_is_111_kilometres_and_the_antimeridian_is_no_journey() {
        assert!((distance(10.0, 0.0, 11.0, 0.0) - 111.195).abs() < 0.001);
        assert!((distance(179.5, 0.0, -179.5, 0.0) - 111.195).abs() < 0.001);
        // Paris to New York.
        assert!((distance(2.3522, 48.8566, -74.006, 40.7128) - 5837.2).abs() < 1.0);
        assert!((distance(0.0, -90.0, 77.0, 90.0) - 20_015.1).abs() < 0.1);
    }

    #[test]
    fn the_way_of_the_period_is_measured_and_what_was_before_is_drawn() {
        let ida = storm(
            "ida",
            &[
                (-6, -60.0, 0.0, Some(300.0)),
                (0, -61.0, 0.0, Some(90.0)),
                (6, -62.0, 0.0, None),
                (18, -64.0, 0.0, Some(120.0)),
                (30, -66.0, 0.0, Some(400.0)),
            ],
        );
        let found = tracks(&[ida], &[]);
        assert_eq!(found.len(), 1);
        let track = &found[0];
        // What comes after the period is not of it, and what was before has no part in its figures.
        assert_eq!(track.points.len(), 4);
        assert!((track.distance_km.unwrap() - 3.0 * 111.195).abs() < 0.01);
        assert!((track.speed_km_h.unwrap() - 111.195 / 6.0).abs() < 0.01);
        let strongest = track.strongest.unwrap();
        assert_eq!((strongest.value, strongest.at), (120.0, track.points[3].at));
        assert_eq!(track.name, "ida at 30");
    }

    #[test]
    fn positions_more_than_a_day_apart_are_not_joined() {
        let lost = storm(
            "lost",
            &[(-40, 0.0, 10.0, Some(50.0)), (3, 9.0, 10.0, Some(50.0))],
        );
        let track = &tracks(&[lost], &[])[0];
        assert!(track.points.iter().all(|point| !point.joined));
        assert_eq!((track.distance_km, track.speed_km_h), (None, None));
    }

    #[test]
    fn the_strongest_comes_first_and_a_correction_moves_the_position() {
        let weak = storm("a", &[(1, 0.0, 0.0, Some(60.0)), (7, 1.0, 0.0, Some(70.0))]);
        let strong = storm("b", &[(1, 0.0, 0.0, Some(90.0)), (7, 5.0, 0.0, None)]);
        let corrected = storm("b", &[(1, 0.0, 0.0, Some(90.0)), (7, 1.0, 0.0, Some(95.0))]);
        // Without a wind ever, or with one position only, nothing is said to move; what has none in the period is not of it.
        let flood = storm("c", &[(1, 0.0, 0.0, None), (7, 1.0, 0.0, None)]);
        let single = storm("d", &[(2, 0.0, 0.0, Some(60.0))]);
        let past = storm(
            "e",
            &[(-9, 0.0, 0.0, Some(60.0)), (-3, 0.0, 0.0, Some(60.0))],
        );
        let found = tracks(&[weak, corrected, flood, single, past], &[strong]);
        let ids: Vec<&str> = found.iter().map(|track| track.entity.as_str()).collect();
        assert_eq!(ids, ["b", "a"]);
        assert_eq!(
            (found[0].points[1].lon, found[0].points[1].value),
            (1.0, Some(95.0))
        );
    }
}
