//! Where does this tool run? What the injector told the toolbox, from its environment.

use std::env;
use std::path::{Path, PathBuf};

use crate::diagnostics::process::Sight;
use crate::inject::access::{DATA_PATH, PORT_PATH, TMP_PATH};
use crate::inject::annotations::Mode;

/// The toolbox as this process finds it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// From where processes are looked for.
    pub(super) sight: Sight,
    /// Where results go when nobody says: the volume, if it is there, else the working directory.
    pub(super) results: PathBuf,
    /// The Pod's name; outside of one, the machine's.
    pub(super) pod: String,
}

impl Place {
    /// Reads the environment.
    pub(super) fn of_process() -> Self {
        let text = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let mut sight = Sight::new(text("TMPDIR").unwrap_or_else(|| TMP_PATH.to_owned()));
        sight.container = text("SIDEBOX_TARGET");
        let is_port = text("SIDEBOX_MODE").is_some_and(|mode| mode == Mode::Port.as_str());
        sight.port = is_port.then(|| PathBuf::from(PORT_PATH));
        let in_toolbox = sight.container.is_some();
        let data = Path::new(DATA_PATH);
        let results = if in_toolbox && data.is_dir() {
            data
        } else {
            Path::new("")
        };
        Self {
            sight,
            results: results.to_owned(),
            pod: text("POD_NAME").unwrap_or_else(machine),
        }
    }
}

fn machine() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
