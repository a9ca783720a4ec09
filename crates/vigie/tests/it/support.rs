//! A workspace in a temporary folder, and the real binary in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

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
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
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
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        workspace.run(&["init", ".", "--zone", zone, "--lang", "en"]).ends(0);
        workspace
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

    /// What `export --format ndjson` gives.
    pub(crate) fn export(&self, what: &str) -> Vec<Value> {
        let text = self.run(&["export", what, "--format", "ndjson"]).ends(0);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The files below a folder of the workspace, by their paths in it.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            let Ok(entries) = fs::read_dir(folder) else { return };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let mut files = Vec::new();
        walk(&self.path().join(folder), &mut files);
        files.sort();
        files
    }
}

/// Where the recordings of real answers are, if they are here.
pub(crate) fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("VIGIE_RECORDINGS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: VIGIE_RECORDINGS does not say where the recordings are");
    }
    folder
}
