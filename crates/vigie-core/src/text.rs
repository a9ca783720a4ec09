//! Identifiers and bilingual text.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in the two languages that users read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Text {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

impl Text {
    /// The same words in both languages (a proper noun, a code).
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            fr: text.clone(),
            en: text,
        }
    }

    /// A text in both languages.
    pub fn new(fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            fr: fr.into(),
            en: en.into(),
        }
    }

    /// The text in `language`.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

/// A language of the page, the PDF and the commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    Fr,
    /// English.
    #[default]
    En,
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an identifier: use 1 to 64 of a-z, 0-9, `-` and `_`, starting with a letter or digit"
)]
pub struct BadIdentifier {
    /// The refused text.
    pub text: String,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(CompactString);

        impl $name {
            /// Checks `text`: it names files and folders, so it must not hold a path or a space.
            pub fn new(text: impl AsRef<str>) -> Result<Self, BadIdentifier> {
                let text = text.as_ref();
                let fits = (1..=64).contains(&text.len())
                    && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
                    && !text.starts_with(['-', '_']);
                if fits { Ok(Self(text.into())) } else { Err(BadIdentifier { text: text.to_owned() }) }
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0.as_str(), f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(text.as_ref()).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadIdentifier;
            fn from_str(text: &str) -> Result<Self, BadIdentifier> {
                Self::new(text)
            }
        }
    };
}

identifier! {
    /// The name of a source, as its catalogue folder: `velib-disponibilite`.
    SourceId
}
identifier! {
    /// The name of a measure within a source: `bikes_available`.
    MeasureId
}

/// What a measure is about: a station, a city, a ticker. The provider's own identifier, any text
/// of 1 to 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(CompactString);

impl EntityId {
    /// The most bytes that an entity's or event's identifier may have.
    pub const BYTES_MAX: usize = 256;

    /// Takes the provider's identifier, which must not be empty nor longer than [`Self::BYTES_MAX`].
    pub fn new(text: impl AsRef<str>) -> Option<Self> {
        let text = text.as_ref();
        Self::fits(text).then(|| Self(text.into()))
    }

    /// Whether a text may be an identifier.
    pub fn fits(text: &str) -> bool {
        (1..=Self::BYTES_MAX).contains(&text.len())
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for EntityId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
