//! What an operator does to the program: signals, settings read again, a service manager, a monitor.

mod log_lines;
mod room;

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use vigie_testkit::{FaultKind, FaultPlan, When};

use crate::support::{Lab, Ran, Workspace, always, own_definition, signal, wait_until};

const ECB: &str = "ecb-eurofxref-daily";
const ECB_PATH: &str = "/stats/eurofxref/eurofxref-daily.xml";
const METAR: &str = "metar-aviationweather";
const METAR_PATH: &str = "/api/data/metar";
const NOON: &str = "2026-11-24T11:00:00Z";

/// Within this the program ends in every state, however busy the machine is; on an idle one it takes less than 5 s.
const END_MAX: Duration = Duration::from_secs(15);

/// A body at one byte a second.
fn dripping(path: &str) -> FaultPlan {
    always(
        path,
        FaultKind::SlowBody {
            bytes_per_second: 1,
        },
    )
}

/// The program while it runs.
struct Running {
    child: Child,
    errors: PathBuf,
}

impl Running {
    fn start(mut command: Command, folder: &Path) -> Self {
        let errors = folder.join("stderr.log");
        let child = command
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        Self { child, errors }
    }

    /// The address of its page.
    fn url(&mut self) -> String {
        let mut line = String::new();
        let mut output = BufReader::new(self.child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("http://"), "{line:?}: {}", self.said());
        // What else it says is nobody's concern, but the pipe must stay open.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        line.trim().to_owned()
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.errors).unwrap()
    }

    /// Its exit code, once it has ended in time.
    #[track_caller]
    fn ends(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                begun.elapsed() < END_MAX,
                "it does not end: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether it has taken a lock: by then it listens to signals.
    fn holds(&self, workspace: &Workspace, lock: &str) -> bool {
        let file = workspace.path().join(format!("data/locks/{lock}.lock"));
        let pid = format!("\"pid\":{},", self.child.id());
        fs::read_to_string(file).is_ok_and(|text| text.contains(&pid))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the page's server says.
fn get(url: &str, path: &str) -> String {
    let host = url.replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// No file is half written, and every lock can be had.
#[track_caller]
fn nothing_half_done(lab: &Lab) {
    for path in lab.workspace.files("data") {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!name.starts_with(".tmp-"), "{}", path.display());
        if let Some(body) = name.strip_suffix(".manifest.json") {
            assert!(path.with_file_name(body).exists(), "{}", path.display());
        }
        if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            let lock = fs::File::open(&path).unwrap();
            lock.try_lock().unwrap();
        }
    }
}

#[test]
fn up_ends_in_order_while_a_provider_drips() {
    for signal in ["TERM", "INT"] {
        let lab = Lab::new("Paris", &[ECB, METAR], dripping(ECB_PATH));
        let command = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
        let mut up = Running::start(command, lab.workspace.path());
        up.url();
        wait_until("a landed body", || {
            lab.requests().len() == 2 && !lab.workspace.captures(METAR).is_empty()
        });
        up.signal(signal);
        assert_eq!(up.ends(), Some(0), "{}", up.said());
        let said = up.said();
        assert!(
            said.contains("stopping") && said.contains("stopped"),
            "{said}"
        );
        nothing_half_done(&lab);
        // The provider did nothing wrong: its slot is asked for again.
        assert!(lab.workspace.captures(ECB).is_empty());
        let body = &lab.workspace.captures(METAR)[0];
        assert!(body["outcome"] == "landed" || body["outcome"] == "summarized");
    }
}

#[test]
fn a_collection_that_is_told_to_end_keeps_what_it_has() {
    let lab = Lab::new("Paris", &[ECB, METAR], dripping(ECB_PATH));
    let mut collect = Running::start(lab.command_at(NOON, &["collect"]), lab.workspace.path());
    wait_until("a landed body", || {
        lab.requests().len() == 2 && !lab.workspace.captures(METAR).is_empty()
    });
    collect.signal("TERM");
    assert_eq!(collect.ends(), Some(1), "{}", collect.said());
    nothing_half_done(&lab);
    assert_eq!(lab.workspace.captures(METAR)[0]["outcome"], "landed");
    assert!(lab.workspace.captures(ECB).is_empty());
    lab.at(NOON, &["summarize"]).ends(0);
}

#[test]
fn the_program_ends_while_the_store_hangs() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let later = "2026-11-24T11:20:00Z";
    lab.at(later, &["collect"]).ends(0);
    let holder = rusqlite::Connection::open(lab.workspace.path().join("data/vigie.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let command = lab.command_at(later, &["summarize"]);
    let mut summarize = Running::start(command, lab.workspace.path());
    wait_until("the lock", || {
        summarize.holds(&lab.workspace, &format!("summarize.{METAR}"))
    });
    std::thread::sleep(Duration::from_millis(300));
    summarize.signal("TERM");
    assert_eq!(summarize.ends(), Some(1), "{}", summarize.said());
    nothing_half_done(&lab);
    assert_eq!(lab.workspace.captures(METAR)[1]["outcome"], "landed");
    drop(holder);
    lab.at(later, &["summarize"]).ends(0);
    assert_eq!(lab.workspace.captures(METAR)[1]["outcome"], "summarized");
}

#[test]
fn up_ends_while_it_waits_for_a_store_that_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let uri = format!("mongodb://{address}/vigie");
    let lab = Lab::in_workspace(
        Workspace::with_store("Paris", &uri),
        &[ECB],
        FaultPlan::none(),
    );
    let command = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    let mut up = Running::start(command, lab.workspace.path());
    wait_until("the lock", || up.holds(&lab.workspace, "up"));
    up.signal("TERM");
    assert_eq!(up.ends(), Some(0), "{}", up.said());
    nothing_half_done(&lab);
}

#[test]
fn settings_are_read_again_on_sighup_and_wrong_ones_are_not_taken() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    for command in ["up", "serve"] {
        lab.at(NOON, &["collect"]);
        lab.at(NOON, &["summarize"]).ends(0);
        let file = lab.workspace.path().join("vigie.toml");
        let before = fs::read_to_string(&file).unwrap();
        let arguments = [command, "--listen", "127.0.0.1:0"];
        let mut running = Running::start(lab.command_at(NOON, &arguments), lab.workspace.path());
        let url = running.url();
        assert!(!get(&url, "/api/v1/day").contains(METAR));

        fs::write(
            &file,
            before.replacen("[http]", "[http]\ntimeout_second = 5", 1),
        )
        .unwrap();
        running.signal("HUP");
        wait_until("the refusal", || {
            running.said().contains("the old ones go on")
        });
        assert!(running.said().contains("did you mean `timeout_seconds`"));
        assert!(get(&url, "/api/v1/day").contains(ECB));

        let more = format!(
            "{before}\n[sources.{METAR}]\nbase_url = \"{}\"\n",
            lab.base_url()
        );
        fs::write(&file, more).unwrap();
        running.signal("HUP");
        wait_until("the new source", || {
            get(&url, "/api/v1/day").contains(METAR)
        });
        assert!(
            running.said().contains("settings read again"),
            "{}",
            running.said()
        );
        if command == "up" {
            wait_until("its body", || !lab.workspace.captures(METAR).is_empty());
        }
        running.signal("TERM");
        assert_eq!(running.ends(), Some(0), "{}", running.said());
        fs::write(&file, before).unwrap();
    }
}

/// A service manager.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    unread: VecDeque<String>,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self {
            socket,
            path,
            unread: VecDeque::new(),
        }
    }

    fn watches(&self, command: &mut Command, seconds: &str) {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", seconds);
    }

    /// What it was told within so long.
    fn told_within(&self, time: Duration) -> Vec<String> {
        let begun = Instant::now();
        let mut told = Vec::new();
        while let Some(left) = time
            .checked_sub(begun.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut buffer = [0; 4096];
            if let Ok(length) = self.socket.recv(&mut buffer) {
                told.extend(
                    String::from_utf8_lossy(&buffer[..length])
                        .lines()
                        .map(str::to_owned),
                );
            }
        }
        told
    }

    /// Waits until it is told this, after what was waited for before.
    #[track_caller]
    fn waits_for(&mut self, wanted: &str) {
        wait_until(wanted, || {
            let told = self.told_within(Duration::from_millis(50));
            self.unread.extend(told);
            while let Some(line) = self.unread.pop_front() {
                if line == wanted {
                    return true;
                }
            }
            false
        });
    }
}

#[test]
fn a_service_manager_is_told_how_things_stand() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    let mut manager = Manager::new(lab.workspace.path());
    let mut command = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    manager.watches(&mut command, "1200000");
    let mut up = Running::start(command, lab.workspace.path());
    manager.waits_for("READY=1");
    for _ in 0..3 {
        manager.waits_for("WATCHDOG=1");
    }
    up.signal("HUP");
    manager.waits_for("RELOADING=1");
    manager.waits_for("READY=1");
    up.signal("TERM");
    manager.waits_for("STOPPING=1");
    assert_eq!(up.ends(), Some(0), "{}", up.said());
}

#[test]
fn the_watchdog_is_not_fed_while_nothing_advances() {
    let lab = Lab::new("Paris", &[ECB], dripping(ECB_PATH));
    let mut manager = Manager::new(lab.workspace.path());
    let mut command = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    manager.watches(&mut command, "600000");
    let _up = Running::start(command, lab.workspace.path());
    manager.waits_for("READY=1");
    wait_until("the request", || !lab.requests().is_empty());
    manager.told_within(Duration::from_millis(300));
    let told = manager.told_within(Duration::from_secs(2));
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn only_one_up_watches_a_workspace() {
    let lab = Lab::new("Paris", &[ECB], FaultPlan::none());
    let command = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    let mut up = Running::start(command, lab.workspace.path());
    up.url();
    let second = lab.at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    assert!(
        second.err.contains("another run holds the lock `up`"),
        "{second:#?}"
    );
    second.ends(4);
}

#[test]
fn a_monitor_gets_one_line_and_its_exit_code() {
    let failing = FaultKind::Status {
        code: 503,
        retry_after: None,
    };
    let from = "2026-11-24T11:30:00Z".parse().unwrap();
    let to = "2026-11-24T12:30:00Z".parse().unwrap();
    let faults = FaultPlan::none().and(METAR_PATH, failing, When::Window(from, to));
    let lab = Lab::new("Paris", &[ECB, METAR], faults);
    let check = |time: &str, code: i32| {
        let out = lab.at(time, &["status", "--check"]).ends(code);
        assert_eq!(out.lines().count(), 1, "{out}");
        out
    };
    let out = check(NOON, 2);
    assert!(
        out.starts_with("VIGIE CRITICAL - 0 of 2 sources well"),
        "{out}"
    );
    lab.at(NOON, &["collect"]).ends(0);
    lab.at(NOON, &["summarize"]).ends(0);
    let out = check(NOON, 0);
    assert_eq!(
        out,
        "VIGIE OK - 2 of 2 sources well | well=2 sources=2 waiting=0\n"
    );
    let later = "2026-11-24T11:30:00Z";
    lab.at(later, &["collect"]).ends(1);
    let out = check(later, 1);
    assert!(
        out.starts_with("VIGIE WARNING - 1 of 2 sources well; metar"),
        "{out}"
    );
    assert!(out.contains("1 failures"), "{out}");

    lab.workspace
        .configure("disk", "reserve_bytes = 9000000000000000");
    let out = check(later, 2);
    assert!(
        out.contains("collecting pauses: disk-below-reserve"),
        "{out}"
    );
    let before = lab.requests().len();
    let ran = lab.at("2026-11-24T13:00:00Z", &["collect"]);
    assert!(ran.err.contains("disk.reserve_bytes"), "{ran:#?}");
    ran.ends(1);
    assert_eq!(lab.requests().len(), before, "collecting went on");
    let doctor: Value =
        serde_json::from_str(&lab.at(later, &["doctor", "--json"]).ends(1)).unwrap();
    let found = doctor.as_array().unwrap().iter();
    assert!(
        found
            .clone()
            .any(|check| check["name"] == "disk-below-reserve")
    );

    fs::write(
        lab.workspace.path().join("data/ledger.db"),
        "rubbish".repeat(1000),
    )
    .unwrap();
    let out = check(later, 3);
    assert!(out.starts_with("VIGIE UNKNOWN - "), "{out}");
}

#[test]
fn a_key_shows_in_nothing_that_runs_or_is_backed_up() {
    const KEY: &str = "s3cr3tk3y0fm1n3";
    let lab = Lab::new("Paris", &["mine"], FaultPlan::none());
    // The manifest stays, and says which address has answered.
    lab.workspace.configure("raw", "after = \"keep\"");
    let access = r#"{ kind = "key", env = "MINE_KEY", signup = "https://example.org/signup" }"#;
    fs::create_dir(lab.workspace.path().join("sources")).unwrap();
    let definition = own_definition("&token={key}", access).replace(
        "[format]",
        "[request.headers]\nx-api-key = \"{key}\"\n\n[format]",
    );
    fs::write(lab.workspace.path().join("sources/mine.toml"), definition).unwrap();
    let arguments = ["up", "--listen", "127.0.0.1:0", "-vv", "--log", "json"];
    let mut command = lab.command_at(NOON, &arguments);
    command.env("MINE_KEY", KEY);
    let mut up = Running::start(command, lab.workspace.path());
    let url = up.url();
    wait_until("a summary", || {
        let captures = lab.workspace.captures("mine");
        captures
            .iter()
            .any(|capture| capture["outcome"] == "summarized")
    });
    let request = &lab.requests()[0];
    assert!(request.target.contains(KEY), "{request:?}");
    let process = fs::read(format!("/proc/{}/cmdline", up.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&process).contains(KEY));
    for path in ["/api/v1/day", "/", "/api/openapi.json"] {
        assert!(!get(&url, path).contains(KEY), "{path}");
    }
    up.signal("TERM");
    assert_eq!(up.ends(), Some(0));
    assert!(
        !up.said().is_empty() && !up.said().contains(KEY),
        "{}",
        up.said()
    );
    for arguments in [
        &["backup", "all.tar.zst"][..],
        &["status", "--check"],
        &["doctor", "--json"],
        &["schedule", "systemd", "--service", "up"],
    ] {
        let mut command = lab.command_at(NOON, arguments);
        let ran = Ran::of(command.env("MINE_KEY", KEY).output().unwrap());
        assert!(!ran.out.contains(KEY) && !ran.err.contains(KEY), "{ran:#?}");
    }
    assert_eq!(lab.workspace.files("data/raw").len(), 2);
    let backup = fs::read(lab.workspace.path().join("all.tar.zst")).unwrap();
    fs::write(
        lab.workspace.path().join("all.tar"),
        zstd::decode_all(&*backup).unwrap(),
    )
    .unwrap();
    for path in lab.workspace.files(".") {
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn reports_that_ended_while_nobody_was_here_are_written_once_and_passed_on() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.workspace.configure(
        "report",
        "on_done = [\"sh\", \"-c\", 'echo \"$0\" >> done; cat >> told']",
    );
    // A Sunday, the last of its week, in a month that goes on.
    let sunday = "2026-11-22T11:00:00Z";
    lab.at(sunday, &["collect"]).ends(0);
    lab.at(sunday, &["summarize"]).ends(0);
    let done = || {
        let text = fs::read_to_string(lab.workspace.path().join("done")).unwrap_or_default();
        let names = text
            .lines()
            .map(|line| line.rsplit('/').next().unwrap_or_default().to_owned());
        names.collect::<Vec<_>>()
    };
    for _start in 0..2 {
        let monday = lab.command_at("2026-11-23T09:00:00Z", &["up", "--listen", "127.0.0.1:0"]);
        let mut up = Running::start(monday, lab.workspace.path());
        up.url();
        wait_until("two reports", || done().len() >= 2);
        // A turn in which nothing is due any more.
        up.signal("HUP");
        up.signal("TERM");
        assert_eq!(up.ends(), Some(0), "{}", up.said());
    }
    assert_eq!(done(), ["day_2026-11-22_en.pdf", "week_2026-11-16_en.pdf"]);
    let told = fs::read_to_string(lab.workspace.path().join("told")).unwrap();
    assert!(told.contains("\"period\":\"week\""), "{told}");

    // What is asked for by name is passed on to nobody; what cron writes is.
    lab.at(
        "2026-11-23T09:00:00Z",
        &["report", "--period", "day", "-o", "mine.pdf"],
    )
    .ends(0);
    assert_eq!(done().len(), 2);
    lab.at("2026-11-23T09:00:00Z", &["report", "--period", "day"])
        .ends(0);
    assert_eq!(done().len(), 3);
}

#[test]
fn up_writes_a_new_edition_of_what_came_late() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    lab.at("2026-11-22T11:00:00Z", &["collect"]).ends(0);
    lab.at("2026-11-22T11:00:00Z", &["summarize"]).ends(0);
    lab.at("2026-11-22T20:00:00Z", &["collect"]).ends(0);
    lab.at("2026-11-23T06:15:00Z", &["report"]).ends(0);
    lab.at(
        "2026-11-23T06:15:00Z",
        &["report", "--period", "week", "--format", "html"],
    )
    .ends(0);
    let reports = lab.workspace.path().join("reports");
    let up = lab.command_at("2026-11-23T18:00:00Z", &["up", "--listen", "127.0.0.1:0"]);
    let mut up = Running::start(up, lab.workspace.path());
    up.url();
    wait_until("the second edition", || {
        let record = fs::read(reports.join("day_2026-11-22.edition.json")).unwrap_or_default();
        serde_json::from_slice::<Value>(&record).is_ok_and(|record| record["number"] == 2)
    });
    assert!(reports.join("day_2026-11-22_en-edition-1.pdf").exists());
    // Of the week there was a page; `up` writes the PDF, too.
    let week = reports.join("week_2026-11-16_en.pdf");
    wait_until("the week", || week.exists());
    up.signal("TERM");
    assert_eq!(up.ends(), Some(0), "{}", up.said());
}

#[test]
fn a_channel_that_hangs_holds_up_nothing() {
    let lab = Lab::new("Paris", &[METAR], FaultPlan::none());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let file = lab.workspace.path().join("vigie.toml");
    let text = fs::read_to_string(&file).unwrap();
    let rule = format!(
        "{text}\n[notify]\nwebhook = \"http://{address}/\"\n[[alerts]]\nname = \"Warm\"\n\
         source = \"{METAR}\"\nmeasure = \"temperature\"\nabove = -90\n"
    );
    fs::write(&file, rule).unwrap();
    let up = lab.command_at(NOON, &["up", "--listen", "127.0.0.1:0"]);
    let mut up = Running::start(up, lab.workspace.path());
    up.url();
    // It gets the message, and says nothing.
    let (stream, _) = listener.accept().unwrap();
    up.signal("HUP");
    wait_until("the settings", || up.said().contains("settings read again"));
    // Meanwhile it was not given up: what was sent is there, and no end.
    stream.set_nonblocking(true).unwrap();
    let (mut stream, mut taken) = (stream, Vec::new());
    let error = stream.read_to_end(&mut taken).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    up.signal("TERM");
    assert_eq!(up.ends(), Some(0), "{}", up.said());
    // It waits for the next time.
    let state = fs::read_to_string(lab.workspace.path().join("data/alerts.json")).unwrap();
    assert!(state.contains("[Vigie Paris] Warm"), "{state}");
}
