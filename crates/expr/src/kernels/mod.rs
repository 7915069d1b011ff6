//! The functions that DataFusion lacks or computes differently from PostgreSQL.

pub(crate) mod arithmetic;
pub(crate) mod calendar;
pub(crate) mod cast;
pub(crate) mod country;
pub(crate) mod country_table;
pub(crate) mod datetime;
pub(crate) mod format;
pub(crate) mod list;
pub(crate) mod lookup;
pub(crate) mod mask;
pub(crate) mod math;
pub(crate) mod phone;
pub(crate) mod rounding;
pub(crate) mod shown;

use arrow::array::{Array, ArrayRef, StringArray, StringBuilder};
use std::sync::Arc;

/// The texts of a text argument.
pub(crate) fn texts(array: &ArrayRef) -> Result<&StringArray, String> {
    array.as_any().downcast_ref().ok_or_else(|| format!("a text was expected, not {}", array.data_type()))
}

/// Applies `f` to each text; NULL stays NULL, and `None` becomes NULL.
pub(crate) fn map_text(
    array: &ArrayRef,
    mut f: impl FnMut(&str) -> Result<Option<String>, String>,
) -> Result<ArrayRef, String> {
    let mut out = StringBuilder::new();
    for text in texts(array)? {
        match text {
            Some(text) => out.append_option(f(text)?),
            None => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}
