//! What does a runtime answer? Errors with their meaning, and who it is.

use std::fmt;

use super::wire::{Reader, Unreadable};

/// The runtime's error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hresult(pub u32);

impl Hresult {
    /// A command that this version does not have.
    pub const UNKNOWN_COMMAND: Self = Self(0x8013_1385);

    /// What the code means for the one who asked; empty for a code that no document names.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0x8013_1384 => "the runtime finds the request badly encoded",
            0x8013_1385 => "this runtime is too old for the command",
            0x8013_1386 => "the runtime speaks another version of the protocol",
            0x8013_1515 => "the runtime does not support it",
            0x8013_1371 | 0x8013_135B => "the runtime is not ready yet: try again in a moment",
            0x8007_0057 => {
                "the runtime finds an argument invalid, or the moment: some things are allowed only before it starts"
            }
            0x8000_4005 => "the runtime failed, or has no room for another session (64 at most)",
            0x8007_00CB => "there is no such variable",
            _ => "",
        }
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            "" => write!(f, "error 0x{:08X}", self.0),
            meaning => write!(f, "{meaning} (0x{:08X})", self.0),
        }
    }
}

/// Reads the payload of an error answer: the code, and the text that some commands add.
pub(super) fn error(payload: &[u8]) -> Result<(Hresult, Option<String>), Unreadable> {
    let mut reader = Reader::new(payload);
    let code = Hresult(reader.u32()?);
    Ok((code, reader.text().ok().filter(|text| !text.is_empty())))
}

/// What tells one run of a runtime from every other: the same in each of its answers and connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cookie(pub [u8; 16]);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Which layout an answer to ProcessInfo has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InfoVersion {
    /// .NET 5: neither entry assembly nor version.
    One,
    /// .NET 6.
    Two,
    /// .NET 8: also the runtime identifier.
    Three,
}

/// Who a runtime says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its process id, in its own PID namespace.
    pub pid: u64,
    /// The mark of this run.
    pub cookie: Cookie,
    /// The command line, joined with spaces; of a runtime that waits for its start, only the program.
    pub command_line: String,
    /// `Linux`.
    pub os: String,
    /// `x64`, `arm64`, …
    pub arch: String,
    /// Name of the assembly with the application's entry, from .NET 6 on.
    pub entry_assembly: Option<String>,
    /// Version of the runtime (`10.0.12`), from .NET 6 on.
    pub version: Option<String>,
    /// Which build of the runtime (`linux-x64`, `linux-musl-arm64`), from .NET 8 on.
    pub rid: Option<String>,
}

impl ProcessInfo {
    /// Reads the payload of an answer.
    ///
    /// # Errors
    /// It is not one, with the place.
    pub fn read(version: InfoVersion, payload: &[u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(payload);
        if version == InfoVersion::Three {
            // The version of this answer's own layout; newer ones add fields at the end.
            reader.u32()?;
        }
        let mut info = Self {
            pid: reader.u64()?,
            cookie: Cookie(reader.array()?),
            command_line: reader.text()?,
            os: reader.text()?,
            arch: reader.text()?,
            entry_assembly: None,
            version: None,
            rid: None,
        };
        if version >= InfoVersion::Two {
            info.entry_assembly = some(reader.text()?);
            info.version = some(reader.text()?);
        }
        if version >= InfoVersion::Three {
            info.rid = some(reader.text()?);
        }
        Ok(info)
    }

    /// The runtime's major version, if it says one.
    pub fn major(&self) -> Option<u32> {
        self.version.as_deref()?.split('.').next()?.parse().ok()
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// How many bytes of environment follow an answer to ProcessEnvironment.
pub(super) fn environment_length(payload: &[u8]) -> Result<u32, Unreadable> {
    Reader::new(payload).u32()
}

/// Reads what follows an answer to ProcessEnvironment: names and values; an entry without `=` is a name alone.
///
/// # Errors
/// It is not one, with the place.
pub fn environment(bytes: &[u8]) -> Result<Vec<(String, String)>, Unreadable> {
    let mut reader = Reader::new(bytes);
    let count = reader.u32()?;
    let mut variables = Vec::new();
    for _ in 0..count {
        let entry = reader.text()?;
        let (name, value) = entry.split_once('=').unwrap_or((&entry, ""));
        variables.push((name.to_owned(), value.to_owned()));
    }
    Ok(variables)
}

/// The number of a session that was started or stopped.
pub(super) fn session_id(payload: &[u8]) -> Result<u64, Unreadable> {
    Reader::new(payload).u64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::wire::Writer;
    use super::*;

    fn answer(version: InfoVersion) -> Vec<u8> {
        let mut payload = Writer::default();
        if version == InfoVersion::Three {
            payload = payload.u32(1);
        }
        payload = payload
            .u64(7)
            .u64(1)
            .u64(2)
            .text("dotnet app.dll")
            .text("Linux")
            .text("x64");
        if version >= InfoVersion::Two {
            payload = payload.text("app").text("10.0.12");
        }
        if version >= InfoVersion::Three {
            payload = payload.text("linux-x64");
        }
        payload.into_bytes()
    }

    #[test]
    fn each_version_of_the_answer_is_read() {
        let one = ProcessInfo::read(InfoVersion::One, &answer(InfoVersion::One)).unwrap();
        assert_eq!((one.pid, one.entry_assembly, one.rid), (7, None, None));
        let two = ProcessInfo::read(InfoVersion::Two, &answer(InfoVersion::Two)).unwrap();
        assert_eq!(
            (two.entry_assembly.as_deref(), two.major()),
            (Some("app"), Some(10))
        );
        let three = ProcessInfo::read(InfoVersion::Three, &answer(InfoVersion::Three)).unwrap();
        assert_eq!(three.rid.as_deref(), Some("linux-x64"));
        assert_eq!(three.cookie, one.cookie);
        assert_eq!(
            format!("{:?}", three.cookie),
            "01000000000000000200000000000000"
        );
    }

    #[test]
    fn a_cut_answer_is_an_error_at_every_length() {
        let whole = answer(InfoVersion::Three);
        for length in 0..whole.len() {
            assert!(
                ProcessInfo::read(InfoVersion::Three, &whole[..length]).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn errors_have_a_meaning_and_perhaps_a_text() {
        let known = error(&0x8013_1385_u32.to_le_bytes()).unwrap();
        assert_eq!(known, (Hresult::UNKNOWN_COMMAND, None));
        assert_eq!(
            known.0.to_string(),
            "this runtime is too old for the command (0x80131385)"
        );
        let told = Writer::default()
            .u32(0x1234_5678)
            .text("[createdump] no")
            .into_bytes();
        let (code, text) = error(&told).unwrap();
        assert_eq!(code.to_string(), "error 0x12345678");
        assert_eq!(text.as_deref(), Some("[createdump] no"));
        assert!(error(&[1, 2, 3]).is_err());
    }

    #[test]
    fn an_environment_is_split_at_the_first_equals_sign() {
        let bytes = Writer::default()
            .u32(3)
            .text("A=b=c")
            .text("LONE")
            .text("E=")
            .into_bytes();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            environment(&bytes).unwrap(),
            [pair("A", "b=c"), pair("LONE", ""), pair("E", "")]
        );
        assert!(
            environment(&[0xff; 4]).is_err(),
            "a count without variables"
        );
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for version in [InfoVersion::One, InfoVersion::Two, InfoVersion::Three] {
                let _ = ProcessInfo::read(version, &bytes);
            }
            let _ = environment(&bytes);
            let _ = error(&bytes);
            let _ = session_id(&bytes);
        }
    }
}
