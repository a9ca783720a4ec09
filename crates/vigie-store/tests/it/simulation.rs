//! Random faults of a MongoDB server, from a seed: `VIGIE_SEED=7 cargo test -p vigie-store --test it simulation` runs one again.

use std::{
    ops::Range,
    sync::{Arc, Once},
};

use tokio::runtime::Handle;
use vigie_core::bucket::Bucket;
use vigie_store::{
    merge::merge_buckets,
    mongodb::{Dialect, MongoStore},
    open::open,
};

use crate::{
    build::{RHYTHM, bucket},
    faults::{content, database, undisturbed, work},
    proxy::{Fault, Mask, Proxy},
    server,
};

/// Of a thousand commands, so many meet a fault in the first attempt; in the second half as many, then a third.
const FAULTS_PER_MILLE: u64 = 90;
const SEEDS: Range<u64> = 0..12;

/// What another program merges in between: other samples of the same buckets, and of some more.
fn others() -> Vec<Bucket> {
    let of = |i: i64| bucket("s", &format!("e{i:02}"), &[(13, 2.0), (44, i as f64)]);
    (0..30).map(of).collect()
}

/// The content of a store that both have written to, on SQLite.
async fn undisturbed_with_others() -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = open("sqlite:vigie.db", folder.path(), false).await.unwrap();
    merge_buckets(&*store, others(), RHYTHM).await.unwrap();
    work().run(&*store).await.unwrap();
    content(&*store).await
}

/// Has another program merge while the server holds back one of our inserts: by then we have read what it changes.
fn come_between(proxy: &Proxy, uri: String, dialect: Dialect) {
    let (handle, begun) = (Handle::current(), Once::new());
    let call = move || {
        begun.call_once(|| {
            let theirs = async {
                let store = MongoStore::open(&uri, None, false, Some(dialect));
                let merging = merge_buckets(&store.await.unwrap(), others(), RHYTHM).await;
                merging.unwrap();
            };
            std::thread::scope(|scope| {
                scope.spawn(|| handle.block_on(theirs));
            });
        });
    };
    // The third: of a new store there are more before anything is sealed.
    proxy.inject("insert", 2, 1, Fault::Call(Arc::new(call)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_server_does_the_store_ends_the_same() {
    let Some(server) = server::uri() else { return };
    let (alone, with_others) = (undisturbed().await, undisturbed_with_others().await);
    let seeds = match std::env::var("VIGIE_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => SEEDS,
    };
    let mut faults = 0;
    for seed in seeds {
        let mask = Mask {
            primary: seed % 2 == 1,
            full: seed % 4 >= 2,
        };
        let proxy = Proxy::start(server, mask);
        let database = database();
        let uri = proxy.uri(&database);
        // Some of the seeds have another writer, of each dialect.
        let expected = if seed % 12 / 4 == 1 {
            let theirs = server::database_uri(server, &database);
            let dialect = if mask.full {
                Dialect::Full
            } else {
                Dialect::SingleIds
            };
            come_between(&proxy, theirs, dialect);
            &with_others
        } else {
            &alone
        };
        for attempt in 1.. {
            proxy.chaos(seed << 32 | attempt, FAULTS_PER_MILLE / attempt);
            // Each attempt is a program of its own.
            let ran = async {
                let store = MongoStore::open(&uri, None, false, None).await?;
                work().run(&store).await
            };
            match ran.await {
                Ok(_) => break,
                Err(error) => assert!(error.is_passing(), "seed {seed}: {error:?}"),
            }
        }
        faults += proxy.calm();
        let store = MongoStore::open(&uri, None, false, None).await.unwrap();
        assert!(content(&store).await == *expected, "seed {seed}");
        let name = uri.rsplit_once('/').unwrap().1;
        let client = ::mongodb::Client::with_uri_str(server).await.unwrap();
        client.database(name).drop().await.unwrap();
    }
    assert!(
        faults > 20 || std::env::var("VIGIE_SEED").is_ok(),
        "{faults} faults show little"
    );
}
