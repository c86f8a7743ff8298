//! Which methods took the time? A table of methods, as `dotnet-trace report topN` prints it.
//!
//! One difference is meant: dotnet-trace also takes events of event sources for samples, so that the last event of every
//! trace gives the thread that ends the session the time of the whole trace. Here only samples count.
//!
//! In [`View::Cpu`] every sample counts the same, however long it took until the next one: that is how long the runtime
//! needed to stop all threads, ten times as long as usual where some fight for a lock, and no work of the thread. No name
//! is left out there: a method that ran is no frame of the process.

use std::fmt::{self, Write as _};
use std::io::{Read, Seek};

use super::error::TraceError;
use super::frames::{Frame, Frames};
use super::json::Number;
use super::profile::{Profile, View};
use super::symbols::UNKNOWN;
use super::threads::Interval;

/// Time by method.
#[derive(Debug)]
pub struct Top {
    view: View,
    frames: Frames,
    outer: [Frame; 3],
    sums: Vec<Sum>,
    intervals: u64,
    total: f64,
}

/// The time of a method, in milliseconds; in samples where each counts the same.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    inclusive: f64,
    exclusive: f64,
    /// The last interval that counted: a method counts once, however often it is on a stack.
    counted: u64,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// The method, with its module and arguments.
    pub name: &'a str,
    /// Milliseconds in it and in what it called; in the view of the CPU, samples.
    pub inclusive: f64,
    /// Milliseconds in it alone; in the view of the CPU, samples.
    pub exclusive: f64,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Time in the method alone.
    Exclusive,
    /// Time in the method and in what it called.
    Inclusive,
}

/// Which methods have rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Those that dotnet-trace shows: none whose name contains `Process` or `ROOT`. It means the frame of the process.
    /// In the view of the CPU, where dotnet-trace has nothing to compare, the same as all.
    AsDotnetTrace,
    /// All.
    All,
}

impl Top {
    /// Sums a profile up.
    ///
    /// # Errors
    /// The trace cannot be read again.
    pub fn of(profile: &mut Profile<impl Read + Seek>, view: View) -> Result<Self, TraceError> {
        let mut frames = Frames::default();
        let title = frames.of(&profile.process().title());
        let outer = [title, frames.of("(Non-Activities)"), frames.of("Threads")];
        let mut top = Self {
            view,
            frames: Frames::default(),
            outer,
            sums: Vec::new(),
            intervals: 0,
            total: 0.0,
        };
        profile.intervals(view, &mut frames, |_, interval| {
            top.add(interval);
            Ok(())
        })?;
        top.frames = frames;
        Ok(top)
    }

    fn add(&mut self, interval: &Interval<'_>) {
        let time = match self.view {
            View::Wall => f64::from(interval.duration),
            View::Cpu => 1.0,
        };
        self.intervals += 1;
        self.total += time;
        let outer = self.outer;
        for frame in outer.iter().chain(interval.stack) {
            let counted = self.intervals;
            let sum = self.sum(*frame);
            if sum.counted != counted {
                sum.counted = counted;
                sum.inclusive += time;
            }
        }
        // Threads, and whether they run, are no methods: their time is that of the frame around them.
        let innermost = interval.stack.last().copied();
        self.sum(innermost.unwrap_or(outer[2])).exclusive += time;
    }

    fn sum(&mut self, frame: Frame) -> &mut Sum {
        let at = frame.number();
        if at >= self.sums.len() {
            self.sums.resize(at + 1, Sum::default());
        }
        &mut self.sums[at]
    }

    /// Milliseconds of all threads; in the view of the CPU, samples.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The rows with the most time, at most so many.
    pub fn rows(&self, (by, shown): (By, Names), count: usize) -> Vec<Row<'_>> {
        let named = self.sums.iter().zip(self.frames.names());
        let rows = named.enumerate().map(|(at, (sum, name))| {
            let (inclusive, exclusive) = (sum.inclusive, sum.exclusive);
            (
                at,
                Row {
                    name,
                    inclusive,
                    exclusive,
                },
            )
        });
        let title = self.outer[0].number();
        let all = shown == Names::All || self.view == View::Cpu;
        let is_shown = |(at, row): &(usize, Row<'_>)| {
            let hidden = row.name.contains("Process") || row.name.contains("ROOT");
            row.inclusive > 0.0 && *at != title && (all || !hidden)
        };
        let mut rows: Vec<_> = rows.filter(is_shown).map(|(_, row)| row).collect();
        let key = |row: &Row<'_>| match by {
            By::Exclusive => (row.exclusive, row.inclusive),
            By::Inclusive => (row.inclusive, row.exclusive),
        };
        let later = |a: &Row<'_>, b: &Row<'_>| {
            let ((a, less), (b, more)) = (key(a), key(b));
            b.total_cmp(&a).then(more.total_cmp(&less))
        };
        rows.sort_by(later);
        rows.truncate(count);
        rows
    }

    /// The table of these rows; `full` shows long names on several lines.
    pub fn table(&self, order: (By, Names), count: usize, full: bool) -> String {
        let table = Table {
            rows: self.rows(order, count),
            total: self.total,
            by: order.0,
            full,
        };
        table.to_string()
    }
}

/// Widths of the columns.
const NAME: usize = 70;
const MEASURE: usize = 20;

struct Table<'a> {
    rows: Vec<Row<'a>>,
    total: f64,
    by: By,
    full: bool,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.rows.len();
        let by = match self.by {
            By::Exclusive => "Exclusive",
            By::Inclusive => "Inclusive",
        };
        let digits = count.to_string().len();
        let head = format!("Top {count} Functions ({by})");
        let width = NAME + 6 + digits;
        writeln!(
            f,
            "{head:<width$}{:<MEASURE$}{:<MEASURE$}",
            "Inclusive", "Exclusive"
        )?;
        for (at, row) in self.rows.iter().enumerate() {
            self.row(
                f,
                &format!("{:<w$}", format!("{}.", at + 1), w = digits + 2),
                row,
            )?;
        }
        Ok(())
    }
}

impl Table<'_> {
    fn row(&self, f: &mut fmt::Formatter<'_>, number: &str, row: &Row<'_>) -> fmt::Result {
        // The process decides what its methods are called: nothing that a terminal would obey.
        let shown = |sign: char| if sign.is_control() { '\u{fffd}' } else { sign };
        let name: Vec<char> = short(row.name).chars().map(shown).collect();
        let mut number = number.to_owned();
        let mut shares = [self.share(row.inclusive), self.share(row.exclusive)];
        for piece in name
            .chunks(NAME)
            .take(if self.full { usize::MAX } else { 1 })
        {
            let piece: String = piece.iter().collect();
            let [inclusive, exclusive] = &shares;
            writeln!(
                f,
                "{number}{piece:<NAME$}    {inclusive:<MEASURE$}{exclusive:<MEASURE$}"
            )?;
            number = " ".repeat(number.len());
            shares = [String::new(), String::new()];
        }
        Ok(())
    }

    fn share(&self, time: f64) -> String {
        let hundredths = if self.total > 0.0 {
            time * 100.0 / self.total * 100.0
        } else {
            0.0
        };
        format!("{}%", Number(hundredths.round_ties_even() / 100.0))
    }
}

/// A method without namespace and module: the last two words before the last arguments, and these.
fn short(name: &str) -> String {
    if name == UNKNOWN {
        return "Missing Symbol".to_owned();
    }
    // The last bracket that is closed again.
    let closed = name.rfind(')').map_or("", |at| &name[..at]);
    let arguments = closed.rfind('(').filter(|at| name[..*at].contains('.'));
    let Some(at) = arguments else {
        return name.to_owned();
    };
    let end = name.rfind(')').map_or(name.len(), |at| at + 1);
    let (path, arguments) = (&name[..at], &name[at..end]);
    let mut words = path.rsplitn(3, '.');
    let method = words.next().unwrap_or_default();
    let holder = words.next().unwrap_or_default();
    let mut short = String::new();
    // Writing to a String cannot fail.
    let _ = write!(short, "{holder}.{method}{arguments}");
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_as_dotnet_trace_does() {
        for (name, expected) in [
            (
                "HelloAKS!HelloAKS.Worker.FindPrimeNumber(int32)",
                "Worker.FindPrimeNumber(int32)",
            ),
            (
                "Lib!A.B..ctor(class System.String,int32)",
                ".ctor(class System.String,int32)",
            ),
            ("Lib!Program.Main()", "Lib!Program.Main()"),
            (
                "Lib!N.A.M(class X,method void *(int32))",
                "A.M(class X,method void *(int32))",
            ),
            ("(Non-Activities)", "(Non-Activities)"),
            ("?!?", "Missing Symbol"),
            ("Lib!A.B.C(open", "Lib!A.B.C(open"),
        ] {
            assert_eq!(short(name), expected, "{name}");
        }
    }

    #[test]
    fn columns_stand_where_dotnet_trace_puts_them() {
        let name = format!("M!N.T.{}(int32)", "x".repeat(80));
        let rows = vec![
            Row {
                name: &name,
                inclusive: 1.0,
                exclusive: 2.0 / 3.0,
            },
            Row {
                name: UNKNOWN,
                inclusive: 0.5,
                exclusive: 0.0,
            },
        ];
        let table = |full| {
            Table {
                rows: rows.clone(),
                total: 1.0,
                by: By::Exclusive,
                full,
            }
            .to_string()
        };
        let head = format!(
            "{:<77}{:<20}{:<20}\n",
            "Top 2 Functions (Exclusive)", "Inclusive", "Exclusive"
        );
        let first = format!(
            "1. T.{}    {:<20}{:<20}\n",
            "x".repeat(68),
            "100%",
            "66.67%"
        );
        let rest = format!(
            "   {:<70}    {:<40}\n",
            format!("{}(int32)", "x".repeat(12)),
            ""
        );
        let second = format!("2. {:<70}    {:<20}{:<20}\n", "Missing Symbol", "50%", "0%");
        assert_eq!(table(false), format!("{head}{first}{second}"));
        assert_eq!(table(true), format!("{head}{first}{rest}{second}"));
    }
}
