//! A store that fails and takes turns, and two runs that go on in an order that the seed decides.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;
use jiff::Timestamp;
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    text::SourceId,
};
use vigie_store::{
    error::{Cause, StoreError},
    fault::Killed,
    store::{
        BucketWrite, EachBucket, EachEvent, EachSummary, EventQuery, Store, StoreFacts,
        SummaryQuery, Versioned,
    },
};

use super::random::Random;

/// What a request to the store comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is refused.
    Refused,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// Half of it is done.
    Half,
    /// The program is killed before it is sent.
    KilledBefore,
    /// The program is killed once it is done.
    KilledAfter,
}

/// A store, one of whose requests comes to trouble, and which lets another run go on before each request.
pub(super) struct Unsteady {
    inner: Arc<dyn Store>,
    turn: Arc<AtomicBool>,
    trouble: Option<(u32, Trouble)>,
    seen: AtomicU32,
}

impl fmt::Debug for Unsteady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsteady")
    }
}

impl Unsteady {
    pub(super) fn new(inner: Arc<dyn Store>, trouble: Option<(u32, Trouble)>) -> Self {
        Self {
            inner,
            turn: Arc::default(),
            trouble,
            seen: AtomicU32::new(0),
        }
    }

    /// Set when the run stands before a request.
    pub(super) fn turn(&self) -> Arc<AtomicBool> {
        self.turn.clone()
    }

    fn away() -> StoreError {
        StoreError::Unavailable {
            store: "simulated".to_owned(),
            remedy: "it is simulated",
            cause: Cause::new("the connection was reset"),
        }
    }

    async fn begin(&self) -> Result<Option<Trouble>, StoreError> {
        let mut waited = false;
        poll_fn(|context| {
            if waited {
                return Poll::Ready(());
            }
            waited = true;
            self.turn.store(true, Ordering::SeqCst);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let nth = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        match self.trouble.filter(|(when, _)| *when == nth) {
            Some((_, Trouble::Refused)) => Err(Self::away()),
            Some((_, Trouble::KilledBefore)) => std::panic::panic_any(Killed),
            other => Ok(other.map(|(_, trouble)| trouble)),
        }
    }

    fn end<T>(trouble: Option<Trouble>, done: T) -> Result<T, StoreError> {
        match trouble {
            Some(Trouble::KilledAfter) => std::panic::panic_any(Killed),
            Some(_) => Err(Self::away()),
            None => Ok(done),
        }
    }
}

fn half<T>(trouble: Option<Trouble>, mut writes: Vec<T>) -> Vec<T> {
    if trouble == Some(Trouble::Half) {
        writes.truncate(writes.len().div_ceil(2));
    }
    writes
}

/// As [`half`], where nobody knows yet how many there are.
fn half_of(trouble: Option<Trouble>, most: usize) -> usize {
    if trouble == Some(Trouble::Half) {
        1
    } else {
        most
    }
}

#[async_trait]
impl Store for Unsteady {
    fn address(&self) -> &str {
        self.inner.address()
    }

    async fn load_buckets(&self, keys: &[BucketKey]) -> Result<Vec<Versioned<Bucket>>, StoreError> {
        let trouble = self.begin().await?;
        Self::end(trouble, self.inner.load_buckets(keys).await?)
    }

    async fn save_buckets(
        &self,
        writes: Vec<Versioned<BucketWrite>>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let trouble = self.begin().await?;
        let writes = half(trouble, writes);
        Self::end(trouble, self.inner.save_buckets(writes).await?)
    }

    async fn load_events(&self, keys: &[EventKey]) -> Result<Vec<Versioned<Event>>, StoreError> {
        let trouble = self.begin().await?;
        Self::end(trouble, self.inner.load_events(keys).await?)
    }

    async fn save_events(
        &self,
        writes: Vec<Versioned<Event>>,
    ) -> Result<Vec<EventKey>, StoreError> {
        let trouble = self.begin().await?;
        let writes = half(trouble, writes);
        Self::end(trouble, self.inner.save_events(writes).await?)
    }

    async fn summaries(
        &self,
        query: &SummaryQuery,
        each: EachSummary<'_>,
    ) -> Result<(), StoreError> {
        self.inner.summaries(query, each).await
    }

    async fn buckets(&self, query: &SummaryQuery, each: EachBucket<'_>) -> Result<(), StoreError> {
        self.inner.buckets(query, each).await
    }

    async fn events(&self, query: &EventQuery, each: EachEvent<'_>) -> Result<(), StoreError> {
        self.inner.events(query, each).await
    }

    async fn newest_hour(
        &self,
        source: &SourceId,
        before: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.inner.newest_hour(source, before).await
    }

    async fn unsealed(
        &self,
        source: &SourceId,
        deadline_before: Timestamp,
        most: usize,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let trouble = self.begin().await?;
        Self::end(
            trouble,
            self.inner.unsealed(source, deadline_before, most).await?,
        )
    }

    async fn newest_event(&self, source: &SourceId) -> Result<Option<Timestamp>, StoreError> {
        self.inner.newest_event(source).await
    }

    async fn forget_buckets(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let trouble = self.begin().await?;
        let most = half_of(trouble, most);
        let forgotten = self.inner.forget_buckets(source, before, most).await?;
        Self::end(trouble, forgotten)
    }

    async fn forget_events(
        &self,
        source: &SourceId,
        before: Timestamp,
        most: usize,
    ) -> Result<u64, StoreError> {
        let trouble = self.begin().await?;
        let most = half_of(trouble, most);
        let forgotten = self.inner.forget_events(source, before, most).await?;
        Self::end(trouble, forgotten)
    }

    async fn facts(&self) -> Result<StoreFacts, StoreError> {
        self.inner.facts().await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}

/// Runs two futures to their ends. Only one goes on at a time; which one is decided anew whenever the running one stands before a
/// request to its store (its turn is set). So the order follows from the seed, whatever the threads of the stores do.
pub(super) async fn interleave<A, B>(
    a: impl Future<Output = A>,
    b: impl Future<Output = B>,
    turns: [Arc<AtomicBool>; 2],
    random: &mut Random,
) -> (A, B) {
    let (mut a, mut b): (Pin<Box<_>>, Pin<Box<_>>) = (Box::pin(a), Box::pin(b));
    let (mut of_a, mut of_b) = (None, None);
    let mut first = random.chance(50);
    poll_fn(move |context| {
        loop {
            if of_a.is_some() && of_b.is_some() {
                return Poll::Ready((of_a.take().unwrap(), of_b.take().unwrap()));
            }
            first = (first || of_b.is_some()) && of_a.is_none();
            let pending = if first {
                match a.as_mut().poll(context) {
                    Poll::Ready(done) => {
                        of_a = Some(done);
                        false
                    }
                    Poll::Pending => true,
                }
            } else {
                match b.as_mut().poll(context) {
                    Poll::Ready(done) => {
                        of_b = Some(done);
                        false
                    }
                    Poll::Pending => true,
                }
            };
            let turn = &turns[usize::from(!first)];
            if pending && !turn.swap(false, Ordering::SeqCst) {
                return Poll::Pending;
            }
            first = random.chance(50);
        }
    })
    .await
}
