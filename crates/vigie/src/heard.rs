//! When a source was watched. Where nobody listened, nothing is not known to have happened.

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use vigie_core::{
    history::{Stretch, joined, known_since},
    text::SourceId,
    time::{day_start, local_date},
};
use vigie_sources::Definition;
use vigie_store::ledger::Ledger;

use crate::{
    app::App,
    failure::{Failure, Outcome},
};

/// When a source was watched, as it was known at a time.
pub(crate) struct Watch {
    /// Since when everything that it says is known: since it was asked first, or as far before as backfills reach without a gap.
    pub(crate) since: Timestamp,
    source: SourceId,
    /// What backfills brought.
    settled: Vec<Stretch>,
    /// What comes so long after its time has come in time.
    patience: SignedDuration,
    known_at: Timestamp,
}

impl Watch {
    /// By what the ledger had at a time; nothing where the source had never been asked.
    pub(crate) fn of(
        app: &App,
        ledger: &Ledger,
        definition: &Definition,
        known_at: Timestamp,
    ) -> Outcome<Option<Self>> {
        let id = &definition.id;
        let first = ledger.first_slot(id).map_err(Failure::usage)?;
        let mut patience = app.schedule(definition).every().saturating_mul(2);
        let mut settled = Vec::new();
        if let Some(history) = &definition.history {
            patience = patience.saturating_add(history.terms(known_at).lag);
            settled = ledger.settled(id, known_at).map_err(Failure::usage)?;
        }
        let since = known_since(first, &settled, patience);
        Ok(since.map(|since| Self {
            since,
            source: id.clone(),
            settled: joined(&settled, patience),
            patience,
            known_at,
        }))
    }

    /// Whether the provider was heard of a stretch of time, or of as much of it as had passed: by downloads or by backfills.
    pub(crate) fn was_heard(&self, ledger: &Ledger, stretch: Stretch) -> Outcome<bool> {
        let to = stretch.to.min(self.known_at);
        let reaches = |settled: &Stretch| {
            let end = settled.to.saturating_add(self.patience);
            settled.from <= stretch.from && end.is_ok_and(|end| to <= end)
        };
        if self.settled.iter().any(reaches) {
            return Ok(true);
        }
        if to <= self.since {
            return Ok(false);
        }
        let from = stretch.from.max(self.since);
        let heard = ledger.was_heard(
            &self.source,
            Stretch { from, to },
            self.patience,
            self.known_at,
        );
        heard.map_err(Failure::usage)
    }

    /// Whether it was heard of each local day of a stretch that had begun: one answer in a month tells nothing of the month.
    pub(crate) fn was_heard_daily(
        &self,
        ledger: &Ledger,
        stretch: Stretch,
        tz: &TimeZone,
    ) -> Outcome<bool> {
        let end = stretch.to.min(self.known_at);
        let mut from = stretch.from;
        loop {
            let tomorrow = local_date(from, tz).saturating_add(1.day());
            // A day that the zone left out begins with the next.
            let to = day_start(tomorrow, tz).max(from).min(stretch.to);
            if !self.was_heard(ledger, Stretch { from, to })? {
                return Ok(false);
            }
            if to >= end || to <= from {
                return Ok(true);
            }
            from = to;
        }
    }
}
