//! What a Pod or a Namespace can say: one table of annotations, and what was asked with them.
//!
//! The parser, `explain`, `docs/annotations.md` and the tests read [`TABLE`]. This file does not
//! know what is done with an ask.

mod table;

use std::borrow::Cow;

use super::finding::Finding;
use super::image::ImageRef;
use super::names::distance;
use super::pod::{Text, Value};
use super::quantity::Quantity;
use super::settings::DataKind;
pub use table::{Row, Scope, TABLE};

/// What every key of Sidebox starts with.
pub const PREFIX: &str = "sidebox.dev/";

/// How the toolbox reaches the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Shared temporary folder and shared process namespace.
    TmpAndPid,
    /// Shared process namespace; the socket is reached through `/proc/PID/root`.
    PidOnly,
    /// Shared temporary folder.
    TmpOnly,
    /// The runtime connects to a socket of the toolbox.
    Port,
}

impl Mode {
    /// The word used in annotations, status and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TmpAndPid => "tmp-and-pid",
            Self::PidOnly => "pid-only",
            Self::TmpOnly => "tmp-only",
            Self::Port => "port",
        }
    }
}

/// Where the toolbox stands in the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Last of `containers`.
    Container,
    /// Last of `initContainers`, with `restartPolicy: Always`.
    Native,
}

impl Placement {
    /// The word used in annotations, status and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Native => "native",
        }
    }

    /// The list of the Pod's spec that the toolbox is added to.
    pub const fn list(self) -> &'static str {
        match self {
            Self::Container => "containers",
            Self::Native => "initContainers",
        }
    }
}

/// What `mode` or `placement` can ask: a value, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto<T> {
    /// Sidebox chooses.
    Auto,
    /// Exactly this.
    Exactly(T),
}

/// What `run-as-user` can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAsk {
    /// This uid.
    Uid(i64),
    /// uid 0.
    Root,
    /// Leave it to the platform.
    Unset,
}

/// What the runtime writes when the application crashes; the numbers are those of
/// `DOTNET_DbgMiniDumpType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashDumps {
    /// Nothing: the default.
    Off,
    /// Stacks.
    Mini,
    /// Stacks and heap.
    Heap,
    /// As `mini`, without personal data.
    Triage,
    /// All memory.
    Full,
}

impl CrashDumps {
    /// Value of `DOTNET_DbgMiniDumpType`; none when off.
    pub const fn dump_type(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Mini => Some("1"),
            Self::Heap => Some("2"),
            Self::Triage => Some("3"),
            Self::Full => Some("4"),
        }
    }
}

/// Everything that one object asked; what it did not mention is none.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "one field for each row of the table, which says what it is"
)]
pub struct Asks<'a> {
    pub inject: Option<bool>,
    pub container: Option<Cow<'a, str>>,
    pub mode: Option<Auto<Mode>>,
    pub placement: Option<Auto<Placement>>,
    pub image: Option<ImageRef>,
    pub user: Option<UserAsk>,
    pub cpu_request: Option<Quantity>,
    pub cpu_limit: Option<Quantity>,
    pub memory_request: Option<Quantity>,
    pub memory_limit: Option<Quantity>,
    pub data: Option<DataKind>,
    pub claim: Option<Cow<'a, str>>,
    pub crash_dumps: Option<CrashDumps>,
}

/// Where a set of annotations was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// On the Pod (template).
    Pod,
    /// On the Namespace.
    Namespace,
}

/// The asks of one object, and what is wrong with them.
#[derive(Debug, Clone, Default)]
pub struct Read<'a> {
    /// What could be read.
    pub asks: Asks<'a>,
    /// The first key whose value could not be read; on a Pod it stops the injection.
    pub invalid: Option<Finding>,
    /// Unknown and misplaced keys; on a Namespace bad values too.
    pub notes: Vec<Finding>,
}

/// Notes on one object's annotations; a Pod may carry tens of thousands of unknown keys.
const NOTES_MAX: usize = 8;

/// Reads the `sidebox.dev/` annotations of one object: pairs of key (after the prefix) and value.
pub fn read<'a>(source: Source, pairs: &[(Text<'a>, Value<'a>)]) -> Read<'a> {
    let mut read = Read::default();
    for (name, value) in pairs {
        match TABLE.iter().find(|row| row.name == &**name) {
            None if read.notes.len() < NOTES_MAX => read.notes.push(unknown(name)),
            None => {}
            Some(row) if source == Source::Namespace && row.scope == Scope::Pod => {
                read.notes.push(Finding::AnnotationMisplaced {
                    key: format!("{PREFIX}{name}"),
                    on: "a Namespace".into(),
                    belongs: "the Pod template; a Namespace takes it as a label",
                });
            }
            Some(row) => read_one(&mut read, source, row, value),
        }
    }
    read
}

fn read_one<'a>(read: &mut Read<'a>, source: Source, row: &Row, value: &Value<'a>) {
    let (text, why) = match value {
        Value::Text(text) if (row.read)(&mut read.asks, text) => return,
        Value::Text(text) => (text.0.clone().into_owned(), row.expected.to_owned()),
        Value::Null => (String::new(), row.expected.to_owned()),
        Value::NotAString(text) => (text.clone(), format!("a string: write \"{text}\"")),
    };
    let key = format!("{PREFIX}{}", row.name);
    match source {
        Source::Pod => {
            read.invalid.get_or_insert(Finding::InvalidAnnotation {
                key,
                value: text,
                expected: why,
            });
        }
        Source::Namespace => {
            read.notes.push(Finding::InvalidNamespaceAnnotation {
                key,
                value: text,
                expected: why,
            });
        }
    }
}

fn unknown(name: &str) -> Finding {
    // No key is longer: what follows could only cost time.
    let given: String = name.chars().take(64).collect();
    let nearest = TABLE
        .iter()
        .min_by_key(|row| distance(row.name, &given))
        .map_or("inject", |row| row.name);
    Finding::UnknownAnnotation {
        key: format!("{PREFIX}{name}"),
        nearest: format!("{PREFIX}{nearest}"),
    }
}

impl Asks<'_> {
    /// What holds for a Pod: its own word, else its namespace's.
    #[must_use]
    pub fn over(self, namespace: &Self) -> Self {
        Self {
            inject: self.inject,
            container: self.container.or_else(|| namespace.container.clone()),
            mode: self.mode.or(namespace.mode),
            placement: self.placement.or(namespace.placement),
            image: self.image.or_else(|| namespace.image.clone()),
            user: self.user.or(namespace.user),
            cpu_request: self.cpu_request.or_else(|| namespace.cpu_request.clone()),
            cpu_limit: self.cpu_limit.or_else(|| namespace.cpu_limit.clone()),
            memory_request: self
                .memory_request
                .or_else(|| namespace.memory_request.clone()),
            memory_limit: self.memory_limit.or_else(|| namespace.memory_limit.clone()),
            data: self.data.or(namespace.data),
            claim: self.claim.or_else(|| namespace.claim.clone()),
            crash_dumps: self.crash_dumps.or(namespace.crash_dumps),
        }
    }
}

/// `sidebox.dev/` annotations on a workload's own metadata, where nothing reads them.
pub fn misplaced<'p>(keys: impl Iterator<Item = &'p str>, workload: &str) -> Vec<Finding> {
    let ours = keys.filter(|key| {
        key.strip_prefix(PREFIX)
            .is_some_and(|name| TABLE.iter().any(|row| row.name == name))
    });
    ours.map(|key| Finding::AnnotationMisplaced {
        key: key.to_owned(),
        on: workload.to_owned(),
        belongs: "the Pod template",
    })
    .collect()
}
