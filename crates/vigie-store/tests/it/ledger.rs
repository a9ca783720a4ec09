//! A ledger that another program holds, or that is damaged.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use vigie_store::ledger::{Ledger, LedgerError};

use crate::build::source;

/// A moment that a busy machine does not notice.
const MOMENT: Duration = Duration::from_millis(300);
const SETTINGS: usize = 300;

/// A ledger of some hundred pages.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("ledger.db");
    let mut ledger = Ledger::open(&path, false).unwrap();
    for number in 0..SETTINGS {
        let text = "é".repeat(1_500);
        ledger.set_setting(&format!("{number:03}"), &text).unwrap();
    }
    path
}

#[test]
fn a_ledger_that_another_program_holds_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let mut ledger = Ledger::open_within(&path, false, MOMENT).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let error = ledger.set_setting("a", "b").unwrap_err();
    assert!(begun.elapsed() >= MOMENT, "it was not waited for");
    assert!(matches!(error, LedgerError::Busy { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("another process holds the ledger"), "{said}");
    assert!(said.contains("try again when it has ended"), "{said}");
    // Who asks does not wait.
    assert_eq!(ledger.last_attempt(&source("s")).unwrap(), None);
    other.execute_batch("COMMIT").unwrap();
    ledger.set_setting("a", "b").unwrap();
}

#[test]
fn a_damaged_ledger_is_named_with_the_remedy_and_never_taken_for_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let bytes = fs::metadata(&path).unwrap().len();
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    let middle = bytes / 2 / 4096 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(bytes - middle).unwrap()])
        .unwrap();
    drop(file);
    let ledger = Ledger::open(&path, false).unwrap();
    let mut damaged = 0;
    for number in 0..SETTINGS {
        match ledger.setting(&format!("{number:03}")) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("what is damaged was taken for absent"),
            Err(error) => {
                assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
                let said = error.to_string();
                assert!(said.contains("restore it from a backup"), "{said}");
                assert!(
                    said.contains("taken up again from their manifests"),
                    "{said}"
                );
                damaged += 1;
            }
        }
    }
    assert!(damaged > 50, "{damaged}");
}
