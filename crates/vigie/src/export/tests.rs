//! What other programs read, byte for byte.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, ErrorKind, Write},
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use jiff::{Timestamp, tz::TimeZone};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, RowAccessor as _},
};
use vigie_core::{
    analysis::Credit,
    capture::{Capture, Outcome},
    cause::Cause,
    event::{Event, EventKey, Version},
    measure::{Across, Kind, Measure},
    row::Point,
    stats::Figures,
    text::{EntityId, MeasureId, SourceId, Text},
};

use super::{
    columnar::Columnar,
    credits::Credits,
    hours::EventHours,
    row_writer,
    table::{self, Cell, Column, SummaryName},
    writer::{Csv, Ndjson, RowWriter},
};
use crate::{cli::ExportFormat, known::KnownAt};

/// Bytes that can be looked at after their writer is gone.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that has had enough.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(ErrorKind::BrokenPipe.into())
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn paris() -> TimeZone {
    TimeZone::get("Europe/Paris").unwrap()
}

fn source(id: &str) -> SourceId {
    SourceId::new(id).unwrap()
}

fn credits() -> Credits {
    let credit = Credit {
        attribution: "U.S. Geological Survey".to_owned(),
        licence: "public domain".to_owned(),
        url: "https://www.usgs.gov/information-policies-and-instructions/copyrights-and-credits"
            .to_owned(),
    };
    Credits {
        sources: [
            (source("gone"), None),
            (source("usgs-earthquakes"), Some(credit)),
        ]
        .into(),
        time_zone: "Europe/Paris".to_owned(),
        simulated: false,
    }
}

fn bytes(
    format: ExportFormat,
    columns: &[Column],
    known_at: KnownAt,
    rows: &[&[Cell<'_>]],
) -> Vec<u8> {
    let out = Shared::default();
    let mut writer = row_writer(format, columns, known_at, Box::new(out.clone())).unwrap();
    for row in rows {
        writer.row(row).unwrap();
    }
    writer.finish(&credits()).unwrap();
    std::mem::take(&mut *out.0.lock().unwrap())
}

fn text(columns: &[Column], rows: &[&[Cell<'_>]]) -> [String; 2] {
    [ExportFormat::Csv, ExportFormat::Ndjson]
        .map(|format| String::from_utf8(bytes(format, columns, None, rows)).unwrap())
}

fn name(entity: &'static str, kind: Kind, hour: &str) -> SummaryName<'static> {
    let hour = at(hour);
    SummaryName {
        source: "metar",
        entity,
        measure: "wind",
        unit: "deg",
        kind,
        hour,
        offset: paris().to_offset(hour),
    }
}

fn gauge_figures() -> Figures {
    Figures {
        count: 3,
        min: Some(-0.1),
        max: Some(1e21),
        mean: Some(0.1 + 0.2),
        sum: Some(4.0),
        first: Some(1.0),
        last: Some(2.5),
        p50: Some(1.0),
        p95: Some(2.5),
    }
}

fn direction_figures() -> Figures {
    Figures {
        count: 2,
        first: Some(350.0),
        last: Some(10.0),
        ..Figures::default()
    }
}

#[test]
fn summaries_are_lines_with_the_keys_of_the_contract() {
    // The two hours between two and three o'clock of the day on which clocks go back.
    let gauge = table::summary_row(
        name("LF\"PG,\n1", Kind::Gauge, "2026-10-25T00:00:00Z"),
        &gauge_figures(),
        Some(0.5),
    );
    let direction = table::summary_row(
        name("LFPG", Kind::Direction, "2026-10-25T01:00:00Z"),
        &direction_figures(),
        None,
    );
    let [csv, ndjson] = text(&table::SUMMARIES, &[&gauge, &direction]);
    assert_eq!(
        csv,
        "source,entity,measure,unit,kind,hour,count,min,max,mean,sum,first,last,p50,p95,coverage\r\n\
         metar,\"LF\"\"PG,\n1\",wind,deg,gauge,2026-10-25T02:00:00+02:00,3,-0.1,1e21,0.30000000000000004,4.0,1.0,2.5,1.0,2.5,0.5\r\n\
         metar,LFPG,wind,deg,direction,2026-10-25T02:00:00+01:00,2,,,,,350.0,10.0,,,\r\n"
    );
    assert_eq!(
        ndjson,
        concat!(
            r#"{"source":"metar","entity":"LF\"PG,\n1","measure":"wind","unit":"deg","kind":"gauge","#,
            r#""hour":"2026-10-25T02:00:00+02:00","count":3,"min":-0.1,"max":1e+21,"mean":0.30000000000000004,"#,
            r#""sum":4.0,"first":1.0,"last":2.5,"p50":1.0,"p95":2.5,"coverage":0.5}"#,
            "\n",
            r#"{"source":"metar","entity":"LFPG","measure":"wind","unit":"deg","kind":"direction","#,
            r#""hour":"2026-10-25T02:00:00+01:00","count":2,"min":null,"max":null,"mean":null,"#,
            r#""sum":null,"first":350.0,"last":10.0,"p50":null,"p95":null,"coverage":null}"#,
            "\n",
        )
    );
}

fn quake(key: &str, observed_at: &str, values: &[(&str, f64)]) -> Event {
    let values = values
        .iter()
        .map(|(id, value)| (MeasureId::new(id).unwrap(), *value))
        .collect();
    Event {
        key: EventKey {
            source: source("usgs-earthquakes"),
            key: EntityId::new(key).unwrap(),
        },
        versions: vec![Version {
            revision: 1_795_000_000_123,
            observed_at: at(observed_at),
            published_at: None,
            point: Point::new(-156.5, 19.25),
            title: Some("=M 4.5 – Hawaï".to_owned()),
            values,
            attributes: BTreeMap::new(),
            first_fetched_at: at("2026-11-23T10:05:00Z"),
            last_fetched_at: at("2026-11-23T10:10:00Z"),
        }],
    }
}

#[test]
fn events_are_what_counts_of_them_as_the_provider_said_it() {
    let full = quake(
        "us1",
        "2026-11-23T10:00:00.04Z",
        &[("magnitude", 4.5), ("depth", 10.0)],
    );
    let mut bare = quake("us2", "2026-11-23T10:00:01Z", &[]);
    bare.versions[0].point = None;
    bare.versions[0].title = None;
    bare.versions[0].published_at = Some(at("2026-11-23T10:01:00Z"));
    bare.versions[0].attributes = [("place".to_owned(), "Maui".to_owned())].into();
    let rows = [
        table::event_row(&full).unwrap(),
        table::event_row(&bare).unwrap(),
    ];
    let [csv, ndjson] = text(&table::EVENTS, &[&rows[0], &rows[1]]);
    assert_eq!(
        csv,
        "source,key,revision,observed_at,published_at,fetched_at,lon,lat,place,title,measures\r\n\
         usgs-earthquakes,us1,1795000000123,2026-11-23T10:00:00.04Z,,2026-11-23T10:05:00Z,-156.5,19.25,,=M 4.5 – Hawaï,\"{\"\"depth\"\":10.0,\"\"magnitude\"\":4.5}\"\r\n\
         usgs-earthquakes,us2,1795000000123,2026-11-23T10:00:01Z,2026-11-23T10:01:00Z,2026-11-23T10:05:00Z,,,Maui,,{}\r\n"
    );
    assert_eq!(
        ndjson,
        concat!(
            r#"{"source":"usgs-earthquakes","key":"us1","revision":1795000000123,"observed_at":"2026-11-23T10:00:00.04Z","#,
            r#""published_at":null,"fetched_at":"2026-11-23T10:05:00Z","lon":-156.5,"lat":19.25,"place":null,"#,
            r#""title":"=M 4.5 – Hawaï","measures":{"depth":10.0,"magnitude":4.5}}"#,
            "\n",
            r#"{"source":"usgs-earthquakes","key":"us2","revision":1795000000123,"observed_at":"2026-11-23T10:00:01Z","#,
            r#""published_at":"2026-11-23T10:01:00Z","fetched_at":"2026-11-23T10:05:00Z","lon":null,"lat":null,"#,
            r#""place":"Maui","title":null,"measures":{}}"#,
            "\n",
        )
    );
}

#[test]
fn captures_are_the_ledger_without_addresses_and_validators() {
    let capture = Capture {
        started_at: at("2026-11-23T10:00:02.5Z"),
        finished_at: at("2026-11-23T10:00:03Z"),
        url: "https://example.org/?key=***".to_owned(),
        http_status: Some(503),
        cause: Some(Cause::Unavailable),
        reason: Some("HTTP 503".to_owned()),
        etag: Some("\"x\"".to_owned()),
        ..Capture::new(
            source("velib-disponibilite"),
            at("2026-11-23T10:00:00Z"),
            Outcome::Failed,
        )
    };
    let [csv, ndjson] = text(&table::CAPTURES, &[&table::capture_row(&capture)]);
    assert_eq!(
        csv,
        "source,slot,started_at,outcome,http_status,bytes,sha256,file,rows,refused_rows,cause,reason\r\n\
         velib-disponibilite,2026-11-23T10:00:00Z,2026-11-23T10:00:02.5Z,failed,503,0,,,0,0,unavailable,HTTP 503\r\n"
    );
    assert_eq!(
        ndjson,
        concat!(
            r#"{"source":"velib-disponibilite","slot":"2026-11-23T10:00:00Z","started_at":"2026-11-23T10:00:02.5Z","#,
            r#""outcome":"failed","http_status":503,"bytes":0,"sha256":null,"file":null,"rows":0,"refused_rows":0,"#,
            r#""cause":"unavailable","reason":"HTTP 503"}"#,
            "\n",
        )
    );
}

#[test]
fn an_export_of_nothing_is_well_formed() {
    let [csv, ndjson] = text(&table::CAPTURES, &[]);
    assert!(csv.starts_with("source,slot,") && csv.lines().count() == 1);
    assert_eq!(ndjson, "");
}

#[test]
fn rows_as_they_were_known_say_when() {
    let known_at = at("2026-10-25T09:30:00Z");
    let cells = table::summary_row(
        name("LFPG", Kind::Gauge, "2026-10-25T00:00:00Z"),
        &gauge_figures(),
        Some(0.5),
    );
    let [now, then] = [None, Some(known_at)].map(|known_at| {
        [ExportFormat::Csv, ExportFormat::Ndjson].map(|format| {
            String::from_utf8(bytes(format, &table::SUMMARIES, known_at, &[&cells])).unwrap()
        })
    });
    let lines: Vec<&str> = now[0].lines().collect();
    let (head, row) = (lines[0], lines[1]);
    assert_eq!(
        then[0],
        format!("{head},known_at\r\n{row},2026-10-25T09:30:00Z\r\n")
    );
    let object = now[1].strip_suffix("}\n").unwrap();
    assert_eq!(
        then[1],
        format!("{object},\"known_at\":\"2026-10-25T09:30:00Z\"}}\n")
    );
    let packed = bytes(
        ExportFormat::Parquet,
        &table::SUMMARIES,
        Some(known_at),
        &[&cells],
    );
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&packed).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(row.len(), table::SUMMARIES.len() + 1);
    let (name, value) = row.get_column_iter().last().unwrap();
    assert_eq!(name, "known_at");
    assert_eq!(*value, Field::TimestampMillis(known_at.as_millisecond()));
}

fn parquet_file(columns: &'static [Column], write: impl FnOnce(&mut dyn RowWriter)) -> File {
    let file = tempfile::tempfile().unwrap();
    let mut writer: Box<dyn RowWriter> =
        Box::new(Columnar::new(columns, file.try_clone().unwrap()).unwrap());
    write(writer.as_mut());
    writer.finish(&credits()).unwrap();
    file
}

#[test]
fn parquet_is_read_back_with_its_types_nulls_and_credits() {
    let rows = [
        table::summary_row(
            name("LFPG", Kind::Gauge, "2026-10-25T00:00:00Z"),
            &gauge_figures(),
            Some(0.5),
        ),
        table::summary_row(
            name("LFPO", Kind::Direction, "2026-10-25T01:00:00Z"),
            &direction_figures(),
            None,
        ),
    ];
    // More than one group of rows.
    let file = parquet_file(&table::SUMMARIES, |writer| {
        for index in 0..50_003 {
            writer.row(&rows[index % 2]).unwrap();
        }
    });
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    let mut schema = Vec::new();
    parquet::schema::printer::print_schema(&mut schema, metadata.file_metadata().schema());
    assert_eq!(
        String::from_utf8(schema).unwrap(),
        "message vigie {\n  \
           REQUIRED BYTE_ARRAY source (STRING);\n  \
           REQUIRED BYTE_ARRAY entity (STRING);\n  \
           REQUIRED BYTE_ARRAY measure (STRING);\n  \
           REQUIRED BYTE_ARRAY unit (STRING);\n  \
           REQUIRED BYTE_ARRAY kind (STRING);\n  \
           REQUIRED INT64 hour (TIMESTAMP(MILLIS,true));\n  \
           REQUIRED INT64 count;\n  \
           OPTIONAL DOUBLE min;\n  \
           OPTIONAL DOUBLE max;\n  \
           OPTIONAL DOUBLE mean;\n  \
           OPTIONAL DOUBLE sum;\n  \
           OPTIONAL DOUBLE first;\n  \
           OPTIONAL DOUBLE last;\n  \
           OPTIONAL DOUBLE p50;\n  \
           OPTIONAL DOUBLE p95;\n  \
           OPTIONAL DOUBLE coverage;\n\
         }\n"
    );
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let pairs: BTreeMap<&str, &str> = pairs
        .iter()
        .map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap()))
        .collect();
    assert_eq!(pairs["vigie.time_zone"], "Europe/Paris");
    assert_eq!(
        pairs["vigie.attribution"],
        r#"[{"source":"gone"},{"source":"usgs-earthquakes","attribution":"U.S. Geological Survey","licence":"public domain","url":"https://www.usgs.gov/information-policies-and-instructions/copyrights-and-credits"}]"#
    );
    assert_eq!(metadata.file_metadata().num_rows(), 50_003);
    let rest = reader.get_row_group(1).unwrap();
    let read: Vec<_> = rest
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), 3);
    for (index, row) in read.iter().enumerate() {
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let gauge = index % 2 == 0;
        let (entity, hour) = if gauge {
            ("LFPG", at("2026-10-25T00:00:00Z"))
        } else {
            ("LFPO", at("2026-10-25T01:00:00Z"))
        };
        let real = |number: Option<f64>| number.map_or(Field::Null, Field::Double);
        assert_eq!(row.get_string(1).unwrap(), entity);
        assert_eq!(fields[5], &Field::TimestampMillis(hour.as_millisecond()));
        assert_eq!(fields[6], &Field::Long(if gauge { 3 } else { 2 }));
        assert_eq!(fields[7], &real(gauge.then_some(-0.1)));
        assert_eq!(fields[9], &real(gauge.then_some(0.1 + 0.2)));
        assert_eq!(fields[11], &Field::Double(if gauge { 1.0 } else { 350.0 }));
        assert_eq!(fields[15], &real(gauge.then_some(0.5)));
    }
}

#[test]
fn parquet_keeps_the_measures_of_an_event_as_json() {
    let event = quake("us1", "2026-11-23T10:00:00.04Z", &[("magnitude", 4.5)]);
    let file = parquet_file(&table::EVENTS, |writer| {
        writer.row(&table::event_row(&event).unwrap()).unwrap();
    });
    let reader = SerializedFileReader::new(file).unwrap();
    let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
    assert_eq!(row.get_string(10).unwrap(), r#"{"magnitude":4.5}"#);
    assert_eq!(row.get_long(2).unwrap(), 1_795_000_000_123);
    assert_eq!(
        row.get_timestamp_millis(3).unwrap(),
        at("2026-11-23T10:00:00.04Z").as_millisecond()
    );
}

#[test]
fn parquet_writes_a_group_early_when_texts_are_long() {
    let mut event = quake("us1", "2026-11-23T10:00:00Z", &[]);
    let file = parquet_file(&table::EVENTS, |writer| {
        for index in 0..5 {
            event.versions[0].title = Some(format!("{index}{}", "x".repeat(16 * 1024 * 1024)));
            writer.row(&table::event_row(&event).unwrap()).unwrap();
        }
    });
    let reader = SerializedFileReader::new(file).unwrap();
    let groups = reader.metadata().row_groups();
    let rows: Vec<i64> = groups
        .iter()
        .map(parquet::file::metadata::RowGroupMetaData::num_rows)
        .collect();
    assert_eq!(rows, [2, 2, 1]);
}

#[test]
fn a_closed_pipe_is_seen_as_such_in_every_format() {
    let event = quake("us1", "2026-11-23T10:00:00Z", &[]);
    let row = table::event_row(&event).unwrap();
    let writers: [Box<dyn RowWriter>; 2] = [
        Box::new(Csv::new(&table::EVENTS, Closed).unwrap()),
        Box::new(Ndjson::new(table::EVENTS.to_vec(), Closed)),
    ];
    for mut writer in writers {
        let written = writer.row(&row).and_then(|()| writer.finish(&credits()));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    let written = Columnar::new(&table::EVENTS, Closed).and_then(|mut writer| {
        writer.row(&row)?;
        Box::new(writer).finish(&credits())
    });
    assert_eq!(written.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

fn measure(id: &str, unit: &str, kind: Kind) -> Measure {
    Measure {
        id: MeasureId::new(id).unwrap(),
        kind,
        unit: unit.to_owned(),
        title: Text::same(id),
        across: Across::Mean,
        decimals: 1,
        headline: false,
    }
}

#[test]
fn events_are_summarised_by_local_hour() {
    let usgs = source("usgs-earthquakes");
    let measures = [
        measure("magnitude", "1", Kind::Event),
        measure("heading", "deg", Kind::Direction),
        measure("felt", "{report}", Kind::Event),
    ];
    // Half past the hour is where the hours of Kolkata begin.
    let tz = TimeZone::get("Asia/Kolkata").unwrap();
    let mut hours = EventHours::new(&usgs, &measures, &tz);
    let mut said = Vec::new();
    let mut each = |name: SummaryName<'_>, figures: &Figures| {
        let cells = table::summary_row(name, figures, None);
        said.push(serde_json::to_string(&cells.as_slice()).unwrap());
        ControlFlow::Continue(())
    };
    let events = [
        quake(
            "a",
            "2026-11-23T10:29:59Z",
            &[("magnitude", 2.0), ("unknown", 1.0)],
        ),
        quake(
            "b",
            "2026-11-23T10:30:00Z",
            &[("magnitude", 5.0), ("heading", 350.0)],
        ),
        quake(
            "c",
            "2026-11-23T10:40:00Z",
            &[("magnitude", 3.0), ("heading", 350.0)],
        ),
        quake("d", "2026-11-23T15:00:00Z", &[]),
    ];
    for event in &events {
        assert!(hours.add(event, &mut each).is_continue());
    }
    assert!(hours.end_hour(&mut each).is_continue());
    assert!(hours.end_hour(&mut each).is_continue());
    let figures = "1,2.0,2.0,2.0,2.0,2.0,2.0,2.0,2.0,null]";
    assert_eq!(said.len(), 3);
    assert_eq!(
        said[0],
        format!(
            r#"["usgs-earthquakes","*","magnitude","1","event","2026-11-23T15:00:00+05:30",{figures}"#
        )
    );
    assert_eq!(
        said[1],
        r#"["usgs-earthquakes","*","heading","deg","direction","2026-11-23T16:00:00+05:30",2,null,null,350.0,null,350.0,350.0,null,null,null]"#
    );
    let start = r#"["usgs-earthquakes","*","magnitude","1","event","2026-11-23T16:00:00+05:30",2,3.0,5.0,4.0,8.0,5.0,3.0,"#;
    assert!(said[2].starts_with(start), "{}", said[2]);
}

#[test]
fn credits_name_the_terms_and_what_is_simulated() {
    let mut credits = credits();
    assert_eq!(
        credits.text(),
        "The data belong to their providers. When you publish them, write:\n\
         \n\
         gone: no longer in the catalogue: ask its provider before you publish it\n\
         \n\
         usgs-earthquakes: U.S. Geological Survey\n  \
           licence: public domain\n  \
           terms: https://www.usgs.gov/information-policies-and-instructions/copyrights-and-credits\n"
    );
    credits.simulated = true;
    assert!(credits.text().starts_with("SIMULATED DATA"));
    assert!(credits.lines()[0].starts_with("SIMULATED DATA"));
    assert!(
        credits
            .metadata()
            .unwrap()
            .contains(&("vigie.simulated", "true".to_owned()))
    );
}
