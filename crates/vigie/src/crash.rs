//! Named points at which tests kill the program.
//!
//! `VIGIE_CRASH_AT=<name>` makes a debug build abort at that point, without unwinding and without closing
//! anything, as a power cut would. `<name>#3` is the third time it is reached. A release build has no such points.

/// The points, in the order in which a download passes them. Tests go through all of them.
#[cfg(debug_assertions)]
pub(crate) const POINTS: [&str; 12] = [
    "collect.reserved",
    "collect.answered",
    "collect.landed",
    "collect.recorded",
    "summarize.read",
    "summarize.merged",
    "summarize.archived",
    "summarize.buried",
    "summarize.removed",
    "summarize.condemned",
    "summarize.quarantined",
    "summarize.sealed",
];

/// Those of `backup` and `restore`, which no download passes.
#[cfg(debug_assertions)]
pub(crate) const BACKUP_POINTS: [&str; 3] =
    ["backup.copied", "backup.written", "restore.extracted"];

/// Aborts the program if a test asked for it.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &'static str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REACHED: AtomicU32 = AtomicU32::new(0);
    debug_assert!(
        POINTS.contains(&name) || BACKUP_POINTS.contains(&name),
        "`{name}` is not in the list of crash points"
    );
    let Ok(wanted) = std::env::var("VIGIE_CRASH_AT") else {
        return;
    };
    let (wanted, count) = wanted.split_once('#').unwrap_or((&wanted, "1"));
    if wanted == name && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == count.parse().unwrap_or(1) {
        std::process::abort();
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_: &'static str) {}
