//! What may go wrong with a store, and what to do about it.

use std::{fmt, time::Duration};

use vigie_core::secret::Secret;

/// The words of a driver or a library about a failure, with every password taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(String);

impl Cause {
    /// The most characters that are kept: a server may quote whole documents.
    const CHARACTERS_MAX: usize = 600;

    /// The words of `error`, in which nothing is secret.
    pub fn new(error: impl fmt::Display) -> Self {
        Self::redacted(error, None)
    }

    /// The words of `error` without any occurrence of `secret`.
    pub fn redacted(error: impl fmt::Display, secret: Option<&Secret>) -> Self {
        let text = error.to_string();
        let mut text = secret.map_or_else(|| text.clone(), |secret| secret.redact(&text));
        if let Some((end, _)) = text.char_indices().nth(Self::CHARACTERS_MAX) {
            text.truncate(end);
            text.push('…');
        }
        Self(text)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

/// Why a store did not do what it was asked to. `store` is its address without credentials; the words of the
/// library are the `source` of the error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The address is not understood.
    #[error(
        "store.uri `{address}`: {reason}; write `sqlite:PATH` or `mongodb://HOST[:PORT]/DATABASE`"
    )]
    Address {
        /// What was written, without credentials.
        address: String,
        /// What is wrong with it.
        reason: Cause,
    },
    /// Nothing was ever stored there, and it was opened for reading only.
    #[error("there is no store at {store} yet; run `vigie summarize` or `vigie up` first")]
    Absent {
        /// The store.
        store: String,
    },
    /// The server does not answer, or the file cannot be opened, read or written.
    #[error("the store {store} is not available; {remedy}. Raw files wait, nothing is lost")]
    Unavailable {
        /// The store.
        store: String,
        /// What to do.
        remedy: &'static str,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Another process kept the store locked for longer than we wait.
    #[error(
        "the store {store} stayed locked by another program for {waited:?}; close it or try again. Raw files wait, nothing is lost"
    )]
    Locked {
        /// The store.
        store: String,
        /// How long we waited.
        waited: Duration,
    },
    /// What is stored cannot be read.
    #[error(
        "the store {store} is damaged: {what}; restore it from a copy, or move it away and feed the archived raw files to `vigie replay`"
    )]
    Corrupt {
        /// The store.
        store: String,
        /// What cannot be read.
        what: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The file or database belongs to another program.
    #[error(
        "{store} is not a store of Vigie; choose another path or database in `store.uri`, or restore it from a copy if it was one"
    )]
    Foreign {
        /// The store.
        store: String,
    },
    /// A newer Vigie wrote the store.
    #[error(
        "the store {store} has schema {found}, written by a newer Vigie; this one knows schemas up to {known}: upgrade this Vigie"
    )]
    SchemaTooNew {
        /// The store.
        store: String,
        /// The schema of the store.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// An older Vigie wrote the store, which was opened for reading only and thus cannot be brought up to date.
    #[error(
        "the store {store} has schema {found}, older than {known}: run `vigie summarize` once, which brings it up to date"
    )]
    SchemaTooOld {
        /// The store.
        store: String,
        /// The schema of the store.
        found: u32,
        /// The schema that this program writes.
        known: u32,
    },
    /// No space is left.
    #[error(
        "no space is left for the store {store}; free some and run again. Raw files wait, nothing is lost"
    )]
    Full {
        /// The store.
        store: String,
    },
    /// Something was to be written to a store opened for reading only, or that the system does not let us write.
    #[error("the store {store} is read-only; check the permissions of its file, or of its user")]
    ReadOnly {
        /// The store.
        store: String,
    },
    /// The library or the server refused a request.
    #[error(
        "the store {store} refused a request; `vigie doctor` checks the server and its permissions"
    )]
    Refused {
        /// The store.
        store: String,
        /// Its words.
        #[source]
        cause: Cause,
    },
    /// The values of a bucket cannot be added: their sum is not a finite number.
    #[error(
        "measure {measure} of `{entity}` ({source_id}): values too large to be added; give the measure a range in its definition"
    )]
    NotFinite {
        /// The source.
        source_id: String,
        /// The entity.
        entity: String,
        /// The measure.
        measure: String,
    },
    /// Other writers changed the same documents again and again.
    #[error(
        "{documents} documents of the store {store} changed under our hands {rounds} times; is another `vigie summarize` running?"
    )]
    Contended {
        /// The store.
        store: String,
        /// How many documents.
        documents: usize,
        /// How many times we tried.
        rounds: u32,
    },
    /// What was written is not what is read back.
    #[error(
        "the store {store} did not keep {documents} of the documents written, the first being {first}; raw files are kept. Check the disk or the server, then run again"
    )]
    NotKept {
        /// The store.
        store: String,
        /// How many documents.
        documents: usize,
        /// The first of them.
        first: String,
    },
}

impl StoreError {
    /// Whether the same request may succeed later without anybody doing anything: a server that comes back,
    /// a lock that is released.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Locked { .. } | Self::Contended { .. }
        )
    }
}
