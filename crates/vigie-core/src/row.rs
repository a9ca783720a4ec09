//! What extraction makes of a body: rows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::EntityId;

/// A place on Earth, in degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Longitude, −180 to 180.
    pub lon: f64,
    /// Latitude, −90 to 90.
    pub lat: f64,
}

impl Point {
    /// A point, unless it lies outside the Earth's coordinates.
    pub fn new(lon: f64, lat: f64) -> Option<Self> {
        ((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat))
            .then_some(Self { lon, lat })
    }
}

/// One row of a body: an observation of an entity, or a version of an event. Which of the two is
/// said by the source's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The observed entity; for an event, the provider's identifier of the event.
    pub entity: EntityId,
    /// When it happened.
    pub observed_at: Timestamp,
    /// When the provider published it, if it says so.
    pub published_at: Option<Timestamp>,
    /// The provider's order of revisions (a time in milliseconds, a number); 0 when it gives none.
    pub revision: i64,
    /// Where.
    pub point: Option<Point>,
    /// The name of the entity, or the title of the event. Text from outside: never markup.
    pub name: Option<String>,
    /// The values, in the order of the definition's measures; `None` where the body has none.
    /// Always finite.
    pub values: Vec<Option<f64>>,
    /// Text attributes, by their names in the definition.
    pub attributes: BTreeMap<String, String>,
}

impl Row {
    /// The row, borrowed.
    pub fn as_ref(&self) -> RowRef<'_> {
        RowRef {
            entity: self.entity.as_str(),
            observed_at: self.observed_at,
            published_at: self.published_at,
            revision: self.revision,
            point: self.point,
            name: self.name.as_deref(),
            values: &self.values,
            attributes: Attributes::Map(&self.attributes),
        }
    }
}

/// A [`Row`], borrowed from [`Rows`] or from an owned one.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    /// As [`Row::entity`]: 1 to [`EntityId::BYTES_MAX`] bytes.
    pub entity: &'a str,
    /// As [`Row::observed_at`].
    pub observed_at: Timestamp,
    /// As [`Row::published_at`].
    pub published_at: Option<Timestamp>,
    /// As [`Row::revision`].
    pub revision: i64,
    /// As [`Row::point`].
    pub point: Option<Point>,
    /// As [`Row::name`].
    pub name: Option<&'a str>,
    /// As [`Row::values`].
    pub values: &'a [Option<f64>],
    /// As [`Row::attributes`].
    pub attributes: Attributes<'a>,
}

impl RowRef<'_> {
    /// The row with texts of its own; `None` if the entity has no bytes or too many.
    pub fn to_row(&self) -> Option<Row> {
        Some(Row {
            entity: EntityId::new(self.entity)?,
            observed_at: self.observed_at,
            published_at: self.published_at,
            revision: self.revision,
            point: self.point,
            name: self.name.map(str::to_owned),
            values: self.values.to_vec(),
            attributes: self
                .attributes
                .iter()
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .collect(),
        })
    }
}

/// The text attributes of a row.
#[derive(Debug, Clone, Copy)]
pub enum Attributes<'a> {
    /// Of an owned row.
    Map(&'a BTreeMap<String, String>),
    /// Of a row among [`Rows`]: which ones, and where they are.
    Side(&'a Rows, &'a [(u32, Span)]),
}

impl<'a> Attributes<'a> {
    /// No attributes.
    pub const NONE: Attributes<'static> = Attributes::Map(&BTreeMap::new());

    /// Names and texts, names ascending.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (map, side) = match self {
            Attributes::Map(map) => (Some(map), None),
            Attributes::Side(rows, attributes) => (None, Some((rows, attributes))),
        };
        let map = map
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        let side = side.into_iter().flat_map(|(rows, attributes)| {
            attributes
                .iter()
                .map(|&(name, span)| (rows.names[name as usize].as_str(), rows.text(span)))
        });
        map.chain(side)
    }
}

/// Where a text is among the texts of [`Rows`]: start and length in bytes.
pub type Span = (usize, usize);

/// The rows of a body side by side: a handful of allocations for any number of rows, kept from one body to the next.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    text: String,
    heads: Vec<Head>,
    values: Vec<Option<f64>>,
    attributes: Vec<(u32, Span)>,
    /// The names that attributes may have, ascending.
    names: Vec<String>,
    /// Values in a row.
    width: usize,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    entity: Span,
    name: Option<Span>,
    /// The first and the one after the last.
    attributes: (usize, usize),
    observed_at: Timestamp,
    published_at: Option<Timestamp>,
    revision: i64,
    point: Option<Point>,
}

impl Rows {
    /// Forgets the rows, keeps the room, and expects rows of `width` values with attributes of these names, which ascend.
    pub fn reset<'n>(&mut self, width: usize, names: impl Iterator<Item = &'n str> + Clone) {
        self.text.clear();
        self.heads.clear();
        self.values.clear();
        self.attributes.clear();
        self.width = width;
        if !self.names.iter().map(String::as_str).eq(names.clone()) {
            self.names = names.map(str::to_owned).collect();
        }
    }

    fn text(&self, (start, length): Span) -> &str {
        self.text.get(start..start + length).unwrap_or_default()
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        (start, text.len())
    }

    /// Adds a row. Its attributes come with the index of their name, ascending.
    ///
    /// # Panics
    ///
    /// When the number of values is not that announced by [`Rows::reset`].
    pub fn push<'t>(
        &mut self,
        row: &RowRef<'t>,
        attributes: impl IntoIterator<Item = (usize, &'t str)>,
    ) {
        assert_eq!(row.values.len(), self.width, "values in a row");
        let entity = self.keep(row.entity);
        let name = row.name.map(|name| self.keep(name));
        let first = self.attributes.len();
        for (index, text) in attributes {
            let span = self.keep(text);
            self.attributes.push((index as u32, span));
        }
        self.values.extend_from_slice(row.values);
        self.heads.push(Head {
            entity,
            name,
            attributes: (first, self.attributes.len()),
            observed_at: row.observed_at,
            published_at: row.published_at,
            revision: row.revision,
            point: row.point,
        });
    }

    /// Adds a row of others, of the same width and names; `None` if there is no such row.
    pub fn push_from(&mut self, source: &Rows, index: usize) -> Option<()> {
        let head = source.heads.get(index)?;
        self.repeat(
            source,
            index,
            head.observed_at,
            head.published_at,
            head.revision,
        )?;
        Some(())
    }

    /// Adds a row of others, of the same width and names, with other times and revision; its values are returned, to be
    /// changed. `None` if there is no such row.
    pub fn repeat(
        &mut self,
        source: &Rows,
        index: usize,
        observed_at: Timestamp,
        published_at: Option<Timestamp>,
        revision: i64,
    ) -> Option<&mut [Option<f64>]> {
        let row = source.get(index)?;
        let entity = self.keep(row.entity);
        let name = row.name.map(|name| self.keep(name));
        let head = source.heads.get(index)?;
        let first = self.attributes.len();
        for &(name, span) in source.side(head) {
            let span = self.keep(source.text(span));
            self.attributes.push((name, span));
        }
        self.values.extend_from_slice(row.values);
        self.heads.push(Head {
            entity,
            name,
            attributes: (first, self.attributes.len()),
            observed_at,
            published_at,
            revision,
            point: row.point,
        });
        let start = self.values.len() - self.width;
        self.values.get_mut(start..)
    }

    fn side(&self, head: &Head) -> &[(u32, Span)] {
        let (first, end) = head.attributes;
        self.attributes.get(first..end).unwrap_or_default()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The row at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<RowRef<'_>> {
        let head = self.heads.get(index)?;
        let start = index * self.width;
        Some(RowRef {
            entity: self.text(head.entity),
            observed_at: head.observed_at,
            published_at: head.published_at,
            revision: head.revision,
            point: head.point,
            name: head.name.map(|span| self.text(span)),
            values: self.values.get(start..start + self.width)?,
            attributes: Attributes::Side(self, self.side(head)),
        })
    }

    /// The values of the row at `index`; none where there is no such row.
    pub fn values_mut(&mut self, index: usize) -> &mut [Option<f64>] {
        let start = index * self.width;
        self.values
            .get_mut(start..start + self.width)
            .unwrap_or_default()
    }

    /// The rows, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = RowRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Drops the rows without any value, and returns how many these were.
    pub fn drop_empty(&mut self) -> usize {
        self.retain(|row| row.values.iter().any(Option::is_some))
    }

    /// Keeps the rows for which `keep` says so, and returns how many others there were.
    pub fn retain(&mut self, mut keep: impl FnMut(&RowRef<'_>) -> bool) -> usize {
        let dropped: Vec<bool> = self.iter().map(|row| !keep(&row)).collect();
        let Some(first) = dropped.iter().position(|is_dropped| *is_dropped) else {
            return 0;
        };
        let before = self.heads.len();
        let mut kept = first;
        for (index, _) in dropped
            .iter()
            .enumerate()
            .skip(first)
            .filter(|(_, is_dropped)| !**is_dropped)
        {
            let start = index * self.width;
            self.values
                .copy_within(start..start + self.width, kept * self.width);
            self.heads[kept] = self.heads[index];
            kept += 1;
        }
        self.heads.truncate(kept);
        self.values.truncate(kept * self.width);
        before - kept
    }

    /// Changes every name and attribute.
    pub fn change_texts(&mut self, change: impl Fn(&str) -> String) {
        let old = std::mem::take(&mut self.text);
        let of = |(start, length): Span| old.get(start..start + length).unwrap_or_default();
        let text = &mut self.text;
        let mut keep = |kept: &str| {
            let start = text.len();
            text.push_str(kept);
            (start, kept.len())
        };
        for head in &mut self.heads {
            head.entity = keep(of(head.entity));
            head.name = head.name.map(|name| keep(&change(of(name))));
        }
        for (_, span) in &mut self.attributes {
            *span = keep(&change(of(*span)));
        }
    }
}
