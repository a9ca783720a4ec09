//! A fresh store for each test, and a look at what the test leaves behind.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ::mongodb::{
    Client,
    bson::{Document, doc},
};
use tempfile::TempDir;
use vigie_store::{
    error::StoreError,
    mongodb::{Dialect, MongoStore},
    open,
    store::Store,
};

use crate::server;

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    /// As the server likes it.
    Mongodb,
    /// As a full MongoDB likes it, even where the server is `FerretDB` 1 and slow at it.
    MongodbFull,
}

/// A place for a store.
pub(crate) struct World {
    kind: Kind,
    folder: TempDir,
    uri: String,
}

impl World {
    /// `None` where the store needs a server that is not there.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let uri = match kind {
            Kind::Sqlite => "sqlite:data/vigie.db".to_owned(),
            Kind::Mongodb | Kind::MongodbFull => {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let database = format!("vigie_test_{}_{number}", std::process::id());
                server::database_uri(server::uri()?, &database)
            }
        };
        Some(Self { kind, folder, uri })
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) async fn try_open(&self, read_only: bool) -> Result<Arc<dyn Store>, StoreError> {
        match self.kind {
            Kind::Sqlite | Kind::Mongodb => {
                open::open(&self.uri, self.folder.path(), read_only).await
            }
            Kind::MongodbFull => {
                let dialect = Some(Dialect::Full);
                Ok(Arc::new(
                    MongoStore::open(&self.uri, None, read_only, dialect).await?,
                ))
            }
        }
    }

    /// A handle of its own on the store.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        self.try_open(false).await.unwrap()
    }

    /// Whether writers may come between each other: see `Dialect::SingleIds`.
    pub(crate) async fn is_atomic(&self) -> bool {
        if self.kind != Kind::MongodbFull {
            return true;
        }
        let liked = open::open(&self.uri, self.folder.path(), false)
            .await
            .unwrap();
        let notes = liked.facts().await.unwrap().notes;
        !notes.iter().any(|note| note.contains("take turns"))
    }

    async fn end(self) {
        match self.kind {
            Kind::Sqlite => {
                let files: Vec<String> = std::fs::read_dir(self.folder.path().join("data"))
                    .into_iter()
                    .flatten()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .filter(|name| name != "vigie.db")
                    .collect();
                assert_eq!(files, [""; 0], "left beside the store");
            }
            Kind::Mongodb | Kind::MongodbFull => {
                let client = Client::with_uri_str(&self.uri).await.unwrap();
                let database = client.default_database().unwrap();
                let locks = database.collection::<Document>("vigie");
                let lock = locks.find_one(doc! { "_id": "writer" }).await.unwrap();
                database.drop().await.unwrap();
                let left = client.list_database_names().await.unwrap();
                assert!(!left.iter().any(|name| name == database.name()), "{left:?}");
                assert_eq!(lock, None, "a writer kept its turn");
            }
        }
    }
}

/// A test case: a future that borrows its world.
pub(crate) type Case = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs a case on a fresh store of a kind.
pub(crate) async fn run(kind: Kind, case: Case) {
    if let Some(world) = World::new(kind) {
        case(&world).await;
        world.end().await;
    }
}
