//! The words of what is unusual.

use vigie_core::{analyse::sentence::Scale, analysis::Anomaly};

use super::{Speaker, capitalised};
use crate::number::count;

impl Speaker<'_> {
    /// Everything that is unusual: the stretch, its value, what is usual then.
    pub(crate) fn deviation(&self, anomaly: &Anomaly, scale: &Scale) -> (String, String, String) {
        let (from, to) = (self.when(anomaly.from), self.end(anomaly.to));
        let when = if anomaly.steps == 1 {
            from
        } else {
            format!("{from}–{to}")
        };
        let arrow = if anomaly.above { "↑" } else { "↓" };
        let value = format!("{arrow}\u{A0}{}", self.quantity(anomaly.value, scale));
        (when, value, self.band(&anomaly.usual, scale))
    }

    pub(super) fn unusual(
        &self,
        anomaly: &Anomaly,
        scale: &Scale,
        others: usize,
        expected: f64,
    ) -> String {
        let who = anomaly.entity.as_deref().map_or_else(String::new, |name| {
            format!("{}{}", Self::name(name), self.colon())
        });
        let (from, to) = (self.when(anomaly.from), self.end(anomaly.to));
        let single = anomaly.steps == 1;
        let how = match (self.is_french(), single, anomaly.above) {
            (true, true, true) => "valeur inhabituellement haute",
            (true, true, false) => "valeur inhabituellement basse",
            (true, false, true) => "valeurs inhabituellement hautes",
            (true, false, false) => "valeurs inhabituellement basses",
            (false, true, true) => "unusually high value",
            (false, true, false) => "unusually low value",
            (false, false, true) => "unusually high values",
            (false, false, false) => "unusually low values",
        };
        let when = match (self.is_french(), single, self.dated(anomaly.from)) {
            (true, true, true) => format!("le {from}"),
            (true, true, false) => format!("à {from}"),
            (true, false, true) => format!("du {from} au {to}"),
            (true, false, false) => format!("de {from} à {to}"),
            (false, true, true) => format!("on {from}"),
            (false, true, false) => format!("at {from}"),
            (false, false, _) => format!("from {from} to {to}"),
        };
        let value = self.quantity(anomaly.value, scale);
        let at = if single {
            String::new()
        } else {
            format!(" ({})", self.when(anomaly.at))
        };
        let usual = self.band(&anomaly.usual, scale);
        let mut text = format!(
            "{how} {when}{}{value}{at}{}{}{}{usual}",
            self.colon(),
            self.semicolon(),
            self.pick("habituel", "usual"),
            self.colon(),
        );
        if who.is_empty() {
            text = capitalised(&text);
        } else {
            text.insert_str(0, &who);
        }
        if others > 0 {
            let others_words = count(others as u64, self.language);
            text.push_str(self.semicolon());
            let others = match (self.is_french(), others) {
                (true, 1) => "un autre écart".to_owned(),
                (true, _) => format!("{others_words} autres écarts"),
                (false, 1) => "one other deviation".to_owned(),
                (false, _) => format!("{others_words} other deviations"),
            };
            text.push_str(&others);
        }
        let expected = self.number(expected, u8::from(expected < 10.0));
        let expected = if self.is_french() {
            format!(" (fausses alertes à attendre\u{A0}: {expected}).")
        } else {
            format!(" (false alarms to expect: {expected}).")
        };
        text + &expected
    }
}
