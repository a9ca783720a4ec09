//! The workspace of a scenario, and the program in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tempfile::TempDir;
use vigie_store::{manifest, store::Store};

use super::provider::{self, Feed};
use crate::{
    app::App,
    cli::{Export, ExportFormat, ExportWhat},
    clock::Clock,
    config::{self, After, Config},
    export,
    failure::Outcome,
};

/// A workspace and the program in it, as long as it lives.
pub(super) struct Workspace {
    pub(super) folder: TempDir,
    pub(super) config: Config,
    pub(super) process: Option<(App, Arc<dyn Store>)>,
}

impl Workspace {
    pub(super) fn new(zone: &str, after: After, uri: &str) -> Self {
        let text = format!(
            "[zone]\nname = {{ fr = \"Z\", en = \"Z\" }}\nscale = \"city\"\nbbox = [2.2, 48.8, 2.5, 48.9]\n\
             centre = {{ lon = 2.35, lat = 48.86 }}\ntime_zone = \"{zone}\"\n[store]\nuri = \"{uri}\"\n"
        );
        let mut config = config::parse(Path::new("vigie.toml"), &text).unwrap();
        config.raw.after = after;
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self {
            folder: folder.unwrap(),
            config,
            process: None,
        }
    }

    /// Keeps summaries and events for so many days.
    pub(super) fn keep(&mut self, days: u32) {
        self.config.store.keep_summaries_days = days;
        self.config.store.keep_events_days = days;
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program that was just started.
    pub(super) async fn start(&self) -> Outcome<(App, Arc<dyn Store>)> {
        let app = App::with_definitions(
            self.folder.path(),
            self.config.clone(),
            provider::definitions().clone(),
            Clock::Fixed(Timestamp::UNIX_EPOCH),
        )?;
        let store = app.store(false).await?;
        Ok((app, store))
    }

    /// The running program; a killed one is started again.
    pub(super) async fn process(&mut self) -> (App, Arc<dyn Store>) {
        if self.process.is_none() {
            self.process = Some(self.start().await.unwrap());
        }
        self.process.clone().unwrap()
    }

    /// The files below a folder of the data folder, by their paths in the data folder.
    pub(super) fn files(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    files.push(path);
                }
            }
        }
        let mut files = Vec::new();
        walk(&self.data().join(folder), &mut files);
        let mut files: Vec<String> = files
            .iter()
            .map(|path| {
                path.strip_prefix(self.data())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        files.sort();
        files
    }

    /// The bodies below a folder.
    pub(super) fn bodies(&self, folder: &str) -> BTreeSet<String> {
        let is_body = |file: &String| !file.ends_with(manifest::SUFFIX) && !file.contains("/.tmp-");
        self.files(folder).into_iter().filter(is_body).collect()
    }

    /// What `vigie export` writes.
    pub(super) async fn exported(&mut self, what: ExportWhat) -> String {
        let (app, _) = self.process().await;
        let mut text = String::new();
        for feed in Feed::ALL {
            let output = self.folder.path().join("export");
            let args = Export {
                what,
                format: ExportFormat::Ndjson,
                source: Some(feed.id()),
                from: None,
                to: None,
                known_at: None,
                output: Some(output.clone()),
            };
            export::run(&app, &args).await.unwrap();
            text.push_str(&fs::read_to_string(output).unwrap());
        }
        text
    }
}
