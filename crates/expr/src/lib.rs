//! SQL expressions over canonical record batches: the language of mappings and filters.
//!
//! A text is parsed (`parse`), given PostgreSQL's types and meaning (`lower`), and evaluated over whole
//! batches by DataFusion's vectorized expressions (`evaluate`). Lowering settles every type itself and
//! leaves nothing to implicit coercion, because DataFusion's rules differ from PostgreSQL's where it hurts:
//! integers wrap, decimals lose digits, text is compared with numbers. What DataFusion computes differently
//! or lacks is a function of ours (`kernels`).
//!
//! Expressions are deterministic: the same row always gives the same value, because a plan made today must
//! compare equal with what was delivered yesterday.

mod decimal;
mod dialect;
mod evaluate;
mod functions;
#[doc(hidden)]
pub mod fuzzing;
mod kernel;
mod kernels;
mod layout;
mod lower;
mod parse;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use syncline_core::{Error, LogicalType, Result};

use crate::lower::Wanted;

pub use evaluate::{Evaluated, Expression, RowFault};
pub use functions::{FunctionDoc, functions};
pub use layout::FREE_SCALE;
pub use lower::NODES_MAX;
pub use parse::{DEPTH_MAX, PARSE_DEPTH_MAX, TEXT_BYTES_MAX, TOKENS_MAX};

/// Tables for `lookup('table', key)`: exact key text to value text.
pub type LookupTables = BTreeMap<String, HashMap<String, String>>;

/// Stack for compiling one expression at the limits of depth; pages that are not touched cost nothing.
const COMPILE_STACK_BYTES: usize = 64 * 1024 * 1024;

/// Compiles expressions over one schema.
#[derive(Clone, Debug)]
pub struct Compiler {
    columns: Vec<(String, LogicalType)>,
    lookups: Arc<LookupTables>,
}

impl Compiler {
    /// A compiler for rows of `schema`, whose fields are canonical.
    ///
    /// Fails with `UnsupportedType` when a field is not.
    pub fn new(schema: SchemaRef, lookups: Arc<LookupTables>) -> Result<Self> {
        Ok(Self { columns: layout::types_of(&schema)?, lookups })
    }

    /// Compiles one expression. Every error is `InvalidExpression` and says where and what to do.
    pub fn compile(&self, sql: &str) -> Result<Expression> {
        self.compiled(sql, Wanted::Anything)
    }

    /// Compiles one expression that must be boolean, such as a filter.
    pub fn compile_condition(&self, sql: &str) -> Result<Expression> {
        self.compiled(sql, Wanted::Condition)
    }

    /// Parsing recurses with large frames, and callers' threads have small stacks: so it has its own.
    fn compiled(&self, sql: &str, wanted: Wanted) -> Result<Expression> {
        let work = || {
            let tree = parse::parse(sql)?;
            let lowered = lower::lower(sql, &tree, wanted, &self.columns, &self.lookups)?;
            Expression::new(lowered, &self.columns)
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .name("compile-expression".into())
                .stack_size(COMPILE_STACK_BYTES)
                .spawn_scoped(scope, work)
                .map_err(|e| Error::internal("no thread to compile an expression").caused_by(e))?;
            thread.join().unwrap_or_else(|_| Err(Error::internal("compiling an expression panicked")))
        })
    }
}
