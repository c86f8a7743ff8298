//! Numbers and texts in JSON, spelled as .NET spells them: files are to be the same, byte for byte.

use std::fmt;

/// A number with as few digits as tell it from its neighbours, with an exponent where .NET writes one.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        // JSON has no number for what is not finite; no time is that.
        if !size.is_finite() {
            return f.write_str("0");
        }
        if size == 0.0 || (1e-4..1e17).contains(&size) {
            return write!(f, "{}", self.0);
        }
        let text = format!("{:e}", self.0);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        write!(f, "{digits}E{sign}{exponent:0>2}")
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
    fn numbers_are_short_and_exact() {
        for (number, text) in [
            (5.0, "5"),
            (9.406_287, "9.406287"),
            (5_150.739_783_093_75, "5150.73978309375"),
            (0.0001, "0.0001"),
            (0.000_01, "1E-05"),
            (-0.000_012_5, "-1.25E-05"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (1.5e17, "1.5E+17"),
            (1e100, "1E+100"),
            (0.0, "0"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }

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
