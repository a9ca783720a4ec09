//! Faults that tests ask for: a program killed at a named point, a disk that refuses.
//!
//! Only debug builds have them: in a release build every function here is empty. A test of the real program asks for
//! them by environment variables, which hold for the whole process:
//!
//! - `VIGIE_CRASH_AT=<point>[#<n>]`: abort when a point of [`POINTS`] is reached for the n-th time, without unwinding and without
//!   closing anything, as a power cut would.
//! - `VIGIE_DISK_FAULT=<error>@<operations>[#<n>[+]]`: the n-th of these operations fails, with `+` all later ones too. The errors
//!   are `full`, `half` (full, after half of the bytes were written), `readonly` and `broken` (an I/O error). The operations
//!   are the [`Step`]s by name, or `grow` (those that need room), or `change` (those that a read-only disk refuses).
//! - `VIGIE_LEDGER_PAGES=<n>` and `VIGIE_STORE_PAGES=<n>`: the SQLite file may grow by that many pages.
//!
//! A simulation within one process arms them with `arm` instead, for one folder; a kill is then a panic with the payload
//! `Killed`, which the simulation catches.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::durable::Step;

/// The points, in the order in which a body passes them. Tests go through all of them.
#[cfg(debug_assertions)]
pub const POINTS: [&str; 34] = [
    "collect.reserved",
    "collect.answered",
    "durable.staged",
    "durable.renamed",
    "landing.manifest",
    "landing.renamed",
    "landing.flushed",
    "collect.landed",
    "ledger.written",
    "ledger.committed",
    "collect.recorded",
    "summarize.read",
    "summarize.condemned",
    "quarantine.manifest",
    "quarantine.body",
    "quarantine.flushed",
    "quarantine.left",
    "summarize.quarantined",
    "merge.loaded",
    "merge.saved",
    "merge.verified",
    "summarize.merged",
    "archive.appended",
    "archive.flushed",
    "archive.verified",
    "summarize.archived",
    "summarize.buried",
    "removal.body",
    "removal.manifest",
    "summarize.removed",
    "seal.loaded",
    "seal.saved",
    "summarize.sealed",
    "summarize.forgotten",
];

/// Those of `backup` and `restore`, which no body passes.
#[cfg(debug_assertions)]
pub const BACKUP_POINTS: [&str; 3] = ["backup.copied", "backup.written", "restore.extracted"];

/// Kills the program here if a test asked for it.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    armed::point(name);
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub fn point(_: &'static str) {}

/// Fails if a test asked for an operation of this kind to fail.
#[cfg(debug_assertions)]
pub(crate) fn disk(step: Step, path: &Path) -> io::Result<()> {
    match armed::refusal(step, path) {
        Some((error, _half)) => Err(error),
        None => Ok(()),
    }
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn disk(_: Step, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether what is being written must be left behind, as by a program that is killed and cleans nothing up.
#[cfg(debug_assertions)]
pub(crate) fn leaves_all() -> bool {
    armed::kills_here()
}

/// Never, in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn leaves_all() -> bool {
    false
}

/// Lets a SQLite file grow by as many pages as the environment variable says, if it is there.
#[cfg(debug_assertions)]
pub(crate) fn limit_pages(
    connection: &rusqlite::Connection,
    variable: &str,
) -> rusqlite::Result<()> {
    let more = std::env::var(variable).ok();
    let Some(more) = more.and_then(|more| more.parse::<i64>().ok()) else {
        return Ok(());
    };
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    connection.pragma_update_and_check(None, "max_page_count", pages + more, |_| Ok(()))
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) fn limit_pages(_: &rusqlite::Connection, _: &str) -> rusqlite::Result<()> {
    Ok(())
}

/// Writes to a file whose writes may be made to fail.
pub(crate) struct Disk<'a, W> {
    to: W,
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "release builds inject nothing")
    )]
    path: &'a Path,
}

impl<'a, W: Write> Disk<'a, W> {
    pub(crate) fn new(to: W, path: &'a Path) -> Self {
        Self { to, path }
    }
}

impl<W: Write> Write for Disk<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(debug_assertions)]
        if let Some((error, half)) = armed::refusal(Step::Write, self.path) {
            if half {
                self.to.write_all(bytes.split_at(bytes.len() / 2).0)?;
            }
            return Err(error);
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(debug_assertions)]
pub use armed::{Armed, Fault, Killed, Operations, Refusal, arm};

#[cfg(debug_assertions)]
mod armed {
    use std::{
        io,
        path::{Path, PathBuf},
        sync::{
            Arc, Mutex, OnceLock, PoisonError,
            atomic::{AtomicU32, AtomicUsize, Ordering},
        },
        thread::{self, ThreadId},
    };

    use super::{BACKUP_POINTS, POINTS};
    use crate::durable::{Step, TEMPORARY_PREFIX};

    /// How the disk refuses.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Refusal {
        /// No space is left.
        Full,
        /// No space is left once half of the bytes are written.
        Half,
        /// The file system is mounted read-only.
        ReadOnly,
        /// The device fails.
        Broken,
    }

    impl Refusal {
        /// As the operating system would say it.
        fn error(self) -> io::Error {
            let code = match self {
                Refusal::Full | Refusal::Half => 28,
                Refusal::ReadOnly => 30,
                Refusal::Broken => 5,
            };
            io::Error::from_raw_os_error(code)
        }
    }

    /// Which operations are refused.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Operations {
        /// Those of one kind.
        Only(Step),
        /// Those that need room on the disk.
        Grow,
        /// Those that a read-only disk refuses.
        Change,
    }

    impl Operations {
        fn hold(self, step: Step) -> bool {
            let grows = matches!(step, Step::CreateFolder | Step::Create | Step::Write);
            match self {
                Operations::Only(only) => only == step,
                Operations::Grow => grows,
                Operations::Change => {
                    grows || matches!(step, Step::Rename | Step::Delete | Step::Truncate)
                }
            }
        }
    }

    /// What a test asks for. `nth` counts from 1.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Fault {
        /// To be killed at a point.
        Kill {
            /// One of [`POINTS`].
            point: String,
            /// When it is reached for the n-th time.
            nth: u32,
        },
        /// That the disk refuses.
        Disk {
            /// In which way.
            refusal: Refusal,
            /// What.
            operations: Operations,
            /// The n-th of these.
            nth: u32,
            /// And all later ones.
            lasting: bool,
        },
    }

    impl Fault {
        fn parse_kill(text: &str) -> Self {
            let (point, nth) = text.split_once('#').unwrap_or((text, "1"));
            assert!(
                POINTS.contains(&point) || BACKUP_POINTS.contains(&point),
                "VIGIE_CRASH_AT: `{point}` is no point"
            );
            Fault::Kill {
                point: point.to_owned(),
                nth: nth
                    .parse()
                    .expect("VIGIE_CRASH_AT: `#` is followed by a number"),
            }
        }

        fn parse_disk(text: &str) -> Self {
            let (refusal, rest) = text
                .split_once('@')
                .expect("VIGIE_DISK_FAULT is <error>@<operations>");
            let (operations, nth) = rest.split_once('#').unwrap_or((rest, "1"));
            let (nth, lasting) = match nth.strip_suffix('+') {
                Some(nth) => (nth, true),
                None => (nth, false),
            };
            Fault::Disk {
                refusal: match refusal {
                    "full" => Refusal::Full,
                    "half" => Refusal::Half,
                    "readonly" => Refusal::ReadOnly,
                    "broken" => Refusal::Broken,
                    other => panic!("VIGIE_DISK_FAULT: `{other}` is no error"),
                },
                operations: match operations {
                    "grow" => Operations::Grow,
                    "change" => Operations::Change,
                    name => Operations::Only(
                        Step::ALL
                            .into_iter()
                            .find(|step| format!("{step:?}").eq_ignore_ascii_case(name))
                            .unwrap_or_else(|| {
                                panic!("VIGIE_DISK_FAULT: `{name}` is no operation")
                            }),
                    ),
                },
                nth: nth
                    .parse()
                    .expect("VIGIE_DISK_FAULT: `#` is followed by a number"),
                lasting,
            }
        }
    }

    /// The payload of the panic that kills an armed thread.
    #[derive(Debug, Clone, Copy)]
    pub struct Killed;

    /// A fault that lies in wait until this is dropped.
    #[derive(Debug)]
    #[must_use]
    pub struct Armed(Arc<Waiting>);

    #[derive(Debug)]
    struct Waiting {
        fault: Fault,
        /// The folder within which the disk refuses; the whole disk for an environment variable.
        folder: PathBuf,
        /// The thread that is killed; any for an environment variable.
        thread: Option<ThreadId>,
        seen: AtomicU32,
        fired: AtomicU32,
    }

    static WAITING: Mutex<Vec<Arc<Waiting>>> = Mutex::new(Vec::new());
    /// How many are armed, so that a program in which none is pays nothing.
    static COUNT: AtomicUsize = AtomicUsize::new(0);

    /// Arms a fault: the disk refuses within `folder`, on any thread; a kill hits the calling thread.
    pub fn arm(folder: &Path, fault: Fault) -> Armed {
        let waiting = Arc::new(Waiting {
            fault,
            folder: folder.to_path_buf(),
            thread: Some(thread::current().id()),
            seen: AtomicU32::new(0),
            fired: AtomicU32::new(0),
        });
        lock().push(waiting.clone());
        COUNT.fetch_add(1, Ordering::SeqCst);
        Armed(waiting)
    }

    impl Armed {
        /// How often it has struck.
        pub fn fired(&self) -> u32 {
            self.0.fired.load(Ordering::SeqCst)
        }
    }

    impl Drop for Armed {
        fn drop(&mut self) {
            lock().retain(|waiting| !Arc::ptr_eq(waiting, &self.0));
            COUNT.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn lock() -> std::sync::MutexGuard<'static, Vec<Arc<Waiting>>> {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the environment variables ask for.
    fn of_process() -> &'static [Waiting] {
        static ASKED: OnceLock<Vec<Waiting>> = OnceLock::new();
        ASKED.get_or_init(|| {
            let kill = std::env::var("VIGIE_CRASH_AT");
            let disk = std::env::var("VIGIE_DISK_FAULT");
            let kill = kill.iter().map(|text| Fault::parse_kill(text));
            let disk = disk.iter().map(|text| Fault::parse_disk(text));
            kill.chain(disk)
                .map(|fault| Waiting {
                    fault,
                    folder: PathBuf::new(),
                    thread: None,
                    seen: AtomicU32::new(0),
                    fired: AtomicU32::new(0),
                })
                .collect()
        })
    }

    impl Waiting {
        /// Counts an operation; whether the fault strikes now.
        fn strikes(&self, nth: u32, lasting: bool) -> bool {
            let seen = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
            let strikes = seen == nth || (lasting && seen > nth);
            if strikes {
                self.fired.fetch_add(1, Ordering::SeqCst);
            }
            strikes
        }

        fn kills(&self, name: &str) -> bool {
            matches!(&self.fault, Fault::Kill { point, nth } if point == name && self.strikes(*nth, false))
        }

        fn refuses(&self, step: Step, path: &Path) -> Option<Refusal> {
            match self.fault {
                Fault::Disk {
                    refusal,
                    operations,
                    nth,
                    lasting,
                } if operations.hold(step)
                    && path.starts_with(&self.folder)
                    && self.strikes(nth, lasting) =>
                {
                    Some(refusal)
                }
                _ => None,
            }
        }
    }

    pub(super) fn point(name: &'static str) {
        assert!(
            POINTS.contains(&name) || BACKUP_POINTS.contains(&name),
            "`{name}` is not in the list of points"
        );
        if of_process().iter().any(|waiting| waiting.kills(name)) {
            std::process::abort();
        }
        if COUNT.load(Ordering::SeqCst) == 0 {
            return;
        }
        let here = Some(thread::current().id());
        let killed = lock()
            .iter()
            .any(|waiting| waiting.thread == here && waiting.kills(name));
        if killed {
            std::panic::panic_any(Killed);
        }
    }

    pub(super) fn kills_here() -> bool {
        if COUNT.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let here = Some(thread::current().id());
        lock()
            .iter()
            .any(|waiting| waiting.thread == here && matches!(waiting.fault, Fault::Kill { .. }))
    }

    /// The error of this operation and whether half of its bytes are written, if it is to fail.
    pub(super) fn refusal(step: Step, path: &Path) -> Option<(io::Error, bool)> {
        let is_temporary = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(TEMPORARY_PREFIX))
        };
        assert!(
            step != Step::Read || !is_temporary(path),
            "a temporary file is read: {}",
            path.display()
        );
        let mut refused = of_process()
            .iter()
            .find_map(|waiting| waiting.refuses(step, path));
        if refused.is_none() && COUNT.load(Ordering::SeqCst) > 0 {
            refused = lock()
                .iter()
                .find_map(|waiting| waiting.refuses(step, path));
        }
        refused.map(|refusal| (refusal.error(), refusal == Refusal::Half))
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::durable;

    fn full(nth: u32, lasting: bool) -> Fault {
        Fault::Disk {
            refusal: Refusal::Half,
            operations: Operations::Only(Step::Write),
            nth,
            lasting,
        }
    }

    #[test]
    fn a_disk_refuses_the_operations_asked_for_in_its_folder_only() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let armed = arm(here.path(), full(2, false));
        let path = here.path().join("x");
        durable::write(&path, b"one").unwrap();
        durable::write(&there.path().join("x"), b"one").unwrap();
        let error = durable::write(&path, b"two").unwrap_err();
        assert!(error.is_full() && error.step == Step::Write, "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        durable::write(&path, b"three").unwrap();
        assert_eq!(armed.fired(), 1);
        drop(armed);

        let lasting = arm(here.path(), full(1, true));
        durable::write(&path, b"x").unwrap_err();
        durable::write(&path, b"x").unwrap_err();
        assert_eq!(lasting.fired(), 2);
    }

    #[test]
    fn a_full_disk_may_take_half_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let _armed = arm(folder.path(), full(1, false));
        let mut taken = Vec::new();
        let path = folder.path().join("x");
        Disk::new(&mut taken, &path)
            .write_all(b"abcdef")
            .unwrap_err();
        assert_eq!(taken, b"abc");
    }

    #[test]
    fn a_kill_hits_its_thread_at_its_point_and_leaves_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let kill = Fault::Kill {
            point: "durable.staged".to_owned(),
            nth: 2,
        };
        let _armed = arm(folder.path(), kill);
        durable::write(&folder.path().join("x"), b"one").unwrap();
        let killed = catch_unwind(|| durable::write(&folder.path().join("y"), b"two"));
        assert!(killed.unwrap_err().is::<Killed>());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "x and what should have become y");
    }
}
