//! The names of raw files: what they say and how they are read back.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use vigie_core::text::SourceId;

/// The form of the time in a name, in UTC whatever the zone: `20261123T100500Z`.
const TIME_FORM: &str = "%Y%m%dT%H%M%SZ";

/// The extension of a raw file: `json`, `xml`, `csv`, `pb`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension(String);

/// An extension that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be a file extension: write 1 to 8 of a-z and 0-9, such as json")]
pub struct BadExtension(pub String);

impl Extension {
    /// Checks an extension, without the dot.
    pub fn new(text: &str) -> Result<Self, BadExtension> {
        let fits = (1..=8).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadExtension(text.to_owned()))
        }
    }

    /// The extension as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where bodies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Raw,
    Quarantine,
}

impl Root {
    pub(super) fn folder(self) -> &'static str {
        match self {
            Root::Raw => "raw",
            Root::Quarantine => "quarantine",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Root::Raw => Root::Quarantine,
            Root::Quarantine => Root::Raw,
        }
    }
}

/// The path in quarantine of a raw file, both below the data folder. Names are unique over both places, so it is the
/// same name.
pub fn quarantine_file(raw_file: &str) -> String {
    match raw_file.strip_prefix("raw/") {
        Some(rest) => format!("quarantine/{rest}"),
        None => raw_file.to_owned(),
    }
}

/// A raw file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    source: SourceId,
    pub(super) at: Timestamp,
    extension: Extension,
}

impl Name {
    pub(super) fn new(source: &SourceId, at: Timestamp, extension: &Extension) -> Self {
        Self {
            source: source.clone(),
            at,
            extension: extension.clone(),
        }
    }

    pub(super) fn later(&self, seconds: i64) -> Self {
        let at = self
            .at
            .saturating_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        Self { at, ..self.clone() }
    }

    /// The path below the data folder.
    pub(super) fn file(&self, root: Root) -> String {
        let (root, source) = (root.folder(), &self.source);
        let folder = self.at.strftime("%Y/%m/%d");
        let time = self.at.strftime(TIME_FORM);
        format!(
            "{root}/{source}/{folder}/{source}_{time}.{}",
            self.extension
        )
    }

    /// Reads the name of a file of this source; `None` when it is not one of ours.
    pub(super) fn parse(source: &SourceId, file_name: &str) -> Option<Self> {
        let rest = file_name.strip_prefix(source.as_str())?.strip_prefix('_')?;
        let (time, extension) = rest.split_once('.')?;
        let extension = Extension::new(extension).ok()?;
        if time.len() != "20261123T100500Z".len() {
            return None;
        }
        let civil = DateTime::strptime(TIME_FORM, time).ok()?;
        let at = TimeZone::UTC.to_timestamp(civil).ok()?;
        let name = Self {
            source: source.clone(),
            at,
            extension,
        };
        // One name per time: what jiff takes more kindly than we write it is not ours.
        (name.at.strftime(TIME_FORM).to_string() == time).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_time_in_utc_and_are_read_back() {
        let source = SourceId::new("usgs_quakes-2").unwrap();
        let at = "2026-10-25T02:30:05.9+02:00".parse().unwrap();
        let name = Name::new(&source, at, &Extension::new("json").unwrap());
        let file = name.file(Root::Raw);
        assert_eq!(
            file,
            "raw/usgs_quakes-2/2026/10/25/usgs_quakes-2_20261025T003005Z.json"
        );
        let read = Name::parse(&source, file.rsplit('/').next().unwrap()).unwrap();
        assert_eq!(read.at, "2026-10-25T00:30:05Z".parse().unwrap());
        assert_eq!(
            quarantine_file(&file),
            "quarantine/usgs_quakes-2/2026/10/25/usgs_quakes-2_20261025T003005Z.json"
        );
    }

    #[test]
    fn other_names_are_not_ours() {
        let source = SourceId::new("velib").unwrap();
        for name in [
            "velib.json",
            "velib_20261123T100500Z",
            "velib_20261123T100500Z.",
            "velib_20261123T100500Z.json.manifest.json",
            "velib_20261123T100500.json",
            "velib_20261323T100500Z.json",
            "velib_20260230T100500Z.json",
            "velib_20261123T100560Z.json",
            "velib_2026112 T100500Z.json",
            "velib_é0261123T100500Z.json",
            "velib2_20261123T100500Z.json",
            "velib_20261123T100500Z.JSON",
            ".tmp-velib_20261123T100500Z.json",
        ] {
            assert_eq!(Name::parse(&source, name), None, "{name}");
        }
    }

    #[test]
    fn an_extension_cannot_be_a_path() {
        for bad in ["", ".", "../x", "tar.gz", "JSON", "extension"] {
            assert!(Extension::new(bad).is_err(), "{bad}");
        }
    }
}
