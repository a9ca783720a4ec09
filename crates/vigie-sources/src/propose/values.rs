//! What the values of a column are: times, numbers, positions, identifiers.

use std::collections::HashSet;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};

use super::{columns::Column, words::words};
use crate::{
    node::Node,
    number,
    spec::{Numeric, Pick, Time, TimeFormat, ZoneOfTime},
    time::read_node,
};

/// How the times of a column are written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) format: String,
    /// There is no offset: the definition must name the zone.
    pub(super) is_local: bool,
    pub(super) is_date: bool,
    /// Day and month may be the other way round.
    pub(super) is_ambiguous: bool,
    pub(super) read: Vec<Option<Timestamp>>,
}

/// Patterns of times that are not RFC 3339: day before month where both fit.
const PATTERNS: &[&str] = &[
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y.%m.%d %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d/%b/%y",
    "%d %B %Y",
    "%b %d, %Y",
    "%Y-%m-%d %H:%M UTC",
    "%Y-%m-%d %H:%M:%S UTC",
    "%Y %b %d %H%M UTC",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%Y%m%d",
    "%Y-%m",
];

/// Whether a name speaks of time.
pub(super) fn names_time(names: &[String]) -> bool {
    const WHOLE: [&str; 24] = [
        "time",
        "date",
        "dt",
        "ts",
        "at",
        "timestamp",
        "updated",
        "datetime",
        "epoch",
        "when",
        "created",
        "modified",
        "published",
        "observed",
        "start",
        "end",
        "reported",
        "expires",
        "utc",
        "sunrise",
        "sunset",
        "heure",
        "day",
        "last",
    ];
    names.last().is_some_and(|name| {
        words(name).iter().any(|word| {
            WHOLE.contains(&word.as_str())
                || ["time", "date", "stamp"]
                    .iter()
                    .any(|part| word.ends_with(part) && word != "update")
        })
    })
}

fn spec(format: TimeFormat, zone: ZoneOfTime) -> Time {
    Time {
        pick: Pick {
            origins: Vec::new(),
            nulls: Vec::new(),
            capture: None,
            map: Vec::new(),
        },
        formats: vec![format],
        zone,
        at: None,
        plus: None,
    }
}

/// The times of a column, if that is what it holds.
pub(super) fn times(column: &Column<'_>) -> Option<Times> {
    let present: Vec<Node<'_>> = column
        .values
        .iter()
        .copied()
        .filter(|n| !n.is_absent())
        .collect();
    let first = present.first()?.scalar();
    let text = match first {
        Node::Text(text) => text.trim(),
        Node::Integer(_) | Node::Float(_) => "",
        _ => return None,
    };
    let is_digits = text.is_empty() || text.parse::<f64>().is_ok();
    let is_named =
        names_time(&column.names) || (column.names.is_empty() && column.path.starts_with('['));
    if is_digits && !is_named || !is_digits && !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let utc = || ZoneOfTime::Fixed(TimeZone::UTC);
    let read = |spec: &Time| -> Option<Vec<Option<Timestamp>>> {
        // Most bodies are of one piece: the first few tell whether the rest is worth reading.
        let (mut read, mut good, mut bad) = (Vec::new(), 0_usize, 0_usize);
        for node in &column.values {
            let time = if node.is_absent() {
                None
            } else {
                let time = read_node(spec, *node, &TimeZone::UTC);
                if time.is_some() {
                    good += 1;
                } else {
                    bad += 1;
                }
                time
            };
            read.push(time);
            if bad > 2 + good / 20 {
                return None;
            }
        }
        (good > bad).then_some(read)
    };
    let found = |name: &str, is_local: bool, is_date: bool, read| Times {
        format: name.to_owned(),
        is_local,
        is_date,
        is_ambiguous: false,
        read,
    };
    if is_digits {
        // From 1990 to 2100: other numbers are no clocks.
        let within = |read: &[Option<Timestamp>]| {
            let read = read.iter().flatten();
            let good = read
                .clone()
                .filter(|time| (631_152_000..4_102_444_800).contains(&time.as_second()));
            good.count() * 20 >= read.count() * 19
        };
        for (name, format) in [
            ("epoch_s", TimeFormat::EpochSeconds),
            ("epoch_ms", TimeFormat::EpochMilliseconds),
        ] {
            if let Some(read) = read(&spec(format, utc()))
                && within(&read)
            {
                return Some(found(name, false, false, read));
            }
        }
        let pattern = match first.to_text(&Bump::new())?.len() {
            14 => "%Y%m%d%H%M%S",
            12 => "%Y%m%d%H%M",
            8 => "%Y%m%d",
            _ => return None,
        };
        let read = read(&spec(TimeFormat::Pattern(pattern.to_owned()), utc()))
            .filter(|read| within(read))?;
        return Some(found(pattern, true, !pattern.contains("%H"), read));
    }
    if text.len() < 6 || text.len() > 60 {
        return None;
    }
    if let Some(read) = read(&spec(TimeFormat::Rfc3339, ZoneOfTime::Unknown)) {
        return Some(found("rfc3339", false, false, read));
    }
    if let Some(read) = read(&spec(TimeFormat::Rfc3339, utc())) {
        return Some(found("rfc3339", true, text.len() <= 10, read));
    }
    if let Some(read) = read(&spec(TimeFormat::Rfc2822, utc())) {
        return Some(found("rfc2822", false, false, read));
    }
    for pattern in PATTERNS {
        let Some(read) = read(&spec(TimeFormat::Pattern((*pattern).to_owned()), utc())) else {
            continue;
        };
        let other = pattern.replace("%d/%m", "%m/%d");
        let is_ambiguous = other != *pattern && self::times_fit(column, &other);
        return Some(Times {
            is_ambiguous,
            ..found(
                pattern,
                !pattern.contains("UTC"),
                !pattern.contains("%H"),
                read,
            )
        });
    }
    None
}

fn times_fit(column: &Column<'_>, pattern: &str) -> bool {
    let spec = spec(
        TimeFormat::Pattern(pattern.to_owned()),
        ZoneOfTime::Fixed(TimeZone::UTC),
    );
    column
        .values
        .iter()
        .filter(|node| !node.is_absent())
        .all(|node| read_node(&spec, *node, &TimeZone::UTC).is_some())
}

/// The numbers of a column, and what must be known to read them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers {
    pub(super) values: Vec<f64>,
    /// Words that stand for none.
    pub(super) nulls: Vec<String>,
    /// What stands behind each number.
    pub(super) strip: Option<String>,
    pub(super) decimals: usize,
    /// The column has decimal commas, unlike the rest of the body.
    pub(super) decimal_comma: bool,
}

/// The numbers of a column, if that is what it holds.
pub(super) fn numbers(column: &Column<'_>, decimal_comma: bool) -> Option<Numbers> {
    let found = numbers_with(column, decimal_comma);
    if found.is_some() || decimal_comma {
        return found;
    }
    let numbers = numbers_with(column, true)?;
    Some(Numbers {
        decimal_comma: true,
        ..numbers
    })
}

fn numbers_with(column: &Column<'_>, decimal_comma: bool) -> Option<Numbers> {
    let arena = Bump::new();
    let present = || {
        column
            .values
            .iter()
            .copied()
            .filter(|node| !node.is_absent())
    };
    let first = present().next()?.scalar();
    let mut strip = None;
    if let Node::Text(text) = first {
        let text = text.trim();
        let end = text.rfind(|c: char| c.is_ascii_digit())? + 1;
        let rest = text.get(end..).unwrap_or_default().trim();
        if !rest.is_empty() && rest.chars().count() <= 6 && text.len() < 24 {
            strip = Some(rest.to_owned());
        }
    }
    let numeric = Numeric {
        decimal_comma,
        strip: strip.iter().cloned().collect(),
        ..Numeric::default()
    };
    let (mut values, mut nulls, mut decimals) = (Vec::new(), Vec::<String>::new(), 0);
    for node in present() {
        if let Ok(Some(value)) = number::read(node, &numeric) {
            values.push(value);
            let text = node.to_text(&arena).unwrap_or_default().replace(',', ".");
            let digits = text.split('.').nth(1).unwrap_or_default();
            decimals = decimals.max(digits.chars().take_while(char::is_ascii_digit).count());
        } else if let Node::Text(text) = node.scalar()
            && text.len() < 12
            && !text.contains(|c: char| c.is_ascii_digit())
        {
            if !nulls.iter().any(|known| known == text.trim()) {
                nulls.push(text.trim().to_owned());
            }
            if nulls.len() > 2 {
                return None;
            }
        } else {
            return None;
        }
    }
    (!values.is_empty()).then_some(Numbers {
        values,
        nulls,
        strip,
        decimals: decimals.min(3),
        decimal_comma: false,
    })
}

/// What a column is like as an identifier or a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) present: usize,
    pub(super) distinct: usize,
    pub(super) is_text: bool,
    pub(super) is_whole: bool,
    pub(super) longest: usize,
}

/// Looks at a column.
pub(super) fn facts(column: &Column<'_>) -> Facts {
    let arena = Bump::new();
    let mut known = HashSet::new();
    let mut facts = Facts {
        present: 0,
        distinct: 0,
        is_text: true,
        is_whole: true,
        longest: 0,
    };
    for node in &column.values {
        let scalar = node.scalar();
        if scalar.is_absent() {
            continue;
        }
        facts.present += 1;
        facts.is_text &= matches!(scalar, Node::Text(_));
        facts.is_whole &= matches!(scalar, Node::Integer(_));
        let text = scalar.to_text(&arena).unwrap_or_default().trim();
        facts.longest = facts.longest.max(text.len());
        known.insert(text);
    }
    facts.distinct = known.len();
    facts
}
