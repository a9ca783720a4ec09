//! Proposes a definition for a body that nobody has described yet.
//!
//! Places where rows may be are found, what stands there is made sense of, and the likeliest is
//! written as a definition, which is then tried on the body: only one that gives rows is proposed.

mod columns;
mod detect;
mod draft;
mod events;
mod identity;
mod measures;
mod rows;
mod seen;
mod sheet;
mod values;
mod words;
mod write;

use std::collections::HashSet;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};
use thiserror::Error;
use vigie_core::text::{Language, SourceId};

use crate::{BodyError, Context, Definition, DefinitionError, Extraction, extract};
use draft::Draft;

/// What marks the places of a proposal that the user is to fill in.
pub const TO_FILL_IN: &str = "TODO";

/// The most places whose rows are looked at, and the most that are tried.
const CANDIDATES_MAX: usize = 24;
const TRIALS_MAX: usize = 6;

/// What is known beside the body.
#[derive(Debug, Clone)]
pub struct Wishes<'w> {
    /// The identifier of the new source.
    pub id: SourceId,
    /// Where the body came from.
    pub url: Option<&'w str>,
    /// The format, if it is not to be guessed: `json`, `geojson`, `xml`, `csv` or `gtfs-realtime`.
    pub format: Option<&'w str>,
    /// The language of the comments.
    pub language: Language,
    /// When the body was fetched.
    pub now: Timestamp,
}

/// A definition that reads the body it was made of.
#[derive(Debug)]
pub struct Proposal {
    /// The definition, with comments and places to fill in.
    pub toml: String,
    /// The same, read.
    pub definition: Definition,
    /// What it extracts from the body.
    pub extraction: Extraction,
    /// Rows that have identifier and time in common with one before: the identifier is not enough.
    pub doubles: usize,
}

/// Why nothing is proposed.
#[derive(Debug, Error)]
pub enum ProposeError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// There are no rows in it.
    #[error("no list of records was found in the body")]
    NoRows,
    /// The proposal is wrong: a fault of this program.
    #[error("the proposed definition is not right: {0}")]
    Definition(#[from] DefinitionError),
}

/// Proposes a definition for `body`.
pub fn propose(body: &[u8], wishes: &Wishes<'_>) -> Result<Proposal, ProposeError> {
    let arena = Bump::new();
    let read = detect::read(body, wishes.format, &arena)?;
    let blurs = read.format.blurs_lists();
    let comma = read.decimal_comma;
    let mut drafts: Vec<Draft> = rows::find(read.root)
        .iter()
        .take(CANDIDATES_MAX)
        .filter_map(|candidate| {
            let (columns, rows) = columns::read(candidate, read.root, blurs, &arena);
            (rows > 0).then(|| draft::draft(candidate, &columns, rows, comma))
        })
        .collect();
    drafts.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut failure = ProposeError::NoRows;
    let mut best: Option<Proposal> = None;
    for draft in drafts.iter().take(TRIALS_MAX) {
        match attempt(draft, &read, body, wishes) {
            Ok(proposal) if proposal.extraction.rows.is_empty() => {}
            Ok(proposal) => {
                // A better one gives no fewer rows of those it found.
                let is_whole = proposal.extraction.rows.len() * 2 >= draft.candidate.count;
                if is_whole {
                    return Ok(proposal);
                }
                best = best.or(Some(proposal));
            }
            Err(error) => failure = error,
        }
    }
    best.ok_or(failure)
}

fn attempt(
    draft: &Draft,
    read: &detect::Body<'_>,
    body: &[u8],
    wishes: &Wishes<'_>,
) -> Result<Proposal, ProposeError> {
    let toml = write::definition(draft, read, wishes);
    let definition = Definition::parse(&format!("{}.toml", wishes.id), &toml)?;
    let context = Context {
        // Local times of a zone that is still to be filled in may seem to be ahead.
        fetched_at: draft
            .latest
            .map_or(wishes.now, |latest| latest.max(wishes.now)),
        zone_tz: &TimeZone::UTC,
    };
    let extraction = extract(&definition, body, &context)?;
    let mut known = HashSet::new();
    let doubles = extraction
        .rows
        .iter()
        .filter(|row| !known.insert((row.entity.clone(), row.observed_at)))
        .count();
    Ok(Proposal {
        toml,
        definition,
        extraction,
        doubles,
    })
}

/// The lines of a definition that are still to be filled in, counted from 1; lines of comment alone are not counted.
pub fn lines_to_fill_in(definition: &str) -> Vec<usize> {
    let lines = definition.lines().enumerate();
    lines
        .filter(|(_, line)| line.contains(TO_FILL_IN) && !line.starts_with('#'))
        .map(|(index, _)| index + 1)
        .collect()
}
