//! Vigie keeps watch over the live public data of a place. See `ARCHITECTURE.md`.

mod alerts;
mod analyse;
mod app;
mod backfill;
mod backup;
mod budget;
mod cli;
mod clock;
mod collect;
mod config;
mod crash;
mod days;
mod demo;
mod doctor;
mod dossier;
mod export;
mod failure;
mod fetch;
mod gazetteer;
mod heard;
mod init;
mod judge;
mod known;
mod notify;
mod outbox;
mod output;
mod recorder;
mod replay;
mod report;
mod retention;
mod schedule;
mod service;
mod sheet;
#[cfg(test)]
#[allow(
    clippy::cast_possible_wrap,
    clippy::print_stderr,
    reason = "small numbers, and a replayed seed tells its story"
)]
mod simulation;
mod sources;
mod status;
mod stop;
mod summarize;
mod turn;
mod up;
mod web;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use vigie_core::plan::Asked;

use crate::{
    app::App,
    cli::{Cli, Command, LogFormat},
    clock::Clock,
    collect::Collector,
    failure::{Failure, Outcome},
    stop::Stop,
};

fn main() -> ExitCode {
    vigie_memory::share_arenas();
    let cli = Cli::parse();
    log_to_standard_error(&cli);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::usage)
        .and_then(|runtime| {
            let stop = Stop::default();
            let outcome = runtime.block_on(run_until_told(cli, stop.clone()));
            if stop.is_asked() {
                // Threads that wait for a disk or a store are not waited for: what they do is whole or not at all.
                runtime.shutdown_background();
            }
            outcome
        });
    let exit = outcome.unwrap_or_else(|failure| {
        output::note(&failure.report());
        failure.exit
    });
    ExitCode::from(exit as u8)
}

/// Runs a command. Those that write to the workspace end in order when they are told to; the others just end.
async fn run_until_told(cli: Cli, stop: Stop) -> Outcome {
    match &cli.command {
        Command::Serve(_) | Command::Up(_) | Command::Demo(_) => {
            stop::in_order(stop.clone(), true, run(cli, stop)).await
        }
        Command::Collect(_)
        | Command::Backfill(_)
        | Command::Summarize(_)
        | Command::Replay(_)
        | Command::Backup(_)
        | Command::Restore(_) => stop::in_order(stop.clone(), false, run(cli, stop)).await,
        _ => run(cli, stop).await,
    }
}

async fn run(cli: Cli, stop: Stop) -> Outcome {
    let global = &cli.global;
    match &cli.command {
        Command::Init(args) => init::run(args),
        Command::Demo(args) => demo::run(global, args, stop).await,
        Command::Sources(args) => sources::run(global, args).await,
        Command::Restore(args) => backup::restore(global, args, stop).await,
        // These two say what is wrong also where the workspace cannot be opened.
        Command::Doctor(args) => doctor::run(global, args).await,
        Command::Status(args) => status::run(global, args),
        command => {
            let root = config::find_root(global.dir.as_deref())?;
            let clock = global.now.map_or(Clock::System, Clock::Fixed);
            let app = App::open(&root, clock)?.stopping_with(stop);
            run_in_workspace(&app, command).await
        }
    }
}

async fn run_in_workspace(app: &App, command: &Command) -> Outcome {
    match command {
        Command::Collect(args) => {
            let sources = app.chosen(&args.sources)?;
            let asked = if args.due {
                Asked::BySchedule
            } else {
                Asked::ByName
            };
            if let Some(pause) = budget::make_room(app)? {
                return Err(pause.into());
            }
            app.register()?;
            let attempts = Collector::new(app)?.collect(sources, asked).await;
            collect::print(&attempts)?;
            Ok(collect::exit_of(&attempts))
        }
        Command::Backfill(args) => backfill::run(app, args).await,
        Command::Summarize(args) => {
            let sources = summarize::chosen(app, &args.sources)?;
            let summarized = match app.store(false).await {
                Ok(store) => summarize::summarize(app, &store, &sources)
                    .await
                    .map(|all| (store, all)),
                Err(failure) => Err(failure),
            };
            let (store, all) = match summarized {
                Ok(summarized) => summarized,
                Err(failure) => {
                    // That nothing comes any more is told all the same.
                    alerts::look_quietly(app, None).await;
                    outbox::deliver_quietly(app).await;
                    return Err(failure);
                }
            };
            summarize::print(&all)?;
            budget::tidy_quarantine(app)?;
            alerts::look_quietly(app, Some(&store)).await;
            outbox::deliver_quietly(app).await;
            Ok(summarize::exit_of(&all))
        }
        Command::Report(args) => report::run(app, args).await,
        Command::Alerts(args) => alerts::run(app, args).await,
        Command::Dossier(args) => dossier::run(app, args).await,
        Command::Serve(args) => up::serve(app, args).await,
        Command::Up(args) => up::run(app, args).await,
        Command::Schedule(args) => schedule::run(app, args).await,
        Command::Export(args) => export::run(app, args).await,
        Command::Replay(args) => replay::run(app, args).await,
        Command::Backup(args) => backup::run(app, args).await,
        Command::Init(_)
        | Command::Demo(_)
        | Command::Sources(_)
        | Command::Restore(_)
        | Command::Doctor(_)
        | Command::Status(_) => {
            unreachable!(
                "these commands do not need a workspace that can be opened and were run before"
            )
        }
    }
}

fn log_to_standard_error(cli: &Cli) {
    let global = &cli.global;
    let level = match global.verbose {
        // The faults of the demo are on its page.
        0 if matches!(cli.command, Command::Demo(_)) => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("VIGIE_LOG").unwrap_or_else(|_| {
        // That a service starts, stops and reads its settings again is worth a line always.
        let service = if level == "warn" {
            ",vigie::up=info,vigie::stop=info"
        } else {
            ""
        };
        EnvFilter::new(format!("error,vigie={level}{service}"))
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber can only come from a test harness, which then keeps its own.
    let _ = match global.log {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder
            .with_target(false)
            .with_ansi(output::is_terminal())
            .try_init(),
    };
}
