//! The data of the charts as CSV files to attach, and the manifest that says what they are and whom to credit.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use vigie_core::{
    analysis::{Analysis, Chart, ChartKind, SourceAnalysis},
    text::Language,
    time::rfc3339_local,
};

use crate::{clean::clean, view::AttachmentView, words::Words};

/// Where the template finds the manifest.
const MANIFEST: &str = "/manifest.json";

fn path_of(source: &SourceAnalysis) -> String {
    format!("/data/{}.csv", source.id)
}

fn charted(analysis: &Analysis) -> impl Iterator<Item = (&SourceAnalysis, &Chart)> {
    let sources = analysis.sources.iter();
    sources.filter_map(|source| Some((source, source.chart.as_ref()?)))
}

fn tracks_path_of(source: &SourceAnalysis) -> String {
    format!("/data/{}-tracks.csv", source.id)
}

fn tracked(analysis: &Analysis) -> impl Iterator<Item = &SourceAnalysis> {
    let sources = analysis.sources.iter();
    sources.filter(|source| !source.tracks.is_empty())
}

/// What can be attached.
pub(crate) fn attachments(analysis: &Analysis, language: Language) -> Vec<AttachmentView> {
    let words = Words::of(language);
    let manifest = AttachmentView {
        path: MANIFEST.to_owned(),
        mime: "application/json",
        description: words
            .pick(
                "Ce que contiennent les fichiers joints",
                "What the attached files hold",
            )
            .to_owned(),
    };
    let data = charted(analysis).map(|(source, chart)| AttachmentView {
        path: path_of(source),
        mime: "text/csv",
        description: clean(
            &format!(
                "{} – {}",
                source.title.get(language),
                chart.title.get(language)
            ),
            200,
        ),
    });
    let tracks = tracked(analysis).map(|source| AttachmentView {
        path: tracks_path_of(source),
        mime: "text/csv",
        description: clean(
            &format!(
                "{} – {}",
                source.title.get(language),
                words.pick("trajectoires", "tracks")
            ),
            200,
        ),
    });
    let attached = std::iter::once(manifest).chain(data).chain(tracks);
    attached
        .filter(|_| charted(analysis).next().is_some() || tracked(analysis).next().is_some())
        .collect()
}

/// The files by path.
pub(crate) fn files(analysis: &Analysis) -> Vec<(String, String)> {
    let tz = analysis.zone.tz();
    let mut files = Vec::new();
    let mut entries = Vec::new();
    let mut add =
        |source: &SourceAnalysis, path: String, (text, rows): (String, usize), of: Value| {
            let mut entry = json!({
                "file": path.trim_start_matches('/'),
                "rows": rows,
                "bytes": text.len(),
                "source": source.id,
                "title": source.title,
                "attribution": source.credit.attribution,
                "licence": source.credit.licence,
                "licence_url": source.credit.url,
            });
            if let (Some(entry), Value::Object(of)) = (entry.as_object_mut(), of) {
                entry.extend(of);
            }
            entries.push(entry);
            files.push((path, text));
        };
    for (source, chart) in charted(analysis) {
        let of = json!({ "measure": chart.title, "unit": chart.unit, "across": chart.across });
        add(source, path_of(source), csv(chart, &tz), of);
    }
    for source in tracked(analysis) {
        let measure = source.track_measure.as_ref();
        let of = json!({
            "measure": measure.map(|measure| &measure.title),
            "unit": measure.map(|measure| &measure.unit),
        });
        add(source, tracks_path_of(source), tracks_csv(source, &tz), of);
    }
    let manifest = json!({
        "zone": analysis.zone.name,
        "time_zone": analysis.zone.time_zone,
        "period": analysis.period,
        "made": analysis.now,
        "simulated": analysis.simulated,
        "columns": {
            "time": "start of the hour or day, or the time of the event: RFC 3339 with the offset of the zone",
            "series": "entity or measure",
            "value": "empty: nothing is known",
            "joined": "of tracks: whether the way from the position before is known",
            "usual_low": "four of five ordinary values lie from usual_low to usual_high",
        },
        "files": entries,
    });
    files.push((MANIFEST.to_owned(), format!("{manifest:#}\n")));
    files
}

/// The data of a chart and how many rows that are.
fn csv(chart: &Chart, tz: &TimeZone) -> (String, usize) {
    let figure = |value: Option<f64>| {
        let finite = value.filter(|value| value.is_finite());
        finite.map_or_else(String::new, |value| value.to_string())
    };
    let mut rows: Vec<[String; 6]> = Vec::new();
    for series in &chart.series {
        let name = clean(&series.label.en, 200);
        match chart.kind {
            ChartKind::Line => {
                for (index, at) in chart.times.iter().enumerate() {
                    let usual = chart.usual.get(index).copied().flatten();
                    rows.push([
                        rfc3339_local(*at, tz),
                        name.clone(),
                        figure(series.values.get(index).copied().flatten()),
                        figure(usual.map(|band| band.low)),
                        figure(usual.map(|band| band.median)),
                        figure(usual.map(|band| band.high)),
                    ]);
                }
            }
            ChartKind::Scatter => rows.extend(series.marks.iter().map(|mark| {
                let (at, label) = (rfc3339_local(mark.at, tz), clean(&mark.label, 200));
                [
                    at,
                    label,
                    figure(Some(mark.value)),
                    String::new(),
                    String::new(),
                    String::new(),
                ]
            })),
            ChartKind::Bars => {
                let value = figure(series.values.first().copied().flatten());
                rows.push([
                    String::new(),
                    name,
                    value,
                    String::new(),
                    String::new(),
                    String::new(),
                ]);
            }
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "time",
        "series",
        "value",
        "usual_low",
        "usual_median",
        "usual_high",
    ];
    let written = writer.write_record(head).and_then(|()| {
        rows.iter()
            .try_for_each(|row| writer.write_record(row.each_ref().map(|cell| plain(cell))))
    });
    let bytes = writer.into_inner().ok().filter(|_| written.is_ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    (text.unwrap_or_default(), rows.len())
}

/// The positions of what moves and how many they are.
fn tracks_csv(source: &SourceAnalysis, tz: &TimeZone) -> (String, usize) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "time",
        "entity",
        "name",
        "longitude",
        "latitude",
        "value",
        "joined",
    ];
    let mut rows = 0;
    let mut written = writer.write_record(head);
    for track in &source.tracks {
        for point in &track.points {
            let value = point.value.filter(|value| value.is_finite());
            let cells = [
                rfc3339_local(point.at, tz),
                clean(&track.entity, 200),
                clean(&track.name, 200),
                point.lon.to_string(),
                point.lat.to_string(),
                value.map_or_else(String::new, |value| value.to_string()),
                point.joined.to_string(),
            ];
            written = written
                .and_then(|()| writer.write_record(cells.each_ref().map(|cell| plain(cell))));
            rows += 1;
        }
    }
    let bytes = writer.into_inner().ok().filter(|_| written.is_ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    (text.unwrap_or_default(), rows)
}

/// A cell that is no formula to a spreadsheet that opens it.
fn plain(cell: &str) -> String {
    if cell.parse::<f64>().is_err() && cell.starts_with(['=', '+', '-', '@']) {
        return format!("'{cell}");
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use vigie_core::analysis::PeriodKind;

    use super::*;
    use crate::sample;

    #[test]
    fn gaps_are_empty_cells_and_titles_are_no_formulas() {
        let mut analysis = sample::analysis(sample::paris(), PeriodKind::Day);
        let files = files(&analysis);
        let find = |files: &[(String, String)], path: &str| {
            files.iter().find(|file| file.0 == path).unwrap().1.clone()
        };
        let velib = find(&files, "/data/velib-disponibilite.csv");
        let lines: Vec<&str> = velib.lines().collect();
        assert_eq!(lines.len(), 25);
        assert!(
            lines[10].ends_with("Bikes available,,12660,13300,13940"),
            "{}",
            lines[10]
        );
        assert!(lines[1].starts_with("2026-11-23T00:00:00+01:00,Bikes available,1"));
        let manifest: serde_json::Value = serde_json::from_str(&find(&files, MANIFEST)).unwrap();
        let entries = manifest["files"].as_array().unwrap();
        assert_eq!(entries.len() + 1, files.len());
        let velib = entries
            .iter()
            .find(|entry| entry["source"] == "velib-disponibilite")
            .unwrap();
        assert_eq!(
            (velib["rows"].as_u64(), velib["licence"].as_str()),
            (Some(24), Some("ODbL-1.0"))
        );
        let chart = analysis.sources[1].chart.as_mut().unwrap();
        chart.series[0].marks[0].label = "=HYPERLINK(\"http://x\"), a".into();
        let quakes = find(&super::files(&analysis), "/data/usgs-earthquakes.csv");
        assert!(
            quakes.contains(",\"'=HYPERLINK(\"\"http://x\"\"), a\","),
            "{quakes}"
        );
    }
}
