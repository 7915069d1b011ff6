//! The catalogue of functions: only what is listed here can be called.
//!
//! Listing each function with its types keeps the language equal to its documentation, keeps surprises of
//! DataFusion's implicit casts out, and leaves no function that is not deterministic.

mod choice;
mod dates;
mod numbers;
mod privacy;
mod refused;
mod texts;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::ScalarValue;
use datafusion_expr::type_coercion::functions::fields_with_udf;
use datafusion_expr::{Cast, Expr, ScalarUDF};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{Error, LogicalType, Result};

use crate::kernel;
use crate::kernels::math::Limited;
use crate::layout::{layout, sql_name};
use crate::lower::{Kind, Lowering, Value};
use crate::parse::did_you_mean;

/// One function as documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionDoc {
    pub name: &'static str,
    /// Other names of the same function.
    pub aliases: &'static [&'static str],
    /// `left(text, n) → text`
    pub signature: &'static str,
    /// One line.
    pub summary: &'static str,
    /// An expression without columns.
    pub example: &'static str,
    /// The canonical text of the example's value, or `NULL`.
    pub result: &'static str,
}

/// Every function an expression can call.
pub fn functions() -> Vec<FunctionDoc> {
    catalogue().entries.iter().map(|e| e.doc).collect()
}

/// What an argument must be.
#[derive(Clone, Copy, Debug)]
enum Argument {
    Text,
    /// Any integer, handed over as 64 bits.
    Integer,
    /// Any integer up to 10,000.
    Length,
}

enum Build {
    /// A DataFusion function: its arguments (the first `required` are a must) and its result.
    DataFusion {
        udf: fn() -> Arc<ScalarUDF>,
        args: &'static [Argument],
        required: usize,
        result: LogicalType,
    },
    /// Ours: least and most arguments, and how it is lowered.
    Own { least: usize, most: usize, lower: fn(&mut Lowering, Call) -> Result<Value> },
}

struct Entry {
    doc: FunctionDoc,
    build: Build,
}

struct Catalogue {
    entries: Vec<Entry>,
    index: HashMap<&'static str, usize>,
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let mut entries = texts::entries();
        entries.extend(choice::entries());
        entries.extend(numbers::entries());
        entries.extend(dates::entries());
        entries.extend(privacy::entries());
        let mut index = HashMap::new();
        for (i, entry) in entries.iter().enumerate() {
            index.insert(entry.doc.name, i);
            index.extend(entry.doc.aliases.iter().map(|alias| (*alias, i)));
        }
        Catalogue { entries, index }
    })
}

/// Refuses names that are no function here, before their arguments are looked at.
pub(crate) fn check_known(lowering: &Lowering, name: &str, at: Span) -> Result<()> {
    if catalogue().index.contains_key(name) {
        return Ok(());
    }
    if let Some((why, help)) = refused::reason(name) {
        return Err(lowering.fail(at, format!("{name} {why}")).help(help));
    }
    let error = lowering.fail(at, format!("unknown function '{name}'"));
    Err(match did_you_mean(name, catalogue().index.keys().copied()) {
        Some(meant) => error.help(format!("did you mean '{meant}'?")),
        None => error.help("the documentation of expressions lists all functions"),
    })
}

/// Calls the function `name`.
pub(crate) fn call(lowering: &mut Lowering, name: &str, args: Vec<Value>, at: Span) -> Result<Value> {
    check_known(lowering, name, at)?;
    let catalogue = catalogue();
    let entry = &catalogue.entries[catalogue.index[name]];
    let (least, most) = match &entry.build {
        Build::DataFusion { args, required, .. } => (*required, args.len()),
        Build::Own { least, most, .. } => (*least, *most),
    };
    if args.len() < least || args.len() > most {
        let wanted = match (least, most) {
            (a, b) if a == b => format!("{a}"),
            (a, usize::MAX) => format!("at least {a}"),
            (a, b) => format!("{a} to {b}"),
        };
        let plural = if least == 1 && most == 1 { "" } else { "s" };
        let message = format!("{name} takes {wanted} argument{plural}, not {}", args.len());
        return Err(lowering.fail(at, message).help(format!("use it as {}", entry.doc.signature)));
    }
    let nodes = args.iter().map(|a| a.nodes).sum::<usize>() + 1;
    let mut call = Call { name: entry.doc.name, signature: entry.doc.signature, args, at, nodes };
    match &entry.build {
        Build::Own { lower, .. } => lower(lowering, call),
        Build::DataFusion { udf, args: wanted, result, .. } => {
            let mut exprs = Vec::with_capacity(call.args.len());
            for (i, wanted) in wanted.iter().enumerate().take(call.args.len()) {
                exprs.push(call.argument(lowering, i, *wanted)?);
            }
            call.datafusion(udf(), exprs, result.clone())
        }
    }
}

/// A call whose number of arguments is right.
pub(crate) struct Call {
    name: &'static str,
    signature: &'static str,
    args: Vec<Value>,
    at: Span,
    nodes: usize,
}

impl Call {
    fn argument(&mut self, lowering: &Lowering, i: usize, wanted: Argument) -> Result<(Expr, DataType)> {
        match wanted {
            Argument::Text => self.text(lowering, i),
            Argument::Integer => Ok((self.take(lowering, i, &LogicalType::Int64)?, DataType::Int64)),
            Argument::Length => {
                let count = self.take(lowering, i, &LogicalType::Int64)?;
                let limited = kernel::call(Limited, &LogicalType::Int64, vec![count]);
                Ok((limited, DataType::Int64))
            }
        }
    }

    /// Argument `i` as a text for a DataFusion function.
    fn text(&mut self, lowering: &Lowering, i: usize) -> Result<(Expr, DataType)> {
        Ok((self.take(lowering, i, &LogicalType::Text)?, DataType::Utf8))
    }

    /// Argument `i` as a `ty`, if SQL converts it by itself.
    fn take(&mut self, lowering: &Lowering, i: usize, ty: &LogicalType) -> Result<Expr> {
        let value = self.args[i].clone();
        let found = value.type_name();
        lowering.implicit(value, ty, self.at).map(|v| v.expr).map_err(|error| {
            if matches!(self.args[i].kind, Kind::Open(_)) {
                return error;
            }
            let message = format!("argument {} of {} is {}, not {found}", i + 1, self.name, sql_name(ty));
            let help = format!("use it as {}, or write cast(… as {})", self.signature, sql_name(ty));
            lowering.fail(self.at, message).help(help)
        })
    }

    /// The type of argument `i`; an open one becomes text.
    fn known(&mut self, i: usize) -> Result<LogicalType> {
        let value = self.args[i].clone().settled()?;
        let ty = value.known()?.clone();
        self.args[i] = value;
        Ok(ty)
    }

    /// The constant text of argument `i`, for what must be known when the expression is checked.
    fn constant(&self, lowering: &Lowering, i: usize, what: &str) -> Result<String> {
        match &self.args[i].kind {
            Kind::Open(Some(text)) => Ok(text.clone()),
            _ => match &self.args[i].expr {
                Expr::Literal(ScalarValue::Utf8(Some(text)), _) => Ok(text.clone()),
                _ => {
                    let message = format!("{what} of {} is a constant text in quotes", self.name);
                    Err(lowering.fail(self.at, message).help(format!("use it as {}", self.signature)))
                }
            },
        }
    }

    /// The value of argument `i` if it is a constant integer, signed or not.
    fn constant_integer(&self, i: usize) -> Option<i32> {
        match &self.args[i].expr {
            Expr::Literal(ScalarValue::Int32(value), _) => *value,
            _ => None,
        }
    }

    /// The error for an argument of a type the function does not take.
    fn wrong(&self, lowering: &Lowering, i: usize, wanted: &str) -> Error {
        let found = self.args[i].type_name();
        let message = format!("argument {} of {} is {wanted}, not {found}", i + 1, self.name);
        lowering.fail(self.at, message).help(format!("use it as {}", self.signature))
    }

    fn own<K: kernel::Kernel>(&self, kernel: K, ty: LogicalType, args: Vec<Expr>) -> Value {
        Value::new(kernel::call(kernel, &ty, args), ty, self.nodes)
    }

    /// A DataFusion function, its result brought to the layout of `ty`.
    fn datafusion(&self, udf: Arc<ScalarUDF>, args: Vec<(Expr, DataType)>, ty: LogicalType) -> Result<Value> {
        let expr = Expr::Cast(Cast::new(Box::new(coerced(&udf, args)?), layout(&ty)));
        Ok(Value::new(expr, ty, self.nodes))
    }
}

/// Calls a DataFusion function with its arguments in the layouts it takes, for example other widths of text.
fn coerced(udf: &Arc<ScalarUDF>, args: Vec<(Expr, DataType)>) -> Result<Expr> {
    let field = |ty: &DataType| -> FieldRef { Arc::new(Field::new("argument", ty.clone(), true)) };
    let found: Vec<FieldRef> = args.iter().map(|(_, ty)| field(ty)).collect();
    let wanted = fields_with_udf(&found, udf.as_ref())
        .map_err(|e| Error::internal(format!("{} refuses its arguments", udf.name())).caused_by(e))?;
    let args = args.into_iter().zip(wanted).map(|((expr, found), wanted)| match wanted.data_type() {
        same if *same == found => expr,
        other => Expr::Cast(Cast::new(Box::new(expr), other.clone())),
    });
    Ok(udf.call(args.collect()))
}
