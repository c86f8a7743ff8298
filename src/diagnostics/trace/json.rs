//! Numbers and texts in JSON, spelled as .NET spells them: files are to be the same, byte for byte.

use std::fmt;

use crate::diagnostics::number::Invariant;

/// A number, as .NET spells it.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // JSON has no number for what is not finite; no time is that.
        if self.0.is_finite() {
            Invariant(self.0).fmt(f)
        } else {
            f.write_str("0")
        }
    }
}

/// A text within quotes.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, letter) in self.0.char_indices() {
            if !is_special(letter) {
                continue;
            }
            f.write_str(&self.0[plain..at])?;
            plain = at + letter.len_utf8();
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                other => write!(f, "\\u{:04x}", u32::from(other))?,
            }
        }
        f.write_str(&self.0[plain..])
    }
}

fn is_special(letter: char) -> bool {
    letter < ' '
        || matches!(
            letter,
            '"' | '\\' | '\'' | '<' | '>' | '&' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_their_quotes_nor_begin_markup() {
        let text = "Main<T>(\"a\\b\", 'c' & \u{1}\n) ü\u{2028}";
        let expected =
            "Main\\u003cT\\u003e(\\\"a\\\\b\\\", \\u0027c\\u0027 \\u0026 \\u0001\\n) ü\\u2028";
        assert_eq!(Text(text).to_string(), expected);
        let quoted = format!("\"{}\"", Text(text));
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}
