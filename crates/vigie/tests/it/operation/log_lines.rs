//! Log lines, as the manual lists them.

use std::{fs, path::Path};

use serde_json::Value;
use vigie_testkit::FaultKind;

use super::{ECB, METAR, METAR_PATH, NOON, Running};
use crate::support::{Lab, always, wait_until};

/// The names of log lines with the fields of each, as `docs/operation.md` lists them.
fn documented() -> Vec<(String, Vec<String>)> {
    let text = include_str!("../../../../../docs/operation.md");
    let table = text.split_once("<!-- log lines -->").unwrap().1;
    let table = table.split_once("<!-- end -->").unwrap().0;
    let mut lines = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let words = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let name: Vec<String> = words(cells[1]);
        lines.push((name[0].clone(), words(cells[3])));
    }
    assert!(lines.len() > 10, "{lines:?}");
    lines
}

#[test]
fn log_lines_are_those_of_the_manual() {
    let documented = documented();
    let failing = FaultKind::Status {
        code: 503,
        retry_after: None,
    };
    let lab = Lab::new("Paris", &[ECB, METAR], always(METAR_PATH, failing));
    let arguments = ["up", "--listen", "127.0.0.1:0", "-vv", "--log", "json"];
    let mut up = Running::start(lab.command_at(NOON, &arguments), lab.workspace.path());
    up.url();
    wait_until("a summary", || up.said().contains("summarised"));
    up.signal("HUP");
    wait_until("new settings", || up.said().contains("settings read again"));
    up.signal("TERM");
    up.ends();
    let mut seen = Vec::new();
    for line in up.said().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if !line["target"].as_str().unwrap().starts_with("vigie") {
            continue;
        }
        let mut fields = line["fields"].as_object().unwrap().clone();
        let name = fields.remove("message").unwrap();
        let name = name.as_str().unwrap();
        let known = documented.iter().find(|(known, _)| known == name);
        let (_, known) = known.unwrap_or_else(|| panic!("`{name}` is not in docs/operation.md"));
        let fields: Vec<&String> = fields.keys().collect();
        assert!(
            fields.iter().all(|field| known.contains(field)),
            "{name}: {fields:?}"
        );
        seen.push(name.to_owned());
    }
    for name in [
        "started",
        "serving",
        "collected",
        "not collected",
        "stopping",
        "stopped",
    ] {
        assert!(seen.iter().any(|seen| seen == name), "{name}: {seen:?}");
    }
}

/// Where the call of a macro ends: at the parenthesis that closes its first.
fn end_of_call(text: &str) -> usize {
    let (mut depth, mut quoted) = (0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 1 => return at,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    panic!("the call does not end: {text}")
}

/// Every line that the program may write is in the manual: its set is closed.
#[test]
fn every_log_line_of_the_source_is_in_the_manual() {
    let documented = documented();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for level in ["info!(", "warn!(", "debug!(", "error!("] {
                for (at, _) in text.match_indices(level) {
                    if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                        continue;
                    }
                    let call = &text[at..at + end_of_call(&text[at..])];
                    let message = call.rsplit('"').nth(1).unwrap_or_default();
                    let known = documented.iter().any(|(name, _)| name == message);
                    assert!(known, "{}: `{message}` of {call}", path.display());
                    found += 1;
                }
            }
        }
    }
    assert!(found > 15, "{found}");
}
