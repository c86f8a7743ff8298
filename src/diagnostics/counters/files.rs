//! How do rows stand in a file? CSV and JSON as dotnet-counters writes them.
//!
//! Rows are written as they come, and what was written is a whole file after every [`Table::flush`]: an
//! application that dies, a full disk or `kill -9` cost the last rows at most.

use std::fmt::Write as _;
use std::io::{self, Seek, SeekFrom, Write};

use time::{OffsetDateTime, UtcOffset};

use super::row::Row;
use crate::diagnostics::number::Invariant;

/// The two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line for each value; the time is that of the event.
    Csv,
    /// One object; the time is that of writing.
    Json,
}

impl Format {
    /// The ending of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// What ends the JSON.
const END: &str = "]}";

/// A file that grows by rows.
#[derive(Debug)]
pub struct Table<W> {
    output: W,
    format: Format,
    offset: UtcOffset,
    /// Rows that are not yet written.
    pending: String,
    /// Whether a row was written before.
    begun: bool,
    /// Bytes of the output that are a whole file.
    whole: u64,
}

impl<W: Write + Seek> Table<W> {
    /// Begins a file. `process` is the name of the program; `offset` that of local time.
    ///
    /// # Errors
    /// Those of the output.
    pub fn begin(
        output: W,
        format: Format,
        process: &str,
        now: OffsetDateTime,
    ) -> io::Result<Self> {
        let pending = match format {
            Format::Csv => {
                "Timestamp,Provider,Counter Name,Counter Type,Mean/Increment\n".to_owned()
            }
            Format::Json => format!(
                "{{ \"TargetProcess\": \"{}\", \"StartTime\": \"{}\", \"Events\": [",
                escaped(process),
                round_trip(now)
            ),
        };
        let mut table = Self {
            output,
            format,
            offset: now.offset(),
            pending,
            begun: false,
            whole: 0,
        };
        table.flush()?;
        Ok(table)
    }

    /// Adds a row; it is in the file after the next [`flush`](Self::flush).
    pub fn add(&mut self, row: &Row, now: OffsetDateTime) {
        match self.format {
            Format::Csv => csv(&mut self.pending, row, self.offset),
            Format::Json => {
                if self.begun {
                    self.pending.push(',');
                }
                json(&mut self.pending, row, now.to_offset(self.offset));
            }
        }
        self.begun = true;
    }

    /// Writes all rows: what the output then holds is a whole file.
    ///
    /// # Errors
    /// Those of the output. The rows before this call are still a whole file: see [`into_parts`](Self::into_parts).
    pub fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let end = if self.format == Format::Json { END } else { "" };
        self.pending.push_str(end);
        let written = self.append(end);
        self.pending.clear();
        if written.is_err() {
            // It was there before, so it takes no room; a second error changes nothing.
            let _ = self.restore(end);
        }
        written
    }

    /// The output, and how many of its first bytes are a whole file: all of them, unless an error came before.
    pub fn into_parts(self) -> (W, u64) {
        (self.output, self.whole)
    }

    fn append(&mut self, end: &str) -> io::Result<()> {
        self.seek_end(end)?;
        self.output.write_all(self.pending.as_bytes())?;
        self.output.flush()?;
        self.whole = self.output.stream_position()?;
        Ok(())
    }

    fn restore(&mut self, end: &str) -> io::Result<()> {
        if self.whole > 0 {
            self.seek_end(end)?;
            self.output.write_all(end.as_bytes())?;
        }
        self.output.flush()
    }

    /// To where the next row stands: over the end.
    fn seek_end(&mut self, end: &str) -> io::Result<()> {
        let rows = self.whole.saturating_sub(end.len() as u64);
        self.output.seek(SeekFrom::Start(rows)).map(drop)
    }
}

fn csv(out: &mut String, row: &Row, offset: UtcOffset) {
    let time = row.time.to_offset(offset);
    let tags = row.tags.joined().replace(',', ";");
    let tags = if tags.is_empty() {
        tags
    } else {
        format!("[{tags}]")
    };
    let line = format!(
        "{:02}/{:02}/{:04} {:02}:{:02}:{:02},{},{}{tags},{},{}",
        u8::from(time.month()),
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second(),
        row.provider,
        row.name,
        row.kind.word(),
        Invariant(row.value),
    );
    // A name with a line break must not make two rows.
    out.extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
    out.push('\n');
}

fn json(out: &mut String, row: &Row, now: OffsetDateTime) {
    let members = [
        ("provider", &*row.provider),
        ("name", &*row.name),
        ("tags", &*row.tags.value),
        ("counterType", row.kind.word()),
        ("meterTags", &*row.tags.meter),
        ("instrumentTags", &*row.tags.instrument),
    ];
    // Writing to a string never fails.
    let _ = write!(out, "{{ \"timestamp\": \"{}\", ", round_trip(now));
    for (name, value) in members {
        let _ = write!(out, " \"{name}\": \"{}\", ", escaped(value));
    }
    // JSON has no word for what is no number.
    let _ = if row.value.is_finite() {
        write!(out, " \"value\": {} }}", Invariant(row.value))
    } else {
        write!(out, " \"value\": null }}")
    };
}

/// .NET's round-trip form: `2026-11-23T15:34:49.0657298+00:00`.
fn round_trip(time: OffsetDateTime) -> String {
    let (hours, minutes, _) = time.offset().as_hms();
    let sign = if time.offset().is_negative() {
        '-'
    } else {
        '+'
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}{sign}{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.nanosecond() / 100,
        hours.abs(),
        minutes.abs(),
    )
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use time::macros::datetime;

    use super::super::row::{Kind, Tags};
    use super::*;

    fn row(name: &str, tags: Tags, value: f64) -> Row {
        Row {
            time: datetime!(2026-11-23 15:34:54.9 UTC),
            provider: "Shop".into(),
            name: name.into(),
            kind: Kind::Rate,
            tags,
            value,
        }
    }

    fn tags() -> Tags {
        Tags {
            meter: "tenant=north".into(),
            instrument: "desk=one".into(),
            value: "shop=b\"1\",city=x".into(),
        }
    }

    const NOW: OffsetDateTime = datetime!(2026-11-23 17:34:55.0657298 +02:00);

    fn file(format: Format, rows: &[Row]) -> String {
        let mut output = Cursor::new(Vec::new());
        let mut table = Table::begin(&mut output, format, "dotnet", NOW).unwrap();
        for row in rows {
            table.add(row, NOW);
            table.flush().unwrap();
        }
        String::from_utf8(output.into_inner()).unwrap()
    }

    #[test]
    fn csv_rows() {
        let rows = [
            row("orders (Count / 1 sec)", Tags::default(), 0.04),
            row("a\nb", tags(), 1e17),
        ];
        let expected = "Timestamp,Provider,Counter Name,Counter Type,Mean/Increment\n\
            11/23/2026 17:34:54,Shop,orders (Count / 1 sec),Rate,0.04\n\
            11/23/2026 17:34:54,Shop,a b[tenant=north;desk=one;shop=b\"1\";city=x],Rate,1E+17\n";
        assert_eq!(file(Format::Csv, &rows), expected);
    }

    #[test]
    fn json_rows() {
        let expected = "{ \"TargetProcess\": \"dotnet\", \"StartTime\": \"2026-11-23T17:34:55.0657298+02:00\", \
            \"Events\": [\
            { \"timestamp\": \"2026-11-23T17:34:55.0657298+02:00\",  \"provider\": \"Shop\",  \"name\": \"a\\nb\",  \
            \"tags\": \"shop=b\\\"1\\\",city=x\",  \"counterType\": \"Rate\",  \"meterTags\": \"tenant=north\",  \
            \"instrumentTags\": \"desk=one\",  \"value\": 2 },\
            { \"timestamp\": \"2026-11-23T17:34:55.0657298+02:00\",  \"provider\": \"Shop\",  \"name\": \"c\",  \
            \"tags\": \"\",  \"counterType\": \"Rate\",  \"meterTags\": \"\",  \
            \"instrumentTags\": \"\",  \"value\": null }]}";
        let rows = [
            row("a\nb", tags(), 2.0),
            row("c", Tags::default(), f64::NAN),
        ];
        assert_eq!(file(Format::Json, &rows), expected);
    }

    /// An output with room for so many bytes.
    struct Small<'a>(&'a mut Cursor<Vec<u8>>, usize);

    impl Write for Small<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let at = usize::try_from(self.0.position()).unwrap();
            let fits = bytes.len().min(self.1.saturating_sub(at));
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(&bytes[..fits])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small<'_> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    #[test]
    fn a_full_disk_leaves_the_rows_before() {
        let whole = |count: usize| file(Format::Json, &vec![row("a", tags(), 1.0); count]);
        for room in whole(1).len()..whole(3).len() {
            let mut output = Cursor::new(Vec::new());
            let mut table =
                Table::begin(Small(&mut output, room), Format::Json, "dotnet", NOW).unwrap();
            let row = row("a", tags(), 1.0);
            while table.flush().is_ok() {
                table.add(&row, NOW);
            }
            let (_, length) = table.into_parts();
            let mut bytes = output.into_inner();
            bytes.truncate(usize::try_from(length).unwrap());
            let rows = if room < whole(2).len() { 1 } else { 2 };
            assert_eq!(String::from_utf8(bytes).unwrap(), whole(rows));
        }
    }

    #[test]
    fn the_file_is_whole_after_every_row_and_before_the_first() {
        let rows = [
            row("a", tags(), 1.0),
            row("b", tags(), 2.0),
            row("c", tags(), 3.0),
        ];
        for count in 0..=rows.len() {
            let text = file(Format::Json, &rows[..count]);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["Events"].as_array().unwrap().len(), count);
        }
    }
}
