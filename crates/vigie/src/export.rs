//! `vigie export`: what is stored, as CSV, NDJSON or Parquet, for other programs.
//!
//! Rows go out as they come in: memory stays flat, whatever is exported. The columns are in [`table`].

mod columnar;
pub(crate) mod credits;
mod hours;
pub(crate) mod range;
pub(crate) mod table;
mod target;
#[cfg(test)]
mod tests;
pub(crate) mod writer;

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Write},
    ops::ControlFlow,
    sync::Arc,
};

use tokio::task::block_in_place;
use vigie_core::{bucket::BucketSummary, capture::Capture, event::Event, text::SourceId};
use vigie_sources::{Definition, Model};
use vigie_store::{
    durable::{self, Step},
    ledger::{CaptureQuery, Ledger},
    store::{EventQuery, Store, SummaryQuery},
};

use self::{
    columnar::Columnar,
    credits::Credits,
    hours::EventHours,
    range::Range,
    table::{Cell, Column, SummaryName},
    target::{Target, credits_path, disk_error},
    writer::{AsKnown, Csv, Ndjson, RowWriter},
};
use crate::{
    app::{App, catalogue_of},
    cli::{self, ExportFormat, ExportWhat},
    failure::{Exit, Failure, Outcome},
    known::{self, KnownAt, Question},
    output,
};

/// Runs `vigie export`.
pub(crate) async fn run(app: &App, args: &cli::Export) -> Outcome {
    let range =
        Range::parse(args.from.as_deref(), args.to.as_deref(), app.tz()).map_err(Failure::usage)?;
    if let Some(source) = &args.source {
        app.definition(source)?;
    }
    let target = Target::open(args.output.as_deref()).map_err(Failure::usage)?;
    if args.format == ExportFormat::Parquet && target.is_terminal() {
        return Err(
            Failure::usage("Parquet is no text, and standard output is a terminal")
                .hint("name a file with `-o FILE`, or pipe the output to another program"),
        );
    }
    if args.known_at.is_some() && args.what == ExportWhat::Captures {
        return Err(Failure::usage(
            "--known-at is for summaries and events: the ledger of captures is not revised",
        ));
    }
    let columns: &'static [Column] = match args.what {
        ExportWhat::Summaries => &table::SUMMARIES,
        ExportWhat::Events => &table::EVENTS,
        ExportWhat::Captures => &table::CAPTURES,
    };
    let out = target.writer().map_err(Failure::usage)?;
    let mut rows = match row_writer(args.format, columns, args.known_at, out) {
        Ok(writer) => Rows::new(writer),
        Err(error) => return stopped(&target, error),
    };
    match args.what {
        ExportWhat::Summaries => {
            let untold = summaries(app, args.source.as_ref(), range, args.known_at, &mut rows);
            tell_untold(untold.await?);
        }
        ExportWhat::Events => {
            events(app, args.source.as_ref(), range, args.known_at, &mut rows).await?;
        }
        ExportWhat::Captures => captures(app, args.source.as_ref(), range, &mut rows)?,
    }
    finish(app, args.format, target, rows)
}

/// Writes rows of these columns in a format; what was known at a time says so in a last column of its own.
pub(crate) fn row_writer(
    format: ExportFormat,
    columns: &[Column],
    known_at: KnownAt,
    out: Box<dyn Write + Send>,
) -> io::Result<Box<dyn RowWriter>> {
    let mut columns = columns.to_vec();
    columns.extend(known_at.map(|_| table::KNOWN_AT));
    let writer: Box<dyn RowWriter> = match format {
        ExportFormat::Csv => Box::new(Csv::new(&columns, out)?),
        ExportFormat::Ndjson => Box::new(Ndjson::new(columns, out)),
        ExportFormat::Parquet => Box::new(Columnar::new(&columns, out)?),
    };
    Ok(match known_at {
        Some(at) => Box::new(AsKnown { writer, at }),
        None => writer,
    })
}

/// The rows on their way out.
struct Rows {
    writer: Box<dyn RowWriter>,
    /// How many rows there were of each source.
    counts: BTreeMap<SourceId, u64>,
    /// Why no more rows can be written.
    error: Option<io::Error>,
}

impl Rows {
    fn new(writer: Box<dyn RowWriter>) -> Self {
        Self {
            writer,
            counts: BTreeMap::new(),
            error: None,
        }
    }

    /// Writes a row of a source; breaks where that is not possible any more.
    fn push(&mut self, source: &SourceId, cells: &[Cell<'_>]) -> ControlFlow<()> {
        if let Err(error) = self.writer.row(cells) {
            self.error = Some(error);
            return ControlFlow::Break(());
        }
        match self.counts.get_mut(source) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(source.clone(), 1);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Writes what remains, the credits, and gives the file its name: in this order, so that no export is without credits.
fn finish(app: &App, format: ExportFormat, target: Target, rows: Rows) -> Outcome {
    if let Some(error) = rows.error {
        return stopped(&target, error);
    }
    let credits = Credits {
        sources: rows
            .counts
            .keys()
            .map(|id| (id.clone(), app.known(id).map(|source| source.credit())))
            .collect(),
        time_zone: app.config().zone.time_zone.clone(),
        simulated: app.config().simulated,
    };
    if let Err(error) = rows.writer.finish(&credits) {
        return stopped(&target, error);
    }
    if let Target::File { path, .. } = &target
        && format != ExportFormat::Parquet
    {
        durable::write(&credits_path(path), credits.text().as_bytes()).map_err(Failure::usage)?;
    }
    if output::is_terminal() {
        for line in credits.lines() {
            output::note(&line);
        }
        let count: u64 = rows.counts.values().sum();
        output::note(&format!("{count} rows → {}", target.path().display()));
    }
    target.keep().map_err(Failure::usage)?;
    Ok(Exit::Done)
}

/// How an export ends that cannot be written further: quietly where the reader has had enough (`vigie export … | head`).
fn stopped(target: &Target, error: io::Error) -> Outcome {
    if error.kind() == ErrorKind::BrokenPipe && !matches!(target, Target::File { .. }) {
        return Ok(Exit::Done);
    }
    Err(Failure::usage(disk_error(Step::Write, target.path())(
        error,
    )))
}

/// The source asked for, or all that there are (enabled or not: what is stored counts), in the order of their names.
fn chosen(app: &App, source: Option<&SourceId>) -> Outcome<BTreeMap<SourceId, Arc<Definition>>> {
    let definitions = match source {
        Some(source) => vec![app.definition(source)?],
        None => catalogue_of(Some(app.root()))?
            .iter()
            .map(|definition| Arc::new(definition.clone()))
            .collect(),
    };
    let named = definitions
        .into_iter()
        .map(|definition| (definition.id.clone(), definition));
    Ok(named.collect())
}

/// What is left out because nobody can tell it any more is said.
fn tell_untold(hours: u64) {
    if hours > 0 {
        output::note(&format!(
            "left out: {hours} hourly figures of which nobody can tell any more what was known then"
        ));
    }
}

async fn summaries(
    app: &App,
    source: Option<&SourceId>,
    range: Range,
    known_at: KnownAt,
    rows: &mut Rows,
) -> Outcome<u64> {
    let store = app.store(true).await?;
    let range = range.whole_hours(app.tz());
    let mut untold = 0;
    for definition in chosen(app, source)?.values() {
        match definition.model {
            Model::Observations => {
                untold +=
                    observation_hours(app, &*store, definition, range, known_at, rows).await?;
            }
            Model::Events => event_hours(app, &*store, definition, range, known_at, rows).await?,
        }
        if rows.error.is_some() {
            break;
        }
    }
    Ok(untold)
}

async fn observation_hours(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    range: Range,
    known_at: KnownAt,
    rows: &mut Rows,
) -> Outcome<u64> {
    let query = SummaryQuery {
        source: Some(definition.id.clone()),
        from: range.from,
        to: range.to,
        ..SummaryQuery::default()
    };
    let mut each = |bucket: BucketSummary| {
        let offset = app.tz().to_offset(bucket.key.hour);
        for (measure, summary) in &bucket.measures {
            let name = SummaryName {
                source: bucket.key.source.as_str(),
                entity: bucket.key.entity.as_str(),
                measure: measure.as_str(),
                unit: &summary.unit,
                kind: summary.kind,
                hour: bucket.key.hour,
                offset,
            };
            let cells = table::summary_row(name, &summary.figures, summary.coverage);
            rows.push(&bucket.key.source, &cells)?;
        }
        ControlFlow::Continue(())
    };
    let question = Question {
        app,
        store,
        definition,
        query: &query,
        known_at,
    };
    let told = question.summaries(&mut each).await?;
    Ok(told.untold.len() as u64)
}

async fn event_hours(
    app: &App,
    store: &dyn Store,
    definition: &Definition,
    range: Range,
    known_at: KnownAt,
    rows: &mut Rows,
) -> Outcome<()> {
    let query = EventQuery {
        source: Some(definition.id.clone()),
        from: range.from,
        to: range.to,
    };
    let mut hours = EventHours::new(&definition.id, &definition.measures, app.tz());
    let mut write = |name: SummaryName<'_>, figures: &_| {
        rows.push(&definition.id, &table::summary_row(name, figures, None))
    };
    let mut each = |event: Event| hours.add(&event, &mut write);
    known::events(store, &query, known_at, &mut each).await?;
    if rows.error.is_none() {
        let mut write = |name: SummaryName<'_>, figures: &_| {
            rows.push(&definition.id, &table::summary_row(name, figures, None))
        };
        // A refused row is kept in `rows`.
        let _ = hours.end_hour(&mut write);
    }
    Ok(())
}

async fn events(
    app: &App,
    source: Option<&SourceId>,
    range: Range,
    known_at: KnownAt,
    rows: &mut Rows,
) -> Outcome<()> {
    let store = app.store(true).await?;
    let query = EventQuery {
        source: source.cloned(),
        from: range.from,
        to: range.to,
    };
    let mut each = |event: Event| match table::event_row(&event) {
        Some(cells) => rows.push(&event.key.source, &cells),
        None => ControlFlow::Continue(()),
    };
    known::events(&*store, &query, known_at, &mut each).await
}

fn captures(app: &App, source: Option<&SourceId>, range: Range, rows: &mut Rows) -> Outcome<()> {
    let query = CaptureQuery {
        source: source.cloned(),
        from: range.from,
        to: range.to,
        ..CaptureQuery::default()
    };
    each_capture(app, &query, |capture| {
        rows.push(&capture.source, &table::capture_row(capture))
    })
}

/// Reads the ledger with a connection of its own: an export may last, and the program's other readers go on.
fn each_capture(
    app: &App,
    query: &CaptureQuery,
    mut each: impl FnMut(&Capture) -> ControlFlow<()>,
) -> Outcome<()> {
    block_in_place(|| {
        let ledger = Ledger::open(&app.data().join("ledger.db"), true)?;
        ledger.captures(query, |entry| each(&entry.capture))
    })
    .map_err(Failure::usage)
}
