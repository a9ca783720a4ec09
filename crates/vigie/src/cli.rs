//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date};
use vigie_core::{
    analysis::PeriodKind,
    text::{Language, SourceId},
};

/// Keeps watch over the live public data of a place: collects them, summarises them, shows them.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "\
Exit codes: 0 done · 1 some source failed, the others were done · 2 wrong command line or \
configuration · 3 the store is unavailable, raw files wait · 4 another run holds the lock"
)]
pub(crate) struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The workspace: the folder that holds vigie.toml [default: the nearest one upwards]
    #[arg(long, global = true, env = "VIGIE_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Believe that it is this time (RFC 3339), for tests and for replaying the past
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
    /// How log lines are written to standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
    /// Say more (-v) or everything (-vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A language of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// French.
    Fr,
    /// English.
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Fr => Language::Fr,
            Lang::En => Language::En,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented vigie.toml for a zone, with the sources that fit it
    Init(Init),
    /// Download sources as dated raw files (step 1)
    Collect(Collect),
    /// Fetch what is missing of the past, where the provider keeps it
    Backfill(Backfill),
    /// Turn raw files into summaries and events, then delete them (step 2)
    #[command(alias = "summarise")]
    Summarize(Summarize),
    /// Write the report of a day, a week or a month, as PDF, HTML or JSON (step 3)
    Report(Report),
    /// Write the dossier of the sources: content, access, rights, what they share, declared against measured
    Dossier(Dossier),
    /// Show the live dashboard
    Serve(Serve),
    /// Collect, summarise and serve, in one process
    Up(Serve),
    /// Print or install the crontab or the systemd units of the three steps
    Schedule(Schedule),
    /// The catalogue of sources
    Sources(Sources),
    /// Each source: last success, age of content, completeness, failures, next run
    Status(Status),
    /// Check the set-up and name what is broken, with the remedy
    Doctor(Doctor),
    /// Look at the alert rules now, and send what there is to tell
    Alerts(Alerts),
    /// Write a consistent copy of the workspace to one file, while everything goes on
    Backup(Backup),
    /// Make a workspace of a backup, in an empty folder
    Restore(Restore),
    /// Write what is stored as CSV, NDJSON or Parquet
    Export(Export),
    /// Play recorded bodies (`YYYYMMDDTHHMMSSZ.EXT`) through the whole pipeline at their own times
    Replay(Replay),
    /// Show everything on a simulated day: no account, no Internet, no other service
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder of the new workspace
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Earth, a continent, a country or a city of more than 15,000 people, in French or English
    #[arg(long)]
    pub(crate) zone: String,
    /// Where summaries are kept: `sqlite:PATH` or `mongodb://HOST/DATABASE`
    #[arg(long, default_value = "sqlite:data/vigie.db")]
    pub(crate) store: String,
    /// The language of comments and reports [default: that of the environment]
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// Replace an existing vigie.toml
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Only these sources [default: all that are enabled]
    pub(crate) sources: Vec<SourceId>,
    /// Only what is due: what cron calls every minute
    #[arg(long)]
    pub(crate) due: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// The source; `vigie sources show SOURCE` says whether it has a history
    pub(crate) source: SourceId,
    /// From this local date (2026-11-23) or time (2026-11-23T09:00:00Z)
    #[arg(long)]
    pub(crate) from: String,
    /// To this local date, included, or time, excluded [default: now]
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// Ask also for what was obtained: after another place, parameter or definition
    #[arg(long)]
    pub(crate) again: bool,
    /// Only say what would be asked for
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Say at the end what came of it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Summarize {
    /// Only these sources [default: all with raw files]
    pub(crate) sources: Vec<SourceId>,
}

/// The length of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Period {
    /// A local day of the zone.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl From<Period> for PeriodKind {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => PeriodKind::Day,
            Period::Week => PeriodKind::Week,
            Period::Month => PeriodKind::Month,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The length of the period
    #[arg(long, value_enum, default_value_t = Period::Day)]
    pub(crate) period: Period,
    /// A date in the period [default: yesterday, or the day before the current week or month]
    #[arg(long)]
    pub(crate) date: Option<Date>,
    /// The language of the report [default: that of vigie.toml]
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// The format [default: that of the file to write, else pdf]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,
    /// The file to write, `-` for standard output [default: `reports/PERIOD_DATE_LANGUAGE.FORMAT`]
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A PDF with the data of its charts attached.
    #[default]
    Pdf,
    /// One file for a browser, without script and network.
    Html,
    /// The analysis itself, in both languages.
    Json,
}

impl ReportFormat {
    /// The ending of its files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            ReportFormat::Pdf => "pdf",
            ReportFormat::Html => "html",
            ReportFormat::Json => "json",
        }
    }

    /// The format of a file by its ending.
    pub(crate) fn of(path: &std::path::Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        let all = [ReportFormat::Pdf, ReportFormat::Html, ReportFormat::Json];
        all.into_iter()
            .find(|format| format.extension().eq_ignore_ascii_case(extension))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Alerts {
    /// Send a test message by every channel instead
    #[arg(long)]
    pub(crate) test: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Dossier {
    /// The file to write: .pdf, .html or .md [default: Markdown to standard output]
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
    /// The language of the dossier [default: that of vigie.toml]
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Lang>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address of the dashboard [default: that of vigie.toml, 127.0.0.1:8470]
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Schedule {
    /// For whom
    #[arg(value_enum)]
    pub(crate) target: ScheduleTarget,
    /// Install instead of printing
    #[arg(long)]
    pub(crate) install: bool,
    /// Instead of the three steps, one service that runs for ever, watched by systemd
    #[arg(long, value_enum)]
    pub(crate) service: Option<Service>,
}

/// A service that runs for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    /// `vigie up`.
    Up,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleTarget {
    /// The user's crontab.
    Cron,
    /// The user's systemd.
    Systemd,
}

#[derive(Debug, Args)]
pub(crate) struct Sources {
    #[command(subcommand)]
    pub(crate) command: SourcesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourcesCommand {
    /// All sources: domain, period, access, licence
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// The sheet of a source
    Show {
        /// The source
        source: SourceId,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// The language of the sheet
        #[arg(long, value_enum)]
        lang: Option<Lang>,
    },
    /// Propose a definition from a saved body, with what only you can know marked TODO
    New(NewSource),
    /// Add a bike or scooter network by its identifier in the directory of GBFS systems, or list those of the zone
    Gbfs(Gbfs),
    /// Check a definition, and show the rows that it extracts from a saved body
    Check {
        /// The definition (source.toml)
        file: PathBuf,
        /// A saved body
        #[arg(long)]
        sample: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// The formats of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BodyFormat {
    /// JSON, or JSON in a call.
    Json,
    /// JSON of features.
    Geojson,
    /// XML.
    Xml,
    /// Comma-separated values and their kin.
    Csv,
    /// Protocol buffers of GTFS-realtime.
    GtfsRealtime,
}

#[derive(Debug, Args)]
pub(crate) struct NewSource {
    /// A saved body of the feed
    pub(crate) body: PathBuf,
    /// The identifier of the source [default: made from the name of the written file, or of the body]
    #[arg(long)]
    pub(crate) id: Option<SourceId>,
    /// The address that the body came from
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The format of the body [default: found out]
    #[arg(long, value_enum)]
    pub(crate) format: Option<BodyFormat>,
    /// The language of the comments [default: that of the environment]
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// The file to write [default: standard output]
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Gbfs {
    /// The identifier of the system [default: list those of the zone's country]
    pub(crate) system: Option<String>,
    /// A saved copy of the directory (`systems.csv`) [default: as `MobilityData` publishes it]
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,
    /// Scheme, host and port to ask instead of the network's own: a mirror of its feeds
    #[arg(long)]
    pub(crate) base_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// One line for a monitor, and its exit code: 0 fine, 1 warning, 2 critical, 3 unknown
    #[arg(long, conflicts_with = "json")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 nothing is wrong (notes may be there) · 1 a warning or something critical was found · \
2 the settings cannot be read")]
pub(crate) struct Doctor {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write (`.tar.zst`), or a folder, where its name says the zone and the time
    pub(crate) target: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The folder of the new workspace, which must be empty
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Into another store than the one that was backed up: `sqlite:PATH` or `mongodb://HOST/DATABASE`
    #[arg(long)]
    pub(crate) store: Option<String>,
}

/// What to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportWhat {
    /// Hourly summaries.
    Summaries,
    /// Events at their latest revision.
    Events,
    /// The ledger of captures.
    Captures,
}

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// What to export
    #[arg(value_enum)]
    pub(crate) what: ExportWhat,
    /// The format
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(crate) format: ExportFormat,
    /// Only this source
    #[arg(long)]
    pub(crate) source: Option<SourceId>,
    /// From this local date of the zone, or this time (RFC 3339)
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Up to this local date (included), or before this time (RFC 3339)
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// As it was known at this time (RFC 3339): without what was fetched later, and before its revisions
    #[arg(long, value_name = "TIME")]
    pub(crate) known_at: Option<Timestamp>,
    /// The file to write [default: standard output]
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The folder of bodies; or of one folder per source, named as the source
    pub(crate) folder: PathBuf,
    /// The source that the bodies are of [default: the folder's name]
    #[arg(long)]
    pub(crate) source: Option<SourceId>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Stop after the PDF is written
    #[arg(long)]
    pub(crate) exit: bool,
    /// How long the simulated day takes, in seconds
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    pub(crate) seconds: u32,
    /// The address of the page
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Where summaries are kept, to see the demo on MongoDB
    #[arg(long, default_value = "sqlite:data/vigie.db")]
    pub(crate) store: String,
    /// The language of the report [default: that of the environment]
    #[arg(long, value_enum)]
    pub(crate) lang: Option<Lang>,
}
