//! `vigie.toml`, and the folder that it describes.

mod notify;

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use reqwest::Url;
use serde::Deserialize;
use vigie_core::{
    text::{Language, SourceId},
    zone::Zone,
};

pub(crate) use self::notify::{AlertConfig, EmailConfig, NotifyConfig};
use crate::{
    failure::{Failure, Outcome, nearest},
    fetch::Reach,
};

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
    /// How much room there is.
    #[serde(default)]
    pub(crate) disk: DiskConfig,
    /// How providers are asked.
    #[serde(default)]
    pub(crate) http: HttpConfig,
    /// What a body may hold.
    #[serde(default)]
    pub(crate) limits: LimitsConfig,
    /// The dashboard.
    #[serde(default)]
    pub(crate) serve: ServeConfig,
    /// What the map is drawn on.
    #[serde(default)]
    pub(crate) map: MapConfig,
    /// To whom messages go.
    #[serde(default)]
    pub(crate) notify: NotifyConfig,
    /// What is told.
    #[serde(default)]
    pub(crate) alerts: Vec<AlertConfig>,
    /// The reports.
    #[serde(default)]
    pub(crate) report: ReportConfig,
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
    /// For how many days summaries are kept; 0: for ever.
    pub(crate) keep_summaries_days: u32,
    /// For how many days events are kept; 0: for ever.
    pub(crate) keep_events_days: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            uri: "sqlite:data/vigie.db".to_owned(),
            lock_timeout_seconds: 15,
            bytes_max: None,
            keep_summaries_days: 0,
            keep_events_days: 0,
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

/// `[disk]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DiskConfig {
    /// The most that raw files, archives, quarantine and ledger may take, without the store; `None`: as much as there is.
    pub(crate) budget_bytes: Option<u64>,
    /// Collecting pauses when less than this is free on the disk.
    pub(crate) reserve_bytes: u64,
    /// How long a body stays in quarantine.
    pub(crate) quarantine_keep_days: u32,
    /// The most that quarantine may take.
    pub(crate) quarantine_bytes_max: u64,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            budget_bytes: None,
            reserve_bytes: 64 * 1024 * 1024,
            quarantine_keep_days: 90,
            quarantine_bytes_max: 1024 * 1024 * 1024,
        }
    }
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
    /// How many times its size a compressed body may expand to, beyond some megabytes.
    pub(crate) decompression_ratio_max: u64,
    /// The most bytes of an answer's headers.
    pub(crate) header_bytes_max: u32,
    /// The most redirects followed.
    pub(crate) redirects_max: usize,
    /// The addresses of private networks that definitions and redirects may lead to.
    pub(crate) allow_private: AllowPrivate,
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
            decompression_ratio_max: 200,
            header_bytes_max: 64 * 1024,
            redirects_max: 5,
            allow_private: AllowPrivate::All(false),
            per_host_max: 2,
        }
    }
}

/// Which private addresses requests may go to. A `base_url` of this file needs no entry here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true, false, or a list of hosts, addresses and networks: [\"nas.local\", \"10.1.0.0/16\"]"
)]
pub(crate) enum AllowPrivate {
    /// All, or none.
    All(bool),
    /// These hosts, addresses and networks.
    Listed(Vec<String>),
}

/// `[limits]`: what a body may hold. Sizes and times of answers are in `[http]`.
#[expect(
    clippy::struct_field_names,
    reason = "the keys of `vigie.toml` say that they are limits"
)]
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsConfig {
    /// The most rows of a body, where the definition does not say its own.
    pub(crate) rows_max: usize,
    /// The most levels of nesting, at most 64.
    pub(crate) nesting_max: usize,
    /// The longest name or attribute kept, at most 2,000 characters; longer ones are cut.
    pub(crate) text_characters_max: usize,
    /// The most entities that a source of observations may have; rows of further ones are refused.
    pub(crate) entities_max: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            rows_max: 200_000,
            nesting_max: 64,
            text_characters_max: 2_000,
            entities_max: 100_000,
        }
    }
}

impl LimitsConfig {
    /// The key of a limit that cannot be, and why.
    fn check(&self) -> Result<(), String> {
        let limits = [
            ("rows_max", self.rows_max, usize::MAX),
            ("nesting_max", self.nesting_max, 64),
            ("text_characters_max", self.text_characters_max, 2_000),
            ("entities_max", self.entities_max, usize::MAX),
        ];
        for (key, value, most) in limits {
            if value == 0 {
                return Err(format!("limits.{key}: nothing would be let through"));
            }
            if value > most {
                return Err(format!("limits.{key}: at most {most}"));
            }
        }
        Ok(())
    }
}

/// `[serve]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServeConfig {
    /// The address of the dashboard.
    pub(crate) listen: std::net::SocketAddr,
    /// The most requests of one client in a second, on average over five; 0: as many as it likes.
    pub(crate) requests_per_second_max: u32,
    /// The most open streams; one client may have half of them.
    pub(crate) streams_max: usize,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: ([127, 0, 0, 1], 8470).into(),
            requests_per_second_max: 100,
            streams_max: 2048,
        }
    }
}

/// `[map]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MapConfig {
    /// A `MapLibre` style instead of the land that the page has: an address, or a file of the workspace.
    style: Option<String>,
    /// Where its tiles, glyphs and sprites are, beside the style's own host and those that a file names.
    pub(crate) hosts: Vec<String>,
}

/// Where the style of the map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapStyle<'a> {
    /// The page asks for it there.
    Address(&'a str),
    /// A path relative to the workspace.
    File(&'a str),
}

/// The origin of a web address, as a policy of pages can name it: not where the host is an IPv6 address, or holds a sign with a
/// meaning there.
pub(crate) fn web_origin(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let plain = |sign: u8| sign.is_ascii_alphanumeric() || b".-_".contains(&sign);
    let known = matches!(url.scheme(), "http" | "https") && url.host_str()?.bytes().all(plain);
    known.then(|| url.origin().ascii_serialization())
}

impl MapConfig {
    /// Where the style is, if the map has one.
    pub(crate) fn style(&self) -> Option<MapStyle<'_>> {
        let style = self.style.as_deref().filter(|style| !style.is_empty())?;
        Some(if style.contains("://") {
            MapStyle::Address(style)
        } else {
            MapStyle::File(style)
        })
    }

    fn check(&self) -> Result<(), String> {
        match self.style() {
            Some(MapStyle::Address(address)) if web_origin(address).is_none() => {
                return Err(format!(
                    "map.style: `{address}` is not an http:// or https:// address of a host by its name; a file is named by its path"
                ));
            }
            Some(MapStyle::File(file)) => {
                let mut parts = Path::new(file).components();
                if !parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
                    return Err(format!(
                        "map.style: `{file}` is no file of the workspace: expected a path below it"
                    ));
                }
            }
            Some(MapStyle::Address(_)) | None => {}
        }
        for host in &self.hosts {
            // Of an address with more to it only the host would count.
            let alone = |origin: String| {
                Url::parse(&origin).is_ok_and(|origin| Url::parse(host) == Ok(origin))
            };
            if !web_origin(host).is_some_and(alone) {
                return Err(format!(
                    "map.hosts: `{host}` is not of the form https://tiles.example.org"
                ));
            }
        }
        Ok(())
    }
}

/// `[report]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReportConfig {
    /// The Typst file to use instead of the built-in one, relative to the workspace.
    pub(crate) template: Option<PathBuf>,
    /// A program and its arguments, run for each report written: it gets the path as its last argument.
    pub(crate) on_done: Vec<String>,
    /// Whether each report is sent to `notify.email`.
    pub(crate) email: bool,
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
    config
        .limits
        .check()
        .map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())))?;
    config
        .map
        .check()
        .map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())))?;
    notify::check(&config.notify, &config.alerts, config.report.email)
        .map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())))?;
    config
        .store
        .check()
        .map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())))?;
    Reach::new(&config.http.allow_private).map_err(|entry| {
        let key = format!("{}: http.allow_private", file.display());
        Failure::usage(format!("{key}: `{entry}` is no host, address or network"))
    })?;
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
        for (table, line, said) in [
            (
                "limits",
                "nesting_max = 65",
                "limits.nesting_max: at most 64",
            ),
            ("limits", "rows_max = 0", "limits.rows_max: nothing"),
            ("limits", "text_characters_max = 2001", "at most 2000"),
            ("limits", "entities_max = 0", "limits.entities_max: nothing"),
            ("limits", "row_max = 1", "did you mean `rows_max`?"),
            (
                "http",
                "allow_private = [\"10.0.0.0/99\"]",
                "http.allow_private: `10.0.0.0/99`",
            ),
            (
                "map",
                "style = \"ftp://h/style.json\"",
                "map.style: `ftp://h",
            ),
            (
                "map",
                "hosts = [\"tiles.example.org\"]",
                "map.hosts: `tiles",
            ),
            (
                "map",
                "hosts = [\"https://h/a\"]",
                "map.hosts: `https://h/a`",
            ),
            ("map", "hosts = [\"https://*\"]", "map.hosts: `https://*`"),
            (
                "map",
                "hosts = [\"https://[::1]:8080\"]",
                "map.hosts: `https://[::1]:8080`",
            ),
            (
                "map",
                "hosts = [\"https://u@h\"]",
                "map.hosts: `https://u@h`",
            ),
            (
                "map",
                "hosts = [\"https://h/#a\"]",
                "map.hosts: `https://h/#a`",
            ),
            (
                "map",
                "hosts = [\"https://h;a\"]",
                "map.hosts: `https://h;a`",
            ),
            (
                "map",
                "style = \"../a.json\"",
                "map.style: `../a.json` is no",
            ),
            (
                "map",
                "style = \"/etc/a.json\"",
                "map.style: `/etc/a.json` is no",
            ),
            (
                "notify.email",
                "smtp = \"mail\"\nfrom = \"a@b.org\"\nto = [\"a@b.org\"]",
                "notify.email.smtp: expected",
            ),
            (
                "notify.email",
                "smtp = \"smtp://h\"\nfrom = \"a@b.org\"\nto = [\"nobody\"]",
                "`nobody` is no address",
            ),
            ("notify", "webhook = \"host\"", "notify.webhook: expected"),
            (
                "[alerts]",
                "name = \"a\"\nsource = \"s\"",
                "alerts[0] (`a`): expected one of above",
            ),
            (
                "[alerts]",
                "name = \"a\"\nsource = \"s\"\nabove = 5",
                "above and below need a measure",
            ),
            (
                "[alerts]",
                "name = \"a\"\nsource = \"s\"\ncompleteness_below = 80",
                "a share, 0 to 1",
            ),
            (
                "[alerts]",
                "name = \"a\"\nsource = \"s\"\nmeasure = \"m\"\nabove = 1\nentity = \"\"",
                "an entity is the identifier",
            ),
            (
                "[alerts]",
                "name = \"a\"\nsource = \"s\"\nabove = 1\nunusual = true",
                "expected one of above",
            ),
            (
                "notify.email",
                "smtp = \"smtps://me:hunter2@h.example\"\nfrom = \"a@b.example\"\nto = [\"a@b.example\"]",
                "notify.email.smtp: its password belongs into the environment",
            ),
            (
                "store",
                "keep_summaries_days = 34",
                "store.keep_summaries_days: at least 35",
            ),
            (
                "store",
                "keep_events_days = 1",
                "store.keep_events_days: at least 35",
            ),
            (
                "http",
                "allow_private = 1",
                "expected true, false, or a list",
            ),
        ] {
            let report = report(&format!("{ZONE}[{table}]\n{line}\n"));
            assert!(report.contains(said), "{line}: {report}");
        }
    }
}
