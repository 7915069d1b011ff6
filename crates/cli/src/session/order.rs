//! Which sync of a session starts next: what waits for what, and how much may run at once.

use std::collections::BTreeMap;

use syncline_core::SyncId;

/// A sync that is to run.
pub struct Candidate<'a> {
    pub id: &'a SyncId,
    /// The sync it runs after, which counts only where it is part of the session.
    pub after: Option<&'a SyncId>,
    /// What a run of it needs a place at.
    pub needs: Vec<Need<'a>>,
}

/// Something that only so many runs may use at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<'a> {
    pub connection: &'a str,
    /// An object of the connection; `None`: the connection itself.
    pub object: Option<&'a str>,
    pub runs_max: u32,
}

/// What can be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Start the sync of this number.
    Start(usize),
    /// Leave the sync of this number out: `upstream` did not complete.
    Skip { number: usize, upstream: &'a SyncId },
    /// Wait for a sync that runs; without one, everything is settled.
    Wait,
}

/// The syncs of a session, each known by its place in the selection. Every sync stands behind the one
/// it runs after.
pub struct Order<'a> {
    entries: Vec<Entry<'a>>,
    places: Vec<Place>,
    running: usize,
    at_once_max: usize,
}

struct Entry<'a> {
    id: &'a SyncId,
    upstream: Option<usize>,
    /// Numbers of the places that a run of it takes.
    takes: Vec<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Completed,
    NotCompleted,
}

struct Place {
    runs: u32,
    runs_max: u32,
}

impl<'a> Order<'a> {
    /// `at_once_max`: most syncs that run together, at least 1.
    pub fn new(candidates: Vec<Candidate<'a>>, at_once_max: usize) -> Self {
        let numbers: BTreeMap<_, _> = candidates.iter().enumerate().map(|(n, c)| (c.id, n)).collect();
        let mut known = BTreeMap::new();
        let mut places = Vec::new();
        let mut place = |need: Need<'a>| {
            *known.entry((need.connection, need.object)).or_insert_with(|| {
                places.push(Place { runs: 0, runs_max: need.runs_max.max(1) });
                places.len() - 1
            })
        };
        let entries = candidates.into_iter().map(|candidate| {
            let mut takes: Vec<usize> = candidate.needs.into_iter().map(&mut place).collect();
            // A sync within one connection is one run that uses it.
            takes.sort_unstable();
            takes.dedup();
            let upstream = candidate.after.and_then(|id| numbers.get(id).copied());
            Entry { id: candidate.id, upstream, takes, state: State::Waiting }
        });
        let entries = entries.collect();
        Self { entries, places, running: 0, at_once_max: at_once_max.max(1) }
    }

    /// The next step, which is taken with this: a sync to start counts as running from now on.
    pub fn step(&mut self) -> Step<'a> {
        for number in 0..self.entries.len() {
            let entry = &self.entries[number];
            if entry.state != State::Waiting {
                continue;
            }
            let upstream = entry.upstream.map(|upstream| &self.entries[upstream]);
            match upstream.map_or(State::Completed, |upstream| upstream.state) {
                State::Waiting | State::Running => continue,
                State::NotCompleted => {
                    let upstream = upstream.map_or(entry.id, |upstream| upstream.id);
                    self.entries[number].state = State::NotCompleted;
                    return Step::Skip { number, upstream };
                }
                State::Completed => {}
            }
            let has_room = |taken: &usize| self.places[*taken].runs < self.places[*taken].runs_max;
            if self.running < self.at_once_max && entry.takes.iter().all(has_room) {
                self.running += 1;
                entry.takes.iter().for_each(|taken| self.places[*taken].runs += 1);
                self.entries[number].state = State::Running;
                return Step::Start(number);
            }
        }
        Step::Wait
    }

    /// A sync that ran came to its end.
    pub fn ended(&mut self, number: usize, completed: bool) {
        let entry = &mut self.entries[number];
        entry.state = if completed { State::Completed } else { State::NotCompleted };
        entry.takes.iter().for_each(|taken| self.places[*taken].runs -= 1);
        self.running -= 1;
    }

    /// Some sync was neither started nor left out.
    pub fn is_waiting(&self) -> bool {
        self.entries.iter().any(|entry| entry.state == State::Waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> SyncId {
        SyncId::parse(text).unwrap()
    }

    fn candidate<'a>(id: &'a SyncId, after: Option<&'a SyncId>, needs: &[Need<'a>]) -> Candidate<'a> {
        Candidate { id, after, needs: needs.to_vec() }
    }

    fn connection(connection: &str, runs_max: u32) -> Need<'_> {
        Need { connection, object: None, runs_max }
    }

    #[test]
    fn syncs_start_in_order_and_as_many_as_there_is_room() {
        let ids = ["a.a", "a.b", "a.c"].map(id);
        let mut order = Order::new(ids.iter().map(|id| candidate(id, None, &[])).collect(), 2);
        assert_eq!([order.step(), order.step(), order.step()], [Step::Start(0), Step::Start(1), Step::Wait]);
        assert!(order.is_waiting());
        order.ended(1, false);
        assert_eq!([order.step(), order.step()], [Step::Start(2), Step::Wait]);
        assert!(!order.is_waiting());
    }

    #[test]
    fn a_sync_waits_for_the_one_it_runs_after_and_others_overtake() {
        let ids = ["a.a", "a.b", "a.c"].map(id);
        let [a, b, c] = &ids;
        let candidates =
            || vec![candidate(a, None, &[]), candidate(b, Some(a), &[]), candidate(c, None, &[])];
        let mut order = Order::new(candidates(), 3);
        assert_eq!([order.step(), order.step(), order.step()], [Step::Start(0), Step::Start(2), Step::Wait]);
        order.ended(0, true);
        assert_eq!(order.step(), Step::Start(1));

        let mut order = Order::new(candidates(), 1);
        assert_eq!(order.step(), Step::Start(0));
        order.ended(0, false);
        assert_eq!(order.step(), Step::Skip { number: 1, upstream: a });
        assert_eq!(order.step(), Step::Start(2));
    }

    #[test]
    fn what_was_left_out_did_not_complete_and_what_is_not_selected_is_not_waited_for() {
        let ids = ["a.a", "a.b", "a.c", "a.d"].map(id);
        let [a, b, c, d] = &ids;
        let chain = vec![candidate(a, Some(d), &[]), candidate(b, Some(a), &[]), candidate(c, Some(b), &[])];
        let mut order = Order::new(chain, 4);
        assert_eq!([order.step(), order.step()], [Step::Start(0), Step::Wait]);
        order.ended(0, false);
        assert_eq!(order.step(), Step::Skip { number: 1, upstream: a });
        assert_eq!(order.step(), Step::Skip { number: 2, upstream: b });
        assert_eq!(order.step(), Step::Wait);
        assert!(!order.is_waiting());
    }

    #[test]
    fn places_are_taken_once_by_each_run_and_given_back() {
        let ids = ["a.a", "a.b", "a.c"].map(id);
        let within = [connection("crm", 1), connection("crm", 1)];
        let object = Need { connection: "erp", object: Some("orders"), runs_max: 1 };
        let needs: [&[Need]; 3] = [&within, &[connection("crm", 1), object], &[object]];
        let candidates = ids.iter().zip(needs).map(|(id, needs)| candidate(id, None, needs)).collect();
        let mut order = Order::new(candidates, 3);
        assert_eq!([order.step(), order.step(), order.step()], [Step::Start(0), Step::Start(2), Step::Wait]);
        order.ended(0, true);
        assert_eq!(order.step(), Step::Wait, "the object is written by another");
        order.ended(2, false);
        assert_eq!(order.step(), Step::Start(1));
    }
}
