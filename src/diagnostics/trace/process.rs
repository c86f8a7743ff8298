//! Which process was traced? By its number and, at the end of a session, its command line.

use super::symbols::stem;
use crate::diagnostics::nettrace::{Event, Trace};
use crate::diagnostics::payload::Payload;

/// The provider that describes the process.
const PIPE: &str = "Microsoft-DotNETCore-EventPipe";

/// The process that was traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id, in its own namespace.
    pub id: u32,
    /// Bits of an address.
    pub bits: u32,
    /// Its command line; empty if the session was not stopped in order.
    pub command: String,
}

impl Process {
    pub(super) fn new(trace: &Trace) -> Self {
        Self {
            id: trace.process,
            bits: trace.pointer * 8,
            command: String::new(),
        }
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        const PROCESS_INFO: u32 = 1;
        if event.kind.id != PROCESS_INFO || &*event.kind.provider != PIPE {
            return;
        }
        // Without it only the title of a report is poorer.
        if let Ok(command) = Payload::new(event.payload).text("the command line") {
            self.command = command;
        }
    }

    /// As dotnet-trace calls it: the program's name, the id, and what else was typed.
    pub fn title(&self) -> String {
        let (program, rest) = split(&self.command);
        let name = match stem(program) {
            "" => format!("Process({})", self.id),
            name => name.to_owned(),
        };
        let arguments = match rest {
            "" => String::new(),
            rest => format!(" Args: {rest}"),
        };
        format!("Process{} {name} ({}){arguments}", self.bits, self.id)
    }
}

/// The first word, and what comes behind it.
fn split(command: &str) -> (&str, &str) {
    let (first, rest) = command.split_once(' ').unwrap_or((command, ""));
    (first, rest.trim_start())
}
