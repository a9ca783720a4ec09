//! Reads TOML with the place of every value, so that a wrong definition is reported where it is
//! wrong.

use std::{fmt, ops::Range};

use jiff::SignedDuration;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use vigie_core::text::Text;

/// Why a definition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct DefinitionError {
    /// The file, as it was named to [`super::Definition::parse`].
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// A definition's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) file: &'t str,
    pub(super) text: &'t str,
}

impl Source<'_> {
    pub(super) fn error(&self, at: usize, problem: impl fmt::Display) -> DefinitionError {
        let before = self.text.get(..at).unwrap_or(self.text);
        DefinitionError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
            problem: problem.to_string(),
        }
    }
}

/// A table, whose keys are known to be right.
#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    source: Source<'t>,
    path: String,
    at: usize,
    entries: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    /// The root table.
    pub(super) fn root(
        source: Source<'t>,
        table: &'t DeTable<'t>,
        known: &[&str],
    ) -> Result<Self, DefinitionError> {
        let root = Self {
            source,
            path: String::new(),
            at: 0,
            entries: table,
        };
        root.check_keys(known)?;
        Ok(root)
    }

    fn check_keys(&self, known: &[&str]) -> Result<(), DefinitionError> {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let place = if self.path.is_empty() {
                    String::new()
                } else {
                    format!(" in [{}]", self.path)
                };
                let hint = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are {}", known.join(", ")),
                };
                let problem = format!("unknown key `{name}`{place}; {hint}");
                return Err(self.source.error(key.span().start, problem));
            }
        }
        Ok(())
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value of a key that may be absent.
    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        let (_, value) = self
            .entries
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some(Value {
            source: self.source,
            path: self.path_of(key),
            inner: value,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &str) -> Result<Value<'t>, DefinitionError> {
        self.get(key)
            .ok_or_else(|| self.error(format!("`{}` is missing", self.path_of(key))))
    }

    /// An error about the table as a whole.
    pub(super) fn error(&self, problem: impl fmt::Display) -> DefinitionError {
        self.source.error(self.at, problem)
    }

    /// Every key with its value, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(&'t Spanned<toml::de::DeString<'t>>, Value<'t>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| {
                let path = self.path_of(key.get_ref());
                (
                    key,
                    Value {
                        source: self.source,
                        path,
                        inner: value,
                    },
                )
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }
}

/// The name among `known` that `name` was likely meant to be.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len() / 3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Value<'t> {
    source: Source<'t>,
    /// Its key and those above it.
    pub(super) path: String,
    inner: &'t Spanned<DeValue<'t>>,
}

impl<'t> Value<'t> {
    pub(super) fn span(&self) -> Range<usize> {
        self.inner.span()
    }

    /// An error about this value.
    pub(super) fn error(&self, problem: impl fmt::Display) -> DefinitionError {
        self.error_at(0, problem)
    }

    /// An error about this value, so many bytes after its start.
    pub(super) fn error_at(&self, offset: usize, problem: impl fmt::Display) -> DefinitionError {
        self.source.error(
            self.span().start + offset,
            format!("{}: {problem}", self.path),
        )
    }

    fn expected(&self, what: &str) -> DefinitionError {
        let found = match self.inner.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("expected {what}, found {found}"))
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.inner.get_ref(), DeValue::Table(_))
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.inner.get_ref(), DeValue::String(_))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.inner.get_ref(), DeValue::Array(_))
    }

    /// A table with none but these keys.
    pub(super) fn table(&self, known: &[&str]) -> Result<Table<'t>, DefinitionError> {
        let table = self.free_table()?;
        table.check_keys(known)?;
        Ok(table)
    }

    /// A table with keys of the author's choice.
    pub(super) fn free_table(&self) -> Result<Table<'t>, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::Table(table) => Ok(Table {
                source: self.source,
                path: self.path.clone(),
                at: self.span().start,
                entries: table,
            }),
            _ => Err(self.expected("a table")),
        }
    }

    /// A text, which must not be blank.
    pub(super) fn str(&self) -> Result<&'t str, DefinitionError> {
        let text = self.any_str()?;
        if text.trim().is_empty() {
            return Err(self.error("the text is empty"));
        }
        Ok(text)
    }

    /// A text, which may be empty.
    pub(super) fn any_str(&self) -> Result<&'t str, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::String(text) => Ok(text.as_ref()),
            _ => Err(self.expected("a text")),
        }
    }

    /// A text in French and English.
    pub(super) fn text(&self) -> Result<Text, DefinitionError> {
        let table = self.table(&["fr", "en"])?;
        Ok(Text::new(
            table.require("fr")?.str()?,
            table.require("en")?.str()?,
        ))
    }

    pub(super) fn bool(&self) -> Result<bool, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.expected("true or false")),
        }
    }

    /// A finite number.
    pub(super) fn number(&self) -> Result<f64, DefinitionError> {
        let text = match self.inner.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(self.expected("a number")),
        };
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.expected("a finite number"))
    }

    /// A whole number from 0.
    pub(super) fn count(&self) -> Result<usize, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| self.expected("a whole number from 0")),
            _ => Err(self.expected("a whole number from 0")),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Value<'t>>, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::Array(values) => Ok(values
                .iter()
                .map(|value| Value {
                    source: self.source,
                    path: self.path.clone(),
                    inner: value,
                })
                .collect()),
            _ => Err(self.expected("a list")),
        }
    }

    /// The elements of a list, or the value itself where it is not a list.
    pub(super) fn one_or_many(&self) -> Result<Vec<Value<'t>>, DefinitionError> {
        let values = if self.is_list() {
            self.list()?
        } else {
            vec![self.clone()]
        };
        if values.is_empty() {
            Err(self.error("the list is empty"))
        } else {
            Ok(values)
        }
    }

    /// A scalar as text: `"VRB"`, `-9999`, `true`.
    pub(super) fn scalar(&self) -> Result<String, DefinitionError> {
        match self.inner.get_ref() {
            DeValue::String(text) => Ok(text.as_ref().to_owned()),
            DeValue::Boolean(value) => Ok(value.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) => Ok(self.number()?.to_string()),
            _ => Err(self.expected("a text, a number or a boolean")),
        }
    }

    /// A positive duration: `90s`, `5m`, `2h`, `45d`.
    pub(super) fn duration(&self) -> Result<SignedDuration, DefinitionError> {
        parse_duration(self.str()?)
            .ok_or_else(|| self.error("expected a duration such as 90s, 5m, 2h or 45d"))
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, DefinitionError> {
        let word = self.str()?;
        choices
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
                let hint = match nearest(word, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("expected one of {}", names.join(", ")),
                };
                self.error(format!("`{word}` is not known; {hint}"))
            })
    }
}

/// A number and its unit: s, m, h, d or w.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number: i64 = text
        .strip_suffix(unit)?
        .parse()
        .ok()
        .filter(|number| *number > 0)?;
    (number <= 10_000_000).then(|| SignedDuration::from_secs(number * seconds))
}
