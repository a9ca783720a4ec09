//! Reads `[rows]`, `[fields]` and `[measures]`.

use jiff::{Timestamp, tz::TimeZone};
use regex_lite::Regex;
use vigie_core::measure::{Across, Kind, Measure};
use vigie_core::text::MeasureId;

use super::reader::{DefinitionError, Table, Value};
use crate::{
    join::Join,
    path::Path,
    spec::{
        Condition, Each, Numeric, Origin, Pick, Piece, Pivot, Place, Plus, ProviderError, Reading,
        Reduce, Revision, Test, Time, TimeFormat, ZoneOfTime,
    },
    units,
};

const PICK_KEYS: [&str; 5] = ["path", "constant", "nulls", "match", "map"];

/// A path that does not iterate over rows.
pub(super) fn path(value: &Value<'_>) -> Result<Path, DefinitionError> {
    path_in(value, value.str()?, 0)
}

fn path_in(value: &Value<'_>, text: &str, offset: usize) -> Result<Path, DefinitionError> {
    // One byte more for the opening quote.
    let place = |position: usize| 1 + offset + position;
    let path = Path::parse(text).map_err(|bad| {
        value.error_at(
            place(bad.position),
            format!("`{text}` is not a path: {}", bad.problem),
        )
    })?;
    if path.steps.contains(&crate::path::Step::Members) {
        return Err(value.error("`{*}` is for rows.select only"));
    }
    Ok(path)
}

fn origin(value: &Value<'_>) -> Result<Origin, DefinitionError> {
    let text = value.str()?;
    if !text.contains('{') {
        return path(value).map(Origin::Path);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('{') {
        let Some((inner, after)) = after.split_once('}') else {
            return Err(value.error(format!("`{text}` has a `{{` without its `}}`")));
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        let offset = text.len() - after.len() - inner.len() - 1;
        pieces.push(Piece::Path(path_in(value, inner, offset)?));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(Origin::Template(pieces))
}

fn pick_of(table: &Table<'_>) -> Result<Pick, DefinitionError> {
    let mut origins = match table.get("path") {
        Some(value) => value
            .one_or_many()?
            .iter()
            .map(origin)
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    if let Some(constant) = table.get("constant") {
        origins.push(Origin::Constant(constant.scalar()?));
    }
    let nulls = match table.get("nulls") {
        Some(value) => value
            .one_or_many()?
            .iter()
            .map(Value::scalar)
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let capture = match table.get("match") {
        Some(value) => {
            let regex = Regex::new(value.str()?).map_err(|error| value.error(error))?;
            if regex.captures_len() != 2 {
                return Err(value.error("expected exactly one group, which is what is taken"));
            }
            Some(regex)
        }
        None => None,
    };
    Ok(Pick {
        origins,
        nulls,
        capture,
        map: Vec::new(),
    })
}

/// A text: a path or template, alternatives of these, or a table.
pub(super) fn pick(value: &Value<'_>) -> Result<Pick, DefinitionError> {
    if !value.is_table() {
        let origins = value
            .one_or_many()?
            .iter()
            .map(origin)
            .collect::<Result<_, _>>()?;
        return Ok(Pick {
            origins,
            nulls: Vec::new(),
            capture: None,
            map: Vec::new(),
        });
    }
    let table = value.table(&PICK_KEYS)?;
    let mut pick = pick_of(&table)?;
    if pick.origins.is_empty() {
        return Err(table.error("expected `path` or `constant`"));
    }
    if let Some(map) = table.get("map") {
        for (key, word) in map.free_table()?.entries() {
            pick.map
                .push((key.get_ref().to_string(), word.any_str()?.to_owned()));
        }
    }
    Ok(pick)
}

/// A time.
pub(super) fn time(value: &Value<'_>) -> Result<Time, DefinitionError> {
    let mut time = Time {
        pick: Pick {
            origins: Vec::new(),
            nulls: Vec::new(),
            capture: None,
            map: Vec::new(),
        },
        formats: vec![TimeFormat::Rfc3339],
        zone: ZoneOfTime::Unknown,
        at: None,
        plus: None,
    };
    if !value.is_table() {
        time.pick = pick(value)?;
        return Ok(time);
    }
    let table = value.table(&[
        "path",
        "constant",
        "nulls",
        "match",
        "format",
        "time_zone",
        "at",
        "plus",
    ])?;
    time.pick = pick_of(&table)?;
    if time.pick.origins.is_empty() {
        return Err(table.error("expected `path`"));
    }
    if let Some(formats) = table.get("format") {
        time.formats = formats
            .one_or_many()?
            .iter()
            .map(time_format)
            .collect::<Result<_, _>>()?;
    }
    if let Some(zone) = table.get("time_zone") {
        time.zone = zone_of_time(&zone)?;
    }
    if let Some(at) = table.get("at") {
        time.at = Some(
            at.str()?
                .parse()
                .map_err(|_| at.error("expected a time of day such as 14:15"))?,
        );
        if matches!(time.zone, ZoneOfTime::Unknown) {
            return Err(at.error("a time of day needs `time_zone` beside it"));
        }
    }
    if let Some(plus) = table.get("plus") {
        let table = plus.table(&["count", "from", "each"])?;
        let each = table.require("each")?;
        let from = table.get("from").map_or(Ok(0), |value| value.count())?;
        time.plus = Some(Plus {
            count: path(&table.require("count")?)?,
            from: i64::try_from(from).unwrap_or(i64::MAX),
            each: match super::reader::parse_duration(each.str()?) {
                Some(duration) => Each::Fixed(duration),
                None => Each::Path(path(&each)?),
            },
        });
    }
    Ok(time)
}

fn time_format(value: &Value<'_>) -> Result<TimeFormat, DefinitionError> {
    if value.is_text() && value.str()?.contains('%') {
        let pattern = value.str()?;
        // A pattern that cannot be printed cannot be read either; this finds unknown directives.
        let probe = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
        if let Err(error) = jiff::fmt::strtime::format(pattern, &probe) {
            return Err(value.error(format!("`{pattern}` is not a time pattern: {error}")));
        }
        return Ok(TimeFormat::Pattern(pattern.to_owned()));
    }
    let index = value.choice(&[
        ("epoch_s", 0),
        ("epoch_ms", 1),
        ("rfc3339", 2),
        ("rfc2822", 3),
    ])?;
    Ok(match index {
        0 => TimeFormat::EpochSeconds,
        1 => TimeFormat::EpochMilliseconds,
        2 => TimeFormat::Rfc3339,
        _ => TimeFormat::Rfc2822,
    })
}

fn zone_of_time(value: &Value<'_>) -> Result<ZoneOfTime, DefinitionError> {
    if value.is_table() {
        return path(&value.table(&["path"])?.require("path")?).map(ZoneOfTime::Path);
    }
    match value.str()? {
        "zone" => Ok(ZoneOfTime::Watched),
        name => TimeZone::get(name).map(ZoneOfTime::Fixed).map_err(|_| {
            value.error(format!(
                "`{name}` is not an IANA time zone; write one such as Europe/Paris, `zone` for that \
                 of the watched zone, or {{ path = \"…\" }}"
            ))
        }),
    }
}

pub(super) fn revision(value: &Value<'_>) -> Result<Revision, DefinitionError> {
    let is_time = value.is_table() && value.free_table()?.get("format").is_some();
    if is_time {
        time(value).map(|time| Revision::Time(Box::new(time)))
    } else {
        pick(value).map(Revision::Number)
    }
}

pub(super) fn place(value: &Value<'_>) -> Result<Place, DefinitionError> {
    let table = value.table(&["lon", "lat", "geometry"])?;
    if let Some(geometry) = table.get("geometry") {
        return path(&geometry).map(Place::Geometry);
    }
    Ok(Place::Degrees {
        lon: pick(&table.require("lon")?)?,
        lat: pick(&table.require("lat")?)?,
    })
}

pub(super) fn attributes(value: &Value<'_>) -> Result<Vec<(String, Pick)>, DefinitionError> {
    let mut attributes = Vec::new();
    for (key, value) in value.free_table()?.entries() {
        attributes.push((key.get_ref().to_string(), pick(&value)?));
    }
    // Rows keep attributes in this order; so they are built without searching.
    attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(attributes)
}

/// The name of an attribute, and where it is taken from.
type Attribute = (String, Pick);

/// The second document, and the attributes of both in the order of their names.
pub(super) fn join(
    value: &Value<'_>,
    own: Vec<Attribute>,
) -> Result<(Join, Vec<Attribute>), DefinitionError> {
    let table = value.table(&["select", "key", "name", "point", "attributes"])?;
    let theirs = table
        .get("attributes")
        .map_or(Ok(Vec::new()), |value| attributes(&value))?;
    let mut all = own;
    for (name, _) in &theirs {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.clone(), Pick::nothing()));
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let place_of = |name: &str| all.iter().position(|(known, _)| known == name);
    let attributes = theirs
        .into_iter()
        .filter_map(|(name, pick)| Some((place_of(&name)?, pick)))
        .collect();
    let join = Join {
        select: path(&table.require("select")?)?,
        key: pick(&table.require("key")?)?,
        name: table.get("name").map(|value| pick(&value)).transpose()?,
        point: table.get("point").map(|value| place(&value)).transpose()?,
        attributes,
    };
    Ok((join, all))
}

/// A list of conditions, all of which must hold.
pub(super) fn conditions(value: &Value<'_>) -> Result<Vec<Condition>, DefinitionError> {
    value.one_or_many()?.iter().map(condition).collect()
}

fn condition(value: &Value<'_>) -> Result<Condition, DefinitionError> {
    let table = value.table(&["path", "exists", "is", "not"])?;
    let words = |value: Value<'_>| -> Result<Vec<String>, DefinitionError> {
        value.one_or_many()?.iter().map(Value::scalar).collect()
    };
    let mut tests = Vec::new();
    if let Some(value) = table.get("exists") {
        tests.push(Test::Exists(value.bool()?));
    }
    if let Some(value) = table.get("is") {
        tests.push(Test::In(words(value)?));
    }
    if let Some(value) = table.get("not") {
        tests.push(Test::NotIn(words(value)?));
    }
    match tests.pop() {
        Some(test) if tests.is_empty() => Ok(Condition {
            path: path(&table.require("path")?)?,
            test,
        }),
        _ => Err(table.error("expected exactly one of `exists`, `is` and `not`")),
    }
}

pub(super) fn pivot(value: &Value<'_>) -> Result<Pivot, DefinitionError> {
    let table = value.table(&["name", "value"])?;
    Ok(Pivot {
        name: pick(&table.require("name")?)?,
        value: path(&table.require("value")?)?,
    })
}

pub(super) fn provider_errors(value: &Value<'_>) -> Result<Vec<ProviderError>, DefinitionError> {
    let at_root = |value: &Value<'_>| path(value).map(Path::at_root);
    let one = |value: &Value<'_>| {
        if !value.is_table() {
            return Ok(ProviderError {
                path: at_root(value)?,
                message: None,
                unless: Vec::new(),
            });
        }
        let table = value.table(&["path", "message", "unless"])?;
        let unless = match table.get("unless") {
            Some(value) => value
                .one_or_many()?
                .iter()
                .map(Value::scalar)
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(ProviderError {
            path: at_root(&table.require("path")?)?,
            message: table
                .get("message")
                .map(|value| at_root(&value))
                .transpose()?,
            unless,
        })
    };
    value.one_or_many()?.iter().map(one).collect()
}

pub(super) const MEASURE_KEYS: [&str; 22] = [
    "title",
    "path",
    "constant",
    "nulls",
    "match",
    "map",
    "where",
    "kind",
    "unit",
    "from",
    "scale",
    "offset",
    "strip",
    "decimal_comma",
    "range",
    "across",
    "decimals",
    "headline",
    "length",
    "reduce",
    "names",
    "jump",
];

/// A measure and how it is read.
pub(super) fn measure(
    id: MeasureId,
    value: &Value<'_>,
    is_pivoted: bool,
    is_event: bool,
    decimal_comma: bool,
) -> Result<(Measure, Reading), DefinitionError> {
    let table = value.table(&MEASURE_KEYS)?;
    let default_kind = if is_event { Kind::Event } else { Kind::Gauge };
    let kind = match table.get("kind") {
        Some(value) => value.choice(&[
            ("gauge", Kind::Gauge),
            ("counter", Kind::Counter),
            ("event", Kind::Event),
            ("rank", Kind::Rank),
            ("direction", Kind::Direction),
        ])?,
        None => default_kind,
    };
    let unit = table.require("unit")?;
    let (mut scale, mut offset) = (1.0, 0.0);
    if let Some(from) = table.get("from") {
        (scale, offset) = units::conversion(from.str()?, unit.str()?).ok_or_else(|| {
            from.error(format!(
                "no conversion from `{}` to `{}` is known; {}or write `scale` and `offset`",
                from.str().unwrap_or_default(),
                unit.str().unwrap_or_default(),
                match units::sources_of(unit.str().unwrap_or_default()).join(", ") {
                    known if known.is_empty() => String::new(),
                    known => format!("known are {known}, "),
                },
            ))
        })?;
        if let Some(value) = table.get("scale").or(table.get("offset")) {
            return Err(value.error("write either `from`, or `scale` and `offset`"));
        }
    }
    scale = table
        .get("scale")
        .map_or(Ok(scale), |value| value.number())?;
    offset = table
        .get("offset")
        .map_or(Ok(offset), |value| value.number())?;
    let pick = pick_of(&table)?;
    let reduce = match table.get("reduce") {
        Some(value) => Some(value.choice(&[
            ("count", Reduce::Count),
            ("sum", Reduce::Sum),
            ("mean", Reduce::Mean),
            ("min", Reduce::Min),
            ("max", Reduce::Max),
        ])?),
        None => None,
    };
    if pick.origins.is_empty() && !is_pivoted && reduce != Some(Reduce::Count) {
        return Err(table.error(format!("`{}.path` is missing", value.path)));
    }
    let range = match table.get("range") {
        Some(value) => match value.list()?.as_slice() {
            [low, high] if low.number()? < high.number()? => Some((low.number()?, high.number()?)),
            _ => return Err(value.error("expected [least, greatest]")),
        },
        None => None,
    };
    let strip = match table.get("strip") {
        Some(value) => value
            .one_or_many()?
            .iter()
            .map(|v| v.any_str().map(str::to_owned))
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let mut map = Vec::new();
    if let Some(value) = table.get("map") {
        for (key, number) in value.free_table()?.entries() {
            map.push((key.get_ref().to_string(), number.number()?));
        }
    }
    let names = match table.get("names") {
        Some(value) if is_pivoted => value
            .one_or_many()?
            .iter()
            .map(Value::scalar)
            .collect::<Result<_, _>>()?,
        Some(value) => return Err(value.error("`names` needs rows.pivot")),
        None => vec![id.as_str().to_owned()],
    };
    let reading = Reading {
        pick,
        filter: table
            .get("where")
            .map_or(Ok(Vec::new()), |value| conditions(&value))?,
        numeric: Numeric {
            strip,
            decimal_comma: table
                .get("decimal_comma")
                .map_or(Ok(decimal_comma), |value| value.bool())?,
            map,
            scale,
            offset,
            range,
        },
        length: table
            .get("length")
            .map_or(Ok(false), |value| value.bool())?,
        reduce,
        names,
    };
    let decimals = table.get("decimals").map_or(Ok(0), |value| value.count())?;
    let measure = Measure {
        id,
        kind,
        unit: unit.str()?.to_owned(),
        title: table.require("title")?.text()?,
        across: match table.get("across") {
            Some(value) => value.choice(&[
                ("mean", Across::Mean),
                ("sum", Across::Sum),
                ("each", Across::Each),
            ])?,
            None => Across::Mean,
        },
        decimals: u8::try_from(decimals).unwrap_or(u8::MAX).min(12),
        headline: table
            .get("headline")
            .map_or(Ok(false), |value| value.bool())?,
    };
    Ok((measure, reading))
}
