//! Puts syncs into the order in which their schedules depend on each other.

use std::collections::BTreeMap;

use syncline_core::sync::When;
use syncline_core::{Sync, SyncId};

/// The syncs, each behind the one it runs after, otherwise in the given order.
pub(crate) fn by_dependency(syncs: Vec<Sync>) -> Vec<Sync> {
    let (order, _) = ordered(&syncs.iter().collect::<Vec<_>>());
    let mut syncs: Vec<Option<Sync>> = syncs.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| syncs[at].take()).collect()
}

/// Every cycle, as the ids that follow each other.
pub(crate) fn cycles(syncs: &[&Sync]) -> Vec<Vec<SyncId>> {
    ordered(syncs).1
}

fn ordered(syncs: &[&Sync]) -> (Vec<usize>, Vec<Vec<SyncId>>) {
    let index: BTreeMap<&SyncId, usize> = syncs.iter().enumerate().map(|(n, s)| (&s.id, n)).collect();
    let after: Vec<Option<usize>> =
        syncs.iter().map(|sync| upstream(sync).and_then(|id| index.get(id).copied())).collect();
    let mut order = Vec::with_capacity(syncs.len());
    let mut state = vec![State::New; syncs.len()];
    let mut cycles = Vec::new();
    for start in 0..syncs.len() {
        // Each sync waits for at most one other, so its upstreams are a chain.
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(at) = next {
            match state[at] {
                State::Done => break,
                State::Open => {
                    let from = chain.iter().position(|n| *n == at).unwrap_or(0);
                    cycles.push(chain[from..].iter().map(|n: &usize| syncs[*n].id.clone()).collect());
                    break;
                }
                State::New => {
                    state[at] = State::Open;
                    chain.push(at);
                    next = after[at];
                }
            }
        }
        for at in chain.into_iter().rev() {
            state[at] = State::Done;
            order.push(at);
        }
    }
    (order, cycles)
}

/// The sync that another runs after.
pub(crate) fn upstream(sync: &Sync) -> Option<&SyncId> {
    match sync.schedule.as_ref().map(|schedule| &schedule.when) {
        Some(When::After(id)) => Some(id),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum State {
    New,
    Open,
    Done,
}
