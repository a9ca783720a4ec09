//! Who entered a ranking, who left it, who climbed.

use std::collections::HashMap;

use crate::{
    analysis::{RankLine, Ranking},
    bucket::BucketSummary,
    text::MeasureId,
};

use super::course::moment;

/// Lines of each list.
const LINES: usize = 10;
/// Climbers told.
const CLIMBERS: usize = 3;

/// What is known of an entity of a ranking over some hours.
#[derive(Debug, Clone)]
pub(super) struct Place {
    name: Option<String>,
    /// When it was seen first and last, in milliseconds, and at which rank.
    first: (i64, f64),
    last: (i64, f64),
    best: f64,
    hours: u32,
}

/// Takes in an hour of an entity.
pub(super) fn follow(
    places: &mut HashMap<String, Place>,
    summary: &BucketSummary,
    measure: &MeasureId,
) {
    let Some(stats) = summary.measures.get(measure).map(|found| &found.stats) else {
        return;
    };
    let (Some(first), Some(last)) = (stats.first, stats.last) else {
        return;
    };
    let (first, last) = ((first.0, first.1), (last.0, last.1));
    let place = places
        .entry(summary.key.entity.as_str().to_owned())
        .or_insert_with(|| Place {
            name: None,
            first,
            last,
            best: stats.min,
            hours: 0,
        });
    place.name = summary.label.name.clone().or(place.name.take());
    if first.0 < place.first.0 {
        place.first = first;
    }
    if last.0 > place.last.0 {
        place.last = last;
    }
    place.best = place.best.min(stats.min);
    place.hours += 1;
}

/// Compares the last ranking of the period with the last one before it, else with the first of the period.
pub(super) fn ranking(
    period: &HashMap<String, Place>,
    before: Option<&HashMap<String, Place>>,
) -> Option<Ranking> {
    let newest = period.values().map(|place| place.last.0).max()?;
    let now: HashMap<&String, f64> = period
        .iter()
        .filter(|(_, place)| place.last.0 == newest)
        .map(|(id, place)| (id, place.last.1))
        .collect();
    let earlier = before.and_then(|before| {
        let newest = before.values().map(|place| place.last.0).max()?;
        let then = before.iter().filter(|(_, place)| place.last.0 == newest);
        let then: HashMap<&String, f64> = then.map(|(id, place)| (id, place.last.1)).collect();
        Some((newest, then))
    });
    let within = || {
        let oldest = period.values().map(|place| place.first.0).min()?;
        let then = period.iter().filter(|(_, place)| place.first.0 == oldest);
        let then = then.map(|(id, place)| (id, place.first.1)).collect();
        (oldest < newest).then_some((oldest, then))
    };
    let compared = earlier.or_else(within);
    let then = compared.as_ref().map(|(_, then)| then);
    let line = |id: &String| {
        let (here, past) = (period.get(id), before.and_then(|before| before.get(id)));
        let places = || here.into_iter().chain(past);
        RankLine {
            entity: id.clone(),
            name: places()
                .find_map(|place| place.name.clone())
                .unwrap_or_else(|| id.clone()),
            rank: now.get(id).copied(),
            before: then.and_then(|then| then.get(id).copied()),
            best: places()
                .map(|place| place.best)
                .fold(f64::INFINITY, f64::min),
            hours: here.map_or(0, |place| place.hours),
        }
    };
    let sorted = |ids: Vec<&String>, by: fn(&RankLine) -> Option<f64>| {
        let mut lines: Vec<RankLine> = ids.into_iter().map(line).collect();
        let place = |line: &RankLine| by(line).unwrap_or(f64::INFINITY);
        lines.sort_by(|a, b| {
            place(a)
                .total_cmp(&place(b))
                .then_with(|| a.entity.cmp(&b.entity))
        });
        lines
    };
    let mut ranking = Ranking {
        at: moment(crate::stats::At(newest, 0.0)),
        compared_with: compared
            .as_ref()
            .and_then(|(at, _)| moment(crate::stats::At(*at, 0.0))),
        size: now.len() as u32,
        top: sorted(now.keys().copied().collect(), |line| line.rank),
        ..Ranking::default()
    };
    if let Some(then) = then {
        ranking.entries = ranking
            .top
            .iter()
            .filter(|line| line.before.is_none())
            .cloned()
            .collect();
        let left = then.keys().copied().filter(|id| !now.contains_key(*id));
        ranking.exits = sorted(left.collect(), |line| line.before);
        let gain = |line: &RankLine| line.before.zip(line.rank).map_or(0.0, |(a, b)| a - b);
        ranking.climbers = ranking
            .top
            .iter()
            .filter(|line| gain(line) >= 1.0)
            .cloned()
            .collect();
        ranking.climbers.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
    }
    ranking.entry_count = ranking.entries.len() as u32;
    ranking.exit_count = ranking.exits.len() as u32;
    ranking.entries.truncate(LINES);
    ranking.exits.truncate(LINES);
    ranking.climbers.truncate(CLIMBERS);
    ranking.top.truncate(LINES);
    Some(ranking)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(seen: &[(&str, i64, f64, i64, f64)]) -> HashMap<String, Place> {
        let place = |&(id, first_at, first, last_at, last): &(&str, i64, f64, i64, f64)| {
            let place = Place {
                name: Some(id.to_uppercase()),
                first: (first_at, first),
                last: (last_at, last),
                best: first.min(last),
                hours: 2,
            };
            (id.to_owned(), place)
        };
        seen.iter().map(place).collect()
    }

    fn ids(lines: &[RankLine]) -> Vec<&str> {
        lines.iter().map(|line| line.entity.as_str()).collect()
    }

    #[test]
    fn entries_exits_and_climbers_against_the_last_ranking_before() {
        let before = places(&[
            ("a", 0, 1.0, 10, 1.0),
            ("b", 0, 2.0, 10, 2.0),
            ("c", 0, 1.0, 10, 9.0),
            // Had left already.
            ("old", 0, 3.0, 5, 3.0),
        ]);
        let now = places(&[
            ("a", 20, 1.0, 30, 3.0),
            ("c", 20, 9.0, 30, 2.0),
            ("new", 20, 4.0, 30, 1.0),
            // Came and went within the period.
            ("brief", 20, 5.0, 25, 5.0),
        ]);
        let ranking = ranking(&now, Some(&before)).unwrap();
        assert_eq!(ids(&ranking.top), ["new", "c", "a"]);
        assert_eq!(ids(&ranking.entries), ["new"]);
        assert_eq!(ids(&ranking.exits), ["b"]);
        assert_eq!(ids(&ranking.climbers), ["c"]);
        let c = &ranking.climbers[0];
        assert_eq!(
            (c.before, c.rank, c.best, c.name.as_str()),
            (Some(9.0), Some(2.0), 1.0, "C")
        );
        assert_eq!(
            (ranking.size, ranking.entry_count, ranking.exit_count),
            (3, 1, 1)
        );
    }

    #[test]
    fn without_a_past_the_first_ranking_of_the_period_serves_and_one_alone_is_compared_with_nothing()
     {
        let now = places(&[
            ("a", 20, 1.0, 30, 2.0),
            ("b", 30, 1.0, 30, 1.0),
            ("c", 20, 2.0, 20, 2.0),
        ]);
        let compared = ranking(&now, None).unwrap();
        assert_eq!(
            (ids(&compared.entries), ids(&compared.exits)),
            (vec!["b"], vec!["c"])
        );
        let alone = ranking(&places(&[("a", 20, 1.0, 20, 1.0)]), None).unwrap();
        assert_eq!((alone.compared_with, alone.entry_count), (None, 0));
        assert_eq!(ranking(&HashMap::new(), None), None);
    }
}
