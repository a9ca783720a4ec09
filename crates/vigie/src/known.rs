//! "What did we know at …?": summaries and events with what had been fetched by then.

use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    bucket::{Bucket, BucketSummary},
    event::Event,
    text::MeasureId,
};
use vigie_sources::Definition;
use vigie_store::store::{EventQuery, Store, SummaryQuery};

use crate::{
    app::{App, store_failure},
    failure::Outcome,
    summarize::rhythm,
};

/// An event may have been thought to have happened so far from where it is now.
pub(crate) const MOVED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A time whose knowledge is asked for; that of now where there is none.
pub(crate) type KnownAt = Option<Timestamp>;

/// Reads the summaries of a source in the order of the store, of one measure or of all. Returns of how many hours of entities nobody
/// can tell any more what was known then: they are left out.
pub(crate) async fn summaries(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    query: &SummaryQuery,
    measure: Option<&MeasureId>,
    known_at: KnownAt,
    each: &mut (dyn FnMut(BucketSummary) -> ControlFlow<()> + Send),
) -> Outcome<u64> {
    let Some(at) = known_at else {
        let read = match measure {
            Some(measure) => store.summaries_of(query, measure, each).await,
            None => store.summaries(query, each).await,
        };
        read.map_err(store_failure)?;
        return Ok(0);
    };
    let rhythm = rhythm(app, definition);
    let mut untold = 0;
    let mut each = |mut bucket: Bucket| {
        if let Some(measure) = measure {
            bucket.measures.retain(|id, _| id == measure);
        }
        match bucket.known_at(at) {
            Some(known) if known.measures.is_empty() => ControlFlow::Continue(()),
            Some(known) => each(known.summarise(rhythm)),
            None => {
                untold += 1;
                ControlFlow::Continue(())
            }
        }
    };
    store
        .buckets(query, &mut each)
        .await
        .map_err(store_failure)?;
    Ok(untold)
}

/// Reads events in the order of the store; those that were known at a time in the order in which they were thought to have happened,
/// with the versions of then.
pub(crate) async fn events(
    store: &dyn Store,
    query: &EventQuery,
    known_at: KnownAt,
    each: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Outcome<()> {
    let Some(at) = known_at else {
        return store.events(query, each).await.map_err(store_failure);
    };
    let mut found: Vec<Event> = Vec::new();
    let mut keep = |event: Event| {
        let known = event.as_known_at(at);
        found.extend(known.filter(|event| query.holds(event)));
        ControlFlow::Continue(())
    };
    let wider = widened(query, known_at);
    let read = store.events(&wider, &mut keep).await;
    read.map_err(store_failure)?;
    found.sort_by_cached_key(|event| {
        let observed = event.current().map(|current| current.observed_at);
        (event.key.source.clone(), observed, event.key.key.clone())
    });
    // Who has had enough breaks.
    let _ = found.into_iter().try_for_each(each);
    Ok(())
}

/// The query that finds what may have been thought to lie in the stretch of this one.
fn widened(query: &EventQuery, known_at: KnownAt) -> EventQuery {
    let slack = known_at.map_or(SignedDuration::ZERO, |_| MOVED_MAX);
    EventQuery {
        source: query.source.clone(),
        from: query.from.and_then(|from| from.checked_sub(slack).ok()),
        to: query.to.and_then(|to| to.checked_add(slack).ok()),
    }
}
