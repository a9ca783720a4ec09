//! What open pages are told while they are open.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;
use vigie_testkit::FaultPlan;

use crate::support::{Lab, Serving};

const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const LATER: &str = "2026-11-24T10:30:30Z";

/// The events of an open page, without the emptiness between them.
fn events(page: &Serving, query: &str) -> impl Iterator<Item = (String, String)> + use<> {
    let mut stream = TcpStream::connect(&page.host).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let host = &page.host;
    write!(
        stream,
        "GET /api/v1/stream{query} HTTP/1.0\r\nHost: {host}\r\n\r\n"
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    for line in ["content-type: text/event-stream", "cache-control: no-store"] {
        assert!(head.iter().any(|held| held == line), "{line}: {head:?}");
    }
    std::iter::from_fn(move || {
        let event = lines.next()?;
        let data = lines.next()?;
        assert_eq!(lines.next()?, "");
        let event = event.strip_prefix("event: ").unwrap().to_owned();
        Some((event, data.strip_prefix("data: ").unwrap().to_owned()))
    })
}

#[test]
fn every_open_page_is_told_what_another_process_did() {
    let lab = Lab::new("Paris", &[METAR, USGS], FaultPlan::none());
    lab.at("2026-11-24T10:00:07Z", &["collect"]).ends(0);
    lab.at("2026-11-24T10:00:17Z", &["summarize"]).ends(0);
    let page = Serving::start(lab.command_at(LATER, &["serve", "--listen", "127.0.0.1:0"]));
    let mark = || page.json("/api/v1/day", 200)["mark"].clone();
    let mut pages = [events(&page, ""), events(&page, "")];
    let clock = ("clock".to_owned(), format!("{{\"now\":\"{LATER}\"}}"));
    for page in &mut pages {
        assert_eq!(page.next().unwrap(), clock);
    }
    let source = |name: &str| {
        let data = format!("{{\"now\":\"{LATER}\",\"source\":\"{name}\"}}");
        ("source".to_owned(), data)
    };
    let mut both_are_told = || {
        for page in &mut pages {
            let mut told: Vec<_> = page.filter(|event| *event != clock).take(2).collect();
            told.sort();
            assert_eq!(told, [source(METAR), source(USGS)]);
        }
    };
    // Who reads the day has the days before it read.
    mark();
    both_are_told();
    let before = mark();
    lab.at("2026-11-24T10:30:07Z", &["collect"]).ends(0);
    both_are_told();
    // One that read the day before, and opens its stream only now, has missed that; one that read it after has missed nothing: the
    // next that it hears is the time.
    let since = |mark: &Value, count| {
        let mut told: Vec<_> = events(&page, &format!("?since={mark}"))
            .take(count)
            .collect();
        told.sort();
        told
    };
    assert_eq!(
        since(&before, 3),
        [clock.clone(), source(METAR), source(USGS)]
    );
    assert_eq!(since(&mark(), 2), [clock.clone(), clock.clone()]);
    // Of another server's marks it knows nothing.
    let all = ("resync".to_owned(), clock.1.clone());
    for strange in [7, u64::MAX] {
        assert_eq!(since(&strange.into(), 2), [clock.clone(), all.clone()]);
    }
    let (status, text) = page.get("/api/v1/stream?since=yesterday");
    assert_eq!(status, 400, "{text}");
}
