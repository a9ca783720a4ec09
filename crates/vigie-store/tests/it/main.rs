//! The contract of the document stores, run for each of them, and what is particular to one.

#![expect(clippy::print_stderr, reason = "what a run skips is said aloud")]

mod build;
mod contract;
mod mongodb;
mod server;
mod sqlite;
mod verification;
mod world;
