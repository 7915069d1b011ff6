//! Evaluating a compiled expression over a batch, and finding the rows at fault.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringBuilder, new_empty_array,
};
use arrow::compute::{cast, concat, nullif};
use arrow::datatypes::{Decimal256Type, SchemaRef};
use datafusion_common::{DFSchema, DataFusionError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use syncline_core::{Error, ErrorKind, LogicalType, Result};

use crate::decimal::{self, Unfit};
use crate::kernels::cast::{decimals, fits};
use crate::layout::{inner_schema, layout, scale_of};
use crate::lower::Lowered;
use crate::parse::invalid;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    ty: LogicalType,
    columns: Vec<String>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// A bare column, which passes through as it is.
    Column,
    Computed {
        expr: Arc<dyn PhysicalExpr>,
        /// What the expression reads: the columns in their layout inside expressions.
        schema: SchemaRef,
        types: Vec<LogicalType>,
    },
}

/// The values of an expression for each row of a batch.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One value per row in the canonical layout of [`Expression::ty`]; NULL where a row is at fault.
    pub array: ArrayRef,
    /// The rows at fault in ascending order, each once.
    pub errors: Vec<RowFault>,
}

/// Why one row has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Index of the row in the batch.
    pub row: usize,
    /// A sentence for people. Of the data it contains at most the value at fault.
    pub message: String,
}

impl Expression {
    pub(crate) fn new(lowered: Lowered, all: &[(String, LogicalType)]) -> Result<Self> {
        let read: Vec<&(String, LogicalType)> = lowered.columns.iter().map(|i| &all[*i]).collect();
        let columns: Vec<String> = read.iter().map(|(name, _)| name.clone()).collect();
        if lowered.bare_column {
            return Ok(Self { ty: lowered.ty, columns, body: Body::Column });
        }
        let types: Vec<LogicalType> = read.iter().map(|(_, ty)| ty.clone()).collect();
        let schema = inner_schema(read.iter().map(|(name, ty)| (name.as_str(), ty)));
        let physical = || -> datafusion_common::Result<Arc<dyn PhysicalExpr>> {
            create_physical_expr(
                &lowered.expr,
                &DFSchema::try_from(schema.clone())?,
                &ExecutionProps::new(),
                &PhysicalPlanningContext::default(),
            )
        };
        let expr = physical().map_err(|e| invalid(sentence(&e)).caused_by(e))?;
        let ty = lowered.ty;
        let found = expr.data_type(&schema).map_err(|e| invalid(sentence(&e)).caused_by(e))?;
        if found != layout(&ty) {
            return Err(Error::internal(format!("an expression of type {ty} is laid out as {found}")));
        }
        let expression = Self { ty, columns, body: Body::Computed { expr, schema, types } };
        if expression.columns.is_empty() {
            expression.check_constant()?;
        }
        Ok(expression)
    }

    /// The canonical type of the result.
    pub fn ty(&self) -> &LogicalType {
        &self.ty
    }

    /// The columns it reads, in schema order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The column's name when the whole expression is a bare column.
    pub fn as_column(&self) -> Option<&str> {
        match self.body {
            Body::Column => self.columns.first().map(String::as_str),
            Body::Computed { .. } => None,
        }
    }

    /// Evaluates every row of `batch`, which has at least the columns the expression reads, by name.
    ///
    /// A row that cannot be computed is reported in [`Evaluated::errors`] and does not fail the others. An
    /// error means the batch does not fit the schema the expression was compiled for.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Evaluated> {
        let (expr, schema, types) = match &self.body {
            Body::Column => {
                return Ok(Evaluated { array: input(batch, &self.columns[0], &self.ty)?, errors: vec![] });
            }
            Body::Computed { expr, schema, types } => (expr, schema, types),
        };
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(Evaluated { array: new_empty_array(&self.ty.arrow()), errors: vec![] });
        }
        let mut faults = BTreeMap::new();
        let mut arrays = Vec::with_capacity(types.len());
        for (name, ty) in self.columns.iter().zip(types) {
            let array = input(batch, name, ty)?;
            arrays.push(match ty {
                LogicalType::Numeric(_) => to_decimals(&array, name, ty, &mut faults),
                _ if *array.data_type() == ty.arrow() => array,
                // Lists may tag their items differently.
                _ => cast(&array, &ty.arrow())?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let inner = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?;
        let mut parts = Vec::new();
        bisect(expr, &layout(&self.ty), &inner, 0, &mut parts, &mut faults)?;
        let array = match parts.as_slice() {
            [whole] => whole.clone(),
            _ => concat(&parts.iter().map(|p| p.as_ref()).collect::<Vec<&dyn Array>>())?,
        };
        let array = without_faults(canonical(array, &self.ty), &faults)?;
        let errors = faults.into_iter().map(|(row, message)| RowFault { row, message }).collect();
        Ok(Evaluated { array, errors })
    }

    /// A constant that cannot be computed is a mistake in the expression, not in every row.
    fn check_constant(&self) -> Result<()> {
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let empty = Arc::new(arrow::datatypes::Schema::empty());
        let batch = RecordBatch::try_new_with_options(empty, vec![], &options)?;
        match self.evaluate(&batch)?.errors.pop() {
            Some(fault) => Err(invalid(fault.message)),
            None => Ok(()),
        }
    }
}

/// The batch's column `name`, which must have the canonical layout of `ty`.
fn input(batch: &RecordBatch, name: &str, ty: &LogicalType) -> Result<ArrayRef> {
    let missing =
        || Error::new(ErrorKind::SchemaChanged, format!("column '{name}' is missing from the rows"));
    let array = batch.column_by_name(name).ok_or_else(missing)?;
    // Two list arrays may name or tag their items differently and still be laid out alike.
    let same = array.data_type().equals_datatype(&ty.arrow());
    if !same {
        let found = array.data_type();
        return Err(Error::new(
            ErrorKind::SchemaChanged,
            format!("column '{name}' has the layout {found}, but {ty} was expected"),
        ));
    }
    Ok(array.clone())
}

/// Exact decimal text as decimals. What does not fit is NULL here and a fault of its row.
fn to_decimals(
    array: &ArrayRef,
    column: &str,
    ty: &LogicalType,
    faults: &mut BTreeMap<usize, String>,
) -> ArrayRef {
    let scale = scale_of(ty);
    let mut out = decimals(ty);
    for (row, text) in array.as_string::<i32>().iter().enumerate() {
        let parsed = text.map(|t| decimal::parse(t, scale, false));
        let why = match parsed {
            None => None,
            Some(Ok(value)) => match fits(value, ty) {
                Some(value) => {
                    out.append_value(value);
                    continue;
                }
                None => Some("is too large for its type"),
            },
            Some(Err(Unfit::Special)) => Some("is not a number to compute with"),
            Some(Err(Unfit::TooLarge)) => Some("has more digits than an expression can compute with"),
            Some(Err(Unfit::TooPrecise)) => {
                Some("has more decimal places than an expression can compute with")
            }
            Some(Err(Unfit::NotANumber)) => Some("is not a number"),
        };
        out.append_null();
        if let Some(why) = why {
            let value: String = text.unwrap_or_default().chars().take(40).collect();
            faults.entry(row).or_insert_with(|| format!("column '{column}': {value} {why}"));
        }
    }
    Arc::new(out.finish())
}

/// Evaluates `batch`, halving it where that fails until single rows at fault are left.
fn bisect(
    expr: &Arc<dyn PhysicalExpr>,
    output: &arrow::datatypes::DataType,
    batch: &RecordBatch,
    first_row: usize,
    parts: &mut Vec<ArrayRef>,
    faults: &mut BTreeMap<usize, String>,
) -> Result<()> {
    let rows = batch.num_rows();
    let error = match expr.evaluate(batch).and_then(|value| value.into_array(rows)) {
        Ok(array) => {
            parts.push(array);
            return Ok(());
        }
        Err(error) => error,
    };
    if rows == 1 {
        faults.entry(first_row).or_insert_with(|| sentence(&error));
        parts.push(arrow::array::new_null_array(output, 1));
        return Ok(());
    }
    let half = rows / 2;
    bisect(expr, output, &batch.slice(0, half), first_row, parts, faults)?;
    bisect(expr, output, &batch.slice(half, rows - half), first_row + half, parts, faults)
}

/// From the layout inside expressions to the canonical one.
fn canonical(array: ArrayRef, ty: &LogicalType) -> ArrayRef {
    let LogicalType::Numeric(declared) = ty else { return array };
    let scale = scale_of(ty);
    let mut out = StringBuilder::new();
    for value in array.as_primitive::<Decimal256Type>() {
        out.append_option(value.map(|v| decimal::render(v, scale, declared.is_none())));
    }
    Arc::new(out.finish())
}

fn without_faults(array: ArrayRef, faults: &BTreeMap<usize, String>) -> Result<ArrayRef> {
    if faults.is_empty() {
        return Ok(array);
    }
    let at_fault: BooleanArray = (0..array.len()).map(|row| Some(faults.contains_key(&row))).collect();
    Ok(nullif(&array, &at_fault)?)
}

/// DataFusion's message without its prefixes and backtraces.
fn sentence(error: &DataFusionError) -> String {
    let root = error.find_root();
    let text = match root {
        DataFusionError::Execution(text) | DataFusionError::Plan(text) => text.clone(),
        DataFusionError::ArrowError(inner, _) => {
            let text = inner.to_string();
            match text.split_once("error: ") {
                Some((_, rest)) => rest.to_string(),
                None => text,
            }
        }
        other => other.strip_backtrace(),
    };
    text.split("\n\nbacktrace:").next().unwrap_or_default().trim().to_string()
}
