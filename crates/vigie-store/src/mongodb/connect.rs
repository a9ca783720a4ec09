//! From a connection string to a database; what errors of the driver mean.

use std::time::Duration;

use ::mongodb::{
    Client, Database,
    bson::doc,
    error::{Error, ErrorKind},
    options::{Acknowledgment, ClientOptions, Credential, WriteConcern},
};
use vigie_core::secret::Secret;

use crate::{
    error::{Cause, StoreError},
    open::shown,
};

/// How long to look for a server before it counts as absent, unless the connection string says otherwise.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// `Unauthorized` and `AuthenticationFailed`, from MongoDB's `error_codes.yml`, as the numbers below.
const NOT_ALLOWED: [i32; 2] = [13, 18];
/// `OutOfDiskSpace`.
const DISK_FULL: i32 = 14031;

/// Who we are to the server.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl Credentials {
    /// Those of the environment variables `VIGIE_MONGODB_USER` and `VIGIE_MONGODB_PASSWORD`.
    pub fn from_environment() -> Option<Self> {
        Some(Self {
            user: std::env::var("VIGIE_MONGODB_USER").ok()?,
            password: Secret::new(std::env::var("VIGIE_MONGODB_PASSWORD").ok()?),
        })
    }
}

/// What the server is good at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Finds many `_id`s by index, and replaces a document atomically on condition of its version: MongoDB, Atlas,
    /// `DocumentDB`, `FerretDB` 2.
    Full,
    /// Finds only a single `_id` by index, and replaces a document in two steps which others may come between:
    /// `FerretDB` 1. Writers take turns.
    SingleIds,
}

/// The server, for what concerns it: its name, its abilities, its errors.
#[derive(Debug, Clone)]
pub(super) struct Server {
    name: String,
    version: String,
    dialect: Dialect,
    password: Option<Secret>,
}

impl Server {
    /// Its address, without credentials.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The program and its version.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What an error of the driver means.
    pub(super) fn error(&self, error: Error) -> StoreError {
        let store = self.name.clone();
        let cause = Cause::redacted(&error, self.password.as_ref());
        let unavailable = |remedy| StoreError::Unavailable {
            store: store.clone(),
            remedy,
            cause: cause.clone(),
        };
        match error.kind.as_ref() {
            ErrorKind::Authentication { .. } => unavailable(
                "check the user and password (VIGIE_MONGODB_USER, VIGIE_MONGODB_PASSWORD, authSource)",
            ),
            ErrorKind::Command(command) if NOT_ALLOWED.contains(&command.code) => unavailable(
                "give its user the role `readWrite` on the database, and check VIGIE_MONGODB_USER and VIGIE_MONGODB_PASSWORD",
            ),
            ErrorKind::Command(command) if command.code == DISK_FULL => StoreError::Full { store },
            ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::ConnectionPoolCleared { .. } => {
                unavailable("check that the server runs and that `store.uri` names it")
            }
            _ if error.contains_label("RetryableWriteError") => {
                unavailable("the server is changing its primary: run again in a moment")
            }
            ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_) => StoreError::Corrupt {
                store,
                what: "a document".to_owned(),
                cause,
            },
            _ => StoreError::Refused { store, cause },
        }
    }
}

/// The part of a connection string that is secret, as it is written.
fn written_password(uri: &str) -> Option<Secret> {
    let (_, rest) = uri.split_once("://")?;
    let (credentials, _) = rest.rsplit_once('@')?;
    let (_, password) = credentials.split_once(':')?;
    Some(Secret::new(password))
}

/// Connects, and asks the server what it is.
pub(super) async fn connect(
    uri: &str,
    credentials: Option<Credentials>,
    dialect: Option<Dialect>,
) -> Result<(Server, Database), StoreError> {
    let mut server = Server {
        name: shown(uri),
        version: String::new(),
        dialect: Dialect::Full,
        password: written_password(uri),
    };
    let options = ClientOptions::parse(uri).await;
    let mut options = options.map_err(|error| match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } => StoreError::Address {
            address: server.name.clone(),
            reason: Cause::redacted(&error, server.password.as_ref()),
        },
        _ => server.error(error),
    })?;
    complete(&mut options, credentials);
    server.password = options
        .credential
        .as_ref()
        .and_then(|credential| credential.password.clone())
        .map(Secret::new);
    let Some(name) = options.default_database.clone() else {
        return Err(StoreError::Address {
            address: server.name.clone(),
            reason: Cause::new("it names no database"),
        });
    };
    let database = Client::with_options(options)
        .map_err(|error| server.error(error))?
        .database(&name);
    let (version, found) = ask(&database).await.map_err(|error| server.error(error))?;
    server.version = version;
    server.dialect = dialect.unwrap_or(found);
    Ok((server, database))
}

/// Adds what the connection string leaves open, and what we insist on: a write counts once a majority has it on disk.
fn complete(options: &mut ClientOptions, credentials: Option<Credentials>) {
    options.app_name.get_or_insert_with(|| "vigie".to_owned());
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options
        .server_selection_timeout
        .get_or_insert(SELECTION_TIMEOUT);
    options.write_concern = Some(
        WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .build(),
    );
    if let Some(Credentials { user, password }) = credentials {
        let known = options.credential.get_or_insert_with(Credential::default);
        if known.username.is_none() {
            known.username = Some(user);
            known.password = Some(password.expose().to_owned());
        }
    }
}

async fn ask(database: &Database) -> Result<(String, Dialect), Error> {
    let build = database.run_command(doc! { "buildInfo": 1 }).await?;
    let version = build.get_str("version").unwrap_or("?");
    Ok(match build.get_str("ferretdbVersion") {
        Ok(ferret) => {
            let old = ferret.trim_start_matches('v').starts_with("1.");
            let dialect = if old {
                Dialect::SingleIds
            } else {
                Dialect::Full
            };
            (format!("FerretDB {ferret} (MongoDB {version})"), dialect)
        }
        Err(_) => (format!("MongoDB {version}"), Dialect::Full),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_come_from_the_address_or_else_from_outside() {
        let credentials = || {
            Some(Credentials {
                user: "watch".to_owned(),
                password: Secret::new("s3cret"),
            })
        };
        let mut open = ClientOptions::parse("mongodb://h/d?authSource=admin")
            .await
            .unwrap();
        complete(&mut open, credentials());
        let filled = open.credential.unwrap();
        assert_eq!(filled.username.as_deref(), Some("watch"));
        assert_eq!(filled.password.as_deref(), Some("s3cret"));
        assert_eq!(filled.source.as_deref(), Some("admin"));

        let mut closed = ClientOptions::parse("mongodb://me:mine@h/d").await.unwrap();
        complete(&mut closed, credentials());
        assert_eq!(closed.credential.unwrap().username.as_deref(), Some("me"));
    }

    #[tokio::test]
    async fn a_wrong_address_is_refused_without_its_password() {
        for uri in [
            "mongodb://me:hunter2/@h/d",
            "mongodb://me:hunter2@h:port/d",
            "mongodb://me:hunter2@h/d?w=-1",
            "mongodb://me:hunter2@h/",
        ] {
            let error = connect(uri, None, None).await.unwrap_err();
            assert!(
                matches!(error, StoreError::Address { .. }),
                "{uri}: {error:?}"
            );
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
