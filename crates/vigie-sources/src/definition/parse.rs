//! Reads a whole definition.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use toml::de::DeTable;
use vigie_core::{
    profile::Jump,
    schedule::Schedule,
    text::{MeasureId, SourceId},
};

use super::{
    Definition, ExpectedRows, Model,
    fields::{self, path},
    history::history,
    reader::{DefinitionError, Source, Table, Value, nearest},
    request, sheet, whole,
};
use crate::{
    Domain,
    format::{CsvOptions, DEPTH_MAX, Format, find_encoding},
    path::{Base, Path},
    request::check,
    spec::Extract,
};

const ROOT_KEYS: [&str; 20] = [
    "id",
    "domain",
    "title",
    "description",
    "docs",
    "content",
    "periodicity",
    "provider",
    "zones",
    "quirks",
    "schedule",
    "access",
    "rights",
    "request",
    "format",
    "rows",
    "fields",
    "measures",
    "mix",
    "suggested",
];

/// The most rows of a body, unless the definition or the workspace says otherwise.
const ROWS_MOST: usize = 200_000;

/// How long after the fetch the time of a row may be, unless the definition says otherwise: clocks differ, and reports are
/// dated by the full hour that they are made for.
const FUTURE: SignedDuration = SignedDuration::from_mins(15);

pub(super) fn parse(file: &str, text: &str) -> Result<Definition, DefinitionError> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.error(at, format!("not valid TOML: {}", error.message().trim()))
    })?;
    let root = Table::root(source, document.get_ref(), &ROOT_KEYS)?;

    let id = root.require("id")?;
    let domain = root.require("domain")?;
    let sheet = sheet::sheet(&root)?;
    let schedule_table = root.require("schedule")?.table(&[
        "collect",
        "offset",
        "time_zone",
        "publishes",
        "stale_after",
    ])?;
    let schedule = schedule(&schedule_table)?;
    let request = root.require("request")?.table(&[
        "url",
        "accept",
        "headers",
        "conditional",
        "params",
        "body",
        "content_type",
        "pages",
        "items",
        "beside",
        "history",
    ])?;
    let format_table = root.require("format")?.table(&[
        "kind",
        "encoding",
        "jsonp",
        "delimiter",
        "comment",
        "skip",
        "skip_until",
        "header",
        "decimal_comma",
    ])?;
    let format = format(&format_table)?;
    let rows = root.require("rows")?.table(&[
        "model", "select", "optional", "columns", "header", "skip", "where", "pivot", "errors",
        "horizon", "expected", "most", "leading", "future", "repeats", "join", "track",
    ])?;
    let model = rows.require("model")?.choice(&[
        ("observations", Model::Observations),
        ("events", Model::Events),
    ])?;
    let extract_parts = Parts {
        root: &root,
        format_table: &format_table,
        rows: &rows,
        model,
    };
    let (measures, extract) = extract_parts.extract(format)?;

    let params = params(&request)?;
    let has_key = sheet.access.key.is_some();
    let template = request.require("url")?;
    let url = sheet::url(&template)?;
    check(&url, &params, has_key).map_err(|problem| template.error(problem))?;
    let mut headers = vec![(
        "accept".to_owned(),
        request
            .get("accept")
            .map_or(Ok(extract.format.accept()), |value| value.str())?
            .to_owned(),
    )];
    if let Some(value) = request.get("headers") {
        for (name, value) in value.free_table()?.entries() {
            let text = value.str()?;
            check(text, &params, has_key).map_err(|problem| value.error(problem))?;
            headers.push((name.get_ref().to_ascii_lowercase(), text.to_owned()));
        }
    }
    let expected = match rows.get("expected") {
        None => ExpectedRows::default(),
        Some(value) => {
            let table = value.table(&["min", "shrink"])?;
            let shrink = table.get("shrink").map(|value| match value.number()? {
                share if (0.0..1.0).contains(&share) => Ok(share),
                _ => Err(value.error("expected a share from 0 to 1")),
            });
            ExpectedRows {
                min: table
                    .get("min")
                    .map(|value| value.count())
                    .transpose()?
                    .map(|min| min as u64),
                shrink: shrink.transpose()?,
            }
        }
    };
    let post = request::post(&request, &params, has_key)?;
    let (follow, item_url) = request::follow(&request, &extract.format, &params, has_key)?;
    if let (Some(join), None) = (rows.get("join"), request.get("beside")) {
        return Err(join.error("needs request.beside, the address of the second document"));
    }
    let stale_after = schedule_table.require("stale_after")?.duration()?;
    let history = history(&request, &extract.format, &params, has_key, stale_after)?;
    let projection = extract.projection();
    let mix = whole::mix(&root, &measures)?;
    let track = whole::track(&rows, &measures, extract.point.is_some())?;
    Ok(Definition {
        suggested: root
            .get("suggested")
            .map_or(Ok(true), |value| value.bool())?,
        post,
        follow,
        item_url,
        history,
        id: SourceId::new(id.str()?).map_err(|bad| id.error(bad))?,
        domain: domain_of(&domain)?,
        sheet,
        schedule,
        publishes: schedule_table
            .get("publishes")
            .map(|value| value.duration())
            .transpose()?,
        stale_after,
        model,
        measures,
        mix,
        track,
        leading: match rows.get("leading") {
            None => Vec::new(),
            Some(value) => {
                let names = value.list()?;
                names
                    .iter()
                    .map(|name| Ok(name.str()?.to_owned()))
                    .collect::<Result<_, _>>()?
            }
        },
        horizon: rows.require("horizon")?.duration()?,
        expected,
        repeats: rows
            .get("repeats")
            .map_or(Ok(false), |value| value.bool())?,
        future: rows
            .get("future")
            .map_or(Ok(FUTURE), |value| value.duration())?,
        jumps: jumps(&root)?,
        extension: extract.format.extension(),
        conditional: request
            .get("conditional")
            .map_or(Ok(true), |value| value.bool())?,
        params,
        file: file.to_owned(),
        url,
        headers,
        extract,
        projection,
    })
}

fn domain_of(value: &Value<'_>) -> Result<Domain, DefinitionError> {
    let choices: Vec<(&str, Domain)> = Domain::ALL
        .iter()
        .map(|domain| (domain.as_str(), *domain))
        .collect();
    value.choice(&choices)
}

/// The measures whose median must not jump.
fn jumps(root: &Table<'_>) -> Result<Vec<(usize, Jump)>, DefinitionError> {
    let mut jumps = Vec::new();
    let Some(measures) = root.get("measures") else {
        return Ok(jumps);
    };
    for (index, (_, measure)) in measures.free_table()?.entries().into_iter().enumerate() {
        let Some(value) = measure.table(&fields::MEASURE_KEYS)?.get("jump") else {
            continue;
        };
        let jump = match value.table(&["by"]) {
            Ok(table) => {
                let by = table.require("by")?;
                match by.number()? {
                    amount if amount > 0.0 => Jump::By(amount),
                    _ => {
                        return Err(
                            by.error("expected an amount above 0, in the unit of the measure")
                        );
                    }
                }
            }
            Err(_) => match value.number() {
                Ok(factor) if factor > 1.0 => Jump::Factor(factor),
                _ => {
                    return Err(value.error("expected a factor above 1, or { by = AMOUNT }"));
                }
            },
        };
        jumps.push((index, jump));
    }
    Ok(jumps)
}

fn seconds(value: &Value<'_>) -> Result<u32, DefinitionError> {
    u32::try_from(value.duration()?.as_secs()).map_err(|_| value.error("the duration is too long"))
}

fn schedule(table: &Table<'_>) -> Result<Schedule, DefinitionError> {
    let collect = table.require("collect")?;
    let offset = table.get("offset").map_or(Ok(0), |value| {
        // A time of day, for rhythms of days.
        match value.str()?.parse::<jiff::civil::Time>() {
            Ok(time) if value.str()?.contains(':') => Ok(u32::from(time.hour().unsigned_abs())
                * 3_600
                + u32::from(time.minute().unsigned_abs()) * 60
                + u32::from(time.second().unsigned_abs())),
            _ => seconds(&value),
        }
    })?;
    let zone = table
        .get("time_zone")
        .map(|value| value.str().map(str::to_owned))
        .transpose()?;
    Schedule::new(seconds(&collect)?, offset, zone).map_err(|bad| table.error(bad))
}

fn params(request: &Table<'_>) -> Result<BTreeMap<String, String>, DefinitionError> {
    let mut params = BTreeMap::new();
    if let Some(value) = request.get("params") {
        for (name, value) in value.free_table()?.entries() {
            params.insert(name.get_ref().to_string(), value.any_str()?.to_owned());
        }
    }
    Ok(params)
}

fn byte(value: &Value<'_>) -> Result<u8, DefinitionError> {
    match value.any_str()?.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(value.error("expected one ASCII character")),
    }
}

fn format(table: &Table<'_>) -> Result<Format, DefinitionError> {
    let kind = table.require("kind")?;
    let index = kind.choice(&[
        ("json", 0),
        ("geojson", 1),
        ("xml", 2),
        ("csv", 3),
        ("gtfs-realtime", 4),
    ])?;
    if index != 3 {
        for key in ["delimiter", "comment", "skip", "skip_until", "header"] {
            if let Some(value) = table.get(key) {
                return Err(value.error("is for kind = \"csv\" only"));
            }
        }
    }
    let jsonp = table.get("jsonp").map_or(Ok(false), |value| value.bool())?;
    Ok(match index {
        0 | 1 => Format::Json {
            geo: index == 1,
            jsonp,
        },
        2 => Format::Xml,
        3 => Format::Csv(CsvOptions {
            delimiter: table
                .get("delimiter")
                .map_or(Ok(b','), |value| byte(&value))?,
            comment: table.get("comment").map(|value| byte(&value)).transpose()?,
            skip: table.get("skip").map_or(Ok(0), |value| value.count())?,
            skip_until: table
                .get("skip_until")
                .map(|value| value.str().map(str::to_owned))
                .transpose()?,
        }),
        _ => Format::GtfsRealtime,
    })
}

/// What the rows are read from.
struct Parts<'p, 't> {
    root: &'p Table<'t>,
    format_table: &'p Table<'t>,
    rows: &'p Table<'t>,
    model: Model,
}

impl Parts<'_, '_> {
    fn select(&self, format: &Format) -> Result<Vec<Path>, DefinitionError> {
        let default = || match format {
            Format::Csv(_) => Path::parse("[*]").ok(),
            _ => None,
        };
        let Some(value) = self.rows.get("select") else {
            return match default() {
                Some(path) => Ok(vec![path]),
                None => Err(self.rows.error("`rows.select` is missing")),
            };
        };
        let one = |value: &Value<'_>| {
            let text = value.str()?;
            let path = Path::parse(text).map_err(|bad| {
                let problem = format!("`{text}` is not a path: {}", bad.problem);
                value.error_at(1 + bad.position, problem)
            })?;
            if path.known.is_some() || path.is_columnar() || matches!(path.base, Base::Item(1..)) {
                return Err(
                    value.error("a selection starts at the root, and has no `^`, `#` or `[#]`")
                );
            }
            Ok(path)
        };
        value.one_or_many()?.iter().map(one).collect()
    }

    fn extract(
        &self,
        format: Format,
    ) -> Result<(Vec<vigie_core::measure::Measure>, Extract), DefinitionError> {
        let rows = self.rows;
        let fields_value = self.root.require("fields")?;
        let table = fields_value.table(&[
            "entity",
            "key",
            "revision",
            "observed_at",
            "published_at",
            "point",
            "name",
            "title",
            "attributes",
        ])?;
        let (key_name, name_name, other) = match self.model {
            Model::Observations => ("entity", "name", ["key", "revision", "title"].as_slice()),
            Model::Events => ("key", "title", ["entity", "name"].as_slice()),
        };
        if let Some((name, value)) = other.iter().find_map(|name| Some((name, table.get(name)?))) {
            let near = nearest(name, [key_name, name_name].into_iter()).unwrap_or(key_name);
            return Err(value.error(format!(
                "`{name}` is not a field of {}; did you mean `{near}`?",
                self.model.as_str()
            )));
        }
        let columns = rows.get("columns").map(|value| path(&value)).transpose()?;
        let pivot = rows
            .get("pivot")
            .map(|value| fields::pivot(&value))
            .transpose()?;
        let (measures, readings) = self.measures(pivot.is_some())?;
        let groups = pivot.is_some() || readings.iter().any(|reading| reading.reduce.is_some());
        let decoded = match self.format_table.get("encoding") {
            None => None,
            Some(value) => Some(find_encoding(value.str()?).ok_or_else(|| {
                value.error("is not an encoding; write a label such as windows-1251, iso-8859-1 or shift_jis")
            })?),
        };
        let header = rows.get("header").map_or_else(
            || match &format {
                Format::Csv(_) => self
                    .format_table
                    .get("header")
                    .map_or(Ok(true), |v| v.bool()),
                _ => Ok(false),
            },
            |value| value.bool(),
        )?;
        let own = table
            .get("attributes")
            .map_or(Ok(Vec::new()), |v| fields::attributes(&v))?;
        let (join, attributes) = match rows.get("join") {
            None => (None, own),
            Some(value) => {
                let (join, all) = fields::join(&value, own)?;
                (Some(join), all)
            }
        };
        let extract = Extract {
            join,
            encoding: decoded,
            errors: rows
                .get("errors")
                .map_or(Ok(Vec::new()), |v| fields::provider_errors(&v))?,
            select: self.select(&format)?,
            format,
            optional: rows
                .get("optional")
                .map_or(Ok(false), |value| value.bool())?,
            columns,
            header,
            skip: rows.get("skip").map_or(Ok(0), |value| value.count())?,
            filter: rows
                .get("where")
                .map_or(Ok(Vec::new()), |v| fields::conditions(&v))?,
            pivot,
            rows_most_is_own: rows.get("most").is_some(),
            nesting_most: DEPTH_MAX,
            rows_most: rows
                .get("most")
                .map_or(Ok(ROWS_MOST), |value| value.count())?,
            key: fields::pick(&table.require(key_name)?)?,
            observed_at: fields::time(&table.require("observed_at")?)?,
            published_at: table
                .get("published_at")
                .map(|v| fields::time(&v))
                .transpose()?,
            revision: table
                .get("revision")
                .map(|v| fields::revision(&v))
                .transpose()?,
            point: table.get("point").map(|v| fields::place(&v)).transpose()?,
            name: table.get(name_name).map(|v| fields::pick(&v)).transpose()?,
            attributes,
            measures: readings,
            groups,
        };
        if extract.columns.is_none()
            && let Some(path) = extract.paths().into_iter().find(|path| path.is_columnar())
        {
            return Err(
                fields_value.error(format!("`{path}` uses `[#]`, which needs rows.columns"))
            );
        }
        Ok((measures, extract))
    }

    fn measures(
        &self,
        is_pivoted: bool,
    ) -> Result<(Vec<vigie_core::measure::Measure>, Vec<crate::spec::Reading>), DefinitionError>
    {
        let is_event = self.model == Model::Events;
        let comma = self
            .format_table
            .get("decimal_comma")
            .map_or(Ok(false), |v| v.bool())?;
        let (mut measures, mut readings) = (Vec::new(), Vec::new());
        let Some(value) = self.root.get("measures") else {
            if is_event {
                return Ok((measures, readings));
            }
            return Err(self
                .root
                .error("`measures` is missing: observations need at least one"));
        };
        for (name, value) in value.free_table()?.entries() {
            let id = MeasureId::new(name.get_ref()).map_err(|bad| value.error(bad))?;
            let (measure, reading) = fields::measure(id, &value, is_pivoted, is_event, comma)?;
            measures.push(measure);
            readings.push(reading);
        }
        if measures.is_empty() && !is_event {
            return Err(value.error("observations need at least one measure"));
        }
        Ok((measures, readings))
    }
}
