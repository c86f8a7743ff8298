//! Named sets of providers, as dotnet-trace has them.
//!
//! (dotnet/diagnostics, src/Tools/dotnet-trace; what it sends for each was caught on its way and is compared in
//! tests/diagnostics)

use anyhow::bail;

use crate::diagnostics::ipc::{Level, Rundown};

/// A provider as a profile asks for it: name, keywords, level, arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) name: &'static str,
    pub(super) keywords: u64,
    pub(super) level: Level,
    pub(super) arguments: &'static [(&'static str, &'static str)],
}

/// A named set.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    /// What it is for, and what it costs.
    pub(super) about: &'static str,
    pub(super) wishes: &'static [Wish],
    /// What its trace needs at the end.
    pub(super) rundown: Rundown,
}

pub(super) const RUNTIME: &str = "Microsoft-Windows-DotNETRuntime";
/// Samples of the stacks of all managed threads.
pub(super) const SAMPLER: &str = "Microsoft-DotNETCore-SampleProfiler";

const fn wish(name: &'static str, keywords: u64, level: Level) -> Wish {
    Wish {
        name,
        keywords,
        level,
        arguments: &[],
    }
}

/// Keywords of the runtime's provider: garbage collection, its handles, exceptions.
const GC: u64 = 0x1;
const GC_HANDLE: u64 = 0x2;
const EXCEPTION: u64 = 0x8000;

/// What database clients write before and after a command, with the fields worth keeping.
const DATABASE: &str = "\
SqlClientDiagnosticListener/System.Data.SqlClient.WriteCommandBefore@Activity1Start:\
-Command;Command.CommandText;ConnectionId;Operation;Command.Connection.ServerVersion;\
Command.CommandTimeout;Command.CommandType;Command.Connection.ConnectionString;\
Command.Connection.Database;Command.Connection.DataSource;Command.Connection.PacketSize\r\n\
SqlClientDiagnosticListener/System.Data.SqlClient.WriteCommandAfter@Activity1Stop:\r\n\
Microsoft.EntityFrameworkCore/Microsoft.EntityFrameworkCore.Database.Command.CommandExecuting@Activity2Start:\
-Command.CommandText;Command;ConnectionId;IsAsync;Command.Connection.ClientConnectionId;\
Command.Connection.ServerVersion;Command.CommandTimeout;Command.CommandType;\
Command.Connection.ConnectionString;Command.Connection.Database;Command.Connection.DataSource;\
Command.Connection.PacketSize\r\n\
Microsoft.EntityFrameworkCore/Microsoft.EntityFrameworkCore.Database.Command.CommandExecuted@Activity2Stop:";

/// All profiles. The first two are the default.
pub(super) const PROFILES: &[Profile] = &[
    Profile {
        name: "dotnet-common",
        about: "what the runtime does: collections, loading, compiling, exceptions, threads; costs next to nothing",
        wishes: &[wish(RUNTIME, 0x10_0003_801D, Level::Informational)],
        rundown: Rundown::Full,
    },
    Profile {
        name: "dotnet-sampled-thread-time",
        about: "the stacks of all managed threads, about a thousand times a second; each time all threads are stopped for a moment",
        wishes: &[wish(SAMPLER, 0xF000_0000_0000, Level::Informational)],
        rundown: Rundown::Full,
    },
    Profile {
        name: "gc-verbose",
        about: "garbage collections, and a sample of the objects that are made",
        wishes: &[wish(RUNTIME, GC | GC_HANDLE | EXCEPTION, Level::Verbose)],
        rundown: Rundown::Full,
    },
    Profile {
        name: "gc-collect",
        about: "garbage collections alone; for hours and days",
        wishes: &[
            wish(RUNTIME, GC, Level::Informational),
            wish(
                "Microsoft-Windows-DotNETRuntimePrivate",
                GC,
                Level::Informational,
            ),
        ],
        rundown: Rundown::KeywordsOrNone(GC),
    },
    Profile {
        name: "database",
        about: "commands of ADO.NET and Entity Framework, with their text and connection strings",
        wishes: &[
            wish(
                "System.Threading.Tasks.TplEventSource",
                0x80,
                Level::Informational,
            ),
            Wish {
                name: "Microsoft-Diagnostics-DiagnosticSource",
                keywords: 0x3,
                level: Level::Verbose,
                arguments: &[("FilterAndPayloadSpecs", DATABASE)],
            },
        ],
        rundown: Rundown::Full,
    },
];

/// Those that dotnet-trace has for its command `collect-linux` alone.
const OF_LINUX: [&str; 2] = ["cpu-sampling", "thread-time"];

/// The profile of a name, in whatever case.
pub(super) fn named(name: &str) -> anyhow::Result<&'static Profile> {
    if let Some(found) = PROFILES
        .iter()
        .find(|profile| profile.name.eq_ignore_ascii_case(name))
    {
        return Ok(found);
    }
    let all: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
    if OF_LINUX.contains(&name) {
        bail!(
            "--profile {name} samples with the kernel's perf, which no container may do by itself: \
             dotnet-sampled-thread-time samples threads through the runtime"
        );
    }
    bail!(
        "--profile {name}: there is no such profile, expected some of {}",
        all.join(", ")
    )
}
