//! The course of a source over its hours: the values of all entities together, and of some by themselves.
//!
//! The period and the days before it are reduced to the same course, so that what is compared is alike.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{LINES_MAX, Reported, SourceSheet, usual_gap};
use crate::{
    bucket::BucketSummary,
    measure::{Across, Kind, Measure},
    profile::identity,
    stats::{At, Stats, Sum},
    time::{day_start, local_date},
};

/// A day has a value where at least this share of the hours that the source fills is known.
const DAY_SHARE_MIN: f64 = 0.5;
/// Entities that have a course of their own, beside the leading ones; a source with more is seen as a whole.
const SINGLES_MAX: usize = LINES_MAX;

/// Hours and their values, ascending.
pub(crate) type Values = Vec<(Timestamp, f64)>;

/// A mean in the making, of an hour or of a day, circular for directions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    count: u64,
    sum: Sum,
    vector: Option<(Sum, Sum)>,
}

impl Mean {
    pub(super) fn merge(&mut self, stats: &Stats) {
        self.count += stats.count;
        self.sum.merge(stats.sum);
        if let Some((x, y)) = stats.vector {
            let (mine_x, mine_y) = self.vector.get_or_insert_default();
            mine_x.merge(x);
            mine_y.merge(y);
        }
    }

    fn add(&mut self, kind: Kind, value: f64) {
        self.count += 1;
        self.sum.add(value);
        if kind == Kind::Direction {
            let (x, y) = self.vector.get_or_insert_default();
            x.add(value.to_radians().cos());
            y.add(value.to_radians().sin());
        }
    }

    pub(super) fn value(&self) -> Option<f64> {
        let stats = Stats {
            count: self.count,
            sum: self.sum,
            vector: self.vector,
            ..Stats::default()
        };
        stats.mean()
    }
}

/// The course of a source: of all its headline measures together, of its leading measure by entity.
#[derive(Debug)]
pub(super) struct Course {
    measures: Vec<Measure>,
    tz: TimeZone,
    leading: Vec<String>,
    pace: SignedDuration,
    /// By measure.
    hours: BTreeMap<Timestamp, Vec<Mean>>,
    singles: HashMap<String, BTreeMap<Timestamp, f64>>,
    /// The entities seen, by local date.
    seen: HashMap<Date, HashSet<u64>>,
    /// Hours come in order mostly: the date of the last one.
    date: Option<(Timestamp, Date)>,
}

impl Course {
    pub(super) fn new(measures: &[&Measure], tz: &TimeZone, sheet: &SourceSheet) -> Self {
        Self {
            measures: measures.iter().map(|measure| (*measure).clone()).collect(),
            tz: tz.clone(),
            leading: sheet.leading.clone(),
            pace: sheet.pace(),
            hours: BTreeMap::new(),
            singles: HashMap::new(),
            seen: HashMap::new(),
            date: None,
        }
    }

    fn date_of(&mut self, hour: Timestamp) -> Date {
        if let Some((known, date)) = self.date
            && known == hour
        {
            return date;
        }
        let date = local_date(hour, &self.tz);
        self.date = Some((hour, date));
        date
    }

    /// Takes in an hour of an entity.
    pub(super) fn add(&mut self, summary: &BucketSummary) {
        let (hour, id) = (summary.key.hour, summary.key.entity.as_str());
        let date = self.date_of(hour);
        let together = self.hours.entry(hour).or_default();
        together.resize(self.measures.len(), Mean::default());
        let mut leading = None;
        for (index, (measure, all)) in self.measures.iter().zip(together).enumerate() {
            let found = summary.measures.get(&measure.id);
            let Some(value) = found.and_then(|found| found.stats.mean()) else {
                continue;
            };
            all.add(measure.kind, value);
            if index == 0 {
                leading = Some(value);
            }
        }
        let Some(value) = leading else {
            return;
        };
        self.seen.entry(date).or_default().insert(identity(id));
        if let Some(single) = self.singles.get_mut(id) {
            single.insert(hour, value);
        } else if self.singles.len() < SINGLES_MAX || self.leading.iter().any(|own| own == id) {
            self.singles.insert(id.to_owned(), [(hour, value)].into());
        }
    }

    /// The days that have data.
    pub(super) fn days(&self) -> Vec<Date> {
        let mut days: Vec<Date> = self.seen.keys().copied().collect();
        days.sort_unstable();
        days
    }

    /// The hourly values of all entities together; hours that too few entities know are left out.
    pub(super) fn together(&self, measure: usize) -> Values {
        let Some(of) = self.measures.get(measure) else {
            return Vec::new();
        };
        let mut known: Option<(Date, Reported)> = None;
        self.hours
            .iter()
            .filter_map(|(hour, all)| {
                let mean = all.get(measure)?;
                if of.across != Across::Sum || of.kind == Kind::Direction {
                    return Some((*hour, mean.value()?));
                }
                let date = local_date(*hour, &self.tz);
                let reported = match known {
                    Some((of, reported)) if of == date => reported,
                    _ => known.insert((date, self.reported(date, measure))).1,
                };
                (mean.count > 0 && reported.tells_all(mean.count))
                    .then(|| (*hour, mean.sum.value()))
            })
            .collect()
    }

    /// How many entities there were on a day, and in its fullest hour.
    fn reported(&self, date: Date, measure: usize) -> Reported {
        let of_day = self.hours.range(day_start(date, &self.tz)..);
        let of_day = of_day.take_while(|(hour, _)| local_date(**hour, &self.tz) == date);
        let counts = of_day.filter_map(|(_, all)| all.get(measure).map(|mean| mean.count));
        Reported {
            entities: self.seen.get(&date).map_or(0, |seen| seen.len() as u64),
            most: counts.max().unwrap_or(0),
            pace: self.pace,
        }
    }

    /// Whether entities came and went on a day: see [`Reported::come_and_go`].
    pub(super) fn came_and_went(&self, date: Date) -> bool {
        self.reported(date, 0).come_and_go()
    }

    /// The time between two hours of an entity, as a rule: the median of what was seen of it, or, where that is too little,
    /// of all entities.
    pub(super) fn usual_gap(&self, id: Option<&str>) -> SignedDuration {
        let own = id.and_then(|id| usual_gap_of(self.singles.get(id)));
        own.or_else(|| usual_gap_of(self.singles.values()))
            .unwrap_or_default()
    }

    /// The hourly values of the leading measure by entity.
    pub(super) fn singles(&self) -> HashMap<String, Values> {
        let ids = self.singles.keys();
        ids.map(|id| (id.clone(), self.single(id))).collect()
    }

    /// The hourly values of the leading measure of one entity.
    pub(super) fn single(&self, id: &str) -> Values {
        let hours = self.singles.get(id).into_iter().flatten();
        hours.map(|(hour, value)| (*hour, *value)).collect()
    }
}

/// Daily values of hourly ones: the mean of the hours, where enough of those that the source fills are known. Of the day
/// that is under way, those that have passed by `now`.
pub(super) fn by_day(
    values: &[(Timestamp, f64)],
    kind: Kind,
    rhythm: SignedDuration,
    now: Timestamp,
    tz: &TimeZone,
) -> Vec<(Date, f64)> {
    let mut days: BTreeMap<Date, Mean> = BTreeMap::new();
    for (hour, value) in values {
        days.entry(local_date(*hour, tz))
            .or_default()
            .add(kind, *value);
    }
    let every = rhythm.as_secs_f64().max(3600.0);
    days.into_iter()
        .filter_map(|(date, mean)| {
            let start = day_start(date, tz);
            let end = day_start(date.tomorrow().ok()?, tz).min(now);
            let expected = end.duration_since(start).as_secs_f64() / every;
            let enough = mean.count as f64 >= (DAY_SHARE_MIN * expected).floor().max(1.0);
            enough.then_some(())?;
            Some((date, mean.value()?))
        })
        .collect()
}

/// The usual time between hours that follow each other.
fn usual_gap_of<'a>(
    singles: impl IntoIterator<Item = &'a BTreeMap<Timestamp, f64>>,
) -> Option<SignedDuration> {
    usual_gap(singles.into_iter().flat_map(|hours| {
        let later = hours.keys().skip(1);
        hours.keys().zip(later).map(|(a, b)| b.duration_since(*a))
    }))
}

/// A value and its hour, of a stored sample.
pub(super) fn moment(at: At) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.0).ok()
}
