//! Loading and saving documents, whatever they are.

use rusqlite::{Connection, Row, Statement};

use super::connection::File;
use crate::{
    error::{Cause, StoreError},
    store::Versioned,
};

/// How a document lies in its table.
///
/// The statements take the key first, then the expected version and the other columns, and change
/// no row when the stored version is another one.
pub(super) trait Document: Sized + Send + 'static {
    /// What names it.
    type Key: Clone + Send + 'static;
    /// What is written of it.
    type Write: Send + 'static;

    const INSERT: &'static str;
    const UPDATE: &'static str;

    /// Reads the documents of `keys` that exist, in any order.
    fn load(
        connection: &Connection,
        keys: &[Self::Key],
        each: &mut dyn FnMut(Versioned<Self>),
    ) -> Result<(), RowError>;

    /// Runs `INSERT` or `UPDATE`, and returns the number of rows changed.
    fn save(
        statement: &mut Statement<'_>,
        write: &Versioned<Self::Write>,
    ) -> Result<usize, RowError>;

    /// What names a write.
    fn key(write: &Self::Write) -> Self::Key;
}

/// Why a row is not a document, or a document not a row.
#[derive(Debug)]
pub(super) enum RowError {
    /// The row could not be had.
    Sqlite(rusqlite::Error),
    /// A column does not hold what it should.
    Column {
        row: String,
        column: &'static str,
        cause: String,
    },
    /// The document is not one that may be written.
    Refused(String),
}

impl RowError {
    /// What it means for a store.
    pub(super) fn of(self, file: &File) -> StoreError {
        match self {
            Self::Sqlite(error) => file.error(error),
            Self::Refused(why) => StoreError::Refused {
                store: file.name().to_owned(),
                cause: Cause::new(why),
            },
            Self::Column { row, column, cause } => {
                file.damaged(format!("column {column} of {row}"), cause)
            }
        }
    }
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Reads a column of JSON. `row_name` names the row in an error.
pub(super) fn json<'a, T: serde::de::Deserialize<'a>>(
    row: &'a Row<'_>,
    column: &'static str,
    row_name: impl FnOnce() -> String,
) -> Result<T, RowError> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    serde_json::from_str(text?).map_err(|error| RowError::Column {
        row: row_name(),
        column,
        cause: error.to_string(),
    })
}

/// Writes a column of JSON.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, RowError> {
    serde_json::to_string(value).map_err(|error| RowError::Refused(error.to_string()))
}

/// Loads the documents of `keys` that exist.
pub(super) fn load<D: Document>(
    connection: &Connection,
    file: &File,
    keys: &[D::Key],
) -> Result<Vec<Versioned<D>>, StoreError> {
    let work = || {
        // One transaction, so that the file is locked and looked at once, not for every key.
        let transaction = connection.unchecked_transaction()?;
        let mut documents = Vec::with_capacity(keys.len());
        D::load(&transaction, keys, &mut |document| documents.push(document))?;
        Ok(documents)
    };
    work().map_err(|error: RowError| error.of(file))
}

/// Saves the documents whose stored version is the expected one, and returns the keys of the others.
pub(super) fn save<D: Document>(
    connection: &Connection,
    file: &File,
    writes: &[Versioned<D::Write>],
) -> Result<Vec<D::Key>, StoreError> {
    let work = || {
        let mut insert = connection.prepare_cached(D::INSERT)?;
        let mut update = connection.prepare_cached(D::UPDATE)?;
        let mut conflicts = Vec::new();
        for write in writes {
            let statement = if write.version == 0 {
                &mut insert
            } else {
                &mut update
            };
            if D::save(statement, write)? == 0 {
                conflicts.push(D::key(&write.document));
            }
        }
        Ok(conflicts)
    };
    work().map_err(|error: RowError| error.of(file))
}
