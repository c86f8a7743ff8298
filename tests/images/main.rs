//! The images that `images/build` makes, run: `make images-test`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be run or read fails the test"
)]

mod container;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use container::{Image, architecture, archives};
use sidebox::inject::settings::Settings;

const TOOLBOXES: [&str; 2] = ["toolbox", "toolbox-dotnet"];
/// Root, the user of .NET images, and one of those that OpenShift makes up.
const USERS: [u32; 3] = [0, 1654, 1_000_650_000];
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn toolboxes_wait_for_anybody_and_end_when_told() {
    for name in TOOLBOXES {
        let image = Image::unpack(name);
        for uid in USERS {
            let mut container = image.start(uid, &[]);
            container.await_ready();
            assert!(container.terminate().success());
            let ended = container.end();
            // 143 would be a death by the signal, 137 one by SIGKILL.
            assert_eq!(ended.status.code(), Some(0), "{name} as {uid}: {ended:?}");
        }
    }
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn what_is_promised_is_on_the_path() {
    let wanted = "bash sh tar ps cat ls sidebox dotnet-trace";
    for name in TOOLBOXES {
        let image = Image::unpack(name);
        for uid in USERS {
            let mut container = image.start(uid, &[]);
            container.await_ready();
            let script = format!("for tool in {wanted}; do command -v $tool || exit 1; done");
            let found = container.exec(&["bash", "-c", &script], "");
            assert!(found.status.success(), "{name} as {uid}: {found:?}");
            // kubectl cp.
            let packed = container.exec(&["sh", "-c", "tar -cf - /etc/passwd | tar -tf -"], "");
            assert_eq!(text(&packed), "etc/passwd\n", "{name} as {uid}");
            let listed = container.exec(&["ps"], "");
            assert!(
                text(&listed).contains("sidebox"),
                "{name} as {uid}: {listed:?}"
            );
            let version = container.exec(&["sidebox", "--version"], "");
            assert_eq!(text(&version), format!("sidebox {VERSION}\n"));
        }
    }
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn every_shell_for_a_person_greets_once_in_three_lines() {
    for name in TOOLBOXES {
        let image = Image::unpack(name);
        let mut container = image.start(1654, &[]);
        container.await_ready();
        for shell in ["/bin/bash", "/bin/sh"] {
            let said = text(&container.exec(&[shell, "-i"], "sh -i </dev/null\nexit\n"));
            let lines: Vec<_> = said.lines().filter(|line| !line.is_empty()).collect();
            assert!(lines.len() >= 3, "{name} {shell}: {said}");
            let here = format!("{name} {VERSION}: sidebox, dotnet-trace");
            assert!(lines[0].starts_with(&here), "{name} {shell}: {said}");
            assert_eq!(
                lines[1], "target: no .NET process is in sight",
                "{name} {shell}"
            );
            assert!(
                lines[2].starts_with("try: sidebox ps"),
                "{name} {shell}: {said}"
            );
            assert_eq!(
                said.matches("target: ").count(),
                1,
                "{name} {shell}: {said}"
            );
        }
        // Scripts and programs read what they asked for and nothing else.
        let silent = container.exec(&["/bin/bash", "-c", "echo only"], "");
        assert_eq!(text(&silent), "only\n");
    }
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn a_command_of_the_pod_takes_the_place_of_waiting() {
    for name in TOOLBOXES {
        let image = Image::unpack(name);
        let ended = image
            .start(1654, &["bash", "-c", "echo $HOME; exit 5"])
            .end();
        assert_eq!(ended.status.code(), Some(5), "{name}: {ended:?}");
        assert_eq!(text(&ended), "/tmp/.toolbox\n");
    }
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn every_name_of_the_small_userland_is_one_that_busybox_answers_to() {
    let image = Image::unpack("toolbox");
    let listed = image.start(1654, &["busybox", "--list"]).end();
    let listed = text(&listed);
    let applets: BTreeSet<_> = listed.lines().collect();
    let mut asked = 0;
    for entry in fs::read_dir(image.root().join("bin")).unwrap() {
        let path = entry.unwrap().path();
        if fs::read_link(&path).is_ok_and(|target| target == Path::new("busybox")) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(applets.contains(name), "busybox has no {name}");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked}");
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn microsofts_tools_run_on_a_read_only_root() {
    let image = Image::unpack("toolbox-dotnet");
    for uid in USERS {
        let ended = image.start(uid, &["dotnet-trace", "--version"]).end();
        assert_eq!(ended.status.code(), Some(0), "as {uid}: {ended:?}");
        assert!(
            text(&ended).starts_with(|c: char| c.is_ascii_digit()),
            "{ended:?}"
        );
        let profiles = image.start(uid, &["dotnet-trace", "list-profiles"]).end();
        assert_eq!(profiles.status.code(), Some(0), "as {uid}: {profiles:?}");
    }
    let ssl = image
        .start(1654, &["sh", "-c", "/sbin/ldconfig -p | grep libssl.so"])
        .end();
    assert!(text(&ssl).contains("libssl.so.3"), "{ssl:?}");
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn the_webhooks_image_is_the_program_alone() {
    let image = Image::unpack("sidebox");
    let ended = image.start(1_000_650_000, &["--version"]).end();
    assert_eq!(text(&ended), format!("sidebox {VERSION}\n"), "{ended:?}");
    let refused = image.start(65532, &["serve", "--config", "/none"]).end();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn images_have_the_names_that_settings_expect_and_a_number_as_user() {
    let released = Settings::default().toolbox.image;
    assert_eq!(Image::unpack("toolbox").tags, [released.as_str()]);
    for name in ["sidebox", "toolbox", "toolbox-dotnet"] {
        let image = Image::unpack(name);
        assert_eq!(
            image.tags,
            [format!("ghcr.io/sidebox-dev/{name}:{VERSION}")]
        );
        let user = image.config["User"].as_str().unwrap();
        // Where a volume is mounted is the Pod's business; a folder there would pass for one.
        assert!(!image.root().join("data").exists(), "{name} has /data");
        let digits = user.chars().all(|c| c.is_ascii_digit() || c == ':');
        assert!(digits && !user.starts_with('0'), "{name}: {user:?}");
    }
}

#[test]
#[ignore = "needs root, runc and the built images: make images-test"]
fn what_is_pulled_is_as_small_as_promised() {
    let status = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/sizes"))
        .arg(archives())
        .args([architecture(), "--check"])
        .status()
        .unwrap();
    assert!(status.success());
}
