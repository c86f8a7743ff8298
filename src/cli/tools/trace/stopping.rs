//! Which event ends a trace? `--stopping-event-*`, compared as dotnet-trace does: by the names that people see in its
//! reports.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use clap::Args;

use super::profiles::RUNTIME;
use crate::diagnostics::nettrace::{Event, Value};
use crate::diagnostics::{Payload, PayloadError};

/// The options, each of which needs the one before.
#[derive(Debug, Args)]
pub(super) struct StoppingArgs {
    /// End the trace with the first event of this provider
    #[arg(long = "stopping-event-provider-name", value_name = "PROVIDER")]
    provider: Option<String>,
    /// … that has this name, for example Method/JittingStarted or, without a known name, EventID(80)
    #[arg(
        long = "stopping-event-event-name",
        value_name = "EVENT",
        requires = "provider"
    )]
    event: Option<String>,
    /// … and these values: FIELD:VALUE, separated by commas
    #[arg(
        long = "stopping-event-payload-filter",
        value_name = "FILTER",
        requires = "event"
    )]
    filter: Option<String>,
}

/// The event that ends a trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stopping {
    provider: String,
    event: Option<String>,
    filter: Vec<(String, String)>,
}

impl StoppingArgs {
    /// What was asked; none if nothing was.
    pub(super) fn read(&self) -> anyhow::Result<Option<Stopping>> {
        let Some(provider) = &self.provider else {
            return Ok(None);
        };
        let pairs = self
            .filter
            .iter()
            .flat_map(|filter| filter.split(','))
            .filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (field, value) = pair.split_once(':').with_context(|| {
                format!("--stopping-event-payload-filter {pair}: expected FIELD:VALUE")
            })?;
            anyhow::Ok((field.trim().to_owned(), value.trim().to_owned()))
        };
        let filter = pairs.map(pair).collect::<anyhow::Result<Vec<_>>>()?;
        if let Some((field, _)) = filter.iter().find(|(field, _)| field.is_empty()) {
            bail!("--stopping-event-payload-filter {field}: expected FIELD:VALUE");
        }
        Ok(Some(Stopping {
            provider: provider.clone(),
            event: self.event.clone(),
            filter,
        }))
    }
}

impl Stopping {
    /// Whether this is the event.
    pub(super) fn is(&self, event: &Event<'_>) -> bool {
        *event.kind.provider == *self.provider
            && self.event.as_ref().is_none_or(|name| is_named(event, name))
            && self.has_values(event)
    }

    fn has_values(&self, event: &Event<'_>) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let mut missing: Vec<_> = self.filter.iter().collect();
        let mut take = |field: &str, value: Value| {
            missing.retain(|(wanted, text)| wanted != field || *text != shown(&value));
        };
        // A payload that cannot be read to its end may still have what is asked for.
        let _ = if *event.kind.provider == *RUNTIME {
            own_values(event, &mut take)
        } else {
            event.values(&mut take)
        };
        missing.is_empty()
    }
}

fn is_named(event: &Event<'_>, name: &str) -> bool {
    let kind = event.kind;
    let known = || {
        RUNTIME_EVENTS
            .iter()
            .any(|(id, known)| *id == kind.id && *known == name)
    };
    *kind.name == *name
        || (*kind.provider == *RUNTIME && known())
        || name
            .strip_prefix("EventID(")
            .and_then(|rest| rest.strip_suffix(')'))
            == Some(&kind.id.to_string())
}

/// As .NET writes a value in the invariant culture.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Guid(bytes) => guid(bytes),
    }
}

/// The first three parts are numbers, stored with the lowest byte first.
fn guid(bytes: &[u8; 16]) -> String {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (place, byte) in ORDER.into_iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{:02x}", bytes[byte]);
    }
    text
}

/// The fields of the runtime's own events that are worth waiting for; the runtime does not describe them.
/// (dotnet/runtime, src/coreclr/vm/ClrEtwAll.man)
fn own_values(event: &Event<'_>, take: &mut impl FnMut(&str, Value)) -> Result<(), PayloadError> {
    let fields: &[(&str, Own)] = match event.kind.id {
        1 => &[
            ("Count", Own::Four),
            ("Depth", Own::Four),
            ("Reason", Own::Four),
            ("Type", Own::Four),
        ],
        2 => &[("Count", Own::Four), ("Depth", Own::Four)],
        80 => &[
            ("ExceptionType", Own::Text),
            ("ExceptionMessage", Own::Text),
        ],
        143 | 144 => &[
            ("MethodID", Own::Eight),
            ("ModuleID", Own::Eight),
            ("MethodStartAddress", Own::Eight),
            ("MethodSize", Own::Four),
            ("MethodToken", Own::Four),
            ("MethodFlags", Own::Four),
            ("MethodNamespace", Own::Text),
            ("MethodName", Own::Text),
            ("MethodSignature", Own::Text),
        ],
        145 => &[
            ("MethodID", Own::Eight),
            ("ModuleID", Own::Eight),
            ("MethodToken", Own::Four),
            ("MethodILSize", Own::Four),
            ("MethodNamespace", Own::Text),
            ("MethodName", Own::Text),
            ("MethodSignature", Own::Text),
        ],
        _ => &[],
    };
    let mut payload = Payload::new(event.payload);
    for (name, kind) in fields {
        let value = match kind {
            Own::Four => Value::Unsigned(payload.u32("a field")?.into()),
            Own::Eight => Value::Unsigned(payload.u64("a field")?),
            Own::Text => Value::Text(payload.text("a field")?),
        };
        take(name, value);
    }
    Ok(())
}

/// The form of a field.
#[derive(Debug, Clone, Copy)]
enum Own {
    Four,
    Eight,
    Text,
}

/// Names of the runtime's own events, as Microsoft's tools show them; the stream has only their numbers.
const RUNTIME_EVENTS: &[(u32, &str)] = &[
    (1, "GC/Start"),
    (2, "GC/Stop"),
    (3, "GC/RestartEEStop"),
    (4, "GC/HeapStats"),
    (5, "GC/CreateSegment"),
    (6, "GC/FreeSegment"),
    (7, "GC/RestartEEStart"),
    (8, "GC/SuspendEEStop"),
    (9, "GC/SuspendEEStart"),
    (10, "GC/AllocationTick"),
    (13, "GC/FinalizersStop"),
    (14, "GC/FinalizersStart"),
    (29, "GC/FinalizeObject"),
    (33, "GC/PinObjectAtGCTime"),
    (35, "GC/Triggered"),
    (50, "ThreadPoolWorkerThread/Start"),
    (51, "ThreadPoolWorkerThread/Stop"),
    (54, "ThreadPoolWorkerThreadAdjustment/Sample"),
    (55, "ThreadPoolWorkerThreadAdjustment/Adjustment"),
    (56, "ThreadPoolWorkerThreadAdjustment/Stats"),
    (57, "ThreadPoolWorkerThread/Wait"),
    (80, "Exception/Start"),
    (81, "Contention/Start"),
    (91, "Contention/Stop"),
    (85, "Thread/Creating"),
    (86, "Thread/Running"),
    (141, "Method/Load"),
    (142, "Method/Unload"),
    (143, "Method/LoadVerbose"),
    (144, "Method/UnloadVerbose"),
    (145, "Method/JittingStarted"),
    (152, "Loader/ModuleLoad"),
    (153, "Loader/ModuleUnload"),
    (154, "Loader/AssemblyLoad"),
    (155, "Loader/AssemblyUnload"),
    (156, "Loader/AppDomainLoad"),
    (157, "Loader/AppDomainUnload"),
    (202, "GC/MarkWithType"),
    (250, "ExceptionCatch/Start"),
    (251, "ExceptionCatch/Stop"),
    (252, "ExceptionFinally/Start"),
    (253, "ExceptionFinally/Stop"),
    (254, "ExceptionFilter/Start"),
    (255, "ExceptionFilter/Stop"),
    (256, "Exception/Stop"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        provider: &str,
        event: Option<&str>,
        filter: Option<&str>,
    ) -> anyhow::Result<Option<Stopping>> {
        let args = StoppingArgs {
            provider: Some(provider.to_owned()),
            event: event.map(str::to_owned),
            filter: filter.map(str::to_owned),
        };
        args.read()
    }

    #[test]
    fn a_filter_is_pairs() {
        let stopping = asked("P", Some("E"), Some("A:1, B:x:y,")).unwrap().unwrap();
        let pair = |field: &str, value: &str| (field.to_owned(), value.to_owned());
        assert_eq!(stopping.filter, [pair("A", "1"), pair("B", "x:y")]);
        for wrong in ["A", ":1"] {
            let error = asked("P", Some("E"), Some(wrong)).unwrap_err().to_string();
            assert!(error.contains("expected FIELD:VALUE"), "{error}");
        }
    }

    #[test]
    fn values_are_written_as_dotnet_writes_them() {
        let guid: Vec<u8> = (0..16).collect();
        let rows = [
            (Value::Bool(true), "True"),
            (Value::Signed(-5), "-5"),
            (Value::Number(1.5), "1.5"),
            (
                Value::Guid(guid.try_into().unwrap()),
                "03020100-0504-0706-0809-0a0b0c0d0e0f",
            ),
        ];
        for (value, text) in rows {
            assert_eq!(shown(&value), text);
        }
    }
}
