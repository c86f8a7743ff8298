//! The names and spellings of Microsoft's tools: `dotnet-trace collect --format:Speedscope`, and what else people have
//! in their fingers and scripts.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use super::Tool;
use super::counters::CountersArgs;
use super::dump::DumpArgs;
use super::gcdump::GcdumpArgs;
use super::trace::TraceArgs;

/// A name under which the binary is called.
pub(in crate::cli) struct Name {
    /// The name of Microsoft's tool.
    tool: &'static str,
    /// Gives a command the arguments of ours.
    arguments: fn(Command) -> Command,
    /// What was typed, as a call of ours.
    read: fn(&ArgMatches) -> Result<Tool, Error>,
    /// What of Microsoft's tool ours has not.
    missing: &'static [Missing],
}

/// An option or a command of Microsoft's tool that ours has not; docs/tools.md has the same rows.
struct Missing {
    /// As it is typed.
    word: &'static str,
    /// What it is for there.
    what: &'static str,
}

const fn missing(word: &'static str, what: &'static str) -> Missing {
    Missing { word, what }
}

const ROUTER: Missing = missing("--dsrouter", "connects to applications on phones");
const CHILD: Missing = missing("--", "starts a program and observes that");

/// All names.
const NAMES: &[Name] = &[
    Name {
        tool: "dotnet-trace",
        arguments: TraceArgs::augment_args,
        read: |matches| TraceArgs::from_arg_matches(matches).map(Tool::Trace),
        missing: &[
            missing(
                "collect-linux",
                "samples with the kernel's perf_events, for which a container must be privileged",
            ),
            missing(
                "--show-child-io",
                "shows what a program that it started prints",
            ),
            missing(
                "--buffering-mode",
                "has .NET 11 wait instead of dropping events",
            ),
            ROUTER,
            CHILD,
        ],
    },
    Name {
        tool: "dotnet-counters",
        arguments: CountersArgs::augment_args,
        read: |matches| CountersArgs::from_arg_matches(matches).map(Tool::Counters),
        missing: &[
            missing("list", "says that the list of counters is on the web"),
            ROUTER,
            CHILD,
        ],
    },
    Name {
        tool: "dotnet-gcdump",
        arguments: GcdumpArgs::augment_args,
        read: |matches| GcdumpArgs::from_arg_matches(matches).map(Tool::Gcdump),
        missing: &[ROUTER],
    },
    Name {
        tool: "dotnet-dump",
        arguments: DumpArgs::augment_args,
        read: |matches| DumpArgs::from_arg_matches(matches).map(Tool::Dump),
        missing: &[missing("analyze", "reads a dump, in a shell of its own")],
    },
];

/// The tool that a program's name means.
pub(in crate::cli) fn called(program: Option<&OsStr>) -> Option<&'static Name> {
    let name = Path::new(program?).file_name()?;
    NAMES.iter().find(|known| name == known.tool)
}

impl Name {
    /// Reads the arguments as those of this tool; the first is the program.
    pub(in crate::cli) fn parse(
        &self,
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<Tool, Error> {
        let mut command = (self.arguments)(Command::new(self.tool))
            .version(env!("CARGO_PKG_VERSION"))
            .about(format!(
                "What Microsoft's {} does, as far as Sidebox has it",
                self.tool
            ));
        let arguments = spelled(arguments);
        let starts = arguments.iter().any(|argument| argument == "--");
        let matches = command.try_get_matches_from_mut(arguments);
        let read = matches.and_then(|matches| (self.read)(&matches));
        read.map_err(|error| self.told(error, starts, &mut command))
    }

    /// Names the image that has what is missing here; behind `--` stands a program to start.
    fn told(&self, error: Error, starts: bool, command: &mut Command) -> Error {
        let kinds = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
        if !kinds.contains(&error.kind()) {
            return error;
        }
        let named = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
        let wrong = named.iter().find_map(|kind| match error.get(*kind) {
            Some(ContextValue::String(text)) if starts && !text.starts_with('-') => {
                Some("--".to_owned())
            }
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        });
        let known = |row: &&Missing| wrong.as_deref() == Some(row.word);
        match self.missing.iter().find(known) {
            None => error,
            Some(Missing { word, what }) => {
                let text = format!(
                    "`{tool} {word}` is not in this tool; Microsoft's, in the image toolbox-dotnet, {what}\n",
                    tool = self.tool
                );
                command.error(error.kind(), text)
            }
        }
    }
}

/// Options with a colon before their value become such with an equals sign, and `-?` asks for help.
fn spelled(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut literal = false;
    let respelled = arguments.enumerate().map(|(place, argument)| {
        literal |= argument == "--";
        let text = argument
            .to_str()
            .filter(|text| place > 0 && !literal && text.starts_with('-'));
        match text {
            Some("-?" | "/?") => "--help".into(),
            Some(text) => match text.split_once([':', '=']) {
                Some((name, value)) if name.len() > 1 => format!("{name}={value}").into(),
                _ => argument,
            },
            None => argument,
        }
    });
    respelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn colons_become_equals_signs_of_options_alone() {
        let spelled = spelled(
            typed(&[
                "/x:y",
                "collect",
                "--format:Speedscope",
                "-p:7",
                "--providers=A:1:5",
                "A:2",
                "-?",
                "--",
                "--a:b",
            ])
            .into_iter(),
        );
        let expected = [
            "/x:y",
            "collect",
            "--format=Speedscope",
            "-p=7",
            "--providers=A:1:5",
            "A:2",
            "--help",
            "--",
            "--a:b",
        ];
        assert_eq!(spelled, typed(&expected));
    }

    #[test]
    fn the_name_decides_whatever_the_folder() {
        assert!(called(Some(OsStr::new("/tools/dotnet-trace"))).is_some());
        assert!(called(Some(OsStr::new("sidebox"))).is_none());
        assert!(called(None).is_none());
    }

    #[test]
    fn what_is_missing_names_the_image_that_has_it() {
        let name = called(Some(OsStr::new("dotnet-trace"))).unwrap();
        let error = |words: &[&str]| {
            name.parse(typed(words).into_iter())
                .unwrap_err()
                .to_string()
        };
        let told = error(&["dotnet-trace", "collect", "--dsrouter", "ios"]);
        assert!(
            told.contains("`dotnet-trace --dsrouter` is not in this tool; Microsoft's, in the image toolbox-dotnet"),
            "{told}"
        );
        let told = error(&["dotnet-trace", "collect-linux"]);
        assert!(
            told.contains("`dotnet-trace collect-linux` is not in this tool"),
            "{told}"
        );
        let told = error(&["dotnet-trace", "collect", "--", "dotnet", "x.dll"]);
        assert!(
            told.contains("`dotnet-trace --` is not in this tool"),
            "{told}"
        );
        let told = error(&["dotnet-trace", "collect", "--nonsense"]);
        assert!(!told.contains("toolbox-dotnet"), "{told}");
    }

    #[test]
    fn every_row_is_told_and_stands_in_the_docs() {
        let docs = include_str!("../../../docs/tools.md");
        for name in NAMES {
            for row in name.missing {
                let option = row.word.starts_with('-');
                let command = if row.word == "--" || option {
                    "collect"
                } else {
                    row.word
                };
                let mut words = vec![name.tool, command];
                words.extend(option.then_some(row.word));
                // What is started, or the value of an option.
                words.push("ios");
                let told = name.parse(typed(&words).into_iter()).unwrap_err();
                let told = told.to_string();
                assert!(
                    told.contains(&format!("`{} {}` is not in this tool", name.tool, row.word)),
                    "{told}"
                );
                let line = format!("| `{}` | `{}` | {} |", name.tool, row.word, row.what);
                assert!(docs.contains(&line), "docs/tools.md lacks {line}");
            }
        }
    }
}
