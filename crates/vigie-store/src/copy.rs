//! From one store into another, whichever the two are: what a backup of MongoDB and a restore into it do.

use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};
use vigie_core::{
    bucket::{BucketKey, BucketSummary},
    event::Event,
    text::SourceId,
};

use crate::{
    error::StoreError,
    store::{BucketWrite, EventQuery, Store, SummaryQuery, Versioned, floor_ms},
};

/// Documents that are in memory at a time.
const PORTION: usize = 500;

/// How much was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Buckets.
    pub buckets: u64,
    /// Events.
    pub events: u64,
}

/// Copies the documents of a source into a store that has none of them. `rhythm` is the expected time between two observations
/// of an entity. Whole buckets go over, samples included, so that what was not sealed can still change.
///
/// Hours are gone through from the newest to the oldest, each by its keys: a reading of summaries has no samples, and memory
/// stays flat.
pub async fn copy_source(
    from: &dyn Store,
    to: &dyn Store,
    source: &SourceId,
    rhythm: Option<SignedDuration>,
) -> Result<Copied, StoreError> {
    let mut copied = Copied::default();
    let mut before: Option<Timestamp> = None;
    while let Some(hour) = from.newest_hour(source, before).await? {
        let keys = keys_of_hour(from, source, hour).await?;
        for keys in keys.chunks(PORTION) {
            let writes: Vec<Versioned<BucketWrite>> = from
                .load_buckets(keys)
                .await?
                .into_iter()
                .map(|stored| {
                    BucketWrite::new(stored.document, rhythm).map(|document| Versioned {
                        document,
                        version: 0,
                    })
                })
                .collect::<Result<_, _>>()?;
            copied.buckets += writes.len() as u64;
            refused(to, to.save_buckets(writes).await?.len())?;
        }
        before = Some(hour);
    }
    copied.events = copy_events(from, to, source).await?;
    Ok(copied)
}

async fn keys_of_hour(
    from: &dyn Store,
    source: &SourceId,
    hour: Timestamp,
) -> Result<Vec<BucketKey>, StoreError> {
    let query = SummaryQuery {
        source: Some(source.clone()),
        from: Some(hour),
        to: hour.saturating_add(SignedDuration::from_millis(1)).ok(),
        ..SummaryQuery::default()
    };
    let mut keys = Vec::new();
    let mut each = |summary: BucketSummary| {
        keys.push(summary.key);
        ControlFlow::Continue(())
    };
    from.summaries(&query, &mut each).await?;
    Ok(keys)
}

/// Copies events in the order of their times. A portion ends at a change of the observed millisecond, where the next reading begins.
async fn copy_events(
    from: &dyn Store,
    to: &dyn Store,
    source: &SourceId,
) -> Result<u64, StoreError> {
    let mut copied = 0;
    let mut query = EventQuery {
        source: Some(source.clone()),
        ..EventQuery::default()
    };
    loop {
        let mut portion: Vec<Versioned<Event>> = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut each = |event: Event| {
            let at = observed(&event);
            if portion.len() >= PORTION
                && at > portion.last().and_then(|last| observed(&last.document))
            {
                next = at;
                return ControlFlow::Break(());
            }
            portion.push(Versioned {
                document: event,
                version: 0,
            });
            ControlFlow::Continue(())
        };
        from.events(&query, &mut each).await?;
        copied += portion.len() as u64;
        refused(to, to.save_events(portion).await?.len())?;
        if next.is_none() {
            return Ok(copied);
        }
        query.from = next;
    }
}

/// The observed time of an event, as readings are ordered: to the millisecond.
fn observed(event: &Event) -> Option<Timestamp> {
    Timestamp::from_millisecond(floor_ms(event.current()?.observed_at)).ok()
}

fn refused(to: &dyn Store, documents: usize) -> Result<(), StoreError> {
    if documents == 0 {
        return Ok(());
    }
    Err(StoreError::Contended {
        store: to.address().to_owned(),
        documents,
        rounds: 1,
    })
}
