//! The contract of the document stores, run for each of them, and what is particular to one.

#![expect(clippy::print_stderr, reason = "what a run skips is said aloud")]

mod build;
mod contract;
mod faults;
mod ledger;
mod mongodb;
mod proxy;
mod server;
mod simulation;
mod sqlite;
mod verification;
mod world;
