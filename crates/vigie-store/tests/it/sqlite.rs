//! What is particular to SQLite.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use vigie_core::bucket::Bucket;
use vigie_store::{
    error::StoreError,
    merge::{merge_buckets, seal_buckets},
    open::{Options, open, open_with},
    store::SummaryQuery,
};

use crate::{
    build::{RHYTHM, bucket, minute, source},
    faults::{content, published, undisturbed, work},
};

const URI: &str = "sqlite:vigie.db";

#[expect(
    clippy::disallowed_methods,
    reason = "it is to be a file that Vigie did not write"
)]
fn put(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap();
}

async fn refused(folder: &Path, read_only: bool) -> StoreError {
    open(URI, folder, read_only).await.unwrap_err()
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(URI, folder.path(), false).await.unwrap());
    let file = Connection::open(folder.path().join("vigie.db")).unwrap();
    file.pragma_update(None, "user_version", 7).unwrap();
    drop(file);
    for read_only in [false, true] {
        let error = refused(folder.path(), read_only).await.to_string();
        assert!(
            error.contains("schema 7, written by a newer Vigie"),
            "{error}"
        );
        assert!(error.contains("upgrade this Vigie"), "{error}");
    }
}

#[tokio::test]
async fn the_file_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vigie.db");
    put(&path, "id,name\n".repeat(2000));
    let error = refused(folder.path(), false).await;
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("id,name"));
    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE customers (id)").unwrap();
    drop(other);
    let error = refused(folder.path(), false).await;
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
}

#[tokio::test]
async fn an_empty_file_becomes_a_store_only_for_a_writer() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path().join("vigie.db"), "");
    let error = refused(folder.path(), true).await;
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    open(URI, folder.path(), false)
        .await
        .unwrap()
        .check()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path().join("data"), "a file");
    let error = open("sqlite:data/vigie.db", folder.path(), false)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_damaged_file_is_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(URI, folder.path(), false).await.unwrap();
    let deltas: Vec<Bucket> = (0..300)
        .map(|i| bucket("s", &format!("e{i}"), &[(0, 1.0)]))
        .collect();
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    drop(store);
    let path = folder.path().join("vigie.db");
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // All but the header and the schema.
    file.seek(SeekFrom::Start(8 * 4096)).unwrap();
    file.write_all(&vec![0xA5; (pages as usize - 8) * 4096])
        .unwrap();
    drop(file);
    let store = open(URI, folder.path(), false).await.unwrap();
    let error = merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("vigie replay"), "{error}");
}

#[tokio::test]
async fn a_damaged_document_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(URI, folder.path(), false).await.unwrap();
    let delta = bucket("s", "é|1", &[(0, 1.0)]);
    merge_buckets(&*store, std::slice::from_ref(&delta), RHYTHM)
        .await
        .unwrap();
    let file = Connection::open(folder.path().join("vigie.db")).unwrap();
    file.execute("UPDATE summaries SET state = x'0199'", [])
        .unwrap();
    let error = store
        .load_buckets(&[delta.key])
        .await
        .unwrap_err()
        .to_string();
    let expected = "column state of the bucket of `é|1` (s) at 2026-11-23T00:00:00Z";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn people_read_figures_with_sql() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(URI, folder.path(), false).await.unwrap();
    let delta = bucket("s", "e", &[(60, 1.0), (75, 2.5)]);
    let keys = [delta.key.clone()];
    merge_buckets(&*store, &[delta], RHYTHM).await.unwrap();
    seal_buckets(&*store, &keys, RHYTHM).await.unwrap();
    let file = Connection::open(folder.path().join("vigie.db")).unwrap();
    let row: (String, String, i64, f64, f64) = file
        .query_row(
            "SELECT hour, unit, count, mean, coverage FROM figures",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )
        .unwrap();
    assert_eq!(
        row,
        ("2026-11-23T01:00:00Z".into(), "m".into(), 2, 1.75, 0.5)
    );
    let mode: String = file
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_store_of_the_first_version_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let mut buckets = vec![
        bucket("s", "a", &[(0, 1.0), (10, -0.5)]),
        bucket("s", "e", &[(60, 1.0), (75, 2.5)]),
    ];
    buckets[1].seal(0);
    let file = Connection::open(folder.path().join("vigie.db")).unwrap();
    file.execute_batch(include_str!("../../src/sqlite/schema.sql"))
        .unwrap();
    file.pragma_update(None, "application_id", 0x5649_4749)
        .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
    for bucket in &buckets {
        file.execute(
            "INSERT INTO summaries (source, entity, hour, version, hour_end, deadline, sealed, label, measures, state)
             VALUES (?1, ?2, ?3, 7, ?4, ?5, ?6, ?7, ?8, ?9)",
            rusqlite::params![
                bucket.key.source.as_str(),
                bucket.key.entity.as_str(),
                bucket.key.hour.as_millisecond(),
                bucket.end.as_millisecond(),
                bucket.deadline.as_millisecond(),
                bucket.sealed,
                serde_json::to_string(&bucket.label).unwrap(),
                serde_json::to_string(&bucket.summarise(RHYTHM).measures).unwrap(),
                serde_json::to_string(&bucket.measures).unwrap().replace(",null]", "]"),
            ],
        )
        .unwrap();
    }
    drop(file);

    let error = open(URI, folder.path(), true).await.unwrap_err();
    assert!(
        matches!(error, StoreError::SchemaTooOld { found: 1, .. }),
        "{error}"
    );
    let store = open(URI, folder.path(), false).await.unwrap();
    let keys: Vec<_> = buckets.iter().map(|bucket| bucket.key.clone()).collect();
    let mut loaded = store.load_buckets(&keys).await.unwrap();
    loaded.sort_by(|a, b| a.document.key.cmp(&b.document.key));
    buckets.sort_by(|a, b| a.key.cmp(&b.key));
    assert!(loaded.iter().all(|loaded| loaded.version == 7));
    let loaded: Vec<_> = loaded.into_iter().map(|loaded| loaded.document).collect();
    // Of its samples only the last fetch is known.
    let mut expected = buckets.clone();
    for samples in expected
        .iter_mut()
        .flat_map(|bucket| bucket.measures.values_mut())
    {
        *samples = samples.clone().of_last_fetches();
    }
    assert_eq!(loaded, expected);
    let mut summaries = Vec::new();
    store
        .summaries(&SummaryQuery::default(), &mut |summary| {
            summaries.push(summary);
            std::ops::ControlFlow::Continue(())
        })
        .await
        .unwrap();
    summaries.sort_by(|a, b| a.key.cmp(&b.key));
    let expected: Vec<_> = buckets
        .iter()
        .map(|bucket| bucket.summarise(RHYTHM))
        .collect();
    assert_eq!(summaries, expected);
}

fn options(lock_timeout: Duration, bytes_max: Option<u64>) -> Options {
    Options {
        lock_timeout,
        bytes_max,
    }
}

/// A moment that a busy machine does not notice.
const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_file_that_another_program_holds_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let expected = undisturbed().await;
    let store = open_with(URI, folder.path(), false, options(MOMENT, None))
        .await
        .unwrap();
    merge_buckets(&*store, work().before.clone(), RHYTHM)
        .await
        .unwrap();
    let other = Connection::open(folder.path().join("vigie.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = work().run(&*store).await.unwrap_err();
    assert!(begun.elapsed() >= MOMENT, "it was not waited for");
    assert!(
        matches!(error, StoreError::Locked { waited: MOMENT, .. }) && error.is_passing(),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.contains("locked by another program for 300ms"),
        "{said}"
    );
    assert!(
        said.contains("vigie.db") && said.contains("Raw files wait"),
        "{said}"
    );
    // Who only reads does not wait.
    let reader = open(URI, folder.path(), true).await.unwrap();
    assert!(!content(&*reader).await.contains("sealed: true"));
    other.execute_batch("COMMIT").unwrap();
    work().run(&*store).await.unwrap();
    assert!(content(&*store).await == expected);
}

/// The other program lets go in time: nobody notices.
#[tokio::test]
async fn a_short_lock_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(URI, folder.path(), false).await.unwrap();
    let other = Connection::open(folder.path().join("vigie.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let letting_go = async {
        tokio::time::sleep(MOMENT).await;
        other.execute_batch("COMMIT").unwrap();
    };
    let work = work();
    let (ran, ()) = tokio::join!(work.run(&*store), letting_go);
    ran.unwrap();
    assert!(content(&*store).await == undisturbed().await);
}

#[tokio::test]
async fn a_full_store_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<Bucket> = (0..900)
        .map(|i| bucket("s", &format!("e{i}"), &[(0, f64::from(i))]))
        .collect();
    let tight = options(MOMENT, Some(160_000));
    let store = open_with(URI, folder.path(), false, tight).await.unwrap();
    merge_buckets(&*store, &many[..100], RHYTHM).await.unwrap();
    let before = content(&*store).await;
    let error = merge_buckets(&*store, many.clone(), RHYTHM)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("no space is left for the store sqlite:"),
        "{said}"
    );
    assert!(said.contains("free some and run again"), "{said}");
    // A batch is in the store as a whole, or not at all.
    assert!(content(&*store).await == before);
    drop(store);
    let store = open(URI, folder.path(), false).await.unwrap();
    let report = merge_buckets(&*store, many.clone(), RHYTHM).await.unwrap();
    assert_eq!((report.created, report.verified), (800, 900));
}

/// What is forgotten makes room for what comes.
#[tokio::test]
async fn a_file_whose_old_days_are_forgotten_stops_growing() {
    const DAY: i64 = 24 * 60;
    let folder = tempfile::tempdir().unwrap();
    let of = source("s");
    let mut bytes = Vec::new();
    for day in 0..10 {
        let store = open(URI, folder.path(), false).await.unwrap();
        let buckets: Vec<Bucket> = (0..300)
            .map(|i| bucket("s", &format!("e{i}"), &[(day * DAY, f64::from(i))]))
            .collect();
        let keys: Vec<_> = buckets.iter().map(|bucket| bucket.key.clone()).collect();
        merge_buckets(&*store, buckets, RHYTHM).await.unwrap();
        seal_buckets(&*store, &keys, RHYTHM).await.unwrap();
        let before = minute((day - 2) * DAY);
        while store.forget_buckets(&of, before, 100).await.unwrap() > 0 {}
        assert!(store.facts().await.unwrap().buckets <= 900);
        // Closed, it has no write-ahead file beside it.
        drop(store);
        bytes.push(fs::metadata(folder.path().join("vigie.db")).unwrap().len());
    }
    assert!(bytes[9] <= bytes[4], "{bytes:?}");
}

/// The first bytes say what the file is: without them nobody can tell whose it was.
#[tokio::test]
async fn a_file_whose_beginning_is_damaged_is_left_alone_and_the_remedy_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(URI, folder.path(), false).await.unwrap());
    let path = folder.path().join("vigie.db");
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all(&[0xA5; 100]).unwrap();
    drop(file);
    let before = fs::read(&path).unwrap();
    for read_only in [false, true] {
        let error = refused(folder.path(), read_only).await.to_string();
        assert!(error.contains("restore it from a copy"), "{error}");
    }
    assert!(fs::read(&path).unwrap() == before);
}

/// A store as version 1 wrote it, with the content of `work()`.
const VERSION_1: &str = include_str!("version_1.sql");

#[tokio::test]
async fn a_store_of_version_1_is_brought_up_to_date_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let old = Connection::open(folder.path().join("vigie.db")).unwrap();
    old.execute_batch(VERSION_1).unwrap();
    drop(old);
    // Who only reads cannot bring it up to date.
    let told = refused(folder.path(), true).await.to_string();
    assert!(told.contains("schema 1, older than"), "{told}");
    assert!(told.contains("run `vigie summarize` once"), "{told}");
    // Two that start at once: one of them does it.
    let (one, other) = tokio::join!(
        open(URI, folder.path(), false),
        open(URI, folder.path(), false)
    );
    let (store, other) = (one.unwrap(), other.unwrap());
    let known = {
        let elsewhere = tempfile::tempdir().unwrap();
        let new = open(URI, elsewhere.path(), false).await.unwrap();
        new.facts().await.unwrap().schema
    };
    assert!(known > 1);
    assert_eq!(other.facts().await.unwrap().schema, known);
    let elsewhere = tempfile::tempdir().unwrap();
    let new = open(URI, elsewhere.path(), false).await.unwrap();
    work().run(&*new).await.unwrap();
    assert!(published(&*store).await == published(&*new).await);
    // Its sealed buckets have no samples any more: what was known before they were sealed, nobody can tell.
    let mut told = Vec::new();
    let mut each = |bucket: Bucket| {
        told.push([20, 181].map(|at| bucket.known_at(minute(at)).1 == 0));
        std::ops::ControlFlow::Continue(())
    };
    let query = SummaryQuery::default();
    store.buckets(&query, &mut each).await.unwrap();
    assert_eq!(told, [[false, true]; 24]);
    // It is a store like any other: what is merged again is there already.
    let report = work().run(&*store).await.unwrap();
    assert_eq!((report.created, report.changed), (0, 0));
    let mode: String = Connection::open(folder.path().join("vigie.db"))
        .unwrap()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}
