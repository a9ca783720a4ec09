//! TBD
pub mod archive;
pub mod durable;
pub mod error;
pub mod landing;
pub mod ledger;
pub mod lock;
pub mod manifest;
pub mod merge;
pub mod mongodb;
pub mod open;
pub mod sqlite;
pub mod store;
