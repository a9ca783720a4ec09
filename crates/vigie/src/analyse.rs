//! From the store and the ledger to the analysis of a period, for the page and for the PDF.

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use tokio::task::block_in_place;
use vigie_core::{
    analyse::{
        Days, History, HistoryGatherer, HourlySeries, SourceAnalyser, SourceSheet, correlations,
        history_ranges,
    },
    analysis::{Analysis, CaptureCount, Freshness, Period, PeriodKind, Problem, SourceAnalysis},
    bucket::BucketSummary,
    capture::Capture,
    event::Event,
    history::Stretch,
    time,
};
use vigie_sources::{Definition, Model};
use vigie_store::{
    ledger::Entry,
    store::{EventQuery, Store, SummaryQuery},
};

use crate::{
    app::{App, store_failure},
    days::days_before,
    failure::{Failure, Outcome},
    heard::Watch,
    summarize::rhythm,
};

/// Problems shown per source.
const PROBLEMS_MAX: usize = 20;
/// Slots counted per source and period: a month of minutes.
pub(crate) const SLOTS_MAX: usize = 50_000;

/// What is known of the days before a period.
#[derive(Clone, Copy)]
pub(crate) enum Past<'a> {
    /// They are read now.
    Read,
    /// They were read.
    Known(&'a History),
    /// They are being read; meanwhile nothing is said that rests on them.
    Pending,
}

/// The analysis of the period of that kind around a local date of the zone.
pub(crate) async fn analyse(
    app: &App,
    store: &Arc<dyn Store>,
    kind: PeriodKind,
    date: Date,
) -> Outcome<Analysis> {
    let period = time::period(kind, date, app.tz());
    let (mut sources, mut series) = (Vec::new(), Vec::new());
    for definition in app.enabled() {
        let (source, hourly) = look(app, store, &definition, &period, Past::Read).await?;
        sources.push(source);
        series.extend(hourly);
    }
    let tz = app.tz().clone();
    let correlations = tokio::task::spawn_blocking(move || correlations(&series, &tz))
        .await
        .map_err(Failure::usage)?;
    Ok(Analysis {
        zone: app.config().zone.clone(),
        period,
        now: app.now(),
        simulated: app.config().simulated,
        sources,
        correlations,
    })
}

/// The analysis of one source.
pub(crate) async fn analyse_source(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    period: &Period,
    past: Past<'_>,
) -> Outcome<SourceAnalysis> {
    Ok(look(app, store, definition, period, past).await?.0)
}

async fn look(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    period: &Period,
    past: Past<'_>,
) -> Outcome<(SourceAnalysis, Option<HourlySeries>)> {
    let now = app.now();
    let sheet = sheet(app, definition);
    let read;
    let mut analyser = SourceAnalyser::new(&sheet, period, app.tz(), now);
    let from = match definition.model {
        Model::Observations => SourceAnalyser::data_start(&sheet, period, app.tz()),
        Model::Events => period.start,
    };
    let to = (!sheet.events_last()).then_some(period.end);
    read_documents(store, definition, (from, to), |document| match document {
        Document::Summary(summary) => analyser.add_summary(&summary),
        Document::Event(event) => analyser.add_event(&event),
    })
    .await?;
    match past {
        Past::Read => {
            read = history(app, store, definition, period, analyser.entity_count()).await?;
            analyser.against(&read);
        }
        Past::Known(history) => analyser.against(history),
        Past::Pending => analyser.await_history(),
    }
    let (freshness, captures) = block_in_place(|| ledger_facts(app, definition, period, now))?;
    let hourly = analyser.hourly();
    let mut analysis = analyser.finish(freshness, captures);
    analysis.sentences = vigie_report::sentences(&analysis, period, app.tz(), now);
    Ok((analysis, hourly))
}

/// What the days before a period say of a source with so many entities.
pub(crate) async fn history(
    app: &App,
    store: &Arc<dyn Store>,
    definition: &Definition,
    period: &Period,
    entities: u64,
) -> Outcome<History> {
    let sheet = sheet(app, definition);
    let ranges = history_ranges(&sheet, period, entities, app.tz());
    let watch = block_in_place(|| Watch::of(app, &app.ledger(), definition, app.now()))?;
    let since = watch.as_ref().map(|watch| watch.since);
    let mut history = HistoryGatherer::new(&sheet, &ranges, since, app.tz());
    let first = ranges.first().map_or(period.start, |range| range.0);
    let last = ranges.len().saturating_sub(1);
    for (index, (from, to)) in ranges.into_iter().enumerate() {
        let goes_on = sheet.events_last() && index == last;
        let range = (from, (!goes_on).then_some(to));
        read_documents(store, definition, range, |document| match document {
            Document::Summary(summary) => history.add_summary(&summary),
            Document::Event(event) => history.add_event(&event),
        })
        .await?;
    }
    let before = days_before(app, store, definition, &sheet, period.date);
    let mut before = Box::pin(before).await?;
    if sheet.events
        && let Some(watch) = &watch
    {
        let first = time::local_date(first, app.tz());
        let first = if before == Days::default() {
            first
        } else {
            before.from.min(first)
        };
        before.unheard = block_in_place(|| unheard(app, watch, first, period.date))?;
    }
    Ok(history.finish().with_days(before))
}

/// The dates from `from` on and before `to` of which a provider was not heard.
fn unheard(app: &App, watch: &Watch, from: Date, to: Date) -> Outcome<BTreeSet<Date>> {
    let mut unheard = BTreeSet::new();
    let dates = from.series(1.day()).take_while(|date| *date < to);
    for date in dates {
        let day = time::period(PeriodKind::Day, date, app.tz());
        let (from, to) = (day.start, day.end);
        if !watch.was_heard(&app.ledger(), Stretch { from, to })? {
            unheard.insert(date);
        }
    }
    Ok(unheard)
}

pub(crate) enum Document {
    Summary(BucketSummary),
    Event(Event),
}

/// Reads what a source has of a stretch of time, one by one; without end where events that have moved on since are wanted too.
pub(crate) async fn read_documents(
    store: &Arc<dyn Store>,
    definition: &Definition,
    (from, to): (Timestamp, Option<Timestamp>),
    mut take: impl FnMut(Document) + Send,
) -> Outcome<()> {
    let (source, from) = (Some(definition.id.clone()), Some(from));
    let read = match definition.model {
        Model::Observations => {
            let query = SummaryQuery {
                source,
                from,
                to,
                entity: None,
            };
            let mut each = |summary: BucketSummary| {
                take(Document::Summary(summary));
                ControlFlow::Continue(())
            };
            store.summaries(&query, &mut each).await
        }
        Model::Events => {
            let query = EventQuery { source, from, to };
            let mut each = |event: Event| {
                take(Document::Event(event));
                ControlFlow::Continue(())
            };
            store.events(&query, &mut each).await
        }
    };
    read.map_err(store_failure)
}

fn sheet(app: &App, definition: &Definition) -> SourceSheet {
    SourceSheet {
        id: definition.id.clone(),
        domain: definition.domain.as_str().to_owned(),
        title: definition.sheet.title.clone(),
        credit: definition.credit(),
        measures: definition.measures.clone(),
        events: definition.model == Model::Events,
        mix: definition.mix.clone(),
        track: definition.track.clone(),
        leading: definition.leading.clone(),
        rhythm: rhythm(app, definition),
        every: app.schedule(definition).every(),
        slow: app.schedule(definition).every() >= SignedDuration::from_hours(24),
    }
}

/// The newest content and the completeness of the period, from the ledger.
pub(crate) fn ledger_facts(
    app: &App,
    definition: &Definition,
    period: &Period,
    now: Timestamp,
) -> Outcome<(Freshness, CaptureCount)> {
    let ledger = app.ledger();
    let source = &definition.id;
    let newest = ledger.newest(source, now).map_err(Failure::usage)?;
    let stale_after = definition.stale_after;
    // Of a period that is over it is asked whether the source was up to date at its end.
    let looked_at = now.min(period.end);
    let content_at = newest.content_at(now);
    let age = content_at.map(|at| looked_at.duration_since(at));
    let schedule = app.schedule(definition);
    let freshness = Freshness {
        content_at,
        observed_at: newest.observed_at,
        published_at: newest.published_at,
        fetched_at: newest.fetched_at,
        next_at: Some(schedule.next_after(now)),
        stale_after_seconds: stale_after.as_secs().unsigned_abs(),
        stale: age.is_none_or(|age| age > stale_after),
    };
    let until = period.end.min(now);
    let watched_since = ledger.first_slot(source).map_err(Failure::usage)?;
    let expected = watched_since.map_or(0, |since| {
        schedule
            .slots(period.start.max(since), until, SLOTS_MAX)
            .len() as u64
    });
    let counts = ledger
        .counts(source, period.start, period.end)
        .map_err(Failure::usage)?;
    let totals = ledger
        .row_totals(source, period.start, period.end)
        .map_err(Failure::usage)?;
    let problems = ledger
        .problems(Some(source), period.start, period.end, PROBLEMS_MAX)
        .map_err(Failure::usage)?
        .into_iter()
        .map(|Entry { capture, .. }| problem_of(capture))
        .collect();
    let captures = CaptureCount {
        expected: expected.max(counts.good_slots),
        obtained: counts.good_slots,
        failed: counts.failed,
        quarantined: counts.quarantined,
        rows: totals.rows,
        refused_rows: totals.refused_rows,
        problems,
    };
    Ok((freshness, captures))
}

/// What a capture says of what went wrong.
pub(crate) fn problem_of(capture: Capture) -> Problem {
    Problem {
        at: capture.started_at,
        outcome: capture.outcome,
        cause: capture.cause,
        reason: capture.reason.unwrap_or_default(),
    }
}
