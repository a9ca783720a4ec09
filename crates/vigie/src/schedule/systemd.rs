//! The units of the user's systemd.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use vigie_store::durable;

use super::{SECRETS_FILE, Workspace, tool};
use crate::{
    cli::Service,
    failure::{Failure, Outcome},
};

/// A step: its name, what it is, the command, when it runs, and how long it may take.
struct Step {
    name: &'static str,
    description: &'static str,
    arguments: &'static str,
    /// When, as in `systemd.time(7)`.
    calendar: &'static str,
    /// Whether the hours are those of the zone.
    local: bool,
    /// The most seconds by which a run is put off, so that several machines do not start together.
    delay_s: u32,
    timeout: &'static str,
}

const STEPS: [Step; 5] = [
    Step {
        name: "collect",
        description: "collect what is due",
        arguments: "collect --due",
        calendar: "*-*-* *:*:00",
        local: false,
        delay_s: 2,
        timeout: "15min",
    },
    Step {
        name: "summarize",
        description: "summarise what was collected",
        arguments: "summarize",
        calendar: "*-*-* *:07:00",
        local: false,
        delay_s: 30,
        timeout: "2h",
    },
    Step {
        name: "report-day",
        description: "report of yesterday",
        arguments: "report --period day",
        calendar: "*-*-* 06:10:00",
        local: true,
        delay_s: 30,
        timeout: "30min",
    },
    Step {
        name: "report-week",
        description: "report of last week",
        arguments: "report --period week",
        calendar: "Mon *-*-* 06:15:00",
        local: true,
        delay_s: 30,
        timeout: "30min",
    },
    Step {
        name: "report-month",
        description: "report of last month",
        arguments: "report --period month",
        calendar: "*-*-01 06:20:00",
        local: true,
        delay_s: 30,
        timeout: "30min",
    },
];

/// A unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unit {
    name: String,
    text: String,
}

impl Unit {
    fn is_timer(&self) -> bool {
        Path::new(&self.name)
            .extension()
            .is_some_and(|extension| extension == "timer")
    }
}

/// The unit files of the three steps.
fn units(workspace: &Workspace) -> Vec<Unit> {
    let slug = workspace.slug();
    STEPS
        .iter()
        .flat_map(|step| {
            let name = format!("vigie-{slug}-{}", step.name);
            let service = Unit {
                name: format!("{name}.service"),
                text: service(workspace, step),
            };
            let timer = Unit {
                name: format!("{name}.timer"),
                text: timer(workspace, step),
            };
            [service, timer]
        })
        .collect()
}

fn service(workspace: &Workspace, step: &Step) -> String {
    format!(
        "\
# Written by `vigie schedule systemd --install`, which replaces it.
[Unit]
Description=Vigie of {described}: {description}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={command} {arguments}
# Another run was at work: no error.
SuccessExitStatus=4
TimeoutStartSec={timeout}
{common}",
        described = specifiers(&workspace.root),
        description = step.description,
        command = command(workspace),
        arguments = step.arguments,
        timeout = step.timeout,
        common = common(workspace),
    )
}

/// The service that runs for ever: it says when it is ready, is asked by SIGHUP to read its settings again, and is killed and
/// started anew when it makes no progress.
fn up(workspace: &Workspace) -> Unit {
    let text = format!(
        "\
# Written by `vigie schedule systemd --service up --install`, which replaces it.
[Unit]
Description=Vigie of {described}: collect, summarise and show
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} up
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec={watchdog}
Restart=on-failure
RestartSec=30
# Wrong settings, and another one that runs: starting again would not help.
RestartPreventExitStatus=2 4
TimeoutStartSec=90
{common}
[Install]
WantedBy=default.target
",
        described = specifiers(&workspace.root),
        command = command(workspace),
        watchdog = workspace.watchdog_s,
        common = common(workspace),
    );
    Unit {
        name: up_name(workspace),
        text,
    }
}

fn up_name(workspace: &Workspace) -> String {
    format!("vigie-{}-up.service", workspace.slug())
}

fn command(workspace: &Workspace) -> String {
    let program = program(&workspace.executable);
    format!("{program} --dir {}", argument_of_command(&workspace.root))
}

/// What all services have: where they work, and what they may not do.
fn common(workspace: &Workspace) -> String {
    let root = &workspace.root;
    let mut writable = argument(root);
    if let Some(folder) = &workspace.store_folder {
        writable.push(' ');
        writable.push_str(&argument(folder));
    }
    // A private /tmp would hide a workspace or a program that is there.
    let in_tmp =
        |path: &str| Path::new(path).starts_with("/tmp") || Path::new(path).starts_with("/var/tmp");
    let paths = [&workspace.executable, root]
        .into_iter()
        .chain(&workspace.store_folder);
    let private_tmp = if paths.map(String::as_str).any(in_tmp) {
        "no"
    } else {
        "yes"
    };
    format!(
        "\
TimeoutStopSec=10
WorkingDirectory={plain_root}
# API keys, as lines NAME=value (chmod 600).
EnvironmentFile=-{secrets}
UMask=0077
# A core dump would hold the keys.
LimitCORE=0
MemoryMax=1G
TasksMax=256
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# The rest needs unprivileged user namespaces. Where the kernel forbids them (the journal says \"Failed at step NAMESPACE\"),
# switch it off in a drop-in: `systemctl --user edit`.
ProtectSystem=strict
ReadWritePaths={writable}
PrivateTmp={private_tmp}
ProtectKernelTunables=yes
ProtectControlGroups=yes
",
        plain_root = specifiers(root),
        secrets = pattern(&format!("{}/{SECRETS_FILE}", root.trim_end_matches('/'))),
    )
}

fn timer(workspace: &Workspace, step: &Step) -> String {
    let zone = if step.local {
        format!(" {}", workspace.time_zone)
    } else {
        String::new()
    };
    format!(
        "\
# Written by `vigie schedule systemd --install`, which replaces it.
[Unit]
Description=Vigie of {root}: {description}

[Timer]
OnCalendar={calendar}{zone}
AccuracySec=1s
RandomizedDelaySec={delay_s}
Persistent=true

[Install]
WantedBy=timers.target
",
        root = specifiers(&workspace.root),
        description = step.description,
        calendar = step.calendar,
        delay_s = step.delay_s,
    )
}

/// A text in which `%` stands for itself.
fn specifiers(text: &str) -> String {
    text.replace('%', "%%")
}

/// One word of a list.
fn argument(text: &str) -> String {
    format!("\"{}\"", specifiers(text).replace('"', "\\\""))
}

/// One word of a command after its first, where variables would be replaced.
fn argument_of_command(text: &str) -> String {
    argument(text).replace('$', "$$")
}

/// The first word of a command.
fn program(text: &str) -> String {
    argument(text)
}

/// A path where systemd takes patterns.
fn pattern(path: &str) -> String {
    let mut text = String::new();
    for c in specifiers(path).chars() {
        if matches!(c, '*' | '?' | '[') {
            // Writing to a String cannot fail.
            let _ = write!(text, "[{c}]");
        } else {
            text.push(c);
        }
    }
    text
}

/// What is installed: the steps with their timers, or the service.
fn chosen(workspace: &Workspace, kind: Option<Service>) -> Vec<Unit> {
    match kind {
        None => units(workspace),
        Some(Service::Up) => vec![up(workspace)],
    }
}

/// The unit files, one after the other.
pub(super) fn printed(workspace: &Workspace, kind: Option<Service>) -> String {
    let mut text = match kind {
        None => {
            "\
# Files for ~/.config/systemd/user; `vigie schedule systemd --install` writes and starts them.
# Instead of all of them, one service that runs for ever can collect, summarise and show the dashboard:
# `vigie schedule systemd --service up`
"
        }
        Some(Service::Up) => {
            "\
# A file for ~/.config/systemd/user; `vigie schedule systemd --service up --install` writes and starts it.
"
        }
    }
    .to_owned();
    for unit in chosen(workspace, kind) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n# ===== {}\n{}", unit.name, unit.text);
    }
    text
}

/// The unit in a folder by which the workspace is collected.
pub(super) fn installed(folder: &Path, workspace: &Workspace) -> Option<String> {
    let timer = format!("vigie-{}-collect.timer", workspace.slug());
    [up_name(workspace), timer]
        .into_iter()
        .find(|name| folder.join(name).is_file())
}

/// Where the units of the user are.
pub(super) fn user_folder() -> Outcome<PathBuf> {
    let absolute = |name: &str| {
        let path = std::env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    absolute("XDG_CONFIG_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".config")))
        .map(|folder| folder.join("systemd/user"))
        .ok_or_else(|| {
            Failure::usage(
                "neither XDG_CONFIG_HOME nor HOME is set: where are the units of this user?",
            )
            .hint("set HOME, or write what `vigie schedule systemd` prints yourself")
        })
}

/// Writes the units, starts the timers, and says so.
pub(super) async fn install(
    program: &Path,
    folder: &Path,
    workspace: &Workspace,
    kind: Option<Service>,
) -> Outcome<String> {
    let units = chosen(workspace, kind);
    for unit in &units {
        durable::write(&folder.join(&unit.name), unit.text.as_bytes()).map_err(Failure::usage)?;
    }
    systemctl(program, folder, &["--user", "daemon-reload"]).await?;
    let started = units
        .iter()
        .filter(|unit| kind.is_some() || unit.is_timer());
    let started: Vec<&str> = started.map(|unit| unit.name.as_str()).collect();
    let enable = [["--user", "enable", "--now"].as_slice(), &started].concat();
    systemctl(program, folder, &enable).await?;
    let slug = workspace.slug();
    if kind.is_some() {
        let name = up_name(workspace);
        return Ok(format!(
            "{name} is in {} and runs: `systemctl --user status {name}` shows it, `journalctl --user -u {name}` what it \
             said, `systemctl --user reload {name}` has it read vigie.toml again.\n\
             It stops when you log out, unless you allow it to stay once and for all: `loginctl enable-linger`",
            folder.display()
        ));
    }
    Ok(format!(
        "The timers are in {} and run: `systemctl --user list-timers 'vigie-{slug}-*'` shows them, \
         `journalctl --user -u 'vigie-{slug}-*'` what they said.\n\
         They stop when you log out, unless you allow them to stay once and for all: `loginctl enable-linger`",
        folder.display()
    ))
}

async fn systemctl(program: &Path, folder: &Path, arguments: &[&str]) -> Outcome<()> {
    let missing = "this system has no systemd: use `vigie schedule cron` or `vigie up`";
    let said = tool::run(program, arguments, b"", missing).await?;
    if said.done {
        return Ok(());
    }
    let text = format!(
        "the units are in {}, but `{} {}` failed: {}",
        folder.display(),
        program.display(),
        arguments.join(" "),
        said.error
    );
    let hint = if said.error.contains("bus") {
        "log in as this user by ssh or at the screen (su and sudo do not start the user's systemd), and run it again"
    } else {
        "`systemctl --user status` may tell more; then run it again"
    };
    Err(Failure::usage(text).hint(hint))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::tests::workspace, *};

    fn text_of(workspace: &Workspace, ending: &str) -> String {
        let units = units(workspace);
        let mut found = units.into_iter().filter(|unit| unit.name.ends_with(ending));
        found.next().unwrap().text
    }

    #[test]
    fn the_units_are_these() {
        let names: Vec<String> = units(&workspace())
            .into_iter()
            .map(|unit| unit.name)
            .collect();
        let slug = workspace().slug();
        let name = |step: &str, kind: &str| format!("vigie-{slug}-{step}.{kind}");
        let steps = [
            "collect",
            "summarize",
            "report-day",
            "report-week",
            "report-month",
        ];
        let expected: Vec<String> = steps
            .iter()
            .flat_map(|step| [name(step, "service"), name(step, "timer")])
            .collect();
        assert_eq!(names, expected);
        assert_eq!(
            text_of(&workspace(), "collect.service"),
            r#"# Written by `vigie schedule systemd --install`, which replaces it.
[Unit]
Description=Vigie of /srv/Météo 100%%: collect what is due
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart="/opt/my tools/vigie" --dir "/srv/Météo 100%%" collect --due
# Another run was at work: no error.
SuccessExitStatus=4
TimeoutStartSec=15min
TimeoutStopSec=10
WorkingDirectory=/srv/Météo 100%%
# API keys, as lines NAME=value (chmod 600).
EnvironmentFile=-/srv/Météo 100%%/vigie.env
UMask=0077
# A core dump would hold the keys.
LimitCORE=0
MemoryMax=1G
TasksMax=256
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# The rest needs unprivileged user namespaces. Where the kernel forbids them (the journal says "Failed at step NAMESPACE"),
# switch it off in a drop-in: `systemctl --user edit`.
ProtectSystem=strict
ReadWritePaths="/srv/Météo 100%%"
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
"#
        );
        assert_eq!(
            text_of(&workspace(), "report-week.timer"),
            "\
# Written by `vigie schedule systemd --install`, which replaces it.
[Unit]
Description=Vigie of /srv/Météo 100%%: report of last week

[Timer]
OnCalendar=Mon *-*-* 06:15:00 Europe/Paris
AccuracySec=1s
RandomizedDelaySec=30
Persistent=true

[Install]
WantedBy=timers.target
"
        );
    }

    #[test]
    fn what_is_printed_is_what_is_installed() {
        for kind in [None, Some(Service::Up)] {
            let printed = printed(&workspace(), kind);
            for unit in chosen(&workspace(), kind) {
                assert!(printed.contains(&format!("# ===== {}\n{}", unit.name, unit.text)));
            }
        }
    }

    #[test]
    fn the_service_is_watched_and_can_be_reloaded() {
        let text = up(&workspace()).text;
        for line in [
            "Type=notify",
            r#"ExecStart="/opt/my tools/vigie" --dir "/srv/Météo 100%%" up"#,
            "ExecReload=/bin/kill -HUP $MAINPID",
            "WatchdogSec=420",
            "RestartPreventExitStatus=2 4",
            "ProtectSystem=strict",
            "WantedBy=default.target",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    /// systemd's own reading of the units, where it is installed.
    #[test]
    fn systemd_takes_the_units() {
        let folder = tempfile::tempdir_in("/var/lib").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let workspace = Workspace {
            executable: "/bin/true".to_owned(),
            root: folder.path().to_str().unwrap().to_owned(),
            ..workspace()
        };
        let units = [units(&workspace), vec![up(&workspace)]].concat();
        let mut command = std::process::Command::new("systemd-analyze");
        command.args(["--user", "verify", "--man=no"]);
        for unit in &units {
            let path = folder.path().join(&unit.name);
            durable::write(&path, unit.text.as_bytes()).unwrap();
            command.arg(path);
        }
        let Ok(said) = command.env("XDG_RUNTIME_DIR", folder.path()).output() else {
            return;
        };
        let text = String::from_utf8_lossy(&said.stderr);
        let about_ours: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("vigie-"))
            .collect();
        assert!(about_ours.is_empty(), "{text}");
    }

    #[test]
    fn what_systemd_would_replace_stands_for_itself() {
        let odd = Workspace {
            root: "/tmp/a $HOME [1]? \"x\" %n".to_owned(),
            store_folder: Some("/var/lib/my db".to_owned()),
            ..workspace()
        };
        let text = text_of(&odd, "collect.service");
        for line in [
            r#"ExecStart="/opt/my tools/vigie" --dir "/tmp/a $$HOME [1]? \"x\" %%n" collect --due"#,
            r#"WorkingDirectory=/tmp/a $HOME [1]? "x" %%n"#,
            r#"EnvironmentFile=-/tmp/a $HOME [[]1][?] "x" %%n/vigie.env"#,
            r#"ReadWritePaths="/tmp/a $HOME [1]? \"x\" %%n" "/var/lib/my db""#,
            "PrivateTmp=no",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn installing_writes_the_units_and_starts_the_timers() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (program, log) = (folder.path().join("systemctl"), folder.path().join("log"));
        let script = |last: &str| {
            let text = format!("#!/bin/sh\necho \"$@\" >>'{}'\n{last}\n", log.display());
            durable::write(&program, text.as_bytes()).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        };
        script("exit 0");
        let there = folder.path().join("config/systemd/user");
        for _ in 0..2 {
            let said = install(&program, &there, &workspace(), None).await.unwrap();
            assert!(said.contains("loginctl enable-linger"), "{said}");
        }
        for unit in units(&workspace()) {
            assert_eq!(
                fs::read_to_string(there.join(unit.name)).unwrap(),
                unit.text
            );
        }
        assert_eq!(fs::read_dir(&there).unwrap().count(), 10);
        let called = fs::read_to_string(&log).unwrap();
        let slug = workspace().slug();
        let enable = format!(
            "--user daemon-reload\n--user enable --now vigie-{slug}-collect.timer vigie-{slug}-summarize.timer \
             vigie-{slug}-report-day.timer vigie-{slug}-report-week.timer vigie-{slug}-report-month.timer\n"
        );
        assert_eq!(called, enable.repeat(2));

        script("echo 'Failed to connect to bus: No medium found' >&2; exit 1");
        let report = install(&program, &there, &workspace(), None)
            .await
            .unwrap_err()
            .report();
        assert!(report.contains("Failed to connect to bus"), "{report}");
        assert!(
            report.contains("hint: log in as this user by ssh"),
            "{report}"
        );
        let absent = folder.path().join("absent");
        let report = install(&absent, &there, &workspace(), None)
            .await
            .unwrap_err()
            .report();
        assert!(report.contains("use `vigie schedule cron`"), "{report}");
    }
}
