//! Which providers does a trace have? `--providers`, `--profile` and `--clrevents` put together as dotnet-trace does it.

use anyhow::{Context, bail};

use super::profiles::{self, PROFILES, Profile, RUNTIME};
use crate::diagnostics::ipc::{Level, Provider, Rundown};

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    /// `Name[:Keywords[:Level[:Arguments]]],…`
    pub(super) providers: Option<&'a str>,
    /// Names of profiles.
    pub(super) profiles: Option<&'a str>,
    /// Names of groups of the runtime's events, joined with `+`.
    pub(super) clr_events: Option<&'a str>,
    /// Their level.
    pub(super) clr_level: Option<&'a str>,
}

/// What a trace collects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The providers, each once.
    pub(super) providers: Vec<Chosen>,
    /// What they need at the end, unless somebody says otherwise.
    pub(super) rundown: Rundown,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

/// A provider, and which option brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) name: String,
    pub(super) keywords: u64,
    pub(super) level: Level,
    pub(super) arguments: Vec<(String, String)>,
    pub(super) by: &'static str,
}

impl Chosen {
    fn new(name: &str, keywords: u64, level: Level, by: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            keywords,
            level,
            arguments: Vec::new(),
            by,
        }
    }

    /// As the runtime is asked for it.
    pub(super) fn provider(&self) -> anyhow::Result<Provider> {
        let provider = Provider::new(&self.name, self.keywords, self.level)?;
        Ok(provider.with_arguments(&joined(&self.arguments))?)
    }
}

/// Puts together what was asked. A provider's own option wins over profiles, and both win over `--clrevents`.
pub(super) fn choose(asked: &Asked<'_>) -> anyhow::Result<Choice> {
    let mut chosen: Vec<Chosen> = Vec::new();
    for text in parts(asked.providers) {
        let new = parse(text).with_context(|| format!("--providers {text}"))?;
        match position(&chosen, &new.name) {
            Some(known) => merge(&mut chosen[known], new)?,
            None => chosen.push(new),
        }
    }
    let profiles = profiles(asked)?;
    for profile in &profiles {
        for wish in profile.wishes {
            if position(&chosen, wish.name).is_none() {
                let mut new = Chosen::new(wish.name, wish.keywords, wish.level, "--profile");
                new.arguments = wish
                    .arguments
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect();
                chosen.push(new);
            }
        }
    }
    let mut notes = Vec::new();
    if let Some(new) = clr_provider(asked)? {
        if position(&chosen, RUNTIME).is_some() {
            notes.push("--clrevents is ignored: --providers or --profile name the runtime's provider already".to_owned());
        } else {
            chosen.push(new);
        }
    }
    if chosen.is_empty() {
        bail!("no providers were asked for");
    }
    Ok(Choice {
        providers: chosen,
        rundown: rundown(asked, &profiles),
        notes,
    })
}

/// One profile alone has its own rundown; anything else needs all of it.
fn rundown(asked: &Asked<'_>, profiles: &[&Profile]) -> Rundown {
    let alone = asked.providers.is_none() && asked.clr_events.is_none();
    let lean = profiles
        .iter()
        .find(|profile| profile.rundown != Rundown::Full);
    match (alone, lean, profiles) {
        (true, Some(lean), [_]) => lean.rundown,
        _ => Rundown::Full,
    }
}

/// The profiles that were named; the first two if nothing was asked at all.
fn profiles(asked: &Asked<'_>) -> anyhow::Result<Vec<&'static Profile>> {
    if asked.providers.is_none() && asked.profiles.is_none() && asked.clr_events.is_none() {
        return Ok(PROFILES[..2].iter().collect());
    }
    parts(asked.profiles).map(profiles::named).collect()
}

fn parts(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.into_iter()
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn position(chosen: &[Chosen], name: &str) -> Option<usize> {
    chosen
        .iter()
        .position(|known| known.name.eq_ignore_ascii_case(name))
}

/// The same provider twice: both sets of keywords, the more talkative level.
fn merge(known: &mut Chosen, new: Chosen) -> anyhow::Result<()> {
    known.keywords |= new.keywords;
    known.level = match (known.level, new.level) {
        (Level::LogAlways, _) | (_, Level::LogAlways) => Level::LogAlways,
        (one, other) => one.max(other),
    };
    match (known.arguments.is_empty(), new.arguments.is_empty()) {
        (false, false) => bail!(
            "--providers names {} twice with arguments: say them once",
            known.name
        ),
        (true, _) => known.arguments = new.arguments,
        (false, true) => {}
    }
    Ok(())
}

/// `Name[:Keywords[:Level[:Arguments]]]`: empty parts have their default.
fn parse(text: &str) -> anyhow::Result<Chosen> {
    let mut fields = text.splitn(4, ':').map(str::trim);
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let Some(name) = next() else {
        bail!("it begins without a name")
    };
    let keywords = next().map_or(Ok(0), keywords)?;
    let level = next().map_or(Ok(Level::Informational), level)?;
    let arguments = next().map_or_else(|| Ok(Vec::new()), arguments)?;
    Ok(Chosen {
        arguments,
        ..Chosen::new(name, keywords, level, "--providers")
    })
}

fn keywords(text: &str) -> anyhow::Result<u64> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    u64::from_str_radix(digits, 16).with_context(|| {
        format!("the keywords are {text:?}, expected a hexadecimal number like 0x10")
    })
}

/// A number, of which everything above 5 means verbose, or a name.
pub(super) fn level(text: &str) -> anyhow::Result<Level> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "0" | "logalways" => Level::LogAlways,
        "1" | "critical" => Level::Critical,
        "2" | "error" => Level::Error,
        "3" | "warning" => Level::Warning,
        "4" | "informational" => Level::Informational,
        "5" | "verbose" => Level::Verbose,
        number if !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()) => {
            Level::Verbose
        }
        _ => bail!(
            "the level is {text:?}, expected 0 to 5, LogAlways, Critical, Error, Warning, Informational or Verbose"
        ),
    })
}

/// `key=value;key="a;b"`.
fn arguments(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let text = text.replace("\\\"", "\"");
    let mut in_quotes = false;
    let pairs = text.split(|sign| {
        in_quotes ^= sign == '"';
        sign == ';' && !in_quotes
    });
    let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair
            .split_once('=')
            .with_context(|| format!("the argument {pair:?} has no value, expected KEY=VALUE"))?;
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        Ok((key.to_owned(), bare.unwrap_or(value).to_owned()))
    });
    pairs.collect()
}

/// What holds a sign that separates is put in quotes.
fn joined(arguments: &[(String, String)]) -> String {
    let quoted = |text: &str| {
        if text.contains([';', '=']) {
            format!("\"{text}\"")
        } else {
            text.to_owned()
        }
    };
    let pairs = arguments
        .iter()
        .map(|(key, value)| format!("{}={}", quoted(key), quoted(value)));
    pairs.collect::<Vec<_>>().join(";")
}

fn clr_provider(asked: &Asked<'_>) -> anyhow::Result<Option<Chosen>> {
    let Some(events) = asked.clr_events.filter(|events| !events.is_empty()) else {
        return Ok(None);
    };
    let level = asked
        .clr_level
        .map_or(Ok(Level::Informational), level)
        .context("--clreventlevel")?;
    let mut keywords = 0;
    for name in events.split('+') {
        let known = CLR_EVENTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        let Some((_, bits)) = known else {
            let all: Vec<_> = CLR_EVENTS.iter().map(|(name, _)| *name).collect();
            bail!(
                "--clrevents {name}: there is no such group of events, expected some of {}, joined with +",
                all.join(" ")
            );
        };
        keywords |= bits;
    }
    Ok(Some(Chosen::new(RUNTIME, keywords, level, "--clrevents")))
}

/// Names of the keywords of the runtime's provider (dotnet/runtime, src/coreclr/vm/ClrEtwAll.man).
const CLR_EVENTS: &[(&str, u64)] = &[
    ("gc", 0x1),
    ("gchandle", 0x2),
    ("fusion", 0x4),
    ("assemblyloader", 0x4),
    ("loader", 0x8),
    ("jit", 0x10),
    ("ngen", 0x20),
    ("startenumeration", 0x40),
    ("endenumeration", 0x80),
    ("security", 0x400),
    ("appdomainresourcemanagement", 0x800),
    ("jittracing", 0x1000),
    ("interop", 0x2000),
    ("contention", 0x4000),
    ("exception", 0x8000),
    ("threading", 0x1_0000),
    ("jittedmethodiltonativemap", 0x2_0000),
    ("overrideandsuppressngenevents", 0x4_0000),
    ("type", 0x8_0000),
    ("gcheapdump", 0x10_0000),
    ("gcsampledobjectallocationhigh", 0x20_0000),
    ("gcheapsurvivalandmovement", 0x40_0000),
    ("gcheapcollect", 0x80_0000),
    ("managedheadcollect", 0x80_0000),
    ("gcheapandtypenames", 0x100_0000),
    ("gcsampledobjectallocationlow", 0x200_0000),
    ("perftrack", 0x2000_0000),
    ("stack", 0x4000_0000),
    ("threadtransfer", 0x8000_0000),
    ("debugger", 0x1_0000_0000),
    ("monitoring", 0x2_0000_0000),
    ("codesymbols", 0x4_0000_0000),
    ("eventsource", 0x8_0000_0000),
    ("compilation", 0x10_0000_0000),
    ("compilationdiagnostic", 0x20_0000_0000),
    ("methoddiagnostic", 0x40_0000_0000),
    ("typediagnostic", 0x80_0000_0000),
    ("jitinstrumentationdata", 0x100_0000_0000),
    ("profiler", 0x200_0000_0000),
    ("waithandle", 0x400_0000_0000),
    ("allocationsampling", 0x800_0000_0000),
];

#[cfg(test)]
mod tests;
