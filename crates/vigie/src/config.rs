//! `vigie.toml`, and the folder that it describes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use vigie_core::{
    text::{Language, SourceId},
    zone::Zone,
};

use crate::failure::{Failure, Outcome, nearest};

/// The configuration file's name.
pub(crate) const FILE_NAME: &str = "vigie.toml";

/// The settings of a workspace; every key but `zone` has a default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The language of reports and of the page until the reader chooses.
    #[serde(default)]
    pub(crate) language: Language,
    /// The watched place.
    pub(crate) zone: Zone,
    /// Where summaries and events are kept.
    #[serde(default)]
    pub(crate) store: StoreConfig,
    /// What becomes of raw files.
    #[serde(default)]
    pub(crate) raw: RawConfig,
    /// How providers are asked.
    #[serde(default)]
    pub(crate) http: HttpConfig,
    /// The dashboard.
    #[serde(default)]
    pub(crate) serve: ServeConfig,
    /// Whether the data are simulated; set by the demo.
    #[serde(default)]
    pub(crate) simulated: bool,
    /// The sources, by their identifiers.
    #[serde(default)]
    pub(crate) sources: BTreeMap<SourceId, SourceConfig>,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StoreConfig {
    /// `sqlite:PATH` (relative to the workspace) or `mongodb://…/DATABASE`.
    pub(crate) uri: String,
    /// The longest wait for another program that holds the ledger or the file of a SQLite store.
    pub(crate) lock_timeout_seconds: u64,
    /// The largest size of the file of a SQLite store; `None`: as large as the disk lets it be.
    pub(crate) bytes_max: Option<u64>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            uri: "sqlite:data/vigie.db".to_owned(),
            lock_timeout_seconds: 15,
            bytes_max: None,
        }
    }
}

/// What becomes of a raw file once its content is in the store, read back and counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum After {
    /// It is deleted.
    #[default]
    Delete,
    /// It moves to a monthly archive.
    Archive,
    /// It stays.
    Keep,
}

/// `[raw]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    /// What becomes of a raw file that was summarised.
    pub(crate) after: After,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpConfig {
    /// An address at which providers can reach the operator, sent with every request.
    pub(crate) contact: Option<String>,
    /// The longest wait for a connection.
    pub(crate) connect_timeout_seconds: u64,
    /// The longest wait for a whole answer.
    pub(crate) timeout_seconds: u64,
    /// The largest body, decompressed.
    pub(crate) body_bytes_max: u64,
    /// The most redirects followed.
    pub(crate) redirects_max: usize,
    /// The most requests to one host at a time.
    pub(crate) per_host_max: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            contact: None,
            connect_timeout_seconds: 10,
            timeout_seconds: 60,
            body_bytes_max: 64 * 1024 * 1024,
            redirects_max: 5,
            per_host_max: 2,
        }
    }
}

/// `[serve]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// The address of the dashboard.
    pub(crate) listen: std::net::SocketAddr,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8470).into(),
        }
    }
}

/// `[sources.<id>]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SourceConfig {
    /// Whether it is collected.
    pub(crate) enabled: bool,
    /// Replaces scheme and host of the source's address: a mirror, a proxy.
    pub(crate) base_url: Option<String>,
    /// Replaces the period of collection, in seconds.
    pub(crate) collect_seconds: Option<u32>,
    /// Values for the parameters of the source's address.
    pub(crate) params: BTreeMap<String, String>,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            base_url: None,
            collect_seconds: None,
            params: BTreeMap::new(),
        }
    }
}

/// Reads a configuration; errors say file, line and column, and the nearest known key.
pub(crate) fn parse(file: &Path, text: &str) -> Outcome<Config> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let (line, column) = error
            .span()
            .map_or((1, 1), |span| position(text, span.start));
        let message = error.message().to_owned();
        let failure = Failure::usage(format!("{}:{line}:{column}: {message}", file.display()));
        match suggestion(&message) {
            Some(known) => failure.hint(format!("did you mean `{known}`?")),
            None => failure.hint("`vigie init --help` shows how to write a new one"),
        }
    })?;
    config
        .zone
        .check()
        .map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())))?;
    for (id, source) in &config.sources {
        if let Some(url) = &source.base_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            let key = format!("{}: sources.{id}.base_url", file.display());
            return Err(Failure::usage(format!(
                "{key}: `{url}` is not an http:// or https:// address"
            )));
        }
    }
    Ok(config)
}

/// Serde lists the known keys in its message: the nearest to the unknown one is the remedy.
fn suggestion(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    nearest(unknown, known).map(str::to_owned)
}

/// Line and column, both from 1, of a byte offset.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Finds the workspace: `dir` if given, else the nearest folder upwards that holds a `vigie.toml`.
pub(crate) fn find_root(dir: Option<&Path>) -> Outcome<PathBuf> {
    let missing = |place: &Path| {
        Failure::usage(format!("no {FILE_NAME} in {}", place.display()))
            .hint("`vigie init --zone Paris` makes one here; `--dir DIR` names another folder")
    };
    if let Some(dir) = dir {
        let root = std::path::absolute(dir).map_err(Failure::usage)?;
        return if root.join(FILE_NAME).is_file() {
            Ok(root)
        } else {
            Err(missing(&root))
        };
    }
    let here = std::env::current_dir().map_err(Failure::usage)?;
    let found = here
        .ancestors()
        .find(|folder| folder.join(FILE_NAME).is_file());
    found.map(Path::to_path_buf).ok_or_else(|| missing(&here))
}

/// Reads the configuration of a workspace.
pub(crate) fn load(root: &Path) -> Outcome<Config> {
    let file = root.join(FILE_NAME);
    let text = fs::read_to_string(&file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    parse(&file, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: &str = "[zone]\nname = { fr = \"Paris\", en = \"Paris\" }\nscale = \"city\"\n\
        bbox = [2.2, 48.8, 2.5, 48.9]\ncentre = { lon = 2.35, lat = 48.86 }\ntime_zone = \"Europe/Paris\"\n";

    fn report(text: &str) -> String {
        parse(Path::new("vigie.toml"), text).unwrap_err().report()
    }

    #[test]
    fn a_small_configuration_is_enough() {
        let config = parse(Path::new("vigie.toml"), ZONE).unwrap();
        assert_eq!(config.store.uri, "sqlite:data/vigie.db");
        assert_eq!(config.raw.after, After::Delete);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_place_and_the_nearest_known() {
        let text = format!("{ZONE}[raw]\nafer = \"keep\"\n");
        let report = report(&text);
        assert!(
            report.contains("vigie.toml:8:1: unknown field `afer`"),
            "{report}"
        );
        assert!(report.contains("did you mean `after`?"), "{report}");
    }

    #[test]
    fn wrong_values_are_named() {
        assert!(report(&ZONE.replace("Europe/Paris", "Paris")).contains("zone.time_zone"));
        let text = format!("{ZONE}[sources.usgs-earthquakes]\nbase_url = \"localhost\"\n");
        assert!(report(&text).contains("sources.usgs-earthquakes.base_url"));
        assert!(report("language = \"de\"\n").contains("vigie.toml:1:12"));
    }
}
