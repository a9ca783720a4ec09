//! The parts of a whole: their shares over the period, and the peak of the whole.
//!
//! The value of a part in an hour is the sum, over entities, of their means. An hour counts where all parts are known that the
//! source gives in the period at all, and where enough entities report: a whole that lacks a part would have a false peak,
//! and false shares.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::COMPLETE_SHARE_MIN;
use crate::{
    analysis::{Extreme, MixFigures, MixPart, Period},
    bucket::BucketSummary,
    measure::{Measure, Mix},
    profile::identity,
    stats::Sum,
    text::MeasureId,
    time::{hours_between, local_date},
};

/// Shares of fewer hours, or of a smaller share of those that have passed, are not told.
const KNOWN_SHARE_MIN: f64 = 0.5;

/// An hour of the parts.
#[derive(Debug, Clone, Default)]
struct Hour {
    /// By part; nothing where no entity knows it.
    parts: Vec<Option<Sum>>,
    entities: usize,
}

/// The hours of the parts of a whole, as they come.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    hours: BTreeMap<Timestamp, Hour>,
    /// The entities seen, by local date.
    seen: HashMap<Date, HashSet<u64>>,
}

impl Parts {
    /// Takes in an hour of an entity.
    pub(super) fn add(&mut self, summary: &BucketSummary, mix: &Mix, tz: &TimeZone) {
        let values = mix.parts.iter().map(|id| {
            let found = summary.measures.get(id)?;
            found.stats.mean().filter(|mean| mean.is_finite())
        });
        let values: Vec<Option<f64>> = values.collect();
        if values.iter().all(Option::is_none) {
            return;
        }
        let hour = self.hours.entry(summary.key.hour).or_default();
        hour.entities += 1;
        hour.parts.resize(mix.parts.len(), None);
        for (part, value) in hour.parts.iter_mut().zip(values) {
            if let Some(value) = value {
                part.get_or_insert_default().add(value);
            }
        }
        let date = local_date(summary.key.hour, tz);
        let id = identity(summary.key.entity.as_str());
        self.seen.entry(date).or_default().insert(id);
    }

    /// What they come to; nothing where too few hours are known, or where the whole is not above zero.
    pub(super) fn figures(
        &self,
        mix: &Mix,
        measures: &[Measure],
        period: &Period,
        now: Timestamp,
        tz: &TimeZone,
    ) -> Option<MixFigures> {
        let measure_of = |id: &MeasureId| measures.iter().find(|measure| measure.id == *id);
        let given: Vec<usize> = (0..mix.parts.len())
            .filter(|part| {
                let mut hours = self.hours.values();
                hours.any(|hour| hour.parts.get(*part).is_some_and(Option::is_some))
            })
            .collect();
        let mut sums = vec![Sum::default(); mix.parts.len()];
        let (mut count, mut whole) = (0_u32, Sum::default());
        let (mut peak, mut trough): (Option<Extreme>, Option<Extreme>) = (None, None);
        for (at, hour) in &self.hours {
            let seen = self.seen.get(&local_date(*at, tz)).map_or(0, HashSet::len);
            let values: Option<Vec<f64>> = given
                .iter()
                .map(|part| Some(hour.parts.get(*part)?.as_ref()?.value()))
                .collect();
            let Some(values) = values else { continue };
            if (hour.entities as f64) < COMPLETE_SHARE_MIN * seen as f64 {
                continue;
            }
            let value: f64 = values.iter().sum();
            count += 1;
            whole.add(value);
            for (part, value) in given.iter().zip(values) {
                sums[*part].add(value);
            }
            let here = Extreme { value, at: *at };
            if peak.is_none_or(|known| value > known.value) {
                peak = Some(here);
            }
            if trough.is_none_or(|known| value < known.value) {
                trough = Some(here);
            }
        }
        let until = period.end.min(now.max(period.start));
        let hours_passed = hours_between(period.start, until, tz).len() as u32;
        let (hours, whole) = (f64::from(count), whole.value());
        if hours < (KNOWN_SHARE_MIN * f64::from(hours_passed)).max(1.0) || whole <= 0.0 {
            return None;
        }
        let part = |title: crate::text::Text, sum: f64| MixPart {
            title,
            mean: sum / hours,
            share: sum / whole,
        };
        let mut parts: Vec<MixPart> = given
            .iter()
            .filter_map(|index| {
                let measure = measure_of(mix.parts.get(*index)?)?;
                Some(part(measure.title.clone(), sums[*index].value()))
            })
            .collect();
        parts.sort_by(|a, b| {
            b.mean
                .total_cmp(&a.mean)
                .then_with(|| a.title.en.cmp(&b.title.en))
        });
        let groups = mix.groups.iter().map(|(title, members)| {
            let of_group = mix
                .parts
                .iter()
                .zip(&sums)
                .filter(|(id, _)| members.contains(id));
            part(title.clone(), of_group.map(|(_, sum)| sum.value()).sum())
        });
        let first = measure_of(mix.parts.first()?)?;
        Some(MixFigures {
            title: mix.title.clone(),
            unit: first.unit.clone(),
            decimals: first.decimals,
            parts,
            groups: groups.collect(),
            mean: whole / hours,
            peak: peak?,
            trough: trough?,
            hours: count,
            hours_passed,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{
        analyse::{SourceAnalyser, SourceSheet, tests::sheet},
        analysis::{CaptureCount, Freshness, PeriodKind},
        bucket::Bucketing,
        measure::Across,
        row::Row,
        text::{EntityId, Text},
        time::period,
    };

    fn id(name: &str) -> MeasureId {
        MeasureId::new(name).unwrap()
    }

    fn of_energy() -> SourceSheet {
        let mut sheet = sheet(Across::Sum);
        let model = sheet.measures[0].clone();
        let names = ["consumption", "coal", "wind", "sun"];
        sheet.measures = names
            .iter()
            .map(|name| Measure {
                id: id(name),
                title: Text::same(*name),
                unit: "MW".into(),
                headline: *name == "consumption",
                ..model.clone()
            })
            .collect();
        sheet.mix = Some(Mix {
            title: Text::same("Production"),
            parts: names[1..].iter().map(|name| id(name)).collect(),
            groups: vec![(Text::same("Renewables"), vec![id("wind"), id("sun")])],
        });
        sheet
    }

    /// Rows are an entity, the hour of the day, and the parts.
    fn mix(rows: &[(&str, i64, [Option<f64>; 3])], now: i64) -> Option<MixFigures> {
        let (sheet, tz) = (of_energy(), TimeZone::get("Europe/Paris").unwrap());
        let day = period(PeriodKind::Day, Date::constant(2026, 10, 25), &tz);
        let at = |hour: i64| day.start + SignedDuration::from_hours(hour);
        let horizon = SignedDuration::from_hours(24);
        let mut bucketing = Bucketing::new(&sheet.id, &sheet.measures, &tz, horizon);
        for (entity, hour, parts) in rows {
            let mut values = vec![Some(9999.0)];
            values.extend(parts);
            let row = Row {
                entity: EntityId::new(*entity).unwrap(),
                observed_at: at(*hour),
                published_at: None,
                revision: 0,
                point: None,
                name: None,
                values,
                attributes: BTreeMap::new(),
            };
            bucketing.add(&row.as_ref(), at(*hour));
        }
        let mut analyser = SourceAnalyser::new(&sheet, &day, &tz, at(now));
        for bucket in bucketing.finish() {
            analyser.add_summary(&bucket.summarise(sheet.rhythm));
        }
        let analysis = analyser.finish(Freshness::default(), CaptureCount::default());
        analysis.findings.mix
    }

    #[test]
    fn shares_are_of_the_whole_and_its_peak_has_its_hour() {
        let rows = [
            ("north", 0, [Some(30.0), Some(5.0), Some(0.0)]),
            ("south", 0, [None, Some(5.0), Some(0.0)]),
            ("north", 1, [Some(30.0), Some(0.0), Some(20.0)]),
            ("south", 1, [None, Some(5.0), Some(5.0)]),
        ];
        let found = mix(&rows, 2).unwrap();
        let parts: Vec<(&str, f64, f64)> = found
            .parts
            .iter()
            .map(|part| (part.title.en.as_str(), part.mean, part.share))
            .collect();
        assert_eq!(
            parts,
            [
                ("coal", 30.0, 0.6),
                ("sun", 12.5, 0.25),
                ("wind", 7.5, 0.15)
            ]
        );
        assert_eq!((found.groups[0].mean, found.groups[0].share), (20.0, 0.4));
        assert_eq!(
            (found.mean, found.peak.value, found.trough.value),
            (50.0, 60.0, 40.0)
        );
        assert_eq!(
            found.peak.at.duration_since(found.trough.at),
            SignedDuration::from_hours(1)
        );
        assert_eq!(
            (found.hours, found.hours_passed, found.unit.as_str()),
            (2, 2, "MW")
        );
    }

    #[test]
    fn an_hour_without_a_part_or_without_an_entity_is_no_hour_of_the_whole() {
        let full = [Some(30.0), Some(10.0), None];
        let rows = [
            ("north", 0, full),
            ("south", 0, full),
            ("north", 1, full),
            ("south", 1, [Some(900.0), None, None]),
            // Only one of two entities: no trough.
            ("north", 2, full),
            ("north", 3, [Some(1.0), None, None]),
            ("south", 3, [Some(1.0), None, None]),
        ];
        let found = mix(&rows, 4).unwrap();
        // What no hour has ("sun") is no part; an entity that lacks one has nothing of it.
        assert_eq!(
            (found.parts.len(), found.hours, found.hours_passed),
            (2, 2, 4)
        );
        assert_eq!((found.peak.value, found.trough.value), (940.0, 80.0));
        assert_eq!(mix(&rows, 5), None);
        assert_eq!(
            mix(&[("north", 0, [Some(0.0), Some(0.0), Some(0.0)])], 1),
            None
        );
    }
}
