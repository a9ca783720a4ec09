//! The analysis of a period on paper: [`Analysis`] → view → Typst → PDF.
//!
//! The crate is pure: it opens no file and no socket, reads no clock, and looks up no font of the
//! system. The same analysis and options give the same bytes.
//!
//! Two values stand between the analysis and the ink:
//! - the [view](view::ReportView): everything that the report says, in one language, with numbers, dates
//!   and the coordinates of charts worked out;
//! - the template: a Typst file that only lays the view out. The user may replace it
//!   ([`ReportOptions::template`]); [`TEMPLATE`] is a good start, and `templates/README.md`
//!   describes what it reads.
//!
//! [`render_html`] writes the same view as one HTML file, [`sentences`] says an analysis in words.
//!
//! The [dossier](render_dossier) of the sources is written likewise, as Markdown, HTML or PDF.
//!
//! Text from feeds reaches Typst as strings in JSON. Strings are never evaluated: a title such as
//! `#panic()` is printed as it is.

mod axis;
mod chart;
mod clean;
mod data;
mod dossier;
mod edition;
mod html;
mod map;
mod mix;
mod number;
mod quality;
mod render;
mod sentence;
mod table;
mod time;
mod track;
pub mod view;
mod words;
mod world;

#[cfg(doc)]
use vigie_core::analysis::Analysis;
use vigie_core::{edition::Edition, text::Language};

pub use crate::{
    axis::Tick,
    chart::{BarView, Callout, ChartView, CloudView, Fractions, LineView, PanelView},
    dossier::{DossierFormat, render_dossier},
    edition::{EditionView, edition_view},
    html::render_html,
    map::{ClassView, MapView},
    number::{percent, quantity},
    quality::{FactView, ProblemView, QualityView},
    render::render_pdf,
    sentence::sentences,
    table::{ColumnView, TableView},
    time::span,
    track::TrackView,
    words::Words,
};

/// The built-in template.
pub const TEMPLATE: &str = include_str!("../templates/report.typ");

/// How a report is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportOptions {
    /// The language of the words, numbers and dates.
    pub language: Language,
    /// The Typst source to use instead of [`TEMPLATE`]. It reads `/report.json` and may attach
    /// `/analysis.json`; it can reach no other file, package, font or clock.
    pub template: Option<String>,
    /// The address of the live page, printed on the first page if it is http or https.
    pub dashboard_url: Option<String>,
    /// Which edition it is; the first one says nothing of it.
    pub edition: Option<Edition>,
}

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The template cannot be compiled, or its result cannot be written.
    #[error("{place}: {message}{hint}", place = place(*line, *column))]
    Template {
        /// What Typst says.
        message: String,
        /// The line of the template, from 1, if Typst names one.
        line: Option<usize>,
        /// The column, from 1, in letters.
        column: Option<usize>,
        /// What to do about it: each hint after a line break, or nothing.
        hint: String,
    },
    /// The analysis cannot be given to the template.
    #[error("the analysis cannot be written as JSON; this is a defect of Vigie, please report it")]
    Data(#[from] serde_json::Error),
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("report template, line {line}, column {column}"),
        _ => "report template".to_owned(),
    }
}

// The sample is shared with the tests from outside, and calls this crate by its name.
#[cfg(test)]
extern crate self as vigie_report;

#[cfg(test)]
#[path = "../tests/it/sample/mod.rs"]
mod sample;
