//! `vigie report`: the report of a day, a week or a month, as PDF, HTML or JSON.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{ToSpan as _, civil::Date};
use vigie_core::{
    analysis::PeriodKind,
    text::Language,
    time::{local_date, period},
};
use vigie_report::{ReportOptions, render_html, render_pdf};
use vigie_store::{durable, store::Store};

use crate::{
    analyse::analyse,
    app::{App, RunEvent},
    cli::{self, ReportFormat},
    failure::{Exit, Failure, Outcome},
    notify::{self, Channel, Message},
    output,
};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &cli::Report) -> Outcome {
    let kind = PeriodKind::from(args.period);
    let today = local_date(app.now(), app.tz());
    // The last period that is over.
    let last = period(kind, today, app.tz()).date.saturating_sub(1.day());
    let store = app.store(true).await?;
    let language = args.lang.map_or(app.config().language, Language::from);
    let named = args.output.as_deref().and_then(ReportFormat::of);
    let wanted = Wanted {
        kind,
        date: args.date.unwrap_or(last),
        language,
        format: args.format.or(named).unwrap_or_default(),
    };
    if args.output.as_deref() == Some(Path::new("-")) {
        let (_, bytes) = make(app, &store, wanted).await?;
        output::bytes(&bytes)?;
        return Ok(Exit::Done);
    }
    let path = write(app, &store, wanted, args.output.clone()).await?;
    output::line(&path.display().to_string())?;
    // A file that somebody asks for by its name is for them alone.
    let told = match args.output {
        Some(_) => Vec::new(),
        None => tell(app, wanted, &path).await,
    };
    for reason in &told {
        output::note(&format!(
            "the report was written, and not passed on: {reason}"
        ));
    }
    Ok(if told.is_empty() {
        Exit::Done
    } else {
        Exit::SomeFailed
    })
}

/// Passes a report on, by `report.on_done` and mail. Returns what went wrong.
pub(crate) async fn tell(app: &App, wanted: Wanted, path: &Path) -> Vec<String> {
    let settings = &app.config().report;
    if settings.on_done.is_empty() && !settings.email {
        return Vec::new();
    }
    let zone = app.config().zone.name.get(wanted.language);
    let first = period(wanted.kind, wanted.date, app.tz()).date;
    let word = match (wanted.language, wanted.kind) {
        (Language::Fr, PeriodKind::Day) => "rapport du jour",
        (Language::Fr, PeriodKind::Week) => "rapport de la semaine du",
        (Language::Fr, PeriodKind::Month) => "rapport du mois du",
        (Language::En, PeriodKind::Day) => "report of the day",
        (Language::En, PeriodKind::Week) => "report of the week of",
        (Language::En, PeriodKind::Month) => "report of the month of",
    };
    let subject = format!("[Vigie {zone}] {word} {first}");
    let message = Message {
        id: notify::identity(&["report", &subject, &app.now().to_string()]),
        text: format!("{subject}\n{}", path.display()),
        subject,
        data: serde_json::json!({
            "kind": "report",
            "period": wanted.kind,
            "date": first,
            "language": wanted.language,
            "zone": zone,
            "simulated": app.config().simulated,
        }),
        file: Some(path.to_path_buf()),
    };
    let mut failed = Vec::new();
    if !settings.on_done.is_empty()
        && let Err(reason) = notify::hook(app, &settings.on_done, &message).await
    {
        failed.push(format!("report.on_done: {reason}"));
    }
    if settings.email
        && let Err(reason) = notify::send(app, Channel::Email, &message).await
    {
        failed.push(format!("notify.email: {reason}"));
    }
    failed
}

/// Which report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The length of its period.
    pub(crate) kind: PeriodKind,
    /// A date in the period.
    pub(crate) date: Date,
    /// Its language.
    pub(crate) language: Language,
    /// Its format.
    pub(crate) format: ReportFormat,
}

impl Wanted {
    /// The PDF of a day.
    pub(crate) fn day(date: Date, language: Language) -> Self {
        Self::pdf(PeriodKind::Day, date, language)
    }

    /// The PDF of a period.
    pub(crate) fn pdf(kind: PeriodKind, date: Date, language: Language) -> Self {
        Self {
            kind,
            date,
            language,
            format: ReportFormat::Pdf,
        }
    }
}

/// The options of every report: the user's template, if there is one.
pub(crate) fn options(app: &App, language: Language) -> Outcome<ReportOptions> {
    let template = app.config().report.template.as_ref().map(|file| {
        let path = app.root().join(file);
        fs::read_to_string(&path).map_err(|error| {
            Failure::usage(format!("report.template: {}: {error}", path.display()))
                .hint("name a Typst file, relative to the folder of vigie.toml, or leave it out")
        })
    });
    Ok(ReportOptions {
        language,
        template: template.transpose()?,
        ..ReportOptions::default()
    })
}

/// Makes a report: the first date of its period, and its bytes.
pub(crate) async fn make(
    app: &App,
    store: &Arc<dyn Store>,
    wanted: Wanted,
) -> Outcome<(Date, Vec<u8>)> {
    let analysis = analyse(app, store, wanted.kind, wanted.date).await?;
    let first = analysis.period.date;
    let options = options(app, wanted.language)?;
    let bytes = tokio::task::spawn_blocking(move || match wanted.format {
        ReportFormat::Pdf => render_pdf(&analysis, &options).map_err(Failure::usage),
        ReportFormat::Html => Ok(render_html(&analysis, &options).into_bytes()),
        ReportFormat::Json => serde_json::to_vec_pretty(&analysis)
            .map(|mut json| {
                json.push(b'\n');
                json
            })
            .map_err(Failure::usage),
    });
    Ok((first, bytes.await.map_err(Failure::usage)??))
}

/// Writes a report and returns its path.
pub(crate) async fn write(
    app: &App,
    store: &Arc<dyn Store>,
    wanted: Wanted,
    output: Option<PathBuf>,
) -> Outcome<PathBuf> {
    let (first, bytes) = make(app, store, wanted).await?;
    let path = output.unwrap_or_else(|| usual_path(app, wanted, first));
    let path = std::path::absolute(path).map_err(Failure::usage)?;
    durable::write(&path, &bytes).map_err(Failure::usage)?;
    app.tell(RunEvent::ReportWritten { path: path.clone() });
    Ok(path)
}

/// Where a report is written, unless somebody says otherwise. `first` is the first date of its period.
pub(crate) fn usual_path(app: &App, wanted: Wanted, first: Date) -> PathBuf {
    let word = match wanted.kind {
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
    };
    let tag = match wanted.language {
        Language::Fr => "fr",
        Language::En => "en",
    };
    let name = format!("{word}_{first}_{tag}.{}", wanted.format.extension());
    app.root().join("reports").join(name)
}
