//! `vigie doctor`: checks the set-up and names what is broken, with the remedy.
//!
//! Names are for programs and stay as they are; `docs/operation.md` lists them.

mod disk;
mod sources;
mod store;

use std::path::Path;

use serde::Serialize;
use vigie_store::{
    durable,
    ledger::{Ledger, LedgerError},
};

use crate::{
    alerts,
    app::App,
    cli::{self, Global},
    clock::Clock,
    config::{self, FILE_NAME},
    failure::{Exit, Failure, Outcome, chain},
    fetch::Fetcher,
    output,
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    /// As it should be.
    Fine,
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Something needs to be done, sooner or later.
    Warning,
    /// The watch does not do its work.
    Critical,
}

/// What was checked, or what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    // Checks that came out well.
    Settings,
    DataFolder,
    Disk,
    HttpClient,
    Ledger,
    Store,
    Clock,
    Schedule,
    Request,
    RawFiles,
    // What is wrong.
    SettingsWrong,
    TimeZoneUnknown,
    DataReadOnly,
    DataUnwritable,
    DataShared,
    DiskFull,
    DiskBelowReserve,
    DiskBudgetExceeded,
    HttpClientBroken,
    LedgerDamaged,
    LedgerNewer,
    LedgerForeign,
    LedgerLocked,
    LedgerUnwritable,
    LedgerUnavailable,
    StoreMissing,
    StoreUnavailable,
    StoreLocked,
    StoreDamaged,
    StoreForeign,
    StoreNewer,
    StoreOlder,
    StoreFull,
    StoreReadOnly,
    StoreRefused,
    ClockBehind,
    ClockSkew,
    ScheduleMissing,
    AlertImpossible,
    KeyMissing,
    RequestImpossible,
    QuotaImpossible,
    SourceFailing,
    SourceSilent,
    SourceStale,
    RawAltered,
    RawCut,
    RawEmpty,
    RawForeign,
    RawTooLarge,
    RawUnreadable,
    RawWaitingLong,
    RawWithoutDefinition,
    RawWithoutManifest,
    ManifestDamaged,
    ManifestNewer,
    ManifestForeign,
    ManifestWithoutBody,
    TemporaryLeftOver,
    LockHeldLong,
    QuarantineGrowing,
    ArchiveCut,
    ArchiveDamaged,
}

impl Name {
    fn severity(self) -> Severity {
        match self {
            Name::Settings
            | Name::DataFolder
            | Name::Disk
            | Name::HttpClient
            | Name::Ledger
            | Name::Store
            | Name::Clock
            | Name::Schedule
            | Name::Request
            | Name::RawFiles => Severity::Fine,
            Name::RawWithoutManifest => Severity::Note,
            Name::StoreOlder
            | Name::ClockSkew
            | Name::ScheduleMissing
            | Name::AlertImpossible
            | Name::KeyMissing
            | Name::RequestImpossible
            | Name::QuotaImpossible
            | Name::SourceFailing
            | Name::SourceSilent
            | Name::SourceStale
            | Name::RawAltered
            | Name::RawCut
            | Name::RawEmpty
            | Name::RawForeign
            | Name::RawTooLarge
            | Name::RawUnreadable
            | Name::RawWaitingLong
            | Name::RawWithoutDefinition
            | Name::ManifestDamaged
            | Name::ManifestNewer
            | Name::ManifestForeign
            | Name::ManifestWithoutBody
            | Name::TemporaryLeftOver
            | Name::LockHeldLong
            | Name::QuarantineGrowing
            | Name::ArchiveCut
            | Name::ArchiveDamaged => Severity::Warning,
            Name::SettingsWrong
            | Name::TimeZoneUnknown
            | Name::DataReadOnly
            | Name::DataUnwritable
            | Name::DataShared
            | Name::DiskFull
            | Name::DiskBelowReserve
            | Name::DiskBudgetExceeded
            | Name::HttpClientBroken
            | Name::LedgerDamaged
            | Name::LedgerNewer
            | Name::LedgerForeign
            | Name::LedgerLocked
            | Name::LedgerUnwritable
            | Name::LedgerUnavailable
            | Name::StoreMissing
            | Name::StoreUnavailable
            | Name::StoreLocked
            | Name::StoreDamaged
            | Name::StoreForeign
            | Name::StoreNewer
            | Name::StoreFull
            | Name::StoreReadOnly
            | Name::StoreRefused
            | Name::ClockBehind => Severity::Critical,
        }
    }

    /// What to do about it.
    fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Name::Settings
            | Name::DataFolder
            | Name::Disk
            | Name::HttpClient
            | Name::Ledger
            | Name::Store
            | Name::Clock
            | Name::Schedule
            | Name::Request
            | Name::RawFiles => return None,
            Name::SettingsWrong => {
                "correct vigie.toml; `vigie init --help` shows how to write a new one"
            }
            Name::TimeZoneUnknown => {
                "write an IANA time zone such as Europe/Paris as zone.time_zone"
            }
            Name::DataReadOnly => "mount it for writing, or give it to this user (chown)",
            Name::DataUnwritable => "see to it that this user can write files there",
            Name::DataShared => {
                "give each workspace a data folder of its own, or remove one of the two workspaces"
            }
            Name::DiskFull => "free some space; nothing is lost",
            Name::DiskBelowReserve => "free some space, or lower disk.reserve_bytes",
            Name::DiskBudgetExceeded => {
                "run `vigie summarize` (is the store there?), or raise disk.budget_bytes"
            }
            Name::HttpClientBroken => "correct `[http]` in vigie.toml",
            Name::LedgerDamaged => {
                "restore it from a backup, or move it away with its -wal and -shm files; raw files are taken up again from their \
                 manifests"
            }
            Name::LedgerNewer | Name::StoreNewer | Name::ManifestNewer => "update vigie",
            Name::LedgerForeign => "move that file away; a new ledger is then made",
            Name::LedgerLocked => "end the process that holds it",
            Name::LedgerUnwritable => {
                "give the data folder to this user (chown), or run as its owner"
            }
            Name::LedgerUnavailable => "check the disk",
            Name::StoreMissing => {
                "bring it back or correct store.uri; else restore a backup, or feed archived raw files to `vigie replay`"
            }
            Name::StoreUnavailable => {
                "see to it that it runs and can be reached; raw files wait, nothing is lost"
            }
            Name::StoreLocked => "end the program that holds it; raw files wait, nothing is lost",
            Name::StoreDamaged => {
                "restore it from a backup, or move it away and feed archived raw files to `vigie replay`"
            }
            Name::StoreForeign => "choose another path or database in store.uri",
            Name::StoreOlder => "run `vigie summarize` once, which brings it up to date",
            Name::StoreFull => {
                "free some space where the store is; raw files wait, nothing is lost"
            }
            Name::StoreReadOnly => "let this user write it",
            Name::StoreRefused => "check the server and the permissions of its user",
            Name::ClockBehind => {
                "set the clock of this machine (NTP): until then the newest captures lie in the future"
            }
            Name::ClockSkew => "set the clock of this machine (NTP)",
            Name::ScheduleMissing => {
                "run `vigie up`, or `vigie schedule cron --install` or `systemd --install`"
            }
            Name::AlertImpossible => "correct the rule under [[alerts]] in vigie.toml",
            Name::KeyMissing => {
                "get a key and put it into the environment (vigie.env for cron and systemd)"
            }
            Name::RequestImpossible => "correct the source's settings",
            Name::QuotaImpossible => "raise collect_seconds of these sources, or disable some",
            Name::SourceFailing => {
                "read the reason; `vigie sources show` has the provider's address"
            }
            Name::SourceSilent => "see that collecting runs: `vigie up`, cron or systemd",
            Name::SourceStale => {
                "the provider may have stopped: look at its page, or disable the source"
            }
            Name::RawAltered => {
                "restore the file, or delete its manifest to have it taken as it is"
            }
            Name::RawCut => "restore the file; else `vigie summarize` sets it aside",
            Name::RawEmpty => "nothing to do: `vigie summarize` sets it aside",
            Name::RawForeign => "move it away",
            Name::RawTooLarge => "raise http.body_bytes_max, or take the file away",
            Name::RawUnreadable => "let this user read it",
            Name::RawWaitingLong => "run `vigie summarize`, or see `vigie schedule`",
            Name::RawWithoutDefinition => {
                "put its definition back into sources/, or move the folder away"
            }
            Name::RawWithoutManifest => "nothing to do: it is adopted as it is",
            Name::ManifestDamaged => {
                "restore it, or delete it to have the raw file adopted as it is"
            }
            Name::ManifestForeign => {
                "restore the right one, or delete it to have the raw file adopted"
            }
            Name::ManifestWithoutBody | Name::TemporaryLeftOver => {
                "left by a kill: `vigie summarize` sweeps it; else delete it"
            }
            Name::LockHeldLong => "see what that process does; ending it releases the lock",
            Name::QuarantineGrowing => "read the reason; the provider may have changed its answers",
            Name::ArchiveCut | Name::ArchiveDamaged => {
                "restore it from a backup, or move it away to have a new one begun"
            }
        })
    }
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    name: Name,
    severity: Severity,
    /// Whether nothing needs to be done.
    well: bool,
    /// The file, source or setting.
    place: String,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Report(Vec<Check>);

impl Report {
    fn add(&mut self, name: Name, place: impl Into<String>, found: impl Into<String>) {
        self.add_as(name, name.severity(), place, found);
    }

    fn add_as(
        &mut self,
        name: Name,
        severity: Severity,
        place: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.0.push(Check {
            name,
            severity,
            well: severity < Severity::Warning,
            place: place.into(),
            found: found.into(),
            remedy: name.remedy(),
        });
    }

    fn print(&self, json: bool) -> Outcome<()> {
        if json {
            return output::json(&self.0);
        }
        for check in &self.0 {
            let mark = match check.severity {
                Severity::Fine => "✓",
                Severity::Note => "·",
                Severity::Warning => "!",
                Severity::Critical => "✗",
            };
            let mut text = format!("{mark} {}: {}", check.place, check.found);
            if let Some(remedy) = check.remedy {
                text.extend(["; ", remedy]);
            }
            output::line(&text)?;
        }
        Ok(())
    }

    fn exit(&self) -> Exit {
        if self.0.iter().all(|check| check.well) {
            Exit::Done
        } else {
            Exit::SomeFailed
        }
    }
}

/// Runs the command.
pub(crate) async fn run(global: &Global, args: &cli::Doctor) -> Outcome {
    let root = config::find_root(global.dir.as_deref())?;
    let clock = global.now.map_or(Clock::System, Clock::Fixed);
    let mut report = Report::default();
    match look(&root, clock, &mut report).await {
        Ok(()) => {
            report.print(args.json)?;
            Ok(report.exit())
        }
        Err(failure) => {
            let said = failure.report();
            let name = if said.contains("zone.time_zone") {
                Name::TimeZoneUnknown
            } else {
                Name::SettingsWrong
            };
            report.add(name, root.join(FILE_NAME).display().to_string(), said);
            report.print(args.json)?;
            Err(failure)
        }
    }
}

/// Looks at everything. An error is about the settings: without them nothing else can be looked at.
async fn look(root: &Path, clock: Clock, report: &mut Report) -> Outcome<()> {
    let config = config::load(root)?;
    let data = root.join("data");
    let probe = data.join("doctor.probe");
    let written = durable::write(&probe, b"vigie");
    match &written {
        Ok(()) => {
            // It was just written: what keeps it from being removed is seen by the next check.
            let _ = std::fs::remove_file(&probe);
            report.add(
                Name::DataFolder,
                data.display().to_string(),
                "can be written",
            );
        }
        Err(error) => {
            let name = if error.is_full() {
                Name::DiskFull
            } else if error.is_forbidden() {
                Name::DataReadOnly
            } else {
                Name::DataUnwritable
            };
            report.add(name, data.display().to_string(), chain(error));
        }
    }
    let path = data.join("ledger.db");
    match Ledger::open(&path, false).and_then(|ledger| ledger.check()) {
        Ok(()) => report.add(
            Name::Ledger,
            path.display().to_string(),
            "all pages can be read",
        ),
        Err(error) => {
            report.add(
                ledger_name(&error),
                path.display().to_string(),
                chain(&error),
            );
            // Nothing is known of any source.
            return Ok(());
        }
    }
    let app = App::with_config(root, config, clock)?;
    let settings = root.join(FILE_NAME).display().to_string();
    report.add(
        Name::Settings,
        settings,
        format!("{} sources enabled", app.enabled().len()),
    );
    match Fetcher::new(&app.config().http) {
        Ok(_) => report.add(Name::HttpClient, "HTTP client", "rustls"),
        Err(error) => report.add(Name::HttpClientBroken, "HTTP client", error.report()),
    }
    disk::room(&app, report)?;
    store::check(&app, report).await?;
    disk::shared(&app, report)?;
    disk::locks(&app, report)?;
    disk::left_over(&app, report)?;
    disk::archives(&app, report)?;
    sources::clock(&app, report)?;
    sources::schedule(&app, report).await?;
    sources::quotas(&app, report);
    for problem in alerts::problems(&app) {
        report.add(Name::AlertImpossible, FILE_NAME, problem);
    }
    for definition in app.enabled() {
        sources::source(&app, &definition, report)?;
    }
    sources::raw(&app, report)
}

fn ledger_name(error: &LedgerError) -> Name {
    match error {
        LedgerError::Newer { .. } => Name::LedgerNewer,
        LedgerError::NotALedger { .. } => Name::LedgerForeign,
        LedgerError::Damaged { .. } => Name::LedgerDamaged,
        LedgerError::Busy { .. } => Name::LedgerLocked,
        LedgerError::Full { .. } => Name::DiskFull,
        LedgerError::Forbidden { .. } => Name::LedgerUnwritable,
        _ => Name::LedgerUnavailable,
    }
}

/// An error of the ledger in the middle of a check.
fn failed(error: LedgerError) -> Failure {
    Failure::usage(error)
}
