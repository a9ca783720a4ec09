//! Hours merged into days, weeks and months say what all samples together say, on the days of daylight saving too.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use proptest::prelude::*;
use vigie_core::{
    analyse::{SourceAnalyser, SourceSheet},
    analysis::{CaptureCount, Credit, Freshness, PeriodKind},
    bucket::BucketSummary,
    sketch::{DISTINCT_MAX, RELATIVE_ERROR},
    stats::{Figures, Stats},
    text::Text,
    time::period,
};

use crate::{
    hours::ZONES,
    rows::{Said, Source, Stored},
};

/// Days with a change of the clocks in one of the zones, and without.
const DATES: [Date; 8] = [
    Date::constant(2026, 3, 29),
    Date::constant(2026, 10, 25),
    Date::constant(2026, 4, 5),
    Date::constant(2026, 10, 4),
    Date::constant(2026, 3, 8),
    Date::constant(2026, 11, 1),
    Date::constant(2028, 2, 29),
    Date::constant(2026, 12, 31),
];

/// Many samples around a date, so that sketches become binned too: how far from its start in seconds, the value, the revision.
fn samples() -> impl Strategy<Value = Vec<(i64, f64, i64)>> {
    let days = 86_400_i64;
    let value = prop_oneof![
        3 => (-100_000_i32..100_000).prop_map(|hundredths| f64::from(hundredths) / 100.0),
        1 => (0_i32..20).prop_map(f64::from),
    ];
    prop::collection::vec((-4 * days..4 * days, value, 0_i64..2), 1..400)
}

/// The last of the samples of each time, read as plainly as can be.
fn plainly(said: &[Said], from: Timestamp, to: Timestamp) -> Vec<f64> {
    let mut latest: BTreeMap<i64, &Said> = BTreeMap::new();
    for said in said {
        if (from.as_second()..to.as_second()).contains(&said.at) {
            let known = latest.entry(said.at).or_insert(said);
            let rank = |said: &Said| (said.revision, said.fetched_at);
            if rank(said) > rank(known) {
                *known = said;
            }
        }
    }
    latest.values().filter_map(|said| said.values[0]).collect()
}

/// The sum in whole numbers of 2^-60, rounded once. Exact for what [`samples`] makes.
fn exact_sum(values: &[f64]) -> f64 {
    let unit = 2.0_f64.powi(60);
    let sum: i128 = values.iter().map(|value| (value * unit) as i128).sum();
    sum as f64 / unit
}

fn quantile_fits(values: &[f64], q: f64, got: f64) -> bool {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    let rank = q * (sorted.len() - 1) as f64;
    let (low, fraction) = (rank.floor() as usize, rank.fract());
    let (below, above) = (sorted[low], sorted[(low + 1).min(sorted.len() - 1)]);
    let exact = below + (above - below) * fraction;
    let error = if distinct.len() <= DISTINCT_MAX {
        0.0
    } else {
        RELATIVE_ERROR * (below.abs() * (1.0 - fraction) + above.abs() * fraction)
    };
    (got - exact).abs() <= error + 1e-9
}

fn check(values: &[f64], figures: &Figures) -> Result<(), TestCaseError> {
    prop_assert_eq!(figures.count, values.len() as u64);
    let bits = |value: f64| Some((value + 0.0).to_bits());
    let got = |value: Option<f64>| value.map(|value| (value + 0.0).to_bits());
    prop_assert_eq!(
        got(figures.min),
        bits(values.iter().copied().fold(f64::INFINITY, f64::min))
    );
    prop_assert_eq!(
        got(figures.max),
        bits(values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    );
    prop_assert_eq!(got(figures.sum), bits(exact_sum(values)));
    prop_assert_eq!(
        got(figures.mean),
        bits(exact_sum(values) / values.len() as f64)
    );
    prop_assert_eq!(got(figures.first), bits(values[0]));
    prop_assert_eq!(got(figures.last), bits(values[values.len() - 1]));
    for (q, got) in [(0.5, figures.p50), (0.95, figures.p95)] {
        let got = got.unwrap();
        prop_assert!(
            quantile_fits(values, q, got),
            "quantile {q}: {got} of {values:?}"
        );
    }
    Ok(())
}

fn sheet(source: &Source) -> SourceSheet {
    SourceSheet {
        id: source.id.clone(),
        domain: "weather".into(),
        title: Text::same("t"),
        credit: Credit {
            attribution: "a".into(),
            licence: "CC0-1.0".into(),
            url: "https://example.org".into(),
        },
        measures: source.measures[..1].to_vec(),
        events: false,
        mix: None,
        track: None,
        leading: Vec::new(),
        rhythm: None,
        every: SignedDuration::from_mins(30),
        slow: false,
    }
}

proptest! {
    #[test]
    fn days_weeks_and_months_equal_the_direct_computation(
        zone in prop::sample::select(ZONES.to_vec()), date in prop::sample::select(DATES.to_vec()), samples in samples(),
        sealed in any::<bool>(), shuffle in any::<prop::sample::Index>(),
    ) {
        let tz = TimeZone::get(zone).unwrap();
        let source = Source::in_zone(tz.clone(), SignedDuration::from_hours(24 * 30));
        let noon = tz.to_timestamp(date.at(12, 0, 0, 0)).unwrap().as_second();
        let said: Vec<Said> = (0..).zip(&samples).map(|(number, &(off, value, revision))| Said {
            entity: 0,
            at: noon + off,
            revision,
            values: [Some(value), None],
            name: None,
            lon: None,
            fetched_at: noon + off + 60 + number,
        }).collect();
        let mut stored = Stored::default();
        for portion in said.chunks(50) {
            stored.merge(&source.buckets(portion));
        }
        if sealed {
            stored.0.values_mut().for_each(|bucket| bucket.seal(0));
        }
        // Whatever the order in which the hours come.
        let mut hours: Vec<BucketSummary> = stored.0.values().map(|bucket| bucket.summarise(None)).collect();
        let middle = shuffle.index(hours.len());
        hours.rotate_left(middle);
        let sheet = sheet(&source);
        let measure = &source.measures[0];
        for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
            let of = period(kind, date, &tz);
            let values = plainly(&said, of.start, of.end);
            let mut analyser = SourceAnalyser::new(&sheet, &of, &tz, of.end);
            for hour in &hours {
                analyser.add_summary(hour);
            }
            let analysis = analyser.finish(Freshness::default(), CaptureCount::default());
            prop_assert_eq!(analysis.entities.len(), usize::from(!values.is_empty()));
            if let Some(line) = analysis.entities.first() {
                check(&values, &line.figures)?;
            }
            // Its steps: hours of a day, days of the others.
            let Some(chart) = analysis.chart else { continue };
            let mut ends = chart.times[1..].to_vec();
            ends.push(of.end);
            for ((start, end), mean) in chart.times.iter().zip(ends).zip(&chart.series[0].values) {
                let values = plainly(&said, *start, end);
                let expected = (!values.is_empty()).then(|| exact_sum(&values) / values.len() as f64);
                prop_assert_eq!(mean.map(|m| (m + 0.0).to_bits()), expected.map(|m| (m + 0.0).to_bits()));
            }
        }
        // Hours into days, and days into the month, as a longer period would be merged.
        let month = period(PeriodKind::Month, date, &tz);
        let (mut of_month, mut day) = (Stats::default(), month.date);
        while period(PeriodKind::Day, day, &tz).start < month.end {
            let of_day = period(PeriodKind::Day, day, &tz);
            let mut stats = Stats::default();
            for hour in &hours {
                if (of_day.start..of_day.end).contains(&hour.key.hour) {
                    stats.merge(&hour.measures[&measure.id].stats);
                }
            }
            of_month.merge(&stats);
            day = day.saturating_add(1.day());
        }
        let values = plainly(&said, month.start, month.end);
        if !values.is_empty() {
            check(&values, &of_month.publish(measure.kind))?;
        }
    }

    #[test]
    fn directions_have_the_mean_of_all_samples(degrees in prop::collection::vec((-14_400_i64..14_400, 0_i32..3600), 1..60)) {
        let source = Source::in_zone(TimeZone::UTC, SignedDuration::from_hours(1));
        let said: BTreeMap<i64, Said> = degrees.iter().map(|&(off, tenths)| {
            let at = 1_795_000_000 + off;
            (at, Said {
                entity: 0, at, revision: 0, values: [None, Some(f64::from(tenths) / 10.0)], name: None, lon: None,
                fetched_at: at,
            })
        }).collect();
        let mut stats = Stats::default();
        for bucket in source.buckets(said.values()) {
            stats.merge(&bucket.summarise(None).measures[&source.measures[1].id].stats);
        }
        let radians: Vec<f64> = said.values().filter_map(|said| said.values[1]).map(f64::to_radians).collect();
        let (x, y) = (radians.iter().map(|r| r.cos()).sum::<f64>(), radians.iter().map(|r| r.sin()).sum::<f64>());
        let figures = stats.publish(source.measures[1].kind);
        prop_assert_eq!(figures.count, said.len() as u64);
        prop_assert_eq!((figures.min, figures.max, figures.sum, figures.p50), (None, None, None, None));
        // Directions that nearly cancel out have no mean that could be compared.
        if x.hypot(y) > 1e-6 * said.len() as f64 {
            let off = (figures.mean.unwrap().to_radians() - y.atan2(x)).sin().abs();
            prop_assert!(off < 1e-9, "{off}");
            prop_assert!((0.0..360.0).contains(&figures.mean.unwrap()));
        }
    }
}
