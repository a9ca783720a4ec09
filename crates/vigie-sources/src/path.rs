//! Paths into a body, the same for every format.
//!
//! | written | means |
//! |---|---|
//! | `a.b` | the member `b` of the member `a` (an XML child element, a protobuf field, a CSV column) |
//! | `@name` | an XML attribute |
//! | `['a.b']` | a member whose name holds dots, brackets or `#` |
//! | `[0]`, `[-1]` | an element of a list, counted from its start or its end |
//! | `[*]` | in `select`: a row per element; elsewhere: the first element that has the rest of the path |
//! | `{*}` | a row per member of an object, or per named cell of a row; its name is `#key` |
//! | `[lang=fr]` | the first element whose member `lang` is `fr` |
//! | `[#]` | the element at the row's index, where `rows.columns` is given |
//! | `$.a` | from the root of the body |
//! | `^.a`, `^^.a` | from the element that encloses the row's, one or two iterations up |
//! | `.` | the row's element itself, where it is a text or a number |
//! | `#key`, `#index`, `#position` | the row's member name, its place from 0, its place from 1 |
//! | `#fetched_at` | when the body was fetched |

use std::fmt;

use crate::node::Name;

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// At the row's element, or so many iterations above it.
    Item(usize),
    /// At the root of the body.
    Root,
}

/// A member's name in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    tag: u64,
    text: String,
}

impl Key {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            tag: Name::new(text).tag(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> Name<'_> {
        Name::tagged(self.tag, &self.text)
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To the member of that name.
    Key(Key),
    /// To the element of that index; negative counts from the end.
    Index(i64),
    /// To every element of a list.
    Elements,
    /// To every member of an object.
    Members,
    /// To the element at the row's index.
    AtRow,
    /// To the first element whose member has that text.
    Having(Key, String),
}

/// What is not in the body but known of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// The member name of the row's element.
    Key,
    /// Its place in the list, from 0.
    Index,
    /// Its place in the list, from 1.
    Position,
    /// When the body was fetched.
    FetchedAt,
}

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) base: Base,
    pub(crate) steps: Vec<Step>,
    pub(crate) known: Option<Known>,
    text: String,
}

/// Why a text is not a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadPath {
    /// The byte at which it goes wrong.
    pub(crate) position: usize,
    /// What is wrong.
    pub(crate) problem: String,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Path {
    /// The path to the row's element itself.
    pub(crate) fn item() -> Self {
        Self {
            base: Base::Item(0),
            steps: Vec::new(),
            known: None,
            text: ".".to_owned(),
        }
    }

    /// The same steps from the root of the body.
    pub(crate) fn at_root(self) -> Self {
        Self {
            base: Base::Root,
            ..self
        }
    }

    /// The path to a member of what this one leads to.
    pub(crate) fn member(&self, name: &str) -> Self {
        let mut path = self.clone();
        path.steps.push(Step::Key(Key::new(name)));
        path.text = format!("{}.{name}", self.text);
        path
    }

    /// Parses `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, BadPath> {
        if text == "." {
            return Ok(Self::item());
        }
        let mut cursor = Cursor { text, at: 0 };
        let base = if cursor.eat('$') {
            Base::Root
        } else {
            let mut up = 0;
            while cursor.eat('^') {
                up += 1;
            }
            Base::Item(up)
        };
        let mut path = Self {
            base,
            steps: Vec::new(),
            known: None,
            text: text.to_owned(),
        };
        let mut first = base == Base::Item(0);
        while let Some(next) = cursor.peek() {
            match next {
                '[' => path.steps.push(cursor.bracket()?),
                '{' => {
                    if !cursor.eat_all("{*}") {
                        return Err(cursor.bad("expected `{*}`"));
                    }
                    path.steps.push(Step::Members);
                }
                '#' => {
                    cursor.at += 1;
                    path.known = Some(match cursor.name() {
                        "key" => Known::Key,
                        "index" => Known::Index,
                        "position" => Known::Position,
                        "fetched_at" => Known::FetchedAt,
                        _ => {
                            return Err(cursor
                                .bad("expected `#key`, `#index`, `#position` or `#fetched_at`"));
                        }
                    });
                    if cursor.peek().is_some() || !path.steps.is_empty() {
                        return Err(cursor.bad("`#…` stands alone, or after `^`"));
                    }
                }
                '.' if first => return Err(cursor.bad("a path does not start with a dot")),
                _ => {
                    if !first && !cursor.eat('.') {
                        return Err(cursor.bad("expected `.` or `[`"));
                    }
                    let name = cursor.name();
                    if name.trim() != name || name.is_empty() {
                        return Err(cursor.bad("expected a name; write ['a.b'] for unusual ones"));
                    }
                    path.steps.push(Step::Key(Key::new(name)));
                }
            }
            first = false;
        }
        if text.is_empty() {
            return Err(cursor.bad("the path is empty; `$` is the whole body"));
        }
        Ok(path)
    }

    /// Whether the path needs the row's index within columns.
    pub(crate) fn is_columnar(&self) -> bool {
        self.steps.contains(&Step::AtRow)
    }
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, expected: char) -> bool {
        let eaten = self.peek() == Some(expected);
        if eaten {
            self.at += expected.len_utf8();
        }
        eaten
    }

    fn eat_all(&mut self, expected: &str) -> bool {
        let eaten = self.rest().starts_with(expected);
        if eaten {
            self.at += expected.len();
        }
        eaten
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(end).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn name(&mut self) -> &'t str {
        self.until(|c| matches!(c, '.' | '[' | ']' | '{' | '}' | '#' | '\'' | '"'))
    }

    fn bad(&self, problem: &str) -> BadPath {
        BadPath {
            position: self.at,
            problem: problem.to_owned(),
        }
    }

    fn quoted(&mut self) -> Result<Option<&'t str>, BadPath> {
        for quote in ['\'', '"'] {
            if self.eat(quote) {
                let text = self.until(|c| c == quote);
                return if self.eat(quote) {
                    Ok(Some(text))
                } else {
                    Err(self.bad("unclosed quote"))
                };
            }
        }
        Ok(None)
    }

    fn bracket(&mut self) -> Result<Step, BadPath> {
        self.at += 1;
        let step = if self.eat('*') {
            Step::Elements
        } else if self.eat('#') {
            Step::AtRow
        } else if let Some(name) = self.quoted()? {
            Step::Key(Key::new(name))
        } else {
            let content = self.until(|c| matches!(c, ']' | '='));
            if self.eat('=') {
                let value = match self.quoted()? {
                    Some(value) => value,
                    None => self.until(|c| c == ']'),
                };
                Step::Having(Key::new(content.trim()), value.trim().to_owned())
            } else {
                Step::Index(content.trim().parse().map_err(|_| {
                    self.bad("expected a number, `*`, `#`, a 'name' or name=value between brackets")
                })?)
            }
        };
        if self.eat(']') {
            Ok(step)
        } else {
            Err(self.bad("expected `]`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        Path::parse(text).unwrap().steps
    }

    fn key(name: &str) -> Step {
        Step::Key(Key::new(name))
    }

    #[test]
    fn paths_are_read() {
        assert_eq!(steps("a b.@b[0]"), [key("a b"), key("@b"), Step::Index(0)]);
        assert_eq!(
            steps("$['a b'].c[-1]"),
            [key("a b"), key("c"), Step::Index(-1)]
        );
        assert_eq!(
            steps("a[*].b{*}"),
            [key("a"), Step::Elements, key("b"), Step::Members]
        );
        assert_eq!(
            steps("t[lang='fr ca'].x")[1],
            Step::Having(Key::new("lang"), "fr ca".into())
        );
        assert_eq!(steps("[#][1]"), [Step::AtRow, Step::Index(1)]);
        assert_eq!(Path::parse("^^.a").unwrap().base, Base::Item(2));
        assert_eq!(Path::parse("^#key").unwrap().known, Some(Known::Key));
        assert!(Path::parse("$").unwrap().steps.is_empty());
    }

    #[test]
    fn wrong_paths_are_refused_with_their_place() {
        for (text, position) in [
            ("", 0),
            (".a", 0),
            ("a..b", 2),
            ("a[", 2),
            ("a[x]", 3),
            ("a. b", 4),
            ("#now", 4),
            ("a['b", 4),
        ] {
            assert_eq!(Path::parse(text).unwrap_err().position, position, "{text}");
        }
    }
}
