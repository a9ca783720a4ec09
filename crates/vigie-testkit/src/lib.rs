//! A simulator of the data providers on loopback, for `vigie demo` and for tests.
//!
//! [`Simulator`] is an HTTP server that answers as public providers do: on their paths, in
//! their formats, with their habits (late figures, revisions, dead stations, renumbered entities).
//! What it says is a pure function of a seed and of the virtual time, so that a run can be played
//! again byte for byte. [`fault::FaultPlan`] makes it misbehave as providers really do.
//!
//! Every number it serves is invented. The names of towns, airports, currencies and subway stops
//! are real; nothing else is.

pub mod clock;
mod distort;
pub mod fault;
mod provider;
mod random;
mod respond;
pub mod simulator;
mod tls;

pub use clock::VirtualClock;
pub use fault::{Fault, FaultKind, FaultPlan, RetryAfter, When};
pub use provider::SOURCES;
pub use simulator::{SeenRequest, Simulator, SimulatorOptions};
