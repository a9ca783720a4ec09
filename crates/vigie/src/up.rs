//! `vigie serve` and `vigie up`.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tokio::sync::watch;
use tracing::{info, warn};
use vigie_core::{
    analysis::PeriodKind,
    plan::Asked,
    time::{day_start, local_date},
};
use vigie_store::store::Store;

use crate::{
    app::App,
    cli,
    collect::Collector,
    failure::{Exit, Failure, Outcome},
    output, report, summarize,
    web::Dashboard,
};

/// The longest sleep between two looks at what is due.
const LOOK_MAX: Duration = Duration::from_mins(1);
/// How long after midnight the report of the day before is written, so that late data is in it.
const REPORT_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// How long to wait before a store that is away is asked again.
const STORE_RETRY: Duration = Duration::from_secs(10);

/// `vigie serve`: the dashboard alone; other processes collect and summarise. While the store is away the page says so.
pub(crate) async fn serve(app: &App, args: &cli::Serve) -> Outcome {
    let store = app.store_or_wait(true).await?;
    let listen = args.listen.unwrap_or(app.config().serve.listen);
    let dashboard = Dashboard::bind(app, store, listen).await?;
    output::line(&dashboard.url())?;
    dashboard.serve(stop_signal()?).await?;
    Ok(Exit::Done)
}

/// `vigie up`: everything in one process.
pub(crate) async fn run(app: &App, args: &cli::Serve) -> Outcome {
    let signal = stop_signal()?;
    let collector = Collector::new(app)?;
    // Collecting needs no store: while it is away raw files wait, and the page says so.
    let store = app.store_or_wait(false).await?;
    let listen = args.listen.unwrap_or(app.config().serve.listen);
    let dashboard = Dashboard::bind(app, store.clone(), listen).await?;
    output::line(&dashboard.url())?;
    let (stopping, stopped) = watch::channel(false);
    let serving = dashboard.serve(async move {
        signal.await;
        stopping.send_replace(true);
    });
    let (served, ran) = tokio::join!(serving, watch_over(app, &store, &collector, stopped));
    served.and(ran).map(|()| Exit::Done)
}

/// Collects what is due, summarises what landed, and writes the report of each day that ends.
async fn watch_over(
    app: &App,
    store: &Arc<dyn Store>,
    collector: &Collector,
    mut stopped: watch::Receiver<bool>,
) -> Outcome<()> {
    let mut reported = local_date(app.now(), app.tz());
    while !*stopped.borrow() {
        // What has begun is finished before the program ends: an answer on its way is landed.
        collector.collect(app.enabled(), Asked::BySchedule).await;
        let sources = summarize::chosen(app, &[])?;
        if let Err(failure) = summarize::summarize(app, store, &sources).await {
            warn!("{}; raw files wait", failure.report());
            pause(&mut stopped, STORE_RETRY).await;
            // Without the store there is no report to write either.
            continue;
        }
        let today = local_date(app.now(), app.tz());
        let due = day_start(today, app.tz())
            .saturating_add(REPORT_AFTER)
            .unwrap_or(Timestamp::MAX);
        if today > reported && app.now() >= due {
            let yesterday = today.saturating_sub(1.day());
            let language = app.config().language;
            match report::write(app, store, PeriodKind::Day, yesterday, language, None).await {
                Ok(path) => info!(path = %path.display(), "report written"),
                Err(failure) => warn!("{}", failure.report()),
            }
            reported = today;
        }
        let now = app.now();
        let next = app
            .enabled()
            .iter()
            .map(|definition| app.schedule(definition).next_after(now))
            .min();
        let clock = app.clock().clone();
        tokio::select! {
            () = clock.sleep_until(next.unwrap_or(now), LOOK_MAX) => {}
            _ = stopped.changed() => {}
        }
        // A slot that begins at this very moment has begun.
        pause(&mut stopped, Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn pause(stopped: &mut watch::Receiver<bool>, time: Duration) {
    // Either way it is time to look again.
    let _ = tokio::time::timeout(time, stopped.wait_for(|stopped| *stopped)).await;
}

/// Ends with Ctrl-C or SIGTERM.
pub(crate) fn stop_signal() -> Outcome<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::usage)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::usage)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
