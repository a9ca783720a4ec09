//! Editions of the reports in `reports/`. What a report said is kept beside it (`day_2026-11-23.edition.json`, for all
//! languages and formats). When data comes late and its headlines would be others, a new edition takes its name, and the one
//! before goes on as `day_2026-11-23_fr-edition-1.pdf`. The report of a period that is not over is no edition: it is just
//! replaced.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::warn;
use vigie_core::{
    analysis::{Analysis, Period, PeriodKind},
    edition::{Edition, Facts},
    time::{local_date, period},
};
use vigie_store::{durable, store::Store};

use super::{Wanted, name_of, render};
use crate::{
    analyse::analyse,
    app::{App, RunEvent},
    failure::{Failure, Outcome},
    turn,
};

/// How long after its end a period is reported, so that late data is in it.
pub(super) const REPORT_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// A period is looked at again an hour after that, then four hours, sixteen and so on: at most so many times.
const LOOKS_MAX: u32 = 6;
/// How long to wait for another program that writes reports.
const LOCK_WAIT: Duration = Duration::from_mins(2);

/// What was written of a period.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    edition: Edition,
    /// When the edition was made.
    made_at: Timestamp,
    /// When it was last compared with the store.
    looked_at: Timestamp,
    /// The files by name.
    files: BTreeMap<String, Written>,
    /// What it leads with.
    facts: Facts,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    edition: u32,
    sha256: String,
}

/// A report at its usual place.
#[derive(Debug)]
pub(crate) struct Report {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Which one it is.
    pub(crate) wanted: Wanted,
    /// Which edition.
    pub(crate) edition: Edition,
}

/// Whether a period was reported, after its end, in that language and format.
pub(crate) fn is_reported(app: &App, wanted: Wanted) -> bool {
    let first = period(wanted.kind, wanted.date, app.tz()).date;
    let record = read(&record_path(app, wanted.kind, first));
    record.is_some_and(|record| record.files.contains_key(&name_of(wanted, first)))
}

/// The edition that says what an analysis says, if there is one.
pub(super) fn known(app: &App, analysis: &Analysis) -> Option<Edition> {
    let period = &analysis.period;
    let record = read(&record_path(app, period.kind, period.date));
    record
        .filter(|record| Facts::of(analysis).since(&record.facts).is_empty())
        .map(|record| record.edition)
}

/// Writes a report at its usual place, as a new edition where it says something new. With `only_if_new` nothing else is written.
pub(crate) async fn write(
    app: &App,
    store: &Arc<dyn Store>,
    wanted: Wanted,
    only_if_new: bool,
) -> Outcome<Option<Report>> {
    let _lock = turn::wait_for(app, "report", LOCK_WAIT).await?;
    let analysis = analyse(app, store, wanted.kind, wanted.date).await?;
    let (now, over) = (analysis.now, analysis.period.end <= analysis.now);
    let first = analysis.period.date;
    let path =
        std::path::absolute(super::usual_path(app, wanted, first)).map_err(Failure::usage)?;
    let of_period = record_path(app, wanted.kind, first);
    let facts = Facts::of(&analysis);
    let mut record = match read(&of_period) {
        None => Record {
            edition: Edition::first(),
            made_at: now,
            looked_at: now,
            files: BTreeMap::new(),
            facts,
        },
        Some(mut record) => {
            let changes = facts.since(&record.facts);
            if !changes.is_empty() {
                record.edition = Edition {
                    number: record.edition.number.saturating_add(1),
                    replaces: Some(record.made_at),
                    changes,
                };
                record.made_at = now;
                record.facts = facts;
            }
            record.looked_at = now;
            record
        }
    };
    let edition = record.edition.clone();
    let name = name_of(wanted, first);
    let before = record.files.get(&name).map(|written| written.edition);
    if only_if_new && before.is_some_and(|before| before >= edition.number) {
        save(&of_period, &record)?;
        return Ok(None);
    }
    let bytes = render(app, wanted, analysis, Some(edition.clone())).await?;
    if let Some(before) = before.filter(|before| *before < edition.number) {
        keep(&path, before)?;
    }
    durable::write(&path, &bytes).map_err(Failure::usage)?;
    if over {
        let sha256 = hex(&bytes);
        let written = Written {
            edition: edition.number,
            sha256,
        };
        record.files.insert(name, written);
        save(&of_period, &record)?;
    }
    app.tell(RunEvent::ReportWritten { path: path.clone() });
    Ok(Some(Report {
        path,
        wanted,
        edition,
    }))
}

/// The latest periods that were reported in that language and format and are to be looked at again, the oldest first.
pub(crate) fn due(app: &App, like: Wanted) -> Vec<Wanted> {
    let (now, tz) = (app.now(), app.tz());
    let mut due = Vec::new();
    let mut date = local_date(now, tz);
    for _ in 0..looked_at_again(like.kind) {
        date = period(like.kind, date, tz).date.saturating_sub(1.day());
        let over = period(like.kind, date, tz);
        let wanted = Wanted { date, ..like };
        let Some(record) = read(&record_path(app, like.kind, over.date)) else {
            continue;
        };
        let is_written = record.files.contains_key(&name_of(wanted, over.date));
        if is_written && is_due(&over, record.looked_at, now) && is_kept(app, &over) {
            due.push(wanted);
        }
    }
    due.reverse();
    due
}

/// How many periods are looked at again.
fn looked_at_again(kind: PeriodKind) -> u32 {
    match kind {
        PeriodKind::Day => 7,
        PeriodKind::Week => 4,
        PeriodKind::Month => 3,
    }
}

/// Whether it is time to look again, ever more seldom: what comes late mostly comes soon.
fn is_due(over: &Period, looked_at: Timestamp, now: Timestamp) -> bool {
    let mut times = (0..LOOKS_MAX).filter_map(|look| {
        let after = REPORT_AFTER + SignedDuration::from_hours(4_i64.pow(look));
        over.end.checked_add(after).ok()
    });
    times.any(|time| looked_at < time && time <= now)
}

/// Whether all of a period is still in the store: what was deleted is not late.
fn is_kept(app: &App, over: &Period) -> bool {
    let store = &app.config().store;
    let days = [store.keep_summaries_days, store.keep_events_days];
    let least = days.into_iter().filter(|days| *days > 0).min();
    least.is_none_or(|days| {
        let kept = SignedDuration::from_hours(24 * (i64::from(days) - 1));
        app.now().duration_since(over.start) < kept
    })
}

/// Keeps the file that is there under the name of its edition. One that is kept already is the right one: this is a run that was
/// killed before.
fn keep(path: &Path, edition: u32) -> Outcome<()> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::usage(format!("{}: {error}", path.display()))),
    };
    let (stem, extension) = (
        path.file_stem().unwrap_or_default().to_string_lossy(),
        path.extension().unwrap_or_default().to_string_lossy(),
    );
    let kept = path.with_file_name(format!("{stem}-edition-{edition}.{extension}"));
    durable::write_new(&kept, &bytes).map_err(Failure::usage)?;
    Ok(())
}

fn record_path(app: &App, kind: PeriodKind, first: Date) -> PathBuf {
    let name = format!("{}_{first}.edition.json", super::word_of(kind));
    app.root().join("reports").join(name)
}

/// A record that cannot be read is none: the report counts as the first.
fn read(path: &Path) -> Option<Record> {
    let bytes = fs::read(path).ok()?;
    let record = serde_json::from_slice(&bytes);
    record
        .inspect_err(|error| {
            let reason = error.to_string();
            warn!(file = %path.display(), reason, "damaged: the report counts as not written");
        })
        .ok()
}

fn save(path: &Path, record: &Record) -> Outcome<()> {
    let mut bytes = serde_json::to_vec_pretty(record).map_err(Failure::usage)?;
    bytes.push(b'\n');
    durable::write(path, &bytes).map_err(Failure::usage)
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_looked_at_again_ever_more_seldom_and_never_within_an_hour() {
        let date = "2026-11-23".parse().unwrap();
        let over = period(PeriodKind::Day, date, &jiff::tz::TimeZone::UTC);
        let mut looked_at = over.end + REPORT_AFTER;
        let mut looks = Vec::new();
        let mut now = looked_at;
        while now < over.end + SignedDuration::from_hours(7 * 24) {
            if is_due(&over, looked_at, now) {
                looks.push(now.duration_since(looked_at).as_hours());
                looked_at = now;
            }
            now += SignedDuration::from_mins(1);
        }
        assert_eq!(looks, [1, 3, 12, 48]);
        // Of many that were missed one look is enough.
        assert!(is_due(&over, over.end, now) && !is_due(&over, now, now));
    }
}
