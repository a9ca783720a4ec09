//! Where Vigie keeps things: raw files on their way to the store, the ledger of captures, and the store itself.
//!
//! - The document store: [`store`] is its trait, [`open`] makes one from an address ([`awaited`] one that may be away),
//!   [`sqlite`] and [`mongodb`] are the two there are, [`merge`] brings what was observed into one of them. Both pass one contract suite
//!   (`tests/it/contract.rs`).
//! - Raw files: [`landing`] with [`manifest`] and [`archive`]; [`durable`] writes files that survive a power cut.
//! - [`copy`] brings the documents of one store into another, whichever the two are.
//! - [`ledger`] remembers every capture; [`lock`] keeps two runs from doing the same.
//! - [`fault`] kills debug builds and makes their disk refuse, for tests.

pub mod archive;
pub mod awaited;
pub mod copy;
pub mod durable;
pub mod error;
pub mod fault;
pub mod landing;
pub mod ledger;
pub mod lock;
pub mod manifest;
pub mod merge;
pub mod mongodb;
pub mod open;
pub mod sqlite;
pub mod store;
