//! Merging what was observed into what is stored: the heart of `vigie summarize`.
//!
//! The merge itself is a pure function of `vigie-core`; here it is applied to a store that others may
//! write at the same time. Nothing counts as merged before it was read back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    future::Future,
    time::Duration,
};

use jiff::SignedDuration;
use vigie_core::{
    bucket::{Bucket, BucketKey},
    event::{Event, EventKey},
    row::Point,
};

use crate::{
    error::StoreError,
    fault,
    store::{BucketWrite, Store, Versioned},
};

/// How many documents are loaded, merged and saved at once: what bounds the memory.
const BATCH_DOCUMENTS: usize = 1_000;
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
    deltas: &[Bucket],
    rhythm: Option<SignedDuration>,
) -> Result<MergeReport, StoreError> {
    merge_all(store, deltas, rhythm).await
}

/// Merges events into the stored ones, as [`merge_buckets`] does buckets.
pub async fn merge_events(store: &dyn Store, deltas: &[Event]) -> Result<MergeReport, StoreError> {
    merge_all(store, deltas, None).await
}

/// Seals stored buckets: their samples give way to their statistics. Returns how many were sealed.
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
                bucket.seal();
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
    type Key: Clone + Debug + Ord + Send + Sync;

    fn key(&self) -> &Self::Key;
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
        documents: Vec<Versioned<Self>>,
        rhythm: Option<SignedDuration>,
    ) -> impl Future<Output = Result<Vec<Self::Key>, StoreError>> + Send;
}

impl Merging for Bucket {
    type Key = BucketKey;

    fn key(&self) -> &BucketKey {
        &self.key
    }

    fn with_one_zero(mut self) -> Self {
        let measures = self.measures.values_mut();
        for sample in measures.flat_map(|samples| &mut samples.samples) {
            sample.value += 0.0;
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
        documents: Vec<Versioned<Self>>,
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
        documents: Vec<Versioned<Self>>,
        _rhythm: Option<SignedDuration>,
    ) -> Result<Vec<EventKey>, StoreError> {
        store.save_events(documents).await
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
    deltas: &[D],
    rhythm: Option<SignedDuration>,
) -> Result<MergeReport, StoreError> {
    let mut report = MergeReport::default();
    for deltas in deltas.chunks(BATCH_DOCUMENTS) {
        let wanted = combine(deltas);
        let mut pending = wanted.clone();
        let mut round = 0;
        while !pending.is_empty() {
            round += 1;
            pause(round).await;
            let conflicts = merge_once(store, &pending, rhythm, &mut report).await?;
            report.conflicts += conflicts.len() as u64;
            pending.retain(|key, _| conflicts.contains(key));
            if round == ROUNDS_MAX && !pending.is_empty() {
                return Err(StoreError::Contended {
                    store: store.address().to_owned(),
                    documents: pending.len(),
                    rounds: ROUNDS_MAX,
                });
            }
        }
        report.verified += verify(store, &wanted).await?;
        fault::point("merge.verified");
    }
    Ok(report)
}

/// One delta for each key.
fn combine<D: Merging>(deltas: &[D]) -> BTreeMap<D::Key, D> {
    let mut combined: BTreeMap<D::Key, D> = BTreeMap::new();
    for delta in deltas {
        let delta = delta.clone().with_one_zero();
        match combined.get_mut(delta.key()) {
            Some(known) => {
                known.merge(&delta);
            }
            None => {
                combined.insert(delta.key().clone(), delta);
            }
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
    deltas: &BTreeMap<D::Key, D>,
    rhythm: Option<SignedDuration>,
    report: &mut MergeReport,
) -> Result<BTreeSet<D::Key>, StoreError> {
    let keys: Vec<D::Key> = deltas.keys().cloned().collect();
    let mut stored: BTreeMap<D::Key, Versioned<D>> = D::load(store, &keys)
        .await?
        .into_iter()
        .map(|stored| (stored.document.key().clone(), stored))
        .collect();

    fault::point("merge.loaded");

    let mut writes = Vec::new();
    let (mut created, mut changed) = (Vec::new(), Vec::new());
    for (key, delta) in deltas {
        match stored.remove(key) {
            None => {
                created.push(key);
                writes.push(Versioned {
                    document: delta.clone(),
                    version: 0,
                });
            }
            Some(mut stored) => {
                if stored.document.merge(delta) {
                    changed.push(key);
                    writes.push(stored);
                } else {
                    report.unchanged += 1;
                }
            }
        }
    }
    if writes.is_empty() {
        return Ok(BTreeSet::new());
    }

    let conflicts: BTreeSet<D::Key> = D::save(store, writes, rhythm).await?.into_iter().collect();
    fault::point("merge.saved");
    let saved =
        |keys: &[&D::Key]| keys.iter().filter(|key| !conflicts.contains(key)).count() as u64;
    report.created += saved(&created);
    report.changed += saved(&changed);
    Ok(conflicts)
}

/// Reads back, and checks that every delta is included. Returns how many are.
async fn verify<D: Merging>(
    store: &dyn Store,
    deltas: &BTreeMap<D::Key, D>,
) -> Result<u64, StoreError> {
    let keys: Vec<D::Key> = deltas.keys().cloned().collect();
    let mut missing = deltas.clone();
    for stored in D::load(store, &keys).await? {
        let key = stored.document.key();
        if deltas
            .get(key)
            .is_some_and(|delta| stored.document.includes(delta))
        {
            missing.remove(key);
        }
    }
    match missing.keys().next() {
        None => Ok(deltas.len() as u64),
        Some(first) => Err(StoreError::NotKept {
            store: store.address().to_owned(),
            documents: missing.len(),
            first: format!("{first:?}"),
        }),
    }
}
