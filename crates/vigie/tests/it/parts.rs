//! Answers in several parts, and requests that send something, against a small provider.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use crate::support::{Workspace, own_definition};

const AT: &str = "2026-11-24T08:20:05Z";

/// An answer: status, further headers, body.
type Said = (u16, String, String);

/// A provider that answers as a function says.
struct Provider {
    base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// `answers` gets the method, path and query, and what was sent.
    fn new(answers: impl Fn(&str, &str, &str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let mut words = line.split(' ').map(str::to_owned);
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                let mut length = 0;
                loop {
                    let mut header = String::new();
                    stream.read_line(&mut header).unwrap();
                    let header = header.trim().to_ascii_lowercase();
                    if header.is_empty() {
                        break;
                    }
                    if let Some(value) = header.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut sent = vec![0; length];
                stream.read_exact(&mut sent).unwrap();
                let sent = String::from_utf8(sent).unwrap();
                let (status, headers, body) = answers(&method, &path, &sent);
                log.lock().unwrap().push(format!("{method} {path} {sent}"));
                let length = body.len();
                let _ = write!(
                    stream.get_mut(),
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
                );
            }
        });
        Self { base_url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A report of a station, as the definition reads it.
fn report(station: &str) -> String {
    format!(r#"{{"icaoId":"{station}","obsTime":1795500000,"temp":7.5}}"#)
}

/// A workspace with one source whose request has these lines more, and whose rows are selected so.
fn workspace(provider: &Provider, request: &str, select: &str, access: &str) -> Workspace {
    let workspace = Workspace::new("Paris");
    let definition = own_definition("", access)
        .replace("select = \"[*]\"", &format!("select = \"{select}\""))
        .replace("[format]", &format!("{request}\n[format]"));
    fs::create_dir_all(workspace.path().join("sources")).unwrap();
    fs::write(workspace.path().join("sources/mine.toml"), definition).unwrap();
    let file = workspace.path().join("vigie.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.split_once("[sources.").unwrap().0;
    let base_url = &provider.base_url;
    let text = format!("{text}\n[sources.mine]\nbase_url = \"{base_url}\"\n");
    fs::write(&file, text).unwrap();
    workspace
}

fn at(workspace: &Workspace, step: &str) -> crate::support::Ran {
    workspace.run(&[step, "--now", AT])
}

/// The stations whose reports are in the store.
fn stations(workspace: &Workspace) -> Vec<String> {
    at(workspace, "summarize").ends(0);
    let mut stations: Vec<String> = workspace
        .export("summaries")
        .iter()
        .map(|line| line["entity"].as_str().unwrap().to_owned())
        .filter(|entity| entity != "*")
        .collect();
    stations.sort();
    stations.dedup();
    stations
}

const OPEN: &str = "{ kind = \"open\" }";

#[test]
fn pages_of_every_kind_are_asked_for_to_the_end_and_are_one_raw_file() {
    let page = |path: &str| -> Said {
        let number = ["page=3", "p=3", "cursor=c3", "offset=4"]
            .iter()
            .any(|last| path.contains(last));
        let second = ["page=2", "p=2", "cursor=c2", "offset=2"]
            .iter()
            .any(|middle| path.contains(middle));
        let (names, next): (&[&str], _) = match (number, second) {
            (true, _) => (&["E5"], ""),
            (_, true) => (&["C3", "D4"], "3"),
            _ => (&["A1", "B2"], "2"),
        };
        let rows: Vec<String> = names.iter().map(|name| report(name)).collect();
        let link = match next {
            "" => String::new(),
            next => format!("link: <?p={next}>; rel=\"next\", <?p=1>; rel=\"first\"\r\n"),
        };
        let (address, cursor) = match next {
            "" => ("null".to_owned(), "\"\"".to_owned()),
            // As providers write it: with their own host, which the workspace has replaced.
            next => (
                format!("\"https://api.example.org/more?p={next}\""),
                format!("\"c{next}\""),
            ),
        };
        let rows = rows.join(",");
        let body = format!(r#"{{"next":{address},"meta":{{"cursor":{cursor}}},"rows":[{rows}]}}"#);
        (200, link, body)
    };
    for (request, parts) in [
        ("pages = { link = true }", 3),
        ("pages = { next = \"next\" }", 3),
        (
            "pages = { cursor = \"meta.cursor\", param = \"cursor\" }",
            3,
        ),
        ("pages = { param = \"page\", list = \"rows\", size = 2 }", 3),
        (
            "pages = { param = \"offset\", from = 0, step = 2, list = \"rows\", size = 2 }",
            3,
        ),
    ] {
        let provider = Provider::new(move |_, path, _| page(path));
        let workspace = workspace(&provider, request, "[*].rows[*]", OPEN);
        at(&workspace, "collect").ends(0);
        assert_eq!(provider.asked().len(), parts, "{:?}", provider.asked());
        let bodies: Vec<_> = workspace
            .files("data/raw")
            .into_iter()
            .filter(|file| !file.to_str().unwrap().ends_with(".manifest.json"))
            .collect();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert_eq!(
            stations(&workspace),
            ["A1", "B2", "C3", "D4", "E5"],
            "{request}"
        );
    }
}

#[test]
fn the_items_of_a_list_are_asked_for_one_by_one() {
    let provider = Provider::new(|_, path, _| match path.rsplit_once("/item/") {
        None => (200, String::new(), r#"[7, "a/b", 9, 10]"#.to_owned()),
        Some((_, "9.json")) => (200, String::new(), "null".to_owned()),
        Some((_, item)) => (200, String::new(), report(&item.replace(".json", ""))),
    });
    let request = "items = { select = \"[*]\", url = \"https://api.example.org/item/{item}.json\", most = 3 }";
    let workspace = workspace(&provider, request, "[*]", OPEN);
    at(&workspace, "collect").ends(0);
    let asked: Vec<String> = provider.asked();
    assert_eq!(
        asked[1..],
        [
            "GET /item/7.json ",
            "GET /item/a%2Fb.json ",
            "GET /item/9.json "
        ]
    );
    assert_eq!(stations(&workspace), ["7", "a%2Fb"]);
}

/// Names for the entities of the first document.
const JOIN: &str = "[rows.join]\nselect = \"[1].stations[*]\"\nkey = \"id\"\nname = \"name\"\n\
    point = { lon = \"lon\", lat = \"lat\" }\n\n[fields]";

fn workspace_with_names(provider: &Provider) -> Workspace {
    let workspace = workspace(
        provider,
        "beside = \"https://api.example.org/names\"",
        "[0].rows[*]",
        OPEN,
    );
    let file = workspace.path().join("sources/mine.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("[fields]", JOIN)).unwrap();
    workspace
}

#[test]
fn a_document_beside_the_first_names_its_entities_and_places_them() {
    let provider = Provider::new(|_, path, _| {
        let body = if path == "/names" {
            r#"{"stations":[{"id":"B2","name":"Bee","lon":2.5,"lat":48.5},{"id":"Z9","name":"Zed"}]}"#
                .to_owned()
        } else {
            format!(r#"{{"rows":[{},{}]}}"#, report("A1"), report("B2"))
        };
        (200, String::new(), body)
    });
    let workspace = workspace_with_names(&provider);
    at(&workspace, "collect").ends(0);
    assert_eq!(provider.asked().len(), 2);
    // What names alone say is no row.
    assert_eq!(stations(&workspace), ["A1", "B2"]);
    let store = rusqlite::Connection::open(workspace.path().join("data/vigie.db")).unwrap();
    let labels: String = store
        .query_row("SELECT group_concat(label) FROM summaries", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert!(
        labels.contains("Bee") && labels.contains("48.5"),
        "{labels}"
    );
    assert!(!labels.contains("Zed"), "{labels}");
}

#[test]
fn without_the_document_beside_there_is_no_body() {
    let provider = Provider::new(|_, path, _| {
        if path == "/names" {
            return (503, String::new(), String::new());
        }
        (
            200,
            String::new(),
            format!(r#"{{"rows":[{}]}}"#, report("A1")),
        )
    });
    let workspace = workspace_with_names(&provider);
    at(&workspace, "collect").ends(1);
    assert!(workspace.files("data/raw").is_empty());
    // One that is another is set aside as a whole: names must not vanish.
    let provider = Provider::new(|_, path, _| {
        let body = if path == "/names" {
            "{}".to_owned()
        } else {
            format!(r#"{{"rows":[{}]}}"#, report("A1"))
        };
        (200, String::new(), body)
    });
    let workspace = workspace_with_names(&provider);
    at(&workspace, "collect").ends(0);
    let said = at(&workspace, "summarize").ends(1);
    assert!(said.contains("[1].stations[*]"), "{said}");
}

#[test]
fn a_part_that_fails_is_the_failure_of_the_whole_with_its_cause() {
    let rows = |next: &str| {
        let row = report("A1");
        format!(r#"{{"next":{next},"rows":[{row}]}}"#)
    };
    let key = "{ kind = \"key\", env = \"VIGIE_KEY_PARTS\", signup = \"https://example.org/\" }";
    for (next, second, access, code, cause, said) in [
        ("\"?p=2\"", (503, ""), OPEN, 1, "unavailable", "503"),
        ("\"?p=2\"", (200, "<html>Sorry"), OPEN, 1, "html", "HTML"),
        (
            "\"?p=2\"",
            (200, "loop"),
            OPEN,
            1,
            "too_large",
            "request.pages.most = 4",
        ),
        ("\"ftp://x/\"", (200, ""), OPEN, 1, "redirect_refused", "no"),
        (
            "\"?p=2\"",
            (200, ""),
            "{ kind = \"open\", limits = [{ requests = 1, per = \"1h\" }] }",
            1,
            "rate_limited",
            "the published limit",
        ),
    ] {
        let (status, body) = second;
        let (first, body) = (rows(next), body.replace("loop", &rows("\"?p=3\"")));
        let provider = Provider::new(move |_, path, _| {
            if path.contains("p=") {
                (status, String::new(), body.clone())
            } else {
                (200, String::new(), first.clone())
            }
        });
        let request = "pages = { next = \"next\", most = 4 }";
        let workspace = workspace(&provider, request, "[*].rows[*]", access);
        let ran = at(&workspace, "collect");
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        let capture = &workspace.captures("mine")[0];
        assert_eq!(capture["cause"], cause, "{capture}");
        let reason = capture["reason"].as_str().unwrap();
        assert!(reason.contains(said), "{reason}");
        assert!(workspace.files("data/raw").is_empty());
    }
    // A provider that names another host for its next page does not get the key there.
    let provider = Provider::new(move |_, _, _| {
        (
            200,
            String::new(),
            rows("\"https://elsewhere.example/?p=2\""),
        )
    });
    let workspace = workspace(
        &provider,
        "headers = { x-key = \"{key}\" }\npages = { next = \"next\" }",
        "[*].rows[*]",
        key,
    );
    workspace.reconfigure(&format!("base_url = \"{}\"\n", provider.base_url), "");
    let file = workspace.path().join("sources/mine.toml");
    let definition = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        definition.replace("https://api.example.org", &provider.base_url),
    )
    .unwrap();
    workspace.configure("http", "allow_private = [\"127.0.0.1\"]");
    let mut command = workspace.command(&["collect", "--now", AT]);
    command.env("VIGIE_KEY_PARTS", "hunter2");
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    assert_eq!(workspace.captures("mine")[0]["cause"], "redirect_refused");
}

#[test]
fn what_a_request_sends_has_its_variables_filled_in_and_shows_no_key() {
    let provider = Provider::new(|_, _, _| (200, String::new(), format!("[{}]", report("A1"))));
    let request = "body = '{\"query\": { \"country\": \"{zone.country}\", \"day\": \"{now:%Y-%m-%d}\" }, \"key\": \"{key}\"}'";
    let key = "{ kind = \"key\", env = \"VIGIE_KEY_PARTS\", signup = \"https://example.org/\" }";
    let workspace = workspace(&provider, request, "[*]", key);
    let mut command = workspace.command(&["collect", "--now", AT]);
    command.env("VIGIE_KEY_PARTS", "hunter2");
    assert!(command.output().unwrap().status.success());
    assert_eq!(
        provider.asked(),
        [
            r#"POST /api/data/metar?ids=LFPG {"query": { "country": "FR", "day": "2026-11-24" }, "key": "hunter2"}"#
        ]
    );
    for file in workspace.files("data") {
        let bytes = fs::read(&file).unwrap();
        assert!(
            !bytes.windows(7).any(|seven| seven == b"hunter2"),
            "{file:?}"
        );
    }
    assert_eq!(stations(&workspace), ["A1"]);
}

#[test]
fn a_history_of_several_pages_is_asked_for_to_its_end_day_by_day() {
    let provider = Provider::new(|_, path, _| {
        let (_, query) = path.split_once('?').unwrap();
        let (day, hour, next) = match query {
            // The days of Paris begin in the day before of UTC.
            "from=2026-11-22" => ("22", "Z0", "null"),
            "from=2026-11-23" => ("23", "A1", r#""https://api.example.org/more?day=23""#),
            "day=23" => ("23", "B2", "null"),
            "from=2026-11-24" => ("24", "C3", "null"),
            _ => return (404, String::new(), String::new()),
        };
        // Each at noon of its day.
        let time = 1_795_435_200 + (day.parse::<i64>().unwrap() - 23) * 86_400;
        let row = format!(r#"{{"icaoId":"{hour}","obsTime":{time},"temp":7.5}}"#);
        (
            200,
            String::new(),
            format!(r#"{{"next":{next},"rows":[{row}]}}"#),
        )
    });
    let history = "[request.history]\n\
        url = \"https://api.example.org/past?from={from:%Y-%m-%d}\"\n\
        pages = { next = \"next\" }\nsince = \"2026-01-01\"\nchunk = \"1d\"\ndelay = \"1h\"\n";
    let workspace = workspace(&provider, history, "[*].rows[*]", OPEN);
    let past = [
        "backfill",
        "mine",
        "--from",
        "2026-11-23",
        "--to",
        "2026-11-24",
        "--now",
        "2026-11-26T08:00:00Z",
    ];
    let told = workspace.run(&past).ends(0);
    assert!(told.contains("3 of 3 requests obtained"), "{told}");
    assert_eq!(provider.asked().len(), 4, "{:?}", provider.asked());
    assert_eq!(stations(&workspace), ["A1", "B2", "C3", "Z0"]);
}
