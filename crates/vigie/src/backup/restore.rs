//! `vigie restore`: first the whole backup is verified, then it is laid out; the settings come last, so that half a workspace is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use serde::Deserialize;
use tokio::task::block_in_place;
use vigie_store::{
    durable,
    open::{open, shown, sqlite_path},
    sqlite::SqliteStore,
    store::Store,
};

use super::{
    CONTENTS, Contents, FORMAT, Hashing, Packed, STORE, TEMPORARY, TEXT_BYTES_MAX, at,
    copy_documents, told_to_end, with_store,
};
use crate::{
    app::{App, store_failure},
    cli::{self, Global},
    clock::Clock,
    config::{self, Config, FILE_NAME},
    crash,
    failure::{Exit, Failure, Outcome},
    output,
    stop::Stop,
};

/// Runs `vigie restore`.
pub(crate) async fn restore(global: &Global, args: &cli::Restore, stop: Stop) -> Outcome {
    let root = std::path::absolute(&args.folder).map_err(Failure::usage)?;
    let mut entries = fs::read_dir(&root).ok();
    if entries
        .as_mut()
        .is_some_and(|entries| entries.next().is_some())
    {
        return Err(Failure::usage(format!("{} is not empty", root.display()))
            .hint("a backup is restored into a new or an empty folder"));
    }
    let (contents, settings) = block_in_place(|| verify(&args.file, &stop))?;
    let settings = match &args.store {
        Some(uri) => with_store(&settings, uri)?,
        None => settings,
    };
    let config = config::parse(Path::new(FILE_NAME), &settings)?;
    let uri = config.store.uri.clone();
    let sqlite = sqlite_path(&uri, &root);
    if let Some(path) = sqlite.as_ref().filter(|path| path.exists()) {
        return Err(occupied(&path.display().to_string()));
    }
    // Looked at before anything is written.
    let server = if sqlite.is_none() {
        let server = open(&uri, &root, false).await.map_err(store_failure)?;
        let facts = server.facts().await.map_err(store_failure)?;
        if facts.buckets + facts.events > 0 {
            return Err(occupied(&shown(&uri)));
        }
        Some(server)
    } else {
        None
    };
    durable::create_folders(&root).map_err(Failure::usage)?;
    let work = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(&root)
        .map_err(|error| at(&root, error))?;
    let documents = sqlite.unwrap_or_else(|| work.path().join(STORE));
    block_in_place(|| extract(&args.file, &contents, &root, &documents, &stop))?;
    crash::point("restore.extracted");
    if let Some(server) = server.filter(|_| documents.exists()) {
        let clock = global.now.map_or(Clock::System, Clock::Fixed);
        fill(&root, config, clock, &documents, server.as_ref(), &stop).await?;
    }
    drop(work);
    // By this file it is a workspace: it comes last.
    durable::write(&root.join(FILE_NAME), settings.as_bytes()).map_err(Failure::usage)?;
    output::line(&root.display().to_string())?;
    output::note(&format!(
        "{}: {} files of {}",
        contents.zone,
        contents.files.len(),
        contents.made_at
    ));
    Ok(Exit::Done)
}

fn occupied(store: &str) -> Failure {
    Failure::usage(format!("there is a store at {store} already"))
        .hint("name another one with `--store`, or move that one away")
}

/// Puts the documents of a backup into a server.
async fn fill(
    root: &Path,
    config: Config,
    clock: Clock,
    documents: &Path,
    server: &dyn Store,
    stop: &Stop,
) -> Outcome<()> {
    let app = App::with_config(root, config, clock)?.stopping_with(stop.clone());
    let from = SqliteStore::open(
        documents.to_path_buf(),
        false,
        vigie_store::open::Options::default(),
    )
    .await
    .map_err(store_failure)?;
    copy_documents(&app, &from, server).await.map(drop)
}

/// Reads a backup to its end and compares all of it with its list of contents. Returns this and the settings.
fn verify(file: &Path, stop: &Stop) -> Outcome<(Contents, String)> {
    let broken = |what: &str| {
        Failure::usage(format!("{} is not a whole backup: {what}", file.display()))
            .hint("nothing was restored; take another copy of it")
    };
    let mut found = Vec::new();
    let (mut contents, mut settings) = (None, None);
    let mut archive = opened(file)?;
    let entries = archive
        .entries()
        .map_err(|error| broken(&error.to_string()))?;
    for entry in entries {
        if stop.is_asked() {
            return Err(told_to_end());
        }
        let entry = entry.map_err(|error| broken(&error.to_string()))?;
        let name = entry
            .path()
            .map_err(|error| broken(&error.to_string()))?
            .to_string_lossy()
            .into_owned();
        let kept = name == CONTENTS || name == FILE_NAME;
        let mut body = Hashing::new(entry);
        let mut text = Vec::new();
        let read = if kept {
            (&mut body)
                .take(TEXT_BYTES_MAX)
                .read_to_end(&mut text)
                .map(drop)
        } else {
            io::copy(&mut body, &mut io::sink()).map(drop)
        };
        read.map_err(|error| broken(&error.to_string()))?;
        let (bytes, sha256) = body.end();
        if name == CONTENTS {
            contents = Some(text);
            continue;
        }
        if name == FILE_NAME {
            settings = Some(text);
        }
        found.push(Packed {
            name,
            bytes,
            sha256,
        });
    }
    // To the end of the frame, so that its checksum is compared.
    io::copy(&mut archive.into_inner(), &mut io::sink())
        .map_err(|error| broken(&error.to_string()))?;
    let contents = contents.ok_or_else(|| broken("its list of contents is missing"))?;
    let head: Head =
        serde_json::from_slice(&contents).map_err(|error| broken(&error.to_string()))?;
    if head.format > FORMAT {
        let text = format!("{} has format {}", file.display(), head.format);
        return Err(Failure::usage(text).hint("a newer vigie wrote it: update vigie"));
    }
    let contents: Contents =
        serde_json::from_slice(&contents).map_err(|error| broken(&error.to_string()))?;
    if let Some(wrong) = contents.files.iter().find(|packed| !found.contains(packed)) {
        return Err(broken(&format!("{} is missing or altered", wrong.name)));
    }
    if let Some(more) = found.iter().find(|packed| place_of(&packed.name).is_none()) {
        return Err(broken(&format!("{} does not belong into one", more.name)));
    }
    if found.len() != contents.files.len() {
        return Err(broken("it holds more than its list of contents"));
    }
    let settings = settings
        .and_then(|text| String::from_utf8(text).ok())
        .ok_or_else(|| broken("it has no vigie.toml"))?;
    Ok((contents, settings))
}

fn opened(file: &Path) -> Outcome<tar::Archive<zstd::Decoder<'static, io::BufReader<File>>>> {
    let opened = File::open(file).map_err(|error| at(file, error))?;
    let decoder = zstd::Decoder::new(opened).map_err(|error| at(file, error))?;
    Ok(tar::Archive::new(decoder))
}

/// Where an entry goes.
enum Place<'a> {
    /// Below the workspace.
    Below(&'a Path),
    /// To where the documents are.
    Documents,
    /// Nowhere yet.
    Settings,
}

fn place_of(name: &str) -> Option<Place<'_>> {
    match name {
        STORE => return Some(Place::Documents),
        FILE_NAME => return Some(Place::Settings),
        _ => {}
    }
    let path = Path::new(name);
    let plain = path
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    let ours = path.starts_with("data") || path.starts_with("sources");
    (plain && ours).then_some(Place::Below(path))
}

/// Writes the files of a verified backup, each once more compared, and flushes them to the disk.
fn extract(
    file: &Path,
    contents: &Contents,
    root: &Path,
    documents: &Path,
    stop: &Stop,
) -> Outcome<()> {
    let mut folders = BTreeSet::new();
    let mut archive = opened(file)?;
    let expected: BTreeMap<&str, &Packed> = contents
        .files
        .iter()
        .map(|packed| (packed.name.as_str(), packed))
        .collect();
    for entry in archive.entries().map_err(|error| at(file, error))? {
        if stop.is_asked() {
            return Err(told_to_end());
        }
        let entry = entry.map_err(|error| at(file, error))?;
        let name = entry
            .path()
            .map_err(|error| at(file, error))?
            .to_string_lossy()
            .into_owned();
        let Some(packed) = expected.get(name.as_str()) else {
            continue;
        };
        let path = match place_of(&name) {
            Some(Place::Below(path)) => root.join(path),
            Some(Place::Documents) => documents.to_path_buf(),
            Some(Place::Settings) | None => continue,
        };
        let folder = path.parent().unwrap_or(root).to_path_buf();
        durable::create_folders(&folder).map_err(Failure::usage)?;
        let mut body = Hashing::new(entry);
        let written = File::create_new(&path)
            .and_then(|mut file| io::copy(&mut body, &mut file).map(|_| file))
            .and_then(|file| file.sync_data());
        written.map_err(|error| at(&path, error))?;
        if body.end() != (packed.bytes, packed.sha256.clone()) {
            let text = format!("{} changed while it was read", file.display());
            return Err(Failure::usage(text).hint("empty the folder and restore again"));
        }
        folders.insert(folder);
    }
    for folder in folders {
        durable::flush_folder(&folder).map_err(Failure::usage)?;
    }
    Ok(())
}

/// Enough to say that a newer program wrote a backup.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_cannot_leave_the_workspace() {
        for name in ["../x", "data/../../x", "/etc/x", "data", "other/x", ""] {
            let below = place_of(name);
            let harmless = name == "data" && matches!(below, Some(Place::Below(_)));
            assert!(below.is_none() || harmless, "{name}");
        }
        assert!(matches!(place_of("data/raw/x"), Some(Place::Below(_))));
    }
}
