//! What is asked of which processes? The options that `monitor` and `collect` share, and the sessions they come to.

use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::cli::tools::output::note;
use crate::cli::tools::stop::{Stop, duration};
use crate::cli::tools::target::Target;
use crate::cli::tools::targets::TargetsArgs;
use crate::diagnostics::counters::{Selection, Wish};
use crate::diagnostics::ipc::{Rundown, Session, SessionConfig};

/// What it costs, for the help of both commands.
macro_rules! costs {
    () => {
        "\
Costs the application: next to nothing. Once per interval it reads each counter and sends about 5 KB for the default \
ones; its threads are not stopped. Histograms and time series of meters take memory there, up to --maxHistograms and \
--maxTimeSeries; what waits to be sent is 10 MB at most.

Meters have one session for all tools: another tool that watches the same process must use the same interval and \
limits, and a `collect` of Microsoft's own keeps all others from meters meanwhile.
"
    };
}
pub(super) use costs;

/// The buffer in the application, as dotnet-counters asks for it.
const BUFFER: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// The flags of both commands, named as those of dotnet-counters.
#[derive(Debug, Args)]
pub(super) struct WishArgs {
    #[command(flatten)]
    pub(super) targets: TargetsArgs,
    /// NAME or NAME[COUNTER,COUNTER] of event sources and meters, separated by commas; EventCounters\NAME leaves out a meter
    #[arg(long, value_name = "LIST", value_parser = Selection::parse)]
    counters: Option<Selection>,
    /// Seconds between values
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    refresh_interval: NonZeroU32,
    /// How long: [DD:]HH:MM:SS, or 90s, 5m, 2h; until q, Enter or Ctrl+C if left out
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// The most histograms of meters that an application keeps for this session
    #[arg(
        long = "maxHistograms",
        alias = "max-histograms",
        value_name = "N",
        default_value_t = 20
    )]
    max_histograms: u32,
    /// The most time series of meters that an application keeps for this session
    #[arg(
        long = "maxTimeSeries",
        alias = "max-time-series",
        value_name = "N",
        default_value_t = 1000
    )]
    max_time_series: u32,
    /// Whether an application that waits for its start may go on
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "true", default_missing_value = "true")]
    resume_runtime: bool,
}

impl WishArgs {
    /// The wish of this call.
    pub(super) fn wish(&self) -> Wish {
        Wish {
            selection: self.counters.clone().unwrap_or_default(),
            interval: self.refresh_interval.get(),
            max_histograms: self.max_histograms,
            max_time_series: self.max_time_series,
            client: client().into(),
        }
    }

    /// From here on a signal, a key or the time ends the watching, not the process.
    pub(super) fn stop(&self) -> anyhow::Result<Stop> {
        let mut stop = Stop::listen().context("cannot listen for signals")?;
        stop.take_single_keys();
        if let Some(duration) = self.duration {
            stop.after(duration);
        }
        Ok(stop)
    }

    /// A session for each process. If one cannot be had, those before it end.
    pub(super) fn sessions(&self, wish: &Wish, targets: &[Target]) -> anyhow::Result<Vec<Session>> {
        let config = SessionConfig::new(wish.providers()?)?
            .with_buffer(BUFFER)
            .with_rundown(Rundown::None)
            .without_stacks();
        let mut sessions = Vec::with_capacity(targets.len());
        for target in targets {
            let session = target
                .runtime
                .collect(&config)
                .with_context(|| format!("cannot watch the counters of process {}", target.pid))?;
            sessions.push(session);
            if self.resume_runtime
                && let Err(error) = target.runtime.resume()
            {
                note(&format!("note: {error}"));
            }
        }
        Ok(sessions)
    }
}

/// A text that no other client has.
fn client() -> String {
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid");
    random.map_or_else(
        |_| format!("sidebox-{}", std::process::id()),
        |text| text.trim().to_owned(),
    )
}
