//! `sidebox counters monitor`: the values of now as a table, redrawn in place where a person watches.

use std::io::{self, IsTerminal, Write, stdout};
use std::process::ExitCode;

use clap::Args;

use super::watch::{Outcome, Sink, watch};
use super::wish::{WishArgs, costs};
use crate::cli::tools::output::{note, printable, without_reader};
use crate::cli::tools::place::Place;
use crate::cli::tools::target::Target;
use crate::diagnostics::counters::{Look, Screen, Update, Wish};
use crate::diagnostics::nettrace::NettraceError;

pub(super) const EXAMPLES: &str = concat!(
    costs!(),
    "
Keys on a terminal: q or Enter ends, p pauses, r goes on. Where there is no terminal each interval is a table of its own.

Examples:
  sidebox counters monitor
  sidebox counters monitor -p 7,8 --counters System.Runtime[cpu-usage,working-set]
  sidebox counters monitor --all --refresh-interval 5 --showDeltas

Exit codes:
  0  watched until it was told to stop
  1  all applications ended before, or there is nothing to watch"
);

/// The flags of `counters monitor`, named as those of dotnet-counters.
#[derive(Debug, Args)]
pub(super) struct MonitorArgs {
    #[command(flatten)]
    wish: WishArgs,
    /// Also show the change since the value before
    #[arg(long = "showDeltas", alias = "show-deltas")]
    show_deltas: bool,
}

/// Watches.
pub(super) fn run(args: &MonitorArgs) -> anyhow::Result<ExitCode> {
    let targets = args.wish.targets.find(&Place::of_process())?;
    let wish = args.wish.wish();
    let mut stop = args.wish.stop()?;
    let sessions = args.wish.sessions(&wish, &targets)?;
    let mut view = View::new(&targets, &wish, args.show_deltas, stop.has_single_keys());
    let outcome = watch(sessions, &wish, &mut stop, &mut view);
    drop(stop);
    view.close()?;
    let Outcome { ended, .. } = outcome?;
    Ok(if ended == targets.len() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What is shown, and where.
struct View {
    screen: Screen,
    /// What tells processes apart; empty where there is one.
    names: Vec<String>,
    status: String,
    deltas: bool,
    terminal: Option<Terminal>,
    changed: bool,
    /// Looks since something came.
    quiet: u32,
    /// What was said meanwhile; shown below the table, the last ones alone.
    notes: Vec<String>,
}

impl View {
    fn new(targets: &[Target], wish: &Wish, deltas: bool, keys: bool) -> Self {
        let name = |target: &Target| format!("{} (process {})", target.name(), target.pid);
        let mut names: Vec<_> = targets.iter().map(name).collect();
        let status = match &mut names[..] {
            [one] => std::mem::take(one),
            all => format!("{} processes", all.len()),
        };
        let end = if keys {
            "q ends, p pauses, r goes on"
        } else {
            "Ctrl+C ends"
        };
        Self {
            screen: Screen::default(),
            names,
            status: format!("{status}, every {} s   {end}", wish.interval),
            deltas,
            terminal: stdout().is_terminal().then(Terminal::begin),
            changed: true,
            quiet: 0,
            notes: Vec::new(),
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (width, height) = match &self.terminal {
            Some(_) => Terminal::size(),
            None => (120, usize::MAX),
        };
        let look = Look {
            width,
            height: height.saturating_sub(self.notes.len()).max(1),
            deltas: self.deltas,
        };
        let mut lines = self.screen.lines(&self.status, look);
        let notes = self.notes.iter();
        lines.extend(notes.map(|text| text.chars().take(width).collect()));
        match &self.terminal {
            Some(_) => Terminal::draw(&lines),
            None if self.screen.is_empty() => Ok(()),
            None => print(&lines),
        }
    }

    fn say(&mut self, text: &str) {
        const MOST: usize = 3;
        if self.terminal.is_none() {
            return note(text);
        }
        if self.notes.len() == MOST {
            self.notes.remove(0);
        }
        self.notes.push(printable(text));
        self.changed = true;
    }

    /// Gives the terminal back, and leaves the last values on it.
    fn close(mut self) -> io::Result<()> {
        let watched = self.terminal.take().is_some();
        if self.screen.is_empty() {
            self.notes.iter().for_each(|text| note(text));
        }
        if watched || self.changed {
            return self.draw().or_else(without_reader);
        }
        Ok(())
    }
}

impl Sink for View {
    fn take(&mut self, process: usize, update: Update) -> anyhow::Result<()> {
        self.quiet = 0;
        let name = self.names.get(process).cloned().unwrap_or_default();
        match update {
            Update::Rows(rows) => {
                for row in rows {
                    self.screen.take(&name, &row);
                }
                self.changed = true;
            }
            Update::Note(text) | Update::Refused(text) if name.is_empty() => self.say(&text),
            Update::Note(text) | Update::Refused(text) => self.say(&format!("{name}: {text}")),
        }
        Ok(())
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        /// Values of one interval come within this many looks: a table that stays must not have a part of them.
        const WHOLE: u32 = 4;
        self.quiet += 1;
        let whole = self.terminal.is_some() || self.quiet >= WHOLE;
        if whole && std::mem::take(&mut self.changed) {
            self.draw().or_else(without_reader)?;
        }
        Ok(())
    }

    fn ended(&mut self, process: usize, error: Option<NettraceError>) {
        let name = self.names.get(process).cloned().unwrap_or_default();
        let who = if name.is_empty() {
            "the process"
        } else {
            &name
        };
        let told = match error {
            None => format!("{who} has ended, or somebody stopped this session"),
            Some(error) => format!("{who}: {error}"),
        };
        if !name.is_empty() {
            self.screen.forget(&name);
        }
        self.say(&told);
    }
}

/// A table for whoever reads lines.
fn print(lines: &[String]) -> io::Result<()> {
    let mut text = lines.join("\n");
    text.push_str("\n\n");
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The other page of a terminal, until this is dropped.
struct Terminal;

impl Terminal {
    fn begin() -> Self {
        Self::write("\x1b[?1049h\x1b[?25l");
        Self
    }

    /// Columns and lines; some terminals do not know theirs.
    fn size() -> (usize, usize) {
        match rustix::termios::tcgetwinsize(stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            Ok(_) | Err(_) => (80, 24),
        }
    }

    /// Writes over what is there, line by line: nothing flickers.
    fn draw(lines: &[String]) -> io::Result<()> {
        let mut page = String::from("\x1b[H");
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                page.push_str("\r\n");
            }
            page.push_str(line);
            page.push_str("\x1b[K");
        }
        page.push_str("\x1b[J");
        let mut out = stdout().lock();
        out.write_all(page.as_bytes())?;
        out.flush()
    }

    fn write(text: &str) {
        let mut out = stdout().lock();
        // A terminal that is gone needs nothing.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        Self::write("\x1b[?25h\x1b[?1049l");
    }
}
