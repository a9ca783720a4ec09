//! The crontab.

use std::{path::Path, time::Duration};

use super::{SECRETS_FILE, Workspace, tool};
use crate::failure::{Failure, Outcome};

/// The longest command that every cron takes.
const COMMAND_BYTES_MAX: usize = 990;
/// The longest that installing may take.
const INSTALL_TIME_MAX: Duration = Duration::from_secs(30);

fn marks(workspace: &Workspace) -> (String, String) {
    let root = &workspace.root;
    (format!("# >>> vigie {root}"), format!("# <<< vigie {root}"))
}

/// The lines of a workspace, between their marks.
pub(super) fn block(workspace: &Workspace) -> Outcome<String> {
    let (begin, end) = marks(workspace);
    let zone = &workspace.time_zone;
    let collect = command(workspace, None, "collect --due")?;
    let summarize = command(workspace, None, "summarize")?;
    let report = |format: &str, now: &str, period: &str| {
        command(
            workspace,
            Some((format, now)),
            &format!("report --period {period}"),
        )
    };
    let day = report("+%H", "06", "day")?;
    let week = report("+%u-%H", "1-06", "week")?;
    let month = report("+%d-%H", "01-06", "month")?;
    let rotate = escaped(&format!(
        "cd {} && [ ! -f logs/cron.log ] || mv -f logs/cron.log logs/cron.log.1",
        quoted(&workspace.root)
    ))?;
    Ok(format!(
        "\
{begin}
# Written by `vigie schedule cron --install`, which replaces what stands between the two marks.
# Runs do not overlap: one that finds another at work ends with exit code 4, which is no error.
# API keys: lines NAME=value in {SECRETS_FILE} of the workspace (chmod 600). Log: logs/cron.log there.
# Collect what is due.
* * * * * {collect}
# Summarise what was collected.
7 * * * * {summarize}
# Reports of yesterday, of last week (Mondays) and of last month (on the 1st), between six and seven in {zone}:
# the line asks the clock of that zone, because many crons (Debian's) know no other than the machine's.
10 * * * * {day}
15 * * * * {week}
20 * * * * {month}
# Keep the log of this week and of the last.
2 0 * * 0 {rotate}
{end}
"
    ))
}

/// A line's command: in the workspace, with the keys, with the log; `when` names a format of `date` and what it must
/// say in the zone.
fn command(workspace: &Workspace, when: Option<(&str, &str)>, arguments: &str) -> Outcome<String> {
    let when = when.map_or_else(String::new, |(format, now)| {
        let zone = quoted(&workspace.time_zone);
        format!("[ \"$(TZ={zone} date {format})\" = {now} ] || exit 0; ")
    });
    escaped(&format!(
        "{when}cd {root} && mkdir -p logs && {{ [ ! -f {SECRETS_FILE} ] || {{ set -a; . ./{SECRETS_FILE}; set +a; }}; }} \
         && {executable} --dir {root} {arguments} >>logs/cron.log 2>&1",
        root = quoted(&workspace.root),
        executable = quoted(&workspace.executable),
    ))
}

/// One word of the shell. Without backslashes, which not all crons leave alone.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}

/// Cron ends a command at `%`, unless it is escaped.
fn escaped(command: &str) -> Outcome<String> {
    let escaped = command.replace('%', r"\%");
    if escaped.len() > COMMAND_BYTES_MAX {
        let text = format!("a line for cron would have {} bytes", escaped.len());
        return Err(
            Failure::usage(format!("{text}, and {COMMAND_BYTES_MAX} is the most"))
                .hint("move the workspace to a shorter path, or use `vigie schedule systemd`"),
        );
    }
    Ok(escaped)
}

/// Puts the lines into the user's crontab in place of those of an earlier time, and says so.
pub(super) async fn install(program: &Path, workspace: &Workspace) -> Outcome<String> {
    let installing = replace(program, workspace);
    tokio::time::timeout(INSTALL_TIME_MAX, installing)
        .await
        .map_err(|_| {
            let seconds = INSTALL_TIME_MAX.as_secs();
            Failure::usage(format!(
                "`{}` did not end within {seconds} s",
                program.display()
            ))
        })?
}

async fn replace(program: &Path, workspace: &Workspace) -> Outcome<String> {
    let missing =
        "install cron (Debian: `apt install cron`), or use `vigie schedule systemd` or `vigie up`";
    let failed = |said: &tool::Said, doing: &str| {
        let text = format!("`{}` could not {doing}: {}", program.display(), said.error);
        Failure::usage(text).hint(
            "the crontab was left as it was; `vigie schedule cron` prints the lines to be put in by hand",
        )
    };
    let said = tool::run(program, &["-l"], b"", missing).await?;
    let old = if said.done {
        String::from_utf8(said.output).map_err(|_| {
            Failure::usage("the crontab is not in UTF-8: it was left as it was").hint(
                "`vigie schedule cron` prints the lines to be put in by hand with `crontab -e`",
            )
        })?
    } else if has_none(&said.error) {
        String::new()
    } else {
        return Err(failed(&said, "read the crontab"));
    };
    let new = merged(&old, workspace)?;
    if new == old {
        return Ok("The crontab has these lines already: nothing to do.".to_owned());
    }
    let said = tool::run(program, &["-"], new.as_bytes(), missing).await?;
    if !said.done {
        return Err(failed(&said, "write the crontab"));
    }
    Ok(format!(
        "The three steps are in the crontab of this user (see `crontab -l`). Their log: {}/logs/cron.log",
        workspace.root
    ))
}

/// Whether the user's crontab has the lines of the workspace.
pub(super) async fn is_installed(program: &Path, workspace: &Workspace) -> bool {
    let (begin, _) = marks(workspace);
    let listed = tool::run(program, &["-l"], b"", "").await;
    listed.is_ok_and(|said| {
        let table = String::from_utf8_lossy(&said.output);
        said.done && table.lines().any(|line| line.trim_end() == begin)
    })
}

/// Whether the program says that the user has no crontab yet: that of Debian, cronie and macOS, and that of `BusyBox`.
fn has_none(error: &str) -> bool {
    error.contains("no crontab for")
        || (error.contains("can't open") && error.contains("No such file"))
}

/// The crontab with the lines of the workspace in their place, or at its end. All else stays as it is.
fn merged(old: &str, workspace: &Workspace) -> Outcome<String> {
    let (begin, end) = marks(workspace);
    let block = block(workspace)?;
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let at = |mark: &str| -> Vec<usize> {
        let numbered = lines.iter().enumerate();
        numbered
            .filter(|(_, line)| line.trim_end() == mark)
            .map(|(index, _)| index)
            .collect()
    };
    match (at(&begin).as_slice(), at(&end).as_slice()) {
        ([], []) if old.is_empty() || old.ends_with('\n') => Ok(format!("{old}{block}")),
        ([], []) => Ok(format!("{old}\n{block}")),
        ([first], [last]) if first < last => {
            let before = lines[..*first].concat();
            let after = lines[last + 1..].concat();
            Ok(format!("{before}{block}{after}"))
        }
        _ => Err(Failure::usage(format!(
            "the crontab should have one line `{begin}` and after it one line `{end}`, and has not"
        ))
        .hint("repair it with `crontab -e`: remove these lines and what is between them")),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::{super::tests::workspace, *};

    const LINES: &str = r#"# >>> vigie /srv/Météo 100%
# Written by `vigie schedule cron --install`, which replaces what stands between the two marks.
# Runs do not overlap: one that finds another at work ends with exit code 4, which is no error.
# API keys: lines NAME=value in vigie.env of the workspace (chmod 600). Log: logs/cron.log there.
# Collect what is due.
* * * * * cd '/srv/Météo 100\%' && mkdir -p logs && { [ ! -f vigie.env ] || { set -a; . ./vigie.env; set +a; }; } && '/opt/my tools/vigie' --dir '/srv/Météo 100\%' collect --due >>logs/cron.log 2>&1
# Summarise what was collected.
7 * * * * cd '/srv/Météo 100\%' && mkdir -p logs && { [ ! -f vigie.env ] || { set -a; . ./vigie.env; set +a; }; } && '/opt/my tools/vigie' --dir '/srv/Météo 100\%' summarize >>logs/cron.log 2>&1
# Reports of yesterday, of last week (Mondays) and of last month (on the 1st), between six and seven in Europe/Paris:
# the line asks the clock of that zone, because many crons (Debian's) know no other than the machine's.
10 * * * * [ "$(TZ='Europe/Paris' date +\%H)" = 06 ] || exit 0; cd '/srv/Météo 100\%' && mkdir -p logs && { [ ! -f vigie.env ] || { set -a; . ./vigie.env; set +a; }; } && '/opt/my tools/vigie' --dir '/srv/Météo 100\%' report --period day >>logs/cron.log 2>&1
15 * * * * [ "$(TZ='Europe/Paris' date +\%u-\%H)" = 1-06 ] || exit 0; cd '/srv/Météo 100\%' && mkdir -p logs && { [ ! -f vigie.env ] || { set -a; . ./vigie.env; set +a; }; } && '/opt/my tools/vigie' --dir '/srv/Météo 100\%' report --period week >>logs/cron.log 2>&1
20 * * * * [ "$(TZ='Europe/Paris' date +\%d-\%H)" = 01-06 ] || exit 0; cd '/srv/Météo 100\%' && mkdir -p logs && { [ ! -f vigie.env ] || { set -a; . ./vigie.env; set +a; }; } && '/opt/my tools/vigie' --dir '/srv/Météo 100\%' report --period month >>logs/cron.log 2>&1
# Keep the log of this week and of the last.
2 0 * * 0 cd '/srv/Météo 100\%' && [ ! -f logs/cron.log ] || mv -f logs/cron.log logs/cron.log.1
# <<< vigie /srv/Météo 100%
"#;

    #[test]
    fn the_crontab_is_this() {
        assert_eq!(block(&workspace()).unwrap(), LINES);
    }

    /// Runs a command as cron does: `%` unescaped, through `sh`.
    fn run_as_cron(command: &str) {
        let command = command.replace(r"\%", "%");
        let status = Command::new("/bin/sh").arg("-c").arg(command).status();
        assert!(status.unwrap().success());
    }

    #[test]
    #[cfg(unix)]
    fn the_lines_run_with_the_keys_whatever_the_paths_hold() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("it's 100% $HOME \"x\"");
        fs::create_dir(&root).unwrap();
        executable(
            &root.join("vi gie"),
            "#!/bin/sh\nfor word; do echo \"[$word]\"; done\necho \"$KEY\"\n",
        );
        let workspace = Workspace {
            executable: root.join("vi gie").display().to_string(),
            root: root.display().to_string(),
            ..workspace()
        };
        let log = root.join("logs/cron.log");
        let expected = |arguments: &str, key: &str| {
            format!("[--dir]\n[{}]\n{arguments}{key}\n", root.display())
        };
        run_as_cron(&command(&workspace, None, "collect --due").unwrap());
        let first = expected("[collect]\n[--due]\n", "");
        assert_eq!(fs::read_to_string(&log).unwrap(), first);

        durable(&root.join("vigie.env"), "KEY='a secret'\n");
        let now = Command::new("date").arg("+%H").env("TZ", "UTC").output();
        let now = String::from_utf8(now.unwrap().stdout).unwrap();
        let utc = Workspace {
            time_zone: "UTC".to_owned(),
            ..workspace
        };
        run_as_cron(&command(&utc, Some(("+%H", "99")), "report").unwrap());
        assert_eq!(fs::read_to_string(&log).unwrap(), first);
        run_as_cron(&command(&utc, Some(("+%H", now.trim())), "report").unwrap());
        let second = expected("[report]\n", "a secret");
        assert_eq!(
            fs::read_to_string(&log).unwrap(),
            format!("{first}{second}")
        );
    }

    fn durable(path: &Path, text: &str) {
        vigie_store::durable::write(path, text.as_bytes()).unwrap();
    }

    #[cfg(unix)]
    fn executable(path: &Path, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        durable(path, script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_line_that_is_too_long_for_cron_is_refused() {
        let root = format!("/srv/{}", "x".repeat(600));
        let report = block(&Workspace {
            root,
            ..workspace()
        })
        .unwrap_err()
        .report();
        assert!(
            report.contains("move the workspace to a shorter path"),
            "{report}"
        );
    }

    #[test]
    fn the_rest_of_the_crontab_stays_as_it_is() {
        let workspace = workspace();
        let mine = "MAILTO=me\n5 4 * * * backup";
        let first = merged(mine, &workspace).unwrap();
        assert_eq!(first, format!("{mine}\n{LINES}"));
        assert_eq!(merged(&first, &workspace).unwrap(), first);
        // Lines after it, and lines of another workspace, stay too.
        let other = Workspace {
            root: "/srv/Météo 100% bis".to_owned(),
            ..workspace.clone()
        };
        let two = merged(&format!("{first}# after\n"), &other).unwrap();
        let old = two.replace("collect --due", "collect");
        let renewed = merged(&old, &workspace).unwrap();
        assert!(renewed.starts_with(&first), "{renewed}");
        assert!(renewed.contains("# after\n# >>> vigie /srv/Météo 100% bis\n"));
        assert_eq!(renewed.matches("collect --due").count(), 1);
    }

    #[test]
    fn a_crontab_with_half_a_block_is_left_alone() {
        let workspace = workspace();
        let broken = "# >>> vigie /srv/Météo 100%\n5 4 * * * backup\n";
        assert!(merged(broken, &workspace).is_err());
        assert!(merged(&format!("{LINES}{LINES}"), &workspace).is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn installing_goes_through_crontab_and_is_idempotent() {
        let folder = tempfile::tempdir().unwrap();
        let (program, table) = (folder.path().join("crontab"), folder.path().join("table"));
        executable(
            &program,
            &format!(
                "#!/bin/sh\nt='{}'\ncase $1 in\n-l) [ -f \"$t\" ] || {{ echo 'no crontab for me' >&2; exit 1; }}; cat \"$t\";;\n\
                 -) cat >\"$t\"; echo x >>\"$t.writes\";;\nesac\n",
                table.display()
            ),
        );
        let said = install(&program, &workspace()).await.unwrap();
        assert!(said.contains("/srv/Météo 100%/logs/cron.log"), "{said}");
        assert_eq!(fs::read_to_string(&table).unwrap(), LINES);
        let said = install(&program, &workspace()).await.unwrap();
        assert!(said.contains("nothing to do"), "{said}");
        let writes = fs::read_to_string(folder.path().join("table.writes")).unwrap();
        assert_eq!(writes, "x\n");

        // A crontab that cannot be read is never replaced.
        executable(
            &program,
            "#!/bin/sh\necho 'you are not allowed' >&2; cat >/dev/null; exit 1\n",
        );
        let report = install(&program, &workspace()).await.unwrap_err().report();
        assert!(
            report.contains("could not read the crontab: you are not allowed"),
            "{report}"
        );
        let missing = install(&folder.path().join("absent"), &workspace()).await;
        let report = missing.unwrap_err().report();
        assert!(report.contains("hint: install cron"), "{report}");
    }
}
