//! The store: there, whole, ours, and writable.

use std::ops::ControlFlow;

use vigie_core::capture::Outcome as CaptureOutcome;
use vigie_store::{
    error::StoreError,
    ledger::CaptureQuery,
    open::{open, shown, sqlite_path},
    sqlite::SqliteStore,
};

use super::{Name, Report, failed};
use crate::{
    app::App,
    failure::{Outcome, chain},
};

/// Checks the store.
pub(super) async fn check(app: &App, report: &mut Report) -> Outcome<()> {
    let uri = &app.config().store.uri;
    let place = shown(uri);
    match look(app).await {
        Ok(found) => report.add(Name::Store, place, found),
        Err(StoreError::Absent { .. }) if something_was_stored(app)? => report.add(
            Name::StoreMissing,
            place,
            "there is no store, yet the ledger says that raw files were summarised into it",
        ),
        Err(StoreError::Absent { .. }) => {
            report.add(
                Name::Store,
                place,
                "not made yet: the first summary makes it",
            );
        }
        Err(error) => report.add(name_of(&error), place, chain(&error)),
    }
    Ok(())
}

async fn look(app: &App) -> Result<String, StoreError> {
    let uri = &app.config().store.uri;
    if let Some(path) = sqlite_path(uri, app.root()) {
        // Opened for reading only, it is not made where it is missing.
        SqliteStore::open(path, true, vigie_store::open::Options::default())
            .await?
            .check_pages()
            .await?;
    }
    let store = open(uri, app.root(), false).await?;
    store.check().await?;
    let facts = store.facts().await?;
    let mut text = format!(
        "{}, {} buckets, {} events",
        facts.server, facts.buckets, facts.events
    );
    text.extend(["; ", &app.config().store.keeps()]);
    for note in facts.notes {
        text.extend(["; ", &note]);
    }
    Ok(text)
}

fn something_was_stored(app: &App) -> Outcome<bool> {
    let query = CaptureQuery {
        outcomes: vec![CaptureOutcome::Summarized],
        ..CaptureQuery::default()
    };
    let mut found = false;
    app.ledger()
        .captures(&query, |entry| {
            found = entry.capture.rows > 0;
            if found {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .map_err(failed)?;
    Ok(found)
}

fn name_of(error: &StoreError) -> Name {
    match error {
        StoreError::Address { .. } | StoreError::Foreign { .. } => Name::StoreForeign,
        StoreError::Absent { .. } => Name::StoreMissing,
        StoreError::Locked { .. } | StoreError::Contended { .. } => Name::StoreLocked,
        StoreError::Corrupt { .. } | StoreError::NotKept { .. } => Name::StoreDamaged,
        StoreError::SchemaTooNew { .. } => Name::StoreNewer,
        StoreError::SchemaTooOld { .. } => Name::StoreOlder,
        StoreError::Full { .. } => Name::StoreFull,
        StoreError::ReadOnly { .. } => Name::StoreReadOnly,
        StoreError::Unavailable { .. } => Name::StoreUnavailable,
        _ => Name::StoreRefused,
    }
}
