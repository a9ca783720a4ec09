//! `vigie replay`: recorded bodies through the whole pipeline, at their own times.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use vigie_core::{capture::Outcome as CaptureOutcome, history::Stretch, text::SourceId};
use vigie_store::manifest::{self, Manifest};

use crate::{
    app::App,
    cli,
    clock::Clock,
    collect::{Arrival, receive},
    failure::{Exit, Failure, Outcome},
    fetch::Answer,
    output, summarize,
};

/// Bodies landed before they are summarised.
const PORTION: usize = 200;

/// A recorded body.
struct Recorded {
    at: Timestamp,
    path: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: &cli::Replay) -> Outcome {
    let sources = sources(app, args)?;
    for (id, folder) in sources {
        replay(app, &id, &folder).await?;
    }
    Ok(Exit::Done)
}

/// The folder's own source, or those of its subfolders.
fn sources(app: &App, args: &cli::Replay) -> Outcome<Vec<(SourceId, PathBuf)>> {
    let folder = &args.folder;
    if let Some(id) = &args.source {
        app.definition(id)?;
        return Ok(vec![(id.clone(), folder.clone())]);
    }
    let named = |path: &Path| SourceId::new(path.file_name()?.to_str()?).ok();
    let absolute = std::path::absolute(folder).map_err(Failure::usage)?;
    if let Some(id) = named(&absolute).filter(|id| app.known(id).is_some()) {
        return Ok(vec![(id, absolute)]);
    }
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
    let mut found: Vec<(SourceId, PathBuf)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .filter_map(|path| Some((named(&path)?, path)))
        .filter(|(id, _)| app.known(id).is_some())
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!(
            "{}: no folder here is named as a source",
            folder.display()
        ))
        .hint("say which source the bodies are of with `--source ID`"));
    }
    Ok(found)
}

async fn replay(app: &App, id: &SourceId, folder: &Path) -> Outcome<()> {
    let definition = app.definition(id)?;
    let recorded = recorded(folder)?;
    let Some(last) = recorded.last() else {
        return Err(Failure::usage(format!(
            "{}: no file is named YYYYMMDDTHHMMSSZ.<ext>",
            folder.display()
        ))
        .hint("the name says when the body was fetched, in UTC"));
    };
    let after = last.at;
    let app = app.at(Clock::Fixed(after));
    let store = app.store(false).await?;
    let sources = [definition.clone()];
    let (mut landed, mut unchanged, mut aside) = (0u64, 0u64, Vec::new());
    let (mut files, mut rows, mut refused) = (0, 0, 0);
    for portion in recorded.chunks(PORTION) {
        for body in portion {
            let bytes = fs::read(&body.path)
                .map_err(|error| Failure::usage(format!("{}: {error}", body.path.display())))?;
            let arrival = Arrival {
                slot: app.schedule(&definition).slot_at(body.at),
                started_at: body.at,
                finished_at: body.at,
                url: format!(
                    "replay:{}",
                    body.path.file_name().unwrap_or_default().to_string_lossy()
                ),
                history: settled(&body.path),
                answer: Ok(Answer {
                    status: 200,
                    body: Some(bytes),
                    etag: None,
                    last_modified: None,
                    link: None,
                    said: manifest::Answer::default(),
                }),
            };
            let capture = tokio::task::block_in_place(|| receive(&app, &definition, arrival))?;
            match capture.outcome {
                CaptureOutcome::Unchanged => unchanged += 1,
                CaptureOutcome::Quarantined => {
                    let name = body.path.display().to_string();
                    aside.push((name, capture.reason.unwrap_or_default()));
                }
                _ => landed += 1,
            }
        }
        let all = summarize::summarize(&app, &store, &sources).await?;
        for one in all.into_values() {
            files += one.files;
            rows += one.rows;
            refused += one.refused_rows;
            aside.extend(one.quarantined);
        }
    }
    output::line(&format!(
        "{id}: {} bodies from {} to {after}: {landed} landed, {unchanged} unchanged, {files} summarised, {} set \
         aside; {rows} rows taken, {refused} refused",
        recorded.len(),
        recorded[0].at,
        aside.len(),
    ))?;
    for (file, reason) in aside {
        output::line(&format!("  {file}: {reason}"))?;
    }
    Ok(())
}

/// What a body that `vigie backfill` asked for settles of the past, by the manifest that lies beside it as in the landing zone.
fn settled(body: &Path) -> Option<Stretch> {
    let mut manifest = body.as_os_str().to_owned();
    manifest.push(manifest::SUFFIX);
    let bytes = fs::read(manifest).ok()?;
    Manifest::parse(&bytes).ok()?.capture.history
}

/// The bodies of a folder, in the order of their times.
fn recorded(folder: &Path) -> Outcome<Vec<Recorded>> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Failure::usage(format!("{}: {error}", folder.display())))?;
    let mut recorded: Vec<Recorded> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .filter(|path| !path.to_string_lossy().ends_with(manifest::SUFFIX))
        .filter_map(|path| {
            Some(Recorded {
                at: time_in_name(path.file_name()?.to_str()?)?,
                path,
            })
        })
        .collect();
    recorded.sort_by(|a, b| (a.at, &a.path).cmp(&(b.at, &b.path)));
    Ok(recorded)
}

/// The time at the start of `20241108T160501Z.json` or `20241108T160501Z-1-page.json`.
fn time_in_name(name: &str) -> Option<Timestamp> {
    let (stamp, rest) = name.split_at_checked(16)?;
    if !rest.starts_with(['.', '-', '_']) {
        return None;
    }
    DateTime::strptime("%Y%m%dT%H%M%SZ", stamp)
        .ok()?
        .to_zoned_datetime(TimeZone::UTC)
        .ok()
        .map(|z| z.timestamp())
}

#[cfg(test)]
mod tests {
    use super::time_in_name;

    #[test]
    fn times_are_read_from_names() {
        let read = |name| time_in_name(name).map(|at| at.to_string());
        assert_eq!(
            read("20241108T160501Z.json").as_deref(),
            Some("2024-11-08T16:05:01Z")
        );
        assert_eq!(
            read("20241108T160501Z-1-x.xml").as_deref(),
            Some("2024-11-08T16:05:01Z")
        );
        assert_eq!(read("recording.toml"), None);
        assert_eq!(read("20241308T160501Z.json"), None);
    }
}
