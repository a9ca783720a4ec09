//! `vigie backup` and `vigie restore`: a workspace in one file.
//!
//! ```text
//! vigie.toml, sources/…             the settings and the user's own sources; no key, which the environment has
//! data/ledger.db                    the ledger, copied first
//! data/raw|quarantine|archive/…     as they are; archives up to their committed length
//! store.db                          the documents, as a store in SQLite, whichever store they are from
//! backup.json                       names, sizes and hashes of all of these
//! ```
//!
//! While it is made nothing is summarised (the locks of all sources are held), but collecting goes on. Even without the locks a
//! raw file that the ledger knows would be in the copy of `raw` or its rows in that of the store, never in neither: the ledger is
//! copied before `raw`, and `raw` before the store.

mod restore;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};
use tokio::{task::block_in_place, time::Instant};
use vigie_core::text::SourceId;
use vigie_store::{
    copy::{Copied, copy_source},
    durable,
    error::StoreError,
    ledger::Ledger,
    lock::{Lock, LockError},
    manifest,
    open::{open, shown, sqlite_path},
    sqlite::SqliteStore,
    store::Store,
};

pub(crate) use self::restore::restore;
use self::settings::{settings_without_secrets, with_store};
use crate::{
    app::{App, store_failure},
    budget,
    cli::{self},
    clock::machine_time,
    config::FILE_NAME,
    crash,
    failure::{Exit, Failure, Outcome},
    output,
    stop::Stop,
    summarize,
};

/// The version of the layout that this program writes; it reads this and all before.
const FORMAT: u32 = 1;
/// The last entry, which says what the others must be.
const CONTENTS: &str = "backup.json";
/// The documents.
const STORE: &str = "store.db";
/// The ledger.
const LEDGER: &str = "data/ledger.db";
/// How the names of what is being written begin.
const TEMPORARY: &str = ".tmp-vigie-backup-";
/// What is older than this and begins so was left by a kill.
const LEFT_OVER_AGE: Duration = Duration::from_hours(24);
/// How long to wait for a summary that is under way.
const LOCK_WAIT: Duration = Duration::from_mins(2);
/// zstd's default level.
const LEVEL: i32 = 3;
/// The largest entry that is read into memory: settings and the list of contents.
const TEXT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    format: u32,
    vigie: String,
    made_at: Timestamp,
    zone: String,
    /// The address of the store that was copied, without credentials.
    store: String,
    files: Vec<Packed>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Packed {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Runs `vigie backup`.
pub(crate) async fn run(app: &App, args: &cli::Backup) -> Outcome {
    let target = target_file(app, &args.target)?;
    if target.exists() {
        return Err(Failure::usage(format!("{} exists", target.display()))
            .hint("a backup never replaces another: choose another name, or a folder"));
    }
    let _locks = locks(app).await?;
    let folder = target.parent().unwrap_or(Path::new(".")).to_path_buf();
    durable::create_folders(&folder).map_err(Failure::usage)?;
    sweep(&folder);
    let work = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(&folder)
        .map_err(|error| at(&folder, error))?;
    let mut pack = Pack::begin(&folder, app.stop())?;
    block_in_place(|| copy_files(app, &mut pack, &work))?;
    crash::point("backup.copied");
    if let Some(store) = copy_store(app, &work).await? {
        block_in_place(|| pack.add(STORE, &store, None))?;
    }
    let config = app.config();
    let contents = Contents {
        format: FORMAT,
        vigie: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: app.now(),
        zone: config.zone.name.en.clone(),
        store: shown(&config.store.uri),
        files: Vec::new(),
    };
    let (files, bytes) = block_in_place(|| pack.end(contents, &target))?;
    output::line(&target.display().to_string())?;
    output::note(&format!("{files} files, {bytes} bytes before compression"));
    Ok(Exit::Done)
}

/// The file itself, or one in a folder that is there.
fn target_file(app: &App, target: &Path) -> Outcome<PathBuf> {
    let target = std::path::absolute(target).map_err(Failure::usage)?;
    if !target.is_dir() {
        return Ok(target);
    }
    let zone = app.config().zone.name.en.to_lowercase();
    let words: Vec<&str> = zone
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let time = app.now().strftime("%Y%m%dT%H%M%SZ");
    Ok(target.join(format!("vigie-{}-{time}.tar.zst", words.join("-"))))
}

/// The locks of the backup and of all that summarises. A summary that is under way is waited for.
async fn locks(app: &App) -> Outcome<Vec<Lock>> {
    let until = Instant::now() + LOCK_WAIT;
    let mut locks = Vec::new();
    let mut names = vec!["backup".to_owned()];
    names.extend(sources(app)?.iter().map(|id| format!("summarize.{id}")));
    for name in names {
        loop {
            match Lock::take(&app.data(), &name, app.now()) {
                Ok(lock) => break locks.push(lock),
                Err(error @ LockError::Held { .. }) if Instant::now() >= until => {
                    return Err(Failure::new(Exit::Locked, error));
                }
                Err(LockError::Held { .. }) => {}
                Err(error) => return Err(Failure::usage(error)),
            }
            tokio::select! {
                () = app.stop().asked() => return Err(told_to_end()),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    }
    Ok(locks)
}

/// All sources of which there may be anything.
fn sources(app: &App) -> Outcome<BTreeSet<SourceId>> {
    let mut sources: BTreeSet<SourceId> = app
        .definitions()
        .map(|definition| definition.id.clone())
        .collect();
    sources.extend(app.landing().sources().map_err(Failure::usage)?);
    let changes = app.ledger().changes_since(0).map_err(Failure::usage)?;
    sources.extend(changes.sources);
    Ok(sources)
}

/// Puts everything but the documents into the pack: settings, ledger, then the files.
fn copy_files(app: &App, pack: &mut Pack, work: &TempDir) -> Outcome<()> {
    let root = app.root();
    let settings = work.path().join(FILE_NAME);
    durable::write(&settings, settings_without_secrets(app)?.as_bytes()).map_err(Failure::usage)?;
    pack.add(FILE_NAME, &settings, None)?;
    for (name, path) in files_below(root, "sources")? {
        pack.add(&name, &path, None)?;
    }
    let copy = work.path().join("ledger.db");
    let ledger = Ledger::open(&app.data().join("ledger.db"), true).map_err(Failure::usage)?;
    ledger.copy_to(&copy).map_err(Failure::usage)?;
    pack.add(LEDGER, &copy, None)?;
    let ledger = Ledger::open(&copy, false).map_err(Failure::usage)?;
    for folder in ["data/raw", "data/quarantine"] {
        for (name, path) in files_below(root, folder)? {
            pack.add(&name, &path, None)?;
        }
    }
    for archive in ledger.archives().map_err(Failure::usage)? {
        let path = app.data().join(&archive.file);
        pack.add(
            &format!("data/{}", archive.file),
            &path,
            Some(archive.bytes),
        )?;
    }
    Ok(())
}

/// The regular files below a folder of the workspace, in order of name. Those that are being written are left out, and the
/// manifest of a body is never missed, though a listing is no snapshot.
fn files_below(root: &Path, folder: &str) -> Outcome<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    budget::walk(&root.join(folder), &mut |path, metadata| {
        let hidden = path
            .file_name()
            .is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let name = path.strip_prefix(root).ok().and_then(Path::to_str);
        if let Some(name) = name.filter(|_| metadata.is_file() && !hidden) {
            files.insert(name.to_owned(), path.to_path_buf());
            let manifest = format!("{name}{}", manifest::SUFFIX);
            let path = root.join(&manifest);
            if path.is_file() {
                files.insert(manifest, path);
            }
        }
    })?;
    Ok(files)
}

/// A copy of the documents, as a file of SQLite; `None` when nothing was ever stored.
async fn copy_store(app: &App, work: &TempDir) -> Outcome<Option<PathBuf>> {
    let copy = work.path().join(STORE);
    if let Some(path) = sqlite_path(&app.config().store.uri, app.root()) {
        if !path.exists() {
            return Ok(None);
        }
        let opened = SqliteStore::open(path, true, vigie_store::open::Options::default()).await;
        let store = match opened {
            // It is just being made.
            Err(StoreError::Absent { .. }) => return Ok(None),
            opened => opened.map_err(store_failure)?,
        };
        store.copy_to(copy.clone()).await.map_err(store_failure)?;
        return Ok(Some(copy));
    }
    let from = match open(&app.config().store.uri, app.root(), true).await {
        Err(StoreError::Absent { .. }) => return Ok(None),
        opened => opened.map_err(store_failure)?,
    };
    let growing = work.path().join("growing.db");
    let to = SqliteStore::open(growing, false, vigie_store::open::Options::default())
        .await
        .map_err(store_failure)?;
    copy_documents(app, from.as_ref(), &to).await?;
    to.copy_to(copy.clone()).await.map_err(store_failure)?;
    Ok(Some(copy))
}

async fn copy_documents(app: &App, from: &dyn Store, to: &dyn Store) -> Outcome<Copied> {
    let mut all = Copied::default();
    for source in sources(app)? {
        if app.stop().is_asked() {
            return Err(told_to_end());
        }
        let rhythm: Option<SignedDuration> = app
            .known(&source)
            .and_then(|definition| summarize::rhythm(app, &definition));
        let copied = copy_source(from, to, &source, rhythm)
            .await
            .map_err(store_failure)?;
        all.buckets += copied.buckets;
        all.events += copied.events;
    }
    Ok(all)
}

/// A backup being written, under a temporary name.
struct Pack {
    tar: tar::Builder<zstd::Encoder<'static, NamedTempFile>>,
    files: Vec<Packed>,
    stop: Stop,
}

impl Pack {
    fn begin(folder: &Path, stop: &Stop) -> Outcome<Self> {
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)
            .map_err(|error| at(folder, error))?;
        let mut encoder = zstd::Encoder::new(file, LEVEL).map_err(Failure::usage)?;
        encoder.include_checksum(true).map_err(Failure::usage)?;
        Ok(Self {
            tar: tar::Builder::new(encoder),
            files: Vec::new(),
            stop: stop.clone(),
        })
    }

    /// Adds a file, or its first bytes. One that is gone meanwhile is left out.
    fn add(&mut self, name: &str, path: &Path, most: Option<u64>) -> Outcome<()> {
        if self.stop.is_asked() {
            return Err(told_to_end());
        }
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| at(path, error))?,
        };
        let metadata = file.metadata().map_err(|error| at(path, error))?;
        let bytes = most.map_or(metadata.len(), |most| metadata.len().min(most));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes);
        let mut body = Hashing::new(file.take(bytes));
        self.tar
            .append_data(&mut header, name, &mut body)
            .map_err(|error| at(path, error))?;
        let (found, sha256) = body.end();
        if found != bytes {
            return Err(Failure::new(
                Exit::SomeFailed,
                format!("{} was cut while it was copied", path.display()),
            )
            .hint("run the backup again"));
        }
        self.files.push(Packed {
            name: name.to_owned(),
            bytes,
            sha256,
        });
        Ok(())
    }

    /// Adds the list of contents, and gives the file its name. Returns how many files it holds, and their bytes.
    fn end(mut self, contents: Contents, target: &Path) -> Outcome<(usize, u64)> {
        let contents = Contents {
            files: self.files,
            ..contents
        };
        let text = serde_json::to_vec_pretty(&contents).map_err(Failure::usage)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        let written = self
            .tar
            .append_data(&mut header, CONTENTS, text.as_slice())
            .and_then(|()| self.tar.into_inner())
            .and_then(zstd::Encoder::finish)
            .and_then(|file| file.as_file().sync_all().map(|()| file));
        let file = written.map_err(|error| at(target, error))?;
        crash::point("backup.written");
        file.persist_noclobber(target)
            .map_err(|error| at(target, error.error))?;
        if let Some(folder) = target.parent() {
            durable::flush_folder(folder).map_err(Failure::usage)?;
        }
        let bytes = contents.files.iter().map(|file| file.bytes).sum();
        Ok((contents.files.len(), bytes))
    }
}

/// Removes what killed backups have left in a folder.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        let old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|at| {
                machine_time()
                    .duration_since(at)
                    .is_ok_and(|age| age > LEFT_OVER_AGE)
            });
        if ours && old {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
    }
}

/// Passes bytes on, counts and hashes them.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn end(self) -> (u64, String) {
        let digest = self.hash.finalize();
        let text = digest.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        (self.bytes, text)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn at(path: &Path, error: io::Error) -> Failure {
    Failure::new(Exit::SomeFailed, format!("{}: {error}", path.display()))
}

fn told_to_end() -> Failure {
    Failure::new(Exit::SomeFailed, "given up: the program was told to end").hint("run it again")
}
