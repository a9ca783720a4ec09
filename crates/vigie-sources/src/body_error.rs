//! Why a whole body is refused.

use vigie_core::cause::Cause;

/// Why a body cannot be read at all. Such a body goes to quarantine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Nothing, or nothing but blanks.
    #[error("the body is empty")]
    Empty,
    /// A page for people in place of data: a login, a proxy's or the provider's error page.
    #[error("the body is an HTML page and not {expected}{}", title.as_ref().map(|title| format!(": “{title}”")).unwrap_or_default())]
    Html {
        /// The declared format.
        expected: &'static str,
        /// The title of the page.
        title: Option<String>,
    },
    /// Another format than the declared one.
    #[error("the body is not {expected}: it starts with `{start}`")]
    OtherFormat {
        /// The declared format.
        expected: &'static str,
        /// Its first characters.
        start: String,
    },
    /// Bytes that are no text in the declared encoding.
    #[error(
        "the body is not valid {encoding} (byte {offset}); declare its encoding as format.encoding"
    )]
    Encoding {
        /// The declared encoding.
        encoding: String,
        /// The offset of the first wrong byte, where known; else 0.
        offset: usize,
    },
    /// The body ends in the middle.
    #[error("the body is truncated: it ends at byte {offset} in the middle of {expected}")]
    Truncated {
        /// The declared format.
        expected: &'static str,
        /// Where it ends.
        offset: usize,
    },
    /// Not well-formed.
    #[error("the body is not well-formed {expected}: {problem} (line {line}, column {column})")]
    Syntax {
        /// The declared format.
        expected: &'static str,
        /// What is wrong.
        problem: String,
        /// The line, from 1; 0 for binary formats.
        line: usize,
        /// The column, from 1; the byte offset for binary formats.
        column: usize,
    },
    /// Nested more deeply than any honest body.
    #[error("the body is nested more than {most} levels deep (limits.nesting_max)")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// More rows than the definition's `rows.most`, or the workspace's limit.
    #[error(
        "the body has more than {most} rows; if that is right, raise limits.rows_max, or rows.most in the definition"
    )]
    TooManyRows {
        /// The limit.
        most: usize,
    },
    /// What `rows.select` selects is not there.
    #[error("the body has no `{path}`: {found}")]
    NoSelection {
        /// The path, or the paths, of `rows.select`.
        path: String,
        /// What is there instead.
        found: String,
    },
    /// The provider says, in the body, that it could not answer.
    #[error("the provider answers with an error: {message} (at `{path}`)")]
    Provider {
        /// Its words.
        message: String,
        /// Where they stand.
        path: String,
    },
}

impl BodyError {
    /// The name of it.
    pub fn cause(&self) -> Cause {
        match self {
            BodyError::Empty => Cause::Empty,
            BodyError::Html { .. } => Cause::Html,
            BodyError::OtherFormat { .. } => Cause::OtherFormat,
            BodyError::Encoding { .. } => Cause::Charset,
            BodyError::Truncated { .. } => Cause::Truncated,
            BodyError::Syntax { .. } => Cause::Syntax,
            BodyError::TooDeep { .. } => Cause::TooDeep,
            BodyError::TooManyRows { .. } => Cause::TooManyRows,
            BodyError::NoSelection { .. } => Cause::NoSelection,
            BodyError::Provider { .. } => Cause::ProviderError,
        }
    }
}
