//! Two servers over one state in PostgreSQL: they share the work, and each survives the other's death
//! [G21, G22, G23, G28]. Needs the feature `failpoints`.

mod clients;
mod deaths;
mod outage;
mod racing;
mod sharing;
mod suspension;
mod world;
