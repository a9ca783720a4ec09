//! Charts, scaled: what is left to the template is to draw.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use vigie_core::{
    analysis::{Chart, ChartKind, Mark, Period, Series},
    measure::Across,
    text::Language,
};

use crate::{
    axis::{Tick, TimeAxis, ValueAxis, drawable},
    clean::clean,
    number::{axis_unit, quantity},
    words::Words,
};

/// A point of a chart: x to the right and y upwards, each a fraction of the frame, 0 to 1.
pub type Fractions = (f64, f64);

/// A chart, scaled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartView {
    /// How it is drawn: `"line"`, `"scatter"` or `"bars"`.
    pub kind: ChartKind,
    /// What it shows.
    pub title: String,
    /// The unit and how entities were combined; may be empty.
    pub subtitle: String,
    /// What it shows, for those who cannot see it.
    pub alternative: String,
    /// Ticks of the time axis; empty for bars.
    pub x_ticks: Vec<Tick>,
    /// Where the analysis was made on the time axis, if that is within it: nothing can be known after.
    pub now: Option<f64>,
    /// For `"line"` and `"scatter"`: a frame with its own value axis; one, or several where the
    /// series are of such different sizes that one axis would flatten most of them.
    pub panels: Vec<PanelView>,
    /// For `"bars"`.
    pub bars: Vec<BarView>,
    /// For `"bars"`: where the value zero stands, 0 to 1.
    pub zero: Option<f64>,
    /// For `"scatter"`: the mark of the greatest value, named.
    pub callout: Option<Callout>,
}

/// A frame of a chart against time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanelView {
    /// Ticks of the value axis.
    pub y_ticks: Vec<Tick>,
    /// Where the value zero stands on the value axis, if it is on it.
    pub zero: Option<f64>,
    /// For `"line"` of one series: the outlines of what is usual, to be drawn behind it; empty where that is not known.
    pub usual: Vec<Vec<Fractions>>,
    /// For `"line"`.
    pub lines: Vec<LineView>,
    /// For `"scatter"`.
    pub clouds: Vec<CloudView>,
}

/// A line, broken at gaps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineView {
    /// The name of the series.
    pub label: String,
    /// Its stretches without gap, each of one point or more. Between two stretches nothing is known.
    pub segments: Vec<Vec<Fractions>>,
}

/// The marks of a series of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CloudView {
    /// The name of the series.
    pub label: String,
    /// Its marks; those that would be drawn over one another are drawn once.
    pub points: Vec<Fractions>,
}

/// A horizontal bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BarView {
    /// The category.
    pub label: String,
    /// Where it starts, 0 to 1; nothing when there is no value.
    pub from: Option<f64>,
    /// Where it ends, 0 to 1, not less than `from`.
    pub to: Option<f64>,
    /// Its value in words.
    pub value: String,
}

/// A named mark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Callout {
    /// Where it stands.
    pub at: Fractions,
    /// Its name.
    pub label: String,
}

/// Scales `chart`; `None` when nothing of it can be drawn.
pub(crate) fn chart_view(
    chart: &Chart,
    period: &Period,
    tz: &TimeZone,
    now: Timestamp,
    language: Language,
) -> Option<ChartView> {
    let title = clean(chart.title.get(language), 120);
    let words = Words::of(language);
    let across = match chart.across {
        Some(Across::Mean) => Some(words.mean_of_all),
        Some(Across::Sum) => Some(words.sum_of_all),
        Some(Across::Each) | None => None,
    };
    let unit = clean(&axis_unit(&chart.unit, language), 40);
    let subtitle = [Some(unit.as_str()).filter(|unit| !unit.is_empty()), across]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ");
    let mut view = ChartView {
        kind: chart.kind,
        title,
        subtitle,
        alternative: String::new(),
        x_ticks: Vec::new(),
        now: None,
        panels: Vec::new(),
        bars: Vec::new(),
        zero: None,
        callout: None,
    };
    let time = TimeAxis::of(
        period,
        if chart.kind == ChartKind::Line {
            &chart.times
        } else {
            &[]
        },
        tz,
    );
    if chart.kind != ChartKind::Bars {
        view.x_ticks = time.ticks(language);
        view.now = time.at(now).filter(|&now| now < 1.0);
    }
    let extremes = match chart.kind {
        ChartKind::Line => {
            let drawn: Vec<&Series> = chart
                .series
                .iter()
                .filter(|series| finite(series).next().is_some())
                .collect();
            let groups = if chart.ranked {
                vec![drawn.clone()]
            } else {
                groups(&drawn)
            };
            view.panels = groups
                .iter()
                .filter_map(|group| line_panel(group, chart, &time, now, language))
                .collect();
            extremes(drawn.into_iter().flat_map(finite))
        }
        ChartKind::Scatter => {
            let marks = chart.series.iter().flat_map(|series| &series.marks);
            let within = marks.filter(|mark| time.at(mark.at).is_some());
            let axis = ValueAxis::around(within.clone().map(|mark| mark.value), false)?;
            view.panels = vec![PanelView {
                y_ticks: axis.ticks(language),
                zero: axis.zero(),
                usual: Vec::new(),
                lines: Vec::new(),
                clouds: chart
                    .series
                    .iter()
                    .map(|series| cloud(series, &time, &axis, language))
                    .collect(),
            }];
            view.callout = greatest(within.clone()).and_then(|mark| {
                let label = clean(&mark.label, 60);
                Some(Callout {
                    at: (time.at(mark.at)?, axis.at(mark.value)),
                    label,
                })
            });
            extremes(within.map(|mark| mark.value))
        }
        ChartKind::Bars => {
            let values = chart.series.iter().filter_map(value_of_bar);
            let axis = ValueAxis::around(values.clone(), true)?;
            view.zero = axis.zero();
            view.bars = chart
                .series
                .iter()
                .map(|series| bar(series, chart, &axis, language))
                .collect();
            extremes(values)
        }
    };
    let (least, greatest) = extremes?;
    view.alternative = words.chart_in_words(
        &view.title,
        &quantity(least, chart.decimals, &chart.unit, language),
        &quantity(greatest, chart.decimals, &chart.unit, language),
    );
    Some(view)
}

fn finite(series: &Series) -> impl Iterator<Item = f64> + Clone + '_ {
    series
        .values
        .iter()
        .copied()
        .flatten()
        .filter(|value| drawable(*value))
}

/// All series in one group, if one axis can show them; else each in its own: exchange rates of the
/// dollar and of the yen differ by a factor of a hundred.
fn groups<'a>(series: &[&'a Series]) -> Vec<Vec<&'a Series>> {
    const FACTOR_MAX: f64 = 12.0;
    let sizes = series
        .iter()
        .map(|series| finite(series).map(f64::abs).fold(0.0, f64::max));
    let (least, greatest) = extremes(sizes.filter(|size| *size > 0.0)).unwrap_or((1.0, 1.0));
    // Around zero (temperatures in winter) sizes say little: there, one axis serves.
    let same_side = series
        .iter()
        .all(|series| finite(series).all(|value| value > 0.0));
    if series.len() > 1 && same_side && greatest > FACTOR_MAX * least {
        series.iter().map(|series| vec![*series]).collect()
    } else {
        vec![series.to_vec()]
    }
}

fn line_panel(
    group: &[&Series],
    chart: &Chart,
    time: &TimeAxis<'_>,
    now: Timestamp,
    language: Language,
) -> Option<PanelView> {
    let bands = || {
        chart
            .usual
            .iter()
            .flatten()
            .filter(|_| chart.series.len() == 1)
    };
    let ends = bands().flat_map(|band| [band.low, band.high]);
    let axis = ValueAxis::around(group.iter().copied().flat_map(finite).chain(ends), false)?;
    let mut panel = PanelView {
        y_ticks: axis.ticks(language),
        zero: axis.zero(),
        usual: if bands().next().is_some() {
            outlines(chart, time, &axis)
        } else {
            Vec::new()
        },
        lines: group
            .iter()
            .map(|series| line(series, chart, time, &axis, now, language))
            .collect(),
        clouds: Vec::new(),
    };
    if chart.ranked {
        panel.turn();
    }
    Some(panel)
}

impl PanelView {
    /// Draws ranks: the first at the top, and no rank 0.
    fn turn(&mut self) {
        self.y_ticks.retain(|tick| tick.label != "0");
        for tick in &mut self.y_ticks {
            (tick.at, tick.label_at) = (turned(tick.at), turned(tick.label_at));
        }
        self.zero = None;
        let points = self.lines.iter_mut().flat_map(|line| &mut line.segments);
        for point in points.flatten() {
            point.1 = turned(point.1);
        }
    }
}

fn turned(fraction: f64) -> f64 {
    crate::axis::rounded(1.0 - fraction)
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| drawable(*value))
        .map(|value| (value, value))
        .reduce(|(least, greatest), (value, _)| (least.min(value), greatest.max(value)))
}

/// The starts and ends of a chart's steps.
fn steps<'a>(
    chart: &'a Chart,
    time: &'a TimeAxis<'_>,
) -> impl Iterator<Item = (&'a Timestamp, &'a Timestamp)> {
    let ends = chart.times.iter().skip(1).chain(std::iter::once(&time.end));
    chart.times.iter().zip(ends)
}

/// What is usual as closed outlines: along the high ends, and back along the low ones. Of hours to come as well.
fn outlines(chart: &Chart, time: &TimeAxis<'_>, axis: &ValueAxis) -> Vec<Vec<Fractions>> {
    let joined = chart.series.first().map_or(1, |series| series.joined_steps);
    let joined = joined.max(1) as usize;
    let mut stretches: Vec<Vec<(f64, f64, f64)>> = Vec::new();
    let mut last: Option<usize> = None;
    for (index, ((from, to), band)) in steps(chart, time).zip(&chart.usual).enumerate() {
        let drawn = band.filter(|band| drawable(band.low) && drawable(band.high));
        let place = || Some(f64::midpoint(time.at(*from)?, time.at(*to)?));
        let (Some(band), Some(x)) = (drawn, place()) else {
            continue;
        };
        let point = (
            crate::axis::rounded(x),
            axis.at(band.low),
            axis.at(band.high),
        );
        let follows = last.is_some_and(|last| index - last <= joined);
        match stretches.last_mut() {
            Some(stretch) if follows => stretch.push(point),
            _ => stretches.push(vec![point]),
        }
        last = Some(index);
    }
    stretches
        .into_iter()
        .filter(|stretch| stretch.len() > 1)
        .map(|stretch| {
            let high = stretch.iter().map(|(x, _, high)| (*x, *high));
            let low = stretch.iter().rev().map(|(x, low, _)| (*x, *low));
            high.chain(low).collect()
        })
        .collect()
}

/// A value stands for its whole hour or day, as far as it has passed, so its point is in the middle of that. Values that are
/// no farther apart than the source's own rhythm are joined.
fn line(
    series: &Series,
    chart: &Chart,
    time: &TimeAxis<'_>,
    axis: &ValueAxis,
    now: Timestamp,
    language: Language,
) -> LineView {
    let joined = series.joined_steps.max(1) as usize;
    let mut segments: Vec<Vec<Fractions>> = Vec::new();
    let mut last: Option<usize> = None;
    for (index, ((from, to), value)) in steps(chart, time).zip(&series.values).enumerate() {
        let place = || {
            Some(f64::midpoint(
                time.at(*from)?,
                time.at((*to).min(now.max(*from)))?,
            ))
        };
        let (Some(value), Some(x)) = (value.filter(|value| drawable(*value)), place()) else {
            continue;
        };
        let point = (crate::axis::rounded(x), axis.at(value));
        let follows = last.is_some_and(|last| index - last <= joined);
        match segments.last_mut() {
            Some(segment) if follows => segment.push(point),
            _ => segments.push(vec![point]),
        }
        last = Some(index);
    }
    LineView {
        label: clean(series.label.get(language), 60),
        segments,
    }
}

/// Marks are drawn on a lattice of 1000 by 400, finer than a mark, so that ten thousand of them cost little.
fn cloud(series: &Series, time: &TimeAxis<'_>, axis: &ValueAxis, language: Language) -> CloudView {
    let mut points: Vec<Fractions> = series
        .marks
        .iter()
        .filter(|mark| drawable(mark.value))
        .filter_map(|mark| Some((time.at(mark.at)?, axis.at(mark.value))))
        .map(|(x, y)| ((x * 1000.0).round() / 1000.0, (y * 400.0).round() / 400.0))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points.dedup();
    CloudView {
        label: clean(series.label.get(language), 60),
        points,
    }
}

fn greatest<'a>(marks: impl Iterator<Item = &'a Mark>) -> Option<&'a Mark> {
    marks
        .filter(|mark| drawable(mark.value))
        .max_by(|a, b| a.value.total_cmp(&b.value))
}

fn value_of_bar(series: &Series) -> Option<f64> {
    series
        .values
        .first()
        .copied()
        .flatten()
        .filter(|value| drawable(*value))
}

fn bar(series: &Series, chart: &Chart, axis: &ValueAxis, language: Language) -> BarView {
    let label = clean(series.label.get(language), 60);
    let Some(value) = value_of_bar(series) else {
        return BarView {
            label,
            from: None,
            to: None,
            value: Words::of(language).no_value.into(),
        };
    };
    let (zero, end) = (axis.at(0.0), axis.at(value));
    BarView {
        label,
        from: Some(zero.min(end)),
        to: Some(zero.max(end)),
        value: clean(&quantity(value, chart.decimals, &chart.unit, language), 60),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};
    use vigie_core::{analysis::PeriodKind, text::Text};

    use super::*;

    fn day() -> Period {
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let end = start.checked_add(24.hours()).unwrap();
        Period {
            kind: PeriodKind::Day,
            date: date(2026, 11, 23),
            start,
            end,
        }
    }

    fn chart(kind: ChartKind, series: Vec<Series>) -> Chart {
        let times = (0..24)
            .map(|hour| day().start.checked_add(hour.hours()).unwrap())
            .collect();
        Chart {
            kind,
            ranked: false,
            title: Text::same("Chart"),
            unit: "Cel".into(),
            decimals: 1,
            across: None,
            usual: Vec::new(),
            times,
            series,
        }
    }

    fn view(chart: &Chart) -> Option<ChartView> {
        let now = "2026-11-23T18:00:00Z".parse().unwrap();
        chart_view(chart, &day(), &TimeZone::UTC, now, Language::En)
    }

    fn series(values: Vec<Option<f64>>) -> Series {
        Series {
            label: Text::same("S"),
            values,
            joined_steps: 1,
            marks: Vec::new(),
            marks_left_out: 0,
        }
    }

    #[test]
    fn a_gap_breaks_the_line_and_is_no_zero() {
        let values = vec![
            Some(10.0),
            Some(11.0),
            None,
            Some(f64::NAN),
            Some(12.0),
            None,
            Some(14.0),
        ];
        let view = view(&chart(ChartKind::Line, vec![series(values)])).unwrap();
        let lengths: Vec<usize> = view.panels[0].lines[0]
            .segments
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(lengths, [2, 1, 1]);
        let first = view.panels[0].lines[0].segments[0][0].0;
        assert!(
            (first - 0.5 / 24.0).abs() < 2e-4,
            "in the middle of the first hour"
        );
        let least = view.panels[0].lines[0]
            .segments
            .iter()
            .flatten()
            .map(|point| point.1)
            .fold(1.0, f64::min);
        assert_eq!(
            least.to_bits(),
            0.0_f64.to_bits(),
            "10 °C is the low end of the axis, not zero"
        );
        assert_eq!(view.panels[0].y_ticks[0].label, "10");
        assert_eq!(view.now, Some(0.75));
        assert_eq!(
            view.alternative,
            "Chart: from 10.0\u{202F}°C to 14.0\u{202F}°C."
        );
    }

    #[test]
    fn values_of_a_slow_rhythm_are_joined_and_one_that_is_missing_breaks_the_line() {
        let mut values = vec![None; 24];
        for hour in [0, 3, 6, 12, 15] {
            values[hour] = Some(10.0);
        }
        let mut chart = chart(ChartKind::Line, vec![series(values)]);
        let lengths = |chart: &Chart| -> Vec<usize> {
            let view = view(chart).unwrap();
            let segments = view.panels[0].lines[0].segments.iter();
            segments.map(Vec::len).collect()
        };
        assert_eq!(lengths(&chart), [1; 5]);
        chart.series[0].joined_steps = 4;
        assert_eq!(lengths(&chart), [3, 2]);
    }

    #[test]
    fn what_is_usual_lies_behind_the_line_and_within_the_axis() {
        let mut chart = chart(ChartKind::Line, vec![series(vec![Some(10.0); 24])]);
        let band = vigie_core::analysis::Band {
            low: 5.0,
            median: 12.0,
            high: 30.0,
            samples: 8,
            basis: vigie_core::analysis::Basis::HourOfWeek,
        };
        chart.usual = vec![Some(band); 24];
        chart.usual[10] = None;
        let view = view(&chart).unwrap();
        let outlines = &view.panels[0].usual;
        assert_eq!(outlines.iter().map(Vec::len).collect::<Vec<_>>(), [20, 26]);
        let (high, low) = (outlines[0][0], outlines[0][19]);
        assert!(
            high.1 > low.1 && (high.0 - low.0).abs() < 1e-9,
            "{high:?} {low:?}"
        );
        assert!(view.panels[0].y_ticks.iter().any(|tick| tick.label == "30"));
    }

    #[test]
    fn series_of_unlike_sizes_have_an_axis_each() {
        let (dollar, yen) = (series(vec![Some(1.08); 3]), series(vec![Some(163.0); 3]));
        let apart = view(&chart(ChartKind::Line, vec![dollar.clone(), yen])).unwrap();
        assert_eq!(apart.panels.len(), 2);
        let together = view(&chart(ChartKind::Line, vec![dollar.clone(), dollar])).unwrap();
        assert_eq!(
            (together.panels.len(), together.panels[0].lines.len()),
            (1, 2)
        );
    }

    #[test]
    fn days_before_the_period_are_on_the_axis_too() {
        let mut chart = chart(ChartKind::Line, vec![series(vec![Some(1.0); 30])]);
        chart.times = (0..30)
            .map(|day_| day().end.checked_sub((24 * (30 - day_)).hours()).unwrap())
            .collect();
        let view = view(&chart).unwrap();
        assert_eq!(view.panels[0].lines[0].segments[0].len(), 30);
        assert_eq!(view.x_ticks[0].label, "26\u{A0}Oct");
    }

    #[test]
    fn a_chart_of_nothing_is_no_chart() {
        assert_eq!(
            view(&chart(ChartKind::Line, vec![series(vec![None; 24])])),
            None
        );
        assert_eq!(
            view(&chart(ChartKind::Scatter, vec![series(Vec::new())])),
            None
        );
        assert_eq!(view(&chart(ChartKind::Bars, Vec::new())), None);
    }

    #[test]
    fn ranks_have_the_first_at_the_top_of_one_frame_without_a_zero() {
        let of = |rank: f64| series(vec![Some(rank); 24]);
        let mut ranking = chart(ChartKind::Line, vec![of(1.0), of(20.0)]);
        ranking.ranked = true;
        let view = view(&ranking).unwrap();
        assert_eq!(view.panels.len(), 1);
        let panel = &view.panels[0];
        let height = |line: usize| panel.lines[line].segments[0][0].1;
        assert!(height(0) > 0.9 && height(1) < 0.1, "{panel:?}");
        assert!(panel.zero.is_none() && panel.y_ticks.iter().all(|tick| tick.label != "0"));
        assert!(panel.y_ticks.len() > 1);
    }

    #[test]
    fn bars_start_at_zero_and_may_be_absent() {
        let all = vec![
            series(vec![Some(-5.0)]),
            series(vec![Some(10.0)]),
            series(vec![None]),
        ];
        let view = view(&chart(ChartKind::Bars, all)).unwrap();
        let spans: Vec<_> = view.bars.iter().map(|bar| bar.from.zip(bar.to)).collect();
        assert_eq!(spans, [Some((0.0, 0.3333)), Some((0.3333, 1.0)), None]);
        assert_eq!(view.bars[2].value, "no data");
    }

    #[test]
    fn marks_of_other_days_are_left_out_and_the_greatest_is_named() {
        let mark = |at: &str, value: f64| Mark {
            at: at.parse().unwrap(),
            value,
            label: at.into(),
        };
        let marks = vec![
            mark("2026-11-22T12:00:00Z", 9.0),
            mark("2026-11-23T06:00:00Z", 4.0),
            mark("2026-11-23T12:00:00Z", 6.0),
            mark("2026-11-23T12:00:01Z", 6.0),
        ];
        let series = Series {
            label: Text::same("M"),
            values: Vec::new(),
            joined_steps: 1,
            marks,
            marks_left_out: 0,
        };
        let view = view(&chart(ChartKind::Scatter, vec![series])).unwrap();
        assert_eq!(view.panels[0].clouds[0].points.len(), 2);
        assert_eq!(view.callout.unwrap().at, (0.5, 1.0));
    }
}
