//! The words of what moves and of what divides into parts.

use std::fmt::Write as _;

use vigie_core::{
    analyse::sentence::Scale,
    analysis::{MixFigures, MixPart, Track},
    measure::Measure,
};

use super::{NAME_LETTERS_MAX, Speaker, uncapitalised};
use crate::{
    clean::clean,
    number::{count, percent},
};

/// Parts named in a sentence.
const PARTS_MAX: usize = 4;
/// Parts with a smaller share are not named.
const SHARE_MIN: f64 = 0.005;

impl Speaker<'_> {
    /// `Aster: moved about 410 km, 23 km/h on average; maximum wind up to 185 km/h (14:00).`
    pub(super) fn moved(&self, track: &Track, measure: &Measure) -> String {
        let mut text = format!("{}{}", Self::name(&track.name), self.colon());
        if let (Some(distance), Some(speed)) = (track.distance_km, track.speed_km_h) {
            let (distance, speed) = (self.roughly(distance), self.roughly(speed));
            let way = if self.is_french() {
                format!("environ {distance}\u{202F}km parcourus, {speed}\u{202F}km/h en moyenne")
            } else {
                format!("moved about {distance}\u{202F}km, {speed}\u{202F}km/h on average")
            };
            text.push_str(&way);
        }
        if let Some(strongest) = track.strongest {
            let label = uncapitalised(&clean(measure.title.get(self.language), NAME_LETTERS_MAX));
            let scale = Scale {
                unit: measure.unit.clone(),
                decimals: measure.decimals,
            };
            let value = self.quantity(strongest.value, &scale);
            text.push_str(self.semicolon());
            let _ = write!(
                text,
                "{label}{}{}{value} ({})",
                self.pick("\u{A0}: ", " "),
                self.pick("jusqu’à ", "up to "),
                self.when(strongest.at)
            );
        }
        text + "."
    }

    /// A length or a speed between places that are told to a tenth of a degree: two digits that count, nothing below one.
    fn roughly(&self, value: f64) -> String {
        let step = 10_f64.powf(value.max(1.0).log10().floor() - 1.0).max(1.0);
        self.number((value / step).round() * step, 0)
    }

    /// `Production: nuclear 67%, hydro 12%, wind 9.8%; hydro, wind and solar together 25%; peak of the total 72,310 MW (19:00).`
    pub(super) fn mix(&self, mix: &MixFigures) -> String {
        let share = |part: &MixPart| {
            let title = uncapitalised(&clean(part.title.get(self.language), NAME_LETTERS_MAX));
            format!("{title} {}", percent(part.share, self.language))
        };
        let told = mix.parts.iter().filter(|part| part.share >= SHARE_MIN);
        let parts: Vec<String> = told.take(PARTS_MAX).map(share).collect();
        let title = clean(mix.title.get(self.language), NAME_LETTERS_MAX);
        let mut text = format!("{title}{}{}", self.colon(), parts.join(", "));
        for group in &mix.groups {
            let title = uncapitalised(&clean(group.title.get(self.language), NAME_LETTERS_MAX));
            let share = percent(group.share, self.language);
            let together = self.pick("ensemble", "together");
            text.push_str(self.semicolon());
            let _ = write!(text, "{title}, {together} {share}");
        }
        let scale = Scale {
            unit: mix.unit.clone(),
            decimals: mix.decimals,
        };
        let peak = self.quantity(mix.peak.value, &scale);
        text.push_str(self.semicolon());
        let at = self.hour_of(mix.peak.at);
        let _ = write!(
            text,
            "{} {peak} ({at})",
            self.pick("total maximal", "peak of the total")
        );
        if mix.hours < mix.hours_passed {
            let _ = write!(text, " ({})", self.hours_known(mix));
        }
        text + "."
    }

    /// In how many hours all parts are known.
    pub(crate) fn hours_known(&self, mix: &MixFigures) -> String {
        let (hours, all) = (
            count(u64::from(mix.hours), self.language),
            count(u64::from(mix.hours_passed), self.language),
        );
        if self.is_french() {
            format!("{hours} heures connues sur {all}")
        } else {
            format!("{hours} of {all} hours known")
        }
    }
}
