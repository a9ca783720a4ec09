//! The named points at which tests kill the program are one list for all crates: see [`vigie_store::fault`].

pub(crate) use vigie_store::fault::point;
