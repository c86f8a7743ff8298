//! The frames of one thread as a timeline: where does each open, and where does it close?
//!
//! Neighbouring intervals that share the outer part of their stacks share its frames, too. The rule for neighbours, the
//! sum of durations in 32 bits and the order of closing are those of dotnet-trace's exporters: its files show them.

use super::frames::Frame;

/// A frame that opens or closes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark<F> {
    pub(super) frame: F,
    pub(super) opens: bool,
    /// Milliseconds after the session began.
    pub(super) time: f64,
}

/// An open frame.
#[derive(Debug)]
struct Open {
    frame: Frame,
    start: f64,
    duration: f32,
}

impl Open {
    fn end(&self) -> f64 {
        self.start + f64::from(self.duration)
    }

    /// Whether what starts then goes on with this. Sums of durations are not exact, so that a little too late is in time.
    fn reaches(&self, start: f64) -> bool {
        self.start + f64::from(self.duration) * 1.001 >= start
    }
}

/// The open frames of a thread.
#[derive(Debug, Default)]
pub(super) struct Track {
    open: Vec<Open>,
    last: f64,
}

impl Track {
    /// Takes the next interval: a stack, outermost frame first, its start and its duration.
    pub(super) fn add<E>(
        &mut self,
        path: &[Frame],
        (start, duration): (f64, f32),
        mut mark: impl FnMut(Mark<Frame>) -> Result<(), E>,
    ) -> Result<(), E> {
        let goes_on =
            |(open, frame): &(&mut Open, &Frame)| open.frame == **frame && open.reaches(start);
        let mut shared = 0;
        for (open, _) in self.open.iter_mut().zip(path).take_while(goes_on) {
            open.duration += duration;
            shared += 1;
        }
        self.close(shared, &mut mark)?;
        let time = self.last.max(start);
        for frame in path.iter().skip(shared) {
            self.open.push(Open {
                frame: *frame,
                start,
                duration,
            });
            self.last = time;
            let (frame, opens) = (*frame, true);
            mark(Mark { frame, opens, time })?;
        }
        Ok(())
    }

    /// When the last frame opened or closed.
    pub(super) fn last(&self) -> f64 {
        self.last
    }

    /// Closes all but the outermost frames.
    pub(super) fn close<E>(
        &mut self,
        keep: usize,
        mark: &mut impl FnMut(Mark<Frame>) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.open.len() > keep {
            let Some(open) = self.open.pop() else { break };
            self.last = self.last.max(open.end());
            mark(Mark {
                frame: open.frame,
                opens: false,
                time: self.last,
            })?;
        }
        Ok(())
    }
}
