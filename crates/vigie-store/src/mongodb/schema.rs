//! Collections, indexes and validators.

use ::mongodb::{
    Database, IndexModel,
    bson::{Document, doc},
    error::{Error, ErrorKind},
    options::IndexOptions,
};

use super::{connect::Server, document::whole_number, write::is_duplicate};
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
    let schema = meta.find_one(doc! { "_id": "schema" }).await;
    match schema.map_err(|error| server.error(&error))? {
        Some(schema) => {
            check(server, &schema)?;
            if !read_only {
                make(database).await.map_err(|error| server.error(&error))?;
            }
        }
        None if read_only => {
            return Err(StoreError::Absent {
                store: server.name().to_owned(),
            });
        }
        None => {
            make(database).await.map_err(|error| server.error(&error))?;
            let schema = doc! { "_id": "schema", "version": i64::from(KNOWN) };
            match meta.insert_one(schema).await {
                // Another process was faster.
                Err(error) if !is_duplicate(&error) => return Err(server.error(&error)),
                _ => {}
            }
        }
    }
    validated(database)
        .await
        .map_err(|error| server.error(&error))
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

async fn make(database: &Database) -> Result<(), Error> {
    let known = database.list_collection_names().await?;
    let validators = [(BUCKETS, bucket_validator()), (EVENTS, event_validator())];
    for (name, validator) in validators {
        if !known.iter().any(|known| known == name) {
            create(database, name, validator).await?;
        }
    }
    let buckets = [
        doc! { "source": 1, "hour": 1, "entity": 1 },
        doc! { "source": 1, "entity": 1, "hour": 1 },
        doc! { "source": 1, "sealed": 1, "deadline": 1 },
    ];
    index(database, BUCKETS, &buckets).await?;
    let events = [doc! { "source": 1, "observed_at": 1, "key": 1 }];
    index(database, EVENTS, &events).await
}

/// Makes the indexes that are missing. `FerretDB` 1 does not survive being asked for one that it has.
async fn index(database: &Database, name: &str, all: &[Document]) -> Result<(), Error> {
    let collection = database.collection::<Document>(name);
    for keys in all {
        let parts: Vec<String> = keys
            .iter()
            .map(|(key, order)| format!("{key}_{order}"))
            .collect();
        let index_name = parts.join("_");
        let exists = async || -> Result<bool, Error> {
            let names = collection.list_index_names().await?;
            Ok(names.contains(&index_name))
        };
        if exists().await? {
            continue;
        }
        let options = IndexOptions::builder().name(index_name.clone()).build();
        let index = IndexModel::builder().keys(keys.clone()).options(options);
        if let Err(error) = collection.create_index(index.build()).await {
            // Another process may have been faster.
            if !exists().await? {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Creates a collection with its validator, or without where the server takes none.
async fn create(database: &Database, name: &str, validator: Document) -> Result<(), Error> {
    let exists = |error: &Error| matches!(error.kind.as_ref(), ErrorKind::Command(command) if command.code == EXISTS);
    match database.create_collection(name).validator(validator).await {
        Err(error) if exists(&error) => Ok(()),
        Err(error) if matches!(error.kind.as_ref(), ErrorKind::Command(_)) => {
            match database.create_collection(name).await {
                Err(error) if exists(&error) => Ok(()),
                done => done,
            }
        }
        done => done,
    }
}

async fn validated(database: &Database) -> Result<bool, Error> {
    let listed = database
        .run_command(doc! { "listCollections": 1, "filter": { "name": BUCKETS } })
        .await?;
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
