//! Axes: from values and instants to fractions of a frame, with ticks that people can read.

use jiff::{
    Timestamp,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::Serialize;
use vigie_core::{analysis::Period, text::Language};

use crate::{number, time};

/// A tick of an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tick {
    /// Where its line stands, 0 to 1.
    pub at: f64,
    /// Where its label is centred, 0 to 1.
    pub label_at: f64,
    /// Its label.
    pub label: String,
}

/// Four decimals are a twentieth of a millimetre on paper; more would only swell the file.
pub(crate) fn rounded(fraction: f64) -> f64 {
    (fraction * 10_000.0).round() / 10_000.0
}

/// Whether a value can be drawn: it is a number, and far from where sums overflow.
pub(crate) fn drawable(value: f64) -> bool {
    value.abs() < 1e290
}

/// A scale of values between two round numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ValueAxis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    step: f64,
}

impl ValueAxis {
    /// An axis that holds all the finite `values`; `None` if there are none. Zero is included where
    /// it is near or where `from_zero` says so.
    pub(crate) fn around(values: impl IntoIterator<Item = f64>, from_zero: bool) -> Option<Self> {
        let finite = values.into_iter().filter(|value| drawable(*value));
        let (mut low, mut high) = finite
            .map(|value| (value, value))
            .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))?;
        if from_zero || (low > 0.0 && low < 0.4 * high) {
            low = low.min(0.0);
        }
        if from_zero || (high < 0.0 && high > 0.4 * low) {
            high = high.max(0.0);
        }
        let spread = high - low;
        if spread <= f64::EPSILON * 8.0 * low.abs().max(high.abs()) {
            let margin = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
            low -= if low == 0.0 { 0.0 } else { margin };
            high += margin;
        }
        let step = round_step((high - low) / 4.0);
        Some(Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
        })
    }

    /// Where `value` stands, 0 to 1.
    pub(crate) fn at(&self, value: f64) -> f64 {
        rounded(((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }

    /// Where zero stands, if it is on the axis.
    pub(crate) fn zero(&self) -> Option<f64> {
        (self.low..=self.high).contains(&0.0).then(|| self.at(0.0))
    }

    /// The round values of the axis.
    pub(crate) fn values(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step)
            .round()
            .clamp(1.0, 12.0) as u32;
        (0..=count)
            .map(|index| self.low + self.step * f64::from(index))
            .collect()
    }

    /// The digits after the decimal point that tell its ticks apart.
    pub(crate) fn decimals(&self) -> u8 {
        (0..9_u8)
            .find(|&decimals| {
                let scaled = self.step * 10_f64.powi(i32::from(decimals));
                (scaled - scaled.round()).abs() < 1e-6 * scaled
            })
            .unwrap_or(9)
    }

    pub(crate) fn ticks(&self, language: Language) -> Vec<Tick> {
        let decimals = self.decimals();
        self.values()
            .into_iter()
            .map(|value| Tick {
                at: self.at(value),
                label_at: self.at(value),
                label: number::number(value, decimals, language),
            })
            .collect()
    }
}

/// The least of 1, 2, 2.5, 5 times a power of ten that is not less than `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(power * 10.0)
}

/// The time of a chart, from its first to its last instant.
pub(crate) struct TimeAxis<'a> {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) tz: &'a TimeZone,
}

impl<'a> TimeAxis<'a> {
    /// An axis of the whole period, and of what a chart shows before it.
    pub(crate) fn of(period: &Period, times: &[Timestamp], tz: &'a TimeZone) -> Self {
        let start = times
            .iter()
            .min()
            .map_or(period.start, |first| period.start.min(*first));
        Self {
            start,
            end: period.end,
            tz,
        }
    }

    /// Where `at` stands, 0 to 1; `None` outside the axis.
    pub(crate) fn at(&self, at: Timestamp) -> Option<f64> {
        let (start, end) = (self.start.as_millisecond(), self.end.as_millisecond());
        let whole = (end - start) as f64;
        let part = (at.as_millisecond() - start) as f64;
        (whole > 0.0 && (0.0..=whole).contains(&part)).then(|| rounded(part / whole))
    }

    /// Every third hour of a day, every day of a week, every Monday of more: local time.
    pub(crate) fn ticks(&self, language: Language) -> Vec<Tick> {
        const DAYS_MAX: usize = 400;
        let local = |at: Timestamp| at.to_zoned_datetime(self.tz.clone()).date();
        let dates: Vec<Date> =
            std::iter::successors(Some(local(self.start)), |date| date.tomorrow().ok())
                .take_while(|date| *date <= local(self.end))
                .take(DAYS_MAX)
                .collect();
        // The last date only begins where the axis ends.
        match dates.len() {
            0..=2 => self.hours(&dates),
            3..=11 => dates
                .iter()
                .filter_map(|date| self.day(*date, time::day_short(*date, language)))
                .collect(),
            _ => dates
                .iter()
                .filter(|date| date.weekday() == Weekday::Monday)
                .filter_map(|date| self.day(*date, time::day_and_month(*date, language)))
                .collect(),
        }
    }

    fn hours(&self, dates: &[Date]) -> Vec<Tick> {
        let hours = dates
            .iter()
            .flat_map(|date| (0_i8..24).step_by(3).map(|hour| (*date, hour)));
        let mut ticks: Vec<Tick> = hours
            .filter_map(|(date, hour)| {
                let instant = self.tz.to_timestamp(date.at(hour, 0, 0, 0)).ok()?;
                let at = self.at(instant)?;
                Some(Tick {
                    at,
                    label_at: at,
                    label: format!("{hour:02}:00"),
                })
            })
            .collect();
        if let Some(last) = ticks
            .last_mut()
            .filter(|last| last.label == "00:00" && last.at > 0.0)
        {
            "24:00".clone_into(&mut last.label);
        }
        ticks
    }

    fn day(&self, date: Date, label: String) -> Option<Tick> {
        let instant = |hour| self.tz.to_timestamp(date.at(hour, 0, 0, 0)).ok();
        Some(Tick {
            at: self.at(instant(0)?)?,
            label_at: self.at(instant(12)?)?,
            label,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        let axis = ValueAxis::around(values.iter().copied(), false).unwrap();
        axis.ticks(Language::En)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        assert_eq!(labels(&[0.0, 97.0]), ["0", "25", "50", "75", "100"]);
        assert_eq!(labels(&[-3.2, 8.1]), ["−5", "0", "5", "10"]);
        assert_eq!(
            labels(&[42_000.0, 61_000.0]),
            ["40,000", "45,000", "50,000", "55,000", "60,000", "65,000"]
        );
        assert_eq!(
            labels(&[1.08, 1.09]),
            ["1.0800", "1.0825", "1.0850", "1.0875", "1.0900"]
        );
        assert_eq!(labels(&[0.0]), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert!(ValueAxis::around([f64::NAN, f64::MAX, f64::NEG_INFINITY], false).is_none());
        for value in [5e-320, 1e280, -7.0] {
            let axis = ValueAxis::around([value], true).unwrap();
            assert!(axis.values().len() < 14);
        }
    }

    fn ticks(first: Date, last: Date) -> Vec<(String, f64)> {
        let tz = TimeZone::get("Europe/Paris").unwrap();
        let midnight = |date: Date| date.to_zoned_datetime(tz.clone()).unwrap().timestamp();
        let axis = TimeAxis {
            start: midnight(first),
            end: midnight(last),
            tz: &tz,
        };
        axis.ticks(Language::Fr)
            .into_iter()
            .map(|tick| (tick.label, tick.at))
            .collect()
    }

    #[test]
    fn a_day_of_25_hours_is_drawn_with_25_hours() {
        let ticks = ticks(date(2026, 10, 25), date(2026, 10, 26));
        assert_eq!(ticks.len(), 9);
        assert_eq!(ticks[0], ("00:00".to_owned(), 0.0));
        assert_eq!(ticks[1], ("03:00".to_owned(), 0.16));
        assert_eq!(ticks[8], ("24:00".to_owned(), 1.0));
    }

    #[test]
    fn weeks_have_days_and_months_have_mondays() {
        let week = ticks(date(2026, 11, 23), date(2026, 11, 30));
        assert_eq!(week.len(), 7);
        assert_eq!(week[6].0, "dim.\u{A0}29");
        let labels: Vec<String> = ticks(date(2026, 10, 25), date(2026, 11, 24))
            .into_iter()
            .map(|tick| tick.0)
            .collect();
        let expected = [
            "26\u{A0}oct.",
            "2\u{A0}nov.",
            "9\u{A0}nov.",
            "16\u{A0}nov.",
            "23\u{A0}nov.",
        ];
        assert_eq!(labels, expected);
    }
}
