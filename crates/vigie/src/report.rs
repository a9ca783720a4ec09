//! `vigie report`: the report of a day, a week or a month, as PDF, HTML or JSON.

mod edition;
mod message;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{SignedDuration, ToSpan as _, civil::Date};
use serde::Serialize;
use vigie_core::{
    analysis::{Analysis, PeriodKind},
    edition::Edition,
    text::Language,
    time::{local_date, period},
};
use vigie_report::{ReportOptions, render_html, render_pdf};
use vigie_store::{durable, store::Store};

pub(crate) use self::{
    edition::{Report, due, is_reported, write},
    message::pass_on_quietly,
};
use crate::{
    analyse::analyse,
    app::{App, RunEvent},
    cli::{self, ReportFormat},
    failure::{Exit, Failure, Outcome},
    notify::Channel,
    outbox, output,
};

/// How long after its end a period is reported, so that late data is in it.
pub(crate) const REPORT_AFTER: SignedDuration = edition::REPORT_AFTER;

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
    if let Some(path) = &args.output {
        // A file that somebody asks for by its name is for them alone.
        let bytes = make(app, &store, wanted).await?;
        if path == Path::new("-") {
            output::bytes(&bytes)?;
            return Ok(Exit::Done);
        }
        let path = std::path::absolute(path).map_err(Failure::usage)?;
        durable::write(&path, &bytes).map_err(Failure::usage)?;
        app.tell(RunEvent::ReportWritten { path: path.clone() });
        output::line(&path.display().to_string())?;
        return Ok(Exit::Done);
    }
    let mut reports: Vec<Report> = write(app, &store, wanted, false)
        .await?
        .into_iter()
        .collect();
    if args.date.is_none() {
        // As cron and systemd do: what came late for those before makes new editions.
        for wanted in due(app, wanted) {
            reports.extend(write(app, &store, wanted, true).await?);
        }
    }
    let mut is_for_others = false;
    for report in &reports {
        output::line(&report.path.display().to_string())?;
        is_for_others |= message::pass_on(app, report).await?;
    }
    if !is_for_others {
        return Ok(Exit::Done);
    }
    Ok(told(&outbox::deliver(app).await?))
}

/// Says what was not passed on.
fn told(delivered: &outbox::Delivered) -> Exit {
    let channels = [Channel::OnDone, Channel::Email];
    let failed = channels
        .iter()
        .filter_map(|channel| delivered.failed.get_key_value(channel.name()));
    let mut exit = Exit::Done;
    for (channel, reason) in failed {
        exit = Exit::SomeFailed;
        output::note(&format!(
            "the report was written, and not passed on: {channel}: {reason}: it is sent again"
        ));
    }
    if delivered.refused_now > 0 {
        exit = Exit::SomeFailed;
        output::note("a message was refused, and is not sent again: `vigie alerts` says why");
    }
    exit
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
fn options(app: &App, language: Language, edition: Option<Edition>) -> Outcome<ReportOptions> {
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
        edition,
        ..ReportOptions::default()
    })
}

/// The report as programs read it.
#[derive(Serialize)]
struct WithEdition<'a> {
    #[serde(flatten)]
    analysis: &'a Analysis,
    edition: Option<&'a Edition>,
}

/// The bytes of a report.
async fn render(
    app: &App,
    wanted: Wanted,
    analysis: Analysis,
    edition: Option<Edition>,
) -> Outcome<Vec<u8>> {
    let options = options(app, wanted.language, edition)?;
    let bytes = tokio::task::spawn_blocking(move || match wanted.format {
        ReportFormat::Pdf => render_pdf(&analysis, &options).map_err(Failure::usage),
        ReportFormat::Html => Ok(render_html(&analysis, &options).into_bytes()),
        ReportFormat::Json => {
            let whole = WithEdition {
                analysis: &analysis,
                edition: options.edition.as_ref(),
            };
            let mut json = serde_json::to_vec_pretty(&whole).map_err(Failure::usage)?;
            json.push(b'\n');
            Ok(json)
        }
    });
    bytes.await.map_err(Failure::usage)?
}

/// Makes a report and returns its bytes. It is the edition that says the same, if there is one.
pub(crate) async fn make(app: &App, store: &Arc<dyn Store>, wanted: Wanted) -> Outcome<Vec<u8>> {
    let analysis = analyse(app, store, wanted.kind, wanted.date).await?;
    let edition = edition::known(app, &analysis);
    render(app, wanted, analysis, edition).await
}

/// Where a report is written, unless somebody says otherwise. `first` is the first date of its period.
fn usual_path(app: &App, wanted: Wanted, first: Date) -> PathBuf {
    app.root().join("reports").join(name_of(wanted, first))
}

fn name_of(wanted: Wanted, first: Date) -> String {
    let tag = match wanted.language {
        Language::Fr => "fr",
        Language::En => "en",
    };
    let (word, extension) = (word_of(wanted.kind), wanted.format.extension());
    format!("{word}_{first}_{tag}.{extension}")
}

fn word_of(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
    }
}
