//! The program as its users run it.

#![allow(
    clippy::disallowed_methods,
    clippy::format_push_string,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "tests write small files plainly, cut known ASCII, and say loudly what they skip"
)]

mod alerts;
mod backfill;
mod backup;
mod cli;
mod clocks;
mod data;
mod disk;
mod doctor;
mod dossier;
mod editions;
mod faults;
mod gbfs;
mod kills;
mod map;
mod messages;
mod new_source;
mod operation;
mod oracle;
mod parts;
mod providers;
#[path = "../../../vigie-store/tests/it/proxy.rs"]
mod proxy;
mod record;
mod recordings;
mod reports;
mod retention;
#[path = "../../../vigie-store/tests/it/server.rs"]
mod server;
mod stores;
mod stream;
mod support;
mod traces;
