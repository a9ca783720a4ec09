//! "What did we know at …?": summaries and events with what had been fetched by then.

use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};
use vigie_core::{bucket::Bucket, event::Event, text::MeasureId};
use vigie_sources::Definition;
use vigie_store::store::{EachHour, EachSummary, EventQuery, MeasureHour, Store, SummaryQuery};

use crate::{
    app::{App, store_failure},
    failure::Outcome,
    summarize::rhythm,
};

/// An event may have been thought to have happened so far from where it is now.
pub(crate) const MOVED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// A time whose knowledge is asked for; that of now where there is none.
pub(crate) type KnownAt = Option<Timestamp>;

/// Reads what hours say of a measure, in the order of the store. Returns of how many hours of entities nobody can tell any more what was
/// known then: they are left out.
pub(crate) async fn hours(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    query: &SummaryQuery,
    measure: &MeasureId,
    known_at: KnownAt,
    each: EachHour<'_>,
) -> Outcome<u64> {
    let Some(at) = known_at else {
        let read = store.summaries_of(query, measure, each).await;
        return read.map(|()| 0).map_err(store_failure);
    };
    let mut told = Told::new(app, definition, at);
    let mut each = |mut bucket: Bucket| {
        bucket.measures.retain(|id, _| id == measure);
        told.tell(&bucket, &mut |summary| {
            each(MeasureHour::of(summary, measure))
        })
    };
    let read = store.buckets(query, &mut each).await;
    read.map(|()| told.untold).map_err(store_failure)
}

/// Reads summaries with all their measures, as [`hours`] does one.
pub(crate) async fn summaries(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    query: &SummaryQuery,
    known_at: KnownAt,
    each: EachSummary<'_>,
) -> Outcome<u64> {
    let Some(at) = known_at else {
        let read = store.summaries(query, each).await;
        return read.map(|()| 0).map_err(store_failure);
    };
    let mut told = Told::new(app, definition, at);
    let mut each = |bucket: Bucket| told.tell(&bucket, each);
    let read = store.buckets(query, &mut each).await;
    read.map(|()| told.untold).map_err(store_failure)
}

/// What buckets said at a time.
struct Told {
    at: Timestamp,
    rhythm: Option<SignedDuration>,
    /// How many buckets cannot tell any more what they said.
    untold: u64,
}

impl Told {
    fn new(app: &App, definition: &Definition, at: Timestamp) -> Self {
        let rhythm = rhythm(app, definition);
        Self {
            at,
            rhythm,
            untold: 0,
        }
    }

    fn tell(&mut self, bucket: &Bucket, each: EachSummary<'_>) -> ControlFlow<()> {
        match bucket.known_at(self.at) {
            Some(known) if known.measures.is_empty() => ControlFlow::Continue(()),
            Some(known) => each(known.summarise(self.rhythm)),
            None => {
                self.untold += 1;
                ControlFlow::Continue(())
            }
        }
    }
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
