//! When is a tool that collects asked to stop? By Enter, a signal, or the end of its time.
//!
//! Looked at now and then instead of waited for: nothing here ever blocks. Being put into the background or stopped
//! by Ctrl+Z is refused, since an application whose events nobody reads would be blocked by them; so is the end by a
//! file that has reached its limit, which is an error of writing as any other.

use std::io::{self, IsTerminal, Read, stdin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

/// How often a collecting tool looks.
pub(super) const LOOK: Duration = Duration::from_millis(50);

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The person pressed Enter.
    Enter,
    /// A signal: Ctrl+C, the end of the terminal or of the container.
    Signal,
    /// The time that was given is over.
    Time,
}

/// Everything that can ask.
#[derive(Debug)]
pub(super) struct Stop {
    signals: Signals,
    keys: bool,
    deadline: Option<Instant>,
    single: Option<SingleKeys>,
    paused: bool,
}

impl Stop {
    /// Begins to listen. From now on signals do not end the process by themselves.
    pub(super) fn listen() -> io::Result<Self> {
        let signals = [
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ,
        ];
        Ok(Self {
            signals: Signals::new(signals)?,
            keys: stdin().is_terminal(),
            deadline: None,
            single: None,
            paused: false,
        })
    }

    /// From now on keys count one by one, without Enter: q ends as well, p pauses and r goes on, as in dotnet-counters.
    pub(super) fn take_single_keys(&mut self) {
        if self.keys && is_foreground() {
            self.single = SingleKeys::begin();
        }
    }

    /// Whether keys count one by one.
    pub(super) fn has_single_keys(&self) -> bool {
        self.single.is_some()
    }

    /// Whether the person wants a pause.
    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Asks to stop after this time.
    pub(super) fn after(&mut self, duration: Duration) {
        self.deadline = Instant::now().checked_add(duration);
    }

    /// Who has asked since the last look, if anybody.
    pub(super) fn asked(&mut self) -> Option<Asked> {
        let ending = |signal: i32| [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(&signal);
        if self.signals.pending().any(ending) {
            return Some(Asked::Signal);
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            self.deadline = None;
            return Some(Asked::Time);
        }
        self.key().then_some(Asked::Enter)
    }

    /// Whether a line or a key says so. The terminal of a process in the background belongs to another: not touched.
    fn key(&mut self) -> bool {
        if !self.keys || !is_foreground() || !has_input() {
            return false;
        }
        let mut typed = [0; 256];
        let read = stdin().lock().read(&mut typed);
        self.keys = matches!(read, Ok(1..));
        if self.single.is_none() {
            return self.keys;
        }
        let mut end = false;
        for key in typed.iter().take(read.unwrap_or(0)) {
            match key {
                b'p' | b'P' => self.paused = true,
                b'r' | b'R' => self.paused = false,
                b'q' | b'Q' | b'\n' | b'\r' => end = true,
                _ => {}
            }
        }
        end
    }
}

/// A terminal that gives every key at once and does not show it, until this is dropped.
#[derive(Debug)]
struct SingleKeys(Termios);

impl SingleKeys {
    /// None if the terminal does not do it: then there is Enter.
    fn begin() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut single = before.clone();
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        single.special_codes[SpecialCodeIndex::VMIN] = 1;
        single.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &single).ok()?;
        Some(Self(before))
    }
}

impl Drop for SingleKeys {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

fn is_foreground() -> bool {
    rustix::termios::tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn has_input() -> bool {
    let input = stdin();
    let mut polled = [PollFd::new(&input, PollFlags::IN)];
    matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..))
}

/// Lets signals end the process again, which nobody asks any more whether to stop.
pub(super) fn no_longer() -> io::Result<()> {
    /// What shells say of a process that Ctrl+C has ended.
    const INTERRUPTED: i32 = 130;
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}

/// Reads a duration: `[DD:]HH:MM:SS` as Microsoft's tools have it, or `90s`, `5m`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("{text:?} is no duration, expected DD:HH:MM:SS, HH:MM:SS, 90s, 5m or 2h");
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let with_unit = units
        .iter()
        .find_map(|(sign, seconds)| Some((text.strip_suffix(*sign)?, *seconds)));
    let seconds = if let Some((number, unit)) = with_unit {
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
    } else {
        clock(text)
    };
    seconds
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(expected)
}

fn clock(text: &str) -> Option<u64> {
    let parts: Option<Vec<u64>> = text
        .split([':', '.'])
        .map(|part| part.parse().ok())
        .collect();
    let (days, hours, minutes, seconds) = match parts?[..] {
        [days, hours, minutes, seconds] => (days, hours, minutes, seconds),
        [hours, minutes, seconds] => (0, hours, minutes, seconds),
        _ => return None,
    };
    let fits = days < 100_000 && hours < 24 && minutes < 60 && seconds < 60;
    fits.then_some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_and_scripts_write_them() {
        let rows = [
            ("00:00:10", Some(10)),
            ("00:00:01:30", Some(90)),
            ("1.02:00:00", Some(26 * 3600)),
            ("90s", Some(90)),
            ("5m", Some(300)),
            ("2h", Some(7200)),
            ("30", None),
            ("00:00:00", None),
            ("00:61:00", None),
            ("10:30", None),
            ("-5s", None),
            ("99999999999999999999h", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(
                duration(text).ok(),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
