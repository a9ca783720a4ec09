//! The MongoDB server of the tests: the one that is named, or one of our own.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// The server that this test binary started. It stops when our end of its standard input closes, that is, when we end.
static OWN: OnceLock<Option<(String, Child)>> = OnceLock::new();

/// The connection string of a server, without a database; `None` where there is none.
///
/// # Panics
/// Where there is none although `VIGIE_REQUIRE_MONGODB` says that there must be.
pub(crate) fn uri() -> Option<&'static str> {
    static URI: OnceLock<Option<String>> = OnceLock::new();
    let uri = URI.get_or_init(|| {
        std::env::var("VIGIE_TEST_MONGODB_URI").ok().or_else(|| {
            let own = OWN.get_or_init(start);
            own.as_ref().map(|(uri, _)| uri.clone())
        })
    });
    if uri.is_none() {
        eprintln!(
            "\n*** SKIPPED: the MongoDB contract suite needs a server. Set VIGIE_TEST_MONGODB_URI, or put `go` on the PATH ***\n"
        );
        let required = std::env::var("VIGIE_REQUIRE_MONGODB").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "VIGIE_REQUIRE_MONGODB is set, and there is no MongoDB server"
        );
    }
    uri.as_deref()
}

/// The connection string of a database of the server.
pub(crate) fn database_uri(server: &str, database: &str) -> String {
    let (hosts, options) = server.split_once('?').unwrap_or((server, ""));
    let hosts = hosts.trim_end_matches('/');
    let question = if options.is_empty() { "" } else { "?" };
    format!("{hosts}/{database}{question}{options}")
}

/// The same for the program, whose answers may take long: where all tests run at once, a batch on FerretDB has taken over the half
/// minute of the default.
#[allow(
    dead_code,
    reason = "two test binaries use different parts of this file"
)]
pub(crate) fn patient_uri(server: &str, database: &str) -> String {
    let uri = database_uri(server, database);
    let and = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{and}socketTimeoutMS=180000")
}

/// A server of the test's own, on a folder, which can be killed and started again.
#[allow(
    dead_code,
    reason = "two test binaries use different parts of this file"
)]
pub(crate) struct Own {
    child: Child,
    uri: String,
}

#[allow(
    dead_code,
    reason = "two test binaries use different parts of this file"
)]
impl Own {
    /// `None` where there is no `go` to build it.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let program = program()?;
        let (uri, child) = run(Command::new(program).arg("-directory").arg(folder));
        Some(Self { child, uri })
    }

    /// Its connection string.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Own {
    /// As a power cut ends it.
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start() -> Option<(String, Child)> {
    Some(run(&mut Command::new(program()?)))
}

/// The server, built once.
fn program() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    Command::new("go").arg("version").output().ok()?;
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ferretdb");
    let built = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/ferretdb"))
        .status()
        .expect("go was there a moment ago");
    if !built.success() {
        eprintln!("\n*** tools/ferretdb does not build here (an old Go, or no module proxy) ***\n");
        return None;
    }
    Some(program)
}

fn run(command: &mut Command) -> (String, Child) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("what was just built runs");
    let mut uri = String::new();
    let output = child.stdout.take().expect("it was piped");
    BufReader::new(output)
        .read_line(&mut uri)
        .expect("it prints its address");
    assert!(uri.starts_with("mongodb://"), "{uri:?}");
    (uri.trim().to_owned(), child)
}
