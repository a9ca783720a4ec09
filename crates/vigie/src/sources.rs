//! `vigie sources`: the catalogue, the sheets, and the check of a definition.

mod gbfs;
mod new;

use std::{fs, path::Path};

use jiff::Timestamp;
use serde::Serialize;
use vigie_core::{
    row::Row,
    text::{Language, SourceId},
};
use vigie_sources::{Catalogue, Context, Definition, Extraction, extract};

use crate::{
    app::catalogue_of,
    cli::{self, Global, SourcesCommand},
    clock::Clock,
    config,
    failure::{Exit, Failure, Outcome, chain},
    init::language_of_environment,
    output, sheet,
};

/// Rows that the check shows on a terminal.
const ROWS_SHOWN: usize = 20;

/// Runs the command. It works without a workspace; within one, the user's own sources are there too.
pub(crate) async fn run(global: &Global, args: &cli::Sources) -> Outcome {
    let now = global.now.map_or(Clock::System, Clock::Fixed).now();
    match &args.command {
        SourcesCommand::Check { file, sample, json } => {
            let (definition, text) = read_definition(file)?;
            if !*json {
                new::note_to_fill_in(file, &text);
            }
            check(&definition, sample.as_deref(), *json, now)
        }
        SourcesCommand::New(args) => new::run(args, now),
        SourcesCommand::Gbfs(args) => gbfs::run(global, args).await,
        SourcesCommand::List { json } => list(global, *json),
        SourcesCommand::Show { source, json, lang } => {
            let language = lang.map_or_else(language_of_environment, Language::from);
            show(global, source, *json, language)
        }
    }
}

fn workspace(global: &Global) -> Outcome<Option<config::Config>> {
    match config::find_root(global.dir.as_deref()) {
        Ok(root) => config::load(&root).map(Some),
        Err(failure) if global.dir.is_some() => Err(failure),
        Err(_) => Ok(None),
    }
}

fn catalogue(global: &Global) -> Outcome<Catalogue> {
    catalogue_of(config::find_root(global.dir.as_deref()).ok().as_deref())
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a SourceId,
    domain: &'a str,
    title: &'a vigie_core::text::Text,
    /// Seconds between two downloads.
    period: i64,
    access: &'a str,
    licence: &'a str,
    zones: Vec<String>,
    enabled: bool,
}

fn list(global: &Global, json: bool) -> Outcome {
    let catalogue = catalogue(global)?;
    let settings = workspace(global)?;
    let language = settings
        .as_ref()
        .map_or_else(language_of_environment, |config| config.language);
    let enabled = |id: &SourceId| {
        settings
            .as_ref()
            .and_then(|config| config.sources.get(id))
            .is_some_and(|source| source.enabled)
    };
    let listed: Vec<(Listed<'_>, &Definition)> = catalogue
        .iter()
        .map(|definition| {
            let listed = Listed {
                id: &definition.id,
                domain: definition.domain.as_str(),
                title: &definition.sheet.title,
                period: definition.schedule.every().as_secs(),
                access: definition.sheet.access.as_str(),
                licence: &definition.sheet.rights.licence,
                zones: definition.sheet.coverage.words(),
                enabled: enabled(&definition.id),
            };
            (listed, definition)
        })
        .collect();
    if json {
        output::json(&listed.iter().map(|(listed, _)| listed).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let header = match language {
        Language::Fr => [
            "source", "domaine", "période", "accès", "licence", "activée", "titre",
        ],
        Language::En => [
            "source", "domain", "period", "access", "licence", "enabled", "title",
        ],
    };
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|(listed, definition)| {
        vec![
            listed.id.to_string(),
            definition.domain.title().get(language).to_owned(),
            output::duration(listed.period),
            listed.access.to_owned(),
            listed.licence.to_owned(),
            if listed.enabled { "✓" } else { "" }.to_owned(),
            listed.title.get(language).to_owned(),
        ]
    }));
    output::table(&rows)?;
    Ok(Exit::Done)
}

fn show(global: &Global, source: &SourceId, json: bool, language: Language) -> Outcome {
    let catalogue = catalogue(global)?;
    let definition = catalogue
        .get(source)
        .ok_or_else(|| crate::app::unknown_source(&catalogue, source))?;
    if json {
        output::json(&sheet::as_json(definition))?;
    } else {
        output::line(&sheet::as_text(definition, language))?;
    }
    Ok(Exit::Done)
}

fn read_definition(file: &Path) -> Outcome<(Definition, String)> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    let definition = Catalogue::embedded()
        .read(&file.display().to_string(), &text)
        .map_err(Failure::usage)?;
    Ok((definition, text))
}

#[derive(Serialize)]
struct Checked<'a> {
    rows: Vec<serde_json::Value>,
    refused_rows: u64,
    refused_values: u64,
    refusals: Vec<String>,
    source: &'a SourceId,
}

fn check(definition: &Definition, sample: Option<&Path>, json: bool, now: Timestamp) -> Outcome {
    let Some(sample) = sample else {
        output::line(&format!(
            "{}: the definition is right; try it with --sample BODY",
            definition.id
        ))?;
        return Ok(Exit::Done);
    };
    let body = fs::read(sample)
        .map_err(|error| Failure::usage(format!("{}: {error}", sample.display())))?;
    let tz = jiff::tz::TimeZone::UTC;
    let context = Context {
        fetched_at: now,
        zone_tz: &tz,
    };
    let extraction = vigie_sources::sniff(definition, &body)
        .and_then(|()| extract(definition, &body, &context))
        .map_err(|error| {
            Failure::new(
                Exit::SomeFailed,
                format!("{}: {}", sample.display(), chain(&error)),
            )
        })?;
    if json {
        output::json(&Checked {
            rows: extraction
                .rows
                .iter()
                .map(|row| as_json(definition, row))
                .collect(),
            refused_rows: extraction.refused_rows,
            refused_values: extraction.refused_values,
            refusals: extraction
                .refusals
                .iter()
                .map(ToString::to_string)
                .collect(),
            source: &definition.id,
        })?;
    } else {
        print_rows(definition, &extraction)?;
    }
    Ok(
        if extraction.rows.is_empty() && extraction.refused_rows > 0 {
            Exit::SomeFailed
        } else {
            Exit::Done
        },
    )
}

fn as_json(definition: &Definition, row: &Row) -> serde_json::Value {
    let measures: serde_json::Map<String, serde_json::Value> = definition
        .measures
        .iter()
        .zip(&row.values)
        .map(|(measure, value)| (measure.id.to_string(), serde_json::json!(value)))
        .collect();
    serde_json::json!({
        "entity": row.entity,
        "observed_at": row.observed_at,
        "published_at": row.published_at,
        "revision": row.revision,
        "name": row.name,
        "lon": row.point.map(|point| point.lon),
        "lat": row.point.map(|point| point.lat),
        "measures": measures,
        "attributes": row.attributes,
    })
}

fn print_rows(definition: &Definition, extraction: &Extraction) -> Outcome<()> {
    let mut header = vec![
        "entity".to_owned(),
        "observed at".to_owned(),
        "name".to_owned(),
    ];
    header.extend(
        definition
            .measures
            .iter()
            .map(|measure| format!("{} [{}]", measure.id, measure.unit)),
    );
    let mut table = vec![header];
    table.extend(extraction.rows.iter().take(ROWS_SHOWN).map(|row| {
        let mut cells = vec![
            row.entity.to_string(),
            row.observed_at.to_string(),
            row.name.clone().unwrap_or_default(),
        ];
        cells.extend(
            row.values
                .iter()
                .map(|value| value.map_or_else(|| "–".into(), |v| v.to_string())),
        );
        cells
    }));
    output::table(&table)?;
    let (rows, refused) = (extraction.rows.len(), extraction.refused_rows);
    let values = extraction.refused_values;
    output::line(&format!(
        "{rows} rows, {refused} rows refused, {values} values refused"
    ))?;
    if rows > ROWS_SHOWN {
        output::line(&format!(
            "(the first {ROWS_SHOWN} are shown; --json shows all)"
        ))?;
    }
    for refusal in &extraction.refusals {
        output::line(&format!("  {refusal}"))?;
    }
    Ok(())
}
