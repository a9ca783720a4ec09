use std::{ops::ControlFlow, thread};

use jiff::SignedDuration;
use tempfile::TempDir;
use vigie_core::{history::Stretch, profile::Profiler};

use super::*;
use crate::landing::quarantine_file;

struct Fixture {
    folder: TempDir,
    ledger: Ledger,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("data/ledger.db"), false).unwrap();
        Self { folder, ledger }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/ledger.db")
    }

    /// Records an attempt at minute `minute` and gives its entry.
    fn record(&mut self, minute: i64, outcome: Outcome) -> CaptureId {
        self.ledger
            .record(&attempt("velib", minute, outcome))
            .unwrap()
    }

    fn captures(&self, query: &CaptureQuery) -> Vec<Capture> {
        let mut captures = Vec::new();
        self.ledger
            .captures(query, |entry| {
                captures.push(entry.capture);
                ControlFlow::Continue(())
            })
            .unwrap();
        captures
    }
}

fn velib() -> SourceId {
    SourceId::new("velib").unwrap()
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_428_000 + 60 * minute).unwrap()
}

/// An attempt that has a body unless it failed or nothing changed.
fn attempt(source: &str, at: i64, outcome: Outcome) -> Capture {
    let has_body = !matches!(outcome, Outcome::Failed | Outcome::Unchanged);
    let file = format!("raw/{source}/2026/11/23/{source}_{at}Z.json");
    Capture {
        started_at: minute(at),
        finished_at: minute(at),
        url: "https://example.org/é?key=***".to_owned(),
        http_status: has_body.then_some(200),
        bytes: 9,
        sha256: has_body.then(|| format!("{at:064x}")),
        file: has_body.then_some(file),
        cause: (outcome == Outcome::Failed).then_some(Cause::Connection),
        reason: (outcome == Outcome::Failed).then(|| "no answer".to_owned()),
        etag: has_body.then(|| format!("\"{at}\"")),
        ..Capture::new(
            SourceId::new(source).unwrap(),
            minute(at - at.rem_euclid(5)),
            outcome,
        )
    }
}

fn tombstone(rows: u64) -> Tombstone {
    Tombstone {
        rows,
        refused_rows: 1,
        observed: Some((minute(-9), minute(-1))),
        published_at: Some(minute(0)),
        cause: Some(Cause::RowsRefused),
        reason: Some("1 row refused".to_owned()),
        profile: None,
    }
}

#[test]
fn every_field_comes_back_after_reopening() {
    let mut fixture = Fixture::new();
    let mut full = attempt("velib", 1, Outcome::Summarized);
    full.rows = 7;
    full.refused_rows = 2;
    full.observed = Some((minute(-5), minute(0)));
    full.published_at = Some(minute(0));
    full.reason = Some("« données » — 自転車".to_owned());
    full.last_modified = Some("Mon, 23 Nov 2026 10:00:00 GMT".to_owned());
    full.not_before = Some(minute(3));
    full.backoff_until = Some(minute(4));
    let empty = attempt("velib", 2, Outcome::Failed);
    fixture
        .ledger
        .record_many(&[full.clone(), empty.clone()])
        .unwrap();
    let path = fixture.path();
    fixture.ledger = Ledger::open(&path, false).unwrap();
    assert_eq!(
        fixture.captures(&CaptureQuery::default()),
        [full.clone(), empty.clone()]
    );
    let read_only = Ledger::open(&path, true).unwrap();
    assert_eq!(
        read_only.last_attempt(&velib()).unwrap().unwrap().capture,
        empty
    );
}

#[test]
fn the_same_attempt_again_is_one_row() {
    let mut fixture = Fixture::new();
    let first = fixture.record(1, Outcome::Landed);
    assert_eq!(fixture.record(1, Outcome::Landed), first);
    let failed = fixture.record(2, Outcome::Failed);
    assert_eq!(fixture.record(2, Outcome::Failed), failed);
    // Another body of the same moment is another attempt.
    let mut other = attempt("velib", 1, Outcome::Landed);
    other.sha256 = Some("f".repeat(64));
    fixture.ledger.record(&other).unwrap();
    assert_eq!(fixture.captures(&CaptureQuery::default()).len(), 3);
}

#[test]
fn a_body_goes_through_its_life() {
    let mut fixture = Fixture::new();
    let landed = attempt("velib", 1, Outcome::Landed);
    let file = landed.file.clone().unwrap();
    let sha256 = landed.sha256.clone().unwrap();

    // Killed between landing and ledger: the manifest brings it in, once.
    let entry = fixture.ledger.reconcile(&landed).unwrap();
    assert_eq!(fixture.ledger.reconcile(&landed).unwrap(), entry);
    assert_eq!(
        fixture.ledger.waiting(&velib()).unwrap(),
        std::slice::from_ref(&entry)
    );

    fixture.ledger.tombstone(entry.id, tombstone(41)).unwrap();
    let found = fixture
        .ledger
        .find_by_file(&velib(), &file, &sha256)
        .unwrap()
        .unwrap();
    assert_eq!(found.capture.outcome, Outcome::Summarized);
    assert_eq!((found.capture.rows, found.capture.refused_rows), (41, 1));
    assert_eq!(found.capture.etag, landed.etag);
    assert!(found.sequence > entry.sequence);
    assert_eq!(fixture.ledger.waiting(&velib()).unwrap(), []);
    assert_eq!(
        fixture.ledger.newest_observed(&velib()).unwrap(),
        Some(minute(-1))
    );

    // Killed between tombstone and deletion: the ledger says that only this is left to do.
    let again = fixture.ledger.reconcile(&landed).unwrap();
    assert_eq!(again.capture.outcome, Outcome::Summarized);
    let other = "0".repeat(64);
    assert_eq!(
        fixture
            .ledger
            .find_by_file(&velib(), &file, &other)
            .unwrap(),
        None
    );
}

#[test]
fn a_quarantined_body_is_known_under_both_names_and_never_counts_as_good() {
    let mut fixture = Fixture::new();
    fixture.record(1, Outcome::Landed);
    let mut bad = attempt("velib", 6, Outcome::Landed);
    let id = fixture.ledger.record(&bad).unwrap();
    let raw = bad.file.clone().unwrap();
    bad.file = Some(quarantine_file(&raw));
    bad.reason = Some("suddenly shrunken".to_owned());
    assert_eq!(
        fixture.ledger.record_quarantined(&bad, true, None).unwrap(),
        id
    );
    let sha256 = bad.sha256.clone().unwrap();
    for file in [raw, quarantine_file("raw/velib/2026/11/23/velib_6Z.json")] {
        let found = fixture
            .ledger
            .find_by_file(&velib(), &file, &sha256)
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.id, found.capture.outcome),
            (id, Outcome::Quarantined)
        );
    }
    let good = fixture.ledger.last_good(&velib()).unwrap().unwrap();
    assert_eq!(good.capture.started_at, minute(1));
    assert!(!fixture.ledger.has_good(&velib(), minute(5)).unwrap());
    assert!(fixture.ledger.has_good(&velib(), minute(0)).unwrap());
    assert_eq!(fixture.ledger.consecutive_failures(&velib()).unwrap(), 1);
}

#[test]
fn validators_come_from_the_last_body_that_counts_or_its_equals() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.ledger.validators(&velib()).unwrap(), None);
    let good = attempt("velib", 1, Outcome::Landed);
    fixture.ledger.record(&good).unwrap();
    let etag = |fixture: &Fixture| fixture.ledger.validators(&velib()).unwrap().unwrap().etag;
    assert_eq!(etag(&fixture).as_deref(), Some("\"1\""));

    let mut same = attempt("velib", 2, Outcome::Unchanged);
    same.sha256.clone_from(&good.sha256);
    same.etag = Some("\"same body\"".to_owned());
    fixture.ledger.record(&same).unwrap();
    assert_eq!(etag(&fixture).as_deref(), Some("\"same body\""));

    // A body in quarantine, and an answer that it has not changed, say nothing about the good one.
    let bad = attempt("velib", 3, Outcome::Quarantined);
    fixture
        .ledger
        .record_quarantined(&bad, false, None)
        .unwrap();
    let mut unchanged_bad = attempt("velib", 4, Outcome::Unchanged);
    unchanged_bad.sha256.clone_from(&bad.sha256);
    unchanged_bad.etag = Some("\"bad\"".to_owned());
    fixture.ledger.record(&unchanged_bad).unwrap();
    assert_eq!(etag(&fixture).as_deref(), Some("\"same body\""));
}

#[test]
fn failures_and_waits_are_those_since_the_last_answer() {
    let mut fixture = Fixture::new();
    let mut asked_to_wait = attempt("velib", 1, Outcome::Failed);
    asked_to_wait.not_before = Some(minute(90));
    fixture.ledger.record(&asked_to_wait).unwrap();
    fixture.record(2, Outcome::Failed);
    assert_eq!(
        fixture.ledger.not_before(&velib()).unwrap(),
        Some(minute(90))
    );
    assert_eq!(fixture.ledger.consecutive_failures(&velib()).unwrap(), 2);
    assert_eq!(
        fixture
            .ledger
            .attempts_in_slot(&velib(), minute(0))
            .unwrap(),
        2
    );
    fixture.record(3, Outcome::Unchanged);
    assert_eq!(fixture.ledger.not_before(&velib()).unwrap(), None);
    assert_eq!(fixture.ledger.consecutive_failures(&velib()).unwrap(), 0);
    let answered = fixture.ledger.last_answered(&velib()).unwrap().unwrap();
    assert_eq!(answered.capture.started_at, minute(3));
    let other = SourceId::new("metro").unwrap();
    assert_eq!(fixture.ledger.consecutive_failures(&other).unwrap(), 0);
    assert_eq!(fixture.ledger.last_attempt(&other).unwrap(), None);
}

#[test]
fn row_history_has_readable_bodies_newest_first_even_empty_ones() {
    let mut fixture = Fixture::new();
    for (at, rows) in [(1, 36), (2, 40)] {
        let id = fixture.record(at, Outcome::Landed);
        fixture.ledger.tombstone(id, tombstone(rows)).unwrap();
    }
    fixture.record(3, Outcome::Unchanged);
    let empty = attempt("velib", 4, Outcome::Quarantined);
    fixture
        .ledger
        .record_quarantined(&empty, true, None)
        .unwrap();
    let html = attempt("velib", 5, Outcome::Quarantined);
    fixture
        .ledger
        .record_quarantined(&html, false, None)
        .unwrap();
    fixture.record(6, Outcome::Landed);
    let history = |before, most| -> Vec<_> {
        let history = fixture.ledger.history(&velib(), minute(before), most);
        let history = history.unwrap().into_iter();
        history
            .map(|past| (past.at, past.rows, past.believed))
            .collect()
    };
    let (first, second) = ((minute(1), 37, true), (minute(2), 41, true));
    let doubted = (minute(4), 0, false);
    assert_eq!(history(9, 15), [doubted, second, first]);
    assert_eq!(history(4, 15), [second, first]);
    assert_eq!(history(9, 1), [doubted]);
}

#[test]
fn profiles_of_the_last_bodies_are_kept_and_no_others() {
    let mut fixture = Fixture::new();
    let profile = |id: i64| {
        let mut profiler = Profiler::new(&[]);
        profiler.add(&id.to_string(), &[]);
        profiler.finish()
    };
    for at in 0..60 {
        if at % 7 == 3 {
            let doubted = attempt("velib", at, Outcome::Quarantined);
            let profile = profile(at);
            fixture
                .ledger
                .record_quarantined(&doubted, true, Some(&profile))
                .unwrap();
            continue;
        }
        let id = fixture.record(at, Outcome::Landed);
        let tombstone = Tombstone {
            profile: Some(profile(at)),
            ..tombstone(1)
        };
        fixture.ledger.tombstone(id, tombstone).unwrap();
    }
    let history = fixture.ledger.history(&velib(), minute(60), 60).unwrap();
    let kept: Vec<bool> = history.iter().map(|past| past.profile.is_some()).collect();
    assert!(kept[..30].iter().all(|kept| *kept), "{kept:?}");
    assert!(kept[30..].iter().all(|kept| !kept), "{kept:?}");
    assert_eq!(history[3].profile, Some(profile(56)));
}

#[test]
fn content_and_bodies_are_known_again_within_a_period() {
    let mut fixture = Fixture::new();
    for at in [1, 2] {
        let id = fixture.record(at, Outcome::Landed);
        let tombstone = Tombstone {
            observed: Some((minute(0), minute(10 * at))),
            ..tombstone(1)
        };
        fixture.ledger.tombstone(id, tombstone).unwrap();
    }
    fixture.record(3, Outcome::Landed);
    let ledger = &fixture.ledger;
    let newest = |before, since| {
        let newest = ledger.newest_content(&velib(), minute(before), minute(since));
        newest.unwrap().0
    };
    assert_eq!(newest(9, 0), Some(minute(20)));
    assert_eq!(newest(2, 0), Some(minute(10)));
    assert_eq!(newest(9, 3), None);
    let same = |body: i64, before, since| {
        let sha256 = format!("{body:064x}");
        let same = ledger.same_body(&velib(), &sha256, minute(before), minute(since));
        same.unwrap()
    };
    assert_eq!(same(1, 9, 0), Some(minute(1)));
    assert_eq!(same(1, 9, 2), None);
    assert_eq!(same(1, 1, 0), None);
    // What has not been summarised yet is not known.
    assert_eq!(same(3, 9, 0), None);
}

#[test]
fn captures_are_read_in_order_and_by_every_condition() {
    let mut fixture = Fixture::new();
    for (source, at, outcome) in [
        ("velib", 7, Outcome::Failed),
        ("metro", 7, Outcome::Landed),
        ("velib", 1, Outcome::Unchanged),
        ("velib", 2, Outcome::Landed),
        ("velib", 12, Outcome::Landed),
    ] {
        fixture
            .ledger
            .record(&attempt(source, at, outcome))
            .unwrap();
    }
    let found = |query: &CaptureQuery| -> Vec<String> {
        fixture
            .captures(query)
            .iter()
            .map(|capture| {
                let after = capture.started_at.duration_since(minute(0)).as_secs() / 60;
                format!("{} {after}", capture.source)
            })
            .collect()
    };
    let all = CaptureQuery::default();
    assert_eq!(
        found(&all),
        ["velib 1", "velib 2", "metro 7", "velib 7", "velib 12"]
    );
    let query = CaptureQuery {
        source: Some(velib()),
        from: Some(minute(2)),
        to: Some(minute(12)),
        outcomes: vec![Outcome::Landed, Outcome::Failed],
    };
    assert_eq!(found(&query), ["velib 2", "velib 7"]);
    let mut seen = 0;
    let stop = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    fixture.ledger.captures(&all, stop).unwrap();
    assert_eq!(seen, 1);

    let counts = fixture
        .ledger
        .counts(&velib(), minute(0), minute(10))
        .unwrap();
    let expected = Counts {
        landed: 1,
        unchanged: 1,
        failed: 1,
        good_slots: 1,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    let problems = fixture
        .ledger
        .problems(None, minute(0), minute(99), 9)
        .unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].capture.reason.as_deref(), Some("no answer"));
    let metro = SourceId::new("metro").unwrap();
    assert_eq!(
        fixture
            .ledger
            .problems(Some(&metro), minute(0), minute(99), 9)
            .unwrap(),
        []
    );
}

#[test]
fn changes_are_told_once_to_each_who_asks() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.ledger.changes_since(0).unwrap(), Changes::default());
    let id = fixture.record(1, Outcome::Landed);
    fixture
        .ledger
        .record(&attempt("metro", 1, Outcome::Landed))
        .unwrap();
    let first = fixture.ledger.changes_since(0).unwrap();
    assert_eq!(first.sources, [SourceId::new("metro").unwrap(), velib()]);
    let none = fixture.ledger.changes_since(first.sequence).unwrap();
    assert_eq!((none.sequence, none.sources), (first.sequence, vec![]));
    fixture.ledger.tombstone(id, tombstone(1)).unwrap();
    let second = fixture.ledger.changes_since(first.sequence).unwrap();
    assert_eq!(second.sources, [velib()]);
    assert!(second.sequence > first.sequence);
}

#[test]
fn tombstones_are_written_all_or_none() {
    let mut fixture = Fixture::new();
    let id = fixture.record(1, Outcome::Landed);
    let archive = crate::archive::Appended {
        file: "archive/velib/x.tar.zst".to_owned(),
        bytes: 99,
    };
    let archives = [archive];
    let unknown = CaptureId(id.0 + 1);
    let batch = [(id, tombstone(1)), (unknown, tombstone(1))];
    fixture.ledger.tombstones(&batch, &archives).unwrap_err();
    assert_eq!(fixture.ledger.waiting(&velib()).unwrap().len(), 1);
    assert_eq!(fixture.ledger.archive_bytes(&archives[0].file).unwrap(), 0);
    fixture.ledger.tombstones(&batch[..1], &archives).unwrap();
    assert_eq!(fixture.ledger.archive_bytes(&archives[0].file).unwrap(), 99);
}

#[test]
fn limits_hold_over_restarts_and_in_every_window() {
    let mut fixture = Fixture::new();
    let limits = [
        RequestLimit {
            requests: 2,
            per_seconds: 60,
        },
        RequestLimit {
            requests: 3,
            per_seconds: 3600,
        },
    ];
    let host = "api.example.org";
    let ask = |fixture: &mut Fixture, at| {
        let path = fixture.path();
        fixture.ledger = Ledger::open(&path, false).unwrap();
        fixture
            .ledger
            .reserve_request(host, minute(at), &limits)
            .unwrap()
    };
    assert_eq!(ask(&mut fixture, 0), Reservation::Granted);
    assert_eq!(ask(&mut fixture, 0), Reservation::Granted);
    assert_eq!(ask(&mut fixture, 0), Reservation::RetryAt(minute(1)));
    assert_eq!(ask(&mut fixture, 1), Reservation::Granted);
    assert_eq!(ask(&mut fixture, 5), Reservation::RetryAt(minute(60)));
    assert_eq!(ask(&mut fixture, 60), Reservation::Granted);
    let other = fixture
        .ledger
        .reserve_request("other", minute(5), &limits)
        .unwrap();
    assert_eq!(other, Reservation::Granted);
    let none = [RequestLimit {
        requests: 0,
        per_seconds: 1,
    }];
    let never = fixture
        .ledger
        .reserve_request(host, minute(0), &none)
        .unwrap();
    assert_eq!(never, Reservation::RetryAt(Timestamp::MAX));
    assert_eq!(
        fixture
            .ledger
            .reserve_request(host, minute(0), &[])
            .unwrap(),
        Reservation::Granted
    );
}

#[test]
fn a_clock_that_was_wrong_for_a_while_does_not_block_a_host_for_years() {
    let mut fixture = Fixture::new();
    let limits = [RequestLimit {
        requests: 1,
        per_seconds: 60,
    }];
    let year = 60 * 24 * 365;
    for at in [year, 0] {
        let granted = fixture
            .ledger
            .reserve_request("h", minute(at), &limits)
            .unwrap();
        assert_eq!(granted, Reservation::Granted);
    }
}

#[test]
fn processes_that_ask_at_once_share_a_limit() {
    let fixture = Fixture::new();
    let path = fixture.path();
    let limits = [RequestLimit {
        requests: 7,
        per_seconds: 60,
    }];
    let granted: usize = thread::scope(|scope| {
        let ask = || {
            let mut ledger = Ledger::open(&path, false).unwrap();
            (0..5)
                .filter(|_| {
                    let asked = ledger.reserve_request("h", minute(0), &limits).unwrap();
                    asked == Reservation::Granted
                })
                .count()
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 7);
}

#[test]
fn a_new_ledger_may_be_opened_by_several_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/ledger.db");
    thread::scope(|scope| {
        for at in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let mut ledger = Ledger::open(path, false).unwrap();
                ledger
                    .record(&attempt("velib", at, Outcome::Landed))
                    .unwrap();
            });
        }
    });
    let ledger = Ledger::open(&path, true).unwrap();
    assert_eq!(ledger.waiting(&velib()).unwrap().len(), 8);
    assert_eq!(ledger.changes_since(0).unwrap().sequence, 8);
}

#[test]
fn settings_are_kept() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.ledger.setting("zone").unwrap(), None);
    fixture.ledger.set_setting("zone", "Paris").unwrap();
    fixture.ledger.set_setting("zone", "Orléans").unwrap();
    assert_eq!(
        fixture.ledger.setting("zone").unwrap().as_deref(),
        Some("Orléans")
    );
}

#[test]
fn what_is_no_ledger_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let error = Ledger::open(&path, true).unwrap_err();
    assert!(matches!(error, LedgerError::Absent { .. }), "{error}");
    assert!(
        error.to_string().contains("run `vigie collect` first"),
        "{error}"
    );
    assert!(!path.exists());

    crate::durable::write(&path, &[b'x'; 5000]).unwrap();
    let error = Ledger::open(&path, false).unwrap_err();
    assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");

    let other = folder.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE t (x)").unwrap();
    let error = Ledger::open(&other, false).unwrap_err();
    assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");

    let newer = folder.path().join("newer.db");
    let ledger = Ledger::open(&newer, false).unwrap();
    ledger
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(ledger);
    let error = Ledger::open(&newer, false).unwrap_err();
    assert!(
        matches!(error, LedgerError::Newer { found: 99, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("update vigie"), "{error}");

    // A file of no bytes, left by a full disk, becomes a ledger.
    let empty = folder.path().join("empty.db");
    crate::durable::write(&empty, b"").unwrap();
    Ledger::open(&empty, false).unwrap();

    let blocked = folder.path().join("other.db/ledger.db");
    let error = Ledger::open(&blocked, false).unwrap_err();
    assert!(matches!(error, LedgerError::Disk(_)), "{error}");
}

#[test]
fn a_commit_is_on_the_disk_and_readers_do_not_wait() {
    let mut fixture = Fixture::new();
    let pragma = |name: &str| -> String {
        let value = fixture
            .ledger
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        format!("{:?}", value.unwrap())
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
    let path = fixture.path();
    fixture.record(1, Outcome::Landed);
    let transaction = fixture.ledger.transaction("test").unwrap();
    let reader = Ledger::open(&path, true).unwrap();
    assert_eq!(reader.waiting(&velib()).unwrap().len(), 1);
    drop(transaction);
}

#[test]
fn ten_thousand_attempts_are_written_at_once() {
    let mut fixture = Fixture::new();
    let attempts: Vec<Capture> = (0..10_000)
        .map(|at| {
            let outcome = Outcome::ALL[at as usize % Outcome::ALL.len()];
            attempt("velib", at, outcome)
        })
        .collect();
    let ids = fixture.ledger.record_many(&attempts).unwrap();
    assert_eq!(ids.len(), 10_000);
    assert_eq!(fixture.captures(&CaptureQuery::default()).len(), 10_000);
}

/// What a backfill asks for is of no slot: whatever is asked about the schedule, it is as if nobody had asked for the past.
#[test]
fn what_was_asked_of_the_past_answers_no_question_about_slots() {
    let body = |at: i64| Capture {
        rows: 9,
        refused_rows: 2,
        observed: Some((minute(at - 20), minute(at - 10))),
        published_at: Some(minute(at - 5)),
        ..attempt("velib", at, Outcome::Summarized)
    };
    let watched = [
        body(0),
        attempt("velib", 5, Outcome::Landed),
        attempt("velib", 11, Outcome::Failed),
    ];
    // For slots that others were for too, and for slots of its own; each is newer than all before.
    let past = [
        Outcome::Summarized,
        Outcome::Landed,
        Outcome::Failed,
        Outcome::Unchanged,
    ]
    .into_iter()
    .zip([(21, 0), (22, 10), (23, 15), (24, 20)])
    .map(|(outcome, (at, slot))| Capture {
        outcome,
        slot: minute(slot),
        sha256: Some(format!("{:064x}", 7)),
        history: Stretch::new(minute(slot - 600), minute(slot)),
        ..body(at)
    });
    let past: Vec<Capture> = past.collect();
    let answers = |captures: &[Capture]| {
        let mut fixture = Fixture::new();
        for capture in captures {
            fixture.ledger.record(capture).unwrap();
        }
        let (ledger, id) = (&fixture.ledger, &velib());
        let start = |entry: Option<Entry>| entry.map(|entry| entry.capture.started_at);
        let (from, to) = (minute(-60), minute(60));
        let slots = [0, 5, 10, 15, 20];
        let sha256 = format!("{:064x}", 7);
        [
            format!("{:?}", start(ledger.last_good(id).unwrap())),
            format!("{:?}", start(ledger.last_attempt(id).unwrap())),
            format!("{:?}", start(ledger.last_answered(id).unwrap())),
            format!("{:?}", ledger.validators(id).unwrap()),
            format!("{:?}", ledger.consecutive_failures(id).unwrap()),
            format!(
                "{:?}",
                slots.map(|slot| ledger.attempts_in_slot(id, minute(slot)).unwrap())
            ),
            format!(
                "{:?}",
                slots.map(|slot| ledger.has_good(id, minute(slot)).unwrap())
            ),
            format!("{:?}", ledger.history(id, to, 9).unwrap().len()),
            format!("{:?}", ledger.newest_content(id, to, from).unwrap()),
            format!("{:?}", ledger.same_body(id, &sha256, to, from).unwrap()),
            format!("{:?}", ledger.counts(id, from, to).unwrap()),
            format!("{:?}", ledger.days(id, &[from, minute(7), to]).unwrap()),
            format!("{:?}", ledger.newest(id, to).unwrap().fetched_at),
            format!("{:?}", ledger.first_slot(id).unwrap()),
            format!("{:?}", ledger.row_totals(id, from, to).unwrap()),
            format!("{:?}", ledger.good_slots(id, from, to).unwrap()),
        ]
    };
    let both = [&watched[..], &past].concat();
    assert_eq!(answers(&both), answers(&watched));
    // First, and alone: nothing is said of what was never watched.
    assert_eq!(answers(&[&past[..], &watched].concat()), answers(&watched));
    assert_eq!(answers(&past), answers(&[]));
}

#[test]
fn a_provider_is_heard_of_when_it_answers_and_of_what_its_next_body_reaches_back_to() {
    let mut fixture = Fixture::new();
    let mut body = |at: i64, reach: i64| {
        let mut capture = attempt("velib", at, Outcome::Summarized);
        capture.observed = Some((minute(reach), minute(at - 1)));
        fixture.ledger.record(&capture).unwrap();
    };
    body(0, -60);
    body(500, 400);
    fixture.record(10, Outcome::Unchanged);
    fixture.record(300, Outcome::Failed);
    let patience = SignedDuration::from_mins(20);
    // What a backfill brings at minute 200 tells of its own time only.
    let mut past = attempt("velib", 200, Outcome::Summarized);
    past.observed = Some((minute(-900), minute(-800)));
    past.history = Some(Stretch {
        from: minute(-900),
        to: minute(-800),
    });
    fixture.ledger.record(&past).unwrap();
    let heard_by = |known_at: i64, from: i64, to: i64| {
        let stretch = Stretch {
            from: minute(from),
            to: minute(to),
        };
        let (ledger, known_at) = (&fixture.ledger, minute(known_at));
        ledger
            .was_heard(&velib(), stretch, patience, known_at)
            .unwrap()
    };
    let heard = |from: i64, to: i64| heard_by(9_999, from, to);
    // By an answer within or soon after, by one that found nothing new, by what came later.
    assert!(heard(0, 60) && heard(-30, -10) && heard(-60, -40) && heard(5, 15));
    assert!(heard(485, 490) && heard(400, 410));
    // Not where nobody asked, where nothing was answered, or where the next body begins later; nor of what is to come.
    assert!(!heard(60, 120) && !heard(290, 310) && !heard(390, 410) && !heard(501, 600));
    assert!(!heard(-90, -70) && !heard(-850, -700) && !heard(190, 210));
    // As it was known before the last body came, and the backfill.
    assert!(heard_by(499, 0, 60) && !heard_by(499, 400, 410) && !heard_by(499, 485, 490));
    let settled = |known_at| fixture.ledger.settled(&velib(), minute(known_at)).unwrap();
    assert_eq!((settled(199).len(), settled(200).len()), (0, 1));
}
