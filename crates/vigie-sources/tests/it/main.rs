//! Tests of definitions, requests and extraction.

mod cases;
mod definitions;
mod differential;
mod followed;
mod general;
mod propose;
mod recordings;
mod requests;
mod robustness;
mod snapshot;
