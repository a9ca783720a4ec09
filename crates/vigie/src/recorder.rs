//! Captures that end at the same moment, written down by one commit.
//!
//! Each commit waits for the disk. Where many sources are due at once, those whose turn with the ledger has not come yet are
//! written down by the first that gets it, so that the last does not wait for as many flushes as there are sources.

use std::sync::{Mutex, PoisonError, mpsc};

use vigie_core::capture::Capture;
use vigie_store::ledger::{Ledger, LedgerError};

use crate::app::App;

/// The captures that wait for the ledger.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Waiting>>);

struct Waiting {
    capture: Capture,
    told: mpsc::SyncSender<Result<(), LedgerError>>,
}

impl App {
    /// Writes down an attempt: as [`Ledger::record`], durably.
    pub(crate) fn record(&self, capture: &Capture) -> Result<(), LedgerError> {
        let recorder = self.recorder();
        let answer = recorder.join(capture);
        {
            let mut ledger = self.ledger();
            write(&mut ledger, recorder.take());
        }
        // Who had the ledger before has said what came of it, if it was not this very thread.
        answer
            .try_recv()
            .unwrap_or_else(|_panicked| self.ledger().record(capture).map(drop))
    }
}

impl Recorder {
    fn join(&self, capture: &Capture) -> mpsc::Receiver<Result<(), LedgerError>> {
        let (told, answer) = mpsc::sync_channel(1);
        let waiting = Waiting {
            capture: capture.clone(),
            told,
        };
        self.waiting().push(waiting);
        answer
    }

    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down all, or, where that fails, each by itself: one must not be lost for another.
fn write(ledger: &mut Ledger, all: Vec<Waiting>) {
    let (captures, told): (Vec<_>, Vec<_>) = all
        .into_iter()
        .map(|waiting| (waiting.capture, waiting.told))
        .unzip();
    let together = ledger.record_many(&captures);
    let mut alone = |capture: &Capture| match &together {
        Ok(_) => Ok(()),
        Err(_) => ledger.record(capture).map(drop),
    };
    for (capture, told) in captures.iter().zip(told) {
        // There is room for one answer, and who waits for it does not go away.
        let _ = told.send(alone(capture));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use vigie_core::{capture::Outcome, text::SourceId};

    use super::*;

    fn capture(source: &str) -> Capture {
        let at = Timestamp::UNIX_EPOCH;
        Capture::new(SourceId::new(source).unwrap(), at, Outcome::Failed)
    }

    #[test]
    fn who_waits_is_written_down_by_who_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.db"), false).unwrap();
        let recorder = Recorder::default();
        let answers = ["a", "b", "c"].map(|source| recorder.join(&capture(source)));
        write(&mut ledger, recorder.take());
        for answer in answers {
            answer.try_recv().unwrap().unwrap();
        }
        assert_eq!(ledger.changes_since(0).unwrap().sources.len(), 3);
        assert_eq!(ledger.sequence().unwrap(), 3);
        assert!(recorder.take().is_empty());
    }
}
