//! The document as a PDF, through Typst.

use vigie_core::dossier::Dossier;

use super::document::Document;
use crate::{
    ReportError,
    render::{Moment, write_pdf},
    world::{ANALYSIS_PATH, ReportWorld},
};

/// The template: it lays out what it is told.
const TEMPLATE: &str = include_str!("../../templates/dossier.typ");

pub(super) fn write(document: &Document, dossier: &Dossier) -> Result<Vec<u8>, ReportError> {
    let made = Moment::new(dossier.now, dossier.zone.tz());
    let world = world(document, dossier, &made)?;
    let ident = format!(
        "vigie dossier {} {} {:?}",
        dossier.zone.name.en, dossier.now, document.language
    );
    write_pdf(&world, &ident, &made, true)
}

pub(super) fn world(
    document: &Document,
    dossier: &Dossier,
    made: &Moment,
) -> Result<ReportWorld, ReportError> {
    Ok(ReportWorld::new(
        TEMPLATE.to_owned(),
        serde_json::to_string(document)?,
        vec![(
            ANALYSIS_PATH.to_owned(),
            serde_json::to_string_pretty(dossier)?,
        )],
        made.datetime(),
    ))
}
