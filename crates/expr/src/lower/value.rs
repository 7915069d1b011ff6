//! A lowered expression with its type, and the conversions between types.

use arrow::array::ArrayRef;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, lit};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{Error, LogicalType, Result};

use super::Lowering;
use crate::kernel;
use crate::kernels::cast::{Cast, convert, exists};
use crate::layout::{common, layout, sql_name};
use crate::parse::invalid;

/// What is known of a value's type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// NULL, or a quoted text that takes the type its surroundings want.
    Open(Option<String>),
    Known(LogicalType),
}

#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub expr: Expr,
    pub kind: Kind,
    /// Parts of the expression, counting what is written out twice twice.
    pub nodes: usize,
}

impl Value {
    pub fn new(expr: Expr, ty: LogicalType, nodes: usize) -> Self {
        Self { expr, kind: Kind::Known(ty), nodes }
    }

    pub fn open(text: Option<String>) -> Self {
        let expr = Expr::Literal(ScalarValue::Utf8(text.clone()), None);
        Self { expr, kind: Kind::Open(text), nodes: 1 }
    }

    pub fn text(text: &str) -> Self {
        Self::new(lit(text), LogicalType::Text, 1)
    }

    pub fn integer(value: i32) -> Self {
        Self::new(lit(value), LogicalType::Int32, 1)
    }

    pub fn known(&self) -> Result<&LogicalType> {
        match &self.kind {
            Kind::Known(ty) => Ok(ty),
            Kind::Open(_) => Err(Error::internal("the type of an expression was left open")),
        }
    }

    /// A value whose type nothing decided is a text.
    pub fn settled(self) -> Result<Value> {
        match self.kind {
            Kind::Known(_) => Ok(self),
            Kind::Open(text) => literal(text.as_deref(), &LogicalType::Text),
        }
    }

    /// The type's name for messages.
    pub fn type_name(&self) -> String {
        match &self.kind {
            Kind::Known(ty) => sql_name(ty),
            Kind::Open(None) => "NULL".into(),
            Kind::Open(Some(_)) => "text".into(),
        }
    }
}

/// A constant of type `ty` from its text.
pub(crate) fn literal(text: Option<&str>, ty: &LogicalType) -> Result<Value> {
    let array: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![text]));
    let (array, fault) = convert(&array, &LogicalType::Text, ty);
    if let Some(message) = fault {
        return Err(invalid(message));
    }
    let scalar = match text {
        Some(_) => ScalarValue::try_from_array(&array, 0),
        None => ScalarValue::try_from(layout(ty)),
    };
    let scalar = scalar.map_err(|e| Error::internal(e.to_string()))?;
    Ok(Value::new(Expr::Literal(scalar, None), ty.clone(), 1))
}

impl Lowering<'_> {
    /// `value` as a `ty` where SQL converts by itself: open literals, wider numbers, dates to timestamps.
    pub fn implicit(&self, value: Value, ty: &LogicalType, at: Span) -> Result<Value> {
        let from = match &value.kind {
            Kind::Open(text) => return self.constant(text.as_deref(), ty, at),
            Kind::Known(from) => from,
        };
        if from == ty {
            return Ok(value);
        }
        let widens = common(from, ty).as_ref() == Some(ty);
        if !widens {
            let message = format!("{} was expected here, not {}", sql_name(ty), sql_name(from));
            return Err(self.fail(at, message).help(format!("write cast(… as {})", sql_name(ty))));
        }
        self.explicit(value, ty, false, at)
    }

    /// `cast(value as ty)`.
    pub fn explicit(&self, value: Value, ty: &LogicalType, attempt: bool, at: Span) -> Result<Value> {
        let from = match &value.kind {
            Kind::Open(text) if !attempt => return self.constant(text.as_deref(), ty, at),
            Kind::Open(_) => LogicalType::Text,
            Kind::Known(from) => from.clone(),
        };
        if from == *ty {
            return Ok(value);
        }
        if !exists(&from, ty) {
            let message = format!("{} cannot be cast to {}", sql_name(&from), sql_name(ty));
            let error = self.fail(at, message);
            return Err(match (&from, ty) {
                (LogicalType::Array(_), LogicalType::Text) => {
                    error.help("use array_to_string(list, separator)")
                }
                _ => error,
            });
        }
        let nodes = value.nodes + 1;
        let cast = Cast { from, to: ty.clone(), attempt };
        Ok(Value::new(kernel::call(cast, ty, vec![value.expr]), ty.clone(), nodes))
    }

    fn constant(&self, text: Option<&str>, ty: &LogicalType, at: Span) -> Result<Value> {
        literal(text, ty).map_err(|e| self.fail(at, e.message))
    }

    /// Brings values to the one type they share, as for CASE, COALESCE and comparisons. `what` names the
    /// place for the message.
    pub fn unify(&self, values: Vec<(Value, Span)>, what: &str) -> Result<(Vec<Value>, LogicalType)> {
        let mut shared: Option<LogicalType> = None;
        for (value, at) in &values {
            let Kind::Known(ty) = &value.kind else { continue };
            shared = Some(match shared {
                None => ty.clone(),
                Some(before) => common(&before, ty).ok_or_else(|| {
                    let (a, b) = (sql_name(&before), sql_name(ty));
                    let error = self.fail(*at, format!("{what} mixes {a} and {b}"));
                    error.help(format!("cast one side, for example cast(… as {a})"))
                })?,
            });
        }
        let ty = shared.unwrap_or(LogicalType::Text);
        let values =
            values.into_iter().map(|(v, at)| self.implicit(v, &ty, at)).collect::<Result<Vec<_>>>()?;
        Ok((values, ty))
    }
}
