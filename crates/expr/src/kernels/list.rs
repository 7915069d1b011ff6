//! `array_to_string` and `cardinality`.

use arrow::array::{Array, ArrayRef, AsArray, Int32Builder, StringBuilder};
use std::sync::Arc;
use syncline_core::LogicalType;

use super::shown::shown;
use super::texts;
use crate::kernel::Kernel;

/// Joins the items of a list; NULL items are left out, or written as the third argument.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArrayToString {
    pub item: LogicalType,
}

impl Kernel for ArrayToString {
    fn name(&self) -> &'static str {
        "array_to_string"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let lists = args[0].as_list::<i32>();
        let separators = texts(&args[1])?;
        let for_null = args.get(2).map(texts).transpose()?;
        let mut out = StringBuilder::new();
        for row in 0..lists.len() {
            if lists.is_null(row) || separators.is_null(row) {
                out.append_null();
                continue;
            }
            let items = lists.value(row);
            let for_null = for_null.filter(|n| n.is_valid(row)).map(|n| n.value(row).to_string());
            let parts: Vec<String> =
                (0..items.len()).filter_map(|i| self.item(&items, i).or_else(|| for_null.clone())).collect();
            out.append_value(parts.join(separators.value(row)));
        }
        Ok(Arc::new(out.finish()))
    }
}

impl ArrayToString {
    fn item(&self, items: &ArrayRef, i: usize) -> Option<String> {
        match &self.item {
            // Inside lists numerics keep their canonical text.
            LogicalType::Numeric(_) => syncline_core::text::render(items, &self.item, i),
            ty => shown(items, ty, i),
        }
    }
}

/// The number of items.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cardinality;

impl Kernel for Cardinality {
    fn name(&self) -> &'static str {
        "cardinality"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let lists = args[0].as_list::<i32>();
        let mut out = Int32Builder::new();
        for row in 0..lists.len() {
            out.append_option(lists.is_valid(row).then(|| lists.value_length(row)));
        }
        Ok(Arc::new(out.finish()))
    }
}
