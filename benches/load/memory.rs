//! How much memory does the server keep, once what it was busy with is over?

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::child::Process;
use super::client::{Dialer, answer, request};
use super::{Failure, row};

const BODIES: usize = 64;
const BODY_BYTES: usize = 3 << 20;
/// From the last answer to the look at what is left.
const REST: Duration = Duration::from_mins(1);
/// Of the figure after load, in KiB.
const MOST: u64 = 10 << 10;

/// A server that got many big bodies at once and now rests.
pub(crate) struct Burst {
    process: Process,
    idle: u64,
    answered: usize,
    peak: u64,
    ended: Instant,
}

impl Burst {
    /// Sends the bodies, all at once.
    pub(crate) fn start(process: Process, dialer: &Dialer) -> Result<Self, Failure> {
        // One connection: it says that the server is up, and warms up nothing else.
        drop(dialer.dial(process.addr)?);
        thread::sleep(Duration::from_secs(1));
        let idle = process.resident()?;
        let request = request(&big());
        let sent: Vec<u16> = thread::scope(|scope| {
            let all: Vec<_> = (0..BODIES)
                .map(|_| scope.spawn(|| send(dialer, &process, &request)))
                .collect();
            all.into_iter().filter_map(|one| one.join().ok()).collect()
        });
        Ok(Self {
            peak: process.resident()?,
            process,
            idle,
            answered: sent.iter().filter(|&&status| status == 200).count(),
            ended: Instant::now(),
        })
    }

    /// Waits for the rest of the minute and looks; whether the ratio is reached.
    pub(crate) fn finish(self) -> Result<bool, Failure> {
        thread::sleep(REST.saturating_sub(self.ended.elapsed()));
        let rested = self.process.resident()?;
        let ratio = rested as f64 / self.idle as f64;
        let figures = format!(
            "{ratio:.2} ({:.1} MiB / {:.1} MiB idle; {} of {BODIES} answered, the others turned away; \
             {:.1} MiB right after)",
            mib(rested),
            mib(self.idle),
            self.answered,
            mib(self.peak)
        );
        Ok(row(
            "resident memory 60 s after 64 bodies of 3 MB at once, relative to idle",
            &figures,
            "≤ 1.5",
            ratio <= 1.5,
        ))
    }
}

/// The memory of a server that has just served a load; whether it is reached.
pub(crate) fn after_load(process: &Process) -> Result<bool, Failure> {
    let kib = process.resident()?;
    let figures = format!("{:.1} MiB", mib(kib));
    let reached = kib <= MOST;
    Ok(row(
        "resident memory after load",
        &figures,
        "≤ 10 MiB",
        reached,
    ))
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The status of one big request; 0 if the server closed while it was being sent.
fn send(dialer: &Dialer, process: &Process, request: &[u8]) -> u16 {
    let Ok(mut stream) = dialer.dial(process.addr) else {
        return 0;
    };
    let mut buffer = vec![0; 64 << 10];
    let _cut_off = stream.write_all(request).and_then(|()| stream.flush());
    answer(&mut stream, &mut buffer).unwrap_or(0)
}

/// A review of a Pod with a great many variables, as many as are read.
fn big() -> Vec<u8> {
    let variable = r#"{"name":"SOME_VARIABLE","value":"some value that means nothing to anybody, of the length of an address with a port and a path"}"#;
    let mut env = variable.to_owned();
    while env.len() < BODY_BYTES {
        env.push(',');
        env.push_str(variable);
    }
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"1","kind":{{"group":"","version":"v1","kind":"Pod"}},"namespace":"shop","operation":"CREATE","object":{{"metadata":{{"name":"big","annotations":{{"sidebox.dev/inject":"true"}}}},"spec":{{"containers":[{{"name":"app","image":"shop:1","env":[{env}]}}]}}}}}}}}"#
    )
    .into_bytes()
}
