//! `vigie report`: the PDF of a day, a week or a month.

use std::{path::PathBuf, sync::Arc};

use jiff::{ToSpan as _, civil::Date};
use vigie_core::{
    analysis::PeriodKind,
    text::Language,
    time::{local_date, period},
};
use vigie_report::{ReportOptions, render_pdf};
use vigie_store::{durable, store::Store};

use crate::{
    analyse::analyse,
    app::{App, RunEvent},
    cli,
    failure::{Exit, Failure, Outcome},
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
    let path = write(
        app,
        &store,
        kind,
        args.date.unwrap_or(last),
        language,
        args.output.clone(),
    )
    .await?;
    output::line(&path.display().to_string())?;
    Ok(Exit::Done)
}

/// Writes the PDF of the period around `date` and returns its path.
pub(crate) async fn write(
    app: &App,
    store: &Arc<dyn Store>,
    kind: PeriodKind,
    date: Date,
    language: Language,
    output: Option<PathBuf>,
) -> Outcome<PathBuf> {
    let analysis = analyse(app, store, kind, date).await?;
    let first = analysis.period.date;
    let options = ReportOptions {
        language,
        ..ReportOptions::default()
    };
    let pdf = tokio::task::spawn_blocking(move || render_pdf(&analysis, &options))
        .await
        .map_err(Failure::usage)?
        .map_err(Failure::usage)?;
    let word = match kind {
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
    };
    let tag = match language {
        Language::Fr => "fr",
        Language::En => "en",
    };
    let path = output.unwrap_or_else(|| {
        app.root()
            .join("reports")
            .join(format!("{word}_{first}_{tag}.pdf"))
    });
    let path = std::path::absolute(path).map_err(Failure::usage)?;
    durable::write(&path, &pdf).map_err(Failure::usage)?;
    app.tell(RunEvent::ReportWritten { path: path.clone() });
    Ok(path)
}
