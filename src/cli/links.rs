//! How is a chain shown? A line for each link, and below a broken one the way out.

use std::fmt::Write;

use crate::chain::State;
use crate::chain::{Chain, Link};

/// Writes the links.
pub(super) fn write(page: &mut String, chain: &Chain) {
    for Link { kind, state } in chain.links() {
        let (word, code, fact) = (state.as_str(), kind.code(), state.fact());
        // Writing to a String cannot fail.
        let _ = match state {
            State::Broken(fault) => {
                let _ = writeln!(page, "  {word:<7}  {code:<18}  {}: {fact}", fault.code());
                writeln!(page, "{:31}way out: {}", "", fault.way_out())
            }
            State::Holds(_) | State::Unknown(_) | State::Idle(_) => {
                writeln!(page, "  {word:<7}  {code:<18}  {fact}")
            }
        };
    }
}
