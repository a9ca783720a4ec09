//! The catalogue: every known definition.

use std::{collections::BTreeMap, sync::OnceLock};

use vigie_core::text::SourceId;

use crate::definition::{Definition, DefinitionError, like};

include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Definitions by identifier.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    definitions: BTreeMap<SourceId, Definition>,
}

impl Catalogue {
    /// The definitions that are part of the program.
    ///
    /// # Panics
    /// Never: a test reads every embedded definition.
    pub fn embedded() -> &'static Catalogue {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            Catalogue::default()
                .with_user_definitions(EMBEDDED.iter().copied())
                .expect("the embedded definitions are read by a test")
        })
    }

    /// This catalogue and more definitions, each a file name (for messages) and its text. One
    /// with a known identifier takes the place of that: so a definition can be mended without a
    /// new release. One that says `like` is another source with other parameters.
    pub fn with_user_definitions<'t>(
        &self,
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Catalogue, DefinitionError> {
        let mut definitions = self.definitions.clone();
        for (file, text) in files {
            let definition = read(file, text, &definitions)?;
            definitions.insert(definition.id.clone(), definition);
        }
        Ok(Catalogue { definitions })
    }

    /// Reads a definition, whole or like one of these.
    pub fn read(&self, file: &str, text: &str) -> Result<Definition, DefinitionError> {
        read(file, text, &self.definitions)
    }

    /// The definition of that identifier.
    pub fn get(&self, id: &SourceId) -> Option<&Definition> {
        self.definitions.get(id)
    }

    /// The identifier that a mistyped one was likely meant to be.
    pub fn nearest(&self, id: &str) -> Option<&SourceId> {
        self.definitions
            .keys()
            .map(|known| (strsim::damerau_levenshtein(known.as_str(), id), known))
            .filter(|(distance, known)| {
                *distance <= 2.max(known.as_str().len() / 3)
                    || (id.len() >= 3 && known.as_str().contains(id))
            })
            .min()
            .map(|(_, known)| known)
    }

    /// Every definition, by domain, then by identifier.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        let mut all: Vec<&Definition> = self.definitions.values().collect();
        all.sort_by_key(|definition| (definition.domain, definition.id.clone()));
        all.into_iter()
    }

    /// How many definitions there are.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }
}

fn read(
    file: &str,
    text: &str,
    known: &BTreeMap<SourceId, Definition>,
) -> Result<Definition, DefinitionError> {
    match like(file, text, known.values())? {
        Some(definition) => Ok(definition),
        None => Definition::parse(file, text),
    }
}
