//! The days of a source in few numbers, kept in `data/days/SOURCE.json`, so that records are found without reading years of
//! documents again.
//!
//! What is kept is only what can no longer be revised: deleted, it is made anew, as far as the store still has its documents. A look
//! reads a bounded number of documents, the newest days first; what is older follows with later looks, and until then
//! records are said to be since the first day that was read.

use std::{collections::BTreeSet, fs, io, path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};
use tokio::task::block_in_place;
use tracing::warn;
use vigie_core::{
    analyse::{DayFigures, Days, DaysGatherer, SourceSheet, record_measure},
    time::{day_start, local_date},
};
use vigie_sources::{Definition, Model};
use vigie_store::{durable, store::Store};

use crate::{
    analyse::{Document, read_documents},
    app::{App, store_failure},
    failure::{Failure, Outcome},
};

/// Documents of days that are not kept yet that a look reads: a bike network has as many in two weeks.
const DOCUMENTS_MAX: u64 = 500_000;
/// Days that are read at once.
const CHUNK_DAYS: i64 = 7;
/// Even what is never revised comes late: a store that was away, files that waited.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// What is kept: of all days from `from` on and before `to`, those that have data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// What the figures are of: another zone, measure or backfill makes them anew.
    of: String,
    from: Date,
    to: Date,
    days: Vec<DayFigures>,
}

/// The days of a source before a date, as far as they are kept or a look can read them.
pub(crate) async fn days_before(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    sheet: &SourceSheet,
    date: Date,
) -> Outcome<Days> {
    let (Some(measure), Some((first, of))) = (record_measure(sheet), known_since(app, definition)?)
    else {
        return Ok(Days::default());
    };
    let of = format!(
        "{} {} {measure:?} {of}",
        app.tz().iana_name().unwrap_or("UTC"),
        sheet.events_last()
    );
    let settled = settled(app, store, definition).await?;
    let file = app
        .data()
        .join("days")
        .join(format!("{}.json", definition.id));
    let kept = block_in_place(|| read(&file)).filter(|kept| kept.of == of && kept.from <= settled);
    let before = kept.clone();
    let mut kept = kept.unwrap_or(Kept {
        of,
        from: settled,
        to: settled,
        days: Vec::new(),
    });
    let mut left = DOCUMENTS_MAX;
    // First what has come since, however much it is: there is no gap in what is kept.
    let (new, _) = read_days(app, store, definition, sheet, kept.to, settled).await?;
    kept.days.extend(new);
    kept.to = kept.to.max(settled);
    while kept.from > first && left > 0 {
        let from = kept.from.saturating_sub(CHUNK_DAYS.days()).max(first);
        let (mut older, read) = read_days(app, store, definition, sheet, from, kept.from).await?;
        older.append(&mut kept.days);
        (kept.days, kept.from) = (older, from);
        left = left.saturating_sub(read.max(1));
    }
    if before.as_ref() != Some(&kept) {
        block_in_place(|| write(&file, &kept));
    }
    let mut days = Days {
        unheard: BTreeSet::new(),
        from: kept.from,
        of_all: kept.from <= first,
        days: kept.days,
    };
    // Days that may still change are read each time: there are no more of them as time goes on.
    let (open, _) = read_days(app, store, definition, sheet, kept.to, date).await?;
    days.days.extend(open);
    days.days.retain(|day| day.date < date);
    Ok(days)
}

/// The first whole day of what is known of a source, and what tells whether its past has changed since.
fn known_since(app: &App, definition: &Definition) -> Outcome<Option<(Date, String)>> {
    let (watched, stretches) = block_in_place(|| {
        let ledger = app.ledger();
        let watched = ledger.first_slot(&definition.id)?;
        Ok::<_, vigie_store::ledger::LedgerError>((
            watched,
            ledger.settled(&definition.id, app.now())?,
        ))
    })
    .map_err(Failure::usage)?;
    let Some(watched) = watched else {
        return Ok(None);
    };
    let whole = |at: Timestamp| {
        let date = local_date(at, app.tz());
        let begins = day_start(date, app.tz()) == at;
        if begins {
            date
        } else {
            date.saturating_add(1.day())
        }
    };
    let oldest = stretches.iter().map(|stretch| stretch.from).min();
    let first = oldest.map_or(watched, |oldest| oldest.min(watched));
    Ok(Some((
        whole(first),
        format!("{} backfills", stretches.len()),
    )))
}

/// The first date that may still be revised.
async fn settled(app: &App, store: &Arc<dyn Store>, definition: &Definition) -> Outcome<Date> {
    let newest = match definition.model {
        Model::Observations => store.newest_hour(&definition.id, Some(app.now())).await,
        Model::Events => store.newest_event(&definition.id).await,
    };
    let newest = newest
        .map_err(store_failure)?
        .unwrap_or(app.now())
        .min(app.now());
    let settled = newest.saturating_sub(definition.horizon.max(SETTLED_AFTER));
    Ok(local_date(settled.unwrap_or(newest), app.tz()))
}

/// The days from `from` on and before `to`, and how many documents were read.
async fn read_days(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    sheet: &SourceSheet,
    from: Date,
    to: Date,
) -> Outcome<(Vec<DayFigures>, u64)> {
    if from >= to {
        return Ok((Vec::new(), 0));
    }
    let (start, end) = (day_start(from, app.tz()), day_start(to, app.tz()));
    let mut days = DaysGatherer::new(sheet, app.tz());
    let mut read = 0;
    // Events that last may have moved on since.
    let until = (!sheet.events_last()).then_some(end);
    read_documents(store, definition, (start, until), |document| {
        read += 1;
        match document {
            Document::Summary(summary) => days.add_summary(&summary),
            Document::Event(event) => days.add_event(&event),
        }
    })
    .await?;
    let mut days = days.finish(app.now());
    days.retain(|day| (from..to).contains(&day.date));
    Ok((days, read))
}

fn read(file: &Path) -> Option<Kept> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                not_kept(file, &error.to_string());
            }
            None
        }
    }
}

fn write(file: &Path, kept: &Kept) {
    let folder = file.parent().map_or(Ok(()), durable::create_folders);
    let bytes = serde_json::to_vec(kept);
    let written = match (folder, bytes) {
        (Ok(()), Ok(bytes)) => durable::write(file, &bytes).map_err(|error| error.to_string()),
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(error.to_string()),
    };
    if let Err(reason) = written {
        not_kept(file, &reason);
    }
}

/// Nothing is lost: the next look reads the same days again.
fn not_kept(file: &Path, reason: &str) {
    warn!(file = %file.display(), reason, "the figures of past days are not kept: they are read again");
}
