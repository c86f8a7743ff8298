//! `sidebox doctor`: what it says of a process that can be reached, and of each obstacle.

use std::path::Path;
use std::process::{Child, Command};

use tempfile::TempDir;

use super::dotnet::{App, Dotnet, Start, Version, is_root};
use super::tool::{run, sidebox, through};

/// Exit code and page.
pub(crate) fn examined(command: &mut Command, pid: u32) -> (Option<i32>, String) {
    let ran = run(command.args(["doctor", "-p", &pid.to_string()]));
    assert_eq!(ran.err, "");
    (ran.code, ran.out)
}

/// Whether a line has this verdict and this text.
#[track_caller]
pub(crate) fn says(page: &str, verdict: &str, what: &str, text: &str) {
    let line = |line: &&str| {
        let rest = line
            .strip_prefix("  ")
            .and_then(|line| line.strip_prefix(verdict));
        rest.is_some_and(|rest| rest.trim_start().starts_with(what) && rest.contains(text))
    };
    assert!(
        page.lines().any(|found| line(&found)),
        "{verdict} {what} {text}:\n{page}"
    );
}

#[test]
fn a_process_that_can_be_reached_has_a_clean_bill() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet.hello(version).start();
        let (code, page) = examined(&mut sidebox(), app.pid());
        assert_eq!(code, Some(0), "{page}");
        assert!(
            page.starts_with(&format!("process {} HelloAks: ", app.pid())),
            "{page}"
        );
        says(&page, "ok", "runtime", "libcoreclr.so");
        says(&page, "ok", "TMPDIR", &app.tmp().display().to_string());
        says(
            &page,
            "ok",
            "answer",
            &format!("CoreCLR {}, x64", version.full()),
        );
        says(&page, "ok", "dump writer", "createdump is there");
        says(&page, "ok", "dump's folder", " MB free");
        says(&page, "ok", "memory", " MB in use");
        assert!(!page.contains("BLOCKED"), "{page}");
    }
}

pub(crate) fn started(start: Start) -> App {
    let mut app = start.spawn();
    app.await_output(|text| text.contains("prime"));
    app
}

#[test]
fn what_blocks_is_named_with_the_way_out() {
    let Some(dotnet) = Dotnet::find() else { return };
    let off = started(
        dotnet
            .hello(Version::Net8)
            .env("DOTNET_EnableDiagnostics", "0"),
    );
    let (code, page) = examined(&mut sidebox(), off.pid());
    assert_eq!(code, Some(1), "{page}");
    says(
        &page,
        "BLOCKED",
        "variables",
        "DOTNET_EnableDiagnostics=0: take that away",
    );
    says(
        &page,
        "BLOCKED",
        "answer",
        "its diagnostics are switched off",
    );

    let lost = started(
        dotnet
            .hello(Version::Net10)
            .env("TMPDIR", "/no/such/folder"),
    );
    let (code, page) = examined(&mut sidebox(), lost.pid());
    assert_eq!(code, Some(1), "{page}");
    says(
        &page,
        "BLOCKED",
        "TMPDIR",
        "/no/such/folder is not there: mount an emptyDir on it",
    );
}

/// A process that is not .NET.
pub(crate) struct Sleeping(Child);

impl Sleeping {
    /// Its folder for temporary files is this one.
    pub(crate) fn start(folder: &TempDir) -> Self {
        let mut sleep = Command::new("sleep");
        Self(
            sleep
                .arg("600")
                .env("TMPDIR", folder.path())
                .spawn()
                .unwrap(),
        )
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_without_a_runtime_is_told_as_one() {
    let folder = TempDir::new().unwrap();
    let sleeping = Sleeping::start(&folder);
    let (code, page) = examined(&mut sidebox(), sleeping.pid());
    assert_eq!(code, Some(1), "{page}");
    says(&page, "BLOCKED", "runtime", "Native AOT");
}

/// The uid of another user, and a read-only root.
#[test]
fn another_user_is_told_which_to_be() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let app = dotnet.hello(Version::Net8).start();
    let mut other = through(&[
        "setpriv",
        "--reuid",
        "1000",
        "--clear-groups",
        "--inh-caps=-all",
    ]);
    let (code, page) = examined(&mut other, app.pid());
    assert_eq!(code, Some(1), "{page}");
    says(&page, "BLOCKED", "user", "uid 0, this tool as uid 1000");
    says(&page, "BLOCKED", "user", "sidebox.dev/run-as-user: \"0\"");
    says(&page, "limited", "its files", "CHOWN, DAC_OVERRIDE");
    says(&page, "?", "variables", "closed");

    let own = TempDir::new().unwrap();
    let script = format!(
        "mount -t tmpfs -o ro own {} && exec \"$@\"",
        own.path().display()
    );
    let start = dotnet.hello(Version::Net10).env("TMPDIR", own.path());
    let app = started(start.inside(&["unshare", "--mount", "sh", "-c", &script, "sh"]));
    let (code, page) = examined(&mut sidebox(), app.pid());
    assert_eq!(code, Some(1), "{page}");
    says(&page, "BLOCKED", "TMPDIR", "is on a read-only file system");
}

#[test]
fn with_nobody_in_sight_the_places_are_named() {
    if !is_root() {
        return;
    }
    let empty = TempDir::new().unwrap();
    let mut alone = through(&["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]);
    let ran = run(alone.arg("doctor").env("TMPDIR", empty.path()));
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(
        ran.out.starts_with("no .NET process is in sight\n"),
        "{}",
        ran.out
    );
    says(
        &ran.out,
        "BLOCKED",
        "TMPDIR",
        &format!("{} is looked through", shown(empty.path())),
    );
    says(
        &ran.out,
        "BLOCKED",
        "processes",
        "no process of another container is visible",
    );
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
