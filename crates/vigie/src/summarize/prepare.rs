//! From raw files to batches of rows: read, check, extract, judge.
//!
//! Bodies are read and extracted side by side, by as many threads as there are processors, and judged one after the other in
//! the order in which they were fetched. A batch that is full goes on its way into the store while the next one is prepared.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use jiff::Timestamp;
use vigie_core::{
    bucket::{Bucket, Bucketing},
    capture::{Capture, Outcome as CaptureOutcome},
    cause::Cause,
    event::{Event, EventKey},
    retention,
    row::Rows,
};
use vigie_sources::{Context, Definition, Extraction, Extractor, Model};
use vigie_store::{
    landing::{LandingError, RawFile},
    ledger::{CaptureId, Entry, Tombstone},
};

use super::{Summarized, set_aside};
use crate::{
    app::{App, without_key},
    config::After,
    failure::{Failure, Outcome, chain},
    judge::{Believed, Doubted, Judge},
};

/// Values taken into the store at a time: what bounds memory.
const BATCH_VALUES_MAX: usize = 900_000;
/// Files taken into the store at a time.
const BATCH_FILES_MAX: usize = 1_000;
/// Threads that extract.
const READERS_MAX: usize = 8;
/// Bodies that a thread may be ahead of the one that is judged.
const AHEAD_MAX: usize = 4;

/// A file whose rows are on their way into the store.
pub(super) struct Ready {
    pub(super) file: RawFile,
    /// The ledger's entry, if there is one: a kill between landing and ledger leaves a file without.
    pub(super) id: Option<CaptureId>,
    pub(super) capture: Capture,
    pub(super) tombstone: Tombstone,
    /// Rows that were not taken, for they are older than what is kept.
    pub(super) expired_rows: u64,
}

/// Files with what they say.
pub(super) struct Batch {
    pub(super) ready: Vec<Ready>,
    pub(super) documents: Documents,
}

/// What is to be merged into the store.
pub(super) enum Documents {
    Buckets(Vec<Bucket>),
    Events(Vec<Event>),
}

/// What came of reading a file.
#[expect(clippy::large_enum_variant, reason = "nearly all are the large one")]
enum Read {
    /// Its content is in the store already: only the deletion was left to do.
    Done,
    /// It is at fault, for this reason.
    AtFault(Cause, String),
    /// What it says.
    Body {
        id: Option<CaptureId>,
        capture: Capture,
        extraction: Extraction<Rows>,
    },
}

/// Prepares the files, and gives full batches to `batches` until nobody takes them any more.
pub(super) fn prepare(
    app: &App,
    definition: &Definition,
    kept: Option<retention::Intake<'_>>,
    files: &[RawFile],
    batches: &SyncSender<Batch>,
) -> Outcome<Summarized> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(READERS_MAX).min(files.len());
    let mut intake = Intake::new(app, definition, kept, batches)?;
    if threads < 2 {
        let mut reader = Reader::new(app, definition);
        let mut room = Rows::default();
        for file in files {
            match intake.take(file, reader.read(file, room)?)? {
                Some(rows) => room = rows,
                None => return Ok(intake.summarized),
            }
        }
        return intake.end();
    }
    let rooms = Mutex::new(Vec::new());
    thread::scope(|scope| {
        // Each thread takes every so-manieth file, so that their order needs no sorting. It ends when nobody listens.
        let reading: Vec<Receiver<Outcome<Read>>> = (0..threads)
            .map(|first| {
                let (sender, receiver) = sync_channel(AHEAD_MAX);
                let rooms = &rooms;
                scope.spawn(move || {
                    let mut reader = Reader::new(app, definition);
                    for file in files.iter().skip(first).step_by(threads) {
                        let room = lock(rooms).pop().unwrap_or_default();
                        if sender.send(reader.read(file, room)).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        for (file, thread) in files.iter().zip((0..threads).cycle()) {
            let read = reading[thread].recv().map_err(Failure::usage)?;
            match intake.take(file, read?)? {
                Some(rows) => lock(&rooms).push(rows),
                None => return Ok(intake.summarized),
            }
        }
        intake.end()
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads and extracts one body after the other.
struct Reader<'a> {
    app: &'a App,
    extractor: Extractor<'a>,
    definition: &'a Definition,
    body: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(app: &'a App, definition: &'a Definition) -> Self {
        Self {
            app,
            extractor: Extractor::new(definition),
            definition,
            body: Vec::new(),
        }
    }

    fn read(&mut self, file: &RawFile, room: Rows) -> Outcome<Read> {
        let landing = self.app.landing();
        let bytes_max = self.app.config().http.body_bytes_max;
        let manifest = match landing.manifest(file) {
            Ok(manifest) => manifest,
            Err(error) => return at_fault(error),
        };
        let find = |capture: &Capture| {
            let sha256 = capture.sha256.as_deref().unwrap_or_default();
            let found = self
                .app
                .ledger()
                .find_by_file(&file.source, &file.file, sha256);
            found.map_err(Failure::usage)
        };
        let mut known = match &manifest {
            Some(manifest) => find(&manifest.capture)?,
            None => None,
        };
        if is_summarized(known.as_ref()) {
            return self.remove(file);
        }
        let adopted = manifest.is_none();
        let capture = match landing.read_into(file, manifest, bytes_max, &mut self.body) {
            Ok(capture) => capture,
            Err(error) => return at_fault(error),
        };
        if adopted {
            // Without a manifest the file was put there by somebody, and its hash is that of what it holds.
            known = find(&capture)?;
            if is_summarized(known.as_ref()) {
                return self.remove(file);
            }
        }
        let context = Context {
            fetched_at: capture.started_at,
            zone_tz: self.app.tz(),
        };
        let extraction = vigie_sources::sniff(self.definition, &self.body)
            .and_then(|()| self.extractor.extract(&self.body, &context, room));
        Ok(match extraction {
            Ok(extraction) => Read::Body {
                id: known.map(|entry| entry.id),
                capture,
                extraction,
            },
            Err(error) => Read::AtFault(error.cause(), chain(&error)),
        })
    }

    /// Removes a file whose content is in the store: the run that put it there was killed before the deletion.
    fn remove(&self, file: &RawFile) -> Outcome<Read> {
        if self.app.config().raw.after != After::Keep {
            self.app.landing().remove(file).map_err(Failure::usage)?;
        }
        Ok(Read::Done)
    }
}

/// What an error says of the file, if the file is at fault and not the disk.
fn at_fault(error: LandingError) -> Outcome<Read> {
    match error.cause() {
        Some(cause) => Ok(Read::AtFault(cause, chain(&error))),
        None => Err(Failure::usage(error)),
    }
}

fn is_summarized(entry: Option<&Entry>) -> bool {
    entry.is_some_and(|entry| entry.capture.outcome == CaptureOutcome::Summarized)
}

/// Judges bodies in the order of their fetching, and gathers their rows.
struct Intake<'a> {
    app: &'a App,
    definition: &'a Definition,
    batches: &'a SyncSender<Batch>,
    judge: Judge<'a>,
    /// Which rows are kept; `None`: all.
    kept: Option<retention::Intake<'a>>,
    ready: Vec<Ready>,
    gathered: Gathered<'a>,
    summarized: Summarized,
}

/// The rows of a batch, merged as far as they can be.
#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Gathered<'a> {
    Observations(Bucketing<'a>),
    Events(BTreeMap<EventKey, Event>),
}

impl<'a> Gathered<'a> {
    fn new(app: &'a App, definition: &'a Definition) -> Self {
        match definition.model {
            Model::Observations => Self::Observations(Bucketing::new(
                &definition.id,
                &definition.measures,
                app.tz(),
                definition.horizon,
            )),
            Model::Events => Self::Events(BTreeMap::new()),
        }
    }

    fn add(&mut self, definition: &Definition, rows: &Rows, fetched_at: Timestamp) {
        match self {
            Self::Observations(bucketing) => {
                for row in rows.iter() {
                    bucketing.add(&row, fetched_at);
                }
            }
            Self::Events(events) => {
                let (id, measures) = (&definition.id, &definition.measures);
                for row in rows.iter().filter_map(|row| row.to_row()) {
                    let event = Event::from_row(id, measures, row, fetched_at);
                    match events.get_mut(&event.key) {
                        Some(known) => {
                            known.merge(&event);
                        }
                        None => {
                            events.insert(event.key.clone(), event);
                        }
                    }
                }
            }
        }
    }

    fn value_count(&self, definition: &Definition) -> usize {
        match self {
            Self::Observations(bucketing) => bucketing.value_count(),
            // An event takes as much memory as some thirty values.
            Self::Events(events) => events.len() * (definition.measures.len() + 32),
        }
    }

    /// What was gathered. Nothing is left.
    fn take_documents(&mut self) -> Documents {
        match self {
            Self::Observations(bucketing) => Documents::Buckets(bucketing.finish()),
            Self::Events(events) => {
                Documents::Events(std::mem::take(events).into_values().collect())
            }
        }
    }
}

impl<'a> Intake<'a> {
    fn new(
        app: &'a App,
        definition: &'a Definition,
        kept: Option<retention::Intake<'a>>,
        batches: &'a SyncSender<Batch>,
    ) -> Outcome<Self> {
        Ok(Self {
            app,
            definition,
            batches,
            judge: Judge::new(app, definition)?,
            kept,
            ready: Vec::new(),
            gathered: Gathered::new(app, definition),
            summarized: Summarized::default(),
        })
    }

    /// Takes in what was read of a file. Gives back the room of its rows, or `None` where nobody takes batches any more.
    fn take(&mut self, file: &RawFile, read: Read) -> Outcome<Option<Rows>> {
        let (id, capture, mut extraction) = match read {
            Read::Done => return Ok(Some(Rows::default())),
            Read::AtFault(cause, reason) => {
                set_aside(self.app, file, cause, &reason, None, &mut self.summarized)?;
                return Ok(Some(Rows::default()));
            }
            Read::Body {
                id,
                capture,
                extraction,
            } => (id, capture, extraction),
        };
        let believed = match self.judge.judge(self.app, &capture, &mut extraction)? {
            Ok(believed) => believed,
            Err(Doubted { degraded, profile }) => {
                let rows = extraction.rows.len() as u64 + extraction.refused_rows;
                let (cause, reason) = (degraded.cause(), degraded.to_string());
                let readable = Some((rows, profile.as_ref()));
                set_aside(
                    self.app,
                    file,
                    cause,
                    &reason,
                    readable,
                    &mut self.summarized,
                )?;
                return Ok(Some(extraction.rows));
            }
        };
        let fetched_at = capture.started_at;
        let rows = &mut extraction.rows;
        let expired_rows = self.kept.as_mut().map_or(0, |kept| {
            kept.begin(fetched_at, rows.iter().map(|row| row.observed_at));
            rows.retain(|row| kept.keeps(row.observed_at)) as u64
        });
        self.gathered
            .add(self.definition, &extraction.rows, fetched_at);
        let mut tombstone = tombstone(&extraction, expired_rows, believed);
        if let Some(reason) = &mut tombstone.reason {
            *reason = without_key(self.definition, reason);
        }
        self.ready.push(Ready {
            file: file.clone(),
            id,
            capture,
            tombstone,
            expired_rows,
        });
        let is_full = self.ready.len() >= BATCH_FILES_MAX
            || self.gathered.value_count(self.definition) >= BATCH_VALUES_MAX;
        if is_full && !self.send()? {
            return Ok(None);
        }
        Ok(Some(extraction.rows))
    }

    /// Sends what was gathered on its way. Whether somebody took it.
    fn send(&mut self) -> Outcome<bool> {
        self.judge.write_census(self.app)?;
        let batch = Batch {
            ready: std::mem::take(&mut self.ready),
            documents: self.gathered.take_documents(),
        };
        Ok(self.batches.send(batch).is_ok())
    }

    fn end(mut self) -> Outcome<Summarized> {
        if !self.ready.is_empty() {
            self.send()?;
        }
        Ok(self.summarized)
    }
}

/// `expired` rows are neither taken nor refused.
fn tombstone(extraction: &Extraction<Rows>, expired: u64, believed: Believed) -> Tombstone {
    let first_refusal = extraction.refusals.first().map(ToString::to_string);
    let rows = &extraction.rows;
    let mut observed: Option<(Timestamp, Timestamp)> = None;
    let mut published = extraction.published_at;
    for row in rows.iter() {
        let at = row.observed_at;
        let (oldest, newest) = observed.unwrap_or((at, at));
        observed = Some((oldest.min(at), newest.max(at)));
        published = published.max(row.published_at);
    }
    let refused = extraction.refused_rows;
    let reason = first_refusal.map(|first| match (refused, extraction.refused_values) {
        (0, values) => format!("{values} values refused, the first: {first}"),
        (rows, 0) => format!("{rows} rows refused, the first: {first}"),
        (rows, values) => format!("{rows} rows and {values} values refused, the first: {first}"),
    });
    let reason = match expired {
        0 => reason,
        expired => {
            let expired = format!("{expired} rows older than what the store keeps");
            Some(reason.map_or(expired.clone(), |reason| format!("{reason}; {expired}")))
        }
    };
    Tombstone {
        rows: rows.len() as u64,
        refused_rows: refused,
        observed,
        published_at: published,
        cause: believed.cause,
        reason,
        profile: believed.profile,
    }
}
