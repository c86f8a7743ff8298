//! Does tests/dotnet keep its promises: both runtimes run the sample, Microsoft's dotnet-trace runs, and nothing stays?
//! Must not know Sidebox itself.

mod dotnet;

use std::fs;
use std::path::Path;
use std::process::Command;

use dotnet::{Dotnet, Version, await_some};

#[test]
fn the_sample_runs_on_both_versions_and_ends_with_its_test() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let app = dotnet
            .hello(version)
            .env("PAUSE_MILLISECONDS", "100")
            .start();
        assert!(app.socket().exists());
        let maps = fs::read_to_string(format!("/proc/{}/maps", app.pid())).unwrap();
        assert!(maps.contains(&format!(
            "Microsoft.NETCore.App/{}/libcoreclr.so",
            version.full()
        )));
        let (pid, tmp) = (app.pid(), app.tmp().to_owned());
        drop(app);
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "{version:?} still runs"
        );
        assert!(!tmp.exists());
    }
}

#[test]
fn an_application_ends_with_the_thread_that_started_it() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = std::thread::spawn(move || dotnet.hello(Version::Net10).start());
    let mut app = app.join().unwrap();
    let ended = await_some(
        || (!app.runs()).then_some(true),
        || "it still runs".to_owned(),
    );
    assert!(ended);
}

#[test]
fn the_folder_is_whole() {
    let Some(dotnet) = Dotnet::find() else { return };
    let said = dotnet.dotnet_trace().arg("list-profiles").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("dotnet-sampled-thread-time"), "{said}");
    for version in Version::ALL {
        let Some(reference) = dotnet.reference(version) else {
            return;
        };
        assert!(reference.join("trace.nettrace").exists());
    }
}

#[test]
fn where_there_is_no_dotnet_it_says_so() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dotnet/prepare");
    let done = Command::new(script)
        .env("SIDEBOX_SHARED", "/nowhere")
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    if done.status.success() {
        return; // a machine with a dotnet of its own there
    }
    assert_eq!(done.status.code(), Some(3), "{errors}");
    assert!(
        errors.contains("neither the folder /nowhere/dotnet nor a command"),
        "{errors}"
    );
}
