//! The sheets of the sources, with what was measured.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use tokio::task::block_in_place;
use utoipa::ToSchema;
use vigie_core::{
    analysis::Credit,
    dossier::{PeriodVerdict, Seen, SourceRecord},
    sheet::Permission,
    text::Text,
};
use vigie_sources::Definition;

use super::{super::Shared, Refusal, known};
use crate::{
    app::App,
    dossier::{measured, record, seen},
};

/// How long measured facts are taken from memory: they come from days of captures.
const MEASURED_LASTS: Duration = Duration::from_mins(1);
const YEAR_DAYS: f64 = 365.25;

/// A source of the catalogue, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SourceBrief {
    /// The source.
    id: String,
    /// The word of its domain.
    domain: String,
    /// The name of its domain.
    domain_title: Text,
    /// Its title.
    title: Text,
    /// What it is, in a sentence or two.
    description: Text,
    /// Who publishes it.
    provider: String,
    /// Whether it is collected here.
    enabled: bool,
    /// Whether it needs a key.
    needs_key: bool,
    /// Whom to credit, and the licence.
    credit: Credit,
    /// Whether raw bodies may be republished.
    republish: Permission,
    /// The time between two downloads.
    collect_seconds: i64,
}

/// The sheet of a source, and the facts that were measured beside those that are declared.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct SourceSheet {
    /// Whether it is collected here.
    enabled: bool,
    /// How the measured period compares with the declared one.
    period_verdict: PeriodVerdict,
    /// How many entities, or events, were seen of late.
    entity_count: u64,
    /// The measures that are declared but had no value of late.
    fields_missing: Vec<String>,
    /// Bytes of bodies that said something new, extrapolated to a day.
    bytes_per_day: Option<f64>,
    /// Why the store cannot say what it has, in English.
    store_error: Option<String>,
    /// Declared and measured.
    #[serde(flatten)]
    record: SourceRecord,
}

fn is_enabled(app: &App, definition: &Definition) -> bool {
    let sources = &app.config().sources;
    sources
        .get(&definition.id)
        .is_some_and(|config| config.enabled)
}

/// The sources of the catalogue, by domain.
#[utoipa::path(get, path = "/api/v1/sources", responses(
    (status = 200, description = "All sources of the catalogue and of the workspace", body = [SourceBrief])))]
pub(super) async fn sources(State(shared): State<Shared>) -> Json<Vec<SourceBrief>> {
    let app = &shared.app;
    let mut definitions: Vec<&Arc<Definition>> = app.definitions().collect();
    definitions.sort_by_key(|definition| (definition.domain, definition.id.clone()));
    let briefs = definitions.into_iter().map(|definition| {
        let sheet = &definition.sheet;
        SourceBrief {
            id: definition.id.to_string(),
            domain: definition.domain.as_str().to_owned(),
            domain_title: definition.domain.title(),
            title: sheet.title.clone(),
            description: sheet.description.clone(),
            provider: sheet.provider.name.clone(),
            enabled: is_enabled(app, definition),
            needs_key: sheet.access.key.is_some(),
            credit: definition.credit(),
            republish: sheet.rights.republish,
            collect_seconds: app.schedule(definition).every().as_secs(),
        }
    });
    Json(briefs.collect())
}

/// The sheet of a source.
#[utoipa::path(get, path = "/api/v1/sources/{id}", params(("id" = String, Path,)), responses(
    (status = 200, description = "What is declared of the source and what was measured", body = SourceSheet),
    (status = 404, description = "No such source")))]
pub(super) async fn source(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<SourceSheet>, Refusal> {
    let app = &shared.app;
    let definition = known(app, &id)?;
    let make = async {
        let measured = block_in_place(|| measured(app, &definition))?;
        // While the store is away the rest is as true as before.
        let (seen, store_error) = match seen(app, &shared.store, &definition).await {
            Ok(seen) => (seen, None),
            Err(failure) => (Seen::default(), Some(failure.report())),
        };
        let bytes_per_day = measured.bytes_per_year.map(|bytes| bytes / YEAR_DAYS);
        let record = record(app, &definition, measured, seen);
        let seen_any = !record.seen.entities.is_empty();
        let missing = record.model.measures.iter().filter(|measure| {
            // Without anything seen, nothing can be said to be missing.
            seen_any && !record.seen.fields.contains(&measure.id)
        });
        Ok(Arc::new(SourceSheet {
            enabled: is_enabled(app, &definition),
            period_verdict: record.period_verdict(),
            entity_count: record.seen.entities.len() as u64,
            fields_missing: missing.map(|measure| measure.id.to_string()).collect(),
            bytes_per_day,
            store_error,
            record,
        }))
    };
    let kept = &shared.memory.sheets;
    let sheet = kept
        .get(definition.id.clone(), MEASURED_LASTS, make)
        .await?;
    Ok(Json((*sheet).clone()))
}
