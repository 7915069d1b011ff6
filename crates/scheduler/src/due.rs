//! When a sync is due: pure functions of its schedule, a moment and its seed.

use std::time::Duration;

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};
use syncline_core::cron::Cron;
use syncline_core::sync::{Schedule, When};
use syncline_core::{SyncUid, canon};

/// Missed fires are counted up to here; there is no use in more for anybody.
pub const MISSED_COUNTED_MAX: u64 = 10_000;

/// What is due next, and what was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// In the past when fires were missed: it is made up for at once, and once only.
    pub fire_at: Timestamp,
    /// Further fires since then, for which nothing runs; at most [`MISSED_COUNTED_MAX`].
    pub missed: u64,
}

/// The seed that a sync's delays are taken from.
pub fn seed_of(uid: &SyncUid) -> u64 {
    canon::hash(0, uid.as_str().as_bytes()).0 as u64
}

/// The fire that follows `after`, which is the planned time of the previous fire, or now. `None` for a
/// schedule that runs after another sync, and past the end of the calendar.
///
/// Cron speaks of civil time: a time that its zone skips fires at the moment of the shift, one that occurs
/// twice fires the first time, and what comes to the same moment fires once [G20]. An interval counts from
/// `after`. Jitter delays a fire by less than `schedule.jitter` and less than it takes to the next one; by
/// how much depends on the seed and on the fire.
pub fn next_fire(schedule: &Schedule, after: Timestamp, seed: u64) -> Option<Timestamp> {
    fire_after(schedule, after, after, seed)
}

/// The next `count` fires, each counted from the one before.
pub fn next_fires(schedule: &Schedule, after: Timestamp, seed: u64, count: usize) -> Vec<Timestamp> {
    let next = |after: &Timestamp| next_fire(schedule, *after, seed);
    std::iter::successors(next(&after), next).take(count).collect()
}

/// Of the fires that follow `previous`, the first one later than `now`.
pub fn fire_after(schedule: &Schedule, previous: Timestamp, now: Timestamp, seed: u64) -> Option<Timestamp> {
    let jitter = Jitter { limit: schedule.jitter, seed };
    match &schedule.when {
        When::After(_) => None,
        When::Every(every) => Interval { every: *every, from: previous, jitter }.after(now),
        When::Cron { expression, timezone } => {
            Calendar::new(expression, timezone)?.jittered_after(now.max(previous), jitter)
        }
    }
}

/// What is due at `now` when the last fire was that of `previous`: after any downtime at most one run.
pub fn catch_up(schedule: &Schedule, previous: Timestamp, now: Timestamp, seed: u64) -> Option<Due> {
    let fire_at = next_fire(schedule, previous, seed)?;
    if fire_at > now {
        return Some(Due { fire_at, missed: 0 });
    }
    let jitter = Jitter { limit: schedule.jitter, seed };
    let missed = match &schedule.when {
        When::Every(every) => Interval { every: *every, from: previous, jitter }.fires_until(now) - 1,
        _ => missed_fires(schedule, fire_at, now, seed),
    };
    Some(Due { fire_at, missed: missed.min(MISSED_COUNTED_MAX) })
}

/// Fires later than `from` and not later than `to`, at most [`MISSED_COUNTED_MAX`].
fn missed_fires(schedule: &Schedule, from: Timestamp, to: Timestamp, seed: u64) -> u64 {
    let next = |after: &Timestamp| next_fire(schedule, *after, seed);
    let fires = std::iter::successors(next(&from), next).take_while(|fire| *fire <= to);
    fires.take(MISSED_COUNTED_MAX as usize).count() as u64
}

/// A delay that is the same each time it is asked for.
#[derive(Clone, Copy)]
struct Jitter {
    limit: Duration,
    seed: u64,
}

impl Jitter {
    /// Delays a fire within what there is up to the next one, so that fires keep their order.
    fn delay(self, fire: Timestamp, room: SignedDuration) -> Option<Timestamp> {
        let limit = signed(self.limit).min(room).as_micros().max(0);
        let hash = canon::hash(self.seed, &fire.as_microsecond().to_be_bytes());
        // The product of a fraction of 2^64 and the limit: even, and below the limit.
        let share = (u128::from(hash.0 as u64) * limit as u128) >> 64;
        fire.checked_add(SignedDuration::from_micros(i64::try_from(share).ok()?)).ok()
    }
}

/// The fires of an interval: every so long from a moment.
#[derive(Clone, Copy)]
struct Interval {
    every: Duration,
    from: Timestamp,
    jitter: Jitter,
}

impl Interval {
    /// The `n`th fire, from 1.
    fn fire(self, n: u64) -> Option<Timestamp> {
        let every = signed(self.every).as_micros().max(1);
        let offset = i64::try_from(every.checked_mul(n.into())?).ok()?;
        let planned = self.from.checked_add(SignedDuration::from_micros(offset)).ok()?;
        self.jitter.delay(planned, signed(self.every))
    }

    /// How many fires are not later than `now`.
    fn fires_until(self, now: Timestamp) -> u64 {
        let passed = now.duration_since(self.from).as_micros() / signed(self.every).as_micros().max(1);
        let planned = u64::try_from(passed).unwrap_or(0);
        // The last one may be delayed past now.
        planned - u64::from(planned > 0 && self.fire(planned).is_none_or(|fire| fire > now))
    }

    fn after(self, now: Timestamp) -> Option<Timestamp> {
        self.fire(self.fires_until(now) + 1)
    }
}

/// The fires of a cron expression in a zone.
struct Calendar {
    cron: Cron,
    zone: TimeZone,
}

impl Calendar {
    /// `None` for what validation refuses.
    fn new(expression: &str, timezone: &str) -> Option<Self> {
        Some(Self { cron: Cron::parse(expression).ok()?, zone: TimeZone::get(timezone).ok()? })
    }

    /// The first planned fire after a moment.
    ///
    /// Going through civil time in order gives moments in order, so that the first that is later than
    /// `after` is the next one. Times before it are those that come a second time when clocks are put back.
    fn after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut time = self.zone.to_datetime(after);
        loop {
            time = self.cron.next_after(time)?;
            let moment = self.moment(time)?;
            if moment > after {
                return Some(moment);
            }
        }
    }

    /// The moment of a civil time: the first of two, or that of the shift when the time is skipped.
    fn moment(&self, time: civil::DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                // Read with the later offset, a skipped time is before the shift.
                let before_shift = after.to_timestamp(time).ok()?;
                let mut shifts = self.zone.following(before_shift);
                shifts.find(|shift| shift.offset() == after).map(|shift| shift.timestamp())
            }
        }
    }

    fn jittered_after(&self, after: Timestamp, jitter: Jitter) -> Option<Timestamp> {
        if jitter.limit.is_zero() {
            return self.after(after);
        }
        // A fire that was planned before `after` may be delayed past it.
        let earlier = self.last_within(after, signed(jitter.limit));
        let delayed = earlier.and_then(|planned| self.delayed(planned, jitter));
        delayed.filter(|fire| *fire > after).or_else(|| self.delayed(self.after(after)?, jitter))
    }

    fn delayed(&self, planned: Timestamp, jitter: Jitter) -> Option<Timestamp> {
        let room = self.after(planned).map_or(SignedDuration::MAX, |next| next.duration_since(planned));
        jitter.delay(planned, room)
    }

    /// The last planned fire not later than `until` and less than `within` before it.
    fn last_within(&self, until: Timestamp, within: SignedDuration) -> Option<Timestamp> {
        let mut back = SignedDuration::from_mins(1);
        loop {
            let from = until.checked_sub(back.min(within)).unwrap_or(Timestamp::MIN);
            if let Some(first) = self.after(from).filter(|fire| *fire <= until) {
                let next = |fire: &Timestamp| self.after(*fire).filter(|fire| *fire <= until);
                return std::iter::successors(Some(first), next).last();
            }
            if back >= within {
                return None;
            }
            back *= 2;
        }
    }
}

/// Durations that no calendar holds are as long as can be.
fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
