//! Several syncs in one command, some of them at once.

mod order;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use syncline_core::sync::When;
use syncline_core::{ErrorKind, Run, RunStatus, Sync, SyncId};

use crate::Context;
use crate::app::App;
use crate::exit::Exit;
use crate::fault::{Fault, Outcome};
use crate::output::Style;
pub use order::Candidate;
use order::{Need, Order, Step};

/// Most syncs that run at once. Each needs a handful of threads that may block, and the program has 512
/// of them.
pub const AT_ONCE_MAX: usize = 64;

/// Least memory of a run: a share below it would spend its time on spilling.
const RUN_MEMORY_BYTES_MIN: u64 = 16 << 20;
/// The same for people.
pub const RUN_MEMORY_MIN: &str = "16 MiB";

/// How many runs go on at once, and what each of them may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub at_once: usize,
    /// Bytes for each run; all together they keep the budget.
    pub run_bytes: u64,
}

impl Shares {
    /// Divides `budget` bytes among as many of `syncs` runs as are `wanted` at once, or among fewer when
    /// a share would be too small to work with.
    pub fn of(budget: u64, wanted: usize, syncs: usize) -> Self {
        let enough = usize::try_from(budget / RUN_MEMORY_BYTES_MIN).unwrap_or(usize::MAX);
        let at_once = wanted.min(syncs).min(enough).max(1);
        Self { at_once, run_bytes: budget / at_once as u64 }
    }
}

/// How a session ended.
pub struct Ended {
    pub exit: Exit,
    /// In the order of the selection.
    pub runs: Vec<Run>,
}

/// Runs syncs, `at_once` of them together. `execute` takes the number of one.
pub async fn run<F>(
    context: &Context,
    candidates: Vec<Candidate<'_>>,
    at_once: usize,
    execute: impl Fn(usize) -> F,
) -> Outcome<Ended>
where
    F: Future<Output = Outcome<Run>>,
{
    let ids: Vec<&SyncId> = candidates.iter().map(|candidate| candidate.id).collect();
    context.out.live.align(ids.iter().map(|id| id.as_str()));
    let mut session = Session {
        context,
        runs: ids.iter().map(|_| None).collect(),
        ids,
        order: Order::new(candidates, at_once),
        exit: Exit::Done,
        broken: None,
    };
    let mut running = FuturesUnordered::new();
    loop {
        while let Some(number) = session.next_to_start() {
            let run = execute(number);
            running.push(Box::pin(async move { (number, run.await) }));
        }
        // Nothing is awaited beside this: a run whose future is not polled could keep what another
        // waits for.
        match running.next().await {
            Some((number, outcome)) => session.settle(number, outcome),
            None => return session.end(),
        }
    }
}

/// A sync as the order knows it. An object is written by one run at a time: of two that replace the
/// same file, one would be lost.
pub fn candidate<'a>(app: &'a App, sync: &'a Sync) -> Candidate<'a> {
    let after = match sync.schedule.as_ref().map(|schedule| &schedule.when) {
        Some(When::After(upstream)) => Some(upstream),
        _ => None,
    };
    let mut needs = vec![Need { connection: &sync.target, object: Some(&sync.to.object), runs_max: 1 }];
    for connection in [&sync.source, &sync.target] {
        let runs_max = app.project.connections.get(connection).and_then(|doc| doc.max_concurrent_runs);
        needs.extend(runs_max.map(|runs_max| Need { connection, object: None, runs_max }));
    }
    Candidate { id: &sync.id, after, needs }
}

struct Session<'a> {
    context: &'a Context,
    ids: Vec<&'a SyncId>,
    order: Order<'a>,
    runs: Vec<Option<Run>>,
    exit: Exit,
    /// The state cannot be kept: why nothing more is started.
    broken: Option<Fault>,
}

impl Session<'_> {
    /// The number of a sync that is to be started now.
    fn next_to_start(&mut self) -> Option<usize> {
        loop {
            if self.broken.is_some() || self.context.interrupt.is_wished() {
                return None;
            }
            match self.order.step() {
                Step::Start(number) => return Some(number),
                Step::Skip { number, upstream } => {
                    let out = &self.context.out;
                    let head = out.paint_note(Style::Warn, "skipped");
                    let id = self.ids[number];
                    out.remark(&format!("{head} {id}: it runs after {upstream}, which did not complete"));
                }
                Step::Wait => return None,
            }
        }
    }

    fn settle(&mut self, number: usize, outcome: Outcome<Run>) {
        let completed = matches!(&outcome, Ok(run) if run.status == RunStatus::Completed);
        self.order.ended(number, completed);
        match outcome {
            Ok(run) => {
                self.exit = self.exit.worst(Exit::of_run(&run));
                self.runs[number] = Some(run);
            }
            Err(fault) if is_of_one_sync(&fault) => {
                self.exit = self.exit.worst(fault.exit());
                self.named(number, fault).report(&self.context.out);
            }
            Err(fault) => {
                self.context.interrupt.stop_runs();
                self.broken.get_or_insert(fault);
            }
        }
    }

    /// The fault with its sync's name, where that would not be clear.
    fn named(&self, number: usize, fault: Fault) -> Fault {
        let id = self.ids[number].as_str();
        match fault {
            Fault::Error(e) if self.ids.len() > 1 && !e.message.contains(id) => Fault::Error(e.context(id)),
            fault => fault,
        }
    }

    fn end(self) -> Outcome<Ended> {
        if let Some(fault) = self.broken {
            return Err(fault);
        }
        let left_out = self.context.interrupt.is_wished() && self.order.is_waiting();
        let exit = if left_out { self.exit.worst(Exit::Cancelled) } else { self.exit };
        Ok(Ended { exit, runs: self.runs.into_iter().flatten().collect() })
    }
}

/// Whether the other syncs can go on: not when the state itself cannot be kept.
fn is_of_one_sync(fault: &Fault) -> bool {
    use ErrorKind::*;
    match fault {
        Fault::Error(e) => {
            !matches!(e.kind, Corrupt | LocalIo | StateLocked | StateTooNew | StateUnreachable | Internal)
        }
        Fault::Problems { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_budget_is_shared_by_the_runs_at_once() {
        let shares = |budget, wanted, syncs| {
            let Shares { at_once, run_bytes } = Shares::of(budget, wanted, syncs);
            assert!(at_once as u64 * run_bytes <= budget);
            (at_once, run_bytes)
        };
        assert_eq!(shares(512 * MIB, 4, 9), (4, 128 * MIB));
        assert_eq!(shares(512 * MIB, 8, 3), (3, 512 * MIB / 3), "no more shares than syncs");
        assert_eq!(shares(512 * MIB, 4, 1), (1, 512 * MIB));
        assert_eq!(shares(40 * MIB, 4, 9), (2, 20 * MIB), "a run needs 16 MiB");
        assert_eq!(shares(MIB, 4, 9), (1, MIB), "one run takes what there is");
    }
}
