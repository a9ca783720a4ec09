//! From a connection string to a database; what errors of the driver mean.

use std::{fmt::Write as _, time::Duration};

use ::mongodb::{
    Client, Database,
    bson::doc,
    error::{Error, ErrorKind},
    options::{Acknowledgment, ClientOptions, WriteConcern},
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
    pub(super) fn error(&self, error: &Error) -> StoreError {
        let store = self.name.clone();
        let cause = Cause::redacted(error, self.password.as_ref());
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

/// The connection string with `credentials`, unless it has some already.
fn with_credentials(uri: &str, credentials: Option<&Credentials>) -> String {
    match (uri.split_once("://"), credentials) {
        (Some((scheme, rest)), Some(credentials)) if !rest.contains('@') => {
            let user = percent_encoded(&credentials.user);
            let password = percent_encoded(credentials.password.expose());
            format!("{scheme}://{user}:{password}@{rest}")
        }
        _ => uri.to_owned(),
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The words of an error about a connection string, without what may be a part of its password, however wrongly it is
/// written.
fn without_password(error: &Error, uri: &str) -> Cause {
    let mut words = error.to_string();
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    if let Some((credentials, _)) = rest.rsplit_once('@') {
        let password = credentials
            .split_once(':')
            .map_or("", |(_, password)| password);
        let pieces = password.split(['/', ':', '@', '?', '#', '[', ']', '%', '&', '=']);
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            words = words.replace(piece, "***");
        }
    }
    Cause::new(words)
}

/// Connects, and asks the server what it is.
pub(super) async fn connect(
    uri: &str,
    credentials: Option<&Credentials>,
    dialect: Option<Dialect>,
) -> Result<(Server, Database), StoreError> {
    let uri = with_credentials(uri, credentials);
    let mut server = Server {
        name: shown(&uri),
        version: String::new(),
        dialect: Dialect::Full,
        password: None,
    };
    let wrong = |reason| StoreError::Address {
        address: shown(&uri),
        reason,
    };
    let options = ClientOptions::parse(&uri).await;
    let mut options = options.map_err(|error| match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } => wrong(without_password(&error, &uri)),
        _ => server.error(&error),
    })?;
    complete(&mut options);
    server.password = options
        .credential
        .as_ref()
        .and_then(|credential| credential.password.clone())
        .map(Secret::new);
    let Some(name) = options.default_database.clone() else {
        return Err(wrong(Cause::new("it names no database")));
    };
    let database = Client::with_options(options)
        .map_err(|error| server.error(&error))?
        .database(&name);
    let (version, found) = ask(&database).await.map_err(|error| server.error(&error))?;
    server.version = version;
    server.dialect = dialect.unwrap_or(found);
    Ok((server, database))
}

/// Adds what the connection string leaves open, and what we insist on: a write counts once a majority has it on disk.
fn complete(options: &mut ClientOptions) {
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
}

async fn ask(database: &Database) -> Result<(String, Dialect), Error> {
    let build = database.run_command(doc! { "buildInfo": 1 }).await?;
    let version = build.get_str("version").unwrap_or("?");
    if build.contains_key("ferretdbVersion") {
        // Its second generation has a document `ferretdb` instead.
        let server = format!("FerretDB 1, as MongoDB {version}");
        return Ok((server, Dialect::SingleIds));
    }
    let server = if build.contains_key("ferretdb") {
        format!("FerretDB, as MongoDB {version}")
    } else {
        format!("MongoDB {version}")
    };
    Ok((server, Dialect::Full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_come_from_the_address_or_else_from_outside() {
        let credentials = Credentials {
            user: "wätch".to_owned(),
            password: Secret::new("s3:c/r@t?%"),
        };
        let open = "mongodb://h,i:2/d?authSource=admin";
        let filled = with_credentials(open, Some(&credentials));
        let filled = ClientOptions::parse(filled)
            .await
            .unwrap()
            .credential
            .unwrap();
        assert_eq!(filled.username.as_deref(), Some("wätch"));
        assert_eq!(filled.password.as_deref(), Some("s3:c/r@t?%"));
        assert_eq!(filled.source.as_deref(), Some("admin"));
        assert_eq!(with_credentials(open, None), open);

        let closed = "mongodb://me:mine@h/d";
        assert_eq!(with_credentials(closed, Some(&credentials)), closed);
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
