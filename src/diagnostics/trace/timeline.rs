//! A profile as timelines of threads, ready to be written in the order that viewers want: thread after thread.

use std::io::{Read, Seek};
use std::path::PathBuf;

use super::aside::Aside;
use super::error::TraceError;
use super::frames::{Frame, Frames};
use super::profile::{Profile, View};
use super::roles::ThreadName;
use super::sample::Activity;
use super::threads::Interval;
use super::track::{Mark, Track};

/// All timelines of a profile.
#[derive(Debug)]
pub struct Timeline {
    frames: Frames,
    shown: Shown,
    threads: Vec<Option<Thread>>,
    aside: Aside,
}

/// A thread's place in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Extent {
    pub(super) id: u64,
    pub(super) first: f64,
    pub(super) last: f64,
}

/// A thread of the result.
#[derive(Debug)]
struct Thread {
    extent: Extent,
    outer: [Frame; 4],
    track: Track,
}

impl Timeline {
    /// Reads a profile. What does not fit into some megabytes of memory is put aside in `folder` until it is written.
    ///
    /// # Errors
    /// The trace cannot be read, or nothing can be put aside.
    pub fn of(
        profile: &mut Profile<impl Read + Seek>,
        view: View,
        folder: PathBuf,
    ) -> Result<Self, TraceError> {
        let mut frames = Frames::default();
        let title = frames.of(&profile.process().title());
        let mut build = Build {
            common: [title, frames.of("(Non-Activities)"), frames.of("Threads")],
            leaves: [frames.of("CPU_TIME"), frames.of("UNMANAGED_CODE_TIME")],
            path: Vec::new(),
            threads: Vec::new(),
            aside: Aside::new(folder),
        };
        profile.intervals(view, &mut frames, |frames, interval| {
            build.add(frames, interval)
        })?;
        build.finish()?;
        let mut timeline = Self {
            frames,
            shown: Shown::default(),
            threads: build.threads,
            aside: build.aside,
        };
        timeline.shown = timeline.number()?;
        Ok(timeline)
    }

    /// Numbers the frames as they are used, thread after thread.
    fn number(&self) -> Result<Shown, TraceError> {
        let mut shown = Shown::default();
        let mut open = Vec::new();
        for (thread, _) in self.threads() {
            self.aside.each(thread, |mark| {
                if mark.opens {
                    open.push(shown.add(mark.frame, open.last().copied()));
                } else {
                    open.pop();
                }
                Ok(())
            })?;
        }
        Ok(shown)
    }

    /// Names of frames in the order of their numbers, with the number of the frame that first called each.
    pub(super) fn frames(&self) -> impl Iterator<Item = (&str, Option<u32>)> {
        let order = self.shown.order.iter();
        order.map(|(frame, caller)| (self.frames.name(*frame), *caller))
    }

    /// Threads in the order of their first samples, each with the number by which [`Self::marks`] knows it.
    pub(super) fn threads(&self) -> impl Iterator<Item = (usize, Extent)> {
        let threads = self.threads.iter().enumerate();
        threads.filter_map(|(at, thread)| Some((at, thread.as_ref()?.extent)))
    }

    /// The name of a thread.
    pub(super) fn name(&self, thread: usize) -> &str {
        let thread = self.threads.get(thread).and_then(Option::as_ref);
        thread.map_or("", |thread| self.frames.name(thread.outer[3]))
    }

    /// Hands the marks of a thread over, with the numbers of their frames.
    pub(super) fn marks(
        &self,
        thread: usize,
        mut take: impl FnMut(Mark<u32>) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        self.aside.each(thread, |mark| {
            take(Mark {
                frame: self.shown.number(mark.frame),
                opens: mark.opens,
                time: mark.time,
            })
        })
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.shown.order.is_empty()
    }
}

/// The frames of the result, numbered in the order in which they are first used.
#[derive(Debug, Default)]
struct Shown {
    numbers: Vec<Option<u32>>,
    order: Vec<(Frame, Option<u32>)>,
}

impl Shown {
    /// The number of a frame; `caller` called it if this is its first use.
    fn add(&mut self, frame: Frame, caller: Option<u32>) -> u32 {
        let at = frame.number();
        if at >= self.numbers.len() {
            self.numbers.resize(at + 1, None);
        }
        // There are fewer frames than 2^32: names and threads are bounded.
        let next = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        *self.numbers[at].get_or_insert_with(|| {
            self.order.push((frame, caller));
            next
        })
    }

    fn number(&self, frame: Frame) -> u32 {
        let number = self.numbers.get(frame.number()).copied().flatten();
        number.unwrap_or_default()
    }
}

/// A timeline that is being made.
struct Build {
    /// The outermost frames of every thread.
    common: [Frame; 3],
    /// The innermost frame: running and not.
    leaves: [Frame; 2],
    path: Vec<Frame>,
    threads: Vec<Option<Thread>>,
    aside: Aside,
}

impl Build {
    fn add(&mut self, frames: &mut Frames, interval: &Interval<'_>) -> Result<(), TraceError> {
        let at = interval.thread;
        if at >= self.threads.len() {
            self.threads.resize_with(at + 1, || None);
        }
        let [title, activities, all] = self.common;
        let (id, role) = (interval.id, interval.role);
        let name = ThreadName { id, role };
        let thread = self.threads[at].get_or_insert_with(|| Thread {
            extent: Extent {
                id: interval.id,
                first: interval.start,
                last: interval.start,
            },
            outer: [title, activities, all, frames.of(&name.to_string())],
            track: Track::default(),
        });
        let [running, waiting] = self.leaves;
        self.path.clear();
        self.path.extend(thread.outer);
        self.path.extend_from_slice(interval.stack);
        self.path.push(match interval.activity {
            Activity::Managed => running,
            Activity::Elsewhere => waiting,
        });
        let aside = &mut self.aside;
        thread
            .track
            .add(&self.path, (interval.start, interval.duration), |mark| {
                aside.add(at, mark)
            })
    }

    /// Closes what is open.
    fn finish(&mut self) -> Result<(), TraceError> {
        for (at, thread) in self.threads.iter_mut().enumerate() {
            if let Some(thread) = thread {
                let aside = &mut self.aside;
                thread.track.close(0, &mut |mark| aside.add(at, mark))?;
                thread.extent.last = thread.track.last();
            }
        }
        Ok(())
    }
}
