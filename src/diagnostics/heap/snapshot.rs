//! What was on the heap when it was walked? Gathers the events of one walk; the graph is their sum.
//!
//! The order in which nodes are numbered is that of dotnet-gcdump, so that both write the same file.
//! Knows nothing of sessions; whoever reads the stream says how many events it lost.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::build::{Builder, Full};
use super::events::{self, Object, Root, Start, Static, Type};
use super::graph::Graph;
use super::names;
use super::objects::Objects;
use super::roots::{ALL, Group, Roots};
use crate::diagnostics::payload::{Payload, PayloadError};

/// Ids of the events of provider `Microsoft-Windows-DotNETRuntime` that make a heap.
mod id {
    pub(super) const START: u32 = 1;
    pub(super) const END: u32 = 2;
    pub(super) const TYPES: u32 = 15;
    pub(super) const ROOTS: u32 = 16;
    pub(super) const DEPENDENTS: u32 = 17;
    pub(super) const OBJECTS: u32 = 18;
    pub(super) const EDGES: u32 = 19;
    pub(super) const STATICS: u32 = 38;
}

/// Why a stream gives no heap.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// An event that cannot be read.
    #[error("event {id} of the heap walk cannot be read")]
    Event {
        /// Its id.
        id: u32,
        /// What is wrong with its payload.
        source: PayloadError,
    },
    /// No heap was walked.
    #[error(
        "the stream holds no heap walk: it needs the provider Microsoft-Windows-DotNETRuntime \
         with the keywords 0x1980001 at level 5 from before a full collection on"
    )]
    NoWalk,
    /// The walk began and did not end.
    #[error("the stream ends within the heap walk, after {objects} objects")]
    Unfinished {
        /// How many objects came.
        objects: u64,
    },
    /// Events of the stream were dropped.
    #[error("{events} events of the heap walk were lost: the graph would have holes")]
    Lost {
        /// How many.
        events: u64,
    },
    /// Objects and references do not fit together.
    #[error(
        "the objects have {declared} references and {delivered} came: the graph would have holes"
    )]
    Edges {
        /// How many the objects say they have.
        declared: u64,
        /// How many came.
        delivered: u64,
    },
    /// The heap is beyond the format.
    #[error("the heap is too big for a .gcdump file (2^31 objects, 2 GiB of records)")]
    Full,
    /// The heap does not fit into the memory that it was given.
    #[error(
        "the graph of the heap needs more than {room} bytes of memory: so many after {objects} objects"
    )]
    Room {
        /// What was given.
        room: usize,
        /// How many objects came.
        objects: u64,
    },
}

impl From<Full> for SnapshotError {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

/// Why one event stops the reading of a walk.
enum Stop {
    Payload(PayloadError),
    Full,
}

impl From<PayloadError> for Stop {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

impl From<Full> for Stop {
    fn from(Full: Full) -> Self {
        Self::Full
    }
}

/// How far the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// No collection in which a heap is walked has begun.
    Awaited,
    /// The collection of this number walks the heap.
    Running(u32),
    /// All objects are here; names of modules may follow.
    Done,
}

/// A type as the stream defines it.
struct Defined {
    id: u64,
    module: u64,
    name: Box<str>,
}

/// The events of a heap walk so far.
pub struct Snapshot {
    builder: Builder,
    roots: Roots,
    /// Types in the order of their definition.
    types: Vec<Defined>,
    modules: HashMap<u64, Box<str>>,
    statics: Vec<Static>,
    objects: Objects,
    walk: Walk,
    lost: u64,
    /// Bytes of types, modules and static variables.
    text: usize,
    room: usize,
}

impl Snapshot {
    /// Nothing so far. `room` is the number of bytes that events and graph may take.
    pub fn new(room: usize) -> Self {
        let mut builder = Builder::new();
        let roots = Roots::new(&mut builder);
        Self {
            builder,
            roots,
            types: Vec::new(),
            modules: HashMap::new(),
            statics: Vec::new(),
            objects: Objects::new(),
            walk: Walk::Awaited,
            lost: 0,
            text: 0,
            room,
        }
    }

    /// How far the walk is.
    pub fn walk(&self) -> Walk {
        self.walk
    }

    /// How many objects came so far.
    pub fn objects(&self) -> u64 {
        self.objects.count()
    }

    /// Notes how many events the stream has lost.
    pub fn lost(&mut self, events: u64) {
        self.lost = events;
    }

    /// Notes the path of a module; the first one of an id holds.
    pub fn module(&mut self, id: u64, path: &str) {
        if let Entry::Vacant(entry) = self.modules.entry(id) {
            self.text += path.len() + size_of::<(u64, Box<str>)>();
            entry.insert(path.into());
        }
    }

    /// Takes an event of the provider `Microsoft-Windows-DotNETRuntime`; other ids are passed over.
    ///
    /// # Errors
    /// The payload is not that of the event, or the heap does not fit into the room.
    pub fn event(&mut self, id: u32, payload: &[u8]) -> Result<(), SnapshotError> {
        self.take(id, &mut Payload::new(payload))
            .map_err(|stop| match stop {
                Stop::Payload(source) => SnapshotError::Event { id, source },
                Stop::Full => SnapshotError::Full,
            })?;
        let weight = self.builder.weight() + self.roots.weight();
        if weight + self.objects.weight() + self.text > self.room {
            let (room, objects) = (self.room, self.objects());
            return Err(SnapshotError::Room { room, objects });
        }
        Ok(())
    }

    fn take(&mut self, id: u32, payload: &mut Payload<'_>) -> Result<(), Stop> {
        match (id, self.walk) {
            (id::START, Walk::Awaited) => self.start(payload),
            (id::TYPES, _) => self.define(payload),
            (id::END, Walk::Running(count)) => self.end(count, payload),
            (id::ROOTS, Walk::Running(_)) => self.root(payload),
            (id::DEPENDENTS, Walk::Running(_)) => self.depend(payload),
            (id::OBJECTS, Walk::Running(_)) => self.add(payload),
            (id::EDGES, Walk::Running(_)) => self.connect(payload),
            (id::STATICS, Walk::Running(_)) => self.remember(payload),
            _ => Ok(()),
        }
    }

    fn start(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        let start = Start::read(payload)?;
        if start.may_walk() {
            self.walk = Walk::Running(start.count);
        }
        Ok(())
    }

    fn end(&mut self, running: u32, payload: &mut Payload<'_>) -> Result<(), Stop> {
        if payload.u32("the number of the collection")? != running {
            return Ok(());
        }
        // The application may ask for a full collection too: no heap is walked in that.
        let walked = self.objects.count() > 0;
        self.walk = if walked { Walk::Done } else { Walk::Awaited };
        Ok(())
    }

    fn define(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        let count = payload.u32("the number of types")?;
        payload.u16("the number of the runtime")?;
        for _ in 0..count {
            let kind = Type::read(payload)?;
            let name = names::shown(&kind.name, kind.token, kind.flags);
            self.text += name.len() + size_of::<Defined>();
            self.types.push(Defined {
                id: kind.id,
                module: kind.module,
                name: name.into(),
            });
        }
        Ok(())
    }

    fn group(&mut self, within: Group, name: &str) -> Result<Group, Full> {
        self.roots.group(&mut self.builder, within, name)
    }

    fn root(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        self.group(ALL, "[static vars]")?;
        for _ in 0..events::bulk(payload)? {
            let root = Root::read(payload)?;
            self.roots.root(&mut self.builder, &root)?;
        }
        Ok(())
    }

    fn depend(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        let other = self.group(ALL, "[other roots]")?;
        let group = self.group(other, "[Dependent Handles]")?;
        for _ in 0..events::bulk(payload)? {
            if let Some(value) = events::dependent(payload)? {
                self.roots.hold(&mut self.builder, group, value)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        for _ in 0..events::bulk(payload)? {
            self.objects.add(&Object::read(payload)?);
        }
        Ok(())
    }

    fn connect(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        for _ in 0..events::bulk(payload)? {
            self.objects.connect(events::edge(payload)?);
        }
        Ok(())
    }

    fn remember(&mut self, payload: &mut Payload<'_>) -> Result<(), Stop> {
        let count = payload.u32("the number of static variables")?;
        payload.u64("the domain of static variables")?;
        payload.u16("the number of the runtime")?;
        for _ in 0..count {
            let variable = Static::read(payload)?;
            self.text += variable.field.len() + size_of::<Static>();
            self.statics.push(variable);
        }
        Ok(())
    }

    /// The whole heap, or why it would not be whole.
    ///
    /// # Errors
    /// The walk did not happen or did not end, events were lost, or the heap is beyond the format.
    pub fn graph(self) -> Result<Graph, SnapshotError> {
        self.whole()?;
        self.assembled()
    }

    fn whole(&self) -> Result<(), SnapshotError> {
        let objects = self.objects();
        let (declared, delivered) = self.objects.references();
        match self.walk {
            Walk::Awaited => Err(SnapshotError::NoWalk),
            _ if self.lost > 0 => Err(SnapshotError::Lost { events: self.lost }),
            Walk::Running(_) => Err(SnapshotError::Unfinished { objects }),
            Walk::Done if declared != delivered => Err(SnapshotError::Edges {
                declared,
                delivered,
            }),
            Walk::Done => Ok(()),
        }
    }

    /// Types first, then what static variables hold, the objects as they were walked, the groups of
    /// roots: the order decides every index.
    fn assembled(mut self) -> Result<Graph, SnapshotError> {
        let defined = self.defined()?;
        self.group(ALL, "[COM/WinRT Objects]")?;
        let shared = self.group(ALL, "[static vars]")?;
        for variable in std::mem::take(&mut self.statics) {
            let within = if variable.of_thread {
                self.group(ALL, "[thread static vars]")?
            } else {
                shared
            };
            let name = self.name(&defined, variable.kind);
            let name = format!("[static var {name}.{}]", variable.field);
            self.text += name.len();
            if self.text > self.room {
                let (room, objects) = (self.room, self.objects());
                return Err(SnapshotError::Room { room, objects });
            }
            let group = self.group(within, &name)?;
            self.roots.hold(&mut self.builder, group, variable.object)?;
        }
        self.objects.describe(&mut self.builder, defined)?;
        let root = self.roots.finish(&mut self.builder)?;
        Ok(self.builder.finish(root))
    }

    /// Makes the types of the stream; the last definition of an id holds.
    fn defined(&mut self) -> Result<HashMap<u64, i32>, Full> {
        let mut defined = HashMap::new();
        for kind in std::mem::take(&mut self.types) {
            let module = self.modules.entry(kind.module);
            let module = module.or_insert_with(|| format!("Module(0x{:x})", kind.module).into());
            defined.insert(kind.id, self.builder.named(&kind.name, Some(module))?);
        }
        Ok(defined)
    }

    fn name(&self, defined: &HashMap<u64, i32>, id: u64) -> String {
        let kind = defined.get(&id);
        match kind.and_then(|kind| self.builder.kind_at(*kind)) {
            Some(kind) => kind.name.to_string(),
            None => format!("Type(0x{id:x})"),
        }
    }
}
