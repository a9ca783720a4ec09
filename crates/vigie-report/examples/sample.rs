//! Writes sample reports into the folder given as argument: `cargo run --example sample -- /tmp/reports`.

use std::{io::Write, path::PathBuf, time::Instant};

use vigie_core::{analysis::PeriodKind, text::Language};
use vigie_report::{ReportOptions, render_pdf};

#[path = "../tests/it/sample/mod.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    let mut out = std::io::stdout().lock();
    let day = sample::analysis(sample::paris(), PeriodKind::Day);
    let mut week = sample::analysis(sample::earth(), PeriodKind::Week);
    for source in &mut week.sources {
        if source.domain == "stock-market" {
            source.chart = Some(sample::slow_rates(&day));
        }
    }
    let month = sample::analysis(sample::paris(), PeriodKind::Month);
    let mut nothing = day.clone();
    nothing.sources.clear();
    // Twenty charts: the figure of benches/README.md.
    let mut twenty = month.clone();
    twenty.sources = month
        .sources
        .iter()
        .filter(|source| source.chart.is_some())
        .cycle()
        .take(20)
        .enumerate()
        .map(|(index, source)| {
            let mut source = source.clone();
            source.id = vigie_core::text::SourceId::new(format!("{}-{index}", source.id))?;
            Ok(source)
        })
        .collect::<Result<_, vigie_core::text::BadIdentifier>>()?;
    let reports = [
        ("twenty-charts-en", &twenty, Language::En),
        ("day-fr", &day, Language::Fr),
        ("day-en", &day, Language::En),
        ("week-en", &week, Language::En),
        ("month-fr", &month, Language::Fr),
        ("empty-fr", &nothing, Language::Fr),
    ];
    for (name, analysis, language) in reports {
        let options = ReportOptions {
            language,
            template: None,
            dashboard_url: Some("http://127.0.0.1:8437/".to_owned()),
            edition: None,
        };
        let start = Instant::now();
        let pdf = render_pdf(analysis, &options)?;
        let spent = start.elapsed();
        writeln!(
            out,
            "{name}: {} kB in {} ms",
            pdf.len() / 1000,
            spent.as_millis()
        )?;
        let mut file = std::fs::File::create(folder.join(format!("{name}.pdf")))?;
        file.write_all(&pdf)?;
    }
    Ok(())
}
