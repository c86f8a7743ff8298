//! How is an image run here? Unpacked and given to runc, as a cluster's node does with it: read-only root, `/tmp`
//! mounted, no capabilities, no new privileges.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// An image, unpacked.
pub(super) struct Image {
    folder: TempDir,
    /// What its Dockerfile said.
    pub(super) config: Value,
    /// The names it is stored under.
    pub(super) tags: Vec<String>,
}

impl Image {
    /// Reads the archive that `images/build` wrote.
    pub(super) fn unpack(name: &str) -> Self {
        let archive = archives().join(format!("{name}-{}.tar", architecture()));
        assert!(
            archive.exists(),
            "{} is missing: `make images-test` builds it first",
            archive.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let parts = folder.path().join("parts");
        fs::create_dir(&root).unwrap();
        fs::create_dir(&parts).unwrap();
        untar(&archive, &parts);
        let read = |path: &str| -> Value {
            serde_json::from_slice(&fs::read(parts.join(path)).unwrap()).unwrap()
        };
        let manifest = read("manifest.json")[0].take();
        for layer in manifest["Layers"].as_array().unwrap() {
            untar(&parts.join(layer.as_str().unwrap()), &root);
        }
        let texts = manifest["RepoTags"].as_array().unwrap().iter();
        Self {
            config: read(manifest["Config"].as_str().unwrap())["config"].take(),
            tags: texts.map(|tag| tag.as_str().unwrap().to_owned()).collect(),
            folder,
        }
    }

    /// The root folder of its containers.
    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Starts it as this user, with these words after its entry point.
    pub(super) fn start(&self, uid: u32, words: &[&str]) -> Container {
        let bundle = tempfile::tempdir().unwrap();
        // Of the user, whoever that is, as an emptyDir of Kubernetes is.
        let open = |path: &Path| fs::DirBuilder::new().mode(0o755).create(path).unwrap();
        let state = bundle.path().join("state");
        open(&state);
        let spec = self.spec(uid, words).to_string();
        fs::write(bundle.path().join("config.json"), spec).unwrap();
        let id = format!(
            "sidebox-test-{}",
            bundle.path().file_name().unwrap().display()
        );
        let mut container = Container {
            bundle,
            id: id.replace('.', ""),
            run: None,
        };
        let run = container
            .runc()
            .args(["run", "--bundle"])
            .arg(container.bundle.path())
            .arg(&container.id)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        container.run = Some(run);
        container
    }

    fn spec(&self, uid: u32, words: &[&str]) -> Value {
        let mut args: Vec<Value> = self.config["Entrypoint"].as_array().unwrap().clone();
        args.extend(words.iter().map(|word| json!(word)));
        let mount = |kind: &str, to: &str, options: &[&str]| json!({"destination": to, "type": kind, "source": kind, "options": options});
        json!({
            "ociVersion": "1.0.2",
            "root": {"path": self.root(), "readonly": true},
            "process": {
                "user": {"uid": uid, "gid": uid},
                "args": args,
                "env": self.config["Env"],
                "cwd": "/",
                "noNewPrivileges": true,
                "capabilities": {},
            },
            "mounts": [
                mount("proc", "/proc", &[]),
                mount("tmpfs", "/dev", &["mode=755"]),
                mount("tmpfs", "/tmp", &["mode=777"]),
            ],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}]},
        })
    }
}

/// A container, removed with the test.
pub(super) struct Container {
    bundle: TempDir,
    id: String,
    run: Option<Child>,
}

impl Container {
    fn runc(&self) -> Command {
        let mut runc = Command::new("runc");
        runc.arg("--root").arg(self.bundle.path().join("state"));
        runc
    }

    /// Waits for its end; what it printed, and its exit code.
    pub(super) fn end(&mut self) -> Output {
        self.run.take().unwrap().wait_with_output().unwrap()
    }

    /// Until its first process catches SIGTERM.
    pub(super) fn await_ready(&mut self) {
        loop {
            if let Some(status) = self.run.as_mut().unwrap().try_wait().unwrap() {
                panic!(
                    "it ended with {status} instead of waiting: {:?}",
                    self.end()
                );
            }
            let state = self.runc().args(["state", &self.id]).output().unwrap();
            let state: Value = serde_json::from_slice(&state.stdout).unwrap_or_default();
            if state["status"] == "running" && catches_term(&state["pid"]) {
                return;
            }
            thread::yield_now();
        }
    }

    /// Asks its first process to end.
    pub(super) fn terminate(&self) -> ExitStatus {
        self.runc()
            .args(["kill", &self.id, "TERM"])
            .status()
            .unwrap()
    }

    /// Runs a program inside, with this on its standard input.
    pub(super) fn exec(&self, words: &[&str], input: &str) -> Output {
        let mut child = self
            .runc()
            .args(["exec", &self.id])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // What has ended is gone already.
        let _ = self.runc().args(["delete", "--force", &self.id]).output();
        if let Some(mut run) = self.run.take() {
            let _ = run.wait();
        }
    }
}

fn catches_term(pid: &Value) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << 14) != 0)
}

fn untar(archive: &Path, folder: &Path) {
    let status = Command::new("tar")
        .arg("-xf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status()
        .unwrap();
    assert!(status.success(), "{}: {status}", archive.display());
}

/// The folder of the archives.
pub(super) fn archives() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/images");
    std::env::var_os("IMAGES_OUT").map_or_else(own, PathBuf::from)
}

/// As images are named.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}
