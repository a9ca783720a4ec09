//! How long things take. Run by hand: `cargo test --release -p vigie-store --test it -- --ignored --nocapture measurement`.

use std::{ops::ControlFlow, time::Instant};

use jiff::SignedDuration;
use vigie_core::bucket::Bucket;
use vigie_store::{
    merge::merge_buckets,
    store::{BucketWrite, Store, SummaryQuery, Versioned},
};

use crate::{
    build::{RHYTHM, bucket, entity, source},
    world::{Kind, World, run},
};

/// Twelve samples of four measures for each of 1,500 stations: an hour of the Vélib feed.
fn stations(from: i64, to: i64) -> Vec<Bucket> {
    (0..1500)
        .map(|i| {
            let levels: Vec<(i64, f64)> = (from..to)
                .map(|at| (at * 5, ((i * 7 + at * 3) % 40) as f64))
                .collect();
            let mut station = bucket("velib", &format!("station-{i:05}"), &levels);
            let level = station.measures.values().next().unwrap().clone();
            for name in ["docks", "mechanical", "electric"] {
                let id = vigie_core::text::MeasureId::new(name).unwrap();
                station.measures.insert(id, level.clone());
            }
            station
        })
        .collect()
}

fn said(what: &str, begun: Instant) {
    eprintln!("  {what}: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
}

async fn count(store: &dyn Store, query: &SummaryQuery) -> usize {
    let mut found = 0;
    let mut each = |_| {
        found += 1;
        ControlFlow::Continue(())
    };
    store.summaries(query, &mut each).await.unwrap();
    found
}

async fn measure(world: &World) {
    let store = world.store().await;
    eprintln!("\n{:?}", store.facts().await.unwrap());
    let (half, rest) = (stations(0, 6), stations(6, 12));

    let writes: Vec<_> = stations(0, 12)
        .into_iter()
        .map(|mut bucket| {
            bucket.key.source = source("other");
            Versioned {
                document: BucketWrite::new(bucket, RHYTHM).unwrap(),
                version: 0,
            }
        })
        .collect();
    let keys: Vec<_> = writes
        .iter()
        .map(|write| write.document.bucket().key.clone())
        .collect();
    let begun = Instant::now();
    store.save_buckets(writes).await.unwrap();
    said("save 1,500 new buckets", begun);
    let begun = Instant::now();
    assert_eq!(store.load_buckets(&keys).await.unwrap().len(), 1500);
    said("load 1,500 buckets", begun);

    let begun = Instant::now();
    merge_buckets(&*store, &half, RHYTHM).await.unwrap();
    said("merge 1,500 new buckets and read back", begun);
    let begun = Instant::now();
    merge_buckets(&*store, &rest, RHYTHM).await.unwrap();
    said("merge 1,500 changed buckets and read back", begun);
    let begun = Instant::now();
    merge_buckets(&*store, &half, RHYTHM).await.unwrap();
    said("merge 1,500 unchanged buckets and read back", begun);
    let begun = Instant::now();
    assert_eq!(count(&*store, &SummaryQuery::default()).await, 3000);
    said("read 3,000 summaries", begun);

    if world.uri().starts_with("sqlite") {
        let hour = bucket("year", "e", &[(0, 1.0), (15, 2.0), (30, 4.0), (45, 3.0)]);
        let year: Vec<Bucket> = (0..8760)
            .map(|i| {
                let shift = SignedDuration::from_hours(i);
                let mut bucket = hour.clone();
                bucket.key.hour += shift;
                bucket.end += shift;
                bucket
            })
            .collect();
        merge_buckets(&*store, &year, RHYTHM).await.unwrap();
        let query = SummaryQuery {
            source: Some(source("year")),
            entity: Some(entity("e")),
            ..SummaryQuery::default()
        };
        let begun = Instant::now();
        assert_eq!(count(&*store, &query).await, 8760);
        said("read a year of one series", begun);
    }
    eprintln!("{:?}", store.facts().await.unwrap().bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, to be run by hand"]
async fn sqlite() {
    run(Kind::Sqlite, |world| Box::pin(measure(world))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, to be run by hand"]
async fn mongodb() {
    run(Kind::Mongodb, |world| Box::pin(measure(world))).await;
}
