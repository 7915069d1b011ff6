//! What people do with runs: hold, approve and reject them, review and apply plans, move cursors,
//! look into failures; and what happens when an end of a sync goes away or comes back different.

#[path = "operations/cursors.rs"]
mod cursors;
#[path = "operations/ends.rs"]
mod ends;
#[path = "operations/failed_rows.rs"]
mod failed_rows;
#[path = "operations/guards.rs"]
mod guards;
#[path = "operations/plans.rs"]
mod plans;
#[path = "operations/replays.rs"]
mod replays;
#[path = "operations/shop.rs"]
mod shop;
