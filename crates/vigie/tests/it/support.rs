//! A workspace in a temporary folder, and the real binary in it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vigie_testkit::{FaultKind, FaultPlan, SeenRequest, Simulator, SimulatorOptions, When};

/// A workspace that is gone when the test ends.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The standard output of a command that ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self.out
    }
}

impl Workspace {
    /// The workspace that `vigie init --zone` makes.
    pub(crate) fn new(zone: &str) -> Self {
        Self::with_store(zone, "sqlite:data/vigie.db")
    }

    /// The same with another store.
    pub(crate) fn with_store(zone: &str, uri: &str) -> Self {
        let workspace = Self::empty();
        workspace
            .run(&["init", ".", "--zone", zone, "--lang", "en", "--store", uri])
            .ends(0);
        workspace
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The command, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("VIGIE_DIR")
            .env_remove("VIGIE_LOG")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// Puts text at the end of `vigie.toml`, or under a table that is there already.
    pub(crate) fn configure(&self, table: &str, lines: &str) {
        let file = self.path().join("vigie.toml");
        let mut text = fs::read_to_string(&file).unwrap();
        let header = format!("[{table}]\n");
        if let Some(at) = text.find(&header) {
            text.insert_str(at + header.len(), &format!("{lines}\n"));
        } else {
            text.push_str(&format!("\n[{table}]\n{lines}\n"));
        }
        fs::write(&file, text).unwrap();
    }

    /// Replaces a text of `vigie.toml`, which must be there.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let file = self.path().join("vigie.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "`{from}` is not in {text}");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
    }

    /// The text that `export --format ndjson` gives.
    pub(crate) fn exported(&self, what: &str) -> String {
        self.run(&["export", what, "--format", "ndjson"]).ends(0)
    }

    /// The same as values.
    pub(crate) fn export(&self, what: &str) -> Vec<Value> {
        self.exported(what)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The captures of a source, oldest first.
    pub(crate) fn captures(&self, source: &str) -> Vec<Value> {
        self.export("captures")
            .into_iter()
            .filter(|capture| capture["source"] == source)
            .collect()
    }

    /// The files below a folder of the workspace, by their paths in it.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            let Ok(entries) = fs::read_dir(folder) else {
                return;
            };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    files.push(path);
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.path().join(folder), &mut files);
        files.sort();
        files
    }
}

/// A workspace that watches simulated providers, at times that the test says.
pub(crate) struct Lab {
    pub(crate) workspace: Workspace,
    simulator: Simulator,
    clock: Arc<AtomicI64>,
    _runtime: Runtime,
}

impl Lab {
    /// Watches these sources, and no others.
    pub(crate) fn new(zone: &str, sources: &[&str], faults: FaultPlan) -> Self {
        Self::in_workspace(Workspace::new(zone), sources, faults)
    }

    /// The same in a workspace of the test's making.
    pub(crate) fn in_workspace(workspace: Workspace, sources: &[&str], faults: FaultPlan) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let clock = Arc::new(AtomicI64::new(0));
        let hand = clock.clone();
        let now = move || Timestamp::from_second(hand.load(Ordering::SeqCst)).unwrap();
        let options = SimulatorOptions {
            stations: 110,
            ..SimulatorOptions::new(7, Arc::new(now)).faults(faults)
        };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        let file = workspace.path().join("vigie.toml");
        let text = fs::read_to_string(&file).unwrap();
        let mut text = text.split_once("[sources.").unwrap().0.to_owned();
        for source in sources {
            text.push_str(&format!(
                "\n[sources.{source}]\nbase_url = \"{}\"\n",
                simulator.base_url()
            ));
        }
        fs::write(&file, text).unwrap();
        Self {
            workspace,
            simulator,
            clock,
            _runtime: runtime,
        }
    }

    /// The command at a time, which is that of the providers too; not yet run.
    pub(crate) fn command_at(&self, time: &str, arguments: &[&str]) -> Command {
        self.clock.store(
            time.parse::<Timestamp>().unwrap().as_second(),
            Ordering::SeqCst,
        );
        let mut command = self.workspace.command(arguments);
        command.args(["--now", time]);
        command
    }

    /// Runs the command at a time.
    pub(crate) fn at(&self, time: &str, arguments: &[&str]) -> Ran {
        Ran::of(self.command_at(time, arguments).output().unwrap())
    }

    /// The requests that the providers got.
    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.simulator.requests()
    }

    pub(crate) fn base_url(&self) -> String {
        self.simulator.base_url()
    }

    /// What a provider says at the time of the last command, without any code of Vigie.
    pub(crate) fn body(&self, path: &str) -> Vec<u8> {
        let host = self.base_url().replace("http://", "");
        let mut stream = TcpStream::connect(&host).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap();
        answer.split_off(end + 4)
    }
}

/// A provider of one body of JSON, which the test changes; it answers for as long as the test runs.
pub(crate) struct Provider {
    pub(crate) address: String,
    body: Arc<Mutex<String>>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let body = Arc::new(Mutex::new(String::new()));
        let said = body.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
                {}
                let body = said.lock().unwrap().clone();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self { address, body }
    }

    /// What it says from now on.
    pub(crate) fn says(&self, body: &str) {
        body.clone_into(&mut self.body.lock().unwrap());
    }
}

/// What takes longer does not come.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal to the program.
pub(crate) fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let done = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(done.unwrap().success());
}

/// A program that serves a page, ended with the test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) host: String,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let host = url.trim().strip_prefix("http://").unwrap();
        // A server of all addresses is asked by the one of this machine.
        let host = host.replace("0.0.0.0", "127.0.0.1");
        Self { child, host }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// The status and the text of an answer, head and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, "")
    }

    /// The same with more lines in the head of the request.
    pub(crate) fn get_with(&self, path: &str, lines: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let host = &self.host;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n{lines}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    /// The body of an answer, whatever it is.
    pub(crate) fn body(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.host).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let mut windows = answer.windows(4);
        let head = windows.position(|bytes| bytes == b"\r\n\r\n").unwrap();
        answer.split_off(head + 4)
    }

    /// The JSON of an answer of that status.
    #[track_caller]
    pub(crate) fn json(&self, path: &str, expected: u16) -> Value {
        let (status, answer) = self.get(path);
        assert_eq!(status, expected, "{path}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This fault for every request of a path, at any time.
pub(crate) fn always(path: &str, kind: FaultKind) -> FaultPlan {
    FaultPlan::none().and(path, kind, When::Window(Timestamp::MIN, Timestamp::MAX))
}

/// A definition that users may write, of the simulator's weather reports; `access` is its table of that name.
pub(crate) fn own_definition(query: &str, access: &str) -> String {
    format!(
        r#"
id = "mine"
domain = "weather"
docs = "https://example.org/docs"
zones = {{ earth = true }}
title = {{ fr = "Le mien", en = "Mine" }}
description = {{ fr = "Une source", en = "A source" }}
content = {{ fr = "Des relevés", en = "Reports" }}
periodicity = {{ fr = "Parfois", en = "Sometimes" }}
provider = {{ name = "Example", url = "https://example.org" }}
access = {access}
schedule = {{ collect = "10m", stale_after = "3h" }}

[rights]
licence = "CC0-1.0"
url = "https://example.org/terms"
attribution = "Example"
archive = "allowed"
republish = "allowed"

[request]
url = "https://api.example.org/api/data/metar?ids=LFPG{query}"

[format]
kind = "json"

[rows]
model = "observations"
select = "[*]"
horizon = "2d"

[fields]
entity = "icaoId"
observed_at = {{ path = "obsTime", format = "epoch_s" }}

[measures.temperature]
title = {{ fr = "Température", en = "Temperature" }}
path = "temp"
unit = "Cel"
"#
    )
}

/// Where the recordings of real answers are, if they are here.
pub(crate) fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("VIGIE_RECORDINGS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: VIGIE_RECORDINGS does not say where the recordings are");
    }
    folder
}
