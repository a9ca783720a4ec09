//! The ledger of captures: one entry per attempt to download a source.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{cause::Cause, history::Stretch, text::SourceId};

/// How an attempt ended, or what has become of its raw file since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The body is on disk and waits to be summarised.
    Landed,
    /// The provider said, or the hash showed, that nothing changed since the last landed body.
    Unchanged,
    /// No body: network, time-out, HTTP status, a limit exceeded.
    Failed,
    /// A body came that must not count; it is kept aside with the reason.
    Quarantined,
    /// The rows are in the store, read back; this entry is the tombstone of the raw file.
    Summarized,
}

impl Outcome {
    /// Every outcome, in the order of a capture's life.
    pub const ALL: [Outcome; 5] = [
        Outcome::Landed,
        Outcome::Unchanged,
        Outcome::Failed,
        Outcome::Quarantined,
        Outcome::Summarized,
    ];

    /// The word used in the ledger and exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Landed => "landed",
            Outcome::Unchanged => "unchanged",
            Outcome::Failed => "failed",
            Outcome::Quarantined => "quarantined",
            Outcome::Summarized => "summarized",
        }
    }

    /// The outcome of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// Whether the provider answered as it should.
    pub fn is_good(self) -> bool {
        matches!(
            self,
            Outcome::Landed | Outcome::Unchanged | Outcome::Summarized
        )
    }
}

/// One attempt to download a source for one slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The source.
    pub source: SourceId,
    /// The scheduled time that this attempt is for; for a backfill, where the stretch that it asked for begins.
    pub slot: Timestamp,
    /// When the request was sent: the time in the raw file's name and the fetch time of its rows.
    pub started_at: Timestamp,
    /// When the answer was complete.
    pub finished_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The address asked, with secrets replaced.
    pub url: String,
    /// The HTTP status, if an answer came.
    pub http_status: Option<u16>,
    /// Bytes of the decoded body.
    pub bytes: u64,
    /// SHA-256 of the decoded body, in hexadecimal.
    pub sha256: Option<String>,
    /// The raw file's path below the workspace's data folder.
    pub file: Option<String>,
    /// Rows taken into the store.
    pub rows: u64,
    /// Rows refused, each for a reason.
    pub refused_rows: u64,
    /// The oldest and newest observed time among the rows taken.
    pub observed: Option<(Timestamp, Timestamp)>,
    /// The newest time of publication among the rows taken, if the provider says it.
    pub published_at: Option<Timestamp>,
    /// The named cause of the failure, of the quarantine, or of the refusal of rows. Captures of earlier versions have none.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The same with its details.
    pub reason: Option<String>,
    /// The provider's validator for conditional requests.
    pub etag: Option<String>,
    /// The provider's `Last-Modified`, as sent.
    pub last_modified: Option<String>,
    /// No request before this time, as the provider asked (`Retry-After`).
    pub not_before: Option<Timestamp>,
    /// No scheduled request before this time, as back-off decided.
    pub backoff_until: Option<Timestamp>,
    /// What it settles of the past, if `vigie backfill` asked: it was for no slot, and says nothing of the rhythm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Stretch>,
}

impl Capture {
    /// An attempt at the time of its slot, of which nothing else is known yet.
    pub fn new(source: SourceId, slot: Timestamp, outcome: Outcome) -> Self {
        Self {
            source,
            slot,
            started_at: slot,
            finished_at: slot,
            outcome,
            url: String::new(),
            http_status: None,
            bytes: 0,
            sha256: None,
            file: None,
            rows: 0,
            refused_rows: 0,
            observed: None,
            published_at: None,
            cause: None,
            reason: None,
            etag: None,
            last_modified: None,
            not_before: None,
            backoff_until: None,
            history: None,
        }
    }
}
