use std::collections::BTreeMap;

use jiff::civil::Date;

use super::*;
use crate::{
    analysis::{CaptureCount, Freshness, SourceAnalysis},
    bucket::Bucketing,
    measure::{Across, Kind},
    row::Row,
    text::{EntityId, MeasureId},
    time::period,
};

/// A number of 0 to 1 that looks random and is always the same (the finish of `SplitMix64`).
pub(super) fn noise(seed: u64) -> f64 {
    let mut hash = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

pub(super) fn sheet(across: Across) -> SourceSheet {
    SourceSheet {
        id: SourceId::new("bikes").unwrap(),
        domain: "transport".into(),
        title: Text::same("Bikes"),
        credit: Credit {
            attribution: "City".into(),
            licence: "ODbL-1.0".into(),
            url: "https://example.org".into(),
        },
        measures: vec![Measure {
            id: MeasureId::new("bikes").unwrap(),
            kind: Kind::Gauge,
            unit: "{bike}".into(),
            title: Text::same("Bikes"),
            across,
            decimals: 0,
            headline: true,
        }],
        events: false,
        mix: None,
        track: None,
        leading: Vec::new(),
        rhythm: Some(SignedDuration::from_mins(30)),
        every: SignedDuration::from_mins(30),
        slow: false,
    }
}

/// Each row is an entity, minutes after midnight, and a value.
pub(super) fn analysis(sheet: &SourceSheet, rows: &[(String, i64, f64)]) -> SourceAnalysis {
    analysis_at(sheet, rows, 25 * 60)
}

/// The same, so many minutes after midnight.
fn analysis_at(sheet: &SourceSheet, rows: &[(String, i64, f64)], now: i64) -> SourceAnalysis {
    let tz = TimeZone::get("Europe/Paris").unwrap();
    let day = period(PeriodKind::Day, Date::constant(2026, 10, 25), &tz);
    let mut bucketing = Bucketing::new(
        &sheet.id,
        &sheet.measures,
        &tz,
        SignedDuration::from_hours(24),
    );
    for (entity, minute, value) in rows {
        let at = day
            .start
            .saturating_add(SignedDuration::from_mins(*minute))
            .unwrap();
        let row = Row {
            entity: EntityId::new(entity).unwrap(),
            observed_at: at,
            published_at: None,
            revision: 0,
            point: None,
            name: None,
            values: vec![Some(*value)],
            attributes: BTreeMap::new(),
        };
        bucketing.add(&row.as_ref(), at);
    }
    let now = day.start + SignedDuration::from_mins(now);
    let mut analyser = SourceAnalyser::new(sheet, &day, &tz, now);
    for bucket in bucketing.finish() {
        analyser.add_summary(&bucket.summarise(sheet.rhythm));
    }
    analyser.finish(Freshness::default(), CaptureCount::default())
}

fn stations(count: usize, minute: i64, value: f64) -> Vec<(String, i64, f64)> {
    (0..count)
        .map(|station| (format!("{station:03}"), minute, value))
        .collect()
}

#[test]
fn a_sum_is_a_gap_where_too_few_entities_reported() {
    let mut rows = stations(20, 5, 2.0);
    rows.extend(stations(20, 65, 3.0));
    rows.extend(stations(10, 125, 3.0));
    let chart = analysis(&sheet(Across::Sum), &rows).chart.unwrap();
    // The day on which clocks go back has 25 hours.
    assert_eq!(chart.times.len(), 25);
    assert_eq!(
        chart.series[0].values[..4],
        [Some(40.0), Some(60.0), None, None]
    );
}

#[test]
fn the_headline_is_the_latest_of_every_entity() {
    let mut rows = stations(20, 5, 2.0);
    rows.push(("000".into(), 200, 7.0));
    let analysis = analysis(&sheet(Across::Sum), &rows);
    assert_eq!(analysis.headlines[0].value, Some(45.0));
    assert_eq!(
        (analysis.entity_count, analysis.entities[0].entity.as_str()),
        (20, "000")
    );
}

#[test]
fn what_comes_and_goes_is_counted_while_it_is_there() {
    // Ten aircraft each quarter of an hour, of which half are new.
    let mut sheet = sheet(Across::Sum);
    sheet.rhythm = Some(SignedDuration::from_mins(15));
    let rows: Vec<_> = (0..16)
        .flat_map(|quarter| {
            let seen = (5 * quarter)..(5 * quarter + 10);
            seen.map(move |aircraft| (format!("{aircraft:03}"), 15 * quarter, 1.0))
        })
        .collect();
    let analysis = analysis(&sheet, &rows);
    assert_eq!(analysis.entity_count, 85);
    assert_eq!(analysis.headlines[0].value, Some(10.0));
    let chart = analysis.chart.unwrap();
    // Those of four quarters: the first ten, and five more in each of the others.
    assert_eq!(chart.series[0].values[..4], [Some(25.0); 4]);
    assert_eq!(chart.series[0].values[4], None);
    // Of what is heard less than once an hour no hour knows most, whoever stays.
    sheet.rhythm = Some(SignedDuration::from_hours(3));
    let rows: Vec<_> = (0..24)
        .map(|hour| (format!("{:03}", hour % 3), 60 * hour, 1.0))
        .chain((3..12).map(|late| (format!("{late:03}"), 5, 1.0)))
        .collect();
    let analysis = super::tests::analysis(&sheet, &rows);
    assert_eq!(analysis.headlines[0].value, Some(12.0));
    let known = &analysis.chart.unwrap().series[0].values;
    assert_eq!(known.iter().flatten().count(), 1);
}

#[test]
fn of_a_forecast_the_hour_of_now_leads() {
    let forecast: Vec<_> = (2..25)
        .map(|hour| ("a".to_owned(), 60 * hour, hour as f64))
        .collect();
    let at = |minutes: i64| analysis_at(&sheet(Across::Mean), &forecast, minutes);
    let morning = at(9 * 60 + 30);
    assert_eq!(morning.headlines[0].value, Some(9.0));
    assert_eq!(morning.entities[0].figures.last, Some(9.0));
    // Its chart and the figures of the day go on to the end.
    assert_eq!(morning.entities[0].figures.max, Some(24.0));
    assert_eq!(morning.chart.unwrap().series[0].values[24], Some(24.0));
    // Before it begins, what comes first.
    assert_eq!(at(60).headlines[0].value, Some(2.0));
}

#[test]
fn figures_of_the_day_are_of_the_day_and_what_is_older_is_only_the_latest() {
    let mut daily = sheet(Across::Each);
    (daily.slow, daily.rhythm) = (true, Some(SignedDuration::from_hours(24)));
    let yesterday = vec![("a".to_owned(), -600, 5.0), ("b".to_owned(), -600, 1.0)];
    let mut rows = yesterday;
    rows.push(("b".into(), 60, 2.0));
    let analysis = analysis(&daily, &rows);
    let [a, b] = &analysis.entities[..] else {
        panic!("{:?}", analysis.entities)
    };
    assert_eq!(
        (a.figures.count, a.figures.max, a.figures.last),
        (0, None, Some(5.0))
    );
    assert_eq!(
        (b.figures.count, b.figures.min, b.figures.last),
        (1, Some(2.0), Some(2.0))
    );
    assert_eq!(analysis.headlines[0].value, Some(5.0));
    assert_eq!(analysis.chart.unwrap().times.len(), 30);
    assert_eq!(analysis.pace_seconds, 86_400);
}

#[test]
fn events_of_a_slow_source_have_a_day_of_hours() {
    let mut events = sheet(Across::Mean);
    (events.slow, events.events) = (true, true);
    let day = thursday();
    let tz = paris();
    assert_eq!(SourceAnalyser::data_start(&events, &day, &tz), day.start);
    assert_eq!(
        SourceAnalyser::new(&events, &day, &tz, day.end).steps.len(),
        24
    );
}

#[test]
fn a_ranking_begins_with_those_that_are_in_it_now() {
    let mut ranking = sheet(Across::Each);
    ranking.measures[0].kind = Kind::Rank;
    let mut rows: Vec<_> = (1..=10)
        .map(|rank| (format!("old-{rank}"), 5, f64::from(rank)))
        .collect();
    // An hour later the first has left, and a new one is on top.
    rows.push(("new".into(), 65, 1.0));
    rows.extend((2..=10).map(|rank| (format!("old-{rank}"), 65, f64::from(rank))));
    let analysis = analysis(&ranking, &rows);
    let names: Vec<&str> = analysis
        .entities
        .iter()
        .map(|e| e.entity.as_str())
        .collect();
    assert_eq!(names[..3], ["new", "old-2", "old-3"]);
    assert_eq!(names.last(), Some(&"old-1"));
    assert_eq!(analysis.headlines[0].entity.as_deref(), Some("new"));
    assert_eq!(analysis.headlines[0].value, Some(1.0));
    let chart = analysis.chart.unwrap();
    assert_eq!(
        (chart.series.len(), chart.across, chart.ranked),
        (8, None, true)
    );
}

#[test]
fn coverage_counts_the_hours_that_are_missing() {
    let rows: Vec<_> = (0..25)
        .map(|half_hour| ("a".to_owned(), half_hour * 30, 1.0))
        .collect();
    // 25 of 50 half hours.
    assert_eq!(analysis(&sheet(Across::Mean), &rows).coverage, Some(0.5));
}

#[test]
fn what_cannot_be_compared_is_shown_apart() {
    let mut sheet = sheet(Across::Each);
    sheet.leading = vec!["019".into(), "007".into()];
    let analysis = analysis(&sheet, &stations(20, 5, 1.5));
    let shown: Vec<_> = analysis
        .headlines
        .iter()
        .map(|h| h.entity.as_deref().unwrap())
        .collect();
    assert_eq!(shown, ["019", "007", "000", "001"]);
    assert_eq!(analysis.chart.unwrap().series[0].label.en, "019");
}

/// Summaries of the hours from `days` before the day to its end, each of one sample of every station.
fn past_and_present(
    sheet: &SourceSheet,
    days: i64,
    value: impl Fn(usize, Timestamp) -> Option<f64>,
) -> Vec<crate::bucket::BucketSummary> {
    let (tz, day) = (paris(), thursday());
    let start = day_start(day.date.saturating_sub(days.days()), &tz);
    let mut bucketing = Bucketing::new(
        &sheet.id,
        &sheet.measures,
        &tz,
        SignedDuration::from_hours(24),
    );
    for hour in hours_between(start, day.end, &tz) {
        for station in 0..10 {
            let Some(value) = value(station, hour) else {
                continue;
            };
            let row = Row {
                entity: EntityId::new(format!("{station:03}")).unwrap(),
                observed_at: hour,
                published_at: None,
                revision: 0,
                point: None,
                name: None,
                values: vec![Some(value)],
                attributes: BTreeMap::new(),
            };
            bucketing.add(&row.as_ref(), hour);
        }
    }
    let buckets = bucketing.finish();
    let summaries = buckets.iter().map(|bucket| bucket.summarise(sheet.rhythm));
    summaries.collect()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn thursday() -> Period {
    period(PeriodKind::Day, Date::constant(2026, 10, 15), &paris())
}

/// The analysis of Thursday 15 October 2026, with the days before that it asks for.
fn against_the_past(
    sheet: &SourceSheet,
    days: i64,
    now: Timestamp,
    value: impl Fn(usize, Timestamp) -> Option<f64>,
) -> SourceAnalysis {
    let (tz, day) = (paris(), thursday());
    let summaries = past_and_present(sheet, days, |station, hour| {
        (hour < now).then(|| value(station, hour)).flatten()
    });
    let ranges = history_ranges(sheet, &day, 10, &tz);
    let watched = day_start(day.date.saturating_sub(days.days()), &tz);
    let mut history = HistoryGatherer::new(sheet, &ranges, Some(watched), &tz);
    for summary in &summaries {
        let hour = summary.key.hour;
        if ranges.iter().any(|(from, to)| (*from..*to).contains(&hour)) {
            history.add_summary(summary);
        }
    }
    let mut before = DaysGatherer::new(sheet, &tz);
    for summary in summaries.iter().filter(|s| s.key.hour < day.start) {
        before.add_summary(summary);
    }
    let history = history.finish().with_days(Days {
        from: day.date.saturating_sub(days.days()),
        of_all: true,
        days: before.finish(day.start),
        ..Days::default()
    });
    let mut analyser = SourceAnalyser::new(sheet, &day, &tz, now);
    analyser.against(&history);
    for summary in summaries
        .iter()
        .filter(|summary| summary.key.hour >= day.start)
    {
        analyser.add_summary(summary);
    }
    analyser.finish(Freshness::default(), CaptureCount::default())
}

fn daily_course(station: usize, hour: Timestamp) -> f64 {
    let local = hour.to_zoned_datetime(paris()).hour();
    let seed = station as u64 * 1_000_003 + hour.as_second().unsigned_abs() / 3600;
    100.0 + 10.0 * f64::from(local) + 4.0 * noise(seed)
}

#[test]
fn what_is_unlike_eight_weeks_is_found_in_its_hours() {
    let day = thursday();
    let strike = |hour: Timestamp| {
        let hours = hour.duration_since(day.start).as_hours();
        (7..10).contains(&hours) && hour >= day.start
    };
    let analysis = against_the_past(&sheet(Across::Sum), 60, day.end, |station, hour| {
        Some(daily_course(station, hour) * if strike(hour) { 0.3 } else { 1.0 })
    });
    let findings = &analysis.findings;
    let anomalies = findings.anomalies.as_ref().unwrap();
    assert_eq!(anomalies.judged, 24);
    let found = &anomalies.found[0];
    assert_eq!((found.steps, found.above), (3, false));
    assert_eq!(found.from, day.start + SignedDuration::from_hours(7));
    assert_eq!(found.to, day.start + SignedDuration::from_hours(10));
    assert!(found.value < 600.0 && found.usual.low > 1600.0, "{found:?}");
    // The chart and the headline say what is usual at each hour.
    let chart = analysis.chart.as_ref().unwrap();
    let band = chart.usual[23].unwrap();
    assert!(
        (3280.0..3340.0).contains(&band.median) && band.low < band.high,
        "{band:?}"
    );
    assert_eq!(band.samples, 8);
    assert_eq!(analysis.headlines[0].usual, Some(band));
    assert!(findings.history.enough);
    // Against Wednesday: less, by three hours of the morning.
    let change = findings.change.as_ref().unwrap();
    assert_eq!((change.hours, change.ratio), (24, true));
    assert_eq!(change.before_date, Date::constant(2026, 10, 14));
    assert!(
        (0.85..0.95).contains(&(change.value / change.before)),
        "{change:?}"
    );
    // And lower than in all the weeks before.
    let record = findings.record.unwrap();
    assert_eq!((record.highest, record.of_all), (false, true));
    assert_eq!(record.since, Date::constant(2026, 8, 16));
    assert_eq!((record.days, record.days_passed), (60, 60));
}

#[test]
fn an_ordinary_day_is_compared_over_the_hours_that_have_passed_and_nothing_is_made_of_it() {
    let day = thursday();
    let noon = day.start + SignedDuration::from_mins(12 * 60 + 30);
    let analysis = against_the_past(&sheet(Across::Sum), 60, noon, |station, hour| {
        Some(daily_course(station, hour))
    });
    let findings = &analysis.findings;
    assert_eq!(findings.anomalies.as_ref().unwrap().found, []);
    // The hour under way is not judged, for it may still change.
    assert_eq!(findings.anomalies.as_ref().unwrap().judged, 12);
    let change = findings.change.as_ref().unwrap();
    assert_eq!((change.hours, change.hours_passed), (13, 13));
    assert!((0.99..1.01).contains(&(change.value / change.before)));
    assert_eq!((findings.trend, findings.record), (None, None));
    // What is usual is known of the hours to come as well.
    let chart = analysis.chart.as_ref().unwrap();
    assert!(chart.usual.iter().all(Option::is_some));
}

#[test]
fn with_three_days_of_history_nothing_is_called_usual() {
    let day = thursday();
    let analysis = against_the_past(&sheet(Across::Sum), 3, day.end, |station, hour| {
        Some(daily_course(station, hour))
    });
    let findings = &analysis.findings;
    assert_eq!((findings.history.days, findings.history.enough), (3, false));
    assert_eq!((findings.anomalies.clone(), findings.record), (None, None));
    assert_eq!(analysis.headlines[0].usual, None);
    assert_eq!(analysis.chart.as_ref().unwrap().usual, []);
    // Yesterday is enough to compare with.
    assert!(findings.change.is_some());
}

#[test]
fn hours_that_yesterday_lacks_are_not_compared_and_too_few_compare_nothing() {
    let day = thursday();
    let yesterday = |lost: i64| {
        let sheet = sheet(Across::Sum);
        against_the_past(&sheet, 3, day.end, move |station, hour| {
            let back = day.start.duration_since(hour).as_hours();
            let is_lost = hour < day.start && back <= lost;
            (!is_lost).then(|| daily_course(station, hour))
        })
    };
    let change = yesterday(10).findings.change.unwrap();
    assert_eq!((change.hours, change.hours_passed), (14, 24));
    assert!(
        (0.99..1.01).contains(&(change.value / change.before)),
        "{change:?}"
    );
    assert_eq!(yesterday(14).findings.change, None);
}

#[test]
fn a_rise_over_four_weeks_is_a_trend() {
    let day = thursday();
    let first = day_start(day.date.saturating_sub(27.days()), &paris());
    let analysis = against_the_past(&sheet(Across::Sum), 40, day.end, |station, hour| {
        let days = hour.duration_since(first).as_hours() as f64 / 24.0;
        Some(daily_course(station, hour) + 2.0 * days)
    });
    let trend = analysis.findings.trend.unwrap();
    assert_eq!((trend.days, trend.known), (28, 28));
    assert!((trend.per_day - 20.0).abs() < 0.5, "{trend:?}");
}

#[test]
fn prices_have_no_usual_level_but_are_compared_with_the_day_before() {
    let mut prices = sheet(Across::Each);
    prices.leading = vec!["003".into()];
    let analysis = against_the_past(&prices, 60, thursday().end, |station, hour| {
        Some(1.0 + station as f64 + if hour < thursday().start { 0.0 } else { 1.0 })
    });
    assert_eq!(analysis.headlines[0].usual, None);
    assert_eq!(analysis.findings.anomalies, None);
    let change = analysis.findings.change.unwrap();
    assert_eq!((change.value, change.before), (5.0, 4.0));
}

#[test]
fn what_a_source_says_every_three_hours_is_joined_and_what_it_omits_is_not() {
    let steps = |minutes: i64, by_day| {
        let step = SignedDuration::from_hours(if by_day { 24 } else { 1 });
        joined_steps(SignedDuration::from_mins(minutes), step)
    };
    assert_eq!(
        [10, 60, 90, 120, 180, 360].map(|minutes| steps(minutes, false)),
        [1, 1, 2, 3, 4, 7]
    );
    assert_eq!([180, 1440].map(|minutes| steps(minutes, true)), [1, 1]);
    // Of what is expected every so many hours, one that is missing is always farther apart than that.
    for minutes in 61..2000 {
        assert!(
            i64::from(steps(minutes, false)) * 60 < 2 * minutes,
            "{minutes}"
        );
    }
}

#[test]
fn where_no_rhythm_is_known_most_values_of_an_entity_tell_it() {
    let mut sheet = sheet(Across::Mean);
    sheet.rhythm = None;
    let every_six = |hours: &[i64]| {
        let rows: Vec<_> = hours
            .iter()
            .map(|hour| ("a".to_owned(), hour * 60, 1.0))
            .collect();
        analysis(&sheet, &rows).chart.unwrap().series[0].joined_steps
    };
    assert_eq!(every_six(&[2, 8, 14, 20]), 7);
    // One that is missing does not change it, and two values are no rhythm.
    assert_eq!(every_six(&[0, 6, 12, 24]), 7);
    assert_eq!(every_six(&[0, 12]), 1);
    assert_eq!(every_six(&[0, 1, 2, 3, 9]), 1);
    // Each entity has its own.
    let rows: Vec<_> = [("a", 3), ("b", 6)]
        .iter()
        .flat_map(|(id, every)| (0..4).map(move |n| ((*id).to_owned(), n * every * 60, 1.0)))
        .collect();
    let chart = analysis(&sheet, &rows).chart.unwrap();
    let joined: Vec<u32> = chart
        .series
        .iter()
        .map(|series| series.joined_steps)
        .collect();
    assert_eq!(joined, [4, 7]);
}

#[test]
fn ranges_of_history_are_ascending_apart_and_before_the_period() {
    let tz = paris();
    for (kind, entities) in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month]
        .into_iter()
        .flat_map(|kind| [(kind, 10), (kind, 1500)])
    {
        let of = period(kind, Date::constant(2026, 10, 15), &tz);
        let ranges = history_ranges(&sheet(Across::Sum), &of, entities, &tz);
        assert!(ranges.iter().all(|(from, to)| from < to));
        assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        assert_eq!(ranges.last().unwrap().1, of.start);
    }
    // Of the same weekday, eight days, whatever the number of entities.
    let day = thursday();
    for entities in [10, 1500] {
        let ranges = history_ranges(&sheet(Across::Sum), &day, entities, &tz);
        let holds = |week: i64| {
            let at = day_start(day.date.saturating_sub((7 * week).days()), &tz);
            ranges.iter().any(|(from, to)| (*from..*to).contains(&at))
        };
        assert!((1..=8).all(holds) && !holds(9));
    }
}
