//! `lookup('table', key)`: translates a value by a table that was given when the expression was compiled.

use arrow::array::ArrayRef;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::map_text;
use crate::LookupTables;
use crate::kernel::Kernel;

#[derive(Debug)]
pub(crate) struct Lookup {
    pub table: String,
    pub tables: Arc<LookupTables>,
}

impl PartialEq for Lookup {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table && Arc::ptr_eq(&self.tables, &other.tables)
    }
}

impl Eq for Lookup {}

impl Hash for Lookup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.hash(state);
    }
}

impl Kernel for Lookup {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let table = self
            .tables
            .get(&self.table)
            .ok_or_else(|| format!("there is no lookup table '{}'", self.table))?;
        map_text(&args[0], |key| Ok(table.get(key).cloned()))
    }
}
