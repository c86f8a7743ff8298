//! What does a request cost the server, and how much memory does it keep?
//!
//! `load SIDEBOX EMPTY`: both programs serve on loopback in the same run. CPU is the server's own
//! time (user and kernel, all threads, nanoseconds of `/proc/PID/task/*/schedstat`) per request,
//! relative to the empty webhook with the same body: pairs in turns, the median of their ratios.

#![expect(clippy::print_stdout, reason = "a program of its own")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are shown with two digits"
)]

mod child;
mod client;
mod memory;

use std::path::Path;
use std::process::Command;

use child::Process;
use client::{Client, Dialer, request};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Pairs of each comparison; an odd number has a median.
const PAIRS: usize = 15;

/// One comparison with the empty webhook.
struct Case {
    name: &'static str,
    file: &'static str,
    logs: bool,
    /// Times that each connection asks in one half of a pair.
    rounds: usize,
    most: f64,
}

const CASES: [Case; 4] = [
    Case {
        name: "CPU per request, typical, as shipped",
        file: "typical",
        logs: true,
        rounds: 500,
        most: 2.0,
    },
    Case {
        name: "CPU per request, typical, without the log line",
        file: "typical",
        logs: false,
        rounds: 500,
        most: 1.85,
    },
    Case {
        name: "CPU per request, skip, as shipped",
        file: "skip",
        logs: true,
        rounds: 500,
        most: 1.3,
    },
    Case {
        name: "CPU per request, 54 KB, as shipped",
        file: "large",
        logs: true,
        rounds: 200,
        most: 2.7,
    },
];

/// A server under load.
struct Loaded {
    process: Process,
    client: Client,
}

impl Loaded {
    fn new(process: Process, dialer: &Dialer) -> Result<Self, Failure> {
        let client = dialer.client(process.addr)?;
        Ok(Self { process, client })
    }

    /// Microseconds of CPU for one request.
    fn cost(&mut self, request: &[u8], rounds: usize) -> Result<f64, Failure> {
        let before = self.process.cpu()?;
        let requests = self.client.run(request, rounds)?;
        let used = self.process.cpu()? - before;
        Ok(used as f64 / 1e3 / requests as f64)
    }
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (Some(sidebox), Some(empty)) = (args.next(), args.next()) else {
        return Ok(()); // `cargo bench` and `cargo test --benches` call without arguments
    };
    let folder = std::env::temp_dir().join(format!("sidebox-bench-{}", std::process::id()));
    let measured = measure(&sidebox, &empty, &folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(sidebox: &str, empty: &str, certs: &Path) -> Result<(), Failure> {
    let made = Command::new(sidebox)
        .args(["certs", "--out"])
        .arg(certs)
        .output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    let dialer = Dialer::trusting(&certs.join("ca.crt"))?;
    let burst = memory::Burst::start(Process::sidebox(sidebox, certs, "info")?, &dialer)?;
    let mut empty = Loaded::new(Process::empty(empty, certs)?, &dialer)?;
    let mut shipped = Loaded::new(Process::sidebox(sidebox, certs, "info")?, &dialer)?;
    let mut quiet = Loaded::new(Process::sidebox(sidebox, certs, "off")?, &dialer)?;
    let mut reached = true;
    for case in &CASES {
        let other = if case.logs { &mut shipped } else { &mut quiet };
        reached &= compare(case, &mut empty, other)?;
    }
    reached &= memory::after_load(&shipped.process)?;
    reached &= burst.finish()?;
    if !reached {
        return Err("not every figure is reached, see the table".into());
    }
    Ok(())
}

/// Whether the ratio is reached.
fn compare(case: &Case, empty: &mut Loaded, sidebox: &mut Loaded) -> Result<bool, Failure> {
    let file = format!("benches/data/{}.json", case.file);
    let body = std::fs::read(&file).map_err(|error| format!("{file}: {error}"))?;
    let request = request(&body);
    let (mut base, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    empty.cost(&request, case.rounds / 5)?;
    sidebox.cost(&request, case.rounds / 5)?;
    for _ in 0..PAIRS {
        let pair = (
            empty.cost(&request, case.rounds)?,
            sidebox.cost(&request, case.rounds)?,
        );
        base.push(pair.0);
        own.push(pair.1);
        ratios.push(pair.1 / pair.0);
    }
    let ratio = median(&mut ratios);
    let figures = format!(
        "{ratio:.2} ({:.1} µs / {:.1} µs)",
        median(&mut own),
        median(&mut base)
    );
    let most = format!("≤ {}", case.most);
    Ok(row(case.name, &figures, &most, ratio <= case.most))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints one row of the table; whether it is reached.
pub(crate) fn row(measure: &str, figures: &str, target: &str, reached: bool) -> bool {
    let said = if reached { "yes" } else { "**no**" };
    println!("| {measure} | {figures} | {target} | {said} |");
    reached
}
