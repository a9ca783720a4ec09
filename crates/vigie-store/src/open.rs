//! From the address of a store to the store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    error::{Cause, StoreError},
    mongodb::{Credentials, MongoStore},
    sqlite::SqliteStore,
    store::Store,
};

/// What is not said by an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long to wait for another program that writes the file of a SQLite store. What a MongoDB server may take is said by
    /// its address.
    pub lock_timeout: Duration,
    /// The largest size of the file of a SQLite store; beyond it the store counts as full.
    pub bytes_max: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(15),
            bytes_max: None,
        }
    }
}

/// What an address names.
#[derive(Debug, PartialEq, Eq)]
enum Address<'a> {
    /// A file.
    Sqlite(PathBuf),
    /// A database of a server, with its connection string.
    Mongodb(&'a str),
}

fn parse<'a>(uri: &'a str, base: &Path) -> Result<Address<'a>, StoreError> {
    let refuse = |reason: &str| StoreError::Address {
        address: shown(uri),
        reason: Cause::new(reason),
    };
    match uri.split_once(':') {
        Some(("sqlite", path)) => match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(refuse("it names no file")),
            ":memory:" => Err(refuse("a store in memory would be lost")),
            path => Ok(Address::Sqlite(base.join(path))),
        },
        Some(("mongodb" | "mongodb+srv", _)) => Ok(Address::Mongodb(uri)),
        Some(_) => Err(refuse("this kind of store is not known")),
        None => Err(refuse("it does not say which kind of store it is")),
    }
}

/// The address as it may be shown: without user, password and options.
pub fn shown(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let (credentials, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    if credentials.contains('?') {
        // Either an option holds an `@` or a password a `?`: no telling where the secret ends.
        return format!("{scheme}://***");
    }
    let (host, _options) = host.split_once('?').unwrap_or((host, ""));
    format!("{scheme}://{host}")
}

/// Opens the store at `uri`: `sqlite:PATH`, `mongodb://HOST/DATABASE` or `mongodb+srv://…`.
///
/// A relative path is one under `base`. Unless `read_only`, what is missing (folder, file, collections, indexes) is
/// made, and an older schema brought up to date.
///
/// Where a MongoDB address has no credentials, the environment variables `VIGIE_MONGODB_USER` and
/// `VIGIE_MONGODB_PASSWORD` give them.
pub async fn open(uri: &str, base: &Path, read_only: bool) -> Result<Arc<dyn Store>, StoreError> {
    open_with(uri, base, read_only, Options::default()).await
}

/// As [`open`], with options.
pub async fn open_with(
    uri: &str,
    base: &Path,
    read_only: bool,
    options: Options,
) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match parse(uri, base)? {
        Address::Sqlite(path) => Arc::new(SqliteStore::open(path, read_only, options).await?),
        Address::Mongodb(uri) => {
            let credentials = Credentials::from_environment();
            Arc::new(MongoStore::open(uri, credentials, read_only, None).await?)
        }
    })
}

/// The file of a store in SQLite; `None` for other stores.
pub fn sqlite_path(uri: &str, base: &Path) -> Option<PathBuf> {
    match parse(uri, base) {
        Ok(Address::Sqlite(path)) => Some(path),
        _ => None,
    }
}

/// The address without user and password, which come from the environment instead; options stay.
pub fn without_credentials(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((credentials, _)) if credentials.contains('?') => shown(uri),
        Some((_, host)) => format!("{scheme}://{host}"),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(uri: &str) -> String {
        match parse(uri, Path::new("/srv")) {
            Ok(Address::Sqlite(path)) => path.display().to_string(),
            Ok(Address::Mongodb(uri)) => format!("server {uri}"),
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn a_relative_path_lies_under_the_base() {
        assert_eq!(path("sqlite:data/vigie.db"), "/srv/data/vigie.db");
        assert_eq!(path("sqlite:///data/vigie.db"), "/data/vigie.db");
        assert_eq!(path("sqlite:/data/é #1.db"), "/data/é #1.db");
        assert!(path("sqlite:").starts_with("refused: store.uri `sqlite:`: it names no file"));
        assert!(path("data/vigie.db").contains("does not say which kind"));
        assert!(path("postgres://u:secret@h/d").contains("`postgres://h/d`: this kind of store"));
    }

    #[test]
    fn an_address_without_credentials_keeps_its_options() {
        let bare = without_credentials("mongodb://user:p%40ss@a:1,b:2/vigie?authSource=admin");
        assert_eq!(bare, "mongodb://a:1,b:2/vigie?authSource=admin");
        assert_eq!(
            without_credentials("sqlite:data/a@b.db"),
            "sqlite:data/a@b.db"
        );
        assert_eq!(
            without_credentials("mongodb://u:p?w@a/vigie"),
            "mongodb://***"
        );
    }

    #[test]
    fn a_shown_address_has_no_credentials() {
        assert_eq!(
            shown("mongodb://user:p%40ss@a:1,b:2/vigie?tlsCertificateKeyFilePassword=x"),
            "mongodb://a:1,b:2/vigie"
        );
        // A password that should have been percent-encoded is not shown either.
        assert_eq!(
            shown("mongodb://user:p@ss/word@a/vigie"),
            "mongodb://a/vigie"
        );
        assert_eq!(shown("mongodb://user:p?ss@a/vigie"), "mongodb://***");
        assert_eq!(
            shown("mongodb+srv://cluster.example/vigie"),
            "mongodb+srv://cluster.example/vigie"
        );
    }
}
