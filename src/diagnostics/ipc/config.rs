//! What is a session to collect? Providers, buffer, rundown: a value that cannot ask for what harms a runtime.

use std::num::NonZeroU32;

use super::commands::InvalidRequest;
use super::wire::Writer;

/// The format of the event stream: 1 is nettrace, anything else is old or kills the runtime.
const NETTRACE: u32 = 1;

/// How much a provider tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Whatever the level of the event.
    LogAlways = 0,
    /// Critical.
    Critical = 1,
    /// Error.
    Error = 2,
    /// Warning.
    Warning = 3,
    /// Informational, what tools ask for.
    Informational = 4,
    /// Verbose.
    Verbose = 5,
}

/// A source of events, and what it is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    name: String,
    keywords: u64,
    level: Level,
    arguments: String,
}

impl Provider {
    /// A provider without arguments. Names are case-sensitive for the runtime.
    pub fn new(name: &str, keywords: u64, level: Level) -> Result<Self, InvalidRequest> {
        if name.is_empty() {
            return Err(InvalidRequest::EmptyProvider);
        }
        let name = without_zero("the provider's name", name)?;
        Ok(Self {
            name,
            keywords,
            level,
            arguments: String::new(),
        })
    }

    /// The same with arguments: `key=value;key=value`, a part that holds `;` or `=` in double quotes.
    pub fn with_arguments(mut self, arguments: &str) -> Result<Self, InvalidRequest> {
        self.arguments = without_zero("the provider's arguments", arguments)?;
        Ok(self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its keywords, one bit for each group of events.
    pub fn keywords(&self) -> u64 {
        self.keywords
    }

    /// Its level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Its arguments; empty if there are none.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    fn write(&self, to: Writer) -> Writer {
        to.u64(self.keywords)
            .u32(self.level as u32)
            .text(&self.name)
            .text(&self.arguments)
    }
}

/// What the runtime writes about its methods after a session was stopped: without it, addresses have no names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rundown {
    /// Nothing.
    None,
    /// All that a profile of the CPU needs: about 0.3 KB for each method that was run.
    #[default]
    Full,
    /// The groups of these keywords, with .NET 9 and later; the older ones write all.
    Keywords(u64),
    /// The same, but the older ones write nothing.
    KeywordsOrNone(u64),
}

/// What a session is to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    providers: Vec<Provider>,
    buffer_megabytes: NonZeroU32,
    rundown: Rundown,
    stacks: bool,
}

impl SessionConfig {
    /// What Microsoft's tools ask for: 256 MB.
    pub const DEFAULT_BUFFER: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

    /// A session of these providers with the full rundown, stacks and the default buffer.
    pub fn new(providers: Vec<Provider>) -> Result<Self, InvalidRequest> {
        if providers.is_empty() {
            return Err(InvalidRequest::NoProviders);
        }
        let buffer_megabytes = Self::DEFAULT_BUFFER;
        Ok(Self {
            providers,
            buffer_megabytes,
            rundown: Rundown::Full,
            stacks: true,
        })
    }

    /// The upper bound of the buffer, which lies in the application's memory and grows as events wait to be sent.
    #[must_use]
    pub fn with_buffer(mut self, megabytes: NonZeroU32) -> Self {
        self.buffer_megabytes = megabytes;
        self
    }

    /// What is written at the end.
    #[must_use]
    pub fn with_rundown(mut self, rundown: Rundown) -> Self {
        self.rundown = rundown;
        self
    }

    /// Events without the stacks of the threads that wrote them, with .NET 9 and later; the older ones always add them.
    #[must_use]
    pub fn without_stacks(mut self) -> Self {
        self.stacks = false;
        self
    }

    /// The providers.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The bound of the buffer, in megabytes.
    pub fn buffer_megabytes(&self) -> NonZeroU32 {
        self.buffer_megabytes
    }

    pub(super) fn rundown(&self) -> Rundown {
        self.rundown
    }

    pub(super) fn stacks(&self) -> bool {
        self.stacks
    }

    /// The fields that all versions of the command begin with.
    pub(super) fn begin(&self) -> Writer {
        Writer::default()
            .u32(self.buffer_megabytes.get())
            .u32(NETTRACE)
    }

    /// The providers, with which they end.
    pub(super) fn end(&self, to: Writer) -> Writer {
        let count = u32::try_from(self.providers.len()).unwrap_or(u32::MAX);
        self.providers
            .iter()
            .fold(to.u32(count), |to, provider| provider.write(to))
    }
}

/// Text that the runtime reads as it is meant.
pub(super) fn without_zero(what: &'static str, text: &str) -> Result<String, InvalidRequest> {
    if text.contains('\0') {
        return Err(InvalidRequest::ZeroCharacter {
            what,
            text: text.to_owned(),
        });
    }
    Ok(text.to_owned())
}
