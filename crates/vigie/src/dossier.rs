//! `vigie dossier`: the written report on the sources of the workspace.

use std::{ops::ControlFlow, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use tokio::task::block_in_place;
use vigie_core::{
    bucket::BucketSummary,
    dossier::{CaptureTally, Dossier, Measured, ModelRecord, Periodicity, Seen, SourceRecord},
    event::Event,
    text::Language,
};
use vigie_report::{DossierFormat, render_dossier};
use vigie_sources::{Definition, Model};
use vigie_store::{
    durable,
    ledger::CaptureQuery,
    store::{EventQuery, Store, SummaryQuery},
};

use crate::{
    analyse::SLOTS_MAX,
    app::{App, store_failure},
    cli,
    failure::{Exit, Failure, Outcome},
    output,
};

/// How far back captures and events are looked at, from the newest.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How far back summaries are: entities come again all the time.
const SEEN: SignedDuration = SignedDuration::from_hours(48);

/// Runs the command.
pub(crate) async fn run(app: &App, args: &cli::Dossier) -> Outcome {
    let format = format_of(args)?;
    let language = args.lang.map_or(app.config().language, Language::from);
    let store = app.store(true).await?;
    let mut sources = Vec::new();
    for definition in app.enabled() {
        let measured = block_in_place(|| measured(app, &definition))?;
        let seen = seen(app, &store, &definition).await?;
        sources.push(record(app, &definition, measured, seen));
    }
    let config = app.config();
    let mut dossier = Dossier::new(config.zone.clone(), app.now(), config.simulated, sources);
    dossier.kept_days = config.store.kept_days();
    let write = move || render_dossier(&dossier, language, format);
    let bytes = tokio::task::spawn_blocking(write)
        .await
        .map_err(Failure::usage)?
        .map_err(Failure::usage)?;
    if let Some(path) = &args.output {
        let path = std::path::absolute(path).map_err(Failure::usage)?;
        durable::write(&path, &bytes).map_err(Failure::usage)?;
        output::line(&path.display().to_string())?;
    } else {
        output::line(String::from_utf8_lossy(&bytes).trim_end())?;
    }
    Ok(Exit::Done)
}

/// The format by the extension of the file; Markdown where there is no file.
fn format_of(args: &cli::Dossier) -> Outcome<DossierFormat> {
    let Some(path) = &args.output else {
        return Ok(DossierFormat::Markdown);
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension
        .and_then(DossierFormat::of_extension)
        .ok_or_else(|| {
            let problem = format!(
                "{}: no format of the dossier has this extension",
                path.display()
            );
            Failure::usage(problem).hint("name a file that ends in .pdf, .html or .md")
        })
}

/// What the ledger says of the last days of a source.
pub(crate) fn measured(app: &App, definition: &Definition) -> Outcome<Measured> {
    let ledger = app.ledger();
    let schedule = app.schedule(definition);
    let collect_seconds = schedule.every().as_secs();
    let last = ledger
        .last_attempt(&definition.id)
        .map_err(Failure::usage)?
        .map(|entry| entry.capture.started_at.min(app.now()));
    let Some(last) = last else {
        return Ok(Measured::default());
    };
    let from = last.saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let to = last
        .saturating_add(SignedDuration::from_millis(1))
        .unwrap_or(Timestamp::MAX);
    let query = CaptureQuery {
        source: Some(definition.id.clone()),
        from: Some(from),
        to: Some(to),
        ..CaptureQuery::default()
    };
    let (mut tally, mut first_slot) = (CaptureTally::default(), None);
    ledger
        .captures(&query, |entry| {
            if entry.capture.history.is_none() {
                first_slot.get_or_insert(entry.capture.slot);
            }
            tally.add(&entry.capture);
            ControlFlow::Continue(())
        })
        .map_err(Failure::usage)?;
    let expected = first_slot.map_or(0, |first| schedule.slots(first, to, SLOTS_MAX).len() as u64);
    Ok(tally.finish(expected, collect_seconds))
}

/// What the store has of the last days of a source.
pub(crate) async fn seen(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
) -> Outcome<Seen> {
    let mut seen = Seen::default();
    match definition.model {
        Model::Observations => {
            let newest = store
                .newest_hour(&definition.id, Some(app.now()))
                .await
                .map_err(store_failure)?;
            let Some(newest) = newest else {
                return Ok(seen);
            };
            seen.since = newest.saturating_sub(SEEN).ok();
            let query = SummaryQuery {
                source: Some(definition.id.clone()),
                from: seen.since,
                ..SummaryQuery::default()
            };
            let mut each = |summary: BucketSummary| {
                seen.add_summary(&summary);
                ControlFlow::Continue(())
            };
            store
                .summaries(&query, &mut each)
                .await
                .map_err(store_failure)?;
        }
        Model::Events => {
            let newest = app.ledger().newest_observed(&definition.id);
            let newest = newest.map_err(Failure::usage)?.unwrap_or(app.now());
            seen.since = newest.saturating_sub(WINDOW).ok();
            let query = EventQuery {
                source: Some(definition.id.clone()),
                from: seen.since,
                to: None,
            };
            let mut each = |event: Event| {
                seen.add_event(&event);
                ControlFlow::Continue(())
            };
            store
                .events(&query, &mut each)
                .await
                .map_err(store_failure)?;
        }
    }
    Ok(seen)
}

/// The definition of a source, with what was measured.
pub(crate) fn record(
    app: &App,
    definition: &Definition,
    measured: Measured,
    seen: Seen,
) -> SourceRecord {
    SourceRecord {
        id: definition.id.clone(),
        domain: definition.domain.as_str().to_owned(),
        domain_title: definition.domain.title(),
        sheet: definition.sheet.clone(),
        model: ModelRecord {
            events: definition.model == Model::Events,
            format: definition.format_name().to_owned(),
            measures: definition.measures.clone(),
            attributes: definition.attribute_names().map(str::to_owned).collect(),
            located: definition.says_where(),
            leading: definition.leading.clone(),
        },
        periodicity: Periodicity {
            publishes_seconds: definition.publishes.map(|every| every.as_secs()),
            collect_seconds: app.schedule(definition).every().as_secs(),
            stale_after_seconds: definition.stale_after.as_secs(),
            horizon_seconds: definition.horizon.as_secs(),
        },
        measured,
        seen,
    }
}
