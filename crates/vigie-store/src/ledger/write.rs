//! Writing captures.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params};
use vigie_core::{
    capture::{Capture, Outcome},
    cause::Cause,
    profile::Profile,
    quality::HISTORY_MAX,
    text::SourceId,
};

use super::{
    CaptureId, Entry, Ledger, LedgerError, Tombstone, failed,
    rows::{self, COLUMNS, key, signed},
};
use crate::{archive::Appended, fault};

const INSERT: &str = "
INSERT INTO captures (
    sequence, source, key, slot_ms, started_at_ms, finished_at_ms, outcome, url, http_status, bytes, sha256, file, rows,
    refused_rows, observed_from_ms, observed_to_ms, published_at_ms, reason, etag, last_modified, not_before_ms,
    backoff_until_ms, readable, cause, history_from_ms, history_to_ms
) VALUES (
    (SELECT coalesce(max(sequence), 0) + 1 FROM captures), :source, :key, :slot_ms, :started_at_ms, :finished_at_ms,
    :outcome, :url, :http_status, :bytes, :sha256, :file, :rows, :refused_rows, :observed_from_ms, :observed_to_ms,
    :published_at_ms, :reason, :etag, :last_modified, :not_before_ms, :backoff_until_ms, :readable, :cause,
    :history_from_ms, :history_to_ms
) ON CONFLICT (source, key) DO ";

const REPLACE: &str = "UPDATE SET
    sequence = excluded.sequence, slot_ms = excluded.slot_ms, started_at_ms = excluded.started_at_ms,
    finished_at_ms = excluded.finished_at_ms, outcome = excluded.outcome, url = excluded.url,
    http_status = excluded.http_status, bytes = excluded.bytes, sha256 = excluded.sha256, file = excluded.file,
    rows = excluded.rows, refused_rows = excluded.refused_rows, observed_from_ms = excluded.observed_from_ms,
    observed_to_ms = excluded.observed_to_ms, published_at_ms = excluded.published_at_ms, reason = excluded.reason,
    etag = excluded.etag, last_modified = excluded.last_modified, not_before_ms = excluded.not_before_ms,
    backoff_until_ms = excluded.backoff_until_ms, readable = excluded.readable,
    cause = excluded.cause, history_from_ms = excluded.history_from_ms, history_to_ms = excluded.history_to_ms
RETURNING id";

const TOMBSTONE: &str = "
UPDATE captures SET
    sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM captures), outcome = 'summarized', readable = 1, rows = :rows,
    refused_rows = :refused_rows, observed_from_ms = :observed_from_ms, observed_to_ms = :observed_to_ms,
    published_at_ms = :published_at_ms, reason = coalesce(:reason, reason), cause = coalesce(:cause, cause)
WHERE id = :id";

/// Profiles kept of a source: a few more than the history that is compared with, since bodies may come late.
const PROFILES_KEPT: usize = 2 * HISTORY_MAX;

const PROFILE: &str = "
INSERT OR REPLACE INTO profiles (capture, source, started_at_ms, profile)
SELECT id, source, started_at_ms, ?2 FROM captures WHERE id = ?1
RETURNING source";

const FORGET_PROFILES: &str = "
DELETE FROM profiles WHERE source = ?1 AND started_at_ms < (
    SELECT started_at_ms FROM profiles WHERE source = ?1 ORDER BY started_at_ms DESC LIMIT 1 OFFSET ?2)";

impl Ledger {
    /// Writes down an attempt, durably. The same attempt again replaces what was written: an attempt with a body is
    /// known by its file name and hash, one without by its source and start.
    pub fn record(&mut self, capture: &Capture) -> Result<CaptureId, LedgerError> {
        self.write(&[(capture, is_readable(capture))])
            .map(|ids| ids[0])
    }

    /// As [`Ledger::record`] for several at once, with one commit: all are written, or none.
    pub fn record_many(&mut self, captures: &[Capture]) -> Result<Vec<CaptureId>, LedgerError> {
        let rows: Vec<_> = captures
            .iter()
            .map(|capture| (capture, is_readable(capture)))
            .collect();
        self.write(&rows)
    }

    /// Writes down that a body is in quarantine, or on its way there: the capture as `Landing::condemn` or
    /// `Landing::land_in_quarantine` gives it. `readable` says whether rows could be read, so that their number counts as history
    /// when later bodies are judged; `profile` what they were like.
    pub fn record_quarantined(
        &mut self,
        capture: &Capture,
        readable: bool,
        profile: Option<&Profile>,
    ) -> Result<CaptureId, LedgerError> {
        let mut capture = capture.clone();
        capture.outcome = Outcome::Quarantined;
        let id = self.write(&[(&capture, readable)])?[0];
        if let Some(profile) = profile {
            const DOING: &str = "write down what a body was like";
            let failed = failed(&self.path, DOING);
            let transaction = self.transaction(DOING)?;
            keep_profiles(&transaction, [(id, profile)]).map_err(&failed)?;
            transaction.commit().map_err(&failed)?;
        }
        Ok(id)
    }

    fn write(&mut self, rows: &[(&Capture, bool)]) -> Result<Vec<CaptureId>, LedgerError> {
        const DOING: &str = "write down a capture";
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let failed = failed(&self.path, DOING);
        let transaction = self.transaction(DOING)?;
        let ids = rows
            .iter()
            .map(|(capture, readable)| upsert(&transaction, capture, *readable))
            .collect::<Result<_, _>>()
            .map_err(&failed)?;
        fault::point("ledger.written");
        transaction.commit().map_err(&failed)?;
        fault::point("ledger.committed");
        Ok(ids)
    }

    /// The entry of a landed body, which is inserted if a kill came between landing and ledger. An entry that is there is
    /// returned as it is: [`Outcome::Summarized`] says that only the deletion is left to do, [`Outcome::Quarantined`]
    /// that only the move is.
    pub fn reconcile(&mut self, capture: &Capture) -> Result<Entry, LedgerError> {
        const DOING: &str = "look up a landed body";
        let failed = failed(&self.path, DOING);
        if let Some(entry) = find(&self.connection, capture).map_err(&failed)? {
            return Ok(entry);
        }
        let transaction = self.transaction(DOING)?;
        insert_if_absent(&transaction, capture).map_err(&failed)?;
        let entry = find(&transaction, capture).map_err(&failed)?;
        fault::point("ledger.written");
        transaction.commit().map_err(&failed)?;
        fault::point("ledger.committed");
        entry.ok_or_else(|| failed(rusqlite::Error::QueryReturnedNoRows))
    }

    /// As [`Ledger::reconcile`] for several at once, with one commit.
    pub fn reconcile_many(&mut self, captures: &[&Capture]) -> Result<Vec<CaptureId>, LedgerError> {
        const DOING: &str = "look up landed bodies";
        let failed = failed(&self.path, DOING);
        let transaction = self.transaction(DOING)?;
        let ids = captures
            .iter()
            .map(|capture| {
                insert_if_absent(&transaction, capture)?;
                let entry = find(&transaction, capture)?;
                entry
                    .map(|entry| entry.id)
                    .ok_or(rusqlite::Error::QueryReturnedNoRows)
            })
            .collect::<rusqlite::Result<_>>()
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(ids)
    }

    /// Writes down that bodies are safely in the store ([`Outcome::Summarized`]), and how long the archives are that hold
    /// them (empty unless raw files are archived), in one commit. After this the raw files may go.
    pub fn tombstones(
        &mut self,
        batch: &[(CaptureId, Tombstone)],
        archives: &[Appended],
    ) -> Result<(), LedgerError> {
        const DOING: &str = "write down what was summarised";
        let failed = failed(&self.path, DOING);
        let transaction = self.transaction(DOING)?;
        for (id, tombstone) in batch {
            let (from, to) = tombstone.observed.unzip();
            let changed = transaction
                .prepare_cached(TOMBSTONE)
                .and_then(|mut statement| {
                    statement.execute(named_params! {
                        ":id": id.0,
                        ":rows": signed(tombstone.rows),
                        ":refused_rows": signed(tombstone.refused_rows),
                        ":observed_from_ms": from.map(Timestamp::as_millisecond),
                        ":observed_to_ms": to.map(Timestamp::as_millisecond),
                        ":published_at_ms": tombstone.published_at.map(Timestamp::as_millisecond),
                        ":reason": tombstone.reason,
                        ":cause": tombstone.cause.map(Cause::as_str),
                    })
                })
                .map_err(&failed)?;
            if changed == 0 {
                return Err(failed(rusqlite::Error::StatementChangedRows(0)));
            }
        }
        let profiles = batch
            .iter()
            .rev()
            .take(PROFILES_KEPT)
            .filter_map(|(id, tombstone)| Some((*id, tombstone.profile.as_ref()?)));
        keep_profiles(&transaction, profiles).map_err(&failed)?;
        for archive in archives {
            transaction
                .prepare_cached(
                    "INSERT INTO archives (file, bytes) VALUES (?1, ?2)
                     ON CONFLICT (file) DO UPDATE SET bytes = excluded.bytes",
                )
                .and_then(|mut statement| statement.execute((&archive.file, signed(archive.bytes))))
                .map_err(&failed)?;
        }
        fault::point("ledger.written");
        transaction.commit().map_err(&failed)?;
        fault::point("ledger.committed");
        Ok(())
    }

    /// As [`Ledger::tombstones`] for one body that is not archived.
    pub fn tombstone(&mut self, id: CaptureId, tombstone: Tombstone) -> Result<(), LedgerError> {
        self.tombstones(&[(id, tombstone)], &[])
    }

    /// Forgets an archive that is about to be deleted; the tombstones of what it held stay. The next append begins it anew.
    pub fn forget_archive(&mut self, file: &str) -> Result<(), LedgerError> {
        self.connection
            .execute("DELETE FROM archives WHERE file = ?1", [file])
            .map(drop)
            .map_err(self.failed("forget an archive"))
    }

    /// Keeps the entities that a source has had, in the form of `vigie_core::census::Census`.
    pub fn set_entities(&mut self, source: &SourceId, known: &[u8]) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO entities (source, known) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute((source.as_str(), known)))
            .map_err(self.failed("write down the entities of a source"))?;
        Ok(())
    }

    /// Keeps a value under a name, over restarts.
    pub fn set_setting(&mut self, key: &str, value: &str) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(
                "INSERT INTO settings (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute((key, value)))
            .map_err(self.failed("write a setting"))?;
        Ok(())
    }
}

/// Writes down profiles, and forgets those that nobody will compare with any more.
fn keep_profiles<'p>(
    connection: &Connection,
    profiles: impl IntoIterator<Item = (CaptureId, &'p Profile)>,
) -> rusqlite::Result<()> {
    let mut source: Option<String> = None;
    let mut keep = connection.prepare_cached(PROFILE)?;
    for (id, profile) in profiles {
        source = Some(keep.query_row((id.0, profile.to_bytes()), |row| row.get(0))?);
    }
    if let Some(source) = source {
        connection
            .prepare_cached(FORGET_PROFILES)?
            .execute((source, signed(PROFILES_KEPT as u64) - 1))?;
    }
    Ok(())
}

fn is_readable(capture: &Capture) -> bool {
    capture.outcome == Outcome::Summarized
}

fn upsert(
    connection: &Connection,
    capture: &Capture,
    readable: bool,
) -> rusqlite::Result<CaptureId> {
    let (from, to) = capture.observed.unzip();
    connection
        .prepare_cached(&format!("{INSERT}{REPLACE}"))?
        .query_row(
            named_params! {
                ":source": capture.source.as_str(),
                ":key": key(capture),
                ":slot_ms": capture.slot.as_millisecond(),
                ":started_at_ms": capture.started_at.as_millisecond(),
                ":finished_at_ms": capture.finished_at.as_millisecond(),
                ":outcome": capture.outcome.as_str(),
                ":url": capture.url,
                ":http_status": capture.http_status,
                ":bytes": signed(capture.bytes),
                ":sha256": capture.sha256,
                ":file": capture.file,
                ":rows": signed(capture.rows),
                ":refused_rows": signed(capture.refused_rows),
                ":observed_from_ms": from.map(Timestamp::as_millisecond),
                ":observed_to_ms": to.map(Timestamp::as_millisecond),
                ":published_at_ms": capture.published_at.map(Timestamp::as_millisecond),
                ":reason": capture.reason,
                ":etag": capture.etag,
                ":last_modified": capture.last_modified,
                ":not_before_ms": capture.not_before.map(Timestamp::as_millisecond),
                ":backoff_until_ms": capture.backoff_until.map(Timestamp::as_millisecond),
                ":readable": readable,
                ":cause": capture.cause.map(Cause::as_str),
                ":history_from_ms": capture.history.map(|asked| asked.from.as_millisecond()),
                ":history_to_ms": capture.history.map(|asked| asked.to.as_millisecond()),
            },
            |row| row.get(0).map(CaptureId),
        )
}

/// Inserts unless another process did so since the look-up.
fn insert_if_absent(connection: &Connection, capture: &Capture) -> rusqlite::Result<()> {
    if find(connection, capture)?.is_none() {
        upsert(connection, capture, is_readable(capture))?;
    }
    Ok(())
}

fn find(connection: &Connection, capture: &Capture) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM captures WHERE source = ?1 AND key = ?2"
        ))?
        .query_row((capture.source.as_str(), key(capture)), rows::entry)
        .optional()
}
