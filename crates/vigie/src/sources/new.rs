//! `vigie sources new`: a definition to start from, made of a body.

use std::{fs, path::Path};

use jiff::Timestamp;
use vigie_core::text::{Language, SourceId};
use vigie_sources::{Model, ProposeError, TO_FILL_IN, Wishes, lines_to_fill_in, propose};
use vigie_store::durable;

use crate::{
    cli::{BodyFormat, NewSource},
    failure::{Exit, Failure, Outcome, chain},
    init::language_of_environment,
    output,
};

/// Writes the proposal, and says on standard error what it reads and what to do next.
pub(super) fn run(args: &NewSource, now: Timestamp) -> Outcome {
    let language = args
        .lang
        .map_or_else(language_of_environment, Language::from);
    let body = fs::read(&args.body)
        .map_err(|error| Failure::usage(format!("{}: {error}", args.body.display())))?;
    if let Some(file) = args.output.as_deref().filter(|file| file.exists()) {
        return Err(Failure::usage(format!("{} exists", file.display()))
            .hint("what you have edited is not replaced; choose another file with -o"));
    }
    let wishes = Wishes {
        id: match &args.id {
            Some(id) => id.clone(),
            None => id_of(args.output.as_deref().unwrap_or(&args.body))?,
        },
        url: args.url.as_deref(),
        format: args.format.map(word),
        language,
        now,
    };
    let proposal = propose(&body, &wishes).map_err(|error| {
        let failure = Failure::new(
            Exit::SomeFailed,
            format!("{}: {}", args.body.display(), chain(&error)),
        );
        match (&error, args.format) {
            (ProposeError::Body(_), None) => {
                failure.hint("--format says which format it is in, if it was taken for another")
            }
            _ => failure.hint("write the definition by hand: catalogue/README.md describes it"),
        }
    })?;
    match &args.output {
        Some(file) => {
            durable::write(file, proposal.toml.as_bytes()).map_err(Failure::usage)?;
            output::line(&file.display().to_string())?;
        }
        None => output::line(proposal.toml.trim_end())?,
    }
    let extraction = &proposal.extraction;
    let (rows, refused) = (extraction.rows.len(), extraction.refused_rows);
    let measures = proposal.definition.measures.len();
    let left = lines_to_fill_in(&proposal.toml).len();
    let written = args
        .output
        .as_ref()
        .map_or("FILE".to_owned(), |file| file.display().to_string());
    let next = format!(
        "vigie sources check {written} --sample {}",
        args.body.display()
    );
    output::note(&match (language, proposal.definition.model) {
        (Language::Fr, Model::Observations) => format!(
            "{rows} lignes d’observations lues dans ce corps ({refused} refusées), {measures} mesures\n\
             {left} lignes portent {TO_FILL_IN} : à compléter ou à vérifier\nensuite : {next}"
        ),
        (Language::Fr, Model::Events) => format!(
            "{rows} événements lus dans ce corps ({refused} refusés), {measures} mesures\n\
             {left} lignes portent {TO_FILL_IN} : à compléter ou à vérifier\nensuite : {next}"
        ),
        (Language::En, Model::Observations) => format!(
            "{rows} rows of observations read from this body ({refused} refused), {measures} measures\n\
             {left} lines say {TO_FILL_IN}: fill them in or check them\nnext: {next}"
        ),
        (Language::En, Model::Events) => format!(
            "{rows} events read from this body ({refused} refused), {measures} measures\n\
             {left} lines say {TO_FILL_IN}: fill them in or check them\nnext: {next}"
        ),
    });
    if proposal.doubles > 0 {
        let doubles = proposal.doubles;
        output::note(&match language {
            Language::Fr => format!(
                "attention : {doubles} lignes ont l’identifiant et l’heure d’une autre ; il faut un identifiant plus précis, tel que \"{{a}}|{{b}}\""
            ),
            Language::En => format!(
                "beware: {doubles} rows have identifier and time of another; a finer identifier is needed, such as \"{{a}}|{{b}}\""
            ),
        });
    }
    Ok(Exit::Done)
}

/// Says on standard error which lines of a definition are still to be filled in.
pub(super) fn note_to_fill_in(file: &Path, text: &str) {
    let lines = lines_to_fill_in(text);
    if lines.is_empty() {
        return;
    }
    let numbers: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let (file, numbers) = (file.display(), numbers.join(", "));
    output::note(&match language_of_environment() {
        Language::Fr => format!("{file} : {TO_FILL_IN} aux lignes {numbers}"),
        Language::En => format!("{file}: {TO_FILL_IN} on lines {numbers}"),
    });
}

fn word(format: BodyFormat) -> &'static str {
    match format {
        BodyFormat::Json => "json",
        BodyFormat::Geojson => "geojson",
        BodyFormat::Xml => "xml",
        BodyFormat::Csv => "csv",
        BodyFormat::GtfsRealtime => "gtfs-realtime",
    }
}

/// An identifier made of the name of a file.
fn id_of(file: &Path) -> Outcome<SourceId> {
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let id: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(64)
        .collect();
    SourceId::new(id.trim_matches('-'))
        .map_err(|bad| Failure::usage(bad).hint("--id gives the new source its identifier"))
}
