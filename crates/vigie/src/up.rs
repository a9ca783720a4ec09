//! `vigie serve` and `vigie up`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tracing::{info, warn};
use vigie_core::{
    analysis::{Period, PeriodKind},
    plan::Asked,
    time::{local_date, period},
};
use vigie_store::{
    lock::{Lock, LockError},
    store::Store,
};

use crate::{
    alerts::Teller,
    app::App,
    budget, cli,
    collect::Collector,
    failure::{Exit, Failure, Outcome},
    output,
    report::{self, REPORT_AFTER, Wanted},
    service::{self, Hangup},
    summarize,
    web::{Current, Dashboard},
};

/// The longest sleep between two looks at what is due.
const LOOK_MAX: Duration = Duration::from_mins(1);
/// How long a report that failed is left alone.
const REPORT_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// How long to wait before a store that is away is asked again.
const STORE_RETRY: Duration = Duration::from_secs(10);
/// How often quarantine is held to its limits.
const TIDY_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// The lock that `up` holds: by it `vigie doctor` knows that somebody collects.
pub(crate) const LOCK: &str = "up";

/// `vigie serve`: the dashboard alone; other processes collect and summarise. While the store is away the page says so.
pub(crate) async fn serve(app: &App, args: &cli::Serve) -> Outcome {
    let mut hangup = Hangup::listen()?;
    let stop = app.stop().clone();
    let store = tokio::select! {
        store = app.store_or_wait(true) => store?,
        () = stop.asked() => return Ok(Exit::Done),
    };
    let listen = args.listen.unwrap_or(app.config().serve.listen);
    let dashboard = Dashboard::bind(app, store.clone(), listen).await?;
    output::line(&dashboard.url())?;
    info!(address = %dashboard.url(), "serving");
    service::ready("serving");
    let (current, told) = (dashboard.current(), stop.clone());
    let serving = dashboard.serve(async move { told.asked().await });
    let reading = async {
        let (mut app, mut store) = (app.clone(), store);
        loop {
            tokio::select! {
                () = stop.asked() => break,
                () = hangup.wished() => {
                    (app, store) = read_again(app, store, true, &current).await;
                    service::ready("serving");
                }
            }
        }
        service::stopping();
    };
    tokio::join!(serving, reading).0?;
    Ok(Exit::Done)
}

/// `vigie up`: everything in one process.
pub(crate) async fn run(app: &App, args: &cli::Serve) -> Outcome {
    let mut hangup = Hangup::listen()?;
    let _lock = match Lock::take(&app.data(), LOCK, app.now()) {
        Ok(lock) => lock,
        Err(error @ LockError::Held { .. }) => return Err(Failure::new(Exit::Locked, error)),
        Err(error) => return Err(Failure::usage(error)),
    };
    let stop = app.stop().clone();
    info!(root = %app.root().display(), version = env!("CARGO_PKG_VERSION"), "started");
    app.register()?;
    let app = app.clone();
    let collector = Collector::new(&app)?;
    // Collecting needs no store: while it is away raw files wait, and the page says so.
    let store = tokio::select! {
        store = app.store_or_wait(false) => store?,
        () = stop.asked() => return Ok(ended()),
    };
    let listen = args.listen.unwrap_or(app.config().serve.listen);
    let dashboard = Dashboard::bind(&app, store.clone(), listen).await?;
    output::line(&dashboard.url())?;
    info!(address = %dashboard.url(), "serving");
    service::ready("watching");
    let (current, told) = (dashboard.current(), stop.clone());
    let serving = dashboard.serve(async move { told.asked().await });
    let watching = async {
        let watched = watch_over(app, store, collector, &current, &mut hangup).await;
        // A watch that cannot go on takes the page with it.
        stop.ask();
        watched
    };
    let (served, watched) = tokio::join!(serving, watching);
    served.and(watched).map(|()| ended())
}

fn ended() -> Exit {
    service::stopping();
    Exit::Done
}

/// Collects what is due, unless the disk has no room.
async fn collect(app: &App, collector: &Collector) {
    service::advanced();
    match budget::make_room(app) {
        Ok(None) => {
            collector.collect(app.enabled(), Asked::BySchedule).await;
        }
        Ok(Some(pause)) => warn!(reason = %pause, "collecting pauses"),
        Err(failure) => warn!(reason = failure.report(), "the disk cannot be measured"),
    }
}

/// Collects what is due, summarises what landed, and writes the reports of what ends.
async fn watch_over(
    mut app: App,
    mut store: Arc<dyn Store>,
    mut collector: Collector,
    current: &Current,
    hangup: &mut Hangup,
) -> Outcome<()> {
    let stop = app.stop().clone();
    let mut tried = HashMap::new();
    let mut teller = Teller::default();
    let mut tidied: Option<Timestamp> = None;
    while !stop.is_asked() {
        // What has begun gets its moment before the program ends: an answer on its way is landed.
        collect(&app, &collector).await;
        let sources = summarize::chosen(&app, &[])?;
        let summarized = tokio::select! {
            summarized = summarize::summarize(&app, &store, &sources) => summarized,
            () = stop.patience_over() => break,
        };
        if let Err(failure) = summarized {
            let reason = failure.report();
            warn!(reason, "the store is not available");
            teller.go_on(&app, None);
            tokio::select! {
                () = stop.asked() => {}
                () = tokio::time::sleep(look_max(STORE_RETRY)) => {}
            }
            // Without the store there is no report to write either.
            continue;
        }
        let now = app.now();
        if tidied.is_none_or(|at| now.duration_since(at).abs() >= TIDY_EVERY) {
            if let Err(failure) = budget::tidy_quarantine(&app) {
                warn!(reason = failure.report(), "quarantine was not tidied");
            }
            tidied = Some(now);
        }
        reports(&app, &store, &mut tried).await;
        teller.go_on(&app, Some(&store));
        let next = app
            .enabled()
            .iter()
            .map(|definition| app.schedule(definition).next_after(now))
            .min();
        let clock = app.clock().clone();
        tokio::select! {
            // A slot that begins at this very moment has begun.
            () = async {
                clock.sleep_until(next.unwrap_or(now), look_max(LOOK_MAX)).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            } => {}
            () = stop.asked() => {}
            () = hangup.wished() => {
                let (new_app, new_store) = read_again(app.clone(), store, false, current).await;
                match Collector::new(&new_app) {
                    Ok(new) => collector = new,
                    Err(failure) => refused(&failure),
                }
                (app, store) = (new_app, new_store);
                service::ready("watching");
            }
        }
    }
    teller.end(&stop).await;
    Ok(())
}

/// When a report was last tried.
type Tried = HashMap<(PeriodKind, jiff::civil::Date), Timestamp>;

/// Writes the reports of the last day, week and month that are over and were watched, unless they are there: also after a
/// time when nobody was here to do it. What came late for those before makes new editions, one each turn.
async fn reports(app: &App, store: &Arc<dyn Store>, tried: &mut Tried) {
    let (now, tz, language) = (app.now(), app.tz(), app.config().language);
    for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
        let date = period(kind, local_date(now, tz), tz)
            .date
            .saturating_sub(1.day());
        let over = period(kind, date, tz);
        let due = over
            .end
            .saturating_add(REPORT_AFTER)
            .unwrap_or(Timestamp::MAX);
        let last = Wanted::pdf(kind, date, language);
        let is_new = now >= due && !report::is_reported(app, last) && was_watched(app, &over);
        let mut wanted: Vec<Wanted> = is_new.then_some(last).into_iter().collect();
        wanted.extend(report::due(app, last));
        let next = wanted.into_iter().find(|wanted| {
            let of = (kind, period(kind, wanted.date, tz).date);
            let before = tried.get(&of);
            before.is_none_or(|before| now.duration_since(*before).abs() >= REPORT_RETRY)
        });
        let Some(wanted) = next.filter(|_| !app.stop().is_asked()) else {
            continue;
        };
        tried.insert((kind, period(kind, wanted.date, tz).date), now);
        match report::write(app, store, wanted, true).await {
            Ok(Some(written)) => {
                let edition = written.edition.number;
                info!(path = %written.path.display(), edition, "report written");
                report::pass_on_quietly(app, &written).await;
            }
            // What was reported is still true.
            Ok(None) => {}
            Err(failure) => warn!(reason = failure.report(), "the report was not written"),
        }
    }
    tried.retain(|_, before| now.duration_since(*before).abs() < REPORT_RETRY);
}

/// Whether any source was asked in the period.
fn was_watched(app: &App, period: &Period) -> bool {
    let ledger = app.ledger();
    app.enabled().iter().any(|definition| {
        let counts = ledger.counts(&definition.id, period.start, period.end);
        counts.is_ok_and(|counts| counts.good_slots > 0)
    })
}

/// The longest sleep, so that a service manager that watches is satisfied.
fn look_max(most: Duration) -> Duration {
    service::watchdog().map_or(most, |watchdog| most.min(watchdog / 3))
}

/// Reads the settings again and has the page follow them. What is wrong is said, and the old settings go on.
async fn read_again(
    app: App,
    store: Arc<dyn Store>,
    read_only: bool,
    current: &Current,
) -> (App, Arc<dyn Store>) {
    service::reloading();
    let new = match app.read_again() {
        Ok(new) => new,
        Err(failure) => {
            refused(&failure);
            return (app, store);
        }
    };
    let new_store = if new.config().store.uri == app.config().store.uri {
        store.clone()
    } else {
        match new.store(read_only).await {
            Ok(store) => store,
            Err(failure) => {
                refused(&failure);
                return (app, store);
            }
        }
    };
    if new.config().serve.listen != app.config().serve.listen {
        warn!("serve.listen is another: it counts after a restart");
    }
    current.replace(&new, &new_store);
    info!("settings read again");
    (new, new_store)
}

fn refused(failure: &Failure) {
    let reason = failure.report();
    warn!(reason, "the new settings are wrong: the old ones go on");
}
