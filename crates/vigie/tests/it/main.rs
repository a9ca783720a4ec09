//! The program as its users run it.

mod oracle;
mod recordings;
mod support;
