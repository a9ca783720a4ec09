//! Collections, indexes and validators.

use ::mongodb::{
    Database, IndexModel,
    bson::{Document, doc},
    error::ErrorKind,
    options::IndexOptions,
};

use super::{
    connect::{Failed, Server},
    document::whole_number,
    write::is_duplicate,
};
use crate::error::{Cause, StoreError};

/// The collection of buckets.
pub(super) const BUCKETS: &str = "summaries";
/// The collection of events.
pub(super) const EVENTS: &str = "events";
/// The collection of what concerns the store itself: `schema`, `probe`, and the `writer` lock.
pub(super) const META: &str = "vigie";
/// The schema that this program reads and writes.
pub(super) const KNOWN: u32 = 1;

/// `NamespaceExists`, from MongoDB's `error_codes.yml`.
const EXISTS: i32 = 48;

/// Checks the schema of the database and, unless `read_only`, makes what is missing. Returns whether the server checks
/// documents by validators.
pub(super) async fn prepare(
    server: &Server,
    database: &Database,
    read_only: bool,
) -> Result<bool, StoreError> {
    let meta = database.collection::<Document>(META);
    match server.ask(meta.find_one(doc! { "_id": "schema" })).await? {
        Some(schema) => {
            check(server, &schema)?;
            if !read_only {
                make(server, database)
                    .await
                    .map_err(|failed| server.failure(&failed))?;
            }
        }
        None if read_only => {
            return Err(StoreError::Absent {
                store: server.name().to_owned(),
            });
        }
        None => {
            make(server, database)
                .await
                .map_err(|failed| server.failure(&failed))?;
            let schema = doc! { "_id": "schema", "version": i64::from(KNOWN) };
            match server.answer(meta.insert_one(schema)).await {
                // Another process was faster.
                Err(failed) if !is_duplicate(&failed) => return Err(server.failure(&failed)),
                _ => {}
            }
        }
    }
    validated(server, database).await
}

fn check(server: &Server, schema: &Document) -> Result<(), StoreError> {
    let store = server.name().to_owned();
    let found = schema.get("version").and_then(whole_number);
    match found.and_then(|found| u32::try_from(found).ok()) {
        Some(found) if found > KNOWN => Err(StoreError::SchemaTooNew {
            store,
            found,
            known: KNOWN,
        }),
        Some(_) => Ok(()),
        None => Err(StoreError::Corrupt {
            store,
            what: format!("the document `schema` of the collection `{META}`"),
            cause: Cause::new("its field `version` is not a number"),
        }),
    }
}

async fn make(server: &Server, database: &Database) -> Result<(), Failed> {
    let known = server.answer(database.list_collection_names()).await?;
    let validators = [(BUCKETS, bucket_validator()), (EVENTS, event_validator())];
    for (name, validator) in validators {
        if !known.iter().any(|known| known == name) {
            create(server, database, name, validator).await?;
        }
    }
    let buckets = [
        doc! { "source": 1, "hour": 1, "entity": 1 },
        doc! { "source": 1, "entity": 1, "hour": 1 },
        doc! { "source": 1, "sealed": 1, "deadline": 1 },
    ];
    index(server, database, BUCKETS, &buckets).await?;
    let events = [doc! { "source": 1, "observed_at": 1, "key": 1 }];
    index(server, database, EVENTS, &events).await
}

/// Makes the indexes that are missing. `FerretDB` 1 does not survive being asked for one that it has.
async fn index(
    server: &Server,
    database: &Database,
    name: &str,
    all: &[Document],
) -> Result<(), Failed> {
    let collection = database.collection::<Document>(name);
    for keys in all {
        let parts: Vec<String> = keys
            .iter()
            .map(|(key, order)| format!("{key}_{order}"))
            .collect();
        let index_name = parts.join("_");
        let exists = async || -> Result<bool, Failed> {
            let names = server.answer(collection.list_index_names()).await?;
            Ok(names.contains(&index_name))
        };
        if exists().await? {
            continue;
        }
        let options = IndexOptions::builder().name(index_name.clone()).build();
        let index = IndexModel::builder().keys(keys.clone()).options(options);
        let created = collection.create_index(index.build());
        if let Err(failed) = server.answer(created).await {
            // Another process may have been faster.
            if !exists().await? {
                return Err(failed);
            }
        }
    }
    Ok(())
}

/// Creates a collection with its validator, or without where the server takes none.
async fn create(
    server: &Server,
    database: &Database,
    name: &str,
    validator: Document,
) -> Result<(), Failed> {
    let exists = |failed: &Failed| matches!(failed, Failed::Said(error) if matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == EXISTS));
    let created = database.create_collection(name).validator(validator);
    match server.answer(created).await {
        Err(failed) if exists(&failed) => Ok(()),
        Err(failed) if failed.is_of_command() => {
            match server.answer(database.create_collection(name)).await {
                Err(failed) if exists(&failed) => Ok(()),
                done => done,
            }
        }
        done => done,
    }
}

async fn validated(server: &Server, database: &Database) -> Result<bool, StoreError> {
    let list = doc! { "listCollections": 1, "filter": { "name": BUCKETS } };
    let listed = server.ask(database.run_command(list)).await?;
    let first = listed
        .get_document("cursor")
        .and_then(|cursor| cursor.get_array("firstBatch"))
        .ok()
        .and_then(|batch| batch.first()?.as_document());
    Ok(first
        .and_then(|collection| collection.get_document("options").ok())
        .is_some_and(|options| options.contains_key("validator")))
}

fn bucket_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "title": "an entity of a source during a local hour",
        "required": [
            "_id", "version", "source", "entity", "hour", "end", "deadline", "sealed", "measures", "state",
        ],
        "properties": {
            "_id": { "bsonType": "string" },
            "version": { "bsonType": "long", "minimum": 1 },
            "source": { "bsonType": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" },
            "entity": { "bsonType": "string", "minLength": 1 },
            "hour": { "bsonType": "date" },
            "end": { "bsonType": "date" },
            "deadline": { "bsonType": "date" },
            "sealed": { "bsonType": "bool" },
            "measures": { "bsonType": "object", "additionalProperties": {
                "bsonType": "object",
                "required": ["kind", "unit", "count", "stats"],
                "properties": {
                    "kind": { "enum": ["gauge", "counter", "event", "rank", "direction"] },
                    "unit": { "bsonType": "string" },
                    "count": { "bsonType": "long", "minimum": 0 },
                },
            } },
            "state": { "bsonType": "object" },
        },
    } }
}

fn event_validator() -> Document {
    doc! { "$jsonSchema": {
        "bsonType": "object",
        "title": "something that happened, with all that the provider has said of it",
        "required": ["_id", "version", "source", "key", "observed_at", "versions"],
        "properties": {
            "_id": { "bsonType": "string" },
            "version": { "bsonType": "long", "minimum": 1 },
            "source": { "bsonType": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$" },
            "key": { "bsonType": "string", "minLength": 1 },
            "observed_at": { "bsonType": "date" },
            "versions": { "bsonType": "array", "minItems": 1 },
        },
    } }
}
