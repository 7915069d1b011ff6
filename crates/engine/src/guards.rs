//! Guards: limits that a plan must keep before anything is written.
//!
//! All are pure functions of the plan's figures. A tripped guard holds the run.

use std::collections::BTreeMap;

use syncline_core::run::GuardVerdict;
use syncline_core::sync::{Guards, Limit};

/// The figures guards look at.
#[derive(Clone, Debug, Default)]
pub struct PlanFacts {
    pub creates: u64,
    pub updates: u64,
    /// Planned removals: deletes, clears and flags.
    pub removals: u64,
    /// Removals of this sync in the last 24 hours, this plan's not included.
    pub removals_before: u64,
    /// Records that stood delivered before this run.
    pub delivered: u64,
    pub rows_read: u64,
    pub complete_read: bool,
    /// Rows of the last complete reads, newest first, at most five.
    pub recent_reads: Vec<u64>,
    /// Rows that failed before anything was sent.
    pub invalid: u64,
    /// Rows without a usable key, now and in the last complete read.
    pub unkeyed: u64,
    pub unkeyed_before: u64,
    /// Share of NULLs per target field, 0 to 100.
    pub null_shares: BTreeMap<String, f64>,
    pub null_shares_before: BTreeMap<String, f64>,
    /// The configuration or the program's version differs from the last committed run's.
    pub definition_changed: bool,
    /// What changed about the target since the last generation, if anything.
    pub target_changed: Option<String>,
    /// Why what is planned may be at the target already, if it may: the state was restored.
    pub restored: Option<String>,
    /// Row ids of some planned removals, creates and updates.
    pub removal_sample: Vec<String>,
    pub create_sample: Vec<String>,
    pub update_sample: Vec<String>,
}

/// Most deletes of a small sync that need nobody's approval.
const DELETES_UNGUARDED: u64 = 10;
/// Default share and count of deletes above which a run is held (with more than ten of them).
const DELETES_PERCENT: f64 = 10.0;
const DELETES_COUNT: u64 = 1_000;
/// Updates above both of these are held in the first run after a change of definition.
const REDEFINED_UPDATES_COUNT: u64 = 1_000;
const REDEFINED_UPDATES_PERCENT: f64 = 50.0;
/// A drop of the source by this many rows or fewer is never judged by its percentage.
const DROP_UNGUARDED: u64 = 10;
/// A field's NULL share is judged on at least this many rows.
const NULLED_ROWS_MIN: u64 = 20;

/// Every guard's verdict, tripped ones first.
pub fn judge(guards: &Guards, facts: &PlanFacts) -> Vec<GuardVerdict> {
    let mut verdicts = vec![
        target(facts),
        restored(facts),
        empty_model(facts),
        deletes(guards, facts),
        unkeyed(facts),
        count(
            "max_creates",
            "create",
            guards.max_creates,
            facts.creates,
            facts.delivered,
            &facts.create_sample,
        ),
        updates(guards, facts),
        source_drop(guards, facts),
        count("max_invalid", "invalid row", guards.max_invalid, facts.invalid, facts.rows_read, &[]),
    ];
    verdicts.extend(nulled(guards, facts));
    verdicts.sort_by_key(|v| !v.tripped);
    verdicts
}

fn verdict(guard: &str, tripped: bool, message: String, sample: &[String]) -> GuardVerdict {
    GuardVerdict {
        guard: guard.to_string(),
        tripped,
        message,
        sample: if tripped { sample.to_vec() } else { Vec::new() },
    }
}

fn target(facts: &PlanFacts) -> GuardVerdict {
    match &facts.target_changed {
        Some(what) => verdict("target_changed", true, what.clone(), &[]),
        None => verdict("target_changed", false, "the target is the one delivered to before".into(), &[]),
    }
}

/// G30.
fn restored(facts: &PlanFacts) -> GuardVerdict {
    let writes = facts.creates + facts.updates > 0;
    match &facts.restored {
        Some(why) => verdict("restored", writes, why.clone(), &facts.create_sample),
        None => verdict("restored", false, "nothing restored can be written twice".into(), &[]),
    }
}

fn empty_model(facts: &PlanFacts) -> GuardVerdict {
    let tripped = facts.complete_read && facts.rows_read == 0 && facts.delivered > 0;
    let message = format!(
        "the model returned {}; {} delivered before",
        counted(facts.rows_read, "row"),
        counted(facts.delivered, "record")
    );
    verdict("empty_model", tripped, message, &[])
}

fn deletes(guards: &Guards, facts: &PlanFacts) -> GuardVerdict {
    let day = facts.removals + facts.removals_before;
    // What stood delivered before the day's earlier removals is the base of the percentage.
    let base = facts.delivered + facts.removals_before;
    let (exceeded, limit) = match guards.max_deletes {
        Some(limit) => (limit.is_exceeded_by(day, base), limit_text(limit)),
        None => {
            let share = Limit::Percent(DELETES_PERCENT).is_exceeded_by(day, base);
            let exceeded = day > DELETES_UNGUARDED && (share || day > DELETES_COUNT);
            let count = grouped(DELETES_COUNT);
            (exceeded, format!("{DELETES_UNGUARDED}, and {DELETES_PERCENT}% or {count}"))
        }
    };
    let message = format!(
        "{} planned, {} in the last 24 hours, of {} (limit {limit})",
        counted(facts.removals, "removal"),
        grouped(facts.removals_before),
        counted(base, "delivered record")
    );
    verdict("max_deletes", exceeded && facts.removals > 0, message, &facts.removal_sample)
}

fn unkeyed(facts: &PlanFacts) -> GuardVerdict {
    let tripped = facts.removals > 0 && facts.unkeyed > facts.unkeyed_before;
    let message = format!(
        "{} without a usable key ({} in the last complete read), {} planned",
        counted(facts.unkeyed, "row"),
        grouped(facts.unkeyed_before),
        counted(facts.removals, "removal")
    );
    verdict("unkeyed_rows", tripped, message, &facts.removal_sample)
}

fn count(
    guard: &str,
    what: &str,
    limit: Option<Limit>,
    n: u64,
    base: u64,
    sample: &[String],
) -> GuardVerdict {
    match limit {
        Some(limit) => {
            let message = format!("{} (limit {}, of {})", counted(n, what), limit_text(limit), grouped(base));
            verdict(guard, limit.is_exceeded_by(n, base), message, sample)
        }
        None => verdict(guard, false, format!("{} (no limit)", counted(n, what)), &[]),
    }
}

fn updates(guards: &Guards, facts: &PlanFacts) -> GuardVerdict {
    if guards.max_updates.is_some() || !facts.definition_changed {
        let sample = &facts.update_sample;
        return count("max_updates", "update", guards.max_updates, facts.updates, facts.delivered, sample);
    }
    let share = Limit::Percent(REDEFINED_UPDATES_PERCENT).is_exceeded_by(facts.updates, facts.delivered);
    let message = format!(
        "{} of {} in the first run after a change of definition (limit {} and {}%)",
        counted(facts.updates, "update"),
        counted(facts.delivered, "delivered record"),
        grouped(REDEFINED_UPDATES_COUNT),
        REDEFINED_UPDATES_PERCENT
    );
    verdict("max_updates", facts.updates > REDEFINED_UPDATES_COUNT && share, message, &facts.update_sample)
}

fn source_drop(guards: &Guards, facts: &PlanFacts) -> GuardVerdict {
    let Some(limit) = guards.max_source_drop else {
        return verdict("max_source_drop", false, "off".into(), &[]);
    };
    let Some(median) = median(&facts.recent_reads).filter(|_| facts.complete_read) else {
        return verdict("max_source_drop", false, "no earlier complete read to compare with".into(), &[]);
    };
    let drop = median.saturating_sub(facts.rows_read);
    let message = format!(
        "{} read; the median of {} before is {} (limit: a drop of {})",
        counted(facts.rows_read, "row"),
        counted(facts.recent_reads.len() as u64, "complete read"),
        grouped(median),
        limit_text(limit)
    );
    let small = matches!(limit, Limit::Percent(_)) && drop <= DROP_UNGUARDED;
    verdict("max_source_drop", !small && limit.is_exceeded_by(drop, median), message, &[])
}

fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

fn nulled(guards: &Guards, facts: &PlanFacts) -> Vec<GuardVerdict> {
    let Some(limit) = guards.max_nulled else { return Vec::new() };
    if !facts.complete_read || facts.rows_read < NULLED_ROWS_MIN {
        return Vec::new();
    }
    let risen = facts.null_shares.iter().filter_map(|(field, share)| {
        let before = *facts.null_shares_before.get(field)?;
        (share - before > limit).then(|| {
            let message = format!(
                "'{field}' is NULL in {share:.1}% of the rows, {before:.1}% in the last complete read (limit: {limit} points more)"
            );
            verdict("max_nulled", true, message, &[])
        })
    });
    risen.collect()
}

fn limit_text(limit: Limit) -> String {
    match limit {
        Limit::Count(n) => grouped(n),
        Limit::Percent(_) => limit.to_string(),
    }
}

/// `1 row`, `15,432 rows`.
fn counted(n: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `15,432`: these messages are read by people.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tripped(guards: &Guards, facts: &PlanFacts) -> Vec<String> {
        judge(guards, facts).into_iter().filter(|v| v.tripped).map(|v| v.guard).collect()
    }

    fn facts() -> PlanFacts {
        PlanFacts { delivered: 1_000, rows_read: 1_000, complete_read: true, ..Default::default() }
    }

    #[test]
    fn deletes_hold_above_ten_and_ten_percent_by_default() {
        let g = Guards::default();
        for (removals, delivered, holds) in
            [(10, 20, false), (11, 20, true), (100, 1_000, false), (101, 1_000, true), (1_001, 100_000, true)]
        {
            let f = PlanFacts { removals, delivered, ..facts() };
            assert_eq!(!tripped(&g, &f).is_empty(), holds, "{removals} of {delivered}");
        }
    }

    #[test]
    fn deletes_are_summed_over_a_day_so_slices_do_not_pass() {
        let g = Guards::default();
        let f = PlanFacts { removals: 60, removals_before: 90, delivered: 910, ..facts() };
        assert_eq!(tripped(&g, &f), ["max_deletes"]);
        let f = PlanFacts { removals: 0, removals_before: 500, ..facts() };
        assert!(tripped(&g, &f).is_empty(), "a run that removes nothing is not held for earlier ones");
    }

    #[test]
    fn an_explicit_limit_replaces_the_default() {
        let g = Guards { max_deletes: Some(Limit::Count(500)), ..Guards::default() };
        assert!(tripped(&g, &PlanFacts { removals: 500, ..facts() }).is_empty());
        assert_eq!(tripped(&g, &PlanFacts { removals: 501, ..facts() }), ["max_deletes"]);
        let g = Guards { max_deletes: Some(Limit::Count(0)), ..Guards::default() };
        assert_eq!(tripped(&g, &PlanFacts { removals: 1, ..facts() }), ["max_deletes"]);
    }

    #[test]
    fn an_empty_model_holds_once_something_was_delivered() {
        let g = Guards { max_source_drop: None, ..Guards::default() };
        assert_eq!(tripped(&g, &PlanFacts { rows_read: 0, ..facts() }), ["empty_model"]);
        assert!(tripped(&g, &PlanFacts { rows_read: 0, delivered: 0, ..facts() }).is_empty());
        assert!(tripped(&g, &PlanFacts { rows_read: 0, complete_read: false, ..facts() }).is_empty());
    }

    #[test]
    fn a_drop_is_measured_against_the_median_of_complete_reads() {
        let f = PlanFacts { rows_read: 400, recent_reads: vec![10, 1_000, 990, 1_010, 1_000], ..facts() };
        assert_eq!(tripped(&Guards::default(), &f), ["max_source_drop"]);
        let f = PlanFacts { rows_read: 600, ..f };
        assert!(tripped(&Guards::default(), &f).is_empty());
        let f = PlanFacts { rows_read: 1, recent_reads: vec![11], ..f };
        assert!(tripped(&Guards::default(), &f).is_empty(), "ten rows fewer are not a drop");
    }

    #[test]
    fn more_unkeyed_rows_hold_removals_only() {
        let f = PlanFacts { removals: 1, unkeyed: 2, unkeyed_before: 1, ..facts() };
        assert_eq!(tripped(&Guards::default(), &f), ["unkeyed_rows"]);
        let f = PlanFacts { removals: 0, ..f };
        assert!(tripped(&Guards::default(), &f).is_empty());
    }

    #[test]
    fn a_field_that_turns_null_holds() {
        let f = PlanFacts {
            null_shares: BTreeMap::from([("email".into(), 60.0), ("name".into(), 90.0)]),
            null_shares_before: BTreeMap::from([("email".into(), 1.0), ("name".into(), 85.0)]),
            ..facts()
        };
        assert_eq!(tripped(&Guards::default(), &f), ["max_nulled"]);
    }

    #[test]
    fn mass_updates_hold_only_right_after_a_change_of_definition() {
        let f = PlanFacts { updates: 5_000, delivered: 6_000, definition_changed: true, ..facts() };
        assert_eq!(tripped(&Guards::default(), &f), ["max_updates"]);
        let f = PlanFacts { definition_changed: false, ..f };
        assert!(tripped(&Guards::default(), &f).is_empty());
    }

    #[test]
    fn creates_updates_and_invalid_rows_follow_their_limits() {
        let g = Guards {
            max_creates: Some(Limit::Count(5)),
            max_updates: Some(Limit::Percent(1.0)),
            max_invalid: Some(Limit::Percent(2.0)),
            ..Guards::default()
        };
        let f = PlanFacts { creates: 6, updates: 11, invalid: 21, ..facts() };
        assert_eq!(tripped(&g, &f), ["max_creates", "max_updates", "max_invalid"]);
    }

    #[test]
    fn a_changed_target_always_holds() {
        let f = PlanFacts { target_changed: Some("the table was recreated".into()), ..facts() };
        assert_eq!(tripped(&Guards::default(), &f), ["target_changed"]);
    }

    #[test]
    fn what_may_have_been_written_before_a_restore_holds_if_there_is_anything_to_write() {
        let f = PlanFacts { restored: Some("restored".into()), creates: 1, ..facts() };
        assert_eq!(tripped(&Guards::default(), &f), ["restored"]);
        let f = PlanFacts { creates: 0, updates: 0, ..f };
        assert!(tripped(&Guards::default(), &f).is_empty());
    }

    #[test]
    fn numbers_in_messages_are_grouped() {
        let g = Guards { max_creates: Some(Limit::Count(10_000)), ..Guards::default() };
        let f = PlanFacts {
            creates: 12_000,
            removals: 1_974,
            delivered: 1_980,
            rows_read: 12,
            recent_reads: vec![1_986],
            ..facts()
        };
        let messages: Vec<_> = judge(&g, &f).into_iter().filter(|v| v.tripped).map(|v| v.message).collect();
        assert_eq!(
            messages,
            [
                "1,974 removals planned, 0 in the last 24 hours, of 1,980 delivered records (limit 10, and 10% or 1,000)",
                "12,000 creates (limit 10,000, of 1,980)",
                "12 rows read; the median of 1 complete read before is 1,986 (limit: a drop of 50%)",
            ]
        );
    }
}
