//! Source definitions, request building, and extraction: from bytes to rows.
//!
//! This crate is pure: it reads no clock, opens no socket, and no file but the catalogue that is
//! embedded in it. A source is data: a TOML file, described in `catalogue/README.md`; nothing here
//! knows any provider by name.

mod body_error;
mod catalogue;
mod definition;
mod extract;
mod follow;
mod format;
mod group;
mod history;
mod item;
mod join;
mod node;
mod number;
mod path;
mod place;
mod projection;
mod propose;
mod refuse;
mod request;
mod snapshot;
mod spec;
mod text;
mod time;
mod units;

pub use body_error::BodyError;
pub use catalogue::Catalogue;
pub use definition::{Definition, DefinitionError, ExpectedRows, Model};
pub use extract::{Context, Extraction, Extractor, Refusal, extract, sniff};
pub use follow::{Follow, FollowError, Part};
pub use history::{History, Reach};
pub use propose::{Proposal, ProposeError, TO_FILL_IN, Wishes, lines_to_fill_in, propose};
pub use request::{Request, RequestError, Workspace, build_history_request, build_request, rebase};
pub use vigie_core::domain::Domain;
