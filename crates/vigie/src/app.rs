//! What every command works with: the workspace, its settings, sources, ledger and clock.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::broadcast;
use tracing::warn;
use vigie_core::{schedule::Schedule, secret::Secret, text::SourceId};
use vigie_sources::{Catalogue, Definition, Workspace, build_request};
use vigie_store::{
    archive::Archive,
    awaited::AwaitedStore,
    error::StoreError,
    landing::Landing,
    ledger::Ledger,
    open::{Options, open_with},
    store::Store,
};

use crate::{
    clock::Clock,
    config::{self, Config, FILE_NAME, SourceConfig},
    failure::{Exit, Failure, Outcome},
    heard::Watch,
    recorder::Recorder,
    stop::Stop,
};

/// The setting of the ledger that names the workspaces that collect into this data folder.
const WORKSPACES: &str = "workspaces";

/// What happened in this process, for the page that it serves. What other processes did is seen in the ledger.
#[derive(Debug, Clone)]
pub(crate) enum RunEvent {
    /// The ledger has something new.
    LedgerChanged,
    /// A PDF was written.
    ReportWritten {
        /// Where.
        path: PathBuf,
    },
}

/// The workspace at work. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
    clock: Clock,
    stop: Stop,
}

struct Inner {
    root: PathBuf,
    config: Config,
    definitions: BTreeMap<SourceId, Arc<Definition>>,
    tz: TimeZone,
    ledger: Mutex<Ledger>,
    recorder: Recorder,
    landing: Landing,
    events: broadcast::Sender<RunEvent>,
}

impl App {
    /// Opens the workspace in `root`.
    pub(crate) fn open(root: &Path, clock: Clock) -> Outcome<Self> {
        let config = config::load(root)?;
        Self::with_config(root, config, clock)
    }

    /// Opens a workspace whose configuration was read already.
    pub(crate) fn with_config(root: &Path, config: Config, clock: Clock) -> Outcome<Self> {
        let catalogue = catalogue_of(Some(root))?;
        if let Some(id) = config.sources.keys().find(|id| catalogue.get(id).is_none()) {
            return Err(unknown_source(&catalogue, id));
        }
        let enabled = config.sources.iter().filter(|(_, source)| source.enabled);
        for definition in enabled.filter_map(|(id, _)| catalogue.get(id)) {
            config.store.check_source(definition).map_err(|problem| {
                Failure::usage(format!("{}: {problem}", root.join(FILE_NAME).display()))
            })?;
        }
        let definitions = catalogue
            .iter()
            .map(|definition| {
                let limits = &config.limits;
                let limited = definition
                    .clone()
                    .with_limits(limits.rows_max, limits.nesting_max);
                (definition.id.clone(), Arc::new(limited))
            })
            .collect();
        Self::with_definitions(root, config, definitions, clock)
    }

    /// Opens a workspace whose definitions were read already, too.
    pub(crate) fn with_definitions(
        root: &Path,
        config: Config,
        definitions: BTreeMap<SourceId, Arc<Definition>>,
        clock: Clock,
    ) -> Outcome<Self> {
        let data = root.join("data");
        let wait = lock_timeout(&config);
        let ledger =
            Ledger::open_within(&data.join("ledger.db"), false, wait).map_err(Failure::usage)?;
        let landing = Landing::new(data);
        let tz = config.zone.tz();
        let (events, _) = broadcast::channel(1024);
        let stop = Stop::default();
        let inner = Inner {
            root: root.to_path_buf(),
            config,
            definitions,
            tz,
            ledger: Mutex::new(ledger),
            recorder: Recorder::default(),
            landing,
            events,
        };
        Ok(Self {
            inner: Arc::new(inner),
            clock,
            stop,
        })
    }

    /// The same workspace with its settings, sources and ledger read again. Who watched the old one watches the new one.
    pub(crate) fn read_again(&self) -> Outcome<Self> {
        let mut new = Self::open(self.root(), self.clock.clone())?;
        if let Some(inner) = Arc::get_mut(&mut new.inner) {
            inner.events = self.inner.events.clone();
        }
        Ok(new.stopping_with(self.stop.clone()))
    }

    /// The same workspace, which ends when it is told to.
    #[must_use]
    pub(crate) fn stopping_with(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Whether the program was told to end.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Writes down in the data folder which workspace collects into it: two that do are found by `vigie doctor`.
    pub(crate) fn register(&self) -> Outcome<()> {
        let here = self.root().display().to_string();
        let mut known = self.registered()?;
        if known.contains(&here) {
            return Ok(());
        }
        known.push(here);
        let text = serde_json::to_string(&known).map_err(Failure::usage)?;
        self.ledger()
            .set_setting(WORKSPACES, &text)
            .map_err(Failure::usage)
    }

    /// The workspaces that have collected into this data folder.
    pub(crate) fn registered(&self) -> Outcome<Vec<String>> {
        let known = self.ledger().setting(WORKSPACES).map_err(Failure::usage)?;
        Ok(known
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// The same workspace at another time.
    #[must_use]
    pub(crate) fn at(&self, clock: Clock) -> Self {
        Self {
            inner: self.inner.clone(),
            clock,
            stop: self.stop.clone(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.inner.root
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.inner.root.join("data")
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn tz(&self) -> &TimeZone {
        &self.inner.tz
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The ledger, for a short moment: it is one connection. Never held over an `await`.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.inner
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The captures that wait for the ledger.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    pub(crate) fn landing(&self) -> &Landing {
        &self.inner.landing
    }

    /// The monthly archives of raw files.
    pub(crate) fn archive(&self) -> Archive {
        Archive::new(self.data())
    }

    /// Tells whoever watches.
    pub(crate) fn tell(&self, event: RunEvent) {
        // Nobody may be watching.
        let _ = self.inner.events.send(event);
    }

    /// Watches what happens.
    pub(crate) fn watch(&self) -> broadcast::Receiver<RunEvent> {
        self.inner.events.subscribe()
    }

    /// The settings of a source.
    pub(crate) fn source_config(&self, id: &SourceId) -> SourceConfig {
        self.inner
            .config
            .sources
            .get(id)
            .cloned()
            .unwrap_or_default()
    }

    /// The enabled sources, in the order of domains and names.
    pub(crate) fn enabled(&self) -> Vec<Arc<Definition>> {
        let sources = self.inner.config.sources.iter();
        let mut enabled: Vec<Arc<Definition>> = sources
            .filter(|(_, config)| config.enabled)
            .filter_map(|(id, _)| self.inner.definitions.get(id).cloned())
            .collect();
        enabled.sort_by_key(|definition| (definition.domain, definition.id.clone()));
        enabled
    }

    /// The named sources, or all enabled ones. A name that is not in the catalogue is an error; one that is not
    /// enabled is taken at its word.
    pub(crate) fn chosen(&self, names: &[SourceId]) -> Outcome<Vec<Arc<Definition>>> {
        if names.is_empty() {
            return Ok(self.enabled());
        }
        names.iter().map(|id| self.definition(id)).collect()
    }

    /// The definition of a source.
    pub(crate) fn definition(&self, id: &SourceId) -> Outcome<Arc<Definition>> {
        self.known(id)
            .ok_or_else(|| match catalogue_of(Some(self.root())) {
                Ok(catalogue) => unknown_source(&catalogue, id),
                Err(failure) => failure,
            })
    }

    /// The definition of a source, if there is one.
    pub(crate) fn known(&self, id: &SourceId) -> Option<Arc<Definition>> {
        self.inner.definitions.get(id).cloned()
    }

    /// All definitions, enabled or not.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.inner.definitions.values()
    }

    /// When a source is collected: as its definition says, or as `vigie.toml` does.
    pub(crate) fn schedule(&self, definition: &Definition) -> Schedule {
        self.source_config(&definition.id)
            .collect_seconds
            .and_then(|seconds| Schedule::new(seconds, 0, None).ok())
            .unwrap_or_else(|| definition.schedule.clone())
    }

    /// Since when everything that a source says is known: since it was asked first, or as far before as backfills reach
    /// without a gap.
    pub(crate) fn watched_since(&self, definition: &Definition) -> Outcome<Option<Timestamp>> {
        let watch = Watch::of(self, &self.ledger(), definition, self.now())?;
        Ok(watch.map(|watch| watch.since))
    }

    /// The host whose published limits a request counts against: the provider's own, also when the requests
    /// go to a mirror.
    pub(crate) fn counted_host(
        &self,
        definition: &Definition,
        asked: &str,
        key: Option<&Secret>,
        now: Timestamp,
    ) -> String {
        let settings = self.source_config(&definition.id);
        let own = build_request(
            definition,
            &self.config().zone,
            &settings.params,
            None,
            key,
            now,
        );
        own.map_or_else(|_| asked.to_owned(), |request| request.host)
    }

    /// What the requests of a source are made with, but for a mirror.
    pub(crate) fn request_settings<'a>(
        &'a self,
        settings: &'a SourceConfig,
        key: Option<&'a Secret>,
    ) -> Workspace<'a> {
        Workspace {
            zone: &self.config().zone,
            params: &settings.params,
            base_url: None,
            key,
        }
    }

    /// Opens the store.
    pub(crate) async fn store(&self, read_only: bool) -> Outcome<Arc<dyn Store>> {
        let options = self.store_options();
        let uri = &self.inner.config.store.uri;
        let opened = open_with(uri, self.root(), read_only, options).await;
        opened.map_err(store_failure)
    }

    /// The store, or while it is away one that is tried again whenever it is asked for something.
    pub(crate) async fn store_or_wait(&self, read_only: bool) -> Outcome<Arc<dyn Store>> {
        let (uri, options) = (&self.inner.config.store.uri, self.store_options());
        let store = AwaitedStore::new(uri, self.root(), read_only, options);
        match store.opened().await.map_err(store_failure) {
            Err(failure) if failure.exit == Exit::StoreUnavailable => {
                let reason = failure.report();
                warn!(reason, "the store is not available");
            }
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
        Ok(Arc::new(store))
    }

    fn store_options(&self) -> Options {
        Options {
            lock_timeout: lock_timeout(&self.inner.config),
            bytes_max: self.inner.config.store.bytes_max,
        }
    }
}

fn lock_timeout(config: &Config) -> Duration {
    Duration::from_secs(config.store.lock_timeout_seconds)
}

/// The key of a source, from the environment.
pub(crate) fn key_of(definition: &Definition) -> Option<Secret> {
    let access = definition.sheet.access.key.as_ref()?;
    let key = std::env::var(&access.env).ok()?;
    (!key.is_empty()).then(|| Secret::new(key))
}

/// What is said of an answer, without the key that a provider may have repeated in it.
pub(crate) fn without_key(definition: &Definition, text: &str) -> String {
    key_of(definition).map_or_else(|| text.to_owned(), |key| key.redact(text))
}

/// The exit code of a store's error.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    let exit = match &error {
        StoreError::Address { .. }
        | StoreError::Foreign { .. }
        | StoreError::SchemaTooNew { .. }
        | StoreError::SchemaTooOld { .. } => Exit::Usage,
        StoreError::NotFinite { .. } => Exit::SomeFailed,
        _ => Exit::StoreUnavailable,
    };
    Failure::new(exit, error)
}

/// The catalogue, with the user's own sources when there is a workspace.
pub(crate) fn catalogue_of(root: Option<&Path>) -> Outcome<Catalogue> {
    let own = root.map(user_definitions).transpose()?.unwrap_or_default();
    let own = own
        .iter()
        .map(|(file, text)| (file.as_str(), text.as_str()));
    Catalogue::embedded()
        .with_user_definitions(own)
        .map_err(Failure::usage)
}

pub(crate) fn unknown_source(catalogue: &Catalogue, id: &SourceId) -> Failure {
    let failure = Failure::usage(format!("no source is called `{id}`"));
    match catalogue.nearest(id.as_str()) {
        Some(known) => failure.hint(format!(
            "did you mean `{known}`? `vigie sources list` shows all"
        )),
        None => failure.hint("`vigie sources list` shows all"),
    }
}

/// The definitions that the user has put into the workspace: `sources/<id>.toml` or `sources/<id>/source.toml`.
fn user_definitions(root: &Path) -> Outcome<Vec<(String, String)>> {
    let folder = root.join("sources");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Ok(Vec::new());
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .map(|path| {
            if path.is_dir() {
                path.join("source.toml")
            } else {
                path
            }
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
                && path.is_file()
        })
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            Ok((path.display().to_string(), text))
        })
        .collect()
}
