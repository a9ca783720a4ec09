//! The units of the user's systemd.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use vigie_store::durable;

use super::{SECRETS_FILE, Workspace, tool};
use crate::failure::{Failure, Outcome};

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
# Written by `vigie schedule systemd --install`, which replaces it.
[Unit]
Description=Vigie of {described}: {description}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={executable} --dir {dir} {arguments}
WorkingDirectory={plain_root}
# API keys, as lines NAME=value (chmod 600).
EnvironmentFile=-{secrets}
# Another run was at work: no error.
SuccessExitStatus=4
TimeoutStartSec={timeout}
TimeoutStopSec=10
UMask=0077
MemoryMax=1G
# The rest needs unprivileged user namespaces. Where the kernel forbids them (the journal says \"Failed at step NAMESPACE\"),
# switch it off in a drop-in: `systemctl --user edit`.
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
PrivateTmp={private_tmp}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
",
        described = specifiers(root),
        description = step.description,
        executable = program(&workspace.executable),
        dir = argument_of_command(root),
        arguments = step.arguments,
        plain_root = specifiers(root),
        secrets = pattern(&format!("{}/{SECRETS_FILE}", root.trim_end_matches('/'))),
        timeout = step.timeout,
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

/// The unit files, one after the other.
pub(super) fn printed(workspace: &Workspace) -> String {
    let mut text = "\
# Files for ~/.config/systemd/user; `vigie schedule systemd --install` writes and starts them.
# Instead of all of them, one service that runs for ever can collect, summarise and show the dashboard:
"
    .to_owned();
    let _ = writeln!(
        text,
        "# ExecStart={} --dir {} up",
        program(&workspace.executable),
        argument_of_command(&workspace.root)
    );
    for unit in units(workspace) {
        let _ = write!(text, "\n# ===== {}\n{}", unit.name, unit.text);
    }
    text
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
) -> Outcome<String> {
    let units = units(workspace);
    for unit in &units {
        durable::write(&folder.join(&unit.name), unit.text.as_bytes()).map_err(Failure::usage)?;
    }
    systemctl(program, folder, &["--user", "daemon-reload"]).await?;
    let timers = units.iter().filter(|unit| unit.is_timer());
    let timers: Vec<&str> = timers.map(|unit| unit.name.as_str()).collect();
    let enable = [["--user", "enable", "--now"].as_slice(), &timers].concat();
    systemctl(program, folder, &enable).await?;
    let slug = workspace.slug();
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
WorkingDirectory=/srv/Météo 100%%
# API keys, as lines NAME=value (chmod 600).
EnvironmentFile=-/srv/Météo 100%%/vigie.env
# Another run was at work: no error.
SuccessExitStatus=4
TimeoutStartSec=15min
TimeoutStopSec=10
UMask=0077
MemoryMax=1G
# The rest needs unprivileged user namespaces. Where the kernel forbids them (the journal says "Failed at step NAMESPACE"),
# switch it off in a drop-in: `systemctl --user edit`.
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths="/srv/Météo 100%%"
PrivateTmp=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
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
        let printed = printed(&workspace());
        for unit in units(&workspace()) {
            assert!(printed.contains(&format!("# ===== {}\n{}", unit.name, unit.text)));
        }
        let up = r#"# ExecStart="/opt/my tools/vigie" --dir "/srv/Météo 100%%" up"#;
        assert!(printed.contains(up), "{printed}");
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
            let said = install(&program, &there, &workspace()).await.unwrap();
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
        let report = install(&program, &there, &workspace())
            .await
            .unwrap_err()
            .report();
        assert!(report.contains("Failed to connect to bus"), "{report}");
        assert!(
            report.contains("hint: log in as this user by ssh"),
            "{report}"
        );
        let absent = folder.path().join("absent");
        let report = install(&absent, &there, &workspace())
            .await
            .unwrap_err()
            .report();
        assert!(report.contains("use `vigie schedule cron`"), "{report}");
    }
}
