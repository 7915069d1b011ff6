//! Unary and binary operators.

use datafusion_expr::expr::BinaryExpr;
use datafusion_expr::{Expr, Operator};
use datafusion_sql::sqlparser::ast::{self, BinaryOperator, Spanned, UnaryOperator};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{LogicalType, Result};

use super::{Kind, Lowering, Value};
use crate::functions;
use crate::kernel;
use crate::kernels::arithmetic::{Arithmetic, Negate, Operation};
use crate::kernels::datetime::{Difference, Shift, ShiftDays};
use crate::layout::{common, digits, numeric, sql_name};

impl Lowering<'_> {
    pub(super) fn unary(&mut self, op: &UnaryOperator, e: &ast::Expr) -> Result<Value> {
        let at = e.span();
        if let (UnaryOperator::Minus, ast::Expr::Value(number)) = (op, e)
            && let ast::Value::Number(digits, _) = &number.value
        {
            return self.number(&format!("-{digits}"), number.span);
        }
        let value = self.expr(e)?;
        match op {
            UnaryOperator::Not => {
                let value = self.implicit(value, &LogicalType::Bool, at)?;
                Ok(Value::new(Expr::Not(Box::new(value.expr)), LogicalType::Bool, value.nodes + 1))
            }
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let value = match value.kind {
                    Kind::Open(_) => self.implicit(value, &LogicalType::Numeric(None), at)?,
                    Kind::Known(_) => value,
                };
                let ty = value.known()?.clone();
                if !ty.is_number() {
                    let message = format!("a number was expected after the sign, not {}", sql_name(&ty));
                    return Err(self.fail(at, message));
                }
                if *op == UnaryOperator::Plus {
                    return Ok(value);
                }
                let negate = Negate { of: ty.clone() };
                Ok(Value::new(kernel::call(negate, &ty, vec![value.expr]), ty, value.nodes + 1))
            }
            other => Err(self.fail(at, format!("the operator {other} is not available"))),
        }
    }

    pub(super) fn binary(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Result<Value> {
        let at = first_leaf(left).span();
        let a = self.expr(left)?;
        let b = self.expr(right)?;
        let compared = match op {
            BinaryOperator::Eq => Some(Operator::Eq),
            BinaryOperator::NotEq => Some(Operator::NotEq),
            BinaryOperator::Lt => Some(Operator::Lt),
            BinaryOperator::LtEq => Some(Operator::LtEq),
            BinaryOperator::Gt => Some(Operator::Gt),
            BinaryOperator::GtEq => Some(Operator::GtEq),
            _ => None,
        };
        if let Some(operator) = compared {
            return self.compare(a, operator, b, at);
        }
        match op {
            BinaryOperator::And => self.logical(a, Operator::And, b, at, right.span()),
            BinaryOperator::Or => self.logical(a, Operator::Or, b, at, right.span()),
            BinaryOperator::Plus => self.arithmetic(a, Operation::Add, b, at),
            BinaryOperator::Minus => self.arithmetic(a, Operation::Subtract, b, at),
            BinaryOperator::Multiply => self.arithmetic(a, Operation::Multiply, b, at),
            BinaryOperator::Divide => self.arithmetic(a, Operation::Divide, b, at),
            BinaryOperator::Modulo => self.arithmetic(a, Operation::Remainder, b, at),
            BinaryOperator::PGExp => functions::call(self, "power", vec![a, b], at),
            BinaryOperator::StringConcat => self.concatenated(a, b, at),
            BinaryOperator::PGRegexMatch => self.regex(a, Operator::RegexMatch, b, at),
            BinaryOperator::PGRegexIMatch => self.regex(a, Operator::RegexIMatch, b, at),
            BinaryOperator::PGRegexNotMatch => self.regex(a, Operator::RegexNotMatch, b, at),
            BinaryOperator::PGRegexNotIMatch => self.regex(a, Operator::RegexNotIMatch, b, at),
            BinaryOperator::Arrow
            | BinaryOperator::LongArrow
            | BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow => Err(self
                .fail(at, format!("the operator {op} is not available"))
                .help("take json apart in the model's SQL")),
            other => Err(self.fail(at, format!("the operator {other} is not available"))),
        }
    }

    fn logical(&self, a: Value, op: Operator, b: Value, at_a: Span, at_b: Span) -> Result<Value> {
        let a = self.implicit(a, &LogicalType::Bool, at_a)?;
        let b = self.implicit(b, &LogicalType::Bool, at_b)?;
        Ok(joined(a, op, b, LogicalType::Bool))
    }

    /// `||` takes anything next to a text; NULL makes the whole NULL.
    fn concatenated(&self, a: Value, b: Value, at: Span) -> Result<Value> {
        let textual = |v: &Value| matches!(v.kind, Kind::Open(_) | Kind::Known(LogicalType::Text));
        if !textual(&a) && !textual(&b) {
            let message = format!("'||' joins texts, not {} and {}", a.type_name(), b.type_name());
            return Err(self.fail(at, message).help("use concat(a, b), or cast one side to text"));
        }
        let a = self.explicit(a, &LogicalType::Text, false, at)?;
        let b = self.explicit(b, &LogicalType::Text, false, at)?;
        Ok(joined(a, Operator::StringConcat, b, LogicalType::Text))
    }

    fn regex(&self, a: Value, op: Operator, b: Value, at: Span) -> Result<Value> {
        let a = self.implicit(a, &LogicalType::Text, at)?;
        let b = self.implicit(b, &LogicalType::Text, at)?;
        Ok(joined(a, op, b, LogicalType::Bool))
    }

    pub fn arithmetic(&self, a: Value, operation: Operation, b: Value, at: Span) -> Result<Value> {
        use LogicalType::*;
        let wrong = |a: &Value, b: &Value| {
            let message = format!("there is no {} {} {}", a.type_name(), sign(operation), b.type_name());
            let error = self.fail(at, message);
            match operation {
                Operation::Add | Operation::Subtract if is_time(&a.kind) || is_time(&b.kind) => {
                    error.help("dates and timestamps take interval '1 day'; dates also whole days")
                }
                Operation::Add if a.type_name() == "text" || b.type_name() == "text" => {
                    error.help("join texts with ||; to add numbers that are texts, cast them")
                }
                _ => error.help("cast the operands to numbers"),
            }
        };
        let (x, y) = match (&a.kind, &b.kind) {
            (Kind::Known(x), Kind::Known(y)) => (x.clone(), y.clone()),
            (Kind::Known(x), Kind::Open(_)) if x.is_number() => (x.clone(), x.clone()),
            (Kind::Open(_), Kind::Known(y)) if y.is_number() => (y.clone(), y.clone()),
            (Kind::Open(None), Kind::Open(None)) => (Int32, Int32),
            _ => return Err(wrong(&a, &b)),
        };
        if x.is_number() && y.is_number() {
            let (a, b) = (self.implicit(a, &x, at)?, self.implicit(b, &y, at)?);
            return self.numbers(a, operation, b, at);
        }
        let nodes = a.nodes + b.nodes + 1;
        let minus = operation == Operation::Subtract;
        if !minus && operation != Operation::Add {
            return Err(wrong(&a, &b));
        }
        let (expr, ty) = match (&x, &y) {
            (Date | Timestamp | TimestampTz, Interval) => {
                let ty = if x == TimestampTz { TimestampTz } else { Timestamp };
                let a = self.implicit(a, &ty, at)?;
                (kernel::call(Shift { of: ty.clone(), minus }, &ty, vec![a.expr, b.expr]), ty)
            }
            (Interval, Date | Timestamp | TimestampTz) if !minus => {
                return self.arithmetic(b, operation, a, at);
            }
            (Date, Int16 | Int32) => {
                let b = self.implicit(b, &Int32, at)?;
                (kernel::call(ShiftDays { minus }, &Date, vec![a.expr, b.expr]), Date)
            }
            (Int16 | Int32, Date) if !minus => return self.arithmetic(b, operation, a, at),
            (Date, Date) if minus => {
                (kernel::call(Difference { of: Date }, &Int32, vec![a.expr, b.expr]), Int32)
            }
            (Date | Timestamp | TimestampTz, Date | Timestamp | TimestampTz) if minus => {
                let ty = common(&x, &y).ok_or_else(|| wrong(&a, &b))?;
                let (a, b) = (self.implicit(a, &ty, at)?, self.implicit(b, &ty, at)?);
                (kernel::call(Difference { of: ty }, &Interval, vec![a.expr, b.expr]), Interval)
            }
            _ => return Err(wrong(&a, &b)),
        };
        Ok(Value::new(expr, ty, nodes))
    }

    fn numbers(&self, a: Value, operation: Operation, b: Value, at: Span) -> Result<Value> {
        let (x, y) = (a.known()?.clone(), b.known()?.clone());
        let shared = match (&x, &y) {
            (LogicalType::Float32, LogicalType::Float32) => LogicalType::Float32,
            _ => common(&x, &y).unwrap_or(LogicalType::Float64),
        };
        let nodes = a.nodes + b.nodes + 1;
        if !matches!(shared, LogicalType::Numeric(_)) {
            let (a, b) = (self.explicit(a, &shared, false, at)?, self.explicit(b, &shared, false, at)?);
            let kernel =
                Arithmetic { operation, of: shared.clone(), right: shared.clone(), result: shared.clone() };
            return Ok(Value::new(kernel::call(kernel, &shared, vec![a.expr, b.expr]), shared, nodes));
        }
        // Decimals keep their own scales, so that a product is as exact as its factors.
        let (left, right) = (as_numeric(&x), as_numeric(&y));
        let result = decimal_result(&left, operation, &right);
        let (a, b) = (self.explicit(a, &left, false, at)?, self.explicit(b, &right, false, at)?);
        let kernel = Arithmetic { operation, of: left, right, result: result.clone() };
        Ok(Value::new(kernel::call(kernel, &result, vec![a.expr, b.expr]), result, nodes))
    }
}

/// Where a chain of operators begins, without recursing into it.
fn first_leaf(mut e: &ast::Expr) -> &ast::Expr {
    while let ast::Expr::BinaryOp { left, .. } = e {
        e = left;
    }
    e
}

/// The decimal type that holds every value of an integer or numeric type.
pub(crate) fn as_numeric(ty: &LogicalType) -> LogicalType {
    match (ty, digits(ty)) {
        (LogicalType::Numeric(_), _) | (_, None) => ty.clone(),
        (_, Some((whole, scale))) => numeric(whole, scale),
    }
}

fn decimal_result(a: &LogicalType, operation: Operation, b: &LogicalType) -> LogicalType {
    let (Some((whole_a, scale_a)), Some((whole_b, scale_b))) = (digits(a), digits(b)) else {
        return LogicalType::Numeric(None);
    };
    let (whole, scale) = (whole_a.max(whole_b), scale_a.max(scale_b));
    match operation {
        Operation::Add | Operation::Subtract => numeric(whole + 1, scale),
        Operation::Multiply => numeric(whole_a + whole_b, scale_a + scale_b),
        Operation::Remainder => numeric(whole, scale),
        // A quotient has no natural scale.
        Operation::Divide => LogicalType::Numeric(None),
    }
}

fn joined(a: Value, op: Operator, b: Value, ty: LogicalType) -> Value {
    let nodes = a.nodes + b.nodes + 1;
    let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(a.expr), op, Box::new(b.expr)));
    Value::new(expr, ty, nodes)
}

fn is_time(kind: &Kind) -> bool {
    matches!(kind, Kind::Known(LogicalType::Date | LogicalType::Timestamp | LogicalType::TimestampTz))
}

fn sign(operation: Operation) -> &'static str {
    match operation {
        Operation::Add => "+",
        Operation::Subtract => "-",
        Operation::Multiply => "*",
        Operation::Divide => "/",
        Operation::Remainder => "%",
    }
}
