//! May a text be read at all? A short text of many small members takes hundreds of times its size in memory.

/// A text this small cannot become much.
const SMALL: usize = 64 << 10;

/// More than any Pod has that etcd would store (1.5 MiB), managed fields included; some 20 MB once read.
const MOST_OBJECTS: usize = 1 << 15;

/// The same for members and elements of all kinds, of which plain values take the least; some 16 MB.
const MOST_COMMAS: usize = 1 << 19;

/// What is said of a text with too many members.
pub const CROWDED: &str = "too many objects or list elements";

/// Whether a JSON text has more objects or elements than are read. Those within strings count too, since looking closer
/// would be reading.
pub fn is_crowded(text: &str) -> bool {
    let count = |wanted: u8| text.bytes().filter(|byte| *byte == wanted).count();
    text.len() > SMALL && (count(b'{') > MOST_OBJECTS || count(b',') > MOST_COMMAS)
}
