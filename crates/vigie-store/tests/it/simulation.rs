//! Random faults of a MongoDB server, from a seed: `VIGIE_SEED=7 cargo test -p vigie-store --test it simulation` runs one again.

use std::ops::Range;

use vigie_store::mongodb::MongoStore;

use crate::{
    faults::{content, database, undisturbed, work},
    proxy::{Mask, Proxy},
    server,
};

/// Of a thousand commands, so many meet a fault in the first attempt; in the second half as many, then a third.
const FAULTS_PER_MILLE: u64 = 90;
const SEEDS: Range<u64> = 0..12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_server_does_the_store_ends_the_same() {
    let Some(server) = server::uri() else { return };
    let expected = undisturbed().await;
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
        let uri = proxy.uri(&database());
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
        assert!(content(&store).await == expected, "seed {seed}");
        let name = uri.rsplit_once('/').unwrap().1;
        let client = ::mongodb::Client::with_uri_str(server).await.unwrap();
        client.database(name).drop().await.unwrap();
    }
    assert!(
        faults > 20 || std::env::var("VIGIE_SEED").is_ok(),
        "{faults} faults show little"
    );
}
