//! The view as one HTML file: no script, and nothing that is loaded from elsewhere. Charts and maps are SVG within it.

use std::fmt::Write as _;

use vigie_core::{
    analysis::{Analysis, ChartKind},
    text::Language,
};

use crate::{
    ReportOptions,
    axis::Tick,
    chart::{ChartView, Fractions, PanelView},
    dossier::html::escape,
    edition::view_of,
    map::MapView,
    quality::QualityView,
    table::TableView,
    view::{ReportView, SourceView},
    words::Words,
};

const STYLE: &str = include_str!("../templates/report.css");
/// The frame of a chart, and the room for its labels at the left and below.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 10.0;

/// Writes the report as HTML. The same analysis and options give the same text.
pub fn render_html(analysis: &Analysis, options: &ReportOptions) -> String {
    let view = view_of(analysis, options);
    let mut page = Page(String::new());
    page.head(&view);
    page.first(&view);
    for domain in &view.domains {
        page.put(&format!("<h2>{}</h2>", escape(&domain.name)));
        for source in &domain.sources {
            page.source(source, view.words);
        }
    }
    page.put("</main>\n</body>\n</html>");
    page.0
}

struct Page(String);

impl Page {
    fn put(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn head(&mut self, view: &ReportView) {
        let tag = match view.language {
            Language::Fr => "fr",
            Language::En => "en",
        };
        self.put(&format!(
            "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
             <h1>{} <small>{}</small></h1>",
            escape(&view.title),
            escape(&view.zone),
            escape(&view.period),
        ));
        let notes: Vec<String> = view.notes.iter().map(|note| escape(note)).collect();
        self.put(&format!("<p class=\"note\">{}</p>", notes.join("<br>")));
        if let Some(simulated) = &view.simulated {
            self.put(&format!("<p class=\"simulated\">{}</p>", escape(simulated)));
        }
        if let Some(url) = &view.dashboard_url {
            let url = escape(url);
            self.put(&format!(
                "<p>{}: <a href=\"{url}\">{url}</a></p>",
                view.words.live
            ));
        }
        self.put("</header>\n<main>");
    }

    fn first(&mut self, view: &ReportView) {
        let words = view.words;
        for sentence in &view.lead {
            self.put(&format!("<p>{}</p>", escape(sentence)));
        }
        if let Some(edition) = &view.edition {
            self.put(&format!("<h2>{}</h2>\n<ul>", escape(&edition.title)));
            for change in &edition.changes {
                self.put(&format!("<li>{}</li>", escape(change)));
            }
            self.put("</ul>");
        }
        if !view.highlights.is_empty() {
            self.put(&format!(
                "<h2>{}</h2>\n<dl class=\"highlights\">",
                words.highlights
            ));
            for line in &view.highlights {
                let mark = if line.unusual {
                    "<span class=\"alert\">●</span> "
                } else {
                    ""
                };
                self.put(&format!(
                    "<dt>{}</dt><dd>{mark}{} <a href=\"#source-{}\">{}</a></dd>",
                    escape(&line.domain),
                    escape(&line.text),
                    escape(&line.id),
                    escape(&line.source),
                ));
            }
            self.put("</dl>");
        }
        if let Some(unusual) = &view.unusual {
            self.put(&format!("<h2>{}</h2>", words.unusual));
            if !unusual.rows.is_empty() {
                self.table(unusual, false);
            }
            let note = unusual.note.as_deref().unwrap_or_default();
            self.put(&format!("<p class=\"note\">{}</p>", escape(note)));
        }
        if !view.correlated.is_empty() {
            self.put(&format!("<h2>{}</h2>", words.correlated));
            for sentence in &view.correlated {
                self.put(&format!("<p>{}</p>", escape(sentence)));
            }
        }
        self.put(&format!("<h2>{}</h2>", words.overview));
        self.overview(view);
    }

    fn overview(&mut self, view: &ReportView) {
        let words = view.words;
        if view.summary.is_empty() {
            self.put(&format!("<p>{}</p>", words.no_sources));
            return;
        }
        self.put("<div class=\"table\" tabindex=\"0\"><table>\n<thead><tr>");
        for title in [
            words.source,
            words.figure,
            words.usual,
            words.change,
            words.age,
            words.downloads,
            words.coverage,
        ] {
            self.put(&format!("<th scope=\"col\">{title}</th>"));
        }
        self.put("</tr></thead>\n<tbody>");
        let dash = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), escape);
        for line in &view.summary {
            let figure = line.figure.as_deref().map_or_else(
                || format!("<em>{}</em>", words.no_value),
                |figure| {
                    format!(
                        "{}<br><small class=\"note\">{}</small>",
                        escape(figure),
                        escape(&line.figure_label)
                    )
                },
            );
            let stale = if line.stale {
                format!(" <span class=\"alert\">{}</span>", words.stale)
            } else {
                String::new()
            };
            self.put(&format!(
                "<tr><th scope=\"row\"><a href=\"#source-{}\">{}</a></th><td>{figure}</td><td>{}</td><td>{}</td><td>{}{stale}</td>\
                 <td class=\"right\">{}</td><td class=\"right\">{}</td></tr>",
                escape(&line.id),
                escape(&line.title),
                dash(&line.usual),
                dash(&line.change),
                dash(&line.age),
                escape(&line.downloads),
                dash(&line.coverage),
            ));
        }
        self.put("</tbody></table></div>");
    }

    fn source(&mut self, source: &SourceView, words: &Words) {
        let stale = if source.stale {
            format!(" <span class=\"alert\">{}</span>", words.stale)
        } else {
            String::new()
        };
        self.put(&format!(
            "<section aria-labelledby=\"source-{0}\">\n<h3 id=\"source-{0}\">{1}{stale}</h3>",
            escape(&source.id),
            escape(&source.title),
        ));
        if let Some(empty) = &source.empty {
            self.put(&format!("<p>{}</p>", escape(empty)));
        }
        if !source.sentences.is_empty() {
            self.put("<ul class=\"sentences\">");
            for sentence in &source.sentences {
                self.put(&format!("<li>{}</li>", escape(sentence)));
            }
            self.put("</ul>");
        }
        if !source.tiles.is_empty() {
            self.put("<ul class=\"tiles\">");
            for tile in &source.tiles {
                let value = tile.value.as_deref().unwrap_or("–");
                let usual = tile.usual.as_deref().map_or_else(String::new, |usual| {
                    format!("<small>{}</small>", escape(usual))
                });
                self.put(&format!(
                    "<li>{}<b>{} {}</b><small>{}</small>{usual}</li>",
                    escape(&tile.label),
                    escape(value),
                    escape(&tile.unit),
                    escape(&tile.note),
                ));
            }
            self.put("</ul>");
        }
        if let Some(chart) = &source.chart {
            self.chart(chart, words);
        }
        if let Some(mix) = &source.mix {
            self.chart(mix, words);
        }
        if let Some(map) = &source.map {
            self.map(map);
        }
        let credit = &source.credit;
        let url = credit.url.as_deref().map_or_else(String::new, |url| {
            let url = escape(url);
            format!(" · <a href=\"{url}\" rel=\"noreferrer\">{url}</a>")
        });
        self.put(&format!(
            "<p class=\"credit\">{}{} · {} {}{url}</p>",
            words.labelled(words.credit),
            escape(&credit.attribution),
            words.licence,
            escape(&credit.licence),
        ));
        if let Some(table) = &source.table {
            self.table(table, true);
        }
        if let Some(tracks) = &source.tracks {
            self.table(tracks, true);
        }
        self.quality(&source.quality, words);
        self.put("</section>");
    }

    fn table(&mut self, table: &TableView, titled: bool) {
        let class = |index: usize| {
            let figures = table
                .columns
                .get(index)
                .is_some_and(|column| column.figures);
            if figures { " class=\"right\"" } else { "" }
        };
        self.put("<div class=\"table\" tabindex=\"0\"><table>");
        if titled {
            let note = table
                .note
                .as_deref()
                .map_or_else(String::new, |note| format!(" ({})", escape(note)));
            self.put(&format!(
                "<caption>{}{note}</caption>",
                escape(&table.caption)
            ));
        }
        self.put("<thead><tr>");
        for (index, column) in table.columns.iter().enumerate() {
            self.put(&format!(
                "<th scope=\"col\"{}>{}</th>",
                class(index),
                escape(&column.title)
            ));
        }
        self.put("</tr></thead>\n<tbody>");
        for row in &table.rows {
            self.0.push_str("<tr>");
            for (index, cell) in row.iter().enumerate() {
                let _ = write!(self.0, "<td{}>{}</td>", class(index), escape(cell));
            }
            self.put("</tr>");
        }
        self.put("</tbody></table></div>");
    }

    fn quality(&mut self, quality: &QualityView, words: &Words) {
        self.put(&format!("<h4>{}</h4>\n<dl class=\"facts\">", words.quality));
        for fact in quality.facts.iter().chain(&quality.clocks) {
            let class = if fact.alert { " class=\"alert\"" } else { "" };
            self.put(&format!(
                "<div><dt>{}</dt><dd{class}>{}</dd></div>",
                escape(&fact.label),
                escape(&fact.value)
            ));
        }
        self.put("</dl>");
        if quality.problems.is_empty() {
            return;
        }
        self.put(&format!("<p>{}</p>\n<ul>", words.problems));
        for problem in &quality.problems {
            self.put(&format!(
                "<li>{} · {} · {}</li>",
                escape(&problem.at),
                escape(&problem.outcome),
                escape(&problem.reason)
            ));
        }
        self.put("</ul>");
    }

    fn chart(&mut self, chart: &ChartView, words: &Words) {
        let subtitle = escape(&chart.subtitle);
        self.put(&format!(
            "<figure>\n<figcaption><b>{}</b> <small>{subtitle}</small></figcaption>",
            escape(&chart.title)
        ));
        if chart.kind == ChartKind::Bars {
            self.bars(chart);
        }
        for panel in &chart.panels {
            self.panel(chart, panel, words);
        }
        self.put("</figure>");
    }

    fn bars(&mut self, chart: &ChartView) {
        let row = 22.0;
        let height = row * chart.bars.len() as f64;
        self.svg(LEFT + WIDTH + 150.0, height, &chart.alternative);
        for (index, bar) in chart.bars.iter().enumerate() {
            let y = row * index as f64;
            let x = |fraction: f64| LEFT + fraction * (WIDTH - 20.0);
            let (from, to) = (bar.from.unwrap_or(0.0), bar.to.unwrap_or(0.0));
            let _ = write!(
                self.0,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"var(--s0)\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 6.0,
                y + 14.0,
                escape(&bar.label),
                x(from),
                y + 3.0,
                (to - from) * (WIDTH - 20.0),
                x(to) + 6.0,
                y + 14.0,
                escape(&bar.value),
            );
        }
        self.put("</svg>");
    }

    fn svg(&mut self, width: f64, height: f64, alternative: &str) {
        let _ = write!(
            self.0,
            "<svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{}\">",
            escape(alternative)
        );
    }

    fn panel(&mut self, chart: &ChartView, panel: &PanelView, words: &Words) {
        self.svg(LEFT + WIDTH + 16.0, TOP + HEIGHT + 24.0, &chart.alternative);
        for outline in &panel.usual {
            let _ = write!(self.0, "<path class=\"band\" d=\"{}Z\"/>", path(outline));
        }
        for Tick { at, label, .. } in &panel.y_ticks {
            let y = TOP + (1.0 - at) * HEIGHT;
            let _ = write!(
                self.0,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT + WIDTH,
                LEFT - 6.0,
                y + 4.0,
                escape(label),
            );
        }
        for tick in &chart.x_ticks {
            let _ = write!(
                self.0,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                LEFT + tick.label_at * WIDTH,
                TOP + HEIGHT + 16.0,
                escape(&tick.label),
            );
        }
        if let Some(now) = chart.now {
            let x = LEFT + now * WIDTH;
            let _ = write!(
                self.0,
                "<path class=\"grid\" stroke-dasharray=\"2 3\" d=\"M{x:.1} {TOP}V{:.1}\"/>",
                TOP + HEIGHT
            );
        }
        for (index, line) in panel.lines.iter().enumerate() {
            for segment in &line.segments {
                if let [point] = segment.as_slice() {
                    let (x, y) = place(point);
                    let _ = write!(
                        self.0,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\" fill=\"var(--s{})\"/>",
                        index % 8
                    );
                } else {
                    let dash = if index % 2 == 1 {
                        " stroke-dasharray=\"6 3\""
                    } else {
                        ""
                    };
                    let _ = write!(
                        self.0,
                        "<path class=\"line\" stroke=\"var(--s{})\"{dash} d=\"{}\"/>",
                        index % 8,
                        path(segment)
                    );
                }
            }
        }
        for (index, cloud) in panel.clouds.iter().enumerate() {
            for point in &cloud.points {
                let (x, y) = place(point);
                let _ = write!(
                    self.0,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill-opacity=\".6\" fill=\"var(--s{})\"/>",
                    index % 8
                );
            }
        }
        self.put("</svg>");
        let mut legend: Vec<String> = Vec::new();
        if panel.lines.len() > 1 || chart.panels.len() > 1 || !panel.usual.is_empty() {
            legend.extend(panel.lines.iter().enumerate().map(|(index, line)| {
                format!(
                    "<span style=\"color:var(--s{})\">■</span> {}",
                    index % 8,
                    escape(&line.label)
                )
            }));
        }
        if !panel.usual.is_empty() {
            legend.push(format!(
                "<span style=\"color:var(--band)\">■</span> {}",
                words.usual
            ));
        }
        if !legend.is_empty() {
            self.put(&format!(
                "<p class=\"credit\">{}</p>",
                legend.join(" &#8195; ")
            ));
        }
    }

    fn map(&mut self, map: &MapView) {
        let (width, height) = (480.0, 480.0 * map.aspect);
        self.put(&format!(
            "<figure>\n<figcaption><b>{}</b></figcaption>",
            escape(&map.title)
        ));
        self.svg(width, height, &map.alternative);
        let at = |point: &Fractions| (point.0 * width, (1.0 - point.1) * height);
        for ring in &map.land {
            let _ = write!(self.0, "<path class=\"land\" d=\"");
            for (index, point) in ring.iter().enumerate() {
                let (x, y) = at(point);
                let _ = write!(
                    self.0,
                    "{}{x:.1} {y:.1}",
                    if index == 0 { 'M' } else { 'L' }
                );
            }
            self.0.push_str("Z\"/>");
        }
        for track in &map.tracks {
            for (lines, class) in [(&track.before, "way before"), (&track.lines, "way")] {
                for line in lines {
                    let _ = write!(self.0, "<path class=\"{class}\" d=\"");
                    for (index, point) in line.iter().enumerate() {
                        let (x, y) = at(point);
                        let _ = write!(
                            self.0,
                            "{}{x:.1} {y:.1}",
                            if index == 0 { 'M' } else { 'L' }
                        );
                    }
                    self.0.push_str("\"/>");
                }
            }
            for point in &track.points {
                let (x, y) = at(point);
                let _ = write!(
                    self.0,
                    "<circle class=\"way\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.6\"/>"
                );
            }
            if let Some((x, y)) = track.end.as_ref().map(at) {
                let left = x > 0.75 * width;
                let _ = write!(
                    self.0,
                    "<text x=\"{:.1}\" y=\"{:.1}\"{}>{}</text>",
                    if left { x - 6.0 } else { x + 6.0 },
                    y + 4.0,
                    if left { " text-anchor=\"end\"" } else { "" },
                    escape(&track.label),
                );
            }
        }
        for (index, class) in map.classes.iter().enumerate() {
            let radius = 2.0 + 0.7 * index as f64;
            for point in &class.points {
                let (x, y) = at(point);
                let _ = write!(
                    self.0,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"var(--s0)\" fill-opacity=\".7\"/>"
                );
            }
        }
        self.put("</svg>");
        self.put(&format!(
            "<p class=\"credit\">{}</p>\n</figure>",
            escape(&map.caption)
        ));
    }
}

fn place(point: &Fractions) -> (f64, f64) {
    (LEFT + point.0 * WIDTH, TOP + (1.0 - point.1) * HEIGHT)
}

fn path(points: &[Fractions]) -> String {
    let mut text = String::new();
    for (index, point) in points.iter().enumerate() {
        let (x, y) = place(point);
        let _ = write!(text, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
    }
    text
}

#[cfg(test)]
mod tests {
    use vigie_core::{
        analysis::{PeriodKind, Said},
        text::Text,
    };

    use super::*;
    use crate::{sample, view::report_view};

    #[test]
    fn one_file_that_loads_nothing_and_runs_nothing() {
        let mut analysis = sample::analysis(sample::paris(), PeriodKind::Day);
        let hostile = "<script>alert(1)</script><img src=x onerror=\"alert(2)\">";
        let source = &mut analysis.sources[1];
        source.title = Text::same(hostile);
        source.sentences = vec![Said {
            text: Text::same(hostile),
            origins: Vec::new(),
        }];
        source.credit.url = "javascript:alert(1)".into();
        source.events[0].title = hostile.into();
        if let Some(chart) = &mut source.chart {
            chart.series[0].label = Text::same(hostile);
        }
        for language in [Language::Fr, Language::En] {
            let options = ReportOptions {
                language,
                ..ReportOptions::default()
            };
            let html = render_html(&analysis, &options);
            assert!(html.contains("&lt;script&gt;alert(1)"));
            for forbidden in [
                "<script",
                "<img",
                "<iframe",
                "href=\"javascript",
                "url(",
                "@import",
                "<link",
            ] {
                assert!(!html.contains(forbidden), "{forbidden}");
            }
            assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
            assert!(html.matches("<svg").count() >= 6);
            assert_eq!(html, render_html(&analysis, &options));
        }
    }

    #[test]
    fn gaps_stay_gaps() {
        let analysis = sample::analysis(sample::paris(), PeriodKind::Day);
        let view = report_view(&analysis, Language::En, None);
        let chart = view.domains[2].sources[0].chart.as_ref().unwrap();
        let mut page = Page(String::new());
        page.chart(chart, view.words);
        // Three stretches, and an hour by itself.
        assert_eq!(page.0.matches("class=\"line\"").count(), 3);
        assert_eq!(page.0.matches("<circle").count(), 1);
    }
}
