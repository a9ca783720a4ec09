//! From a connection string to a database; what errors of the driver mean.

use std::{fmt::Write as _, future::IntoFuture, time::Duration};

use ::mongodb::{
    Client, Database,
    bson::{Document, doc, error::ErrorKind as BsonKind},
    error::{Error, ErrorKind, WriteFailure},
    options::{Acknowledgment, ClientOptions, ReadPreference, SelectionCriteria, WriteConcern},
};
use vigie_core::secret::Secret;

use super::REQUESTS_MAX;
use crate::{
    error::{Cause, StoreError},
    open::shown,
};

/// How long to look for a server before it counts as absent: `serverSelectionTimeoutMS` of the connection string.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take: `connectTimeoutMS`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take: `socketTimeoutMS`. The driver has no such limit of its own (it refuses the option), and a server that
/// was cut off from the network would be waited for without end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a majority may take to have a write on disk: `wtimeoutMS`.
const MAJORITY_TIMEOUT: Duration = Duration::from_secs(20);

/// `Unauthorized` and `AuthenticationFailed`, from MongoDB's `error_codes.yml`, as the numbers below.
const NOT_ALLOWED: [i32; 2] = [13, 18];
/// `OutOfDiskSpace`.
const DISK_FULL: i32 = 14031;
/// `WriteConcernFailed` (also: not in time), `UnsatisfiableWriteConcern`.
const NO_MAJORITY: [i32; 2] = [64, 100];
/// What a server says that is not, or no longer, or not yet the primary, or that is stopping: `HostUnreachable`,
/// `HostNotFound`, `NetworkTimeout`, `ShutdownInProgress`, `PrimarySteppedDown`, `ExceededTimeLimit`, `SocketException`,
/// `LegacyNotPrimary`, `NotWritablePrimary`, `InterruptedAtShutdown`, `InterruptedDueToReplStateChange`,
/// `NotPrimaryNoSecondaryOk`, `NotPrimaryOrSecondary`.
const PASSING: [i32; 13] = [
    6, 7, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436,
];

/// What to do about a server that is [`PASSING`] through something.
const CHANGING: &str = "the server is stopping or changing its primary: run again in a moment";

/// What to do about an answer that is not one.
const NONSENSE: &str =
    "its answer makes no sense: check that `store.uri` names a MongoDB server and its port";

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
    /// How long an answer may take.
    patience: Duration,
    write_concern: WriteConcern,
    notes: Vec<String>,
}

/// A request that was not done.
#[derive(Debug)]
pub(super) enum Failed {
    /// What the driver says.
    Said(Error),
    /// What the server says in an answer into which the driver does not look.
    Refused { code: i32, words: String },
    /// There was no answer in time.
    NoAnswer,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Failed {
    /// Whether the same request may succeed when it is sent again at once, to whichever server is the primary then.
    /// What was not answered in time is not sent again: it would only double the wait.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Said(error) => is_passing(error),
            Self::Refused { code, .. } => PASSING.contains(code),
            Self::NoAnswer => false,
        }
    }

    /// Whether a command was refused because of itself, and not for the state of the server.
    pub(super) fn is_of_command(&self) -> bool {
        match self {
            Self::Said(error) => {
                matches!(error.kind.as_ref(), ErrorKind::Command(_)) && !is_passing(error)
            }
            Self::Refused { .. } | Self::NoAnswer => false,
        }
    }
}

fn is_passing(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        _ => {
            error.contains_label("RetryableWriteError")
                || code(error).is_some_and(|code| PASSING.contains(&code))
        }
    }
}

/// The number of the error that the server gave, whatever kind of answer it stands in.
fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(failure)) => Some(failure.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(failure)) => Some(failure.code),
        ErrorKind::InsertMany(failure) => match &failure.write_concern_error {
            Some(failure) => Some(failure.code),
            None => Some(failure.write_errors.as_deref()?.first()?.code),
        },
        _ => None,
    }
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

    /// What an operator should know of the connection.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What every write asks for, for the commands to which the driver does not add it.
    pub(super) fn write_concern(&self) -> &WriteConcern {
        &self.write_concern
    }

    /// Waits for an answer, but not without end.
    pub(super) async fn answer<T>(
        &self,
        request: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, Failed> {
        match tokio::time::timeout(self.patience, request).await {
            Ok(answer) => Ok(answer?),
            Err(_elapsed) => Err(Failed::NoAnswer),
        }
    }

    /// As [`Server::answer`], with what went wrong in our words.
    pub(super) async fn ask<T>(
        &self,
        request: impl IntoFuture<Output = Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let answer = self.answer(request).await;
        answer.map_err(|failed| self.failure(&failed))
    }

    /// What a request that was not done means.
    pub(super) fn failure(&self, failed: &Failed) -> StoreError {
        match failed {
            Failed::Said(error) => self.error(error),
            Failed::Refused { code, words } => {
                let cause = Cause::new(format!("{words} (code {code})"));
                self.of_code(*code, &cause).unwrap_or(StoreError::Refused {
                    store: self.name.clone(),
                    cause,
                })
            }
            Failed::NoAnswer => StoreError::Unavailable {
                store: self.name.clone(),
                remedy: "check the server and the network, or set a longer `socketTimeoutMS` in `store.uri`",
                cause: Cause::new(format!("no answer within {:?}", self.patience)),
            },
        }
    }

    /// What the number of an error means, if it says enough.
    fn of_code(&self, code: i32, cause: &Cause) -> Option<StoreError> {
        let store = self.name.clone();
        let remedy = if NOT_ALLOWED.contains(&code) {
            "give its user the role `readWrite` on the database, and check VIGIE_MONGODB_USER and VIGIE_MONGODB_PASSWORD"
        } else if NO_MAJORITY.contains(&code) {
            "a majority of its servers did not confirm a write in time: check that they all run, or set a longer `wtimeoutMS` in `store.uri`"
        } else if PASSING.contains(&code) {
            CHANGING
        } else if code == DISK_FULL {
            return Some(StoreError::Full { store });
        } else {
            return None;
        };
        Some(StoreError::Unavailable {
            store,
            remedy,
            cause: cause.clone(),
        })
    }

    /// What an error of the driver means.
    pub(super) fn error(&self, error: &Error) -> StoreError {
        let store = self.name.clone();
        let cause = Cause::redacted(error, self.password.as_ref());
        if let Some(known) = code(error).and_then(|code| self.of_code(code, &cause)) {
            return known;
        }
        let unavailable = |remedy| StoreError::Unavailable {
            store: store.clone(),
            remedy,
            cause: cause.clone(),
        };
        match error.kind.as_ref() {
            ErrorKind::Authentication { .. } => unavailable(
                "check the user and password (VIGIE_MONGODB_USER, VIGIE_MONGODB_PASSWORD, authSource)",
            ),
            ErrorKind::ServerSelection { .. }
            | ErrorKind::Io(_)
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::ConnectionPoolCleared { .. } => {
                unavailable("check that the server runs and that `store.uri` names it")
            }
            ErrorKind::InvalidResponse { .. } => unavailable(NONSENSE),
            ErrorKind::Bson(error)
                if matches!(
                    error.kind,
                    BsonKind::MalformedBytes { .. } | BsonKind::EndOfStream { .. }
                ) =>
            {
                unavailable(NONSENSE)
            }
            _ if is_passing(error) => unavailable(CHANGING),
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
    read_only: bool,
    dialect: Option<Dialect>,
) -> Result<(Server, Database), StoreError> {
    let uri = with_credentials(uri, credentials);
    let mut server = Server {
        name: shown(&uri),
        version: String::new(),
        dialect: Dialect::Full,
        password: None,
        patience: ANSWER_TIMEOUT,
        write_concern: WriteConcern::default(),
        notes: Vec::new(),
    };
    let wrong = |reason| StoreError::Address {
        address: shown(&uri),
        reason,
    };
    let (uri, socket_timeout) = without_socket_timeout(&uri);
    let options = ClientOptions::parse(&uri).await;
    let mut options = options.map_err(|error| match error.kind.as_ref() {
        ErrorKind::InvalidArgument { .. } => wrong(without_password(&error, &uri)),
        _ => server.error(&error),
    })?;
    server.patience = socket_timeout.unwrap_or(ANSWER_TIMEOUT);
    let write_concern = complete(&mut options, read_only, &mut server.notes);
    if let Some(majority) = write_concern.w_timeout {
        // Half as long again, so that it is the server who says why.
        server.patience = server.patience.max(majority * 3 / 2);
    }
    server.write_concern = write_concern;
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
    let build = server.ask(database.run_command(doc! { "buildInfo": 1 }));
    let (version, found) = read_build(&build.await?);
    server.version = version;
    server.dialect = dialect.unwrap_or(found);
    Ok((server, database))
}

/// Adds what the connection string leaves open, and what we insist on: a write counts once a majority has it on disk,
/// and what is read back is read where it was written. Returns the write concern.
///
/// Retryable reads and writes are the driver's own defaults, which it uses where the server can.
fn complete(options: &mut ClientOptions, read_only: bool, notes: &mut Vec<String>) -> WriteConcern {
    options.app_name.get_or_insert_with(|| "vigie".to_owned());
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options
        .server_selection_timeout
        .get_or_insert(SELECTION_TIMEOUT);
    options.max_pool_size.get_or_insert(REQUESTS_MAX as u32);
    if !read_only {
        // A secondary may not have yet what the majority has just confirmed.
        options.selection_criteria =
            Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    }
    let asked = options.write_concern.take().unwrap_or_default();
    let w = match asked.w {
        // A tag set of the operator's making says more than a majority.
        Some(custom @ Acknowledgment::Custom(_)) => custom,
        Some(Acknowledgment::Majority) | None => Acknowledgment::Majority,
        Some(other) => {
            notes.push(format!(
                "`w={}` in store.uri does not count: a raw file is only deleted once a majority has its content (`w=majority`)",
                shown_w(&other)
            ));
            Acknowledgment::Majority
        }
    };
    if asked.journal == Some(false) {
        notes.push(
            "`journal=false` in store.uri does not count: what is written must be on disk"
                .to_owned(),
        );
    }
    let write_concern = WriteConcern::builder()
        .w(w)
        .journal(true)
        .w_timeout(asked.w_timeout.unwrap_or(MAJORITY_TIMEOUT))
        .build();
    options.write_concern = Some(write_concern.clone());
    write_concern
}

fn shown_w(w: &Acknowledgment) -> String {
    match w {
        Acknowledgment::Nodes(nodes) => nodes.to_string(),
        other => format!("{other:?}"),
    }
}

/// A connection string without `socketTimeoutMS`, and what that said. 0 stands for no limit, which we do not have.
fn without_socket_timeout(uri: &str) -> (String, Option<Duration>) {
    let Some((hosts, options)) = uri.rsplit_once('?') else {
        return (uri.to_owned(), None);
    };
    let (ours, theirs): (Vec<&str>, Vec<&str>) = options.split('&').partition(|option| {
        let key = option.split_once('=').map_or(*option, |(key, _)| key);
        key.eq_ignore_ascii_case("socketTimeoutMS")
    });
    let milliseconds = ours
        .first()
        .and_then(|option| option.split_once('=')?.1.parse().ok());
    let timeout = milliseconds
        .filter(|&milliseconds| milliseconds > 0)
        .map(Duration::from_millis);
    if ours.is_empty() {
        return (uri.to_owned(), None);
    }
    (format!("{hosts}?{}", theirs.join("&")), timeout)
}

fn read_build(build: &Document) -> (String, Dialect) {
    let version = build.get_str("version").unwrap_or("?");
    if build.contains_key("ferretdbVersion") {
        // Its second generation has a document `ferretdb` instead.
        let server = format!("FerretDB 1, as MongoDB {version}");
        return (server, Dialect::SingleIds);
    }
    let server = if build.contains_key("ferretdb") {
        format!("FerretDB, as MongoDB {version}")
    } else {
        format!("MongoDB {version}")
    };
    (server, Dialect::Full)
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
            let error = connect(uri, None, false, None).await.unwrap_err();
            assert!(
                matches!(error, StoreError::Address { .. }),
                "{uri}: {error:?}"
            );
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    async fn completed(options: &str, read_only: bool) -> (ClientOptions, Vec<String>) {
        let mut notes = Vec::new();
        let uri = format!("mongodb://h/d?{options}");
        let mut options = ClientOptions::parse(uri).await.unwrap();
        complete(&mut options, read_only, &mut notes);
        (options, notes)
    }

    #[tokio::test]
    async fn limits_have_defaults_and_the_address_may_set_them() {
        let (options, notes) = completed("", false).await;
        assert_eq!(options.connect_timeout, Some(CONNECT_TIMEOUT));
        assert_eq!(options.server_selection_timeout, Some(SELECTION_TIMEOUT));
        assert_eq!(options.max_pool_size, Some(16));
        assert_eq!((options.retry_writes, options.retry_reads), (None, None));
        let write = options.write_concern.unwrap();
        assert_eq!(write.w, Some(Acknowledgment::Majority));
        assert_eq!(write.w_timeout, Some(MAJORITY_TIMEOUT));
        assert_eq!((write.journal, notes.len()), (Some(true), 0));

        let set = "connectTimeoutMS=1&serverSelectionTimeoutMS=2&maxPoolSize=3&wtimeoutMS=4&retryWrites=false";
        let (options, _) = completed(set, false).await;
        assert_eq!(options.connect_timeout, Some(Duration::from_millis(1)));
        let selection = options.server_selection_timeout;
        assert_eq!(selection, Some(Duration::from_millis(2)));
        assert_eq!(
            (options.max_pool_size, options.retry_writes),
            (Some(3), Some(false))
        );
        let write = options.write_concern.unwrap();
        assert_eq!(write.w_timeout, Some(Duration::from_millis(4)));
    }

    #[tokio::test]
    async fn nothing_weaker_than_a_majority_on_disk_counts_and_that_is_said() {
        for weak in ["w=0", "w=1", "journal=false"] {
            let (options, notes) = completed(weak, false).await;
            let write = options.write_concern.unwrap();
            assert_eq!(write.w, Some(Acknowledgment::Majority));
            assert_eq!(write.journal, Some(true));
            assert!(notes[0].contains(&format!("`{weak}`")), "{notes:?}");
        }
        let (options, notes) = completed("w=offsite", false).await;
        let offsite = Acknowledgment::Custom("offsite".to_owned());
        assert_eq!(options.write_concern.unwrap().w, Some(offsite));
        assert_eq!(notes, [""; 0]);
    }

    #[tokio::test]
    async fn what_is_read_back_is_read_from_the_primary() {
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let away = "readPreference=secondary";
        let (options, _) = completed(away, false).await;
        assert_eq!(options.selection_criteria, Some(primary.clone()));
        let (options, _) = completed(away, true).await;
        assert_ne!(options.selection_criteria, Some(primary));
    }

    #[tokio::test]
    async fn the_wait_for_an_answer_may_be_set() {
        let uri = "mongodb://h/d?replicaSet=r&sockettimeoutms=1500&tls=true";
        let (without, timeout) = without_socket_timeout(uri);
        assert_eq!(without, "mongodb://h/d?replicaSet=r&tls=true");
        assert_eq!(timeout, Some(Duration::from_millis(1500)));
        for (uri, left) in [
            ("mongodb://h/d?socketTimeoutMS=0", "mongodb://h/d?"),
            ("mongodb://h/d?tls=true", "mongodb://h/d?tls=true"),
            ("mongodb://h/d", "mongodb://h/d"),
        ] {
            assert_eq!(without_socket_timeout(uri), (left.to_owned(), None));
            ClientOptions::parse(left).await.unwrap();
        }
    }
}
