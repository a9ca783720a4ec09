//! From bytes to rows.

use std::collections::HashMap;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};
use vigie_core::{
    row::{Attributes, Row, RowRef, Rows},
    text::EntityId,
};

use crate::{
    body_error::BodyError,
    definition::Definition,
    format::{self, Format},
    group::Groups,
    item::{Item, Level, Shape, follow, is_one_of, select},
    join::Beside,
    node::{Name, Node},
    number,
    path::{Path, Step},
    place,
    snapshot::Snapshot,
    spec::{Extract, Numeric, Origin, Pick, Piece, Reading, Reduce, Revision, Time, TimeFormat},
    text, time,
};

/// What is known of a body beside its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When its request was sent.
    pub fetched_at: Timestamp,
    /// The time zone of the watched zone.
    pub zone_tz: &'a TimeZone,
}

/// What a body says. Its rows are of the type `R`: each for itself, or [`Rows`] side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extraction<R = Vec<Row>> {
    /// The rows, in the order of the body.
    pub rows: R,
    /// The first refusals, at most [`Extraction::REFUSALS_MAX`].
    pub refusals: Vec<Refusal>,
    /// Rows refused: their identifier or their time cannot be read.
    pub refused_rows: u64,
    /// Values refused in rows that were taken: those cannot be read, or are implausible.
    pub refused_values: u64,
    /// Observations left out because none of the measures has a value.
    pub empty_rows: u64,
    /// When the provider published the newest content, if it says so.
    pub published_at: Option<Timestamp>,
}

impl Extraction {
    /// The most refusals that are explained; all are counted.
    pub const REFUSALS_MAX: usize = 20;
}

/// A row or value that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}{}: `{path}` is `{value}`: {reason}", entity.as_ref().map(|entity| format!(" ({entity})")).unwrap_or_default())]
pub struct Refusal {
    /// Which row of the body, from 1.
    pub row: u64,
    /// Its entity or event, where that could be read.
    pub entity: Option<String>,
    /// The path of the definition that leads to the value.
    pub path: String,
    /// What stands there, at most 80 characters.
    pub value: String,
    /// Why it is refused.
    pub reason: String,
    /// Whether the whole row was refused.
    pub whole_row: bool,
}

/// The cheap check of a body that has just come: is it empty, a page for people, or of another
/// format altogether?
pub fn sniff(definition: &Definition, body: &[u8]) -> Result<(), BodyError> {
    format::sniff(&definition.extract.format, body)
}

/// Reads the bodies of a source one after another: faster than [`extract`], with the same result.
#[derive(Debug)]
pub struct Extractor<'d> {
    definition: &'d Definition,
    arena: Bump,
    snapshot: Option<Snapshot>,
}

impl<'d> Extractor<'d> {
    /// The most memory that is kept from one body to the next.
    const KEPT_BYTES_MAX: usize = 16 << 20;

    /// A reader of the bodies of that source.
    pub fn new(definition: &'d Definition) -> Self {
        Self {
            definition,
            arena: Bump::new(),
            snapshot: Snapshot::new(definition),
        }
    }

    /// Reads a body, as [`extract`] does. `rows` lends its room: what it holds is forgotten.
    pub fn extract(
        &mut self,
        body: &[u8],
        context: &Context<'_>,
        mut rows: Rows,
    ) -> Result<Extraction<Rows>, BodyError> {
        if let Some(snapshot) = &mut self.snapshot {
            match snapshot.read(self.definition, body, context, &mut self.arena, rows) {
                Ok(extraction) => return Ok(extraction),
                Err(given_back) => rows = *given_back,
            }
        }
        let result = read(self.definition, body, context, &self.arena, rows);
        if self.arena.allocated_bytes() > Self::KEPT_BYTES_MAX {
            self.arena = Bump::new();
        } else {
            self.arena.reset();
        }
        result
    }
}

/// Reads a body.
///
/// What cannot be read is refused, counted and explained: a row, where its identifier or time is
/// missing or wrong; a value, where a measure, place or other time is. A missing, null, empty or
/// blank value is absent and not refused.
pub fn extract(
    definition: &Definition,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Extraction, BodyError> {
    let read = read(definition, body, context, &Bump::new(), Rows::default())?;
    Ok(Extraction {
        rows: read.rows.iter().filter_map(|row| row.to_row()).collect(),
        refusals: read.refusals,
        refused_rows: read.refused_rows,
        refused_values: read.refused_values,
        empty_rows: read.empty_rows,
        published_at: read.published_at,
    })
}

fn read(
    definition: &Definition,
    body: &[u8],
    context: &Context<'_>,
    arena: &Bump,
    rows: Rows,
) -> Result<Extraction<Rows>, BodyError> {
    let spec = &definition.extract;
    format::sniff(&spec.format, body)?;
    let text = match spec.format {
        Format::GtfsRealtime => std::borrow::Cow::Borrowed(""),
        _ => format::decode(&spec.format, spec.encoding, body)?,
    };
    let root = format::read(
        &spec.format,
        body,
        &text,
        &definition.projection,
        spec.nesting_most,
        arena,
    )?;
    provider_error(spec, root, arena)?;
    columns_are_there(spec, root)?;
    let fetched_at = context.fetched_at.to_string();
    let shape = spec.shape(arena, &fetched_at);
    let mut reader = RowReader::new(definition, context, rows);
    if let Some(join) = &spec.join {
        reader.beside = join.read(root, shape)?;
    }
    let mut is_found = false;
    for path in &spec.select {
        is_found = select(path, root, shape, &mut |levels| {
            reader.element(levels, shape)
        })?;
        if is_found {
            break;
        }
    }
    if !is_found && !spec.optional {
        let paths: Vec<_> = spec.select.iter().map(ToString::to_string).collect();
        let found = match root {
            Node::Map(members) if !members.is_empty() => {
                let names: Vec<_> = members
                    .iter()
                    .take(8)
                    .map(|(name, _)| name.text())
                    .collect();
                format!(
                    "of what the definition knows, it has only {}",
                    names.join(", ")
                )
            }
            Node::Map(_) => {
                "it is an object without any member that the definition knows".to_owned()
            }
            other => format!("it is {}", other.describe()),
        };
        return Err(BodyError::NoSelection {
            path: paths.join("` or `"),
            found,
        });
    }
    Ok(reader.finish(root, shape))
}

impl Extract {
    /// The names of the text attributes.
    pub(crate) fn attribute_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// What is the same for every row of a body.
    fn shape<'t>(&self, arena: &'t Bump, fetched_at: &'t str) -> Shape<'t> {
        Shape {
            arena,
            blurs_lists: self.format.blurs_lists(),
            has_header: self.header,
            skip: self.skip,
            fetched_at,
        }
    }
}

/// A table whose header names neither the identifier nor the time is another table, or was cut in its header.
fn columns_are_there(spec: &Extract, root: Node<'_>) -> Result<(), BodyError> {
    let (Format::Csv(_), true, Node::List(rows)) = (&spec.format, spec.header, root) else {
        return Ok(());
    };
    let Some(Node::List(header)) = rows.get(spec.skip) else {
        return Ok(());
    };
    let is_there = |path: &Path| match path.steps.first() {
        Some(Step::Key(key)) => header
            .iter()
            .any(|cell| matches!(cell, Node::Text(text) if Name::new(text) == key.name())),
        _ => true,
    };
    let is_made = |origin: &Origin| match origin {
        Origin::Path(path) => is_there(path),
        Origin::Template(pieces) => pieces.iter().all(|piece| match piece {
            Piece::Path(path) => is_there(path),
            Piece::Literal(_) => true,
        }),
        Origin::Constant(_) => true,
    };
    for pick in [&spec.key, &spec.observed_at.pick] {
        if !pick.origins.iter().any(is_made) {
            let names: Vec<&str> = header
                .iter()
                .filter_map(|cell| match cell {
                    Node::Text(text) => Some(*text),
                    _ => None,
                })
                .take(8)
                .collect();
            return Err(BodyError::NoSelection {
                path: pick.to_string(),
                found: format!("its columns are {}", names.join(", ")),
            });
        }
    }
    Ok(())
}

fn provider_error<'t>(spec: &Extract, root: Node<'t>, arena: &'t Bump) -> Result<(), BodyError> {
    let blurs = spec.format.blurs_lists();
    for error in &spec.errors {
        let Some(node) = follow(root, &error.path.steps, blurs, None) else {
            continue;
        };
        if node.is_absent() {
            continue;
        }
        let value = node.to_text(arena).unwrap_or("an object");
        if !is_one_of(value, &error.unless) {
            let words = error
                .message
                .as_ref()
                .and_then(|path| follow(root, &path.steps, blurs, None));
            let message = match words.and_then(|words| words.to_text(arena)) {
                Some(words) => format!("{value}: {words}"),
                None => value.to_owned(),
            };
            return Err(BodyError::Provider {
                message: text::clip(&text::cleaned(&message), 200),
                path: error.path.to_string(),
            });
        }
    }
    Ok(())
}

/// What came of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A row, of that index, without anything refused.
    Row(usize),
    /// A filter left it out.
    LeftOut,
    /// Something was refused or empty.
    Otherwise,
}

/// Makes rows of elements, one after the other.
pub(crate) struct RowReader<'d, 'c> {
    pub(crate) spec: &'d Extract,
    pub(crate) context: &'c Context<'c>,
    is_event: bool,
    visited: usize,
    pub(crate) out: Extraction<Rows>,
    groups: Option<Groups<'d>>,
    /// The values of the row in hand.
    pub(crate) values: Vec<Option<f64>>,
    /// The hour of the latest observed time: often that of many rows.
    last_time: time::Recent,
    is_rfc3339: bool,
    /// What a second document says of the entities.
    beside: HashMap<String, Beside>,
}

impl<'d, 'c> RowReader<'d, 'c> {
    pub(crate) fn new(
        definition: &'d Definition,
        context: &'c Context<'c>,
        mut rows: Rows,
    ) -> Self {
        let spec = &definition.extract;
        rows.reset(spec.measures.len(), spec.attribute_names());
        Self {
            spec,
            context,
            is_event: definition.model == crate::definition::Model::Events,
            visited: 0,
            out: Extraction {
                rows,
                ..Extraction::default()
            },
            groups: spec.groups.then(|| Groups::new(&spec.measures)),
            values: Vec::with_capacity(spec.measures.len()),
            last_time: time::Recent::default(),
            is_rfc3339: spec.observed_at.formats.first() == Some(&TimeFormat::Rfc3339),
            beside: HashMap::new(),
        }
    }

    pub(crate) fn element<'t>(
        &mut self,
        levels: &[Level<'t>],
        shape: Shape<'t>,
    ) -> Result<(), BodyError> {
        let item = Item::new(levels, shape);
        let Some(columns) = &self.spec.columns else {
            return self.row(&item);
        };
        let length = match item.find(columns) {
            Some(Node::List(list)) => list.len(),
            _ => 0,
        };
        (0..length).try_for_each(|row| self.row(&item.at_row(row)))
    }

    /// Reads an element that stands by itself: the rest of the body is not at hand.
    pub(crate) fn lone_element(
        &mut self,
        node: Node<'_>,
        index: usize,
        arena: &Bump,
    ) -> Result<Taken, BodyError> {
        let before = self.counts();
        let levels = [Level::lone(Node::Null, 0), Level::lone(node, index)];
        let shape = self.spec.shape(arena, "");
        self.row(&Item::new(&levels, shape))?;
        let after = self.counts();
        Ok(if before == after {
            Taken::LeftOut
        } else if after == [before[0] + 1, before[1], before[2], before[3]] {
            Taken::Row(before[0] as usize)
        } else {
            Taken::Otherwise
        })
    }

    fn counts(&self) -> [u64; 4] {
        let out = &self.out;
        [
            out.rows.len() as u64,
            out.refused_rows,
            out.refused_values,
            out.empty_rows,
        ]
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> &Rows {
        &self.out.rows
    }

    /// The room of the rows, for another reader.
    pub(crate) fn into_rows(self) -> Rows {
        self.out.rows
    }

    /// What was read, where nothing of it depends on the body as a whole.
    pub(crate) fn finish_rows(self) -> Extraction<Rows> {
        self.out
    }

    /// Counts a row, up to the most that a body may have.
    pub(crate) fn count_row(&mut self) -> Result<(), BodyError> {
        self.visited += 1;
        if self.visited > self.spec.rows_most {
            return Err(BodyError::TooManyRows {
                most: self.spec.rows_most,
            });
        }
        Ok(())
    }

    /// The observed time that is written so.
    pub(crate) fn time_of(&mut self, spec: &Time, node: Node<'_>) -> Option<Timestamp> {
        let text = match node {
            Node::Text(text) => Some(text),
            _ => None,
        };
        if let Some(known) = text.and_then(|text| self.last_time.find(text, self.is_rfc3339)) {
            return Some(known);
        }
        let timestamp = time::read_node(spec, node, self.context.zone_tz)?;
        if let Some(text) = text {
            self.last_time.remember(text, timestamp);
        }
        Some(timestamp)
    }

    fn row(&mut self, item: &Item<'_, '_>) -> Result<(), BodyError> {
        self.count_row()?;
        if !item.fulfils(&self.spec.filter) {
            return Ok(());
        }
        let Some(entity) = self.entity(item) else {
            return Ok(());
        };
        let Some(observed_at) = self.observed_at(item, entity) else {
            return Ok(());
        };
        let published_at = match &self.spec.published_at {
            Some(spec) => self.optional_time(spec, item, entity),
            None => None,
        };
        let revision = self.revision(item, entity);
        let mut values = std::mem::take(&mut self.values);
        self.read_values(item, entity, &mut values);
        self.finish_row(
            item,
            entity,
            observed_at,
            published_at,
            revision,
            &mut values,
        );
        self.values = values;
        Ok(())
    }

    fn finish_row(
        &mut self,
        item: &Item<'_, '_>,
        entity: &str,
        observed_at: Timestamp,
        published_at: Option<Timestamp>,
        revision: i64,
        values: &mut [Option<f64>],
    ) {
        if let Some(groups) = &mut self.groups
            && let Some(index) = groups.find(entity, observed_at)
        {
            groups.add(self.out.rows.values_mut(index), index, values);
            return;
        }
        let point = match &self.spec.point {
            Some(spec) => place::read(spec, item).unwrap_or_else(|(path, value)| {
                self.refuse_value(entity, &path, value, "not a place on Earth".to_owned());
                None
            }),
            None => None,
        };
        let name = self.spec.name.as_ref().and_then(|pick| item.text(pick));
        let name = name.map(|name| text::clean(name, item.arena()));
        if let Some(groups) = &mut self.groups {
            groups.start(entity, observed_at, values, self.out.rows.len());
        } else if !self.is_event && values.iter().all(Option::is_none) {
            self.out.empty_rows += 1;
            return;
        }
        let attributes = self.spec.attributes.iter().enumerate();
        let beside = self.beside.get(entity);
        let attributes = attributes.filter_map(|(index, (_, pick))| {
            let own = item.text(pick).map(|own| text::clean(own, item.arena()));
            let text = own.or_else(|| beside?.attribute(index))?;
            Some((index, text))
        });
        let row = RowRef {
            entity,
            observed_at,
            published_at,
            revision,
            point: point.or_else(|| beside?.point),
            name: name.or_else(|| beside?.name.as_deref()),
            values,
            attributes: Attributes::NONE,
        };
        self.out.rows.push(&row, attributes);
    }

    fn entity<'t>(&mut self, item: &Item<'t, '_>) -> Option<&'t str> {
        let Some(text) = item.text(&self.spec.key) else {
            self.refuse_row(
                None,
                &self.spec.key,
                "null".to_owned(),
                "the identifier is missing",
            );
            return None;
        };
        let entity = text::trim(text);
        if !EntityId::fits(entity) {
            self.refuse_row(
                None,
                &self.spec.key,
                text::clip(text, 80),
                "the identifier is longer than 256 bytes",
            );
            return None;
        }
        Some(entity)
    }

    fn observed_at(&mut self, item: &Item<'_, '_>, entity: &str) -> Option<Timestamp> {
        let spec = &self.spec.observed_at;
        // Zones and steps may differ between rows that write the same text.
        let is_plain =
            spec.plus.is_none() && !matches!(spec.zone, crate::spec::ZoneOfTime::Path(_));
        let node = if is_plain {
            item.value(&spec.pick)
        } else {
            None
        };
        let text = match node {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        };
        if let Some(text) = text
            && let Some(timestamp) = self.last_time.find(text, self.is_rfc3339)
        {
            return Some(timestamp);
        }
        match time::read(spec, item, self.context.zone_tz) {
            Ok(Some(timestamp)) => {
                if let Some(text) = text {
                    self.last_time.remember(text, timestamp);
                }
                Some(timestamp)
            }
            Ok(None) => {
                let reason = "the observed time is missing";
                self.refuse_row(Some(entity), &spec.pick, "null".to_owned(), reason);
                None
            }
            Err(bad) => {
                self.refuse_row(Some(entity), &spec.pick, bad.value, &bad.reason);
                None
            }
        }
    }

    fn optional_time(
        &mut self,
        spec: &Time,
        item: &Item<'_, '_>,
        entity: &str,
    ) -> Option<Timestamp> {
        match time::read(spec, item, self.context.zone_tz) {
            Ok(timestamp) => {
                self.out.published_at = self.out.published_at.max(timestamp);
                timestamp
            }
            Err(bad) => {
                self.refuse_value(entity, &spec.pick.to_string(), bad.value, bad.reason);
                None
            }
        }
    }

    fn revision(&mut self, item: &Item<'_, '_>, entity: &str) -> i64 {
        match &self.spec.revision {
            None => 0,
            Some(Revision::Time(spec)) => match time::read(spec, item, self.context.zone_tz) {
                Ok(timestamp) => timestamp.map_or(0, Timestamp::as_millisecond),
                Err(bad) => {
                    self.refuse_value(entity, &spec.pick.to_string(), bad.value, bad.reason);
                    0
                }
            },
            Some(Revision::Number(pick)) => {
                let Some(node) = item.value(pick) else {
                    return 0;
                };
                match number::read(node, &Numeric::default()) {
                    Ok(number) => number.map_or(0, |number| number as i64),
                    Err(reason) => {
                        self.refuse_value(entity, &pick.to_string(), node.excerpt(), reason);
                        0
                    }
                }
            }
        }
    }

    fn read_values(&mut self, item: &Item<'_, '_>, entity: &str, values: &mut Vec<Option<f64>>) {
        let spec = self.spec;
        let pivot = spec.pivot.as_ref().map(|pivot| {
            (
                item.text(&pivot.name).unwrap_or_default().trim(),
                &pivot.value,
            )
        });
        values.clear();
        for reading in &spec.measures {
            let node = match &pivot {
                &Some((name, path)) if reading.pick.origins.is_empty() => {
                    let is_named = reading.names.iter().any(|known| known == name);
                    if is_named {
                        item.find(path).filter(|node| {
                            !node.is_absent()
                                && !item
                                    .text_of(*node)
                                    .is_some_and(|text| is_one_of(text, &reading.pick.nulls))
                        })
                    } else {
                        None
                    }
                }
                _ if reading.length => item
                    .list(&reading.pick)
                    .or_else(|| item.value(&reading.pick)),
                _ => item.value(&reading.pick),
            };
            let is_counted = reading.reduce == Some(Reduce::Count)
                && (node.is_some() || reading.pick.origins.is_empty());
            if !reading.filter.is_empty() && !item.fulfils(&reading.filter) {
                values.push(None);
                continue;
            }
            values.push(if reading.reduce == Some(Reduce::Count) {
                is_counted.then_some(1.0)
            } else {
                node.and_then(|node| self.value(reading, node, entity))
            });
        }
    }

    fn value(&mut self, reading: &Reading, node: Node<'_>, entity: &str) -> Option<f64> {
        if reading.length {
            return match node {
                Node::List(list) => Some(list.len() as f64),
                // XML does not tell a list of one from its element.
                _ => Some(1.0),
            };
        }
        number::read(node, &reading.numeric).unwrap_or_else(|reason| {
            let path = match &self.spec.pivot {
                Some(pivot) if reading.pick.origins.is_empty() => pivot.value.to_string(),
                _ => reading.pick.to_string(),
            };
            self.refuse_value(entity, &path, node.excerpt(), reason);
            None
        })
    }

    fn refuse_row(&mut self, entity: Option<&str>, pick: &Pick, value: String, reason: &str) {
        self.out.refused_rows += 1;
        self.explain(entity, &pick.to_string(), value, reason.to_owned(), true);
    }

    fn refuse_value(&mut self, entity: &str, path: &str, value: String, reason: String) {
        self.out.refused_values += 1;
        self.explain(Some(entity), path, value, reason, false);
    }

    fn explain(
        &mut self,
        entity: Option<&str>,
        path: &str,
        value: String,
        reason: String,
        whole_row: bool,
    ) {
        if self.out.refusals.len() < Extraction::REFUSALS_MAX {
            self.out.refusals.push(Refusal {
                row: self.visited as u64,
                entity: entity.map(ToString::to_string),
                path: path.to_owned(),
                value,
                reason,
                whole_row,
            });
        }
    }

    pub(crate) fn finish<'t>(mut self, root: Node<'t>, shape: Shape<'t>) -> Extraction<Rows> {
        if let Some(groups) = self.groups.take() {
            groups.finish(&mut self.out.rows);
            if !self.is_event {
                self.out.empty_rows += self.out.rows.drop_empty() as u64;
            }
        }
        // A body without rows may still say when it was published.
        if self.out.published_at.is_none()
            && let Some(spec) = &self.spec.published_at
            && spec.is_of_body()
        {
            let visit = &mut |levels: &[Level<'t>]| {
                let item = Item::new(levels, shape);
                if let Ok(timestamp) = time::read(spec, &item, self.context.zone_tz) {
                    self.out.published_at = timestamp;
                }
                Ok(())
            };
            let path = crate::path::Path::item();
            // Visiting the root cannot fail.
            let _ = select(&path, root, shape, visit);
        }
        self.out
    }
}
