//! Tracks on a map, and their table.

use jiff::tz::TimeZone;
use serde::Serialize;
use vigie_core::{
    analysis::{Period, SourceAnalysis, Track, TrackPoint},
    text::Language,
};

use crate::{
    axis::rounded,
    chart::Fractions,
    clean::clean,
    map::Frame,
    number::{axis_unit, count, number},
    table::{ColumnView, TableView},
    time,
    words::Words,
};

/// Tracks that are named on the map, and that have a row.
const NAMED_MAX: usize = 8;
/// Names nearer to each other than this would be drawn over one another.
const NAME_ROOM: Fractions = (0.2, 0.045);

/// The track of something that moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackView {
    /// Its name; empty where another name stands there already.
    pub label: String,
    /// Its way in the period, a line per stretch that is known.
    pub lines: Vec<Vec<Fractions>>,
    /// Its way before the period, likewise.
    pub before: Vec<Vec<Fractions>>,
    /// Its positions of the period.
    pub points: Vec<Fractions>,
    /// The latest of them, where the name stands.
    pub end: Option<Fractions>,
}

/// The tracks that are within the frame.
pub(crate) fn track_views(tracks: &[Track], period: &Period, frame: &Frame) -> Vec<TrackView> {
    let mut named: Vec<Fractions> = Vec::new();
    let views = tracks.iter().map(|track| {
        let mut view = TrackView {
            label: String::new(),
            lines: Vec::new(),
            before: Vec::new(),
            points: Vec::new(),
            end: None,
        };
        let pairs = track.points.iter().zip(track.points.iter().skip(1));
        let mut last: Option<(&TrackPoint, bool)> = None;
        for (from, to) in pairs.filter(|(_, to)| to.joined) {
            let within = from.at >= period.start;
            let lines = if within {
                &mut view.lines
            } else {
                &mut view.before
            };
            for (start, end) in frame.segments(from, to) {
                let goes_on = last.is_some_and(|known| known == (from, within));
                match lines
                    .last_mut()
                    .filter(|line| goes_on && line.last() == Some(&start))
                {
                    Some(line) => line.push(end),
                    None => lines.push(vec![start, end]),
                }
            }
            last = Some((to, within));
        }
        let present = track.points.iter().filter(|point| point.at >= period.start);
        let placed: Vec<Option<Fractions>> = present
            .map(|point| frame.place_at(point.lon, point.lat))
            .collect();
        view.end = placed.last().copied().flatten();
        view.points = placed.into_iter().flatten().collect();
        if let Some(end) = view.end
            && named.len() < NAMED_MAX
        {
            let apart = |other: &Fractions| {
                (other.0 - end.0).abs() > NAME_ROOM.0 || (other.1 - end.1).abs() > NAME_ROOM.1
            };
            if named.iter().all(apart) {
                view.label = clean(&track.name, 28);
                named.push(end);
            }
        }
        view
    });
    views
        .filter(|view| view.points.len() + view.lines.len() + view.before.len() > 0)
        .collect()
}

impl Frame {
    /// The parts of the straight way between two positions that are within the frame: up to two, where it crosses the edge of a
    /// map of the whole Earth.
    fn segments(&self, from: &TrackPoint, to: &TrackPoint) -> Vec<(Fractions, Fractions)> {
        // The nearer way round the Earth.
        let lon = to.lon + 360.0 * ((from.lon - to.lon) / 360.0).round();
        let turns = [-360.0, 0.0, 360.0];
        let segments = turns.into_iter().filter_map(|turn| {
            let start = self.place(from.lon + turn, from.lat);
            let end = self.place(lon + turn, to.lat);
            cut(start, end)
        });
        segments.filter(|(start, end)| start != end).collect()
    }
}

/// The part of a straight line that is within the unit square (Liang and Barsky, 1984).
fn cut(start: Fractions, end: Fractions) -> Option<(Fractions, Fractions)> {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, start.0),
        (dx, 1.0 - start.0),
        (-dy, start.1),
        (dy, 1.0 - start.1),
    ];
    for (towards, room) in sides {
        if towards == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if towards < 0.0 {
            from = from.max(room / towards);
        } else {
            to = to.min(room / towards);
        }
    }
    let at = |part: f64| (rounded(start.0 + part * dx), rounded(start.1 + part * dy));
    (from <= to).then(|| (at(from), at(to)))
}

/// How far and fast each moved, and how strong it was.
pub(crate) fn track_table(
    source: &SourceAnalysis,
    period: &Period,
    tz: &TimeZone,
    language: Language,
) -> Option<TableView> {
    let measure = source.track_measure.as_ref()?;
    let words = Words::of(language);
    if source.tracks.is_empty() {
        return None;
    }
    let unit = clean(&axis_unit(&measure.unit, language), 24);
    let title = clean(measure.title.get(language), 40);
    let strength = if unit.is_empty() {
        title
    } else {
        format!("{title} ({unit})")
    };
    let rows = source.tracks.iter().take(NAMED_MAX).map(|track| {
        let figure = |value: Option<f64>, decimals: u8| {
            value.map_or_else(|| "–".to_owned(), |value| number(value, decimals, language))
        };
        let present = track.points.iter().filter(|point| point.at >= period.start);
        let at = track
            .strongest
            .map(|most| time::moment(most.at, period, tz, language));
        vec![
            clean(&track.name, 60),
            count(present.count() as u64, language),
            figure(track.distance_km, 0),
            figure(track.speed_km_h, 0),
            figure(track.strongest.map(|most| most.value), measure.decimals),
            at.unwrap_or_else(|| "–".to_owned()),
        ]
    });
    let (shown, all) = (source.tracks.len().min(NAMED_MAX), source.tracks.len());
    let (shown_words, all_words) = (count(shown as u64, language), count(all as u64, language));
    Some(TableView {
        caption: words.pick("Trajectoires", "Tracks").to_owned(),
        columns: vec![
            ColumnView::text(words.pick("Nom", "Name")),
            ColumnView::figures("Positions"),
            ColumnView::figures(words.pick("Distance (km)", "Distance (km)")),
            ColumnView::figures(words.pick("Vitesse (km/h)", "Speed (km/h)")),
            ColumnView::figures(&strength),
            ColumnView::figures(words.pick("Heure", "Time")),
        ],
        rows: rows.collect(),
        note: (shown < all).then(|| match language {
            Language::Fr => format!("{shown_words} sur {all_words}"),
            Language::En => format!("{shown_words} of {all_words}"),
        }),
    })
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp, civil::date};
    use vigie_core::{analysis::PeriodKind, time::period};

    use super::*;

    fn day() -> Period {
        period(PeriodKind::Day, date(2026, 9, 3), &TimeZone::UTC)
    }

    /// Positions are hours after midnight, a longitude, and whether the way before is known.
    fn track(name: &str, positions: &[(i64, f64, bool)]) -> Track {
        let at = |hour: i64| -> Timestamp { day().start + SignedDuration::from_hours(hour) };
        Track {
            entity: name.into(),
            name: name.into(),
            points: positions
                .iter()
                .map(|(hour, lon, joined)| TrackPoint {
                    at: at(*hour),
                    lon: *lon,
                    lat: 0.0,
                    value: None,
                    joined: *joined,
                })
                .collect(),
            distance_km: None,
            speed_km_h: None,
            strongest: None,
        }
    }

    fn earth() -> Frame {
        Frame {
            west: -180.0,
            south: -60.0,
            east: 180.0,
            north: 60.0,
        }
    }

    #[test]
    fn a_track_is_one_line_broken_where_the_way_is_not_known() {
        let ida = track(
            "Ida",
            &[
                (-6, -90.0, false),
                (-3, -72.0, true),
                (0, -54.0, true),
                (6, -36.0, true),
                (12, -18.0, true),
                (18, 18.0, false),
                (20, 36.0, true),
            ],
        );
        let views = track_views(&[ida], &day(), &earth());
        let view = &views[0];
        assert_eq!(view.before, [vec![(0.25, 0.5), (0.3, 0.5), (0.35, 0.5)]]);
        assert_eq!(
            view.lines,
            [
                vec![(0.35, 0.5), (0.4, 0.5), (0.45, 0.5)],
                vec![(0.55, 0.5), (0.6, 0.5)]
            ]
        );
        assert_eq!(
            (view.points.len(), view.end, view.label.as_str()),
            (5, Some((0.6, 0.5)), "Ida")
        );
    }

    #[test]
    fn across_the_antimeridian_the_way_is_short_and_at_both_edges() {
        let across = track("Ana", &[(0, 171.0, false), (6, -171.0, true)]);
        let view = &track_views(std::slice::from_ref(&across), &day(), &earth())[0];
        assert_eq!(
            view.lines,
            [
                vec![(0.0, 0.5), (0.025, 0.5)],
                vec![(0.975, 0.5), (1.0, 0.5)]
            ]
        );
        // A map of elsewhere has nothing of it.
        let europe = Frame {
            west: -10.0,
            south: 30.0,
            east: 30.0,
            north: 60.0,
        };
        assert_eq!(track_views(&[across], &day(), &europe), []);
    }

    #[test]
    fn names_are_not_drawn_over_one_another() {
        let near = [
            track("A", &[(0, 0.0, false), (6, 1.0, true)]),
            track("B", &[(0, 0.0, false), (6, 2.0, true)]),
            track("C", &[(0, 90.0, false), (6, 91.0, true)]),
        ];
        let views = track_views(&near, &day(), &earth());
        let labels: Vec<&str> = views.iter().map(|view| view.label.as_str()).collect();
        assert_eq!(labels, ["A", "", "C"]);
    }
}
