//! Comparisons, tests and CASE, in three-valued logic.

use datafusion_expr::expr::{BinaryExpr, Case, InList, Like};
use datafusion_expr::{Expr, Operator};
use datafusion_sql::sqlparser::ast::{self, Spanned};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{LogicalType, Result};

use super::{Kind, Lowering, Value};
use crate::layout::{common, sql_name};

impl Lowering<'_> {
    /// A comparison of two values of one type.
    pub fn compare(&self, a: Value, op: Operator, b: Value, at: Span) -> Result<Value> {
        let (a, b) = self.comparable(a, b, at)?;
        let nodes = a.nodes + b.nodes + 1;
        let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(a.expr), op, Box::new(b.expr)));
        Ok(Value::new(expr, LogicalType::Bool, nodes))
    }

    fn comparable(&self, a: Value, b: Value, at: Span) -> Result<(Value, Value)> {
        let ty = match (&a.kind, &b.kind) {
            (Kind::Known(x), Kind::Known(y)) => match common(x, y) {
                Some(ty) => ty,
                None => return Err(self.incomparable(x, y, at)),
            },
            (Kind::Known(ty), Kind::Open(_)) | (Kind::Open(_), Kind::Known(ty)) => ty.clone(),
            (Kind::Open(_), Kind::Open(_)) => LogicalType::Text,
        };
        let why = match &ty {
            LogicalType::Json => Some("json has no order or equality; compare cast(… as text)"),
            LogicalType::Array(_) => Some("lists are not compared; compare array_to_string(list, ',')"),
            LogicalType::Interval => Some("intervals are not compared; compare extract(epoch from …)"),
            _ => None,
        };
        if let Some(why) = why {
            return Err(self.fail(at, format!("{} cannot be compared", sql_name(&ty))).help(why));
        }
        Ok((self.implicit(a, &ty, at)?, self.implicit(b, &ty, at)?))
    }

    fn incomparable(&self, a: &LogicalType, b: &LogicalType, at: Span) -> syncline_core::Error {
        let message = format!("{} cannot be compared with {}", sql_name(a), sql_name(b));
        let error = self.fail(at, message);
        match (a, b) {
            (LogicalType::Text, other) | (other, LogicalType::Text) if other.is_number() => {
                error.help(format!(
                    "cast one side: cast(… as {}) if the text always is a number, or cast(… as text)",
                    sql_name(other)
                ))
            }
            _ => error.help("cast one side to the type of the other"),
        }
    }

    pub(super) fn is_test(&mut self, e: &ast::Expr) -> Result<Value> {
        use ast::Expr::*;
        let (inner, test): (&ast::Expr, fn(Box<Expr>) -> Expr) = match e {
            IsNull(x) => (x, Expr::IsNull),
            IsNotNull(x) => (x, Expr::IsNotNull),
            IsTrue(x) => (x, Expr::IsTrue),
            IsNotTrue(x) => (x, Expr::IsNotTrue),
            IsFalse(x) => (x, Expr::IsFalse),
            IsNotFalse(x) => (x, Expr::IsNotFalse),
            IsUnknown(x) => (x, Expr::IsUnknown),
            IsNotUnknown(x) => (x, Expr::IsNotUnknown),
            other => return Err(self.fail(other.span(), "this test is not supported")),
        };
        let value = self.expr(inner)?;
        let value = match e {
            IsNull(_) | IsNotNull(_) => value.settled()?,
            _ => self.implicit(value, &LogicalType::Bool, inner.span())?,
        };
        Ok(super::Value::new(test(Box::new(value.expr)), LogicalType::Bool, value.nodes + 1))
    }

    pub(super) fn distinct(&mut self, a: &ast::Expr, b: &ast::Expr, not: bool) -> Result<Value> {
        let at = a.span();
        let (a, b) = (self.expr(a)?, self.expr(b)?);
        let op = if not { Operator::IsNotDistinctFrom } else { Operator::IsDistinctFrom };
        self.compare(a, op, b, at)
    }

    pub(super) fn in_list(&mut self, e: &ast::Expr, list: &[ast::Expr], negated: bool) -> Result<Value> {
        let value = self.expr(e)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push((self.expr(item)?, item.span()));
        }
        // Each item is checked as a comparison, for the message; then all are brought to one type.
        for (item, at) in &items {
            self.comparable(value.clone(), item.clone(), *at)?;
        }
        let mut all = vec![(value, e.span())];
        all.extend(items);
        let (mut values, _) = self.unify(all, "the IN list")?;
        let nodes = values.iter().map(|v| v.nodes).sum::<usize>() + 1;
        let first = values.remove(0);
        let items = values.into_iter().map(|v| v.expr).collect();
        let expr = Expr::InList(InList::new(Box::new(first.expr), items, negated));
        Ok(Value::new(expr, LogicalType::Bool, nodes))
    }

    pub(super) fn between(
        &mut self,
        e: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
    ) -> Result<Value> {
        let at = e.span();
        let (value, low, high) = (self.expr(e)?, self.expr(low)?, self.expr(high)?);
        let above = self.compare(value.clone(), Operator::GtEq, low, at)?;
        let below = self.compare(value, Operator::LtEq, high, at)?;
        let nodes = above.nodes + below.nodes + 1;
        let both =
            Expr::BinaryExpr(BinaryExpr::new(Box::new(above.expr), Operator::And, Box::new(below.expr)));
        let expr = if negated { Expr::Not(Box::new(both)) } else { both };
        Ok(Value::new(expr, LogicalType::Bool, nodes))
    }

    pub(super) fn like(
        &mut self,
        e: &ast::Expr,
        pattern: &ast::Expr,
        negated: bool,
        case_insensitive: bool,
    ) -> Result<Value> {
        let value = self.expr(e)?;
        let value = self.implicit(value, &LogicalType::Text, e.span())?;
        let matched = self.expr(pattern)?;
        let matched = self.implicit(matched, &LogicalType::Text, pattern.span())?;
        let nodes = value.nodes + matched.nodes + 1;
        let like = Like::new(negated, Box::new(value.expr), Box::new(matched.expr), None, case_insensitive);
        Ok(Value::new(Expr::Like(like), LogicalType::Bool, nodes))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Value> {
        let mut nodes = 1;
        let mut whens = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for case in conditions {
            whens.push((self.expr(&case.condition)?, case.condition.span()));
            results.push((self.expr(&case.result)?, case.result.span()));
        }
        if let Some(otherwise) = otherwise {
            results.push((self.expr(otherwise)?, otherwise.span()));
        }
        let (operand, whens) = match operand {
            Some(operand) => {
                let mut compared = vec![(self.expr(operand)?, operand.span())];
                compared.extend(whens);
                let (mut values, _) = self.unify(compared, "CASE")?;
                let operand = values.remove(0);
                (Some(operand), values)
            }
            None => {
                let whens = whens.into_iter().map(|(v, at)| self.implicit(v, &LogicalType::Bool, at));
                (None, whens.collect::<Result<Vec<_>>>()?)
            }
        };
        let (mut results, ty) = self.unify(results, "CASE")?;
        nodes += operand.iter().chain(&whens).chain(&results).map(|v| v.nodes).sum::<usize>();
        let otherwise = if results.len() > whens.len() { results.pop() } else { None };
        let pairs = whens
            .into_iter()
            .zip(results)
            .map(|(when, result)| (Box::new(when.expr), Box::new(result.expr)))
            .collect();
        let case = Case::new(operand.map(|v| Box::new(v.expr)), pairs, otherwise.map(|v| Box::new(v.expr)));
        Ok(Value::new(Expr::Case(case), ty, nodes))
    }
}
