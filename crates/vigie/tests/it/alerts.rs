//! Alerts: told once, by every channel, also where one is away for a time.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

use serde_json::Value;
use vigie_testkit::FaultPlan;

use crate::support::Lab;

const METAR: &str = "metar-aviationweather";
const USGS: &str = "usgs-earthquakes";
const NOON: &str = "2026-11-24T11:00:00Z";

/// A workspace whose messages go to the file `told`, a line each.
fn lab(sources: &[&str], rules: &str) -> Lab {
    let lab = Lab::new("Paris", sources, FaultPlan::none());
    add(
        &lab,
        "[notify]\ncommand = [\"sh\", \"-c\", \"cat >> told; echo >> told\"]\n",
    );
    add(&lab, rules);
    lab
}

fn add(lab: &Lab, text: &str) {
    let file = lab.workspace.path().join("vigie.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{before}\n{text}\n")).unwrap();
}

fn told(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.workspace.path().join("told")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn collect_and_summarize(lab: &Lab, time: &str) {
    lab.at(time, &["collect"]).ends(0);
    lab.at(time, &["summarize"]).ends(0);
}

#[test]
fn an_episode_is_told_once_with_its_end() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = -90\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    let first = told(&lab);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0]["data"]["change"], "begins");
    assert!(
        first[0]["subject"]
            .as_str()
            .unwrap()
            .starts_with("[Vigie Paris] Warm")
    );
    let text = first[0]["text"].as_str().unwrap();
    assert!(text.contains("≥ −90.0") || text.contains("≥ −90"), "{text}");
    let stations = first[0]["data"]["subjects"].as_array().unwrap().len();
    assert!(stations >= 1);

    // It goes on: nothing more is told, by whatever command.
    collect_and_summarize(&lab, "2026-11-24T11:30:00Z");
    lab.at("2026-11-24T11:31:00Z", &["alerts"]).ends(0);
    assert_eq!(told(&lab).len(), 1);

    // It holds no more: the end is told after a quarter of an hour, once.
    lab.workspace.reconfigure("above = -90", "above = 90");
    lab.at("2026-11-24T11:32:00Z", &["alerts"]).ends(0);
    lab.at("2026-11-24T11:40:00Z", &["alerts"]).ends(0);
    assert_eq!(told(&lab).len(), 1);
    lab.at("2026-11-24T11:48:00Z", &["alerts"]).ends(0);
    lab.at("2026-11-24T11:49:00Z", &["alerts"]).ends(0);
    let all = told(&lab);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["data"]["change"], "ends");
    assert_eq!(
        all[1]["data"]["subjects"].as_array().unwrap().len(),
        stations
    );
}

#[test]
fn each_event_is_told_once_and_has_no_end() {
    let rule = "[[alerts]]\nname = \"Quake\"\nsource = \"usgs-earthquakes\"\nmeasure = \"magnitude\"\nabove = 0\nclear_minutes = 0\n";
    let lab = lab(&[USGS], rule);
    collect_and_summarize(&lab, NOON);
    let counted = |told: &[Value]| -> usize {
        let subjects = told
            .iter()
            .map(|message| message["data"]["subjects"].as_array().unwrap().len());
        subjects.sum()
    };
    let first = counted(&told(&lab));
    assert!(first > 0);
    // Two days later these are past.
    collect_and_summarize(&lab, "2026-11-26T11:00:00Z");
    let all = told(&lab);
    assert!(
        all.iter()
            .all(|message| message["data"]["change"] == "begins"),
        "{all:?}"
    );
    let mut ids: Vec<String> = all
        .iter()
        .flat_map(|message| message["data"]["subjects"].as_array().unwrap().clone())
        .map(|subject| subject["id"].to_string())
        .collect();
    let before = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), before, "an event was told twice");
}

#[test]
fn a_source_that_falls_silent_is_told_and_that_it_came_back() {
    let rule = "[[alerts]]\nname = \"Silent\"\nsource = \"metar-aviationweather\"\ncontent_age_minutes = 120\nclear_minutes = 0\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    assert!(told(&lab).is_empty());
    for time in ["2026-11-24T16:00:00Z", "2026-11-24T17:00:00Z"] {
        lab.at(time, &["alerts"]).ends(0);
    }
    assert_eq!(told(&lab).len(), 1);
    collect_and_summarize(&lab, "2026-11-24T18:00:00Z");
    let all = told(&lab);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1]["data"]["change"], "ends");
    // The store's absence is no reason to tell anything of values, and no reason to be silent about the rest.
    let shown: Value = serde_json::from_str(
        &lab.at("2026-11-24T18:01:00Z", &["alerts", "--json"])
            .ends(0),
    )
    .unwrap();
    assert_eq!(shown["rules"][0]["name"], "Silent");
    assert_eq!(shown["rules"][0]["open"].as_array().unwrap().len(), 0);
}

#[test]
fn too_few_downloads_are_told() {
    let rule = "[[alerts]]\nname = \"Gaps\"\nsource = \"metar-aviationweather\"\ncompleteness_below = 0.9\n";
    let lab = lab(&[METAR], rule);
    collect_and_summarize(&lab, NOON);
    collect_and_summarize(&lab, "2026-11-24T21:00:00Z");
    let all = told(&lab);
    assert_eq!(all.len(), 1, "{all:?}");
    let figure = all[0]["data"]["subjects"][0]["figure"].as_str().unwrap();
    assert!(figure.contains('/') && figure.contains('%'), "{figure}");
}

/// Takes one request and gives its head and body.
fn hook(listener: TcpListener) -> JoinHandle<(String, Value)> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            .unwrap();
        (head, serde_json::from_slice(&body).unwrap())
    })
}

#[test]
fn a_hook_that_is_away_gets_its_message_later_and_its_address_shows_nowhere() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = -90\n";
    let lab = lab(&[METAR], rule);
    lab.workspace.reconfigure(
        "[notify]\ncommand",
        "[notify]\nwebhook = \"env:HOOK\"\ncommand",
    );
    lab.at(NOON, &["collect"]).ends(0);
    let port = {
        // Taken and let go: nobody listens there.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let address = format!("http://127.0.0.1:{port}/t0ken-of-the-hook");
    let run = |time: &str, arguments: &[&str]| {
        let mut command = lab.command_at(time, arguments);
        crate::support::Ran::of(command.env("HOOK", &address).output().unwrap())
    };
    run(NOON, &["summarize"]).ends(0);
    let ran = run("2026-11-24T11:01:00Z", &["alerts"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("notify.webhook: not sent"), "{ran:?}");
    assert!(!format!("{ran:?}").contains("t0ken"), "{ran:?}");
    assert_eq!(told(&lab).len(), 1, "the other channel got it once");

    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let hook = hook(listener);
    run("2026-11-24T11:02:00Z", &["alerts"]).ends(0);
    let (head, body) = hook.join().unwrap();
    assert!(head.starts_with("POST /t0ken-of-the-hook"), "{head}");
    assert_eq!(body["id"], told(&lab)[0]["id"]);
    assert_eq!(told(&lab).len(), 1);
    let state = fs::read_to_string(lab.workspace.path().join("data/alerts.json")).unwrap();
    assert!(!state.contains("t0ken"), "{state}");
}

/// A mail server that takes one message and gives its lines.
fn mail_server(listener: TcpListener) -> JoinHandle<Vec<String>> {
    fn say(stream: &mut TcpStream, text: &str) {
        stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        say(&mut stream, "220 mail.test");
        let (mut lines, mut in_data) = (Vec::new(), false);
        for line in reader.lines() {
            let line = line.unwrap();
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 taken"
                }
                _ if in_data => "",
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => {
                    say(&mut stream, "221 bye");
                    break;
                }
                _ => "250 ok",
            };
            lines.push(line);
            if !answer.is_empty() {
                say(&mut stream, answer);
            }
        }
        lines
    })
}

#[test]
fn mail_goes_to_everyone_and_a_test_says_which_channel_works() {
    let lab = lab(&[METAR], "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    add(
        &lab,
        &format!(
            "[notify.email]\nsmtp = \"smtp://127.0.0.1:{port}\"\nfrom = \"Vigie <vigie@example.org>\"\n\
             to = [\"a@example.org\", \"b@example.org\"]\n"
        ),
    );
    let server = mail_server(listener);
    let out = lab.at(NOON, &["alerts", "--test"]).ends(0);
    assert!(
        out.contains("notify.email: sent") && out.contains("notify.command: sent"),
        "{out}"
    );
    let lines = server.join().unwrap();
    for expected in [
        "RCPT TO:<a@example.org>",
        "RCPT TO:<b@example.org>",
        "Subject: [Vigie Paris] A test message: this channel works.",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{expected}: {lines:#?}"
        );
    }
    // Nobody listens any more.
    let ran = lab.at(NOON, &["alerts", "--test"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("notify.email: not sent"), "{ran:?}");
}

#[test]
fn a_rule_that_says_nothing_is_refused_with_what_was_meant() {
    let rule = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperatur\"\nabove = 30\n";
    let lab = lab(&[METAR], rule);
    let ran = lab.at(NOON, &["alerts"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("did you mean `temperature`?"), "{ran:?}");
    let doctor = lab.at(NOON, &["doctor"]);
    assert!(
        doctor.out.contains("did you mean `temperature`?"),
        "{doctor:?}"
    );
}
