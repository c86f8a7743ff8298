//! What a Pod or a Namespace can say: one table of annotations, and what was asked with them.
//!
//! The parser, `explain`, `docs/annotations.md` and the tests read [`TABLE`]. This file does not
//! know what is done with an ask.

use std::borrow::Cow;

use super::finding::Finding;
use super::image::ImageRef;
use super::pod::{Text, Value};
use super::quantity::Quantity;

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

/// Where `/data` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// A PersistentVolumeClaim.
    Claim,
    /// An emptyDir, which ends with the Pod.
    EmptyDir,
    /// No `/data`.
    None,
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
#[expect(missing_docs, reason = "one field for each row of the table, which says what it is")]
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

/// Where an annotation may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On the Pod template alone.
    Pod,
    /// On the Pod template; on a Namespace as default for its Pods.
    PodAndNamespace,
}

/// One annotation: a row of the table.
pub struct Row {
    /// The key after [`PREFIX`].
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// The values it takes, as documents show them.
    pub values: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What a bad value should have been, for errors.
    pub expected: &'static str,
    /// Reads the value into its field; false if it is none of [`Row::values`].
    read: for<'a> fn(&mut Asks<'a>, &Text<'a>) -> bool,
}

/// Every annotation there is, in the order of the documentation.
pub const TABLE: &[Row] = &[
    Row {
        name: "inject",
        scope: Scope::Pod,
        values: "`true`, `false`",
        default: "the namespace's label, then the cluster setting `injection`",
        doc: "Asks for the toolbox, or refuses it whoever else asks.",
        expected: "\"true\" or \"false\"",
        read: |asks, text| set(&mut asks.inject, boolean(text)),
    },
    Row {
        name: "container",
        scope: Scope::PodAndNamespace,
        values: "a container's name",
        default: "the only container; else `kubectl.kubernetes.io/default-container`; else the \
                  first that shows .NET; else the first that is not a known proxy",
        doc: "The target: the container that is diagnosed.",
        expected: "the name of a container",
        read: |asks, text| set(&mut asks.container, is_dns_label(text).then(|| text.0.clone())),
    },
    Row {
        name: "mode",
        scope: Scope::PodAndNamespace,
        values: "`auto`, `tmp-and-pid`, `pid-only`, `tmp-only`, `port`",
        default: "`auto`",
        doc: "How the toolbox reaches the runtime. See access-modes.md.",
        expected: "auto, tmp-and-pid, pid-only, tmp-only or port",
        read: |asks, text| set(&mut asks.mode, mode(text)),
    },
    Row {
        name: "placement",
        scope: Scope::PodAndNamespace,
        values: "`auto`, `container`, `native`",
        default: "`auto`: `native` when the Pod's restartPolicy is not Always, else `container`",
        doc: "Last of `containers`, or a native sidecar (last of `initContainers`), beside which Jobs end.",
        expected: "auto, container or native",
        read: |asks, text| set(&mut asks.placement, placement(text)),
    },
    Row {
        name: "image",
        scope: Scope::PodAndNamespace,
        values: "an image that `toolbox.allowedImages` of the settings allows",
        default: "`toolbox.image` of the settings",
        doc: "The toolbox's image.",
        expected: "an image reference such as registry/path/name:tag",
        read: |asks, text| set(&mut asks.image, ImageRef::parse(text).ok()),
    },
    Row {
        name: "run-as-user",
        scope: Scope::PodAndNamespace,
        values: "a uid, `root`, `unset`",
        default: "the target's runAsUser; else the Pod's; else `toolbox.user` of the settings; \
                  else 1654 where root is not allowed; else root",
        doc: "The toolbox's user. The runtime's socket opens to the application's own uid (or root with DAC_OVERRIDE).",
        expected: "a uid (0 to 2147483647), root or unset",
        read: |asks, text| set(&mut asks.user, user(text)),
    },
    Row {
        name: "cpu-request",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "5m",
        doc: "CPU requested for the toolbox.",
        expected: "a quantity of cpu such as 5m",
        read: |asks, text| set(&mut asks.cpu_request, quantity(text)),
    },
    Row {
        name: "cpu-limit",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "500m",
        doc: "CPU that the toolbox may use.",
        expected: "a quantity of cpu such as 500m",
        read: |asks, text| set(&mut asks.cpu_limit, quantity(text)),
    },
    Row {
        name: "memory-request",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "32Mi",
        doc: "Memory requested for the toolbox.",
        expected: "a quantity of memory such as 32Mi",
        read: |asks, text| set(&mut asks.memory_request, quantity(text)),
    },
    Row {
        name: "memory-limit",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "256Mi",
        doc: "Memory that the toolbox may use.",
        expected: "a quantity of memory such as 256Mi",
        read: |asks, text| set(&mut asks.memory_limit, quantity(text)),
    },
    Row {
        name: "data",
        scope: Scope::PodAndNamespace,
        values: "`claim`, `empty-dir`, `none`",
        default: "`claim` (`data.kind` of the settings)",
        doc: "Where the toolbox's `/data` comes from.",
        expected: "claim, empty-dir or none",
        read: |asks, text| set(&mut asks.data, data(text)),
    },
    Row {
        name: "claim",
        scope: Scope::PodAndNamespace,
        values: "a PersistentVolumeClaim of the Pod's namespace",
        default: "`monitor-azfiles` (`data.claim` of the settings)",
        doc: "The claim behind `/data`.",
        expected: "the name of a PersistentVolumeClaim",
        read: |asks, text| set(&mut asks.claim, is_dns_subdomain(text).then(|| text.0.clone())),
    },
    Row {
        name: "crash-dumps",
        scope: Scope::PodAndNamespace,
        values: "`off`, `mini`, `heap`, `triage`, `full`",
        default: "`off`",
        doc: "Variables that make the runtime write a dump into the shared temporary folder when the application crashes.",
        expected: "off, mini, heap, triage or full",
        read: |asks, text| set(&mut asks.crash_dumps, crash_dumps(text)),
    },
];

fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn mode(text: &str) -> Option<Auto<Mode>> {
    if text == "auto" {
        return Some(Auto::Auto);
    }
    let all = [Mode::TmpAndPid, Mode::PidOnly, Mode::TmpOnly, Mode::Port];
    all.into_iter().find(|mode| mode.as_str() == text).map(Auto::Exactly)
}

fn placement(text: &str) -> Option<Auto<Placement>> {
    match text {
        "auto" => Some(Auto::Auto),
        "container" => Some(Auto::Exactly(Placement::Container)),
        "native" => Some(Auto::Exactly(Placement::Native)),
        _ => None,
    }
}

/// Largest uid that the API takes.
pub const MAX_UID: i64 = 2_147_483_647;

fn user(text: &str) -> Option<UserAsk> {
    match text {
        "root" => Some(UserAsk::Root),
        "unset" => Some(UserAsk::Unset),
        digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let uid = digits.parse().ok().filter(|uid| *uid <= MAX_UID)?;
            Some(if uid == 0 { UserAsk::Root } else { UserAsk::Uid(uid) })
        }
        _ => None,
    }
}

fn quantity(text: &str) -> Option<Quantity> {
    Quantity::parse(text).ok().filter(|quantity| !quantity.is_negative())
}

fn data(text: &str) -> Option<DataKind> {
    match text {
        "claim" => Some(DataKind::Claim),
        "empty-dir" => Some(DataKind::EmptyDir),
        "none" => Some(DataKind::None),
        _ => None,
    }
}

fn crash_dumps(text: &str) -> Option<CrashDumps> {
    match text {
        "off" => Some(CrashDumps::Off),
        "mini" => Some(CrashDumps::Mini),
        "heap" => Some(CrashDumps::Heap),
        "triage" => Some(CrashDumps::Triage),
        "full" => Some(CrashDumps::Full),
        _ => None,
    }
}

/// Whether `text` is a label as RFC 1123 has it: what the API wants of container and volume names.
pub fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 63
        && !text.is_empty()
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether `text` is a name as RFC 1123 has it: what the API wants of most objects' names.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| part.len() <= 253 && is_dns_part(part))
}

fn is_dns_part(part: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
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

/// Reads the `sidebox.dev/` annotations of one object: pairs of key (after the prefix) and value.
pub fn read<'a>(source: Source, pairs: &[(Text<'a>, Value<'a>)]) -> Read<'a> {
    let mut read = Read::default();
    for (name, value) in pairs {
        match TABLE.iter().find(|row| row.name == &**name) {
            None => read.notes.push(unknown(name)),
            Some(row) if source == Source::Namespace && row.scope == Scope::Pod => {
                read.notes.push(Finding::AnnotationMisplaced {
                    key: format!("annotation {PREFIX}{name}"),
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
            read.invalid.get_or_insert(Finding::InvalidAnnotation { key, value: text, expected: why });
        }
        Source::Namespace => {
            read.notes.push(Finding::InvalidNamespaceAnnotation { key, value: text, expected: why });
        }
    }
}

fn unknown(name: &str) -> Finding {
    let nearest = TABLE.iter().min_by_key(|row| distance(row.name, name)).map_or("inject", |row| row.name);
    Finding::UnknownAnnotation {
        key: format!("{PREFIX}{name}"),
        nearest: format!("{PREFIX}{nearest}"),
    }
}

/// Edit distance (Levenshtein) over bytes of names of bounded length.
pub fn distance(known: &str, given: &str) -> usize {
    let given = given.as_bytes();
    let given = &given[..given.len().min(64)];
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (i, a) in known.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in given.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[given.len()]
}

impl<'a> Asks<'a> {
    /// What holds for a Pod: its own word, else its namespace's.
    #[must_use]
    pub fn over(self, namespace: &Asks<'a>) -> Self {
        Self {
            inject: self.inject,
            container: self.container.or_else(|| namespace.container.clone()),
            mode: self.mode.or(namespace.mode),
            placement: self.placement.or(namespace.placement),
            image: self.image.or_else(|| namespace.image.clone()),
            user: self.user.or(namespace.user),
            cpu_request: self.cpu_request.or_else(|| namespace.cpu_request.clone()),
            cpu_limit: self.cpu_limit.or_else(|| namespace.cpu_limit.clone()),
            memory_request: self.memory_request.or_else(|| namespace.memory_request.clone()),
            memory_limit: self.memory_limit.or_else(|| namespace.memory_limit.clone()),
            data: self.data.or(namespace.data),
            claim: self.claim.or_else(|| namespace.claim.clone()),
            crash_dumps: self.crash_dumps.or(namespace.crash_dumps),
        }
    }
}
