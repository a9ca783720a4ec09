//! Faults of a MongoDB server, injected by a proxy: each has its name and remedy, nothing is lost, and merging again ends
//! as if there had been none.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use bson::{Bson, Document, doc};
use vigie_core::{
    bucket::{Bucket, BucketSummary},
    event::Event,
};
use vigie_store::{
    awaited::AwaitedStore,
    error::StoreError,
    merge::{MergeReport, merge_buckets, merge_events, seal_buckets},
    mongodb::{Dialect, MongoStore},
    open::{Options, open},
    store::{EventQuery, Store, SummaryQuery},
};

use crate::{
    build::{RHYTHM, bucket, event, minute, source},
    proxy::{Fault, Mask, Proxy},
    server,
};

/// What each dialect is tested on: `FerretDB` as it is, and the same server in the guise of a MongoDB replica set.
const MASKS: [Mask; 2] = [
    Mask {
        primary: false,
        full: false,
    },
    REPLICA_SET,
];

const REPLICA_SET: Mask = Mask {
    primary: true,
    full: true,
};

/// The name of a database of this test run.
pub(crate) fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("vigie_faults_{}_{number}", std::process::id())
}

/// A proxy in front of the server of the tests, and a database behind it.
fn behind(mask: Mask) -> Option<(Proxy, String)> {
    let proxy = Proxy::start(server::uri()?, mask);
    let uri = proxy.uri(&database());
    Some((proxy, uri))
}

async fn store(uri: &str) -> Result<MongoStore, StoreError> {
    MongoStore::open(uri, None, false, None).await
}

/// Removes the database, without the proxy.
async fn tidy(uri: &str) {
    let name = uri.rsplit_once('/').unwrap().1;
    let name = name.split_once('?').map_or(name, |(name, _)| name);
    let client = ::mongodb::Client::with_uri_str(server::uri().unwrap());
    client.await.unwrap().database(name).drop().await.unwrap();
}

/// What is merged: new buckets, changed ones, and events.
pub(crate) struct Work {
    pub(crate) before: Vec<Bucket>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn work() -> Work {
    let name = |i: i64| format!("e{i:02}");
    Work {
        before: (0..12)
            .map(|i| bucket("s", &name(i), &[(0, i as f64)]))
            .collect(),
        // Half of them are there already.
        buckets: (6..24)
            .map(|i| bucket("s", &name(i), &[(7, 0.5 * i as f64), (30, 1.0)]))
            .collect(),
        events: (0..8).map(|i| event("q", &name(i), 1 + i, i, 40)).collect(),
    }
}

impl Work {
    /// Does it. Every step may be done again.
    pub(crate) async fn run(&self, store: &dyn Store) -> Result<MergeReport, StoreError> {
        let report = self.merge(store).await?;
        // The hour is over at minute 60, and its deadline is two hours later.
        let due = store.unsealed(&source("s"), minute(181), 999).await?;
        seal_buckets(store, &due, RHYTHM).await?;
        Ok(report)
    }

    /// The first steps, which others may do at the same time.
    pub(crate) async fn merge(&self, store: &dyn Store) -> Result<MergeReport, StoreError> {
        merge_buckets(store, self.before.clone(), RHYTHM).await?;
        let report = merge_buckets(store, self.buckets.clone(), RHYTHM).await?;
        merge_events(store, self.events.clone()).await?;
        Ok(report)
    }
}

/// Everything that can be read from a store.
pub(crate) async fn content(store: &dyn Store) -> String {
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut each = |bucket| {
        buckets.push(bucket);
        ControlFlow::Continue(())
    };
    let read = store.buckets(&SummaryQuery::default(), &mut each).await;
    read.unwrap();
    format!("{}\n{buckets:#?}", published(store).await)
}

/// What a store says: summaries and events.
pub(crate) async fn published(store: &dyn Store) -> String {
    let mut summaries: Vec<BucketSummary> = Vec::new();
    let mut each = |summary| {
        summaries.push(summary);
        ControlFlow::Continue(())
    };
    store
        .summaries(&SummaryQuery::default(), &mut each)
        .await
        .unwrap();
    let mut events: Vec<Event> = Vec::new();
    let mut each = |event| {
        events.push(event);
        ControlFlow::Continue(())
    };
    store
        .events(&EventQuery::default(), &mut each)
        .await
        .unwrap();
    format!("{summaries:#?}\n{events:#?}")
}

/// The content of an undisturbed store, on SQLite.
pub(crate) async fn undisturbed() -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = open("sqlite:vigie.db", folder.path(), false).await.unwrap();
    work().run(&*store).await.unwrap();
    let content = content(&*store).await;
    assert!(content.contains("e23") && content.contains("sealed: true"));
    content
}

/// The words of an error and of its cause.
fn said(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, ToString::to_string);
    format!("{error}: {cause}")
}

/// A fault at the first, second… command of a kind is told, or passed over; the store then gives what it would have given.
async fn endures(command: &'static str, fault: Fault, told: Option<&str>) {
    let expected = undisturbed().await;
    for mask in MASKS {
        for skip in [0, 1] {
            let Some((proxy, uri)) = behind(mask) else {
                return;
            };
            let store = store(&uri).await.unwrap();
            // Often enough that trying again at once does not help.
            let times = if told.is_some() { 9 } else { 1 };
            proxy.inject(command, skip, times, fault.clone());
            let ran = work().run(&store).await;
            assert!(proxy.calm() > 0, "the fault was never met");
            match (ran, told) {
                (Ok(_), None) => {}
                (Err(error), Some(told)) => {
                    let said = said(&error);
                    assert!(said.contains(told), "{said}");
                    assert!(said.contains(store.address()), "{said}");
                    assert!(error.is_passing(), "{error:?}");
                }
                (ran, _) => panic!("{command} #{skip}: {ran:?} instead of {told:?}"),
            }
            work().run(&store).await.unwrap();
            assert!(content(&store).await == expected, "{command} #{skip}");
            drop(store);
            tidy(&uri).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_once_is_passed_over() {
    for command in ["insert", "update"] {
        endures(command, Fault::CutBefore, None).await;
        endures(command, Fault::CutAfter, None).await;
        endures(command, Fault::CutMidway, None).await;
    }
    endures("find", Fault::CutAfter, None).await;
}

#[tokio::test]
async fn a_connection_that_keeps_breaking_is_an_absent_server() {
    for command in ["insert", "update"] {
        let told = "check that the server runs and that `store.uri` names it";
        endures(command, Fault::CutAfter, Some(told)).await;
    }
}

#[tokio::test]
async fn a_primary_that_steps_down_is_found_again() {
    for command in ["insert", "update", "find"] {
        endures(command, Fault::NotPrimary, None).await;
        endures(command, Fault::Stopping, None).await;
    }
}

#[tokio::test]
async fn a_server_without_primary_is_named_with_the_remedy() {
    for command in ["insert", "update"] {
        let told = "changing its primary: run again in a moment";
        endures(command, Fault::NotPrimary, Some(told)).await;
        endures(command, Fault::Stopping, Some(told)).await;
    }
}

#[tokio::test]
async fn a_duplicate_key_is_a_conflict_and_no_failure() {
    for command in ["insert", "update"] {
        endures(command, Fault::Duplicate, None).await;
    }
}

#[tokio::test]
async fn a_write_without_majority_does_not_count() {
    for command in ["insert", "update"] {
        let told = "a majority of its servers did not confirm a write in time";
        endures(command, Fault::NoMajority, Some(told)).await;
    }
}

#[tokio::test]
async fn an_answer_without_sense_is_named() {
    for command in ["insert", "update", "find"] {
        let told = "its answer makes no sense: check that `store.uri` names a MongoDB server";
        endures(command, Fault::Malformed, Some(told)).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for() {
    let expected = undisturbed().await;
    for mask in MASKS {
        for command in ["find", "update"] {
            let Some((proxy, uri)) = behind(mask) else {
                return;
            };
            let impatient = format!("{uri}?socketTimeoutMS=2000&wtimeoutMS=300");
            let store = store(&impatient).await.unwrap();
            merge_buckets(&store, work().before.clone(), RHYTHM)
                .await
                .unwrap();
            proxy.inject(command, 0, 1, Fault::Silent);
            let work = work();
            let ran = tokio::time::timeout(Duration::from_secs(15), work.run(&store));
            let error = ran.await.expect("it is waited for").unwrap_err();
            let said = said(&error);
            assert!(said.contains("`socketTimeoutMS`"), "{said}");
            assert!(said.contains("no answer within 2s"), "{said}");
            proxy.calm();
            work.run(&store).await.unwrap();
            assert!(content(&store).await == expected);
            drop(store);
            tidy(&uri).await;
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    endures("update", Fault::Slow(Duration::from_millis(300)), None).await;
}

/// What makes the tables of a new store may break anywhere, too.
#[tokio::test]
async fn opening_a_new_store_may_break_anywhere() {
    let expected = undisturbed().await;
    for mask in MASKS {
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::NotPrimary] {
            for command in [
                "buildInfo",
                "create",
                "createIndexes",
                "insert",
                "listCollections",
            ] {
                let Some((proxy, uri)) = behind(mask) else {
                    return;
                };
                proxy.inject(command, 0, 2, fault.clone());
                match store(&uri).await {
                    Ok(_) => {}
                    Err(error) => assert!(error.is_passing(), "{command}: {error:?}"),
                }
                assert!(proxy.calm() > 0, "{command}");
                let store = store(&uri).await.unwrap();
                work().run(&store).await.unwrap();
                assert!(content(&store).await == expected, "{command}");
                drop(store);
                tidy(&uri).await;
            }
        }
    }
}

/// A collection that is made while the primary changes must not be left without what checks its documents.
#[tokio::test]
async fn validators_are_not_given_up_for_a_passing_fault() {
    let Some((proxy, uri)) = behind(REPLICA_SET) else {
        return;
    };
    proxy.inject("create", 0, 1, Fault::NotPrimary);
    let error = store(&uri).await.unwrap_err();
    assert!(said(&error).contains("changing its primary"), "{error:?}");
    let asked = proxy.seen("create");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].contains_key("validator"), "{asked:?}");
    tidy(&uri).await;
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_is_found_again() {
    let expected = undisturbed().await;
    for mask in MASKS {
        let Some((proxy, uri)) = behind(mask) else {
            return;
        };
        let quick = format!("{uri}?serverSelectionTimeoutMS=1500");
        let store = store(&quick).await.unwrap();
        merge_buckets(&store, work().before.clone(), RHYTHM)
            .await
            .unwrap();
        proxy.go_away();
        for _ in 0..2 {
            let begun = Instant::now();
            let error = work().run(&store).await.unwrap_err();
            assert!(begun.elapsed() < Duration::from_secs(12), "{error:?}");
            assert!(
                said(&error).contains("check that the server runs"),
                "{error:?}"
            );
        }
        proxy.come_back(None);
        work().run(&store).await.unwrap();
        assert!(content(&store).await == expected);
        drop(store);
        tidy(&uri).await;
    }
}

#[tokio::test]
async fn an_awaited_store_says_why_it_is_away_and_opens_by_itself() {
    let Some((proxy, uri)) = behind(REPLICA_SET) else {
        return;
    };
    proxy.go_away();
    let quick = format!("{uri}?serverSelectionTimeoutMS=600");
    let store = AwaitedStore::new(&quick, Path::new("/"), false, Options::default());
    let error = work().run(&store).await.unwrap_err();
    assert!(
        said(&error).contains("check that the server runs"),
        "{error:?}"
    );
    assert!(uri.starts_with(store.address()), "{}", store.address());
    // Many pages ask: the reason is at hand.
    let begun = Instant::now();
    for _ in 0..9 {
        assert!(store.check().await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_millis(200));
    proxy.come_back(None);
    while let Err(error) = store.check().await {
        assert!(error.is_passing(), "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    work().run(&store).await.unwrap();
    assert!(content(&store).await == undisturbed().await);
    drop(store);
    tidy(&uri).await;
}

/// The commands that change documents.
fn writes(proxy: &Proxy) -> Vec<Document> {
    let names = ["insert", "update", "delete"];
    names.iter().flat_map(|name| proxy.seen(name)).collect()
}

#[tokio::test]
async fn every_write_asks_for_a_majority_on_disk() {
    for mask in MASKS {
        let Some((proxy, uri)) = behind(mask) else {
            return;
        };
        let weak = format!("{uri}?w=1&journal=false&wtimeoutMS=4321");
        let store = store(&weak).await.unwrap();
        store.check().await.unwrap();
        work().run(&store).await.unwrap();
        let notes = store.facts().await.unwrap().notes;
        assert!(notes.iter().any(|note| note.contains("`w=1`")), "{notes:?}");
        let writes = writes(&proxy);
        assert!(writes.len() >= 5, "{writes:?}");
        for write in &writes {
            let concern = write.get_document("writeConcern").unwrap();
            assert_eq!(concern.get_str("w").unwrap(), "majority", "{write}");
            assert!(concern.get_bool("j").unwrap(), "{write}");
            let timeout = match concern.get("wtimeout") {
                Some(Bson::Int32(timeout)) => i64::from(*timeout),
                Some(Bson::Int64(timeout)) => *timeout,
                other => panic!("{other:?}"),
            };
            assert_eq!(timeout, 4321, "{write}");
        }
        drop(store);
        tidy(&uri).await;
    }
}

#[tokio::test]
async fn inserts_are_retryable_where_the_server_can_and_the_address_lets_them_be() {
    for (mask, options, numbered) in [
        (REPLICA_SET, "", true),
        (REPLICA_SET, "?retryWrites=false", false),
        (Mask::default(), "", false),
    ] {
        let Some((proxy, uri)) = behind(mask) else {
            return;
        };
        let store = store(&format!("{uri}{options}")).await.unwrap();
        work().run(&store).await.unwrap();
        for insert in proxy.seen("insert") {
            assert_eq!(insert.contains_key("txnNumber"), numbered, "{insert}");
        }
        drop(store);
        tidy(&uri).await;
    }
}

/// A batch is one request of each kind, whatever it holds.
#[tokio::test]
async fn a_batch_takes_few_round_trips() {
    let Some((proxy, uri)) = behind(REPLICA_SET) else {
        return;
    };
    let store = store(&uri).await.unwrap();
    let deltas = |value: f64, from: i64, to: i64| -> Vec<Bucket> {
        (from..to)
            .map(|i| bucket("s", &format!("e{i:03}"), &[(value as i64, value)]))
            .collect()
    };
    merge_buckets(&store, deltas(1.0, 0, 100), RHYTHM)
        .await
        .unwrap();
    proxy.forget();
    let report = merge_buckets(&store, deltas(2.0, 50, 150), RHYTHM)
        .await
        .unwrap();
    assert_eq!((report.created, report.changed), (50, 50));
    let count = |command| proxy.seen(command).len();
    assert_eq!((count("insert"), count("update")), (1, 1));
    // Once to merge, once to read back.
    assert_eq!((count("find"), count("getMore")), (2, 0));
    drop(store);
    tidy(&uri).await;
}

/// Two writers that change the same documents: only what the other has changed is merged anew.
#[tokio::test]
async fn one_document_of_a_batch_in_conflict_is_found() {
    let Some((proxy, uri)) = behind(REPLICA_SET) else {
        return;
    };
    let ours = store(&uri).await.unwrap();
    let all: Vec<Bucket> = (0..20)
        .map(|i| bucket("s", &format!("e{i:02}"), &[(0, 1.0)]))
        .collect();
    merge_buckets(&ours, all.clone(), RHYTHM).await.unwrap();
    // Between our reading and our writing, somebody else changes one of them, and gives another the very content that we
    // are about to write.
    let theirs = server::database_uri(server::uri().unwrap(), uri.rsplit_once('/').unwrap().1);
    let (handle, begun) = (tokio::runtime::Handle::current(), std::sync::Once::new());
    let call = move || {
        begun.call_once(|| {
            let theirs = theirs.clone();
            let work = async move {
                let dialect = Some(Dialect::Full);
                let store = MongoStore::open(&theirs, None, false, dialect)
                    .await
                    .unwrap();
                let other = [
                    bucket("s", "e03", &[(9, 9.0)]),
                    bucket("s", "e04", &[(5, 2.0)]),
                ];
                merge_buckets(&store, other.clone(), RHYTHM).await.unwrap();
            };
            std::thread::scope(|scope| {
                scope.spawn(|| handle.block_on(work));
            });
        });
    };
    proxy.inject("update", 0, 1, Fault::Call(std::sync::Arc::new(call)));
    let more: Vec<Bucket> = (0..20)
        .map(|i| bucket("s", &format!("e{i:02}"), &[(5, 2.0)]))
        .collect();
    let report = merge_buckets(&ours, more.clone(), RHYTHM).await.unwrap();
    assert_eq!((report.changed, report.conflicts), (20, 1));
    let key = bucket("s", "e03", &[(0, 1.0)]).key;
    let loaded = ours.load_buckets(&[key]).await.unwrap();
    assert_eq!(loaded[0].document.sample_count(), 3);
    drop(ours);
    tidy(&uri).await;
}

/// An event that is revised while it is about to be forgotten stays, if it is then of a day that is kept.
#[tokio::test]
async fn an_event_that_moves_while_it_is_forgotten_stays() {
    for mask in MASKS {
        let Some((proxy, uri)) = behind(mask) else {
            return;
        };
        let ours = store(&uri).await.unwrap();
        let old = ["moves", "stays"].map(|key| event("q", key, 1, 10, 90));
        merge_events(&ours, old).await.unwrap();
        let theirs = server::database_uri(server::uri().unwrap(), uri.rsplit_once('/').unwrap().1);
        let handle = tokio::runtime::Handle::current();
        let call = move || {
            let work = async {
                let store = MongoStore::open(&theirs, None, false, Some(Dialect::Full))
                    .await
                    .unwrap();
                merge_events(&store, [event("q", "moves", 2, 70, 95)])
                    .await
                    .unwrap();
            };
            std::thread::scope(|scope| {
                scope.spawn(|| handle.block_on(work));
            });
        };
        // What is due was found. Before it is deleted, or before the turn to write is had, somebody else revises it.
        let next = if mask.full { "delete" } else { "insert" };
        proxy.inject(next, 0, 1, Fault::Call(std::sync::Arc::new(call)));
        let forgotten = ours.forget_events(&source("q"), minute(60), 9).await;
        assert_eq!(proxy.calm(), 1, "nobody came in between");
        assert_eq!(forgotten.unwrap(), 1);
        let left = content(&ours).await;
        assert!(left.contains("moves") && !left.contains("stays"), "{left}");
        drop(ours);
        tidy(&uri).await;
    }
}

/// Where writers take turns, one that died with the turn does not stop the others for long, and one that was only taken
/// for dead does not write over what they wrote.
#[tokio::test]
async fn the_turn_of_a_dead_writer_passes_on() {
    let Some((proxy, uri)) = behind(Mask::default()) else {
        return;
    };
    let first = store(&uri).await.unwrap();
    merge_buckets(&first, work().before.clone(), RHYTHM)
        .await
        .unwrap();
    // It takes its turn, and is then cut off for good.
    proxy.inject("update", 0, 99, Fault::CutBefore);
    proxy.inject("delete", 0, 99, Fault::CutBefore);
    let error = work().run(&first).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    proxy.calm();
    let name = uri.rsplit_once('/').unwrap().1;
    let client = ::mongodb::Client::with_uri_str(server::uri().unwrap())
        .await
        .unwrap();
    let locks = client.database(name).collection::<Document>("vigie");
    let held = locks.find_one(doc! { "_id": "writer" }).await.unwrap();
    assert!(
        held.is_some(),
        "nobody held the turn: this test shows nothing"
    );
    let begun = Instant::now();
    let second = store(&uri).await.unwrap();
    work().run(&second).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(50));
    assert!(content(&second).await == undisturbed().await);
    tidy(&uri).await;
}

/// The process of the server is killed in the middle of a batch, and started again on what it had written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_a_batch_goes_on_when_it_is_started_again() {
    let expected = undisturbed().await;
    for (command, mask) in [
        ("insert", MASKS[0]),
        ("update", MASKS[1]),
        ("update", MASKS[0]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let Some(own) = server::Own::start(folder.path()) else {
            return;
        };
        let proxy = Proxy::start(own.uri(), mask);
        let uri = format!("{}?serverSelectionTimeoutMS=1500", proxy.uri("vigie"));
        let store = store(&uri).await.unwrap();
        let id = own.id().to_string();
        let kill = move || {
            let killed = std::process::Command::new("kill")
                .args(["-9", &id])
                .status();
            assert!(killed.unwrap().success());
        };
        merge_buckets(&store, work().before.clone(), RHYTHM)
            .await
            .unwrap();
        // What comes second: half of it is executed before the server dies.
        proxy.inject(command, 0, 1, Fault::CutMidway);
        proxy.inject(command, 0, 1, Fault::Call(std::sync::Arc::new(kill)));
        // Nothing of this batch counts: whoever was told that it did would let go of what it came from.
        let told = merge_buckets(&store, work().buckets.clone(), RHYTHM).await;
        let error = told.unwrap_err();
        assert!(error.is_passing(), "{error:?}");
        assert_eq!(proxy.calm(), 2, "{command}: {error:?}");
        drop(own);
        let again = server::Own::start(folder.path()).unwrap();
        proxy.come_back(Some(again.uri()));
        work().run(&store).await.unwrap();
        assert!(content(&store).await == expected, "{command}");
    }
}
