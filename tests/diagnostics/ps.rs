//! `sidebox ps` in every access mode, and the reasons it gives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::dotnet::{App, Dotnet, Version, is_root};
use super::tool::{named, run, sidebox, through};

/// A process namespace in which no other process can be seen.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

/// The same, running, with its socket in a folder.
fn hello_in(folder: &Path, dotnet: &Dotnet, version: Version) -> App {
    dotnet.hello(version).env("TMPDIR", folder).start()
}

/// The line about a process, its columns apart by one space.
fn line(page: &str, pid: u32) -> Option<String> {
    let pid = pid.to_string();
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    page.lines()
        .find(|line| line.split([' ', ':']).next() == Some(&pid))
        .map(squeezed)
}

fn expected(pid: u32, container: &str, version: Version) -> String {
    format!("{pid} {container} HelloAks {} x64 ", version.full())
}

fn page(command: &mut Command) -> String {
    let ran = run(command);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{command:?}");
    ran.out
}

#[test]
fn the_shared_folder_and_the_process_are_seen() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet.hello(version).start();
        let page = page(
            sidebox()
                .arg("ps")
                .env("TMPDIR", app.tmp())
                .env("SIDEBOX_TARGET", "web"),
        );
        let line = line(&page, app.pid()).unwrap();
        assert!(
            line.starts_with(&expected(app.pid(), "web", version)),
            "{page}"
        );
        assert!(line.ends_with("HelloAks.dll"), "{line}");
    }
}

#[test]
fn a_folder_that_is_not_shared_is_reached_through_the_process() {
    let Some(dotnet) = Dotnet::find() else { return };
    let elsewhere = TempDir::new().unwrap();
    let app = dotnet.hello(Version::Net10).start();
    let page = page(
        sidebox()
            .arg("list-processes")
            .env("TMPDIR", elsewhere.path()),
    );
    let line = line(&page, app.pid()).unwrap();
    assert!(
        line.starts_with(&expected(app.pid(), "-", Version::Net10)),
        "{page}"
    );
}

/// `pid-only`: the application's own namespaces, where it is process 1 and has a /tmp of its own.
#[test]
fn an_application_in_its_own_namespaces_is_found() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let app = dotnet.hello(Version::Net8).env_remove("TMPDIR");
    let tmp = "mount -t tmpfs tmp /tmp && cd / && exec \"$@\"";
    let app = app.inside(&[
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "sh",
        "-c",
        tmp,
        "sh",
    ]);
    let app = app.start();
    let socket = format!("/proc/{}/root/tmp", app.inner_pid());
    let names = fs::read_dir(socket)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        names
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with("dotnet-diagnostic-1-"))
    );
    let page = page(sidebox().arg("ps"));
    let line = line(&page, app.inner_pid()).unwrap();
    assert!(
        line.starts_with(&expected(app.inner_pid(), "-", Version::Net8)),
        "{page}"
    );
}

/// `tmp-only`: sockets without processes, of which only one has somebody behind it.
#[test]
fn a_socket_alone_is_enough() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let start = |version| hello_in(folder.path(), &dotnet, version);
    let mut gone = start(Version::Net8);
    let left = gone.socket_in(folder.path());
    gone.kill();
    let app = start(Version::Net10);
    let mut ps = through(&ALONE);
    let page = page(
        ps.args(["ps", "--stale"])
            .env("TMPDIR", folder.path())
            .env("SIDEBOX_TARGET", "web"),
    );
    let line = line(&page, app.pid()).unwrap();
    assert!(
        line.starts_with(&expected(app.pid(), "web", Version::Net10)),
        "{page}"
    );
    assert_eq!(page.lines().count(), 3, "{page}");
    assert!(
        page.ends_with(&format!("stale: {}\n", left.display())),
        "{page}"
    );
}

/// `port`, as the injector sets it up.
#[test]
fn a_runtime_that_dials_is_listened_to() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let port = "/run/sidebox/diagnostics.sock,connect,nosuspend";
    let mount = format!(
        "mount -t tmpfs run /run && mkdir /run/sidebox && mount --bind {} /run/sidebox && exec \"$@\"",
        folder.path().display()
    );
    let inside = ["unshare", "--mount", "sh", "-c", &mount, "sh"];
    let app = dotnet
        .hello(Version::Net8)
        .env("DOTNET_DiagnosticPorts", port)
        .inside(&inside)
        .start();
    let ps = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        &mount,
        "sh",
    ];
    let empty = TempDir::new().unwrap();
    let mut ps = through(&ps);
    let ps = ps
        .arg("ps")
        .env("TMPDIR", empty.path())
        .env("SIDEBOX_TARGET", "web")
        .env("SIDEBOX_MODE", "port");
    let page = page(ps);
    let line = line(&page, app.pid()).unwrap();
    assert!(
        line.starts_with(&expected(app.pid(), "web", Version::Net8)),
        "{page}"
    );
}

fn reason(app: &App, page: &str) -> String {
    line(page, app.pid())
        .unwrap()
        .split_once(": cannot be reached: ")
        .unwrap()
        .1
        .to_owned()
}

#[test]
fn diagnostics_that_are_switched_off_are_named() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = dotnet
        .hello(Version::Net10)
        .env("DOTNET_EnableDiagnostics_IPC", "0")
        .start();
    let page = page(sidebox().arg("ps"));
    let expected =
        "its diagnostics are switched off: it was started with DOTNET_EnableDiagnostics_IPC=0";
    assert_eq!(reason(&app, &page), expected);
    let asked = run(sidebox().args(["trace", "collect", "-p", &app.pid().to_string()]));
    assert_eq!(asked.code, Some(1));
    let told = format!(
        "sidebox: process {} cannot be reached: {expected}\n",
        app.pid()
    );
    assert_eq!(asked.err, told);
}

#[test]
fn a_socket_that_was_deleted_is_missed() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = dotnet.hello(Version::Net8).start();
    fs::remove_file(app.socket()).unwrap();
    let page = page(sidebox().arg("ps"));
    let told = reason(&app, &page);
    assert!(
        told.starts_with(&format!("it has no socket in its {}", app.tmp().display())),
        "{told}"
    );
}

#[test]
fn a_frozen_process_is_named_and_does_not_hold_up_the_others() {
    let Some(dotnet) = Dotnet::find() else { return };
    let frozen = dotnet.hello(Version::Net10).start();
    let other = dotnet.hello(Version::Net10).start();
    frozen.freeze();
    let page = page(sidebox().arg("ps"));
    assert!(
        reason(&frozen, &page).contains("no answer to ProcessInfo3 within 3 s"),
        "{page}"
    );
    assert!(line(&page, other.pid()).unwrap().starts_with(&expected(
        other.pid(),
        "-",
        Version::Net10
    )));
    frozen.signal("CONT");
}

#[test]
fn another_user_is_told_whose_it_is() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let app = dotnet.hello(Version::Net8).start();
    fs::set_permissions(app.tmp(), fs::Permissions::from_mode(0o755)).unwrap();
    // A copy: the folder of the build may be closed to other users.
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let binary = folder.path().join("sidebox");
    fs::copy(env!("CARGO_BIN_EXE_sidebox"), &binary).unwrap();
    let mut ps = Command::new("setpriv");
    ps.args(["--reuid", "1654", "--regid", "1654", "--clear-groups"])
        .arg(&binary)
        .arg("ps");
    let shared = page(ps.env("TMPDIR", app.tmp()));
    let told = reason(&app, &shared);
    assert!(
        told.contains("belongs to uid 0 and this tool runs as uid 1654"),
        "{told}"
    );
    let hidden = page(ps.env("TMPDIR", folder.path()));
    let told = reason(&app, &hidden);
    assert!(
        told.contains("the process runs as uid 0, this tool as uid 1654"),
        "{told}"
    );

    let mut bare = Command::new("setpriv");
    bare.args([
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--reuid",
        "1654",
        "--regid",
        "1654",
    ]);
    let bare = bare
        .args(["--clear-groups"])
        .arg(&binary)
        .args(["trace", "collect", "-p"]);
    let asked = run(bare.arg(app.pid().to_string()).env("TMPDIR", app.tmp()));
    assert!(
        asked.err.contains("annotation sidebox.dev/run-as-user"),
        "{asked:?}"
    );
}

#[test]
fn several_are_asked_about_and_one_is_not() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let start = |version| hello_in(folder.path(), &dotnet, version);
    let collect = |more: &[&str]| {
        let mut collect = through(&ALONE);
        let output = folder.path().join("t.nettrace");
        collect
            .args(["trace", "collect", "--duration", "1s", "--force", "-o"])
            .arg(output);
        run(collect.args(more).env("TMPDIR", folder.path()))
    };
    assert!(
        collect(&[])
            .err
            .contains("there is no .NET process in sight")
    );
    let one = start(Version::Net8);
    let ran = collect(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let two = start(Version::Net10);
    let ran = collect(&["-n", "HelloAks"]);
    assert_eq!(ran.code, Some(1));
    let asked = "there are several .NET processes with the name HelloAks: say which with -p PID";
    assert!(ran.err.contains(asked), "{}", ran.err);
    assert!(ran.err.contains(&one.pid().to_string()) && ran.err.contains(&two.pid().to_string()));
    let ran = collect(&["-p", &two.pid().to_string()]);
    assert!(
        ran.err
            .contains(&format!("tracing HelloAks (process {})", two.pid())),
        "{}",
        ran.err
    );
}

#[test]
fn microsofts_names_have_it_too() {
    let folder = TempDir::new().unwrap();
    let mut ps = named(&folder, "dotnet-trace");
    assert!(page(ps.arg("ps")).contains('\n'));
}
