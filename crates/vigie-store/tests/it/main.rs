//! The contract of the document stores, run for each of them, and what is particular to one.

mod build;
mod contract;
mod mongodb;
mod server;
mod sqlite;
mod verification;
mod world;
