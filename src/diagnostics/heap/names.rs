//! What is a type called in a heap graph? As dotnet-gcdump calls it, so that reports compare.

/// Flags of a type in the event stream.
pub(super) mod flag {
    /// The type wraps an object of another world (COM).
    pub(in super::super) const WRAPPER: u32 = 4;
    /// The type is an array.
    pub(in super::super) const ARRAY: u32 = 8;
}

/// Objects above this many bytes get a type of their own.
pub(super) const BIG: i32 = 1000;

/// The name to show of a type: `Entry<System.Int32>[]` of ``Entry`1[System.Int32][]``.
///
/// `token` names a type without a name.
pub(super) fn shown(name: &str, token: u32, flags: u32) -> String {
    let name = match (name, flags & flag::ARRAY) {
        ("", 0) => format!("Type(0x{token:x})"),
        ("", _) => format!("ArrayType(0x{token:x})"),
        (name, _) => without_arity(name),
    };
    let name = name.replace('[', "<").replace(']', ">").replace("<>", "[]");
    if flags & flag::WRAPPER == 0 {
        name
    } else {
        format!("[RCW {name}]")
    }
}

/// Drops the number of type parameters: a backtick with digits.
fn without_arity(name: &str) -> String {
    let mut pieces = name.split('`');
    let mut short = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if rest.len() == piece.len() {
            short.push('`');
        }
        short.push_str(rest);
    }
    short
}

/// What a type's name ends with for objects below this many bytes.
const CLASSES: [(i32, &str); 6] = [
    (BIG + 1, ""),
    (10_000, " (Bytes > 1K)"),
    (100_000, " (Bytes > 10K)"),
    (1_000_000, " (Bytes > 100K)"),
    (10_000_000, " (Bytes > 1M)"),
    (100_000_000, " (Bytes > 10M)"),
];

/// What a type's name ends with for an object of this size.
pub(super) fn size_class(size: i32) -> &'static str {
    let class = CLASSES.iter().find(|(below, _)| size < *below);
    class.map_or(" (Bytes > 100M)", |(_, ending)| ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases = [
            ("System.String", 0, "System.String"),
            ("System.Byte[]", flag::ARRAY, "System.Byte[]"),
            (
                "Entry`2[System.Int32,A`1[B]][]",
                0,
                "Entry<System.Int32,A<B>>[]",
            ),
            ("System.Int32[,]", flag::ARRAY, "System.Int32<,>"),
            ("Odd`", 0, "Odd`"),
            ("Odd`x`12y", 0, "Odd`xy"),
            ("", 0, "Type(0x2a)"),
            ("", flag::ARRAY, "ArrayType(0x2a)"),
            ("A", flag::WRAPPER, "[RCW A]"),
        ];
        for (name, flags, expected) in cases {
            assert_eq!(shown(name, 42, flags), expected, "{name}");
        }
    }

    #[test]
    fn classes_begin_where_those_of_dotnet_gcdump_do() {
        let cases = [
            (1000, ""),
            (1001, " (Bytes > 1K)"),
            (9_999, " (Bytes > 1K)"),
            (10_000, " (Bytes > 10K)"),
            (99_999_999, " (Bytes > 10M)"),
            (i32::MAX, " (Bytes > 100M)"),
        ];
        for (size, class) in cases {
            assert_eq!(size_class(size), class, "{size}");
        }
    }
}
