//! Reading a body that says nearly what the one before it said.
//!
//! A feed that is asked every minute lists the same entities each time, and of each it says the same but for a time and
//! a few numbers. So the text of a row is kept as a *template* once it was read the general way: where the next body has the
//! same bytes at all places but those few, the row is the same but for those few values, and only these are read. What is the
//! same byte by byte was checked and read before; it need not be parsed again.
//!
//! This is a shortcut and nothing else. A row that fits no template is read the general way, by the same code and the
//! same parser as always; a body that is not a plain JSON list, or is wrong in any way, is left to the general way as a
//! whole, which alone explains errors. `tests/it/snapshot.rs` compares the two.
//!
//! The places that may differ are the JSON numbers, and texts of plain ASCII, that a measure, a time or a revision is read from
//! by a path of member names alone. All others (names, places, filters, what no path leads to) must be the same.

use std::collections::HashMap;

use bumpalo::Bump;
use jiff::{Timestamp, tz::TimeZone};
use vigie_core::row::Rows;

use crate::{
    definition::Definition,
    extract::{Context, Extraction, RowReader, Taken},
    format::{self, Format},
    node::Node,
    path::{Base, Path, Step},
    spec::{Extract, Origin, Pick, Revision, Time, ZoneOfTime},
    time,
};

/// The most bytes of row texts that are kept. Beyond, all are forgotten.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// The most bytes that a row may have to become a template.
const ROW_BYTES_MAX: usize = 16 << 10;

/// What a value that may differ is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Measure(usize),
    ObservedAt,
    PublishedAt,
    Revision,
}

/// Where the values are that may differ.
#[derive(Debug)]
struct Plan {
    /// The member names that lead to each, and what it is for.
    leaves: Vec<(Vec<String>, Vec<Use>)>,
}

/// A value of a template that may differ: where it is in the row's text, and which of the plan's it is.
#[derive(Debug, Clone, Copy)]
struct Token {
    start: usize,
    end: usize,
    leaf: usize,
}

/// The text of a row that was read.
#[derive(Debug, Clone)]
struct Template {
    /// Where its text is among the texts.
    start: usize,
    end: usize,
    tokens: (usize, usize),
    /// Its row among those known; none where a filter leaves it out.
    row: Option<usize>,
    /// Which template fitted the row after this one, the last time.
    next: usize,
}

/// What is remembered of the bodies before.
#[derive(Debug)]
pub(crate) struct Snapshot {
    plan: Plan,
    zone_tz: TimeZone,
    text: Vec<u8>,
    tokens: Vec<Token>,
    templates: Vec<Template>,
    rows: Rows,
    /// Templates by the text of their rows up to the end of the first value.
    by_start: HashMap<Vec<u8>, usize>,
}

impl Snapshot {
    /// Nothing remembered yet; `None` where the definition has no use for it.
    pub(crate) fn new(definition: &Definition) -> Option<Self> {
        Some(Self {
            plan: Plan::new(&definition.extract)?,
            zone_tz: TimeZone::UTC,
            text: Vec::new(),
            tokens: Vec::new(),
            templates: Vec::new(),
            rows: Rows::default(),
            by_start: HashMap::new(),
        })
    }

    fn forget(&mut self, definition: &Definition) {
        self.text.clear();
        self.tokens.clear();
        self.templates.clear();
        self.by_start.clear();
        self.rows.reset(
            definition.extract.measures.len(),
            definition.extract.attribute_names(),
        );
    }

    /// Reads a body; gives `rows` back where it must be read the general way.
    pub(crate) fn read(
        &mut self,
        definition: &Definition,
        body: &[u8],
        context: &Context<'_>,
        arena: &mut Bump,
        rows: Rows,
    ) -> Result<Extraction<Rows>, Box<Rows>> {
        if self.templates.is_empty()
            || self.text.len() > TEXT_BYTES_MAX
            || self.zone_tz != *context.zone_tz
        {
            self.forget(definition);
            self.zone_tz = context.zone_tz.clone();
        }
        let mut reader = RowReader::new(definition, context, rows);
        match self.rows_of(definition, body, arena, &mut reader) {
            Some(()) => Ok(reader.finish_rows()),
            None => Err(Box::new(reader.into_rows())),
        }
    }

    fn rows_of(
        &mut self,
        definition: &Definition,
        body: &[u8],
        arena: &mut Bump,
        reader: &mut RowReader<'_, '_>,
    ) -> Option<()> {
        let mut at = after_blanks(body, 0);
        if body.get(at) != Some(&b'[') {
            return None;
        }
        at = after_blanks(body, at + 1);
        let (mut index, mut expected, mut latest) = (0, 0, usize::MAX);
        if body.get(at) != Some(&b']') {
            loop {
                let fitting = self
                    .fit(expected, body, at, reader)
                    .map(|end| (expected, end))
                    .or_else(|| {
                        let other = *self.by_start.get(start_of_row(body, at)?)?;
                        (other != expected)
                            .then(|| self.fit(other, body, at, reader))
                            .flatten()
                            .map(|end| (other, end))
                    });
                let (known, end) = match fitting {
                    Some((known, end)) => (Some(known), end),
                    None => self.read_one(definition, body, at, index, arena, reader)?,
                };
                if let Some(known) = known {
                    if let Some(latest) = self.templates.get_mut(latest) {
                        latest.next = known;
                    }
                    expected = self.templates[known].next;
                    latest = known;
                } else {
                    latest = usize::MAX;
                }
                index += 1;
                at = after_blanks(body, end);
                match body.get(at)? {
                    b',' => at = after_blanks(body, at + 1),
                    b']' => break,
                    _ => return None,
                }
            }
        }
        (after_blanks(body, at + 1) == body.len()).then_some(())
    }

    /// Reads the row at `at` as a repetition of a template: where it ends, or `None` where it is none. Nothing was taken then.
    fn fit(
        &self,
        template: usize,
        body: &[u8],
        at: usize,
        reader: &mut RowReader<'_, '_>,
    ) -> Option<usize> {
        let template = self.templates.get(template)?;
        let known = self.text.get(template.start..template.end)?;
        let tokens = self.tokens.get(template.tokens.0..template.tokens.1)?;
        let mut repetition = reader.repeat(&self.rows, template.row)?;
        let (mut at, mut done) = (at, 0);
        for token in tokens {
            let literal = known.get(done..token.start)?;
            if !body.get(at..)?.starts_with(literal) {
                return None;
            }
            at += literal.len();
            let (node, end) = value(body, at)?;
            let was_text = known.get(token.start) == Some(&b'"');
            if was_text != matches!(node, Node::Text(_)) {
                return None;
            }
            for purpose in &self.plan.leaves.get(token.leaf)?.1 {
                repetition.set(reader, *purpose, node)?;
            }
            at = end;
            done = token.end;
        }
        let literal = known.get(done..)?;
        if !body.get(at..)?.starts_with(literal) {
            return None;
        }
        reader.take(&self.rows, &repetition)?;
        Some(at + literal.len())
    }

    /// Reads the row at `at` the general way and remembers it. Returns its template, if it can be one, and where it ends.
    fn read_one(
        &mut self,
        definition: &Definition,
        body: &[u8],
        at: usize,
        index: usize,
        arena: &mut Bump,
        reader: &mut RowReader<'_, '_>,
    ) -> Option<(Option<usize>, usize)> {
        let end = end_of_value(body, at)?;
        let bytes = body.get(at..end)?;
        let text = std::str::from_utf8(bytes).ok()?;
        let taken = {
            let node = format::read_element(text, &definition.projection, arena).ok()?;
            reader.lone_element(node, index, arena).ok()?
        };
        arena.reset();
        let row = match taken {
            Taken::Row(row) => Some(row),
            Taken::LeftOut => None,
            Taken::Otherwise => return Some((None, end)),
        };
        let template = self.remember(bytes, row.map(|row| (reader.rows(), row)));
        Some((template, end))
    }

    fn remember(&mut self, bytes: &[u8], row: Option<(&Rows, usize)>) -> Option<usize> {
        if bytes.len() > ROW_BYTES_MAX {
            return None;
        }
        let start = start_of_row(bytes, 0)?;
        let first = self.tokens.len();
        if find_tokens(bytes, &self.plan, &mut self.tokens).is_none() {
            self.tokens.truncate(first);
            return None;
        }
        let row = match row {
            Some((rows, index)) => {
                self.rows.push_from(rows, index)?;
                Some(self.rows.len() - 1)
            }
            None => None,
        };
        let place = self.text.len();
        self.text.extend_from_slice(bytes);
        let mut template = Template {
            start: place,
            end: self.text.len(),
            tokens: (first, self.tokens.len()),
            row,
            next: self.templates.len() + 1,
        };
        // The entity says something else now: its old text is of no use.
        if let Some(&known) = self.by_start.get(start) {
            template.next = self.templates[known].next;
            self.templates[known] = template;
            return Some(known);
        }
        self.by_start.insert(start.to_vec(), self.templates.len());
        self.templates.push(template);
        Some(self.templates.len() - 1)
    }
}

impl Plan {
    fn new(spec: &Extract) -> Option<Self> {
        let is_list = |path: &Path| {
            path.base == Base::Item(0)
                && path.known.is_none()
                && matches!(path.steps.as_slice(), [Step::Elements])
        };
        let of_element = |path: &Path| path.base == Base::Item(0) && path.known.is_none();
        let leads_nowhere = |path: &Path| matches!(path.steps.first(), Some(Step::Key(_)));
        let supported = matches!(spec.format, Format::Json { jsonp: false, .. })
            && spec.encoding.is_none()
            && spec.nesting_most >= format::DEPTH_MAX
            && !spec.header
            && spec.skip == 0
            && spec.columns.is_none()
            && spec.pivot.is_none()
            && spec.join.is_none()
            && !spec.groups
            && matches!(spec.select.as_slice(), [path] if is_list(path) || path.steps == [Step::Elements])
            && spec.errors.iter().all(|error| leads_nowhere(&error.path))
            && spec.paths().into_iter().all(of_element);
        if !supported {
            return None;
        }
        let mut leaves: Vec<(Vec<String>, Vec<Use>)> = Vec::new();
        let mut add = |names: Option<Vec<String>>, purpose: Use| {
            let Some(names) = names else { return };
            match leaves.iter_mut().find(|(known, _)| *known == names) {
                Some((_, uses)) => uses.push(purpose),
                None => leaves.push((names, vec![purpose])),
            }
        };
        for (index, reading) in spec.measures.iter().enumerate() {
            let plain = reading.filter.is_empty() && !reading.length && reading.reduce.is_none();
            add(
                plain.then(|| names_of(&reading.pick)).flatten(),
                Use::Measure(index),
            );
        }
        add(names_of_time(&spec.observed_at), Use::ObservedAt);
        add(
            spec.published_at.as_ref().and_then(names_of_time),
            Use::PublishedAt,
        );
        match &spec.revision {
            Some(Revision::Number(pick)) => add(names_of(pick), Use::Revision),
            Some(Revision::Time(time)) => add(names_of_time(time), Use::Revision),
            None => {}
        }
        // A member that is read for something else too must stay the same, and so must what holds it or is held by it.
        let others = spec.paths().into_iter().map(|path| &path.steps);
        let mut others: Vec<Vec<Step>> = others.cloned().collect();
        for (names, uses) in &leaves {
            for _ in uses {
                let own = others.iter().position(|steps| is_named(steps, names));
                if let Some(own) = own {
                    others.swap_remove(own);
                }
            }
        }
        leaves.retain(|(names, _)| {
            !others.iter().any(|steps| {
                let shorter = steps.len().min(names.len());
                is_named(&steps[..shorter], &names[..shorter])
                    || steps[..shorter]
                        .iter()
                        .any(|step| !matches!(step, Step::Key(_)))
            })
        });
        (!leaves.is_empty()).then_some(Self { leaves })
    }
}

fn is_named(steps: &[Step], names: &[String]) -> bool {
    steps.len() == names.len()
        && steps
            .iter()
            .zip(names)
            .all(|(step, name)| matches!(step, Step::Key(key) if key.name().text() == name))
}

/// The member names of a pick that is one path of names and nothing else.
fn names_of(pick: &Pick) -> Option<Vec<String>> {
    let [Origin::Path(path)] = pick.origins.as_slice() else {
        return None;
    };
    let plain = pick.nulls.is_empty() && pick.capture.is_none() && pick.map.is_empty();
    if !plain || path.steps.is_empty() {
        return None;
    }
    path.steps
        .iter()
        .map(|step| match step {
            Step::Key(key) => Some(key.name().text().to_owned()),
            _ => None,
        })
        .collect()
}

fn names_of_time(time: &Time) -> Option<Vec<String>> {
    let plain = time.plus.is_none() && !matches!(time.zone, ZoneOfTime::Path(_));
    plain.then(|| names_of(&time.pick)).flatten()
}

/// A row like one that is known, but for some values.
#[derive(Debug)]
pub(crate) struct Repetition {
    row: Option<usize>,
    pub(crate) observed_at: Timestamp,
    pub(crate) published_at: Option<Timestamp>,
    pub(crate) revision: i64,
}

impl RowReader<'_, '_> {
    /// Begins to repeat a known row, or one that was left out.
    fn repeat(&mut self, known: &Rows, row: Option<usize>) -> Option<Repetition> {
        let Some(row) = row else {
            return Some(Repetition {
                row: None,
                observed_at: Timestamp::UNIX_EPOCH,
                published_at: None,
                revision: 0,
            });
        };
        let row_ref = known.get(row)?;
        self.values.clear();
        self.values.extend_from_slice(row_ref.values);
        Some(Repetition {
            row: Some(row),
            observed_at: row_ref.observed_at,
            published_at: row_ref.published_at,
            revision: row_ref.revision,
        })
    }

    /// Takes the repetition for a row.
    fn take(&mut self, known: &Rows, repetition: &Repetition) -> Option<()> {
        self.count_row().ok()?;
        let Some(row) = repetition.row else {
            return Some(());
        };
        self.out.published_at = self.out.published_at.max(repetition.published_at);
        let Repetition {
            observed_at,
            published_at,
            revision,
            ..
        } = *repetition;
        let values = self
            .out
            .rows
            .repeat(known, row, observed_at, published_at, revision)?;
        values.copy_from_slice(&self.values);
        Some(())
    }
}

impl Repetition {
    /// Sets a value that differs; `None` where it is to be refused or explained, which is the general way's matter.
    fn set(&mut self, reader: &mut RowReader<'_, '_>, purpose: Use, node: Node<'_>) -> Option<()> {
        if self.row.is_none() {
            return Some(());
        }
        if node.is_absent() {
            return None;
        }
        let spec = reader.spec;
        let zone_tz = reader.context.zone_tz;
        match purpose {
            Use::Measure(index) => {
                let numeric = &spec.measures.get(index)?.numeric;
                let value = crate::number::read(node, numeric).ok()??;
                *reader.values.get_mut(index)? = Some(value);
            }
            Use::ObservedAt => self.observed_at = reader.time_of(&spec.observed_at, node)?,
            Use::PublishedAt => {
                self.published_at =
                    Some(time::read_node(spec.published_at.as_ref()?, node, zone_tz)?);
            }
            Use::Revision => {
                self.revision = match spec.revision.as_ref()? {
                    Revision::Number(_) => {
                        crate::number::read(node, &crate::spec::Numeric::default()).ok()?? as i64
                    }
                    Revision::Time(spec) => time::read_node(spec, node, zone_tz)?.as_millisecond(),
                };
            }
        }
        Some(())
    }
}

fn after_blanks(body: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = body.get(at) {
        at += 1;
    }
    at
}

/// Which of eight bytes end the plain part of a JSON text: a quote, a backslash, a control character, and all that is not ASCII.
/// The high bit of each such byte is set; those after the first may be set in error.
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES * 0x80;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control | word) & HIGHS
}

/// The first byte from `at` on that ends the plain part of a text.
fn end_of_plain(body: &[u8], mut at: usize) -> Option<usize> {
    while let Some(chunk) = body.get(at..).and_then(<[u8]>::first_chunk) {
        let found = special(u64::from_le_bytes(*chunk));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x80..);
    let rest = body.get(at..)?;
    rest.iter().position(is_special).map(|found| at + found)
}

/// The number, or text of plain ASCII without escapes, at `at`, and where it ends.
fn value(body: &[u8], at: usize) -> Option<(Node<'_>, usize)> {
    if body.get(at)? == &b'"' {
        let end = end_of_plain(body, at + 1)?;
        let text = body.get(at + 1..end)?;
        return (body.get(end) == Some(&b'"'))
            .then(|| std::str::from_utf8(text).ok())
            .flatten()
            .map(|text| (Node::Text(text), end + 1));
    }
    number(body, at)
}

/// The number at `at`, as the parser of the general way has it, and where it ends.
fn number(body: &[u8], at: usize) -> Option<(Node<'_>, usize)> {
    let is_negative = body.get(at)? == &b'-';
    let first = at + usize::from(is_negative);
    let (mut end, mut whole) = (first, 0_i64);
    while let Some(digit @ b'0'..=b'9') = body.get(end) {
        // Eighteen digits fit; more are left to the general way below.
        whole = whole.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        end += 1;
    }
    let digits = end - first;
    let leading_zero = digits > 1 && body.get(first) == Some(&b'0');
    if digits == 0 || digits > 18 || leading_zero {
        return None;
    }
    if !matches!(body.get(end), Some(b'.' | b'e' | b'E')) {
        let is_minus_zero = is_negative && whole == 0;
        let whole = if is_negative { -whole } else { whole };
        return (!is_minus_zero).then_some((Node::Integer(whole), end));
    }
    while let Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-') = body.get(end) {
        end += 1;
    }
    let text = std::str::from_utf8(body.get(at..end)?).ok()?;
    match sonic_rs::from_str(text).ok()? {
        JsonNumber(float) => Some((Node::Float(float), end)),
    }
}

/// A number with a fraction or an exponent, by the grammar of JSON.
#[derive(serde::Deserialize)]
struct JsonNumber(f64);

/// The text of a row up to the end of its first member's value.
fn start_of_row(body: &[u8], at: usize) -> Option<&[u8]> {
    if body.get(at)? != &b'{' {
        return None;
    }
    let key = after_blanks(body, at + 1);
    let colon = after_blanks(body, end_of_value(body, key)?);
    if body.get(key)? != &b'"' || body.get(colon)? != &b':' {
        return None;
    }
    let end = end_of_value(body, after_blanks(body, colon + 1))?;
    body.get(at..end)
}

/// Where the value at `at` ends, if the body is JSON at all: brackets are counted, texts skipped.
fn end_of_value(body: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0_usize);
    loop {
        match body.get(at)? {
            b'"' => at = end_of_text(body, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => at += 1,
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => return None,
            _ => {
                while !matches!(
                    body.get(at),
                    None | Some(
                        b',' | b':'
                            | b'}'
                            | b']'
                            | b'{'
                            | b'['
                            | b'"'
                            | b' '
                            | b'\n'
                            | b'\r'
                            | b'\t'
                    )
                ) {
                    at += 1;
                }
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Where the text ends whose first character is at `at`: after its closing quote.
fn end_of_text(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = end_of_plain(body, at)?;
        match body.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Finds the values that may differ in the text of a row, which is valid JSON. `None` where the row is not an object, or a
/// name is written with escapes.
fn find_tokens(row: &[u8], plan: &Plan, tokens: &mut Vec<Token>) -> Option<()> {
    let leaves: Vec<(usize, &[String])> = plan
        .leaves
        .iter()
        .enumerate()
        .map(|(index, (names, _))| (index, names.as_slice()))
        .collect();
    members(row, 0, &leaves, tokens)?;
    Some(())
}

/// Goes through the members of the object at `at`. Returns where it ends.
fn members(
    row: &[u8],
    at: usize,
    leaves: &[(usize, &[String])],
    tokens: &mut Vec<Token>,
) -> Option<usize> {
    if row.get(at)? != &b'{' {
        return None;
    }
    let mut seen: Vec<&[u8]> = Vec::new();
    let mut at = after_blanks(row, at + 1);
    if row.get(at)? == &b'}' {
        return Some(at + 1);
    }
    loop {
        let end = end_of_text(row, at + 1)?;
        let name = row.get(at + 1..end - 1)?;
        // Of two members of one name only the first is read, and with escapes a name may be any.
        if name.contains(&b'\\') || seen.contains(&name) {
            return None;
        }
        seen.push(name);
        let start = after_blanks(row, after_blanks(row, end) + 1);
        let named = |names: &[String]| names.first().is_some_and(|first| first.as_bytes() == name);
        let below: Vec<(usize, &[String])> = leaves
            .iter()
            .filter(|(_, names)| named(names))
            .map(|(leaf, names)| (*leaf, &names[1..]))
            .collect();
        let end = end_of_value(row, start)?;
        if row.get(start)? == &b'{' && below.iter().any(|(_, names)| !names.is_empty()) {
            members(row, start, &below, tokens)?;
        } else if let Some((leaf, _)) = below.iter().find(|(_, names)| names.is_empty())
            && value(row, start).is_some_and(|(_, token_end)| token_end == end)
        {
            tokens.push(Token {
                start,
                end,
                leaf: *leaf,
            });
        }
        at = after_blanks(row, end);
        match row.get(at)? {
            b',' => at = after_blanks(row, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_texts_are_found_in_any_position() {
        for length in 0..40 {
            for end in [b'"', b'\\', 0x1f, 0, 0x80, 0xff] {
                let mut body = vec![b' '; length];
                body.extend([end, b'"', b'x', b'"', b'"', b'"', b'"', b'"', b'"']);
                assert_eq!(end_of_plain(&body, 0), Some(length), "{length} {end}");
            }
            assert_eq!(end_of_plain(&vec![0x7f; length], 0), None);
        }
    }

    #[test]
    fn numbers_are_those_of_json() {
        let read = |text: &'static str| number(text.as_bytes(), 0);
        assert_eq!(read("17,"), Some((Node::Integer(17), 2)));
        assert_eq!(read("-4}"), Some((Node::Integer(-4), 2)));
        assert_eq!(read("0 "), Some((Node::Integer(0), 1)));
        assert_eq!(read("2.50]"), Some((Node::Float(2.5), 4)));
        assert_eq!(read("1e3"), Some((Node::Float(1e3), 3)));
        for left in [
            "-0",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "1.2.3",
            "1234567890123456789",
        ] {
            assert_eq!(read(left), None, "{left}");
        }
    }
}
