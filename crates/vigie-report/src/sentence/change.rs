//! The words of changes and trends.

use vigie_core::{
    analyse::sentence::Scale,
    analysis::{Change, PeriodKind, Trend},
};

use super::{Speaker, capitalised};
use crate::number::count;

impl Speaker<'_> {
    /// `+3 %`, `−1.2 °C`, `=`: a change in few letters.
    pub(crate) fn change_short(&self, change: &Change, scale: &Scale) -> String {
        let difference = change.value - change.before;
        let signed = |text: String| {
            if difference > 0.0 {
                format!("+{text}")
            } else {
                format!("−{text}")
            }
        };
        if change.ratio && change.before > 0.0 {
            let percentage = (change.value / change.before - 1.0).abs() * 100.0;
            if percentage < 0.5 {
                return "=".to_owned();
            }
            let figure = self.number(percentage, u8::from(percentage < 9.95));
            return signed(if self.is_french() {
                format!("{figure}\u{202F}%")
            } else {
                format!("{figure}%")
            });
        }
        if difference.abs() < 10_f64.powi(-i32::from(scale.decimals)) / 2.0 {
            return "=".to_owned();
        }
        signed(self.quantity(difference.abs(), scale))
    }

    pub(super) fn compared(&self, change: &Change, scale: &Scale, counts: bool) -> String {
        let before = match (self.period.kind, self.is_french()) {
            (PeriodKind::Day, true) => "la veille",
            (PeriodKind::Day, false) => "the day before",
            (PeriodKind::Week, true) => "la semaine précédente",
            (PeriodKind::Week, false) => "the week before",
            (PeriodKind::Month, true) => "le mois précédent",
            (PeriodKind::Month, false) => "the month before",
        };
        let at_hours = if self.under_way() {
            self.pick(" aux mêmes heures", " at the same hours")
        } else {
            ""
        };
        if counts {
            let figure = self.number(change.before, 0);
            let by = if self.under_way() {
                self.pick(" à la même heure", " by the same time")
            } else {
                ""
            };
            return format!("{}{by}{}{figure}.", capitalised(before), self.colon());
        }
        let missing = change.hours < change.hours_passed;
        let note = if missing {
            let unit_words = match (self.daily, self.is_french()) {
                (true, true) => "jours comparés",
                (true, false) => "days compared",
                (false, true) => "heures comparées",
                (false, false) => "hours compared",
            };
            let (known, all) = (
                count(u64::from(change.hours), self.language),
                count(u64::from(change.hours_passed), self.language),
            );
            if self.is_french() {
                format!(" ({known} {unit_words} sur {all})")
            } else {
                format!(" ({known} of {all} {unit_words})")
            }
        } else {
            String::new()
        };
        let difference = change.value - change.before;
        let same = if self.is_french() {
            format!("À peu près comme {before}{at_hours}{note}.")
        } else {
            format!("About the same as {before}{at_hours}{note}.")
        };
        let how_much = if change.ratio {
            let share = change.value / change.before;
            if (share - 1.0).abs() < 0.005 {
                return same;
            }
            if share >= 3.0 {
                let factor = self.number(share, u8::from(share < 10.0));
                return if self.is_french() {
                    format!("{factor} fois plus que {before}{at_hours}{note}.")
                } else {
                    format!("{factor} times as much as {before}{at_hours}{note}.")
                };
            }
            let percentage = (share - 1.0).abs() * 100.0;
            let figure = self.number(percentage, u8::from(percentage < 9.95));
            if self.is_french() {
                format!("{figure}\u{202F}%")
            } else {
                format!("{figure}%")
            }
        } else {
            let smallest = 10_f64.powi(-i32::from(scale.decimals)) / 2.0;
            if difference.abs() < smallest {
                return same;
            }
            self.quantity(difference.abs(), scale)
        };
        match (self.is_french(), difference > 0.0) {
            (true, true) => format!("{how_much} de plus que {before}{at_hours}{note}."),
            (true, false) => format!("{how_much} de moins que {before}{at_hours}{note}."),
            (false, true) => format!("{how_much} more than {before}{at_hours}{note}."),
            (false, false) => format!("{how_much} less than {before}{at_hours}{note}."),
        }
    }

    pub(super) fn trend(&self, trend: &Trend, scale: &Scale) -> String {
        let slope = trend.per_day.abs();
        // Two digits that count.
        let decimals = (1.0 - slope.log10().floor()).clamp(0.0, 9.0) as u8;
        let step = 10_f64.powf(slope.log10().floor() - 1.0);
        let slope = (slope / step).round() * step;
        let figure = self.quantity(
            slope,
            &Scale {
                unit: scale.unit.clone(),
                decimals,
            },
        );
        let p = if trend.p < 0.001 {
            self.pick("p < 0,001", "p < 0.001").to_owned()
        } else {
            format!("p = {}", self.number(trend.p, 3))
        };
        let days = trend.days;
        match (self.is_french(), trend.per_day > 0.0) {
            (true, true) => {
                format!("En hausse d’environ {figure} par jour sur {days} jours ({p}).")
            }
            (true, false) => {
                format!("En baisse d’environ {figure} par jour sur {days} jours ({p}).")
            }
            (false, true) => format!("Rising by about {figure} a day over {days} days ({p})."),
            (false, false) => format!("Falling by about {figure} a day over {days} days ({p})."),
        }
    }
}
