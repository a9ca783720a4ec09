//! What sources say of days: from memory while it is true.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use tokio::task::block_in_place;
use tracing::warn;
use vigie_core::{
    analyse::History,
    analysis::{Period, PeriodKind, SourceAnalysis},
    text::SourceId,
    time,
};
use vigie_sources::Definition;
use vigie_store::store::Store;

use super::{Shared, live::lock};
use crate::{
    analyse::{Past, analyse_source, history, ledger_facts},
    app::App,
    failure::Outcome,
};

/// Analyses kept.
const ANALYSES_MAX: usize = 200;
/// Histories kept: the days before a day, of a source.
const HISTORIES_MAX: usize = 200;
/// How long a history serves before it is read again, for late data.
const HISTORY_FRESH: SignedDuration = SignedDuration::from_hours(6);

/// A local date of a source.
type Key = (SourceId, Date);

/// What was analysed and read under the same settings: with others there is another.
#[derive(Default)]
pub(super) struct Analyses {
    /// With how often their source had changed.
    kept: Mutex<HashMap<Key, (u64, Arc<SourceAnalysis>)>>,
    /// The days before a day. Pages do not wait for them: they are read in the background, source by source.
    histories: Mutex<HashMap<Key, Reading>>,
}

/// How it stands with a history.
#[derive(Default, Clone)]
struct Reading {
    /// When it was read; nothing as long as it was not.
    read: Option<(Timestamp, Arc<History>)>,
    asked: bool,
    entities: u64,
}

/// A history to be read.
pub(super) struct Wanted {
    app: App,
    store: Arc<dyn Store>,
    /// Gone when the settings are others: then nobody waits for it.
    analyses: Weak<Analyses>,
    definition: Definition,
    date: Date,
    entities: u64,
}

impl Wanted {
    /// The source that it is of.
    pub(super) fn source(&self) -> &SourceId {
        &self.definition.id
    }

    fn key(&self) -> Key {
        (self.definition.id.clone(), self.date)
    }

    /// Reads it; says whether it could be read, and somebody wants it.
    pub(super) async fn read(&self) -> bool {
        if self.analyses.strong_count() == 0 {
            return false;
        }
        let period = time::period(PeriodKind::Day, self.date, self.app.tz());
        let key = self.key();
        let read = history(
            &self.app,
            &self.store,
            &self.definition,
            &period,
            self.entities,
        )
        .await;
        let Some(analyses) = self.analyses.upgrade() else {
            return false;
        };
        let mut histories = lock(&analyses.histories);
        // What was analysed meanwhile does not know it, or waits for nothing.
        lock(&analyses.kept).remove(&key);
        let Some(reading) = histories.get_mut(&key) else {
            return false;
        };
        reading.asked = false;
        match read {
            Ok(history) => {
                reading.read = Some((self.app.now(), Arc::new(history)));
                true
            }
            Err(failure) => {
                // An older one is better than none; the next look at the source asks again.
                warn!(source = %key.0, reason = failure.report(), "the days before cannot be read");
                false
            }
        }
    }
}

/// What a source says of a day.
pub(super) async fn source_day(
    shared: &Shared,
    definition: &Definition,
    date: Date,
) -> Outcome<SourceAnalysis> {
    let Shared {
        app,
        live,
        analyses,
        ..
    } = shared;
    let period = time::period(PeriodKind::Day, date, app.tz());
    let key = (definition.id.clone(), date);
    let changed = live.changed(&definition.id);
    let kept = lock(&analyses.kept)
        .get(&key)
        .filter(|kept| kept.0 == changed)
        .map(|kept| kept.1.clone());
    if let Some(kept) = kept {
        let (freshness, captures) =
            block_in_place(|| ledger_facts(app, definition, &period, app.now()))?;
        return Ok(SourceAnalysis {
            freshness,
            captures,
            ..(*kept).clone()
        });
    }
    let (analysis, past) = analyse(shared, definition, &period).await?;
    // What has come meanwhile it does not know; and what is not on its way the next look has to ask for.
    let histories = lock(&analyses.histories);
    let is_true = |reading: &Reading| match (&past, &reading.read) {
        (Some(used), Some((_, read))) => Arc::ptr_eq(used, read),
        (None, None) => reading.asked,
        _ => false,
    };
    if histories.get(&key).is_some_and(is_true) {
        let mut all = lock(&analyses.kept);
        if all.len() >= ANALYSES_MAX {
            all.clear();
        }
        all.insert(key, (changed, Arc::new(analysis.clone())));
    }
    Ok(analysis)
}

/// The analysis, and the days before that it knows.
async fn analyse(
    shared: &Shared,
    definition: &Definition,
    period: &Period,
) -> Outcome<(SourceAnalysis, Option<Arc<History>>)> {
    let Shared {
        app,
        store,
        analyses,
        ..
    } = shared;
    let wanted = |entities| Wanted {
        app: app.clone(),
        store: store.clone(),
        analyses: Arc::downgrade(analyses),
        definition: definition.clone(),
        date: period.date,
        entities,
    };
    let key = (definition.id.clone(), period.date);
    let known = lock(&analyses.histories)
        .get(&key)
        .map(|reading| reading.entities);
    if let Some(entities) = known
        && let Some(history) = past(shared, wanted(entities))
    {
        let known = Past::Known(&history);
        let analysis = analyse_source(app, store, definition, period, known).await?;
        return Ok((analysis, Some(history)));
    }
    let analysis = analyse_source(app, store, definition, period, Past::Pending).await?;
    past(shared, wanted(analysis.entity_count));
    Ok((analysis, None))
}

/// The days before, if they were read; they are asked for where they were not, or not lately.
fn past(shared: &Shared, wanted: Wanted) -> Option<Arc<History>> {
    let mut histories = lock(&shared.analyses.histories);
    let key = wanted.key();
    if histories.len() >= HISTORIES_MAX && !histories.contains_key(&key) {
        histories.retain(|_, reading| reading.asked);
    }
    let reading = histories.entry(key).or_default();
    reading.entities = wanted.entities;
    let now = wanted.app.now();
    let fresh = |(at, _): &(Timestamp, Arc<History>)| now.duration_since(*at) < HISTORY_FRESH;
    if !reading.asked && !reading.read.as_ref().is_some_and(fresh) {
        // Where too many wait, or the server ends, the next look asks again.
        reading.asked = shared.live.want(wanted);
    }
    reading.read.as_ref().map(|(_, history)| history.clone())
}
