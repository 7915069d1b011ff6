//! Values at every edge, rows and tables of every size, little memory and full disks: what is promised
//! of them, shown from outside. (G15, G16, G18)

#[path = "limits/disk.rs"]
mod disk;
#[path = "limits/memory.rs"]
mod memory;
#[path = "limits/peak.rs"]
mod peak;
#[path = "limits/random_tables.rs"]
mod random_tables;
#[path = "limits/round_trip.rs"]
mod round_trip;
#[path = "limits/sizes.rs"]
mod sizes;
#[path = "limits/values.rs"]
mod values;

use serde_json::Value as Json;

/// Created, updated, deleted and failed rows of a run.
fn counts(run: &Json) -> [u64; 4] {
    ["created", "updated", "deleted", "failed"]
        .map(|name| run[format!("rows_{name}")].as_u64().unwrap_or_else(|| panic!("no rows_{name}: {run:#}")))
}
