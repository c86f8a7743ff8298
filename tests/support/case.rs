//! An application, a folder for results, and calls of the tools on both. Must not know what is asserted of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::dotnet::{App, Dotnet, Start, Version};
use super::tool::Ran;

/// The class in which the sample spends its time.
pub(crate) const BUSY: &str = "PrimeFinder.";

/// One application, and the file that a result goes to.
pub(crate) struct Case {
    pub(crate) dotnet: Dotnet,
    pub(crate) app: App,
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
}

impl Case {
    /// Starts what `make` makes of the prepared .NET; results go to a file of this name.
    pub(crate) fn new(file: &str, make: impl FnOnce(&Dotnet) -> Start) -> Option<Self> {
        let dotnet = Dotnet::find()?;
        let app = make(&dotnet).start();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(file);
        Some(Self {
            dotnet,
            app,
            folder,
            file,
        })
    }

    /// The sample.
    pub(crate) fn hello(version: Version, file: &str) -> Option<Self> {
        Self::new(file, |dotnet| dotnet.hello(version))
    }

    /// The same, with something for a trace to show.
    pub(crate) fn busy(version: Version, file: &str) -> Option<Self> {
        Self::new(file, |dotnet| dotnet.busy(version))
    }

    /// A call on the application.
    pub(crate) fn tool(&self, mut command: Command, words: &[&str]) -> Command {
        command.env("TMPDIR", self.app.tmp()).args(words);
        command.arg("-p").arg(self.app.pid().to_string());
        command
    }

    /// The same, with a result that goes to the file.
    pub(crate) fn result_of(&self, command: Command, words: &[&str]) -> Command {
        let mut command = self.tool(command, words);
        command.arg("-o").arg(&self.file);
        command
    }

    /// The call did its work, and told the path of the file alone.
    #[track_caller]
    pub(crate) fn is_done(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.out, format!("{}\n", self.file.display()));
    }

    /// What lies in the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }

    /// What Microsoft's tool finds in the file.
    pub(crate) fn report(&self) -> String {
        report(&self.dotnet, &self.file)
    }
}

/// What Microsoft's tool finds in a trace.
#[track_caller]
pub(crate) fn report(dotnet: &Dotnet, file: &Path) -> String {
    let mut report = dotnet.dotnet_trace();
    let words = ["topN", "-n", "50", "-v"];
    let done = report.arg("report").arg(file).args(words).output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}
