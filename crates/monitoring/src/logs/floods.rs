//! Floods of one line: of a warning or an error that comes without end, some are written and the rest is counted.
//!
//! Rule of thumb: a request that is refused costs its client nothing, and its line takes more bytes than it has itself. So
//! what can be caused from outside is bounded, at each place in the code by itself, so that no flood hides another line.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

use crate::metrics::Counter;

/// Lines of one place that are written in a second.
const RATE: f64 = 200.0;
/// Lines that are written at once after a quiet time.
const BURST: f64 = 1000.0;

/// What was written of late, by place.
pub(super) struct LineFloods {
    places: Mutex<HashMap<Identifier, LinePlace>>,
    left_out: Counter,
}

/// A place in the code that writes lines.
struct LinePlace {
    /// Lines that it may write at this moment.
    allowance: f64,
    at: Instant,
    /// Lines that were left out since the last one.
    left_out: u64,
}

impl LineFloods {
    /// Lines that are left out are counted by `left_out`.
    pub(super) fn new(left_out: Counter) -> Self {
        Self { places: Mutex::default(), left_out }
    }

    /// Whether an event is written: the number of those like it that were left out before it, or `None` if this is one more.
    pub(super) fn admit(&self, metadata: &Metadata<'_>) -> Option<u64> {
        // Whoever wants more than warnings asks for it, and each answered prediction has a line.
        if *metadata.level() > Level::WARN {
            return Some(0);
        }
        self.admit_at(metadata.callsite(), Instant::now())
    }

    fn admit_at(&self, place: Identifier, now: Instant) -> Option<u64> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(place).or_insert(LinePlace { allowance: BURST, at: now, left_out: 0 });
        let seconds = now.saturating_duration_since(place.at).as_secs_f64();
        place.at = now;
        place.allowance = (place.allowance + seconds * RATE).min(BURST);
        if place.allowance < 1.0 {
            place.left_out += 1;
            self.left_out.inc();
            return None;
        }
        place.allowance -= 1.0;
        Some(std::mem::take(&mut place.left_out))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tracing::callsite::Callsite;
    use tracing::subscriber::Interest;

    use super::*;

    struct FloodedPlace;

    impl Callsite for FloodedPlace {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            unreachable!("only its identity is asked for")
        }
    }

    static FLOODED: FloodedPlace = FloodedPlace;

    #[test]
    fn a_flood_is_thinned_and_counted_and_ends() {
        let floods = LineFloods::new(Counter::new("left_out", "Left out.").unwrap());
        let place = || Identifier(&FLOODED);
        let begin = Instant::now();
        let written = (0..5000).filter(|_| floods.admit_at(place(), begin).is_some()).count();
        assert_eq!((written, floods.left_out.get()), (1000, 4000));
        let later = begin + Duration::from_secs(1);
        assert_eq!(floods.admit_at(place(), later), Some(4000), "the next line tells of them");
        assert_eq!((1..5000).filter(|_| floods.admit_at(place(), later).is_some()).count(), 199);
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..5000).filter(|_| floods.admit_at(place(), much_later).is_some()).count(), 1000);
    }
}
