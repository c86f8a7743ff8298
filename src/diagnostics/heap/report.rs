//! What takes the room on a heap? One line for each type, as text.
//!
//! Two readings: that of `dotnet-gcdump report`, line for line, whose column of bytes is the size of
//! each type's **first** object; and the sums, which answer the question.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::graph::Graph;

/// What the column of bytes holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The size of the type's first object, as dotnet-gcdump has it.
    FirstObject,
    /// The sum over all objects of the type, big ones included.
    Sum,
}

/// The report of a heap; shown with `Display`.
#[derive(Debug)]
pub struct Report {
    total: i64,
    objects: usize,
    references: Option<usize>,
    column: Column,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    bytes: i64,
    count: u64,
    name: Box<str>,
    module: Box<str>,
}

impl Report {
    /// Counts the objects of each type.
    pub fn of(graph: &Graph, column: Column) -> Self {
        let mut rows = match column {
            Column::FirstObject => first_objects(graph),
            Column::Sum => sums(graph),
        };
        rows.sort_by_key(|row| std::cmp::Reverse((row.bytes, row.count)));
        Self {
            total: graph.total_size(),
            objects: graph.len(),
            references: None,
            column,
            rows,
        }
    }

    /// Adds the number of references, which dotnet-gcdump shows of a live process only.
    #[must_use]
    pub fn with_references(mut self, graph: &Graph) -> Self {
        let of_node = |node: super::Node<'_>| node.children.count();
        self.references = Some(graph.nodes().map(of_node).sum());
        self
    }
}

/// Bytes and number of the objects of each type, by index.
fn tally(graph: &Graph) -> Vec<(i64, u64)> {
    let mut tally = vec![(0, 0); graph.types().len()];
    for node in graph.nodes() {
        if let Some((bytes, count)) = tally.get_mut(node.kind) {
            *bytes += i64::from(node.size);
            *count += 1;
        }
    }
    tally
}

fn first_objects(graph: &Graph) -> Vec<Row> {
    let types = graph.types().iter().zip(tally(graph));
    let shown =
        types.filter(|(kind, (_, count))| kind.size != 0 && !kind.name.is_empty() && *count > 0);
    let row = |(kind, (_, count)): (&super::HeapType, (i64, u64))| Row {
        bytes: kind.size.into(),
        count,
        name: kind.name.clone(),
        module: file_name(kind.module.as_deref()).into(),
    };
    shown.map(row).collect()
}

/// Sums by name: big objects, which have types of their own in the graph, go to the type that they are of.
fn sums(graph: &Graph) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut known = HashMap::new();
    for (kind, (bytes, count)) in graph.types().iter().zip(tally(graph)) {
        if bytes == 0 {
            continue;
        }
        let name = without_size(&kind.name);
        let at = *known
            .entry((name, kind.module.as_deref()))
            .or_insert(rows.len());
        match rows.get_mut(at) {
            Some(row) => {
                row.bytes += bytes;
                row.count += count;
            }
            None => rows.push(Row {
                bytes,
                count,
                name: name.into(),
                module: file_name(kind.module.as_deref()).into(),
            }),
        }
    }
    rows
}

/// `System.String` of `System.String (Bytes > 1K)`.
fn without_size(name: &str) -> &str {
    match name.rsplit_once(" (Bytes > ") {
        Some((base, size)) if size.ends_with(')') => base,
        _ => name,
    }
}

fn file_name(module: Option<&str>) -> &str {
    let module = module.unwrap_or_default();
    module.rsplit_once('/').map_or(module, |(_, name)| name)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>15}  GC Heap bytes", grouped(&self.total))?;
        writeln!(f, "{:>15}  GC Heap objects", grouped(&self.objects))?;
        if let Some(references) = self.references.filter(|count| *count > 0) {
            writeln!(f, "{:>15}  Total references", grouped(&references))?;
        }
        let bytes = match self.column {
            Column::FirstObject => "Object Bytes",
            Column::Sum => "Total Bytes",
        };
        writeln!(f, "\n{bytes:>15}  {:>8}  Type", "Count")?;
        self.rows.iter().try_for_each(|row| row.fmt(f))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, count) = (grouped(&self.bytes), grouped(&self.count));
        write!(f, "{bytes:>15}  {count:>8}  {}", printable(&self.name))?;
        if !self.module.is_empty() {
            write!(f, "  [{}]", printable(&self.module))?;
        }
        writeln!(f)
    }
}

/// The process decides what its types are called: nothing that a terminal would obey.
fn printable(name: &str) -> Cow<'_, str> {
    if name.contains(char::is_control) {
        name.replace(char::is_control, "\u{fffd}").into()
    } else {
        name.into()
    }
}

/// A number with a comma between each three digits.
fn grouped(value: &impl ToString) -> String {
    let digits = value.to_string();
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", &*digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (-1, "-1"),
            (-123, "-123"),
            (-1234, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(grouped(&value), text);
        }
    }

    #[test]
    fn a_size_class_belongs_to_its_type() {
        assert_eq!(without_size("System.String (Bytes > 10K)"), "System.String");
        assert_eq!(without_size("System.String"), "System.String");
        assert_eq!(
            without_size("Odd (Bytes > 10K) more"),
            "Odd (Bytes > 10K) more"
        );
    }
}
