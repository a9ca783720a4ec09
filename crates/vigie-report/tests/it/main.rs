//! Reports as a whole: from an analysis to the bytes of a PDF.

mod sample;

use vigie_core::{
    analysis::{Analysis, PeriodKind},
    measure::Kind,
    text::{Language, Text},
};
use vigie_report::{ReportError, ReportOptions, render_pdf, view::report_view};

fn day() -> Analysis {
    sample::analysis(sample::paris(), PeriodKind::Day)
}

fn options(language: Language) -> ReportOptions {
    ReportOptions {
        language,
        template: None,
        dashboard_url: None,
        edition: None,
    }
}

fn holds(pdf: &[u8], bytes: &str) -> bool {
    pdf.windows(bytes.len())
        .any(|window| window == bytes.as_bytes())
}

#[test]
fn the_same_analysis_gives_the_same_bytes() {
    for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
        let mut analysis = sample::analysis(sample::earth(), kind);
        analysis.sources[5].chart = Some(sample::slow_rates(&analysis));
        let first = render_pdf(&analysis, &options(Language::Fr)).unwrap();
        let second =
            std::thread::spawn(move || render_pdf(&analysis, &options(Language::Fr)).unwrap());
        assert!(
            first == second.join().unwrap(),
            "two reports of one analysis differ"
        );
    }
}

#[test]
fn the_pdf_is_accessible_and_dated_by_the_analysis() {
    let pdf = render_pdf(&day(), &options(Language::Fr)).unwrap();
    let expected = [
        "/StructTreeRoot",
        "/Outlines",
        "/Lang(fr)",
        "/ToUnicode",
        "/EmbeddedFile",
        "<pdfuaid:part>1</pdfuaid:part>",
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>A</pdfaid:conformance>",
        "manifest.json",
        "velib-disponibilite.csv",
        "/CreationDate(D:20261123201700+01'00)",
    ];
    for bytes in expected {
        assert!(holds(&pdf, bytes), "no {bytes}");
    }
}

#[test]
fn text_from_feeds_is_printed_and_never_run() {
    let hostile = [
        "#panic()",
        "#eval(\"1/0\")",
        "*x* _y_ `z` $a$ <script>alert(1)</script>",
        "\\ // /* ] [ } { @nobody <label>",
        "\u{202E}\u{0}\u{7}\u{FEFF}",
        "",
        "-",
        "= heading",
        "القاهرة ירושלים ไทย 🚲",
    ];
    let mut analysis = day();
    for (index, text) in hostile.iter().cycle().take(64).enumerate() {
        let source = &mut analysis.sources[index % 6];
        source.title = Text::same(*text);
        source.credit.attribution = (*text).into();
        source.credit.url = format!("javascript:{text}");
        source.domain = (*text).into();
        source.headlines.iter_mut().for_each(|headline| {
            headline.label = Text::same(*text);
            headline.unit = (*text).into();
            headline.entity = Some((*text).into());
        });
        source
            .events
            .iter_mut()
            .for_each(|event| event.title = (*text).into());
        source
            .entities
            .iter_mut()
            .for_each(|entity| entity.name = text.repeat(500));
        source
            .captures
            .problems
            .iter_mut()
            .for_each(|problem| problem.reason = text.repeat(40));
        if let Some(chart) = &mut source.chart {
            chart.title = Text::same(*text);
            chart.unit = (*text).into();
            chart
                .series
                .iter_mut()
                .for_each(|series| series.label = Text::same(*text));
        }
        if index % 6 == 5 {
            let pdf = render_pdf(&analysis, &options(Language::En)).unwrap();
            assert!(!holds(&pdf, "javascript:"));
        }
    }
}

#[test]
fn letters_that_no_font_has_do_not_stop_the_report() {
    let mut analysis = day();
    analysis.sources[1].events[0].title = "القاهرة ירושלים ไทย 🚲".into();
    let pdf = render_pdf(&analysis, &options(Language::Fr)).unwrap();
    assert!(
        !holds(&pdf, "<pdfuaid:part>"),
        "boxes instead of letters are not accessible"
    );
}

#[test]
fn figures_that_are_no_numbers_do_not_stop_the_report() {
    let mut analysis = day();
    for source in &mut analysis.sources {
        source
            .headlines
            .iter_mut()
            .for_each(|headline| headline.value = Some(f64::NAN));
        source.coverage = Some(f64::INFINITY);
        source
            .map
            .iter_mut()
            .for_each(|point| point.value = Some(f64::NEG_INFINITY));
        source
            .entities
            .iter_mut()
            .for_each(|entity| entity.figures.last = Some(f64::NAN));
        for series in source.chart.iter_mut().flat_map(|chart| &mut chart.series) {
            series
                .values
                .iter_mut()
                .for_each(|value| *value = Some(f64::MAX));
            series
                .marks
                .iter_mut()
                .for_each(|mark| mark.value = f64::NAN);
        }
    }
    render_pdf(&analysis, &options(Language::Fr)).unwrap();
}

#[test]
fn a_count_of_zero_without_a_single_download_is_no_data() {
    let mut analysis = day();
    let source = &mut analysis.sources[1];
    source.headlines.truncate(1);
    source.headlines[0].value = Some(0.0);
    source.events.clear();
    source.map.clear();
    source.chart = None;
    let asked = report_view(&analysis, Language::En, None);
    assert_eq!(asked.summary[1].figure.as_deref(), Some("0"));
    analysis.sources[1].captures.obtained = 0;
    let unasked = report_view(&analysis, Language::En, None);
    assert_eq!(unasked.summary[1].figure, None);
    let empty = unasked.domains[1].sources[0].empty.as_deref();
    assert_eq!(empty, Some("No data: no download succeeded in the period."));
}

/// Of a ranking the names are the news, not that somebody is the first.
#[test]
fn a_ranking_leads_with_names() {
    let mut analysis = day();
    let source = &mut analysis.sources[0];
    source.leading_measure.as_mut().unwrap().kind = Kind::Rank;
    let headline = &mut source.headlines[0];
    headline.label = Text::new("Rang", "Rank");
    headline.entity = Some("#avery-long-name-without-any-space".into());
    (headline.value, headline.decimals) = (Some(1.0), 0);
    let view = report_view(&analysis, Language::Fr, None);
    let line = &view.summary[0];
    assert_eq!(line.figure_label, "Rang 1");
    assert!(line.figure.as_ref().unwrap().starts_with("#avery-long"));
    let tile = &view.domains[0].sources[0].tiles[0];
    assert_eq!((tile.label.as_str(), tile.unit.as_str()), ("Rang 1", ""));
    let name = tile.value.as_ref().unwrap();
    assert!(name.starts_with("#avery-long") && name.chars().count() <= 19);
}

#[test]
fn gaps_stay_gaps_up_to_the_view() {
    let view = report_view(&day(), Language::Fr, None);
    let velib = &view.domains[2].sources[0];
    let segments = &velib.chart.as_ref().unwrap().panels[0].lines[0].segments;
    assert_eq!(
        segments.iter().map(Vec::len).collect::<Vec<_>>(),
        [9, 2, 1, 4]
    );
    assert_eq!(velib.quality.facts[3].value, "36");
}

#[test]
fn a_wrong_template_is_reported_with_its_place() {
    let render = |template: &str| {
        let options = ReportOptions {
            template: Some(template.into()),
            ..options(Language::Fr)
        };
        render_pdf(&day(), &options).unwrap_err()
    };
    let error = render("Bonjour\n  #nobody");
    assert!(
        matches!(
            error,
            ReportError::Template {
                line: Some(2),
                column: Some(4),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "report template, line 2, column 4: unknown variable: nobody"
    );
    let error = render("#import \"@preview/cetz:0.3.0\"").to_string();
    assert!(error.contains("package not found"), "{error}");
    let error = render("#read(\"/etc/passwd\")").to_string();
    assert!(error.contains("file not found"), "{error}");
}
