//! Answers in several parts: the pages of a long one, the items of a list, or a second document beside the first.
//!
//! The parts are joined to one body, the JSON list of them, so that a download stays one raw file, with one hash and
//! one fate.

use bumpalo::Bump;
use regex_lite::Regex;
use url::Url;

use crate::{
    body_error::BodyError,
    definition::Definition,
    format,
    item::{Shape, follow, select},
    node::Node,
    path::{Path, Step},
    projection::Projection,
};

/// What the variable of an item is called in the address of an item.
pub(crate) const ITEM: &str = "item";

/// How an answer goes on.
#[derive(Debug, Clone)]
pub struct Follow {
    kind: Kind,
    /// The most parts of one download.
    most: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Pages, each of which leads to the next.
    Pages(Next),
    /// The elements of a list, each with an address of its own.
    Items(Path),
    /// A second document, at an address of its own.
    Beside,
}

/// What leads to the next page.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// The header `Link` (RFC 8288), relation `next`.
    Link,
    /// Its address is in the body.
    Address(Path),
    /// A text in the body is the value of a parameter of the query.
    Cursor { path: Path, param: String },
    /// Pages are numbered in a parameter of the query, until one has fewer elements than `size` in the list, or none.
    Number {
        param: String,
        from: u64,
        step: u64,
        list: Path,
        size: usize,
    },
}

/// A part that came.
#[derive(Debug, Clone, Copy)]
pub struct Part<'p> {
    /// Its place among the parts, from 0.
    pub index: usize,
    /// The address that it came from.
    pub url: &'p str,
    /// The header `Link`.
    pub link: Option<&'p str>,
    /// Its body.
    pub body: &'p [u8],
}

/// Why the parts of an answer cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// The part is not what it should be: it goes to quarantine.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What should lead to the next part is no address.
    #[error("`{0}` is not the address of a next page")]
    Address(String),
    /// There is no end.
    #[error("more pages than request.pages.most = {0}")]
    TooMany(usize),
}

impl Follow {
    pub(crate) fn new(kind: Kind, most: usize) -> Self {
        Self { kind, most }
    }

    /// Whether the first answer is a part of the body; else it only says what the parts are.
    pub fn counts_first(&self) -> bool {
        !matches!(self.kind, Kind::Items(_))
    }

    /// Whether the definition says where the other parts are; else the answers do, and are not believed blindly.
    pub fn is_told_by_definition(&self) -> bool {
        !matches!(self.kind, Kind::Pages(_))
    }

    /// The most requests of one download.
    pub(crate) fn requests_most(&self) -> usize {
        self.most + usize::from(!self.counts_first())
    }

    /// The addresses to ask for after a part, in this order. `item_url` is the address of an item, with `{item}` in it, or of
    /// the second document.
    ///
    /// Only what is listed in the first answer is an item; the first `most` are asked for.
    pub fn after(
        &self,
        definition: &Definition,
        item_url: Option<&str>,
        part: Part<'_>,
    ) -> Result<Vec<String>, FollowError> {
        let next = match &self.kind {
            Kind::Items(_) | Kind::Beside if part.index > 0 => return Ok(Vec::new()),
            Kind::Beside => return Ok(item_url.map(str::to_owned).into_iter().collect()),
            Kind::Items(path) => {
                let template = item_url.unwrap_or_default();
                let items = read(definition, part.body, path, |root, arena| {
                    let mut items = Vec::new();
                    let shape = Shape::plain(arena);
                    select(path, root, shape, &mut |levels| {
                        let text = levels.last().and_then(|level| level.node.to_text(arena));
                        items.extend(text.map(str::to_owned));
                        Ok(())
                    })?;
                    Ok(items)
                })?;
                return Ok(items
                    .iter()
                    .take(self.most)
                    .map(|item| crate::request::with_item(template, item))
                    .collect());
            }
            Kind::Pages(next) => next.after(definition, part)?,
        };
        if next.is_some() && part.index + 1 >= self.most {
            return Err(FollowError::TooMany(self.most));
        }
        Ok(next.into_iter().collect())
    }

    /// The body that these parts are together.
    pub fn join(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut body =
            Vec::with_capacity(parts.iter().map(|part| part.len() + 2).sum::<usize>() + 2);
        body.push(b'[');
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                body.extend_from_slice(b",\n");
            }
            body.extend_from_slice(part.strip_prefix(b"\xef\xbb\xbf").unwrap_or(part));
        }
        body.push(b']');
        body
    }
}

impl Next {
    fn after(
        &self,
        definition: &Definition,
        part: Part<'_>,
    ) -> Result<Option<String>, FollowError> {
        let text_at = |path: &Path| {
            read(definition, part.body, path, |root, arena| {
                let found = follow(root, &path.steps, false, None);
                Ok(found
                    .filter(|node| !node.is_absent() && *node != Node::Bool(false))
                    .and_then(|node| node.to_text(arena))
                    .map(str::to_owned))
            })
        };
        match self {
            Next::Link => part
                .link
                .and_then(next_link)
                .map(|link| resolve(part.url, link))
                .transpose(),
            Next::Address(path) => text_at(path)?
                .map(|address| resolve(part.url, &address))
                .transpose(),
            Next::Cursor { path, param } => text_at(path)?
                .map(|cursor| with_param(part.url, param, &cursor))
                .transpose(),
            Next::Number {
                param,
                from,
                step,
                list,
                size,
            } => {
                let length = read(definition, part.body, list, |root, _| {
                    Ok(match follow(root, &list.steps, false, None) {
                        Some(Node::List(elements)) => elements.len(),
                        _ => 0,
                    })
                })?;
                if length < (*size).max(1) {
                    return Ok(None);
                }
                let number = from + step * (part.index as u64 + 1);
                with_param(part.url, param, &number.to_string()).map(Some)
            }
        }
    }
}

/// Reads of a part what the path leads to.
fn read<T>(
    definition: &Definition,
    body: &[u8],
    path: &Path,
    take: impl FnOnce(Node<'_>, &Bump) -> Result<T, BodyError>,
) -> Result<T, BodyError> {
    let spec = &definition.extract;
    format::sniff(&spec.format, body)?;
    let text = format::decode(&spec.format, spec.encoding, body)?;
    let mut projection = Projection::default();
    let root = path.clone().at_root();
    projection.add(&root, &root);
    let mut elements = root.clone();
    elements.steps.push(Step::Elements);
    projection.add(&root, &elements);
    projection.close();
    let arena = Bump::new();
    let node = format::read(
        &spec.format,
        body,
        &text,
        &projection,
        spec.nesting_most,
        &arena,
    )?;
    take(node, &arena)
}

/// The target of the relation `next` in a header `Link`.
fn next_link(header: &str) -> Option<&str> {
    let pattern = r#"<([^>]*)>(?:\s*;[^,;]*)*?;\s*rel\s*=\s*"?(?:[^",;]*\s)?next(?:[\s",;]|$)"#;
    let found = Regex::new(pattern).ok()?.captures(header)?;
    found.get(1).map(|target| target.as_str())
}

fn resolve(url: &str, address: &str) -> Result<String, FollowError> {
    let resolved = Url::parse(url).and_then(|url| url.join(address));
    resolved
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .map(String::from)
        .ok_or_else(|| FollowError::Address(crate::text::clip(address, 80)))
}

/// The address with this value for a parameter of its query.
fn with_param(url: &str, param: &str, value: &str) -> Result<String, FollowError> {
    let mut url = Url::parse(url).map_err(|_| FollowError::Address(url.to_owned()))?;
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != param)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair(param, value);
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        let github = r#"<https://a.org/?page=1>; rel="prev", <https://a.org/?page=3>; rel="next", <https://a.org/?page=9>; rel="last""#;
        assert_eq!(next_link(github), Some("https://a.org/?page=3"));
        assert_eq!(
            next_link("</more?a=1,2>; title=x; rel=next"),
            Some("/more?a=1,2")
        );
        assert_eq!(next_link(r#"<b>; rel="nofollow next""#), Some("b"));
        assert_eq!(next_link(r#"<b>; rel="nextish", <c>; rel="last""#), None);
        assert_eq!(next_link(""), None);
    }

    #[test]
    fn parameters_are_replaced_and_encoded() {
        let url = "https://a.org/x?limit=5&cursor=old";
        let next = with_param(url, "cursor", "a b&c").unwrap();
        assert_eq!(next, "https://a.org/x?limit=5&cursor=a+b%26c");
        assert_eq!(resolve(url, "?p=2").unwrap(), "https://a.org/x?p=2");
        assert!(resolve(url, "javascript:alert(1)").is_err());
    }

    #[test]
    fn parts_are_joined_to_a_list() {
        let parts = [b"\xef\xbb\xbf{\"a\":1}".to_vec(), b"null".to_vec()];
        assert_eq!(Follow::join(&parts), b"[{\"a\":1},\nnull]");
        assert_eq!(Follow::join(&[]), b"[]");
    }
}
