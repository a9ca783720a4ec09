//! "What did we know at …?": summaries and events with what had been fetched by then.

use std::{collections::BTreeMap, ops::ControlFlow};

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    bucket::Bucket,
    event::Event,
    text::{EntityId, MeasureId, SourceId},
};
use vigie_sources::Definition;
use vigie_store::store::{
    EachEvent, EachHour, EachSummary, EventQuery, MeasureHour, Store, SummaryQuery,
};

use crate::{
    app::{App, store_failure},
    failure::Outcome,
    summarize::rhythm,
};

/// An event may have been thought to have happened so far from where it is now.
pub(crate) const MOVED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A time whose knowledge is asked for; that of now where there is none.
pub(crate) type KnownAt = Option<Timestamp>;

/// What came of a reading.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The hours of which nobody can tell any more what was known: they are left out. An hour comes once for each entity and
    /// measure.
    pub(crate) untold: Vec<Timestamp>,
    /// Whether there was more than was wanted, and the rest was left unread.
    pub(crate) cut: bool,
}

/// A question about the hours of a source.
pub(crate) struct Question<'a> {
    pub(crate) app: &'a App,
    pub(crate) store: &'a dyn Store,
    pub(crate) definition: &'a Definition,
    pub(crate) query: &'a SummaryQuery,
    pub(crate) known_at: KnownAt,
}

impl Question<'_> {
    /// Reads what hours say of a measure, in the order of the store: at most `most` buckets.
    pub(crate) async fn hours(
        &self,
        measure: &MeasureId,
        most: usize,
        each: EachHour<'_>,
    ) -> Outcome<Told> {
        let mut left = most;
        let mut told = Told::default();
        let mut is_one_more = move || {
            let some = left > 0;
            left = left.saturating_sub(1);
            some
        };
        let Some(at) = self.known_at else {
            let mut each = |hour: MeasureHour| {
                told.cut = !is_one_more();
                if told.cut {
                    return ControlFlow::Break(());
                }
                each(hour)
            };
            let read = self.store.summaries_of(self.query, measure, &mut each);
            return read.await.map(|()| told).map_err(store_failure);
        };
        let rhythm = rhythm(self.app, self.definition);
        let mut each = |mut bucket: Bucket| {
            told.cut = !is_one_more();
            if told.cut {
                return ControlFlow::Break(());
            }
            bucket.measures.retain(|id, _| id == measure);
            told.tell(&bucket, at, rhythm, &mut |summary| {
                each(MeasureHour::of(summary, measure))
            })
        };
        let read = self.store.buckets(self.query, &mut each).await;
        read.map(|()| told).map_err(store_failure)
    }

    /// Reads summaries with all their measures.
    pub(crate) async fn summaries(&self, each: EachSummary<'_>) -> Outcome<Told> {
        let mut told = Told::default();
        let Some(at) = self.known_at else {
            let read = self.store.summaries(self.query, each).await;
            return read.map(|()| told).map_err(store_failure);
        };
        let rhythm = rhythm(self.app, self.definition);
        let mut each = |bucket: Bucket| told.tell(&bucket, at, rhythm, each);
        let read = self.store.buckets(self.query, &mut each).await;
        read.map(|()| told).map_err(store_failure)
    }
}

impl Told {
    /// Tells what a bucket said at a time, if it said anything.
    fn tell(
        &mut self,
        bucket: &Bucket,
        at: Timestamp,
        rhythm: Option<SignedDuration>,
        each: EachSummary<'_>,
    ) -> ControlFlow<()> {
        let (known, untold) = bucket.known_at(at);
        self.untold
            .extend(std::iter::repeat_n(bucket.key.hour, untold));
        if known.measures.is_empty() {
            return ControlFlow::Continue(());
        }
        each(known.summarise(rhythm))
    }
}

/// Reads events in the order of the store; those that were known at a time in the order in which they were thought to have
/// happened, with the versions of then.
pub(crate) async fn events(
    store: &dyn Store,
    query: &EventQuery,
    known_at: KnownAt,
    each: EachEvent<'_>,
) -> Outcome<()> {
    let Some(at) = known_at else {
        return store.events(query, each).await.map_err(store_failure);
    };
    // What was thought to have happened before that may still come.
    let mut waiting: BTreeMap<(SourceId, Timestamp, EntityId), Event> = BTreeMap::new();
    let mut has_enough = ControlFlow::Continue(());
    let mut sort = |event: Event| {
        let Some(now) = event.current().map(|current| current.observed_at) else {
            return ControlFlow::Continue(());
        };
        let settled = now.saturating_sub(MOVED_MAX).unwrap_or(Timestamp::MIN);
        let first =
            |key: &(SourceId, Timestamp, EntityId)| key.0 < event.key.source || key.1 < settled;
        while let Some(entry) = waiting.first_entry().filter(|entry| first(entry.key())) {
            has_enough = each(entry.remove());
            has_enough?;
        }
        let known = event.as_known_at(at).filter(|event| query.holds(event));
        if let Some(event) = known
            && let Some(observed) = event.current().map(|current| current.observed_at)
        {
            let key = (event.key.source.clone(), observed, event.key.key.clone());
            waiting.insert(key, event);
        }
        ControlFlow::Continue(())
    };
    // What may have been thought to lie in the stretch may lie beyond it now.
    let wider = EventQuery {
        source: query.source.clone(),
        from: query.from.and_then(|from| from.checked_sub(MOVED_MAX).ok()),
        to: query.to.and_then(|to| to.checked_add(MOVED_MAX).ok()),
    };
    let read = store.events(&wider, &mut sort).await;
    read.map_err(store_failure)?;
    if has_enough.is_continue() {
        // Who has had enough breaks, and nothing follows.
        let _ = waiting.into_values().try_for_each(each);
    }
    Ok(())
}
