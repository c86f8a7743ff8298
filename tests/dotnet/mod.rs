//! Real .NET applications for one test: where are they, and how do they start and end? Knows `prepare` beside this
//! file; must not know what is tested.
//!
//! A test crate says `mod dotnet;` and then
//! `let Some(dotnet) = Dotnet::find() else { return };` and `let app = dotnet.hello(Version::Net8).start();`.
//! An application is killed when the value is dropped, also by a panic, and when the thread that started it ends.

#![allow(
    dead_code,
    reason = "each test crate that includes this module uses its own part of it"
)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "support of tests: a failure here is a failed test, and is told as one"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[path = "../support/skip.rs"]
mod skip;
use skip::skipped;

/// How long anything here may take before the test fails: far above what a busy machine needs.
const PATIENCE: Duration = Duration::from_mins(2);
/// What `prepare` ends with when there is no .NET to prepare.
const ABSENT: i32 = 3;

/// A runtime that the tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// .NET 8
    Net8,
    /// .NET 10
    Net10,
}

impl Version {
    /// Both, to loop over.
    pub(crate) const ALL: [Self; 2] = [Self::Net8, Self::Net10];

    /// The name of the folder of applications.
    fn framework(self) -> &'static str {
        match self {
            Self::Net8 => "net8.0",
            Self::Net10 => "net10.0",
        }
    }

    /// The version of the reference files, which is that of the shared runtimes.
    pub(crate) fn full(self) -> &'static str {
        match self {
            Self::Net8 => "8.0.31",
            Self::Net10 => "10.0.12",
        }
    }
}

/// Namespaces and other users need root; where the tests are not, this says so.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped("needs root");
    }
    root
}

/// The folder that `prepare` printed; its header tells what lies there.
#[derive(Clone, Debug)]
pub(crate) struct Dotnet {
    folder: PathBuf,
}

impl Dotnet {
    /// The prepared .NET, made by the first call on a machine (two minutes). None where there is none, and a line
    /// says that the test is skipped.
    ///
    /// # Panics
    /// If it cannot be prepared, or is absent although `SIDEBOX_REQUIRE_SHARED=1`.
    pub(crate) fn find() -> Option<Self> {
        static FOUND: OnceLock<Option<Dotnet>> = OnceLock::new();
        FOUND.get_or_init(Self::prepare).clone()
    }

    fn prepare() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dotnet/prepare");
        let done = Command::new(script)
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/dotnet/prepare starts: it needs python3");
        let required = std::env::var_os("SIDEBOX_REQUIRE_SHARED").is_some_and(|value| value == "1");
        if done.status.code() == Some(ABSENT) && !required {
            skipped("all that needs a .NET: tests/dotnet/prepare found none");
            return None;
        }
        assert!(
            done.status.success(),
            "tests/dotnet/prepare: {}",
            done.status
        );
        let folder = String::from_utf8(done.stdout).expect("a path in UTF-8");
        Some(Self {
            folder: PathBuf::from(folder.trim_end()),
        })
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What Microsoft's tools wrote of a version; None where .NET is the machine's own.
    pub(crate) fn reference(&self, version: Version) -> Option<PathBuf> {
        let folder = self.folder.join("reference").join(version.full());
        if !folder.is_dir() {
            skipped(&format!("there is no {}", folder.display()));
            return None;
        }
        Some(folder)
    }

    /// Microsoft's dotnet-trace.
    pub(crate) fn dotnet_trace(&self) -> Command {
        Command::new(self.folder.join("bin/dotnet-trace"))
    }

    /// The sample HelloAKS, which rests between its primes.
    pub(crate) fn hello(&self, version: Version) -> Start {
        self.app(version, "HelloAks")
    }

    /// The same, and a trace of a second shows what it is busy with.
    pub(crate) fn busy(&self, version: Version) -> Start {
        self.hello(version).env("PAUSE_MILLISECONDS", "10")
    }

    /// An application by the name of its project.
    pub(crate) fn app(&self, version: Version, name: &str) -> Start {
        // The application's parent is the test, whose end ends it: setpriv hands its process on.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(self.folder.join("root/dotnet"))
            .arg(
                self.folder
                    .join("apps")
                    .join(version.framework())
                    .join(name)
                    .join(format!("{name}.dll")),
            );
        command
            .env("DOTNET_ROOT", self.folder.join("root"))
            .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
            .env("DOTNET_TieredPGO", "0")
            // Else the sample keeps a processor busy that others need.
            .env("PAUSE_MILLISECONDS", "1000")
            .stdin(Stdio::null());
        let folder = TempDir::with_prefix("sidebox-app-").expect("a temporary folder");
        command
            .env("TMPDIR", folder.path())
            .current_dir(folder.path());
        Start { command, folder }
    }
}

/// An application that is about to start, with a temporary folder of its own as `TMPDIR` and working directory.
#[derive(Debug)]
pub(crate) struct Start {
    command: Command,
    folder: TempDir,
}

impl Start {
    /// Sets a variable of the application.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away, for example `TMPDIR`.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Adds an argument of the application.
    pub(crate) fn arg(mut self, value: impl AsRef<OsStr>) -> Self {
        self.command.arg(value);
        self
    }

    /// Starts it through another program that ends in it, for example `unshare --pid --fork`.
    pub(crate) fn inside(mut self, words: &[&str]) -> Self {
        let mut outer = Command::new(words[0]);
        outer
            .args(&words[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args());
        let folder = self
            .command
            .get_current_dir()
            .unwrap_or_else(|| self.folder.path());
        outer.current_dir(folder).stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => outer.env(name, value),
                None => outer.env_remove(name),
            };
        }
        self.command = outer;
        self
    }

    /// Starts it and waits for its first line of output: its runtime then answers, and its own code runs.
    pub(crate) fn start(self) -> App {
        let mut app = self.spawn();
        app.await_output(|text| text.contains('\n'));
        app
    }

    /// Starts it without waiting.
    pub(crate) fn spawn(mut self) -> App {
        let output = self.folder.path().join("output.txt");
        let file = fs::File::create(&output).expect("a file in the temporary folder");
        let errors = file.try_clone().expect("a second handle");
        let child = self
            .command
            .stdout(file)
            .stderr(errors)
            .spawn()
            .expect("setpriv and dotnet start");
        App {
            child,
            folder: self.folder,
            output,
        }
    }
}

/// A running application. Its standard output and errors go to a file, so that nothing ever blocks it.
#[derive(Debug)]
pub(crate) struct App {
    child: Child,
    folder: TempDir,
    output: PathBuf,
}

impl App {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process that it is inside of the program that it was started through.
    pub(crate) fn inner_pid(&self) -> u32 {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let text = fs::read_to_string(children).expect("the children of our own child");
        text.trim()
            .parse()
            .unwrap_or_else(|_| panic!("one child, not {text:?}; its output: {}", self.output()))
    }

    /// Its temporary folder, where its diagnostics socket lies unless `TMPDIR` was changed.
    pub(crate) fn tmp(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).expect("the application's output")
    }

    /// Its diagnostics socket in a folder, awaited.
    pub(crate) fn socket_in(&self, folder: &Path) -> PathBuf {
        let start = format!("dotnet-diagnostic-{}-", self.pid());
        let find = || {
            let entries = fs::read_dir(folder).expect("the folder of the socket");
            let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            paths.find(|path| {
                let name = path.file_name().and_then(OsStr::to_str);
                name.is_some_and(|name| name.starts_with(&start) && name.ends_with("-socket"))
            })
        };
        await_some(find, || {
            format!(
                "no socket of process {} in {}",
                self.pid(),
                folder.display()
            )
        })
    }

    /// Its diagnostics socket in its own temporary folder, awaited.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket_in(self.tmp())
    }

    /// Waits until its output is as wanted.
    ///
    /// # Panics
    /// If it ends before, or takes minutes.
    pub(crate) fn await_output(&mut self, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.output();
            if wanted(&text) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("our own child") {
                panic!("the application ended with {status}: {}", self.output());
            }
            assert!(
                Instant::now() < deadline,
                "the application wrote only: {text}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal by its name without `SIG`, for example `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status();
        assert!(
            sent.expect("kill starts").success(),
            "signal {name} cannot be sent"
        );
    }

    /// Stops every thread of it, until `signal("CONT")`.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.pid());
        let stopped = |entry: fs::DirEntry| {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        };
        let all = || {
            fs::read_dir(&tasks)
                .ok()?
                .flatten()
                .all(stopped)
                .then_some(())
        };
        await_some(all, || format!("process {} does not stop", self.pid()));
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits for its end; its exit code, or None if a signal ended it.
    pub(crate) fn await_end(&mut self) -> Option<i32> {
        let end = || self.child.try_wait().expect("our own child");
        await_some(end, || "the application does not end".to_owned()).code()
    }

    /// Kills it and starts nothing: its temporary folder stays until the value is dropped.
    pub(crate) fn kill(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("our own child");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for something that another process does.
///
/// # Panics
/// After minutes, with what was missed.
pub(crate) fn await_some<T>(mut find: impl FnMut() -> Option<T>, missed: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "{}", missed());
        thread::sleep(Duration::from_millis(10));
    }
}
