//! From syntax tree to a typed DataFusion expression with PostgreSQL's meaning.

mod condition;
mod literal;
mod operator;
mod type_name;
mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::Column;
use datafusion_expr::Expr;
use datafusion_sql::sqlparser::ast::{self, Spanned};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{Error, LogicalType, Result};

use crate::LookupTables;
use crate::functions;
use crate::layout::sql_name;
use crate::parse::{did_you_mean, invalid_at, too_complex};

pub(crate) use operator::as_numeric;
pub(crate) use value::{Kind, Value};

/// Most parts an expression may have after `coalesce` and `between`, which repeat their argument, are
/// written out.
pub const NODES_MAX: usize = 20_000;

/// What lowering hands to evaluation.
pub(crate) struct Lowered {
    pub expr: Expr,
    pub ty: LogicalType,
    /// Indices of the columns read, ascending.
    pub columns: Vec<usize>,
    pub bare_column: bool,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Anything,
    /// A filter: it must be boolean.
    Condition,
}

pub(crate) fn lower(
    sql: &str,
    tree: &ast::Expr,
    wanted: Wanted,
    columns: &[(String, LogicalType)],
    lookups: &Arc<LookupTables>,
) -> Result<Lowered> {
    let mut lowering = Lowering { sql, columns, lookups, read: BTreeSet::new() };
    let value = lowering.expr(tree)?;
    if wanted == Wanted::Anything {
        return lowering.finish(value.settled()?);
    }
    if let Kind::Known(ty) = &value.kind
        && *ty != LogicalType::Bool
    {
        let error =
            lowering.fail(tree.span(), format!("a condition is boolean, but this is {}", sql_name(ty)));
        return Err(error.help("compare it with something, for example: status = 'active'"));
    }
    let value = lowering.implicit(value, &LogicalType::Bool, tree.span())?;
    lowering.finish(value)
}

/// The state of lowering one expression.
pub(crate) struct Lowering<'a> {
    sql: &'a str,
    columns: &'a [(String, LogicalType)],
    pub lookups: &'a Arc<LookupTables>,
    read: BTreeSet<usize>,
}

impl<'a> Lowering<'a> {
    fn finish(self, value: Value) -> Result<Lowered> {
        let ty = value.known()?.clone();
        let bare_column = matches!(value.expr, Expr::Column(_));
        Ok(Lowered { expr: value.expr, ty, columns: self.read.into_iter().collect(), bare_column })
    }

    /// An error at a place of the expression.
    pub fn fail(&self, at: Span, message: impl Into<String>) -> Error {
        invalid_at(self.sql, at, message)
    }

    pub fn expr(&mut self, e: &ast::Expr) -> Result<Value> {
        let value = self.dispatch(e)?;
        if value.nodes > NODES_MAX {
            return Err(too_complex());
        }
        Ok(value)
    }

    fn dispatch(&mut self, e: &ast::Expr) -> Result<Value> {
        use ast::Expr::*;
        match e {
            Nested(inner) => self.expr(inner),
            Identifier(name) => self.column(name),
            CompoundIdentifier(parts) => self.compound(parts),
            Value(value) => self.literal(value),
            TypedString(typed) => self.typed_string(typed),
            Interval(interval) => self.interval(interval),
            UnaryOp { op, expr } => self.unary(op, expr),
            BinaryOp { left, op, right } => self.binary(left, op, right),
            IsNull(_) | IsNotNull(_) | IsTrue(_) | IsNotTrue(_) | IsFalse(_) | IsNotFalse(_)
            | IsUnknown(_) | IsNotUnknown(_) => self.is_test(e),
            IsDistinctFrom(a, b) => self.distinct(a, b, false),
            IsNotDistinctFrom(a, b) => self.distinct(a, b, true),
            InList { expr, list, negated } => self.in_list(expr, list, *negated),
            Between { expr, negated, low, high } => self.between(expr, low, high, *negated),
            Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, *negated, false)
            }
            ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(expr, pattern, *negated, true)
            }
            Like { .. } | ILike { .. } => Err(self
                .fail(e.span(), "LIKE takes one pattern and has no ESCAPE here")
                .help("use a backslash to escape % and _ in the pattern, or regexp_like")),
            SimilarTo { .. } => Err(self
                .fail(e.span(), "SIMILAR TO is not available")
                .help("use regexp_like(text, pattern) or LIKE")),
            Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Cast { kind, expr, data_type, array: false, format: None } => {
                let attempt = matches!(kind, ast::CastKind::TryCast | ast::CastKind::SafeCast);
                self.cast(expr, data_type, attempt)
            }
            AtTimeZone { timestamp, time_zone } => {
                self.named("timezone", &[time_zone.as_ref(), timestamp.as_ref()], e.span())
            }
            Extract { field, expr, .. } => self.extract(&field.to_string(), expr, e.span()),
            Ceil { expr, field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) } => {
                self.named("ceil", &[expr.as_ref()], e.span())
            }
            Floor { expr, field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) } => {
                self.named("floor", &[expr.as_ref()], e.span())
            }
            Position { expr, r#in } => self.named("strpos", &[r#in.as_ref(), expr.as_ref()], e.span()),
            Substring { expr, substring_from, substring_for, .. } => {
                self.substring(expr, substring_from.as_deref(), substring_for.as_deref(), e.span())
            }
            Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(*trim_where, trim_what.as_deref(), expr, trim_characters.as_deref(), e.span())
            }
            Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let mut args = vec![expr.as_ref(), overlay_what.as_ref(), overlay_from.as_ref()];
                args.extend(overlay_for.as_deref());
                self.named("overlay", &args, e.span())
            }
            Function(function) => self.function(function),
            Exists { .. } | Subquery(_) | InSubquery { .. } => Err(self
                .fail(e.span(), "an expression cannot contain a subquery")
                .help("join in the model's SQL, or translate values with lookup('table', key)")),
            Wildcard(_) | QualifiedWildcard(..) => {
                Err(self.fail(e.span(), "'*' is not a value").help("name one column"))
            }
            Collate { .. } => Err(self.fail(e.span(), "COLLATE is not available")),
            other => Err(self.fail(e.span(), format!("this is not supported in an expression: {other}"))),
        }
    }

    /// Exactly as written first; else ignoring case if that names one column.
    fn column(&mut self, name: &ast::Ident) -> Result<Value> {
        let wanted = name.value.as_str();
        let exact = self.columns.iter().position(|(c, _)| c == wanted);
        let index = match exact {
            Some(index) => index,
            None => {
                let folded = wanted.to_lowercase();
                let mut alike =
                    (0..self.columns.len()).filter(|i| self.columns[*i].0.to_lowercase() == folded);
                match (alike.next(), alike.next()) {
                    (Some(only), None) => only,
                    (Some(a), Some(b)) => {
                        let (a, b) = (&self.columns[a].0, &self.columns[b].0);
                        let message = format!("'{wanted}' could be the column '{a}' or '{b}'");
                        return Err(self.fail(name.span, message).help("write it exactly, in double quotes"));
                    }
                    _ => return Err(self.unknown_column(name)),
                }
            }
        };
        self.read.insert(index);
        let (column, ty) = &self.columns[index];
        Ok(self::Value::new(Expr::Column(Column::from_name(column)), ty.clone(), 1))
    }

    fn unknown_column(&self, name: &ast::Ident) -> Error {
        let error = self.fail(name.span, format!("unknown column '{}'", name.value));
        let names = || self.columns.iter().map(|(c, _)| c.as_str());
        if name.quote_style == Some('"') && name.value.contains(' ') {
            return error.help("texts are written in single quotes, columns in double quotes");
        }
        match did_you_mean(&name.value, names()) {
            Some(meant) => error.help(format!("did you mean '{meant}'?")),
            None if self.columns.is_empty() => error.help("there are no columns here"),
            None => {
                let shown: Vec<&str> = names().take(20).collect();
                let more = if self.columns.len() > shown.len() { ", …" } else { "" };
                error.help(format!("the columns are: {}{more}", shown.join(", ")))
            }
        }
    }

    fn compound(&mut self, parts: &[ast::Ident]) -> Result<Value> {
        // A column may have a point in its name and be written without quotes.
        let joined = parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".");
        if self.columns.iter().any(|(c, _)| *c == joined) {
            let span = parts.first().map_or(Span::empty(), |p| p.span);
            return self.column(&ast::Ident { value: joined, quote_style: Some('"'), span });
        }
        let span = parts.first().map_or(Span::empty(), |p| p.span);
        Err(self
            .fail(span, format!("'{joined}' is not a column"))
            .help("columns are named without a table; put a name that has a point in double quotes"))
    }

    /// Calls the function `name` of the catalogue with arguments that have a syntax of their own.
    fn named(&mut self, name: &str, args: &[&ast::Expr], at: Span) -> Result<Value> {
        let args = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        functions::call(self, name, args, at)
    }

    fn extract(&mut self, field: &str, expr: &ast::Expr, at: Span) -> Result<Value> {
        let value = self.expr(expr)?;
        functions::call(self, "date_part", vec![self::Value::text(field), value], at)
    }

    fn substring(
        &mut self,
        expr: &ast::Expr,
        from: Option<&ast::Expr>,
        length: Option<&ast::Expr>,
        at: Span,
    ) -> Result<Value> {
        let mut args = vec![self.expr(expr)?];
        match from {
            Some(from) => args.push(self.expr(from)?),
            None => args.push(self::Value::integer(1)),
        }
        if let Some(length) = length {
            args.push(self.expr(length)?);
        }
        functions::call(self, "substr", args, at)
    }

    fn trim(
        &mut self,
        side: Option<ast::TrimWhereField>,
        what: Option<&ast::Expr>,
        expr: &ast::Expr,
        characters: Option<&[ast::Expr]>,
        at: Span,
    ) -> Result<Value> {
        let name = match side {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        };
        let mut args = vec![expr];
        args.extend(what);
        args.extend(characters.unwrap_or_default());
        self.named(name, &args, at)
    }

    fn function(&mut self, f: &ast::Function) -> Result<Value> {
        let at = f.name.span();
        let name = f.name.to_string().trim_matches('"').to_lowercase();
        let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        functions::check_known(self, name, at)?;
        if f.over.is_some() {
            return Err(self
                .fail(at, "window functions (OVER) look at other rows and are not available")
                .help("compute this in the model's SQL"));
        }
        let plain = f.filter.is_none() && f.null_treatment.is_none() && f.within_group.is_empty();
        let list: &[ast::FunctionArg] = match &f.args {
            ast::FunctionArguments::None => &[],
            ast::FunctionArguments::List(list)
                if plain && list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                &list.args
            }
            _ => return Err(self.fail(at, format!("{name} takes plain arguments only"))),
        };
        let mut args = Vec::with_capacity(list.len());
        for arg in list {
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg)) => args.push(self.expr(arg)?),
                _ => return Err(self.fail(at, format!("{name} takes plain arguments only"))),
            }
        }
        functions::call(self, name, args, at)
    }
}
