//! What does a message look like? A header of 20 bytes with the length of the whole, then the payload.
//!
//! (dotnet/diagnostics, documentation/design-docs/ipc-protocol.md)

/// What every message begins with.
pub(super) const MAGIC: &[u8; 14] = b"DOTNET_IPC_V1\0";
/// Length of the header.
pub(super) const HEADER: usize = 20;
/// The longest payload that the header's length can tell.
pub(super) const MAX_PAYLOAD: usize = u16::MAX as usize - HEADER;

/// The command set of answers.
const SERVER: u8 = 0xff;
const OK: u8 = 0x00;
const ERROR: u8 = 0xff;

/// Which command: its set and its number in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) set: u8,
    pub(super) id: u8,
}

/// Puts the header before a payload; none if the payload is longer than a message can be.
pub(super) fn message(code: Code, payload: &[u8]) -> Option<Vec<u8>> {
    let size = u16::try_from(HEADER + payload.len()).ok()?;
    let mut bytes = Vec::with_capacity(usize::from(size));
    bytes.extend(MAGIC);
    bytes.extend(size.to_le_bytes());
    bytes.extend([code.set, code.id, 0, 0]);
    bytes.extend(payload);
    Some(bytes)
}

/// What the header of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether the command was carried out; else the payload is an error.
    pub(super) ok: bool,
    /// Length of the payload that follows.
    pub(super) payload: usize,
}

/// Reads the header of an answer; the error says what is wrong with it.
pub(super) fn answer(header: &[u8; HEADER]) -> Result<Answer, &'static str> {
    let (magic, rest) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(
            "it does not begin with DOTNET_IPC_V1: this is no diagnostics socket of a .NET runtime",
        );
    }
    let size = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
    let payload = size
        .checked_sub(HEADER)
        .ok_or("its length is less than that of its own header")?;
    match (rest[2], rest[3]) {
        (SERVER, OK) => Ok(Answer { ok: true, payload }),
        (SERVER, ERROR) => Ok(Answer { ok: false, payload }),
        _ => Err("it is neither an OK nor an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_it_says() {
        let code = Code { set: 4, id: 1 };
        let bytes = message(code, &[9, 8]).unwrap();
        assert_eq!(bytes, *b"DOTNET_IPC_V1\0\x16\0\x04\x01\0\0\x09\x08");
        assert!(message(code, &vec![0; MAX_PAYLOAD]).is_some());
        assert!(message(code, &vec![0; MAX_PAYLOAD + 1]).is_none());
    }

    #[test]
    fn answers_are_told_apart() {
        let header = |size: u16, set: u8, id: u8| {
            let mut header = [0; HEADER];
            header[..14].copy_from_slice(MAGIC);
            header[14..16].copy_from_slice(&size.to_le_bytes());
            header[16] = set;
            header[17] = id;
            header
        };
        assert_eq!(
            answer(&header(28, 0xff, 0)),
            Ok(Answer {
                ok: true,
                payload: 8
            })
        );
        assert_eq!(
            answer(&header(24, 0xff, 0xff)),
            Ok(Answer {
                ok: false,
                payload: 4
            })
        );
        assert!(answer(&header(19, 0xff, 0)).is_err());
        assert!(answer(&header(20, 4, 0)).is_err());
        assert!(answer(&[b'H'; HEADER]).is_err());
    }
}
