//! `vigie schedule`: the three steps run by cron or by systemd, instead of by `vigie up`.
//!
//! What is printed is what is installed. Runs never overlap, by the program's own locks: one that finds another at work
//! ends with exit code 4 and leaves the work to it.

mod cron;
mod systemd;
mod tool;

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    cli::{self, ScheduleTarget},
    failure::{Exit, Failure, Outcome},
    output,
};

/// The file of the workspace that may hold API keys and credentials, as lines `NAME=value`.
const SECRETS_FILE: &str = "vigie.env";

/// Runs `vigie schedule`.
pub(crate) async fn run(app: &App, args: &cli::Schedule) -> Outcome {
    let workspace = Workspace::of(app)?;
    match (args.target, args.install) {
        (ScheduleTarget::Cron, _) if args.service.is_some() => {
            return Err(Failure::usage("cron has no services")
                .hint("`vigie schedule systemd --service up`, or `@reboot` with `vigie up`"));
        }
        (ScheduleTarget::Cron, false) => output::line(cron::block(&workspace)?.trim_end())?,
        (ScheduleTarget::Cron, true) => {
            let program = Path::new("crontab");
            output::line(&cron::install(program, &workspace).await?)?;
        }
        (ScheduleTarget::Systemd, false) => {
            output::line(systemd::printed(&workspace, args.service).trim_end())?;
        }
        (ScheduleTarget::Systemd, true) => {
            let folder = systemd::user_folder()?;
            let program = Path::new("systemctl");
            output::line(&systemd::install(program, &folder, &workspace, args.service).await?)?;
        }
    }
    Ok(Exit::Done)
}

/// Who runs the steps of this workspace, as far as this user can see.
pub(crate) async fn installed(app: &App) -> Option<String> {
    let workspace = Workspace::of(app).ok()?;
    let folders = [
        systemd::user_folder().ok(),
        Some(PathBuf::from("/etc/systemd/system")),
    ];
    let mut folders = folders.into_iter().flatten();
    if let Some(unit) = folders.find_map(|folder| systemd::installed(&folder, &workspace)) {
        return Some(format!("systemd runs {unit}"));
    }
    cron::is_installed(Path::new("crontab"), &workspace)
        .await
        .then(|| "cron runs the steps".to_owned())
}

/// What the tables of cron and systemd say of a workspace. Every path is absolute, in UTF-8, and holds no
/// backslash nor control character, which neither of the two could be relied upon to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Workspace {
    /// The program.
    executable: String,
    /// The folder that holds `vigie.toml`.
    root: String,
    /// The time zone in which days end.
    time_zone: String,
    /// The folder of the SQLite file, where that is not in the workspace.
    store_folder: Option<String>,
    /// After how many seconds without any progress `vigie up` counts as hung: no request takes as long.
    watchdog_s: u64,
}

impl Workspace {
    fn of(app: &App) -> Outcome<Self> {
        let executable = std::env::current_exe().map_err(|error| {
            Failure::usage(error).hint("the program could not find out where it is installed")
        })?;
        if !executable.is_file() {
            let text = format!("the program is no longer at {}", executable.display());
            return Err(Failure::usage(text).hint("it was replaced meanwhile: run the new one"));
        }
        let root = std::path::absolute(app.root()).map_err(Failure::usage)?;
        let store_folder = store_folder(&app.config().store.uri, &root);
        Ok(Self {
            executable: checked(executable)?,
            root: checked(root)?,
            time_zone: app.config().zone.time_zone.clone(),
            store_folder: store_folder.map(checked).transpose()?,
            watchdog_s: 300 + 2 * app.config().http.timeout_seconds,
        })
    }

    /// A name for units that differs between workspaces: the folder's, and some digits made of its whole path.
    fn slug(&self) -> String {
        let name = Path::new(&self.root).file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_lowercase();
        let words: Vec<&str> = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let digest = Sha256::digest(self.root.as_bytes());
        let digits = digest.iter().take(3).map(|byte| format!("{byte:02x}"));
        let digits: String = digits.collect();
        [words, vec![&digits]].concat().join("-")
    }
}

/// The folder of the SQLite file, where that is not below `root`.
fn store_folder(uri: &str, root: &Path) -> Option<PathBuf> {
    let path = uri.strip_prefix("sqlite:")?;
    let path = root.join(path.strip_prefix("//").unwrap_or(path));
    let folder = path.parent()?;
    (!folder.starts_with(root)).then(|| folder.to_path_buf())
}

fn checked(path: PathBuf) -> Outcome<String> {
    let refused = |path: &Path| {
        let text = format!(
            "cron and systemd cannot be given the path {}",
            path.display()
        );
        Failure::usage(text).hint("use a path in UTF-8 without backslashes and line breaks")
    };
    match path.into_os_string().into_string() {
        Ok(text) if text.contains(|c: char| c == '\\' || c.is_control()) => {
            Err(refused(Path::new(&text)))
        }
        Ok(text) => Ok(text),
        Err(path) => Err(refused(Path::new(&path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace whose paths hold what needs quoting.
    pub(super) fn workspace() -> Workspace {
        Workspace {
            executable: "/opt/my tools/vigie".to_owned(),
            root: "/srv/Météo 100%".to_owned(),
            time_zone: "Europe/Paris".to_owned(),
            store_folder: None,
            watchdog_s: 420,
        }
    }

    #[test]
    fn units_of_two_workspaces_have_different_names() {
        let slug = |root: &str| {
            let root = root.to_owned();
            Workspace {
                root,
                ..workspace()
            }
            .slug()
        };
        assert_eq!(slug("/srv/paris").rsplit_once('-').unwrap().0, "paris");
        assert_ne!(slug("/srv/paris"), slug("/opt/paris"));
        assert!(slug("/srv/Météo 100%").starts_with("m-t-o-100-"));
        assert!(!slug("/").contains('-'));
    }

    #[test]
    fn a_store_elsewhere_is_known() {
        let root = Path::new("/srv/paris");
        assert_eq!(store_folder("sqlite:data/vigie.db", root), None);
        assert_eq!(store_folder("mongodb://localhost/vigie", root), None);
        let elsewhere = Some(PathBuf::from("/var/lib/vigie"));
        assert_eq!(
            store_folder("sqlite:/var/lib/vigie/vigie.db", root),
            elsewhere
        );
        assert_eq!(
            store_folder("sqlite:///var/lib/vigie/vigie.db", root),
            elsewhere
        );
    }

    #[test]
    fn paths_that_could_not_be_passed_on_are_refused() {
        for path in ["/srv/a\nb", "/srv/a\\b"] {
            let report = checked(PathBuf::from(path)).unwrap_err().report();
            assert!(report.contains("without backslashes"), "{report}");
        }
        assert_eq!(checked(PathBuf::from("/srv/é 1%")).unwrap(), "/srv/é 1%");
    }
}
