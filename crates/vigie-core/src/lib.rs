//! The domain of Vigie, and nothing else.
//!
//! This crate is pure: it reads no clock, opens no file, no socket and no database. Whoever calls
//! it says what time it is. It holds the words that the whole program uses (see `ARCHITECTURE.md`):
//! zones, measures, rows, buckets, events, captures, and the functions that plan, merge, summarise
//! and analyse them.

pub mod alert;
pub mod analyse;
pub mod analysis;
pub mod bucket;
pub mod capture;
pub mod cause;
pub mod census;
pub mod correlation;
pub mod domain;
pub mod dossier;
pub mod edition;
pub mod event;
pub mod history;
pub mod measure;
pub mod plan;
pub mod profile;
pub mod quality;
pub mod retention;
pub mod row;
pub mod schedule;
pub mod secret;
pub mod series;
pub mod sheet;
pub mod sketch;
pub mod stats;
pub mod text;
pub mod time;
pub mod zone;
