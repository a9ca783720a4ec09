//! The words of records: since when, of how many days.

use vigie_core::{analyse::sentence::Scale, analysis::Record};

use super::{Noun, Speaker};
use crate::{number::count, time};

impl Speaker<'_> {
    /// `Highest value since 3 March 2026 (268 days of record): 5.1 (14:00); until now 4.8.`
    pub(super) fn record(&self, record: &Record, scale: &Scale) -> String {
        let value = self.quantity(record.value, scale);
        let (at, before) = (self.when(record.at), self.quantity(record.before, scale));
        let since = self.since(record);
        if self.is_french() {
            let how = if record.highest {
                "Plus haute"
            } else {
                "Plus basse"
            };
            format!("{how} valeur {since}\u{A0}: {value} ({at})\u{202F}; jusqu’ici {before}.")
        } else {
            let how = if record.highest { "Highest" } else { "Lowest" };
            format!("{how} value {since}: {value} ({at}); until now {before}.")
        }
    }

    /// `Busiest day since 3 March 2026 (268 days of record): 41 earthquakes; until now 37.`
    pub(super) fn busiest(&self, record: &Record, noun: &Noun) -> String {
        let (now, since) = (self.counted(record.value as u64, noun), self.since(record));
        let before = self.number(record.before, 0);
        if self.is_french() {
            format!("Journée la plus chargée {since}\u{A0}: {now}\u{202F}; jusqu’ici {before}.")
        } else {
            format!("Busiest day {since}: {now}; until now {before}.")
        }
    }

    /// Since when, and of how many days: a record of a year with gaps is one of the days that are known.
    fn since(&self, record: &Record) -> String {
        let date = time::date_long(record.since, self.language);
        let known = count(u64::from(record.days), self.language);
        let all = count(u64::from(record.days_passed), self.language);
        let whole = record.days >= record.days_passed;
        let days = match (self.is_french(), whole) {
            (true, true) => format!("{known} jours de relevés"),
            (true, false) => format!("{known} jours connus sur {all}"),
            (false, true) => format!("{known} days of record"),
            (false, false) => format!("{known} of {all} days known"),
        };
        match (self.is_french(), record.of_all) {
            (true, true) => format!("depuis le début des relevés, le {date} ({days})"),
            (true, false) => format!("depuis le {date} ({days})"),
            (false, true) => format!("since the record began on {date} ({days})"),
            (false, false) => format!("since {date} ({days})"),
        }
    }
}
