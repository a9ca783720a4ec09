//! `vigie doctor`: checks the set-up and names what is broken, with the remedy.

use std::fs;

use serde::Serialize;
use vigie_core::text::Language;
use vigie_sources::build_request;
use vigie_store::{
    durable,
    lock::{Lock, LockError},
};

use crate::{
    app::{App, key_of},
    cli,
    failure::{Exit, Outcome},
    fetch::Fetcher,
    output,
};

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    /// What was checked.
    name: String,
    /// Whether it is as it should be.
    well: bool,
    /// What was found, and the remedy.
    found: String,
}

fn check(name: impl Into<String>, result: Result<String, String>) -> Check {
    let well = result.is_ok();
    Check {
        name: name.into(),
        well,
        found: result.unwrap_or_else(|problem| problem),
    }
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: &cli::Status) -> Outcome {
    let french = app.config().language == Language::Fr;
    let word = |fr: &'static str, en: &'static str| if french { fr } else { en };
    let mut checks = vec![
        // Opening the workspace has read the settings, the catalogue and the ledger.
        check(
            word("réglages", "settings"),
            Ok(app
                .root()
                .join(crate::config::FILE_NAME)
                .display()
                .to_string()),
        ),
        check(word("dossier data", "data folder"), writable(app)),
        check(word("client HTTP", "HTTP client"), http(app)),
    ];
    checks.extend(store(app, word("base", "store")).await);
    for definition in app.enabled() {
        let key = key_of(&definition);
        let settings = app.source_config(&definition.id);
        let request = build_request(
            &definition,
            &app.config().zone,
            &settings.params,
            settings.base_url.as_deref(),
            key.as_ref(),
            app.now(),
        );
        checks.push(check(
            definition.id.to_string(),
            request
                .map(|request| request.shown_url)
                .map_err(|error| error.to_string()),
        ));
        checks.extend(landing(
            app,
            &definition.id,
            word("fichiers en attente", "raw files waiting"),
        ));
    }
    let well = checks.iter().all(|check| check.well);
    if args.json {
        output::json(&checks)?;
    } else {
        for check in &checks {
            let mark = if check.well { "✓" } else { "✗" };
            output::line(&format!("{mark} {}: {}", check.name, check.found))?;
        }
    }
    Ok(if well { Exit::Done } else { Exit::SomeFailed })
}

fn writable(app: &App) -> Result<String, String> {
    let probe = app.data().join("doctor.probe");
    durable::write(&probe, b"vigie").map_err(|error| error.to_string())?;
    fs::remove_file(&probe).map_err(|error| format!("{}: {error}", probe.display()))?;
    Ok(app.data().display().to_string())
}

fn http(app: &App) -> Result<String, String> {
    let client = Fetcher::new(&app.config().http);
    client
        .map(|_| "rustls".to_owned())
        .map_err(|failure| failure.report())
}

async fn store(app: &App, name: &str) -> Vec<Check> {
    let store = match app.store(false).await {
        Ok(store) => store,
        Err(failure) => return vec![check(name, Err(failure.report()))],
    };
    let found = async {
        store.check().await?;
        let facts = store.facts().await?;
        let mut text = format!(
            "{}, {}, {} buckets, {} events",
            facts.address, facts.server, facts.buckets, facts.events
        );
        for note in facts.notes {
            text.push_str("; ");
            text.push_str(&note);
        }
        Ok::<String, vigie_store::error::StoreError>(text)
    };
    vec![check(
        name,
        found.await.map_err(|error| crate::failure::chain(&error)),
    )]
}

/// What is odd in the landing zone of a source: foreign files, and files that nobody takes up.
fn landing(app: &App, source: &vigie_core::text::SourceId, name: &str) -> Vec<Check> {
    let pending = match app.landing().pending(source) {
        Ok(pending) => pending,
        Err(error) => return vec![check(format!("{source}: {name}"), Err(error.to_string()))],
    };
    let mut checks: Vec<Check> = pending
        .foreign
        .iter()
        .map(|file| {
            let remedy = "not a raw file of Vigie, and left alone; move it away";
            check(format!("data/{file}"), Err(remedy.to_owned()))
        })
        .collect();
    for file in pending.raw.iter().filter(|file| file.bytes == 0) {
        let remedy = "an empty file; `vigie summarize` sets it aside";
        checks.push(check(format!("data/{}", file.file), Err(remedy.to_owned())));
    }
    if let Some(oldest) = pending.raw.first() {
        let age = app.now().duration_since(oldest.at);
        let count = pending.raw.len();
        let text = format!("{count}, since {}", oldest.at);
        // Summaries are made hourly.
        let result = if age.as_hours() < 3 {
            Ok(text)
        } else {
            Err(format!(
                "{text}: run `vigie summarize`, or see `vigie schedule`"
            ))
        };
        checks.push(check(format!("{source}: {name}"), result));
    }
    if let Err(error @ LockError::Held { .. }) =
        Lock::take(&app.data(), &format!("summarize.{source}"), app.now())
    {
        checks.push(check(format!("{source}: lock"), Ok(error.to_string())));
    }
    checks
}
