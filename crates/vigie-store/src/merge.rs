//! Merging what was observed into what is stored: the heart of `vigie summarize`.
//!
//! The merge itself is a pure function of `vigie-core`; here it is applied to a store that others may
//! write at the same time. Nothing counts as merged before it was read back.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    fmt::Debug,
    future::Future,
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use vigie_core::{
    bucket::{Bucket, BucketKey, SEALED_MAX, Samples},
    event::{Event, EventKey},
    row::Point,
};

use crate::{
    error::StoreError,
    fault,
    store::{BucketWrite, Store, Versioned},
};

/// How many documents are loaded, merged and saved at once: what bounds the memory.
const BATCH_DOCUMENTS: usize = 4_000;
/// How often documents that others changed under our hands are merged anew. In every round at least one writer gets
/// through, so this is reached only by very many writers.
const ROUNDS_MAX: u32 = 200;
/// The pause before the rounds after the first, in milliseconds for each round so far.
const PAUSE_MS: u64 = 2;
/// The longest such pause.
const PAUSE_MS_MAX: u64 = 100;

/// What a merge did. All counts are of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// New ones.
    pub created: u64,
    /// Stored ones that took something in.
    pub changed: u64,
    /// Stored ones that already had everything: they were not written.
    pub unchanged: u64,
    /// How often a document was merged anew because another writer had changed it.
    pub conflicts: u64,
    /// Those read back and found to hold everything. Always the sum of the first three.
    pub verified: u64,
}

impl MergeReport {
    /// Adds what another merge did.
    pub fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.conflicts += other.conflicts;
        self.verified += other.verified;
    }
}

/// Merges buckets into the stored ones, writes what changed, reads everything back and checks that every sample is
/// there. `rhythm` is the expected time between two observations of an entity.
///
/// May be repeated at will, and run by several processes at once: the store ends up the same.
pub async fn merge_buckets(
    store: &dyn Store,
    deltas: impl Into<Vec<Bucket>>,
    rhythm: Option<SignedDuration>,
) -> Result<MergeReport, StoreError> {
    merge_all(store, deltas.into(), rhythm).await
}

/// Merges events into the stored ones, as [`merge_buckets`] does buckets.
pub async fn merge_events(
    store: &dyn Store,
    deltas: impl Into<Vec<Event>>,
) -> Result<MergeReport, StoreError> {
    merge_all(store, deltas.into(), None).await
}

/// Seals stored buckets: what they say is final. Returns how many were sealed.
///
/// The caller makes sure that their deadlines have passed and that nothing fetched before still waits. A bucket that
/// another writer changes at the same time is left for the next run.
pub async fn seal_buckets(
    store: &dyn Store,
    keys: &[BucketKey],
    rhythm: Option<SignedDuration>,
) -> Result<u64, StoreError> {
    let mut sealed = 0;
    for keys in keys.chunks(BATCH_DOCUMENTS) {
        let mut writes = Vec::new();
        for Versioned {
            document: mut bucket,
            version,
        } in store.load_buckets(keys).await?
        {
            if !bucket.sealed {
                bucket.seal(SEALED_MAX);
                writes.push(Versioned {
                    document: BucketWrite::new(bucket, rhythm)?,
                    version,
                });
            }
        }
        fault::point("seal.loaded");
        let written = writes.len();
        let conflicts = store.save_buckets(writes).await?;
        fault::point("seal.saved");
        sealed += (written - conflicts.len()) as u64;
    }
    Ok(sealed)
}

/// A document that merges.
trait Merging: Clone + Send + Sync + Sized {
    type Key: Clone + Debug + Eq + Hash + Send + Sync;

    fn key(&self) -> &Self::Key;
    /// What orders documents as stores do, so that what lies together is read together.
    fn order(&self, other: &Self) -> Ordering;
    /// Makes every −0 a 0: some stores know but one zero.
    fn with_one_zero(self) -> Self;
    fn merge(&mut self, delta: &Self) -> bool;
    fn includes(&self, delta: &Self) -> bool;
    fn load(
        store: &dyn Store,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Versioned<Self>>, StoreError>> + Send;
    fn save(
        store: &dyn Store,
        documents: Vec<Versioned<Arc<Self>>>,
        rhythm: Option<SignedDuration>,
    ) -> impl Future<Output = Result<Vec<Self::Key>, StoreError>> + Send;
}

impl Merging for Bucket {
    type Key = BucketKey;

    fn key(&self) -> &BucketKey {
        &self.key
    }

    fn order(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (&self.key, &other.key);
        (&mine.source, mine.hour, &mine.entity).cmp(&(&theirs.source, theirs.hour, &theirs.entity))
    }

    fn with_one_zero(mut self) -> Self {
        let measures = self.measures.values_mut();
        for value in measures.flat_map(Samples::values_mut) {
            *value += 0.0;
        }
        self.label.point = self.label.point.map(point_with_one_zero);
        self
    }

    fn merge(&mut self, delta: &Self) -> bool {
        Bucket::merge(self, delta)
    }

    fn includes(&self, delta: &Self) -> bool {
        Bucket::includes(self, delta)
    }

    async fn load(
        store: &dyn Store,
        keys: &[BucketKey],
    ) -> Result<Vec<Versioned<Self>>, StoreError> {
        store.load_buckets(keys).await
    }

    async fn save(
        store: &dyn Store,
        documents: Vec<Versioned<Arc<Self>>>,
        rhythm: Option<SignedDuration>,
    ) -> Result<Vec<BucketKey>, StoreError> {
        let mut writes = Vec::with_capacity(documents.len());
        for Versioned { document, version } in documents {
            writes.push(Versioned {
                document: BucketWrite::new(document, rhythm)?,
                version,
            });
        }
        store.save_buckets(writes).await
    }
}

impl Merging for Event {
    type Key = EventKey;

    fn key(&self) -> &EventKey {
        &self.key
    }

    fn order(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }

    fn with_one_zero(mut self) -> Self {
        for version in &mut self.versions {
            for value in version.values.values_mut() {
                *value += 0.0;
            }
            version.point = version.point.map(point_with_one_zero);
        }
        self
    }

    fn merge(&mut self, delta: &Self) -> bool {
        Event::merge(self, delta)
    }

    fn includes(&self, delta: &Self) -> bool {
        Event::includes(self, delta)
    }

    async fn load(
        store: &dyn Store,
        keys: &[EventKey],
    ) -> Result<Vec<Versioned<Self>>, StoreError> {
        store.load_events(keys).await
    }

    async fn save(
        store: &dyn Store,
        documents: Vec<Versioned<Arc<Self>>>,
        _rhythm: Option<SignedDuration>,
    ) -> Result<Vec<EventKey>, StoreError> {
        let owned = documents.into_iter().map(|write| Versioned {
            document: Arc::unwrap_or_clone(write.document),
            version: write.version,
        });
        store.save_events(owned.collect()).await
    }
}

fn point_with_one_zero(point: Point) -> Point {
    Point {
        lon: point.lon + 0.0,
        lat: point.lat + 0.0,
    }
}

async fn merge_all<D: Merging>(
    store: &dyn Store,
    deltas: Vec<D>,
    rhythm: Option<SignedDuration>,
) -> Result<MergeReport, StoreError> {
    let mut report = MergeReport::default();
    let deltas = combine(deltas);
    for wanted in deltas.chunks(BATCH_DOCUMENTS) {
        let mut pending = wanted.to_vec();
        let mut round = 0;
        while !pending.is_empty() {
            round += 1;
            pause(round).await;
            let conflicts = merge_once(store, &pending, rhythm, &mut report).await?;
            report.conflicts += conflicts.len() as u64;
            pending.retain(|delta| conflicts.contains(delta.key()));
            if round == ROUNDS_MAX && !pending.is_empty() {
                return Err(StoreError::Contended {
                    store: store.address().to_owned(),
                    documents: pending.len(),
                    rounds: ROUNDS_MAX,
                });
            }
        }
        report.verified += verify(store, wanted).await?;
        fault::point("merge.verified");
    }
    Ok(report)
}

/// One delta for each key, in the order of stores.
fn combine<D: Merging>(mut deltas: Vec<D>) -> Vec<Arc<D>> {
    if !deltas.is_sorted_by(|a, b| a.order(b).is_lt()) {
        deltas.sort_by(D::order);
    }
    let mut combined: Vec<Arc<D>> = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let delta = delta.with_one_zero();
        match combined.last_mut().and_then(Arc::get_mut) {
            Some(known) if known.key() == delta.key() => {
                known.merge(&delta);
            }
            _ => combined.push(Arc::new(delta)),
        }
    }
    combined
}

async fn pause(round: u32) {
    if round > 1 {
        let pause_ms = (u64::from(round - 1) * PAUSE_MS).min(PAUSE_MS_MAX);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// Loads, merges and saves once. Returns the keys of the documents that another writer changed in between.
async fn merge_once<D: Merging>(
    store: &dyn Store,
    deltas: &[Arc<D>],
    rhythm: Option<SignedDuration>,
    report: &mut MergeReport,
) -> Result<HashSet<D::Key>, StoreError> {
    let mut stored = load(store, deltas).await?;
    fault::point("merge.loaded");
    let mut writes = Vec::new();
    let (mut created, mut changed) = (Vec::new(), Vec::new());
    for delta in deltas {
        let key = delta.key();
        match stored.remove(key) {
            None => {
                created.push(key);
                writes.push(Versioned {
                    document: Arc::clone(delta),
                    version: 0,
                });
            }
            Some(Versioned {
                mut document,
                version,
            }) => {
                if document.merge(delta) {
                    changed.push(key);
                    writes.push(Versioned {
                        document: Arc::new(document),
                        version,
                    });
                } else {
                    report.unchanged += 1;
                }
            }
        }
    }
    if writes.is_empty() {
        return Ok(HashSet::new());
    }

    let conflicts: HashSet<D::Key> = D::save(store, writes, rhythm).await?.into_iter().collect();
    fault::point("merge.saved");
    let saved =
        |keys: &[&D::Key]| keys.iter().filter(|key| !conflicts.contains(key)).count() as u64;
    report.created += saved(&created);
    report.changed += saved(&changed);
    Ok(conflicts)
}

/// The stored documents of the keys of these deltas.
async fn load<D: Merging>(
    store: &dyn Store,
    deltas: &[Arc<D>],
) -> Result<HashMap<D::Key, Versioned<D>>, StoreError> {
    let keys: Vec<D::Key> = deltas.iter().map(|delta| delta.key().clone()).collect();
    let stored = D::load(store, &keys).await?;
    Ok(stored
        .into_iter()
        .map(|stored| (stored.document.key().clone(), stored))
        .collect())
}

/// Reads back, and checks that every delta is included. Returns how many are.
async fn verify<D: Merging>(store: &dyn Store, deltas: &[Arc<D>]) -> Result<u64, StoreError> {
    let stored = load(store, deltas).await?;
    let is_missing = |delta: &&Arc<D>| {
        !stored
            .get(delta.key())
            .is_some_and(|stored| stored.document.includes(delta))
    };
    let missing: Vec<&Arc<D>> = deltas.iter().filter(is_missing).collect();
    match missing.first() {
        None => Ok(deltas.len() as u64),
        Some(first) => Err(StoreError::NotKept {
            store: store.address().to_owned(),
            documents: missing.len(),
            first: format!("{:?}", first.key()),
        }),
    }
}
