//! Small maps: points by class of value over the outlines of the land, in an equirectangular frame.

use serde::Serialize;
use vigie_core::{
    analysis::{Period, SourceAnalysis},
    text::Language,
    zone::{Scale, Zone},
};

use crate::{
    axis::{ValueAxis, drawable, rounded},
    chart::Fractions,
    clean::clean,
    number::{axis_unit, number},
    track::{TrackView, track_views},
};

/// A map, scaled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapView {
    /// What the values are, with their unit; empty when points have no value.
    pub title: String,
    /// What it shows, for those who cannot see it.
    pub alternative: String,
    /// Its height for a width of 1.
    pub aspect: f64,
    /// Outlines of the land, clipped to the frame.
    pub land: Vec<Vec<Fractions>>,
    /// Points by value, the least first; the template draws them in that order.
    pub classes: Vec<ClassView>,
    /// The ways of what moves; a map with them is drawn wide.
    pub tracks: Vec<TrackView>,
    /// How many points the map shows, in words.
    pub caption: String,
}

/// The points of a map whose values are within the same bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassView {
    /// The bounds; empty when points have no value.
    pub label: String,
    /// The points.
    pub points: Vec<Fractions>,
}

/// The most classes of a map.
const CLASSES_MAX: usize = 5;
/// The least width and height of a map around what moves: a coast or two are needed to know where it is.
const TRACK_DEGREES_MIN: f64 = 25.0;

/// The box of a map in degrees: `east` exceeds 180 where it crosses the antimeridian.
pub(crate) struct Frame {
    pub(crate) west: f64,
    pub(crate) south: f64,
    pub(crate) east: f64,
    pub(crate) north: f64,
}

impl Frame {
    /// That of a zone.
    fn of(zone: &Zone) -> Option<Self> {
        if zone.scale == Scale::Earth {
            return Some(Self {
                west: -180.0,
                south: -60.0,
                east: 180.0,
                north: 85.0,
            });
        }
        Self::around(zone.bbox)
    }

    /// That of a zone; or, where something moves in a small part of it or elsewhere, one around all that is shown.
    fn for_source(source: &SourceAnalysis, zone: &Zone) -> Option<Self> {
        let whole = Self::of(zone)?;
        if source.tracks.is_empty() {
            return Some(whole);
        }
        let tracked = source.tracks.iter().flat_map(|track| &track.points);
        let mut places: Vec<(f64, f64)> = (tracked.map(|point| (point.lon, point.lat)))
            .chain(source.map.iter().map(|point| (point.lon, point.lat)))
            .collect();
        let within = |place: &(f64, f64)| whole.place_at(place.0, place.1).is_some();
        let elsewhere = !places.iter().any(within);
        if !elsewhere {
            places.retain(within);
        }
        let (south, north) = bounds(places.iter().map(|place| place.1))?;
        // Around the antimeridian longitudes are counted on beyond 180°.
        let [plain, eastward] = [0.0, 360.0].map(|turn| {
            let lon = |place: &(f64, f64)| {
                if place.0 < 0.0 {
                    place.0 + turn
                } else {
                    place.0
                }
            };
            bounds(places.iter().map(lon))
        });
        let (plain, eastward) = (plain?, eastward?);
        let shorter = eastward.1 - eastward.0 < plain.1 - plain.0;
        let (west, east) = if shorter { eastward } else { plain };
        let room = |low: f64, high: f64| {
            let lacking = (TRACK_DEGREES_MIN - (high - low)).max(0.0) / 2.0;
            (low - lacking, high + lacking)
        };
        let ((west, east), (south, north)) = (room(west, east), room(south, north));
        let close = Self::around([west, south.max(-85.0), east, north.min(85.0)])?;
        let smaller = close.east - close.west < 0.7 * (whole.east - whole.west);
        Some(if smaller || elsewhere { close } else { whole })
    }

    /// Around a box, with room at the borders, neither too flat nor too tall.
    fn around([west, south, east, north]: [f64; 4]) -> Option<Self> {
        let east = if east < west { east + 360.0 } else { east };
        let mut frame = Self {
            west,
            south,
            east,
            north,
        };
        let (width, height) = (frame.east - frame.west, frame.north - frame.south);
        let margin = 0.04 * width.max(height).max(1e-3);
        let shrink = frame.shrink();
        let aspect = (height + 2.0 * margin) / ((width + 2.0 * margin) * shrink);
        let (more_width, more_height) = if aspect > 1.15 {
            (
                (height + 2.0 * margin) / (1.15 * shrink) - width,
                2.0 * margin,
            )
        } else if aspect < 0.45 {
            (
                2.0 * margin,
                0.45 * (width + 2.0 * margin) * shrink - height,
            )
        } else {
            (2.0 * margin, 2.0 * margin)
        };
        frame.west -= more_width / 2.0;
        frame.east += more_width / 2.0;
        frame.south -= more_height / 2.0;
        frame.north += more_height / 2.0;
        (frame.east > frame.west && frame.north > frame.south).then_some(frame)
    }

    /// How much shorter a degree of longitude is than one of latitude, in the middle.
    fn shrink(&self) -> f64 {
        f64::midpoint(self.south, self.north)
            .clamp(-75.0, 75.0)
            .to_radians()
            .cos()
    }

    fn aspect(&self) -> f64 {
        let shrink = if self.east - self.west >= 359.0 {
            1.0
        } else {
            self.shrink()
        };
        rounded((self.north - self.south) / ((self.east - self.west) * shrink))
    }

    pub(crate) fn place(&self, lon: f64, lat: f64) -> Fractions {
        (
            (lon - self.west) / (self.east - self.west),
            (lat - self.south) / (self.north - self.south),
        )
    }

    /// Where a place stands, if it is within.
    pub(crate) fn place_at(&self, lon: f64, lat: f64) -> Option<Fractions> {
        let lon = lon + 360.0 * ((self.west - lon) / 360.0).ceil();
        let (x, y) = self.place(lon, lat);
        let within = (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y);
        within.then(|| ((x * 500.0).round() / 500.0, (y * 500.0).round() / 500.0))
    }

    /// The land within the frame, as coarse as paper allows. Rings across the antimeridian go on beyond
    /// 180°, so each is tried a turn further west and east as well.
    fn land(&self) -> Vec<Vec<Fractions>> {
        let mut rings = Vec::new();
        for line in include_str!("../assets/land.txt").lines() {
            let degrees: Vec<Fractions> = line
                .split(' ')
                .filter_map(|point| point.split_once(','))
                .filter_map(|(lon, lat)| Some((lon.parse().ok()?, lat.parse().ok()?)))
                .map(|(lon, lat): (f64, f64)| (lon / 20.0, lat / 20.0))
                .collect();
            for turn in [-360.0, 0.0, 360.0] {
                let placed: Vec<Fractions> = degrees
                    .iter()
                    .map(|(lon, lat)| self.place(lon + turn, *lat))
                    .collect();
                if !touches_unit_square(&placed) {
                    continue;
                }
                let lattice = |fraction: f64| rounded((fraction * 300.0).round() / 300.0);
                let mut ring: Vec<Fractions> = clip(placed)
                    .into_iter()
                    .map(|(x, y)| (lattice(x), lattice(y)))
                    .collect();
                ring.dedup();
                if ring.len() >= 4 {
                    rings.push(ring);
                }
            }
        }
        rings
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let pairs = values.map(|value| (value, value));
    pairs.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn touches_unit_square(ring: &[Fractions]) -> bool {
    let within = |part: fn(&Fractions) -> f64| {
        ring.iter().any(|point| part(point) > 0.0) && ring.iter().any(|point| part(point) < 1.0)
    };
    within(|point| point.0) && within(|point| point.1)
}

/// The part of a ring within the unit square (Sutherland and Hodgman, 1974).
fn clip(mut ring: Vec<Fractions>) -> Vec<Fractions> {
    type Side = fn(Fractions) -> f64;
    let sides: [Side; 4] = [|p| p.0, |p| 1.0 - p.0, |p| p.1, |p| 1.0 - p.1];
    for side in sides {
        let Some(&last) = ring.last() else {
            return ring;
        };
        let mut kept = Vec::with_capacity(ring.len());
        let mut previous = last;
        for point in ring {
            let (before, after) = (side(previous), side(point));
            if (before < 0.0) != (after < 0.0) {
                let part = before / (before - after);
                kept.push((
                    previous.0 + part * (point.0 - previous.0),
                    previous.1 + part * (point.1 - previous.1),
                ));
            }
            if after >= 0.0 {
                kept.push(point);
            }
            previous = point;
        }
        ring = kept;
    }
    ring
}

/// The map of a source; `None` when no point of it is in the zone.
pub(crate) fn map_view(
    source: &SourceAnalysis,
    zone: &Zone,
    period: &Period,
    language: Language,
) -> Option<MapView> {
    let frame = Frame::for_source(source, zone)?;
    let tracks = track_views(&source.tracks, period, &frame);
    let placed: Vec<(Option<f64>, Fractions)> = source
        .map
        .iter()
        .filter_map(|point| {
            let value = point.value.filter(|value| drawable(*value));
            Some((value, frame.place_at(point.lon, point.lat)?))
        })
        .collect();
    if placed.is_empty() && tracks.is_empty() {
        return None;
    }
    let title = source
        .leading_measure
        .as_ref()
        .map_or_else(String::new, |measure| {
            let unit = axis_unit(&measure.unit, language);
            let name = measure.title.get(language);
            clean(
                &if unit.is_empty() {
                    name.to_owned()
                } else {
                    format!("{name} ({unit})")
                },
                80,
            )
        });
    let points = placed.len() as u64;
    let shown = number(points as f64, 0, language);
    let caption = match (language, points) {
        (_, 1) => format!("{shown} point"),
        (Language::Fr, _) => format!("{shown} points, dernière valeur de chacun"),
        (Language::En, _) => format!("{shown} points, latest value of each"),
    };
    let alternative = match title.as_str() {
        "" => caption.clone(),
        title => format!("{title}. {caption}."),
    };
    Some(MapView {
        alternative,
        title,
        aspect: frame.aspect(),
        land: if zone.scale == Scale::City && source.tracks.is_empty() {
            Vec::new()
        } else {
            frame.land()
        },
        classes: classes(placed, language),
        tracks,
        caption,
    })
}

fn classes(placed: Vec<(Option<f64>, Fractions)>, language: Language) -> Vec<ClassView> {
    let (valued, unvalued): (Vec<_>, Vec<_>) =
        placed.into_iter().partition(|(value, _)| value.is_some());
    let without_value = ClassView {
        label: if valued.is_empty() {
            String::new()
        } else {
            "–".to_owned()
        },
        points: unique(unvalued.into_iter().map(|(_, point)| point).collect()),
    };
    let mut classes = Vec::new();
    if !without_value.points.is_empty() {
        classes.push(without_value);
    }
    let Some(axis) = ValueAxis::around(valued.iter().filter_map(|(value, _)| *value), false) else {
        return classes;
    };
    let mut bounds = axis.values();
    while bounds.len() > CLASSES_MAX + 1 {
        let last = bounds.last().copied();
        bounds = bounds.into_iter().step_by(2).collect();
        bounds.extend(last.filter(|last| bounds.last() != Some(last)));
    }
    let decimals = axis.decimals();
    let last = bounds.len().saturating_sub(2);
    for (index, pair) in bounds.windows(2).enumerate() {
        let (low, high) = (pair[0], pair[1]);
        let points: Vec<Fractions> = valued
            .iter()
            .filter(|(value, _)| {
                value.is_some_and(|value| value >= low && (value < high || index == last))
            })
            .map(|(_, point)| *point)
            .collect();
        let label = format!(
            "{} – {}",
            number(low, decimals, language),
            number(high, decimals, language)
        );
        classes.push(ClassView {
            label,
            points: unique(points),
        });
    }
    classes
}

fn unique(mut points: Vec<Fractions>) -> Vec<Fractions> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    points
}

#[cfg(test)]
mod tests {
    use vigie_core::{analysis::PeriodKind, row::Point, text::Text};

    use super::*;

    fn zone(scale: Scale, bbox: [f64; 4]) -> Zone {
        Zone {
            name: Text::same("Z"),
            scale,
            bbox,
            centre: Point::new(0.0, 0.0).unwrap(),
            country: None,
            currency: None,
            continent: None,
            time_zone: "UTC".into(),
        }
    }

    #[test]
    fn land_is_clipped_to_the_frame_and_small() {
        let france = Frame::of(&zone(Scale::Country, [-5.2, 41.3, 9.6, 51.1])).unwrap();
        let land = france.land();
        let points: Vec<_> = land.iter().flatten().collect();
        assert!(
            (300..3000).contains(&points.len()),
            "{} points",
            points.len()
        );
        assert!(
            points
                .iter()
                .all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y))
        );
    }

    #[test]
    fn a_zone_across_the_antimeridian_is_in_one_piece() {
        let fiji = zone(Scale::Country, [176.0, -20.0, -178.0, -15.0]);
        let frame = Frame::of(&fiji).unwrap();
        let (east, west) = (frame.place_at(-179.0, -17.0), frame.place_at(179.0, -17.0));
        assert!(east.unwrap().0 > west.unwrap().0);
        assert!(frame.place_at(0.0, -17.0).is_none());
    }

    #[test]
    fn what_moves_is_drawn_near_where_it_is() {
        let mut analysis = crate::sample::analysis(crate::sample::earth(), PeriodKind::Day);
        let storms = analysis.sources.len() - 1;
        let source = &mut analysis.sources[storms];
        let (period, earth) = (analysis.period.clone(), analysis.zone.clone());
        // From the Atlantic to beyond the antimeridian it is the whole Earth.
        let whole = map_view(source, &earth, &period, Language::En).unwrap();
        assert_eq!(whole.tracks.len(), 4);
        source.tracks.truncate(2);
        source.map.truncate(2);
        let close = Frame::for_source(source, &earth).unwrap();
        assert!(
            close.west < -60.0 && close.east > -51.0,
            "{} {}",
            close.west,
            close.east
        );
        assert!((25.0..40.0).contains(&(close.east - close.west)));
        // A city on another continent shows them too, with the coasts there.
        let paris = crate::sample::paris();
        let map = map_view(source, &paris, &period, Language::En).unwrap();
        assert_eq!(map.tracks.len(), 2);
        source.tracks.clear();
        assert_eq!(map_view(source, &paris, &period, Language::En), None);
    }

    #[test]
    fn every_valued_point_is_in_one_class() {
        let placed: Vec<_> = (0..100)
            .map(|i| (Some(f64::from(i) / 10.0), (f64::from(i) / 100.0, 0.5)))
            .collect();
        let classes = classes(placed, Language::Fr);
        assert!(classes.len() <= CLASSES_MAX);
        assert_eq!(
            classes
                .iter()
                .map(|class| class.points.len())
                .sum::<usize>(),
            100
        );
        assert_eq!(classes[0].label, "0,0 – 2,5");
    }
}
