//! G14: columns and tables that change between runs and in the middle of one. A run stops and names
//! what changed, refuses the rows it concerns, or adapts where the sync says so; it never bends a value
//! silently. Once the change is repaired, the next run is whole.

#[path = "schema_changes/at_databases.rs"]
mod at_databases;
#[path = "schema_changes/in_files.rs"]
mod in_files;
#[path = "schema_changes/in_mid_run.rs"]
mod in_mid_run;
#[path = "schema_changes/world.rs"]
mod world;
