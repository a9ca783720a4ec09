//! Whom to credit for the rows of an export.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use vigie_core::{analysis::Credit, text::SourceId};

/// The credits of the sources of an export, and what else its reader must know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credits {
    /// By source; `None` for one that is stored but no longer in the catalogue.
    pub(crate) sources: BTreeMap<SourceId, Option<Credit>>,
    /// The time zone in which hours were counted.
    pub(crate) time_zone: String,
    /// Whether the data are simulated.
    pub(crate) simulated: bool,
}

const SIMULATED: &str =
    "SIMULATED DATA, made by Vigie on this machine: no provider said any of this.";
const UNKNOWN: &str = "no longer in the catalogue: ask its provider before you publish it";

#[derive(Serialize)]
struct Attribution<'a> {
    source: &'a SourceId,
    #[serde(flatten)]
    credit: Option<&'a Credit>,
}

impl Credits {
    /// The credits as people read them, one source per paragraph.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.simulated {
            text.push_str(SIMULATED);
            text.push_str("\n\n");
        }
        text.push_str("The data belong to their providers. When you publish them, write:\n");
        for (source, credit) in &self.sources {
            // Writing to a String cannot fail.
            let _ = match credit {
                Some(credit) => write!(
                    text,
                    "\n{source}: {}\n  licence: {}\n  terms: {}\n",
                    credit.attribution, credit.licence, credit.url
                ),
                None => write!(text, "\n{source}: {UNKNOWN}\n"),
            };
        }
        text
    }

    /// The credits as one line per source, for a terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        let simulated = self.simulated.then(|| SIMULATED.to_owned());
        let sources = self.sources.iter().map(|(source, credit)| match credit {
            Some(credit) => format!("{source}: {} ({})", credit.attribution, credit.licence),
            None => format!("{source}: {UNKNOWN}"),
        });
        simulated.into_iter().chain(sources).collect()
    }

    /// The metadata of a Parquet file, by key.
    pub(crate) fn metadata(&self) -> serde_json::Result<Vec<(&'static str, String)>> {
        let attributions: Vec<Attribution<'_>> = self
            .sources
            .iter()
            .map(|(source, credit)| Attribution {
                source,
                credit: credit.as_ref(),
            })
            .collect();
        let mut metadata = vec![
            ("vigie.attribution", serde_json::to_string(&attributions)?),
            ("vigie.time_zone", self.time_zone.clone()),
        ];
        if self.simulated {
            metadata.push(("vigie.simulated", "true".to_owned()));
        }
        Ok(metadata)
    }
}
