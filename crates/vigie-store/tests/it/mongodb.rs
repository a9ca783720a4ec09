//! What is particular to MongoDB.

use std::time::{Duration, Instant};

use ::mongodb::{
    Client,
    bson::{Bson, Document, doc},
};
use vigie_core::secret::Secret;
use vigie_store::{
    error::StoreError,
    merge::{merge_buckets, merge_events},
    mongodb::{Credentials, MongoStore},
};

use crate::{
    build::{RHYTHM, bucket, exotic_bucket, exotic_event},
    world::{Kind, World, run},
};

#[tokio::test]
async fn an_absent_server_is_reported_within_seconds_and_without_the_password() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let credentials = Some(Credentials {
        user: "watch".to_owned(),
        password: Secret::new("hunter2"),
    });
    let uris = [
        (format!("mongodb://127.0.0.1:{port}/vigie"), credentials),
        (
            format!("mongodb://watch:hunter2@127.0.0.1:{port}/vigie"),
            None,
        ),
    ];
    for (uri, credentials) in uris {
        let begun = Instant::now();
        let error = MongoStore::open(&uri, credentials, false, None)
            .await
            .unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(8));
        assert!(
            matches!(error, StoreError::Unavailable { .. }) && error.is_passing(),
            "{error:?}"
        );
        let address = format!("mongodb://127.0.0.1:{port}/vigie");
        assert!(error.to_string().contains(&address), "{error}");
        let cause = std::error::Error::source(&error).unwrap();
        let said = format!("{error} {error:?} {cause} {cause:?}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

async fn database(world: &World) -> ::mongodb::Database {
    let client = Client::with_uri_str(world.uri()).await.unwrap();
    client.default_database().unwrap()
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_the_remedy() {
    run(Kind::Mongodb, |world| {
        Box::pin(async move {
            drop(world.store().await);
            let meta = database(world).await.collection::<Document>("vigie");
            let schema = doc! { "_id": "schema", "version": 7 };
            meta.replace_one(doc! { "_id": "schema" }, schema)
                .await
                .unwrap();
            for read_only in [false, true] {
                let error = world.try_open(read_only).await.unwrap_err().to_string();
                assert!(
                    error.contains("schema 7, written by a newer Vigie"),
                    "{error}"
                );
            }
        })
    })
    .await;
}

/// What a person sees in Compass.
#[tokio::test]
async fn documents_are_readable() {
    run(Kind::Mongodb, |world| {
        Box::pin(async move {
            let store = world.store().await;
            merge_buckets(&*store, &[exotic_bucket("a|$.b")], RHYTHM).await.unwrap();
            merge_events(&*store, &[exotic_event("e|1")]).await.unwrap();
            let database = database(world).await;
            let documents = database.collection::<Document>("summaries");
            let bucket = documents.find_one(doc! {}).await.unwrap().unwrap();
            assert_eq!(bucket.get_str("_id").unwrap(), "exotic|a%7C$.b|2026-11-23T00:00:00Z");
            let names: Vec<&str> = bucket.keys().map(String::as_str).collect();
            let expected = [
                "_id", "version", "source", "entity", "hour", "end", "deadline", "sealed", "name",
                "location", "attributes", "described_at", "measures", "state",
            ];
            assert_eq!(names, expected);
            assert!(matches!(bucket.get("hour"), Some(Bson::DateTime(_))));
            assert_eq!(bucket.get_i64("version").unwrap(), 1);
            let level = bucket.get_document("measures").unwrap().get_document("level").unwrap();
            assert_eq!(level.get_i64("count").unwrap(), 207);
            assert_eq!(level.get_str("unit").unwrap(), "m");
            assert!(matches!(level.get("max"), Some(Bson::Double(_))));
            let location = bucket.get_document("location").unwrap();
            assert_eq!(location.get_str("type").unwrap(), "Point");
            let documents = database.collection::<Document>("events");
            let event = documents.find_one(doc! {}).await.unwrap().unwrap();
            assert_eq!(event.get_str("_id").unwrap(), "exotic|e%7C1");
            assert!(matches!(event.get("observed_at"), Some(Bson::DateTime(_))));
            assert!(matches!(event.get("values").and_then(Bson::as_document), Some(values) if values.contains_key("level")));
        })
    })
    .await;
}

#[tokio::test]
async fn the_lock_is_only_taken_where_it_is_needed() {
    run(Kind::Mongodb, |world| {
        Box::pin(async move {
            let store = world.store().await;
            let facts = store.facts().await.unwrap();
            let locked = facts.notes.iter().any(|note| note.contains("take turns"));
            assert_eq!(locked, facts.server.starts_with("FerretDB 1"), "{facts:?}");
        })
    })
    .await;
}

/// More than `FerretDB` 1 has connections for: sent as one request, as a real server gets them, it would never answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_documents_change_at_once() {
    run(Kind::Mongodb, |world| {
        Box::pin(async {
            let store = world.store().await;
            let deltas = |minute: i64| {
                (0..120)
                    .map(|i| bucket("s", &format!("e{i}"), &[(minute, f64::from(i))]))
                    .collect::<Vec<_>>()
            };
            merge_buckets(&*store, deltas(0), RHYTHM).await.unwrap();
            let report = merge_buckets(&*store, deltas(20), RHYTHM).await.unwrap();
            assert_eq!((report.changed, report.verified), (120, 120));
        })
    })
    .await;
}
