//! `vigie demo`: the whole program on a simulated day. The simulator of the providers listens on loopback, and
//! everything else is real: the same collection, summaries, page and PDF.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use tokio::{sync::watch, time::Instant};
use vigie_core::{
    analysis::PeriodKind,
    plan::Asked,
    text::Language,
    time::{self, local_date},
};
use vigie_store::durable;
use vigie_testkit::{FaultPlan, Simulator, SimulatorOptions};

use crate::{
    app::App,
    backfill,
    cli::{self, Global},
    clock::Clock,
    collect::Collector,
    config::{self, FILE_NAME},
    failure::{Exit, Failure, Outcome},
    init, output, report,
    stop::Stop,
    summarize,
    web::Dashboard,
};

/// The folder of a demo that is not told where to be.
const FOLDER: &str = "vigie-demo";
/// The world that is simulated.
const SEED: u64 = 1863;
/// The simulated time between two looks at what is due.
const STEP: SignedDuration = SignedDuration::from_mins(1);
/// Looks between two summaries.
const STEPS_PER_SUMMARY: u32 = 10;
/// The day of a demo that is not told what time it is: an ordinary Thursday.
const DATE: Date = Date::constant(2026, 10, 15);

/// What is fetched of the time before, where the provider keeps it, so that the day has something to be compared with.
const DAYS_BEFORE: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &cli::Demo, stop: Stop) -> Outcome {
    let root = global.dir.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    let root = std::path::absolute(root).map_err(Failure::usage)?;
    let language = args
        .lang
        .map_or_else(init::language_of_environment, Language::from);
    let tz = TimeZone::get("Europe/Paris").map_err(Failure::usage)?;
    let date = global.now.map_or(DATE, |now| local_date(now, &tz));
    let day = time::period(PeriodKind::Day, date, &tz);

    let virtual_now = Arc::new(AtomicI64::new(day.start.as_millisecond()));
    let clock = Clock::Stepped(virtual_now.clone());
    let simulator_clock = clock.clone();
    let options = SimulatorOptions::new(SEED, Arc::new(move || simulator_clock.now()))
        .faults(FaultPlan::demo(day.start));
    let simulator = Simulator::start(options).await.map_err(Failure::usage)?;
    prepare(&root, &args.store, language, &simulator.base_url())?;
    let app = App::with_config(&root, config::load(&root)?, clock)?.stopping_with(stop.clone());
    let store = app.store(false).await?;
    let dashboard = Dashboard::bind(&app, store.clone(), args.listen).await?;
    output::line(&dashboard.url())?;
    let (seconds, folder) = (args.seconds, root.display());
    output::note(&match language {
        Language::Fr => format!(
            "Le {date} passe à Paris en {seconds} secondes environ ; tout ce qui est montré est simulé.\n\
             Son dossier : {folder}"
        ),
        Language::En => format!(
            "A simulated {date} in Paris passes in about {seconds} seconds; everything shown is simulated.\n\
             Its folder: {folder}"
        ),
    });

    let (stopping, mut stopped) = watch::channel(false);
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let serving = dashboard.serve(async move {
        tokio::select! {
            () = stop.asked() => {}
            _ = finished => {}
        }
        stopping.send_replace(true);
    });
    let playing = async {
        let steps = ((day.end.as_second() - day.start.as_second()) / STEP.as_secs()).unsigned_abs();
        let pace = Duration::from_secs(u64::from(args.seconds)).div_f64(steps as f64);
        let collector = Collector::new(&app)?;
        let sources = app.enabled();
        let before = day.start.saturating_sub(DAYS_BEFORE);
        let before = before.map_err(Failure::usage)?;
        for definition in &sources {
            backfill::since(&app, definition, before).await?;
        }
        summarize::summarize(&app, &store, &sources).await?;
        let mut next = Instant::now();
        let mut at = day.start;
        let mut step = 0u32;
        while at < day.end && !*stopped.borrow() {
            virtual_now.store(at.as_millisecond(), Ordering::SeqCst);
            collector.collect(sources.clone(), Asked::BySchedule).await;
            step += 1;
            if step.is_multiple_of(STEPS_PER_SUMMARY) {
                summarize::summarize(&app, &store, &sources).await?;
            }
            at = at.saturating_add(STEP).unwrap_or(Timestamp::MAX);
            next += pace;
            let _ = tokio::time::timeout(
                next.saturating_duration_since(Instant::now()),
                stopped.wait_for(|stopped| *stopped),
            )
            .await;
        }
        summarize::summarize(&app, &store, &sources).await?;
        if !*stopped.borrow() {
            let wanted = report::Wanted::day(date, language);
            if let Some(written) = report::write(&app, &store, wanted, false).await? {
                output::line(&written.path.display().to_string())?;
            }
            if !args.exit {
                output::note(match language {
                    Language::Fr => {
                        "La journée est finie ; la page reste servie. Ctrl-C termine la démonstration."
                    }
                    Language::En => {
                        "The day is over; the page goes on being served. Ctrl-C ends the demo."
                    }
                });
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }
        }
        // The server may have ended by itself.
        let _ = finish.send(());
        Ok(())
    };
    let (served, played): (Outcome<()>, Outcome<()>) = tokio::join!(serving, playing);
    simulator.stop().await;
    served.and(played).map(|()| Exit::Done)
}

/// Makes the folder of the demo anew. Only a folder that is empty or that a demo made is touched.
fn prepare(root: &Path, store: &str, language: Language, simulator: &str) -> Outcome<()> {
    let file = root.join(FILE_NAME);
    let occupied = root.is_dir() && fs::read_dir(root).map_err(Failure::usage)?.next().is_some();
    if occupied {
        let ours =
            fs::read_to_string(&file).is_ok_and(|text| text.contains("\nsimulated = true\n"));
        if !ours {
            let problem = format!(
                "{} is not empty and was not made by the demo",
                root.display()
            );
            return Err(Failure::usage(problem).hint("name another folder with `--dir DIR`"));
        }
        for made in ["data", "reports", "logs"] {
            let made = root.join(made);
            if made.exists() {
                fs::remove_dir_all(&made)
                    .map_err(|error| Failure::usage(format!("{}: {error}", made.display())))?;
            }
        }
    }
    // Also those that belong to no zone around Paris, as the subway of New York.
    let mut text = init::configuration("Paris", store, language, |definition, _| {
        vigie_testkit::SOURCES.contains(&definition.id.as_str())
    })?;
    text = text.replacen(
        "\n\n",
        "\n# Everything in this folder comes from the built-in simulator.\nsimulated = true\n\n",
        1,
    );
    let mut ours = String::new();
    for line in text.lines() {
        ours.push_str(line);
        ours.push('\n');
        if line.starts_with("[sources.") && !line.contains(".params") {
            ours.extend(["base_url = \"", simulator, "\"\n"]);
        }
    }
    durable::write(&file, ours.as_bytes()).map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use vigie_sources::{Catalogue, Domain};

    use super::*;

    #[test]
    fn it_shows_the_ten_domains_and_asks_none_but_the_simulator() {
        let folder = tempfile::tempdir().unwrap();
        let base = "http://127.0.0.1:9";
        prepare(folder.path(), "sqlite:vigie.db", Language::En, base).unwrap();
        let config = config::load(folder.path()).unwrap();
        let of = |id: &str| {
            let mut all = Catalogue::embedded().iter();
            all.find(|definition| definition.id.as_str() == id)
                .unwrap()
                .domain
        };
        let domains: BTreeSet<Domain> = config.sources.keys().map(|id| of(id.as_str())).collect();
        assert!(domains.iter().eq(&Domain::ALL[..10]), "{domains:?}");
        for (id, source) in &config.sources {
            assert!(source.enabled, "{id}");
            assert_eq!(source.base_url.as_deref(), Some(base), "{id}");
        }
    }
}
