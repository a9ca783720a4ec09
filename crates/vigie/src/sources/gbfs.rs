//! `vigie sources gbfs`: a bike or scooter network by the identifier it has in the public directory of systems.
//!
//! The directory is `MobilityData`'s `systems.csv`, which gives for each system the address of its `gbfs.json`, and that the addresses of its
//! files (<https://gbfs.org/documentation/reference/>, versions 1 to 3).

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use vigie_core::{
    text::{Language, SourceId},
    zone::Scale,
};
use vigie_sources::{Catalogue, rebase};
use vigie_store::durable;

use crate::{
    cli::{Gbfs, Global},
    clock::Clock,
    config::{self, Config},
    failure::{Exit, Failure, Outcome, nearest},
    fetch::{Fetcher, Question},
    output,
};

/// The directory of systems, as `MobilityData` publishes it.
const DIRECTORY: &str = "https://raw.githubusercontent.com/MobilityData/gbfs/master/systems.csv";

/// The source whose format the networks share.
const MODEL: &str = "gbfs-network";

/// A line of the directory.
#[derive(Debug, Clone, Deserialize)]
struct System {
    #[serde(rename = "Country Code")]
    country: String,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Location")]
    location: String,
    #[serde(rename = "System ID")]
    id: String,
    #[serde(rename = "Auto-Discovery URL")]
    discovery: String,
    /// Where it says how to get in: the feeds are not open.
    #[serde(
        rename = "Authentication Info",
        alias = "Authentication Info URL",
        default
    )]
    authentication: String,
}

impl System {
    fn printable(mut self) -> Self {
        for text in [
            &mut self.country,
            &mut self.name,
            &mut self.location,
            &mut self.id,
            &mut self.discovery,
            &mut self.authentication,
        ] {
            *text = printable(text);
        }
        self
    }
}

/// A text of others, without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Lists the systems of the zone, or writes a source for one.
pub(super) async fn run(global: &Global, args: &Gbfs) -> Outcome {
    let root = config::find_root(global.dir.as_deref())?;
    let config = config::load(&root)?;
    let asker = Asker {
        fetcher: Fetcher::new(&config.http)?,
        base_url: args.base_url.as_deref(),
        now: global.now.map_or(Clock::System, Clock::Fixed).now(),
    };
    let directory = match &args.directory {
        Some(file) => fs::read(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?,
        None => asker.bytes(DIRECTORY).await.map_err(|failure| {
            failure.hint("--directory takes a saved copy of the directory instead")
        })?,
    };
    let systems = read_directory(&directory)?;
    let Some(id) = &args.system else {
        return list(&config, &systems);
    };
    let system = find(&systems, id)?;
    add(&root, &config, &asker, system).await
}

fn read_directory(csv: &[u8]) -> Outcome<Vec<System>> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(csv)
        .into_deserialize()
        .map(|system| system.map(System::printable))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            Failure::new(
                Exit::SomeFailed,
                format!("the directory of systems: {error}"),
            )
            .hint("it is to be the file systems.csv of MobilityData’s GBFS repository")
        })
}

/// The systems of the zone's country; all for a zone that is larger.
fn list(config: &Config, systems: &[System]) -> Outcome {
    let zone = &config.zone;
    let country = zone
        .country
        .as_ref()
        .filter(|_| matches!(zone.scale, Scale::City | Scale::Country));
    let header = match config.language {
        Language::Fr => ["système", "nom", "lieu", "pays"],
        Language::En => ["system", "name", "place", "country"],
    };
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(
        systems
            .iter()
            .filter(|system| {
                country.is_none_or(|country| system.country.eq_ignore_ascii_case(country))
            })
            .map(|system| {
                [&system.id, &system.name, &system.location, &system.country]
                    .map(Clone::clone)
                    .to_vec()
            }),
    );
    output::table(&rows)?;
    Ok(Exit::Done)
}

fn find<'s>(systems: &'s [System], id: &str) -> Outcome<&'s System> {
    let exact = systems.iter().find(|system| system.id == id);
    exact
        .or_else(|| {
            systems
                .iter()
                .find(|system| system.id.eq_ignore_ascii_case(id))
        })
        .ok_or_else(|| {
            let near = nearest(id, systems.iter().map(|system| system.id.as_str()));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`vigie sources gbfs` lists the systems of the zone’s country".to_owned(),
            };
            Failure::usage(format!("no system of the directory is called `{id}`")).hint(hint)
        })
}

/// Writes the source of a system, and enables it.
async fn add(root: &Path, config: &Config, asker: &Asker<'_>, system: &System) -> Outcome {
    let id = id_of(&system.id)?;
    let file = root.join("sources").join(format!("{id}.toml"));
    if file.exists() {
        return Err(Failure::usage(format!("{} exists", file.display()))
            .hint("delete it to have it written anew"));
    }
    let feeds = feeds(&asker.json(&system.discovery).await?, config.language);
    let feed = |name: &str| {
        feeds.get(name).ok_or_else(|| {
            Failure::new(
                Exit::SomeFailed,
                format!("{}: its gbfs.json lists no `{name}`", system.id),
            )
            .hint("Vigie counts at stations: a network of free-floating vehicles has none")
        })
    };
    let (status, information) = (feed("station_status")?, feed("station_information")?);
    let described = match feeds.get("system_information") {
        Some(url) => Described::read(&asker.json(url).await?, config.language),
        None => Described::default(),
    };
    let text = definition(&id, system, &described, status, information);
    let shown = file.display().to_string();
    let catalogue = Catalogue::embedded();
    catalogue.read(&shown, &text).map_err(Failure::usage)?;
    let settings = root.join(config::FILE_NAME);
    let enabled = enable(&settings, &id, asker.base_url)?;
    fs::create_dir_all(root.join("sources")).map_err(Failure::usage)?;
    durable::write(&file, text.as_bytes()).map_err(Failure::usage)?;
    durable::write(&settings, enabled.as_bytes()).map_err(Failure::usage)?;
    output::line(&shown)?;
    output::note(&match config.language {
        Language::Fr => format!("{id} est activée dans vigie.toml ; ensuite : vigie collect {id}"),
        Language::En => format!("{id} is enabled in vigie.toml; next: vigie collect {id}"),
    });
    if !system.authentication.is_empty() {
        let at = &system.authentication;
        output::note(&match config.language {
            Language::Fr => format!(
                "attention : ce réseau demande une clé ({at}), que cette source ne sait pas donner"
            ),
            Language::En => {
                format!("beware: this network asks for a key ({at}), which this source cannot give")
            }
        });
    }
    if described.licence.is_none() {
        output::note(match config.language {
            Language::Fr => {
                "le réseau ne dit pas sa licence : à lire chez lui, et à écrire sous `licence`"
            }
            Language::En => {
                "the network does not say its licence: read its terms, and write it under `licence`"
            }
        });
    }
    Ok(Exit::Done)
}

/// The identifier of the source: that of the system, in the letters that identifiers have.
fn id_of(system: &str) -> Outcome<SourceId> {
    let plain: String = system
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(50)
        .collect();
    SourceId::new(format!("gbfs-{}", plain.trim_matches('-'))).map_err(Failure::usage)
}

/// The files that a `gbfs.json` lists, by name: in the language, else in English, else in any. Version 3 has one list for all.
fn feeds(discovery: &Value, language: Language) -> BTreeMap<String, String> {
    let data = &discovery["data"];
    let others = data.as_object().into_iter().flat_map(|data| data.values());
    let lists = [data, &data[word(language)], &data["en"]]
        .into_iter()
        .chain(others)
        .filter_map(|list| list["feeds"].as_array());
    let mut feeds = BTreeMap::new();
    for feed in lists.flatten() {
        let (Some(name), Some(url)) = (feed["name"].as_str(), feed["url"].as_str()) else {
            continue;
        };
        let url = printable(url);
        // `{+status}` asks by https whatever is written.
        let url = match url.strip_prefix("http://") {
            Some(rest) => format!("https://{rest}"),
            None => url,
        };
        // A few write the file's name with its ending.
        let name = name.trim_end_matches(".json").to_owned();
        feeds.entry(name).or_insert(url);
    }
    feeds
}

/// The language as the feeds name it.
fn word(language: Language) -> &'static str {
    match language {
        Language::Fr => "fr",
        Language::En => "en",
    }
}

/// What a `system_information.json` says of the network.
#[derive(Debug, Default)]
struct Described {
    name: Option<String>,
    licence: Option<String>,
    attribution: Option<String>,
}

impl Described {
    fn read(information: &Value, language: Language) -> Self {
        let data = &information["data"];
        let text = |value: &Value| -> Option<String> {
            let text = match value {
                Value::String(text) => text,
                // Version 3: a text per language.
                Value::Array(texts) => texts
                    .iter()
                    .find(|text| text["language"] == word(language))
                    .or_else(|| texts.first())?["text"]
                    .as_str()?,
                _ => return None,
            };
            Some(printable(text.trim())).filter(|text| !text.is_empty())
        };
        Self {
            name: text(&data["name"]),
            licence: text(&data["license_id"]).or_else(|| text(&data["license_url"])),
            attribution: text(&data["attribution_organization_name"])
                .or_else(|| text(&data["operator"])),
        }
    }
}

fn definition(
    id: &SourceId,
    system: &System,
    described: &Described,
    status: &str,
    information: &str,
) -> String {
    let name = described.name.as_deref().unwrap_or(&system.name);
    let place = &system.location;
    let title = if place.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({place})")
    };
    let mut document = toml_edit::DocumentMut::new();
    let table = |pairs: [(&str, &str); 2]| {
        let table: toml_edit::InlineTable = pairs.into_iter().collect();
        toml_edit::value(table)
    };
    document["like"] = toml_edit::value(MODEL);
    document["id"] = toml_edit::value(id.as_str());
    document["title"] = table([("fr", &title), ("en", &title)]);
    document["params"] = table([("status", status), ("information", information)]);
    document["attribution"] = toml_edit::value(described.attribution.as_deref().unwrap_or(name));
    if let Some(licence) = &described.licence {
        document["licence"] = toml_edit::value(licence);
    }
    format!("# {DIRECTORY}\n# {}\n{document}", system.discovery)
}

/// The settings with the source enabled; all else is kept, comments too.
fn enable(settings: &Path, id: &SourceId, base_url: Option<&str>) -> Outcome<String> {
    let text = fs::read_to_string(settings)
        .map_err(|error| Failure::usage(format!("{}: {error}", settings.display())))?;
    let mut document: toml_edit::DocumentMut = text.parse().map_err(Failure::usage)?;
    let mut implicit = toml_edit::Table::new();
    implicit.set_implicit(true);
    let sources = document
        .entry("sources")
        .or_insert(toml_edit::Item::Table(implicit))
        .as_table_like_mut()
        .ok_or_else(|| Failure::usage("vigie.toml: `sources` is no table"))?;
    let mut source = toml_edit::Table::new();
    source.insert("enabled", toml_edit::value(true));
    if let Some(base_url) = base_url {
        source.insert("base_url", toml_edit::value(base_url));
    }
    sources.insert(id.as_str(), toml_edit::Item::Table(source));
    Ok(document.to_string())
}

/// Asks for the documents that lead to a network.
#[derive(Debug)]
struct Asker<'a> {
    fetcher: Fetcher,
    base_url: Option<&'a str>,
    now: Timestamp,
}

impl Asker<'_> {
    async fn bytes(&self, url: &str) -> Outcome<Vec<u8>> {
        let question = Question {
            url: rebase(url, self.base_url).map_err(Failure::usage)?,
            base_url: self.base_url.map(str::to_owned),
            headers: Vec::new(),
            body: None,
            key: None,
            etag: None,
            last_modified: None,
        };
        let answer = self.fetcher.fetch(&question, self.now).await;
        let failed = |reason: &str| Failure::new(Exit::SomeFailed, format!("{url}: {reason}"));
        let answer = answer.map_err(|no_answer| failed(&no_answer.reason))?;
        answer.body.ok_or_else(|| failed("no body"))
    }

    async fn json(&self, url: &str) -> Outcome<Value> {
        let body = self.bytes(url).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Failure::new(Exit::SomeFailed, format!("{url}: no JSON: {error}")))
    }
}
