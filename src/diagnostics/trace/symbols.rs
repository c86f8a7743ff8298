//! Which method is at an address? From what the runtime writes of its methods and modules: of those that it loads
//! meanwhile at once, of all others at the end of a session.
//!
//! Must not know what the addresses are for. (Layouts: dotnet/runtime, ClrEtwAll.man.)

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::TraceError;
use crate::diagnostics::nettrace::Event;
use crate::diagnostics::payload::{Payload, PayloadError};

/// The runtime's own events.
pub(super) const RUNTIME: &str = "Microsoft-Windows-DotNETRuntime";
/// What the runtime writes at the end of a session.
const RUNDOWN: &str = "Microsoft-Windows-DotNETRuntimeRundown";
/// Bytes of names that are kept; an application of 200,000 methods has some 30 MB.
pub(super) const MOST: usize = 256 << 20;

/// A method's body; a method may have several, at other addresses.
#[derive(Debug)]
struct Body {
    start: u64,
    size: u32,
    /// Where the name lies in the text.
    name: (u32, u32),
    module: u64,
}

/// Methods and modules so far.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    bodies: Vec<Body>,
    modules: HashMap<u64, Box<str>>,
    text: String,
    weight: usize,
    complete: bool,
}

/// A method that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method(usize);

impl Symbols {
    /// Whether the runtime has said that it named all.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many bodies there are.
    pub(super) fn count(&self) -> usize {
        self.bodies.len()
    }

    /// Takes an event; those of other kinds are passed over, and so is one that cannot be read.
    ///
    /// # Errors
    /// More names than are kept.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), TraceError> {
        let kind = event.kind;
        let mut payload = Payload::new(event.payload);
        // A method without a name is a gap in a report; the rest of the trace is worth having all the same.
        let _ = match (&*kind.provider, kind.id) {
            (RUNDOWN, 143 | 144) | (RUNTIME, 143) => self.method(&mut payload),
            (RUNDOWN, 153 | 154) | (RUNTIME, 152 | 153) => self.module(&mut payload, 16),
            (RUNDOWN, 151 | 152) | (RUNTIME, 151) => self.module(&mut payload, 24),
            (RUNDOWN, 146) => {
                self.complete = true;
                Ok(())
            }
            _ => Ok(()),
        };
        if self.weight > MOST {
            return Err(TraceError::Names { limit: MOST });
        }
        Ok(())
    }

    fn method(&mut self, from: &mut Payload<'_>) -> Result<(), PayloadError> {
        from.u64("the id of a method")?;
        let module = from.u64("the module of a method")?;
        let start = from.u64("the address of a method")?;
        let size = from.u32("the size of a method")?;
        from.u32("the token of a method")?;
        from.u32("the flags of a method")?;
        let holder = from.text("the type of a method")?;
        let name = from.text("the name of a method")?;
        let signature = from.text("the signature of a method")?;
        // The signature begins with the type of the result, which names leave out.
        let arguments = signature.find('(').map_or("", |at| &signature[at..]);
        let begin = self.text.len();
        for part in [&holder, ".", &name, arguments] {
            self.text.push_str(part);
        }
        let length = self.text.len() - begin;
        self.weight += length + size_of::<Body>();
        // The text is far shorter than 4 GiB: see MOST, and an event has 64 KiB.
        if let (Ok(begin), Ok(length)) = (u32::try_from(begin), u32::try_from(length)) {
            self.bodies.push(Body {
                start,
                size,
                name: (begin, length),
                module,
            });
        }
        Ok(())
    }

    /// Takes the path of a module, which is behind its id and so many bytes. The first one of an id holds.
    fn module(&mut self, from: &mut Payload<'_>, between: usize) -> Result<(), PayloadError> {
        let id = from.u64("the id of a module")?;
        from.bytes(between, "the ids and flags of a module")?;
        let path = from.text("the path of a module")?;
        if let Entry::Vacant(entry) = self.modules.entry(id) {
            let name = stem(&path);
            self.weight += name.len() + size_of::<(u64, Box<str>)>();
            entry.insert(name.into());
        }
        Ok(())
    }

    /// Prepares for questions, when all events were taken. Of two bodies at one address the later one holds.
    pub(super) fn sort(&mut self) {
        self.bodies.reverse();
        self.bodies.sort_by_key(|body| body.start);
        self.bodies.dedup_by_key(|body| body.start);
        self.bodies.shrink_to_fit();
    }

    /// The method at an address.
    pub(super) fn find(&self, address: u64) -> Option<Method> {
        let after = self.bodies.partition_point(|body| body.start <= address);
        let at = after.checked_sub(1)?;
        let body = self.bodies.get(at)?;
        (address - body.start < u64::from(body.size)).then_some(Method(at))
    }

    /// The number of a method, below [`Self::count`].
    pub(super) fn number(method: Method) -> usize {
        method.0
    }

    /// A method's name as dotnet-trace writes it: `Module!Type.Method(arguments)`.
    pub(super) fn name(&self, method: Method) -> String {
        let Some(body) = self.bodies.get(method.0) else {
            return UNKNOWN.to_owned();
        };
        let (start, length) = (body.name.0 as usize, body.name.1 as usize);
        let name = self.text.get(start..start + length).unwrap_or_default();
        let module = self.modules.get(&body.module).map_or("?", |name| &**name);
        format!("{module}!{name}")
    }
}

/// What stands for a method that is not known.
pub(super) const UNKNOWN: &str = "?!?";

/// The name of a file without its folders and its last extension.
pub(super) fn stem(path: &str) -> &str {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}
