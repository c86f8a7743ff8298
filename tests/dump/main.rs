//! `sidebox dump collect` on real processes: every type, every way in which a process is met, and what stands in the way.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../dotnet/mod.rs"]
mod dotnet;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dotnet::{App, Dotnet, Version, is_root};
use tempfile::TempDir;

const SIDEBOX: &str = env!("CARGO_BIN_EXE_sidebox");

fn app(version: Version) -> Option<App> {
    let dotnet = Dotnet::find()?;
    Some(dotnet.hello(version).start())
}

/// A folder of another file system than the application's, so that files are copied and not renamed.
fn elsewhere() -> TempDir {
    TempDir::new_in("/dev/shm").unwrap()
}

fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn collect(pid: u32, more: &[&str]) -> Command {
    let mut command = Command::new(SIDEBOX);
    command
        .args(["dump", "collect", "-p", &pid.to_string()])
        .args(more);
    command
}

#[track_caller]
fn done(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether the file is a memory image of an ended process, by its header; how long it is.
#[track_caller]
fn core(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap();
    assert!(
        bytes.starts_with(b"\x7fELF\x02\x01\x01"),
        "{}",
        path.display()
    );
    assert_eq!(bytes[16..18], [4, 0], "the kind of file is a core dump");
    bytes.len()
}

/// What lies in a folder beside the application's own files.
fn left(app: &App) -> Vec<String> {
    let entries = fs::read_dir(app.tmp()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("dmp")).collect()
}

#[test]
fn every_type_comes_to_its_place_on_another_file_system() {
    for version in Version::ALL {
        let Some(mut app) = app(version) else { return };
        let folder = elsewhere();
        let mut sizes = Vec::new();
        for kind in ["Mini", "triage", "Heap", "full"] {
            let path = folder.path().join(kind);
            let to = path.to_str().unwrap();
            let output = run(collect(app.pid(), &["--type", kind, "-o", to]));
            let told = done(&output);
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{to}\n"));
            assert!(
                told.contains("a liveness probe that fails meanwhile restarts it"),
                "{told}"
            );
            assert!(told.contains("the application stood still for "), "{told}");
            assert!(!told.contains("at most"), "its process can be seen: {told}");
            sizes.push(core(&path));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::remove_file(&path).unwrap();
            assert_eq!(left(&app), [] as [&str; 0]);
        }
        assert!(sizes[0] < sizes[2] && sizes[2] < sizes[3], "{sizes:?}");
        assert!(app.runs());
    }
}

#[test]
fn on_the_same_file_system_it_is_renamed_and_has_a_report_beside_it() {
    let Some(app) = app(Version::Net8) else {
        return;
    };
    let link = app.tmp().join("dotnet-dump");
    symlink(SIDEBOX, &link).unwrap();
    let path = app.tmp().join("worker.dmp");
    // Microsoft's users know it from there.
    fs::write(&path, "old").unwrap();
    let mut command = Command::new(&link);
    command.args([
        "collect",
        "--type:Mini",
        "--crashreport",
        "-p",
        &app.pid().to_string(),
        "-o",
    ]);
    command.arg(&path);
    let output = run(command);
    done(&output);
    core(&path);
    let report = fs::read(app.tmp().join("worker.dmp.crashreport.json")).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&report).unwrap()["payload"].is_object());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    let mut command = Command::new(&link);
    command.args(["analyze", "worker.dmp"]);
    let output = run(command);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains(
            "`dotnet-dump analyze` is not in this tool; Microsoft's, in the image toolbox-dotnet"
        ),
        "{told}"
    );
}

#[test]
fn a_file_that_is_there_stays() {
    let Some(app) = app(Version::Net10) else {
        return;
    };
    let folder = elsewhere();
    let path = folder.path().join("a.dmp");
    fs::write(&path, "years of work").unwrap();
    let told = refused(&run(collect(app.pid(), &["-o", path.to_str().unwrap()])));
    assert!(
        told.contains("is there already: --force replaces it"),
        "{told}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"years of work");
}

/// `tmp-only`: the folder is shared, the process is in another namespace.
#[test]
fn a_process_that_cannot_be_seen_is_dumped_through_its_socket() {
    let Some(app) = app(Version::Net8).filter(|_| is_root()) else {
        return;
    };
    let folder = elsewhere();
    let path = folder.path().join("a.dmp");
    let mut command = Command::new("unshare");
    command.args([
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        SIDEBOX,
        "dump",
        "collect",
    ]);
    command
        .arg("--diagnostic-port")
        .arg(format!("{},connect", app.socket().display()));
    command.args(["--type", "Mini", "-o"]).arg(&path);
    let told = done(&run(command));
    core(&path);
    assert!(
        told.contains("how big its dump becomes is not known"),
        "{told}"
    );
    assert!(told.contains(" s at most"), "{told}");
}

/// `port`: the runtime connects, and writes beside the port.
#[test]
fn a_process_that_connects_writes_beside_the_port() {
    let Some(dotnet) = Dotnet::find() else { return };
    let (shared, folder) = (TempDir::new().unwrap(), elsewhere());
    let port = shared.path().join("p.sock");
    let ports = format!("{},connect,nosuspend", port.display());
    let app = dotnet
        .hello(Version::Net10)
        .env("DOTNET_DiagnosticPorts", ports);
    let app = app.start();
    let path = folder.path().join("a.dmp");
    let mut command = Command::new(SIDEBOX);
    command
        .args(["dump", "collect", "--type", "Mini", "--diagnostic-port"])
        .arg(&port);
    command.arg("-o").arg(&path);
    let told = done(&run(command));
    core(&path);
    assert!(
        told.contains(&format!("into its {}", shared.path().display())),
        "{told}"
    );
    drop(app);
}

/// `pid-only`, in a folder of 4 MB: refused before, and with the dump writer's own words if somebody insists.
#[test]
fn a_folder_that_is_too_small_is_told_before_and_after() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    for version in Version::ALL {
        let own = TempDir::new().unwrap();
        let script = format!(
            "mount -t tmpfs -o size=4m own {} && exec \"$@\"",
            own.path().display()
        );
        let app = dotnet.hello(version).env("TMPDIR", own.path());
        let app = app
            .inside(&["unshare", "--mount", "sh", "-c", &script, "sh"])
            .start();
        let folder = elsewhere();
        let path = folder.path().join("a.dmp");
        let words = ["--type", "Heap", "-o", path.to_str().unwrap()];
        let told = refused(&run(collect(app.pid(), &words)));
        let here = format!("/proc/{}/root{}", app.pid(), own.path().display());
        assert!(
            told.contains(&format!("{here} has only 4.1 MB free")),
            "{told}"
        );
        assert!(told.contains("--force tries all the same"), "{told}");
        let told = refused(&run(collect(
            app.pid(),
            &[&words[..], &["--force"]].concat(),
        )));
        assert!(told.contains("wrote no dump"), "{told}");
        assert!(
            told.contains("No space left on device"),
            "the dump writer's words: {told}"
        );
        assert!(!path.exists());
        let staged = fs::read_dir(here)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let dumps = staged.filter(|name| name.to_string_lossy().contains("dmp"));
        assert_eq!(dumps.count(), 0, "nothing is left");
    }
}
