//! Requests: an address and headers made of a definition's templates.
//!
//! | written | becomes |
//! |---|---|
//! | `{zone.lat}` `{zone.lon}` | the centre of the zone; `{zone.lat:2}` with two decimals instead of five |
//! | `{zone.west}` `{zone.south}` `{zone.east}` `{zone.north}` | its bounding box |
//! | `{around.west}` … | the same, grown by half a degree on every side |
//! | `{zone.country}` `{zone.currency}` `{zone.continent}` `{zone.time_zone}` | its codes; an error where it has none |
//! | `{now:%Y-%m-%d}` `{now-2d:…}` `{now+1h:…}` | the time in UTC, in that form |
//! | `{local:%Y-%m-%d}` `{local-1d:…}` | the time in the time zone of the zone |
//! | `{from:%Y-%m-%d}` `{to-1s:…}` | in `request.history` only: the stretch asked for, in that form and its time zone |
//! | `{key}` | the key |
//! | `{item}` | in `request.items.url` only: an element of the list |
//! | `{name}` | the parameter of that name |
//! | `{+name}` | in an address, behind `https://`: the same as a part of the address, not encoded |
//!
//! Everything is percent-encoded. A parameter's value may be a template itself. A part `a={b}` of
//! the query is left out when it becomes `a=`.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::{Timestamp, tz::TimeZone};
use vigie_core::{history::Stretch, secret::Secret, zone::Zone};

use crate::{
    definition::{Definition, parse_duration},
    follow::Follow,
};

/// A request to send. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The address, key included: for the request and for nothing else.
    pub url: String,
    /// The address with `***` in place of the key.
    pub shown_url: String,
    /// Headers, names in lower case. They may hold the key.
    pub headers: Vec<(String, String)>,
    /// What is sent with it, and its content type: then the request is a `POST`. It may hold the key.
    pub body: Option<(String, String)>,
    /// The address of each item of the answer, with `{item}` in it, where items are asked for; or that of the document beside it.
    pub item_url: Option<String>,
    /// The host, and the port where it is not the scheme's own.
    pub host: String,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("url", &self.shown_url)
            .finish_non_exhaustive()
    }
}

/// Why a request cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The source needs a key that was not given.
    #[error(
        "`{source_id}` needs a key: get one at {signup} and set it in the environment variable {env}"
    )]
    KeyMissing {
        /// The source.
        source_id: String,
        /// The environment variable.
        env: String,
        /// Where to get one.
        signup: String,
    },
    /// The zone has no such code.
    #[error(
        "`{{{variable}}}` has no value for this zone; set zone.{code} in vigie.toml or disable the source"
    )]
    ZoneLacks {
        /// The variable of the template.
        variable: String,
        /// The key of the zone.
        code: String,
    },
    /// A template is wrong; in a parameter that the workspace sets, as definitions are checked.
    #[error("`{template}`: {problem}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The workspace sets a parameter that the source does not have.
    #[error("`{name}` is not a parameter of this source; known are: {known}")]
    UnknownParam {
        /// The parameter.
        name: String,
        /// Those of the source.
        known: String,
    },
    /// The provider keeps no past that could be asked for.
    #[error("`{0}` has no history that can be asked for")]
    NoHistory(String),
    /// `base_url` is not `http(s)://host[:port]`.
    #[error("base_url `{0}` is not http://host or https://host, with a port at most")]
    BaseUrl(String),
}

/// What a workspace says of the requests of a source.
#[derive(Debug, Clone, Copy)]
pub struct Workspace<'w> {
    /// The watched place.
    pub zone: &'w Zone,
    /// What overrides the definition's own parameters.
    pub params: &'w BTreeMap<String, String>,
    /// Scheme, host and port that replace those of the address.
    pub base_url: Option<&'w str>,
    /// The key.
    pub key: Option<&'w Secret>,
}

/// Makes the request of a source.
///
/// `params` override the definition's own; `base_url` (scheme, host and port) replaces those of
/// the address.
pub fn build_request(
    definition: &Definition,
    zone: &Zone,
    params: &BTreeMap<String, String>,
    base_url: Option<&str>,
    key: Option<&Secret>,
    now: Timestamp,
) -> Result<Request, RequestError> {
    let workspace = Workspace {
        zone,
        params,
        base_url,
        key,
    };
    build(definition, &definition.url, workspace, now, None)
}

/// Makes the request for a stretch of the past of a source.
pub fn build_history_request(
    definition: &Definition,
    workspace: Workspace<'_>,
    asked: Stretch,
    now: Timestamp,
) -> Result<Request, RequestError> {
    let Some(history) = &definition.history else {
        return Err(RequestError::NoHistory(definition.id.to_string()));
    };
    let past = Some((asked, &history.tz));
    build(definition, &history.url, workspace, now, past)
}

fn build(
    definition: &Definition,
    address: &str,
    workspace: Workspace<'_>,
    now: Timestamp,
    past: Option<(Stretch, &TimeZone)>,
) -> Result<Request, RequestError> {
    let Workspace {
        zone,
        params,
        base_url,
        key,
    } = workspace;
    if let Some(name) = params
        .keys()
        .find(|name| !definition.params.contains_key(*name))
    {
        let known: Vec<_> = definition.params.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        return Err(RequestError::UnknownParam {
            name: name.clone(),
            known,
        });
    }
    if let (Some(access), None) = (&definition.sheet.access.key, key) {
        return Err(RequestError::KeyMissing {
            source_id: definition.id.to_string(),
            env: access.env.clone(),
            signup: access.signup.clone(),
        });
    }
    let mut all = definition.params.clone();
    all.extend(params.clone());
    let expand = |template: &str, encodes: bool, key: Option<&str>| {
        let variables = Variables {
            zone,
            params: &all,
            key,
            now,
            past,
            encodes,
            has_item: false,
        };
        variables.expand(template, true)
    };
    let secret = key.map(Secret::expose);
    let url = rebase(&drop_empty(&expand(address, true, secret)?), base_url)?;
    let shown = rebase(&drop_empty(&expand(address, true, Some("***"))?), base_url)?;
    let headers = definition
        .headers
        .iter()
        .map(|(name, value)| Ok((name.clone(), expand(value, false, secret)?)))
        .collect::<Result<_, RequestError>>()?;
    let variables = |encodes: bool, has_item: bool| Variables {
        zone,
        params: &all,
        key: secret,
        now,
        past,
        encodes,
        has_item,
    };
    let body = match &definition.post {
        None => None,
        Some(post) => {
            let text = variables(false, false).fill(&post.template)?;
            Some((post.content_type.clone(), text))
        }
    };
    let item_url = match &definition.item_url {
        None => None,
        Some(template) => {
            let has_items = !definition.follow.as_ref().is_some_and(Follow::counts_first);
            let expanded = variables(true, has_items).expand(template, true)?;
            Some(rebase(&drop_empty(&expanded), base_url)?)
        }
    };
    let host = authority(&url).unwrap_or_default().to_owned();
    Ok(Request {
        body,
        item_url,
        url,
        shown_url: shown.replace("%2A%2A%2A", "***"),
        headers,
        host,
    })
}

/// The address of an item.
pub(crate) fn with_item(template: &str, item: &str) -> String {
    let mut encoded = String::new();
    encode(item, &mut encoded);
    template.replace(ITEM_HOLDER, &encoded)
}

/// What stands for the item in an address whose other variables have their values.
const ITEM_HOLDER: &str = "%7Bitem%7D";

/// The variables in a text that is sent: other braces are its own, as in JSON.
fn variables_of(template: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    template.match_indices('{').filter_map(|(start, _)| {
        let inner = template.get(start + 1..)?;
        let (name, _) = inner.split_once('}')?;
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && !name.contains(['"', '{', ' ', '\n']);
        is_name.then(|| (start..start + name.len() + 2, name))
    })
}

/// Checks the template of a text that is sent.
pub(crate) fn check_body(
    template: &str,
    params: &BTreeMap<String, String>,
    has_key: bool,
) -> Result<(), String> {
    for (_, name) in variables_of(template) {
        check(&format!("{{{name}}}"), params, has_key)?;
    }
    Ok(())
}

/// Checks the templates of a definition.
pub(crate) fn check(
    template: &str,
    params: &BTreeMap<String, String>,
    has_key: bool,
) -> Result<(), String> {
    check_all(template, params, has_key, false)
}

/// Checks the template of an address of the past.
pub(crate) fn check_history(
    template: &str,
    params: &BTreeMap<String, String>,
    has_key: bool,
) -> Result<(), String> {
    check_all(template, params, has_key, true)
}

/// Whether an address says which stretch of the past is asked for.
pub(crate) fn names_a_stretch(template: &str) -> bool {
    variables_of(template)
        .filter_map(|(_, name)| moment(name))
        .any(|moment| moment.of.is_past())
}

fn check_all(
    template: &str,
    params: &BTreeMap<String, String>,
    has_key: bool,
    of_the_past: bool,
) -> Result<(), String> {
    for text in params.values().map(String::as_str).chain([template]) {
        pieces(text, |piece| {
            let Piece::Variable(name) = piece else {
                return Ok(());
            };
            let is_known = match name {
                _ if name.starts_with('+') => {
                    // The scheme is the definition's, and nothing but the scheme may come before.
                    let (scheme, after) = text.split_once("://").unwrap_or(("", text));
                    let is_first = after.starts_with(&format!("{{{name}}}"));
                    let named = name.strip_prefix('+').unwrap_or_default();
                    scheme == "https" && is_first && params.contains_key(named)
                }
                "key" => has_key,
                _ if CENTRE.contains(&name) || CODES.contains(&name) => true,
                _ if side(name).is_some() || rounded(name).is_some() => true,
                _ => {
                    let known = |moment: Moment<'_>| of_the_past || !moment.of.is_past();
                    params.contains_key(name) || moment(name).is_some_and(known)
                }
            };
            if is_known {
                return Ok(());
            }
            let hint = if name.starts_with('+') {
                "an address is taken from a parameter right behind https:// only".to_owned()
            } else if name == "key" {
                "an open source has no key".to_owned()
            } else {
                "it is neither a variable of the zone or time, nor in request.params".to_owned()
            };
            Err(format!("`{{{name}}}` in `{text}` is not known: {hint}"))
        })?;
    }
    Ok(())
}

const CENTRE: [&str; 2] = ["zone.lat", "zone.lon"];
const CODES: [&str; 4] = [
    "zone.country",
    "zone.currency",
    "zone.continent",
    "zone.time_zone",
];

enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
}

fn pieces<E: From<String>>(
    template: &str,
    mut each: impl FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| E::from(format!("`{template}` has a `{{` without its `}}`")))?;
        each(Piece::Literal(literal))?;
        each(Piece::Variable(name))?;
        rest = after;
    }
    each(Piece::Literal(rest))
}

/// Which side of which bounding box, and by how many degrees that is grown.
fn side(name: &str) -> Option<(usize, f64)> {
    let (of, side) = name.split_once('.')?;
    let margin = match of {
        "zone" => 0.0,
        "around" => 0.5,
        _ => return None,
    };
    let index = ["west", "south", "east", "north"]
        .iter()
        .position(|known| *known == side)?;
    Some((index, margin))
}

/// A time in a template.
struct Moment<'t> {
    of: Of,
    shift_seconds: i64,
    form: &'t str,
}

/// Which time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Now,
    Local,
    From,
    To,
}

impl Of {
    /// Whether it is an end of a stretch of the past.
    fn is_past(self) -> bool {
        matches!(self, Of::From | Of::To)
    }
}

fn moment(name: &str) -> Option<Moment<'_>> {
    let (head, form) = name.split_once(':')?;
    let heads = [
        ("now", Of::Now),
        ("local", Of::Local),
        ("from", Of::From),
        ("to", Of::To),
    ];
    let (shift, of) = heads
        .iter()
        .find_map(|(word, of)| Some((head.strip_prefix(word)?, *of)))?;
    let shift_seconds = match shift.split_at_checked(1) {
        None => 0,
        Some(("-", duration)) => -parse_duration(duration)?.as_secs(),
        Some(("+", duration)) => parse_duration(duration)?.as_secs(),
        Some(_) => return None,
    };
    let is_good = jiff::fmt::strtime::format(
        form,
        &Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC),
    )
    .is_ok();
    is_good.then_some(Moment {
        of,
        shift_seconds,
        form,
    })
}

struct Variables<'v> {
    zone: &'v Zone,
    params: &'v BTreeMap<String, String>,
    key: Option<&'v str>,
    now: Timestamp,
    /// The stretch of the past that is asked for, and whose times it is told in.
    past: Option<(Stretch, &'v TimeZone)>,
    encodes: bool,
    /// Whether `{item}` is the place of an item, and not a parameter.
    has_item: bool,
}

struct Problem(String);

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Variables<'_> {
    /// A text to send, with the values of its variables.
    fn fill(&self, template: &str) -> Result<String, RequestError> {
        let mut text = String::new();
        let mut end = 0;
        for (range, name) in variables_of(template) {
            text.push_str(template.get(end..range.start).unwrap_or_default());
            text.push_str(&self.variable(name, true)?);
            end = range.end;
        }
        text.push_str(template.get(end..).unwrap_or_default());
        Ok(text)
    }

    fn expand(&self, template: &str, may_nest: bool) -> Result<String, RequestError> {
        let mut text = String::new();
        let mut failure = None;
        let result = pieces(template, |piece| -> Result<(), Problem> {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable(name) if name.starts_with('+') => {
                    match self.address(name.strip_prefix('+').unwrap_or_default()) {
                        Ok(address) => text.push_str(address),
                        Err(error) => {
                            failure = Some(error);
                            return Err(Problem(String::new()));
                        }
                    }
                }
                Piece::Variable(name) => match self.variable(name, may_nest) {
                    Ok(value) if self.encodes => encode(&value, &mut text),
                    Ok(value) => text.push_str(&value),
                    Err(error) => {
                        failure = Some(error);
                        return Err(Problem(String::new()));
                    }
                },
            }
            Ok(())
        });
        match (failure, result) {
            (Some(error), _) => Err(error),
            (None, Err(Problem(problem))) => Err(RequestError::Template {
                template: template.to_owned(),
                problem,
            }),
            (None, Ok(())) => Ok(text),
        }
    }

    /// A parameter that is a part of an address: host and path. Who is asked, and by https, must be plain to see.
    fn address(&self, name: &str) -> Result<&str, RequestError> {
        let refused = |problem: &str| {
            Err(RequestError::Template {
                template: format!("{{+{name}}}"),
                problem: format!("the parameter `{name}` {problem}"),
            })
        };
        let value = self.params.get(name).map_or("", String::as_str).trim();
        let value = value.strip_prefix("https://").unwrap_or(value);
        let value = value.trim_end_matches('/');
        if value.is_empty() {
            return refused("has no value: write an address such as gbfs.example.org/v2/en");
        }
        if value.contains("://") {
            return refused("names another scheme: addresses are asked by https only");
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:?&=%,;+".contains(&byte);
        let starts_a_host = value.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_a_host || !value.bytes().all(is_plain) {
            return refused(
                "is no plain address: host, path and query, without user, spaces or braces",
            );
        }
        Ok(value)
    }

    fn variable(&self, name: &str, may_nest: bool) -> Result<String, RequestError> {
        if let Some((index, margin)) = side(name) {
            let (grown, limit) = match index {
                0 => (self.zone.bbox[0] - margin, -180.0),
                1 => (self.zone.bbox[1] - margin, -90.0),
                2 => (self.zone.bbox[2] + margin, 180.0),
                _ => (self.zone.bbox[3] + margin, 90.0),
            };
            let clamped = if index < 2 {
                grown.max(limit)
            } else {
                grown.min(limit)
            };
            return Ok(degrees(clamped, DECIMALS));
        }
        if let Some((is_lat, decimals)) = rounded(name) {
            let centre = self.zone.centre;
            let value = if is_lat { centre.lat } else { centre.lon };
            return Ok(degrees(value, decimals));
        }
        if let Some(moment) = moment(name) {
            let (at, tz) = match (moment.of, self.past) {
                (Of::Now, _) => (self.now, TimeZone::UTC),
                (Of::Local, _) => (self.now, self.zone.tz()),
                (Of::From, Some((asked, tz))) => (asked.from, tz.clone()),
                (Of::To, Some((asked, tz))) => (asked.to, tz.clone()),
                (Of::From | Of::To, None) => return Err(unknown(name)),
            };
            let shifted = at
                .checked_add(jiff::SignedDuration::from_secs(moment.shift_seconds))
                .map_err(|_| unknown(name))?;
            let form = moment.form;
            return Ok(shifted.to_zoned_datetime(tz).strftime(form).to_string());
        }
        let code = |value: &Option<String>| {
            value.clone().ok_or_else(|| RequestError::ZoneLacks {
                variable: name.to_owned(),
                code: name.trim_start_matches("zone.").to_owned(),
            })
        };
        match name {
            "zone.lat" => Ok(degrees(self.zone.centre.lat, DECIMALS)),
            "zone.lon" => Ok(degrees(self.zone.centre.lon, DECIMALS)),
            "zone.country" => code(&self.zone.country),
            "zone.currency" => code(&self.zone.currency),
            "zone.continent" => code(&self.zone.continent),
            "zone.time_zone" => Ok(self.zone.time_zone.clone()),
            "key" => Ok(self.key.unwrap_or_default().to_owned()),
            // Filled in later; encoded it is [`ITEM_HOLDER`].
            crate::follow::ITEM if self.has_item => Ok(format!("{{{}}}", crate::follow::ITEM)),
            _ => {
                let Some(value) = self.params.get(name).filter(|_| may_nest) else {
                    return Err(unknown(name));
                };
                Variables {
                    encodes: false,
                    ..*self
                }
                .expand(value, false)
            }
        }
    }
}

fn unknown(name: &str) -> RequestError {
    RequestError::Template {
        template: format!("{{{name}}}"),
        problem: "not a known variable".to_owned(),
    }
}

/// Decimals of a degree: a metre or so.
const DECIMALS: u8 = 5;

fn degrees(value: f64, decimals: u8) -> String {
    let scale = 10_f64.powi(i32::from(decimals));
    // Zero has no sign.
    let rounded = (value * scale).round() / scale + 0.0;
    rounded.to_string()
}

/// `zone.lat:2`: whether it is the latitude, and its decimals.
fn rounded(name: &str) -> Option<(bool, u8)> {
    let (name, decimals) = name.split_once(':')?;
    let is_lat = match name {
        "zone.lat" => true,
        "zone.lon" => false,
        _ => return None,
    };
    let decimals = decimals.parse().ok().filter(|most| *most <= DECIMALS)?;
    Some((is_lat, decimals))
}

fn encode(value: &str, text: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

/// Leaves out the parts of the query that have no value.
fn drop_empty(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|part| !part.ends_with('='))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

/// An address with another scheme, host and port, where these are given.
pub fn rebase(url: &str, base_url: Option<&str>) -> Result<String, RequestError> {
    let Some(base) = base_url else {
        return Ok(url.to_owned());
    };
    let base = base.trim_end_matches('/');
    let is_origin = (base.starts_with("http://") || base.starts_with("https://"))
        && authority(base).is_some_and(|host| !host.is_empty() && base.ends_with(host));
    if !is_origin {
        return Err(RequestError::BaseUrl(base.to_owned()));
    }
    let origin = url.find("://").map_or(0, |at| at + 3) + authority(url).map_or(0, str::len);
    Ok(format!("{base}{}", url.get(origin..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_and_host_can_be_replaced() {
        let rebased = rebase("https://a.org:8443/x?y=1", Some("http://127.0.0.1:80/"));
        assert_eq!(rebased.unwrap(), "http://127.0.0.1:80/x?y=1");
        assert_eq!(
            rebase("https://a.org?y", Some("http://b")).unwrap(),
            "http://b?y"
        );
        assert!(rebase("https://a.org/", Some("http://b/path")).is_err());
        assert!(rebase("https://a.org/", Some("b:80")).is_err());
    }

    #[test]
    fn places_have_the_decimals_that_are_asked_for() {
        assert_eq!(rounded("zone.lat:2"), Some((true, 2)));
        assert_eq!(rounded("zone.lon:9"), None);
        assert_eq!(degrees(48.856_613, 2), "48.86");
        assert_eq!(degrees(-0.000_001, 4), "0");
    }

    #[test]
    fn parts_without_value_are_left_out() {
        assert_eq!(drop_empty("https://a/b?c=&d=1&e="), "https://a/b?d=1");
        assert_eq!(drop_empty("https://a/b?c="), "https://a/b");
    }
}
