//! Messages: by every channel, also where one is away, hangs or refuses, and never twice for nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use serde_json::Value;

use crate::{
    alerts::{METAR, NOON, add, lab, told},
    support::{Lab, PATIENCE, Ran},
};

const WARM: &str = "[[alerts]]\nname = \"Warm\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nabove = -90\n";
const COLD: &str = "[[alerts]]\nname = \"Cold\"\nsource = \"metar-aviationweather\"\nmeasure = \"temperature\"\nbelow = 90\n";

/// Takes one request and gives its head and body.
fn hook(listener: TcpListener, status: &'static str) -> JoinHandle<(String, Value)> {
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
            .write_all(
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .as_bytes(),
            )
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
        Ran::of(command.env("HOOK", &address).output().unwrap())
    };
    run(NOON, &["summarize"]).ends(0);
    let ran = run("2026-11-24T11:01:00Z", &["alerts"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("notify.webhook: not sent"), "{ran:?}");
    assert!(!format!("{ran:?}").contains("t0ken"), "{ran:?}");
    assert_eq!(told(&lab).len(), 1, "the other channel got it once");

    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let hook = hook(listener, "204 No Content");
    run("2026-11-24T11:03:00Z", &["alerts"]).ends(0);
    let (head, body) = hook.join().unwrap();
    assert!(head.starts_with("POST /t0ken-of-the-hook"), "{head}");
    assert_eq!(body["id"], told(&lab)[0]["id"]);
    assert_eq!(told(&lab).len(), 1);
    let state = fs::read_to_string(lab.workspace.path().join("data/alerts.json")).unwrap();
    assert!(!state.contains("t0ken"), "{state}");
}

/// A mail server that takes one connection and gives its lines. Nobody of `unknown` is there.
fn mail_server(listener: TcpListener, unknown: &'static str) -> JoinHandle<Vec<String>> {
    thread::spawn(move || serve_mail(&listener, unknown))
}

fn serve_mail(listener: &TcpListener, unknown: &str) -> Vec<String> {
    fn say(stream: &mut TcpStream, text: &str) {
        stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }
    {
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
                "RCPT" if !unknown.is_empty() && line.contains(unknown) => {
                    "550 nobody is called so"
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
    }
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
    let server = mail_server(listener, "");
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
fn a_message_that_is_refused_is_dropped_and_the_others_go_on() {
    let lab = lab(&[METAR], &format!("{WARM}{COLD}"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    lab.workspace.reconfigure(
        "[notify]\ncommand",
        &format!("[notify]\nwebhook = \"http://{address}/\"\ncommand"),
    );
    lab.at(NOON, &["collect"]).ends(0);
    let (sender, hooked) = mpsc::channel();
    thread::spawn(move || {
        for status in ["400 Bad Request", "200 OK"] {
            let body = hook(listener.try_clone().unwrap(), status)
                .join()
                .unwrap()
                .1;
            sender.send(body).unwrap();
        }
    });
    lab.at(NOON, &["summarize"]).ends(0);
    let [refused, taken]: [Value; 2] =
        std::array::from_fn(|_| hooked.recv_timeout(PATIENCE).unwrap());
    assert_ne!(refused["id"], taken["id"]);
    assert_eq!(told(&lab).len(), 2, "the command got both");
    let out = lab.at("2026-11-24T11:01:00Z", &["alerts"]).ends(0);
    assert!(
        out.contains("notify.webhook: refused at 2026-11-24T11:00:00Z, not sent again: [Vigie Paris] Warm (3): HTTP status 400"),
        "{out}"
    );
    let shown = lab
        .at("2026-11-24T11:01:00Z", &["alerts", "--json"])
        .ends(0);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["waiting"], &shown["refused"][0]["channel"]),
        (&0.into(), &"webhook".into())
    );
}

#[test]
fn somebody_whom_the_mail_server_does_not_know_costs_nobody_else_the_message() {
    let lab = lab(&[METAR], "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    add(
        &lab,
        &format!(
            "[notify.email]\nsmtp = \"smtp://127.0.0.1:{port}\"\nfrom = \"vigie@example.org\"\n\
             to = [\"gone@example.org\", \"b@example.org\"]\n"
        ),
    );
    // To both; whether it works at all; to each.
    let (sender, served) = mpsc::channel();
    thread::spawn(
        move || {
            while sender.send(serve_mail(&listener, "gone@")).is_ok() {}
        },
    );
    let ran = lab.at(NOON, &["alerts", "--test"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.err.contains("somebody did not get a message"),
        "{ran:?}"
    );
    let all: Vec<Vec<String>> = (0..4)
        .map(|_| served.recv_timeout(PATIENCE).unwrap())
        .collect();
    let last = &all[3];
    assert!(
        last.iter().any(|line| line == "RCPT TO:<b@example.org>"),
        "{last:#?}"
    );
    assert!(
        last.iter().any(|line| line.starts_with("Subject: ")),
        "{last:#?}"
    );
}

#[test]
fn a_program_that_leaves_something_behind_has_ended_all_the_same() {
    let lab = lab(&[METAR], "");
    // What is left behind holds the standard error for longer than a channel has.
    lab.workspace
        .reconfigure("echo >> told", "echo >> told; sleep 35 &");
    let out = lab.at(NOON, &["alerts", "--test"]).ends(0);
    assert!(out.contains("notify.command: sent"), "{out}");
    lab.workspace.reconfigure(
        "sleep 35 &",
        "(sleep 35 >&2) & echo it is full >&2; exit 65",
    );
    let out = lab.at(NOON, &["alerts", "--test"]).ends(1);
    assert!(out.contains("exit status: 65: it is full"), "{out}");
}

/// A report whose hook works once the file `works` is there.
fn reported(lab: &Lab) {
    lab.workspace.configure(
        "report",
        "on_done = [\"sh\", \"-c\", 'test -e works && echo \"$0\" >> done']",
    );
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let ran = lab.at("2026-11-25T06:10:00Z", &["report"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("not passed on: report.on_done: ") && ran.err.contains("it is sent again"),
        "{ran:?}"
    );
}

#[test]
fn a_report_that_was_not_passed_on_is_sent_again() {
    let lab = Lab::new("Paris", &[METAR], vigie_testkit::FaultPlan::none());
    reported(&lab);
    fs::write(lab.workspace.path().join("works"), "").unwrap();
    // Without a rule, too; but not within the minute.
    lab.at("2026-11-25T06:10:30Z", &["summarize"]).ends(0);
    let done = lab.workspace.path().join("done");
    assert!(!done.exists());
    lab.at("2026-11-25T06:11:00Z", &["summarize"]).ends(0);
    let text = fs::read_to_string(&done).unwrap();
    assert!(
        text.trim_end().ends_with("reports/day_2026-11-24_en.pdf"),
        "{text}"
    );
    lab.at("2026-11-25T06:12:00Z", &["summarize"]).ends(0);
    assert_eq!(fs::read_to_string(&done).unwrap(), text, "passed on twice");
}

#[test]
fn a_report_that_is_gone_is_in_nobodys_way() {
    let lab = Lab::new("Paris", &[METAR], vigie_testkit::FaultPlan::none());
    reported(&lab);
    fs::remove_dir_all(lab.workspace.path().join("reports")).unwrap();
    let out = lab.at("2026-11-25T07:00:00Z", &["alerts"]).ends(1);
    assert!(
        out.contains("report.on_done: refused") && out.contains("is gone"),
        "{out}"
    );
}
