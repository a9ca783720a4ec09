//! What every store must do, written once.

use std::{collections::BTreeMap, ops::ControlFlow};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::task::JoinSet;
use vigie_core::{
    bucket::{Bucket, BucketSummary, SEALED_MAX},
    event::Event,
    row::Point,
    text::MeasureId,
};
use vigie_store::{
    error::StoreError,
    merge::{MergeReport, merge_buckets, merge_events, seal_buckets},
    store::{BucketWrite, EventQuery, MeasureHour, Store, SummaryQuery, Versioned},
};

use crate::{
    build::{RHYTHM, bucket, entity, event, exotic_bucket, exotic_event, minute, source},
    faults::{content, undisturbed, work},
    verification::{Deed, Unfaithful},
    world::{Kind, World, run},
};

macro_rules! contract {
    ($($case:ident)*) => {
        contract!(@on sqlite, Kind::Sqlite, $($case)*);
        contract!(@on mongodb, Kind::Mongodb, $($case)*);
        contract!(@on mongodb_full, Kind::MongodbFull, $($case)*);
    };
    (@on $module:ident, $kind:expr, $($case:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    run($kind, |world| Box::pin(super::$case(world))).await;
                }
            )*
        }
    };
}

contract! {
    a_bucket_comes_back_as_it_was
    an_event_comes_back_as_it_was
    a_write_on_another_version_is_a_conflict
    merging_again_changes_nothing
    zero_has_no_sign
    a_store_is_made_once_by_many
    writers_at_once_lose_nothing
    summaries_come_in_order_and_range
    one_measure_is_as_among_all
    events_come_in_order_and_range
    a_revised_event_moves
    the_newest_hour_is_found
    buckets_are_sealed_when_due
    what_is_no_longer_kept_is_forgotten
    an_event_that_moves_is_forgotten_by_where_it_is
    reading_goes_on_while_others_write
    a_batch_that_breaks_midway_is_caught_up_with
    a_batch_whose_answer_is_lost_is_not_counted_twice
    who_was_overtaken_merges_anew
    a_reader_sees_what_is_written_and_writes_nothing
    everything_is_there_after_reopening
}

fn new<T>(document: T) -> Versioned<T> {
    Versioned {
        document,
        version: 0,
    }
}

fn write(bucket: &Bucket, version: u64) -> Versioned<BucketWrite> {
    Versioned {
        document: BucketWrite::new(bucket.clone(), RHYTHM).unwrap(),
        version,
    }
}

async fn summaries(store: &dyn Store, query: &SummaryQuery) -> Vec<BucketSummary> {
    let mut found = Vec::new();
    let mut each = |summary| {
        found.push(summary);
        ControlFlow::Continue(())
    };
    store.summaries(query, &mut each).await.unwrap();
    found
}

async fn events(store: &dyn Store, query: &EventQuery) -> Vec<Event> {
    let mut found = Vec::new();
    let mut each = |event| {
        found.push(event);
        ControlFlow::Continue(())
    };
    store.events(query, &mut each).await.unwrap();
    found
}

/// Names in which something means something to somebody.
const EXOTIC_NAMES: [&str; 9] = [
    "a|b",
    "a%7Cb",
    "$where",
    "a.b.$[]",
    "Gare de l'Est \u{1f6b2}",
    "É\u{301}",
    " ",
    "'; DROP TABLE summaries; --",
    "\u{202e}\\\"\n",
];

async fn a_bucket_comes_back_as_it_was(world: &World) {
    let store = world.store().await;
    let mut buckets: Vec<Bucket> = EXOTIC_NAMES.map(exotic_bucket).into();
    buckets[2].seal(SEALED_MAX);
    buckets[3].seal(0);
    buckets[4].seal(0);
    buckets[4].merge(&bucket("exotic", EXOTIC_NAMES[4], &[(59, 1.5)]));
    buckets[5].deadline = Timestamp::from_second(253_402_207_200).unwrap();
    let writes = buckets.iter().map(|bucket| write(bucket, 0)).collect();
    assert_eq!(store.save_buckets(writes).await.unwrap(), []);

    let mut keys: Vec<_> = buckets.iter().map(|bucket| bucket.key.clone()).collect();
    keys.push(bucket("exotic", "absent", &[(0, 1.0)]).key);
    let mut loaded = store.load_buckets(&keys).await.unwrap();
    loaded.sort_by(|a, b| a.document.key.cmp(&b.document.key));
    buckets.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(loaded.len(), buckets.len());
    let mut expected = Vec::new();
    for (loaded, bucket) in loaded.iter().zip(&buckets) {
        assert_eq!((&loaded.document, loaded.version), (bucket, 1));
        expected.push(bucket.summarise(RHYTHM));
    }
    let mut whole = Vec::new();
    let mut each = |bucket| {
        whole.push(bucket);
        ControlFlow::Continue(())
    };
    let read = store.buckets(&SummaryQuery::default(), &mut each).await;
    read.unwrap();
    assert_eq!(whole, buckets);
    let summaries = summaries(&*store, &SummaryQuery::default()).await;
    assert_eq!(format!("{summaries:?}"), format!("{expected:?}"));
    assert_eq!(store.load_buckets(&[]).await.unwrap(), []);
    assert_eq!(store.save_buckets(Vec::new()).await.unwrap(), []);
}

async fn an_event_comes_back_as_it_was(world: &World) {
    let store = world.store().await;
    let saved: Vec<Event> = EXOTIC_NAMES.map(exotic_event).into();
    let writes = saved.iter().cloned().map(new).collect();
    assert_eq!(store.save_events(writes).await.unwrap(), []);
    for event in &saved {
        let loaded = store
            .load_events(std::slice::from_ref(&event.key))
            .await
            .unwrap();
        assert_eq!(format!("{:?}", loaded[0].document), format!("{event:?}"));
    }
    let at = saved[0].current().unwrap().observed_at;
    let query = |from, to| EventQuery {
        from,
        to,
        ..EventQuery::default()
    };
    // The observed time is that of `from` to the nanosecond.
    assert_eq!(
        events(&*store, &query(Some(at), None)).await.len(),
        saved.len()
    );
    assert_eq!(events(&*store, &query(None, Some(at))).await, []);
    let empty = Event {
        versions: Vec::new(),
        ..saved[0].clone()
    };
    let refused = store.save_events(vec![new(empty)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
}

async fn a_write_on_another_version_is_a_conflict(world: &World) {
    let store = world.store().await;
    let mut kept = bucket("s", "kept", &[(0, 1.0)]);
    let other = bucket("s", "other", &[(0, 1.0)]);
    let absent = bucket("s", "absent", &[(0, 1.0)]);
    assert_eq!(store.save_buckets(vec![write(&kept, 0)]).await.unwrap(), []);
    // One that exists already, a new one, and one that should exist.
    let mixed = vec![write(&kept, 0), write(&other, 0), write(&absent, 3)];
    let mut conflicts = store.save_buckets(mixed).await.unwrap();
    conflicts.sort();
    assert_eq!(conflicts, [absent.key.clone(), kept.key.clone()]);

    kept.merge(&bucket("s", "kept", &[(5, 2.0)]));
    assert_eq!(store.save_buckets(vec![write(&kept, 1)]).await.unwrap(), []);
    let stale = bucket("s", "kept", &[(10, 9.0)]);
    let conflicts = store.save_buckets(vec![write(&stale, 1)]).await.unwrap();
    assert_eq!(conflicts, [kept.key.clone()]);
    let loaded = store
        .load_buckets(&[kept.key.clone(), absent.key])
        .await
        .unwrap();
    assert_eq!(
        loaded,
        [Versioned {
            document: kept,
            version: 2
        }]
    );

    let event = event("s", "e", 1, 0, 1);
    assert_eq!(
        store.save_events(vec![new(event.clone())]).await.unwrap(),
        []
    );
    let conflicts = store.save_events(vec![new(event.clone())]).await.unwrap();
    assert_eq!(conflicts, [event.key]);
}

async fn merging_again_changes_nothing(world: &World) {
    let store = world.store().await;
    let deltas: Vec<Bucket> = (0..30)
        .map(|i| bucket("s", &format!("e{i}"), &[(0, f64::from(i)), (20, 1.0)]))
        .collect();
    let report = merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let expected = MergeReport {
        created: 30,
        verified: 30,
        ..MergeReport::default()
    };
    assert_eq!(report, expected);
    // In another order, twice, and in part.
    let mut again: Vec<Bucket> = deltas.iter().rev().cloned().collect();
    again.push(bucket("s", "e7", &[(20, 1.0)]));
    again.push(bucket("s", "e8", &[(40, 3.0)]));
    let report = merge_buckets(&*store, again.clone(), RHYTHM).await.unwrap();
    assert_eq!(
        (report.created, report.changed, report.unchanged),
        (0, 1, 29)
    );
    assert_eq!(report.verified, 30);
    let loaded = store.load_buckets(&[deltas[7].key.clone()]).await.unwrap();
    assert_eq!(loaded[0].version, 1);

    let quakes = [event("q", "a", 1, 0, 1), event("q", "a", 2, 1, 2)];
    let report = merge_events(&*store, quakes.clone()).await.unwrap();
    assert_eq!((report.created, report.verified), (1, 1));
    let report = merge_events(&*store, &quakes[..1]).await.unwrap();
    assert_eq!((report.unchanged, report.verified), (1, 1));
}

async fn zero_has_no_sign(world: &World) {
    let store = world.store().await;
    let mut delta = bucket("s", "e", &[(0, -0.0)]);
    delta.label.point = Point::new(-0.0, -0.0);
    let mut quake = event("q", "e", 1, 0, 1);
    quake.versions[0].point = Point::new(-0.0, 5.0);
    for value in quake.versions[0].values.values_mut() {
        *value = -0.0;
    }
    for unchanged in [0, 1] {
        let report = merge_buckets(&*store, std::slice::from_ref(&delta), RHYTHM)
            .await
            .unwrap();
        assert_eq!((report.unchanged, report.verified), (unchanged, 1));
        let report = merge_events(&*store, std::slice::from_ref(&quake))
            .await
            .unwrap();
        assert_eq!((report.unchanged, report.verified), (unchanged, 1));
    }
}

/// As two cron jobs do that start at once.
async fn a_store_is_made_once_by_many(world: &World) {
    let stores = join_all((0..8).map(|_| world.try_open(false))).await;
    for (at, store) in (0i64..).zip(stores) {
        let delta = bucket("s", "e", &[(at, 1.0)]);
        merge_buckets(&*store.unwrap(), &[delta], RHYTHM)
            .await
            .unwrap();
    }
    let key = bucket("s", "e", &[(0, 1.0)]).key;
    let loaded = world.store().await.load_buckets(&[key]).await.unwrap();
    assert_eq!(loaded[0].document.sample_count(), 8);
}

async fn writers_at_once_lose_nothing(world: &World) {
    const WRITERS: i64 = 3;
    const TURNS: i64 = 4;
    const ENTITIES: i64 = 6;
    if !world.is_atomic().await {
        eprintln!("left out: FerretDB 1 does not replace atomically");
        return;
    }
    let delta = |id: i64, writer: i64, turn: i64| {
        let at = (turn * WRITERS + writer) * 3;
        bucket("s", &format!("e{id}"), &[(at, (id * 100 + at) as f64)])
    };
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = world.store().await;
        writers.spawn(async move {
            for turn in 0..TURNS {
                let deltas: Vec<Bucket> = (0..ENTITIES).map(|id| delta(id, writer, turn)).collect();
                merge_buckets(&*store, deltas.clone(), RHYTHM)
                    .await
                    .unwrap();
                let quake = event("q", "same", turn * WRITERS + writer + 1, turn, 10);
                merge_events(&*store, &[quake]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let store = world.store().await;
    for id in 0..ENTITIES {
        let mut whole = delta(id, 0, 0);
        for writer in 0..WRITERS {
            for turn in 0..TURNS {
                whole.merge(&delta(id, writer, turn));
            }
        }
        let loaded = store.load_buckets(&[whole.key.clone()]).await.unwrap();
        assert_eq!(loaded[0].document, whole);
        // Every writer added something at every turn.
        assert_eq!(loaded[0].version, 12);
    }
    let events = events(&*store, &EventQuery::default()).await;
    assert_eq!(events[0].versions.len(), 12);
}

async fn one_measure_is_as_among_all(world: &World) {
    let store = world.store().await;
    let open = exotic_bucket("Gare de l'Est");
    let mut sealed = exotic_bucket("a.b.$[]");
    sealed.seal(0);
    let writes = vec![write(&open, 0), write(&sealed, 0)];
    assert_eq!(store.save_buckets(writes).await.unwrap(), []);
    let whole = summaries(&*store, &SummaryQuery::default()).await;
    let mut wanted: Vec<MeasureId> = open.measures.keys().cloned().collect();
    wanted.push(MeasureId::new("stranger").unwrap());
    for measure in wanted {
        let mut alone = Vec::new();
        let mut each = |hour: MeasureHour| {
            alone.push(hour);
            ControlFlow::Continue(())
        };
        let query = SummaryQuery::default();
        let read = store.summaries_of(&query, &measure, &mut each).await;
        read.unwrap();
        assert_eq!(alone.len(), 2);
        for (alone, whole) in alone.into_iter().zip(&whole) {
            assert_eq!(alone, MeasureHour::of(whole.clone(), &measure));
        }
    }
}

async fn summaries_come_in_order_and_range(world: &World) {
    let store = world.store().await;
    let mut deltas = Vec::new();
    for hour in [2, 0, 1] {
        for id in ["b", "B", "a", "é", "z"] {
            deltas.push(bucket("s2", id, &[(hour * 60 + 5, 1.0)]));
            deltas.push(bucket("s1", id, &[(hour * 60 + 5, 2.0)]));
        }
    }
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let mut expected: Vec<_> = deltas
        .iter()
        .map(|bucket| {
            (
                bucket.key.source.clone(),
                bucket.key.hour,
                bucket.key.entity.clone(),
            )
        })
        .collect();
    expected.sort();
    let keys = |found: Vec<BucketSummary>| -> Vec<_> {
        let keys = found.into_iter().map(|summary| summary.key);
        keys.map(|key| (key.source, key.hour, key.entity)).collect()
    };
    let all = summaries(&*store, &SummaryQuery::default()).await;
    assert_eq!(keys(all), expected);

    let query = SummaryQuery {
        source: Some(source("s2")),
        from: Some(minute(60)),
        to: Some(minute(120)),
        ..SummaryQuery::default()
    };
    let hour: Vec<_> = expected
        .iter()
        .filter(|key| key.0 == source("s2") && key.1 == minute(60))
        .cloned()
        .collect();
    assert_eq!(keys(summaries(&*store, &query).await), hour);
    let query = SummaryQuery {
        source: Some(source("s1")),
        entity: Some(entity("é")),
        ..SummaryQuery::default()
    };
    let found = summaries(&*store, &query).await;
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted_by_key(|summary| summary.key.hour));
    assert_eq!(found[0], bucket("s1", "é", &[(5, 2.0)]).summarise(RHYTHM));

    let mut taken = 0;
    let mut each = |_| {
        taken += 1;
        if taken < 3 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    store
        .summaries(&SummaryQuery::default(), &mut each)
        .await
        .unwrap();
    assert_eq!(taken, 3);
}

async fn events_come_in_order_and_range(world: &World) {
    let store = world.store().await;
    let deltas: Vec<Event> = [("q", "c", 1), ("q", "a", 2), ("q", "b", 1), ("p", "z", 9)]
        .map(|(source, key, at)| event(source, key, 1, at, 20))
        .into();
    merge_events(&*store, deltas.clone()).await.unwrap();
    let names = async |query: EventQuery| -> Vec<String> {
        let found = events(&*store, &query).await;
        found
            .into_iter()
            .map(|event| event.key.key.to_string())
            .collect()
    };
    assert_eq!(names(EventQuery::default()).await, ["z", "b", "c", "a"]);
    let of_q = |from, to| EventQuery {
        source: Some(source("q")),
        from: Some(minute(from)),
        to: Some(minute(to)),
    };
    assert_eq!(names(of_q(1, 2)).await, ["b", "c"]);
    assert_eq!(names(of_q(2, 9)).await, ["a"]);
    assert_eq!(names(of_q(3, 9)).await, [""; 0]);
}

async fn a_revised_event_moves(world: &World) {
    let store = world.store().await;
    merge_events(&*store, &[event("q", "e", 1, 10, 20)])
        .await
        .unwrap();
    let report = merge_events(&*store, &[event("q", "e", 2, 70, 80)])
        .await
        .unwrap();
    assert_eq!(report.changed, 1);
    let between = |from, to| EventQuery {
        from: Some(minute(from)),
        to: Some(minute(to)),
        ..EventQuery::default()
    };
    assert_eq!(events(&*store, &between(0, 60)).await, []);
    let found = events(&*store, &between(60, 120)).await;
    assert_eq!(found[0].versions.len(), 2);
    assert_eq!(found[0].known_at(minute(30)).unwrap().revision, 1);
}

async fn the_newest_hour_is_found(world: &World) {
    let store = world.store().await;
    let deltas = [0, 60, 180].map(|at| bucket("s", "e", &[(at, 1.0)]));
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let newest = async |before| store.newest_hour(&source("s"), before).await.unwrap();
    assert_eq!(newest(None).await, Some(minute(180)));
    assert_eq!(newest(Some(minute(180))).await, Some(minute(60)));
    assert_eq!(newest(Some(minute(61))).await, Some(minute(60)));
    assert_eq!(newest(Some(minute(0))).await, None);
    assert_eq!(
        store.newest_hour(&source("other"), None).await.unwrap(),
        None
    );
}

async fn buckets_are_sealed_when_due(world: &World) {
    let store = world.store().await;
    // The deadline is two hours after the end of the hour.
    let deltas = [120, 0, 60].map(|at| bucket("s", "e", &[(at, 1.0), (at + 1, 2.0)]));
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let due = async |before, most| {
        let keys = store
            .unsealed(&source("s"), minute(before), most)
            .await
            .unwrap();
        keys.into_iter().map(|key| key.hour).collect::<Vec<_>>()
    };
    assert_eq!(due(180, 9).await, []);
    assert_eq!(due(181, 9).await, [minute(0)]);
    assert_eq!(due(999, 2).await, [minute(0), minute(60)]);
    assert_eq!(due(999, 0).await, []);

    let before = summaries(&*store, &SummaryQuery::default()).await;
    let keys = store.unsealed(&source("s"), minute(241), 9).await.unwrap();
    assert_eq!(seal_buckets(&*store, &keys, RHYTHM).await.unwrap(), 2);
    assert_eq!(seal_buckets(&*store, &keys, RHYTHM).await.unwrap(), 0);
    assert_eq!(due(999, 9).await, [minute(120)]);
    assert_eq!(summaries(&*store, &SummaryQuery::default()).await, before);
    // What was sealed in still counts as merged.
    let report = merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    assert_eq!((report.unchanged, report.verified), (3, 3));
}

async fn what_is_no_longer_kept_is_forgotten(world: &World) {
    const ENTITIES: usize = 30;
    let store = world.store().await;
    let one = |id: &str, i: usize, at| bucket(id, &format!("e|%{i:02}"), &[(at, 1.0)]);
    let mut deltas: Vec<Bucket> = Vec::new();
    for at in [120, 0, 60] {
        deltas.extend((0..ENTITIES).map(|i| one("s", i, at)));
    }
    deltas.push(one("other", 0, 0));
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let forget = async |before, most| {
        let of = source("s");
        let forgotten = store.forget_buckets(&of, minute(before), most);
        forgotten.await.unwrap()
    };
    let hours = async || -> Vec<_> {
        let found = summaries(&*store, &SummaryQuery::default()).await;
        let keys = found.into_iter().map(|summary| summary.key);
        keys.map(|key| (key.source.to_string(), key.hour)).collect()
    };
    // What is not sealed stays, whatever its age.
    assert_eq!(forget(999, 100).await, 0);
    let keys: Vec<_> = deltas.iter().map(|delta| delta.key.clone()).collect();
    // All but one of the second hour.
    let sealed: Vec<_> = keys
        .iter()
        .filter(|key| **key != keys[2 * ENTITIES])
        .cloned()
        .collect();
    seal_buckets(&*store, &sealed, RHYTHM).await.unwrap();

    // The oldest go first, no more than asked for, and none of the hour that starts at that time.
    assert_eq!(forget(0, 100).await, 0);
    assert_eq!(forget(120, 0).await, 0);
    assert_eq!(forget(120, ENTITIES + 3).await, 33);
    let left = hours().await;
    let count = |hour| {
        let of = ("s".to_owned(), minute(hour));
        left.iter().filter(|hour| **hour == of).count()
    };
    assert_eq!([0, 60, 120].map(count), [0, ENTITIES - 3, ENTITIES]);
    assert_eq!(forget(120, 100).await, 26);
    assert_eq!(forget(120, 100).await, 0);
    let left = hours().await;
    assert_eq!(left.len(), 1 + 1 + ENTITIES);
    assert_eq!(left[0], ("other".to_owned(), minute(0)));
    assert_eq!(left[1], ("s".to_owned(), minute(60)));

    // What is forgotten leaves nothing behind: it may come again as if it had never been.
    let again = one("s", 0, 0);
    let report = merge_buckets(&*store, std::slice::from_ref(&again), RHYTHM);
    assert_eq!(report.await.unwrap().created, 1);
    let loaded = store.load_buckets(std::slice::from_ref(&again.key)).await;
    let expected = Versioned {
        document: again,
        version: 1,
    };
    assert_eq!(loaded.unwrap(), [expected]);

    let reader = world.try_open(true).await.unwrap();
    let refused = reader.forget_buckets(&source("s"), minute(999), 9).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, StoreError::ReadOnly { .. }),
        "{refused:?}"
    );
}

async fn an_event_that_moves_is_forgotten_by_where_it_is(world: &World) {
    let store = world.store().await;
    let of = |key: &str, revision, at| event("q", key, revision, at, 90);
    let deltas = [
        of("a|b", 1, 10),
        of("moved on", 1, 20),
        of("moved on", 2, 70),
        of("moved back", 1, 80),
        of("moved back", 2, 30),
        of("$where", 1, 60),
        event("p", "other", 1, 5, 90),
    ];
    let newest = async |id| store.newest_event(&source(id)).await.unwrap();
    assert_eq!(newest("q").await, None);
    merge_events(&*store, deltas.clone()).await.unwrap();
    assert_eq!(newest("q").await, Some(minute(70)));
    assert_eq!(newest("p").await, Some(minute(5)));
    let forget = async |before, most| {
        let of = source("q");
        let forgotten = store.forget_events(&of, minute(before), most);
        forgotten.await.unwrap()
    };
    let names = async || -> Vec<String> {
        let found = events(&*store, &EventQuery::default()).await;
        found
            .into_iter()
            .map(|event| event.key.key.to_string())
            .collect()
    };
    assert_eq!(forget(10, 9).await, 0);
    assert_eq!(forget(60, 1).await, 1);
    assert_eq!(names().await, ["other", "moved back", "$where", "moved on"]);
    assert_eq!(forget(60, 9).await, 1);
    assert_eq!(forget(60, 9).await, 0);
    assert_eq!(names().await, ["other", "$where", "moved on"]);
    // It was forgotten whole, and comes again as what is said of it now.
    let report = merge_events(&*store, &deltas[4..5]).await.unwrap();
    assert_eq!(report.created, 1);
    let reader = world.try_open(true).await.unwrap();
    let refused = reader.forget_events(&source("q"), minute(999), 9).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, StoreError::ReadOnly { .. }),
        "{refused:?}"
    );
}

async fn reading_goes_on_while_others_write(world: &World) {
    const ENTITIES: usize = 600;
    let store = world.store().await;
    let deltas: Vec<Bucket> = (0..ENTITIES)
        .map(|i| bucket("s", &format!("e{i:04}"), &[(0, 1.0)]))
        .collect();
    merge_buckets(&*store, deltas.clone(), RHYTHM)
        .await
        .unwrap();
    let other = world.store().await;
    let mut writing = JoinSet::new();
    writing.spawn(async move {
        for at in 1..4 {
            let deltas: Vec<Bucket> = (0..4)
                .map(|i| bucket("s", &format!("e{:04}", i * 150), &[(at, 5.0)]))
                .collect();
            merge_buckets(&*other, deltas.clone(), RHYTHM)
                .await
                .unwrap();
        }
    });
    let written = loop {
        let found = summaries(&*store, &SummaryQuery::default()).await;
        assert_eq!(found.len(), ENTITIES);
        assert!(found.is_sorted_by_key(|summary| summary.key.clone()));
        if let Some(written) = writing.try_join_next() {
            break written;
        }
    };
    written.unwrap();
}

/// What a fault of either store leaves behind a batch, and the run after it.
async fn broken_and_run_again(world: &World, deed: Deed) {
    let expected = undisturbed().await;
    let store = world.store().await;
    let broken = Unfaithful {
        store: store.clone(),
        deed,
    };
    // Each attempt gets a little further, or at least not back.
    for _ in 0..3 {
        let error = work().run(&broken).await.unwrap_err();
        assert!(error.is_passing(), "{error:?}");
    }
    work().run(&*store).await.unwrap();
    assert!(content(&*store).await == expected);
}

async fn a_batch_that_breaks_midway_is_caught_up_with(world: &World) {
    broken_and_run_again(world, Deed::BreaksMidway).await;
}

async fn a_batch_whose_answer_is_lost_is_not_counted_twice(world: &World) {
    broken_and_run_again(world, Deed::BreaksAfter).await;
}

/// One of many documents of a batch was changed by somebody else, another was removed, a third is new but exists.
async fn who_was_overtaken_merges_anew(world: &World) {
    let store = world.store().await;
    let one = |i: i64, at| bucket("s", &format!("e{i:02}"), &[(at, 1.0)]);
    let batch: Vec<Bucket> = (0..9).map(|i| one(i, 0)).collect();
    let writes = batch.iter().map(|bucket| write(bucket, 0)).collect();
    assert_eq!(store.save_buckets(writes).await.unwrap(), []);
    let overtaking = store.save_buckets(vec![write(&one(3, 5), 1)]).await;
    assert_eq!(overtaking.unwrap(), []);
    let mut writes: Vec<_> = (0..8).map(|i| write(&one(i, 9), 1)).collect();
    writes.push(write(&one(8, 9), 0));
    writes.push(write(&one(9, 9), 1));
    let mut conflicts = store.save_buckets(writes).await.unwrap();
    conflicts.sort();
    assert_eq!(conflicts, [3, 8, 9].map(|i| one(i, 9).key));
    for (i, version) in [(2, 2), (3, 2), (4, 2), (8, 1)] {
        let loaded = store.load_buckets(&[one(i, 0).key]).await.unwrap();
        assert_eq!(loaded[0].version, version, "{i}");
    }
    let kept = store.load_buckets(&[one(3, 0).key]).await.unwrap();
    assert_eq!(kept[0].document, one(3, 5));
}

async fn a_reader_sees_what_is_written_and_writes_nothing(world: &World) {
    let absent = world.try_open(true).await.unwrap_err();
    assert!(matches!(absent, StoreError::Absent { .. }), "{absent:?}");
    let store = world.store().await;
    let reader = world.try_open(true).await.unwrap();
    let one = bucket("s", "e", &[(0, 1.0)]);
    merge_buckets(&*store, std::slice::from_ref(&one), RHYTHM)
        .await
        .unwrap();
    let seen = reader
        .load_buckets(std::slice::from_ref(&one.key))
        .await
        .unwrap();
    assert_eq!(seen[0].document, one);
    reader.check().await.unwrap();
    let refused = reader.save_buckets(vec![write(&one, 1)]).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::ReadOnly { .. }),
        "{refused:?}"
    );
    let quake = event("q", "e", 1, 0, 1);
    let refused = reader.save_events(vec![new(quake)]).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::ReadOnly { .. }),
        "{refused:?}"
    );
    drop(reader);
}

async fn everything_is_there_after_reopening(world: &World) {
    let buckets = [0, 60].map(|at| bucket("s", "e", &[(at, 1.0)]));
    let quake = event("q", "e", 1, 0, 1);
    {
        let store = world.store().await;
        merge_buckets(&*store, buckets.clone(), RHYTHM)
            .await
            .unwrap();
        merge_events(&*store, std::slice::from_ref(&quake))
            .await
            .unwrap();
    }
    let store = world.store().await;
    let keys: Vec<_> = buckets.iter().map(|bucket| bucket.key.clone()).collect();
    let loaded: BTreeMap<_, _> = store
        .load_buckets(&keys)
        .await
        .unwrap()
        .into_iter()
        .map(|loaded| (loaded.document.key.clone(), loaded.document))
        .collect();
    assert_eq!(loaded.into_values().collect::<Vec<_>>(), buckets);
    assert_eq!(events(&*store, &EventQuery::default()).await, [quake]);
    store.check().await.unwrap();
    store.check().await.unwrap();
    let facts = store.facts().await.unwrap();
    let schema = if facts.kind == "sqlite" { 2 } else { 1 };
    assert_eq!((facts.buckets, facts.events, facts.schema), (2, 1, schema));
    assert_eq!(
        world.uri().starts_with(facts.kind),
        facts.address == store.address()
    );
    assert!(facts.bytes.is_some_and(|bytes| bytes > 0), "{facts:?}");
    assert!(!facts.server.ends_with('?'), "{facts:?}");
}
