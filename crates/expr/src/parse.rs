//! From text to syntax tree: limits, the parser, and errors that say where.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{self, Visit, Visitor};
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, Tokenizer};
use syncline_core::{Error, ErrorKind, Result};

use crate::dialect::ExpressionDialect;

/// Longest expression text. A mapping is read by people; a table belongs in `lookup`.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Most tokens in an expression, white space not counted. A chain of operators makes a tree as deep as the
/// chain is long without recursion in the parser, so this bounds the stack its release needs.
pub const TOKENS_MAX: usize = 4_000;
/// Deepest tree an expression may have; evaluation recurses this far.
pub const DEPTH_MAX: usize = 128;
/// Deepest nesting the parser follows (parentheses, calls, CASE).
pub const PARSE_DEPTH_MAX: usize = 64;

/// Parses exactly one expression.
pub(crate) fn parse(sql: &str) -> Result<ast::Expr> {
    if sql.len() > TEXT_BYTES_MAX {
        return Err(invalid(format!(
            "the expression has {} bytes; at most {TEXT_BYTES_MAX} are allowed",
            sql.len()
        ))
        .help("put translation tables into lookup('table', key) and heavy logic into the model's SQL"));
    }
    if sql.trim().is_empty() {
        return Err(invalid("the expression is empty"));
    }
    let dialect = ExpressionDialect;
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|e| invalid(format!("{}{}", e.message.trim(), place(sql, e.location))))?;
    let count = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).count();
    if count > TOKENS_MAX {
        return Err(too_complex());
    }
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(PARSE_DEPTH_MAX).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|e| parser_error(sql, e))?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let error =
            invalid(format!("the expression ends before '{}'{}", rest.token, place(sql, rest.span.start)));
        return Err(error.help("write one expression: no commas, semicolons, FROM or AS around it"));
    }
    check_depth(&expr)?;
    Ok(expr)
}

/// Refuses trees deeper than [`DEPTH_MAX`] before anything else recurses into them. The parser limits
/// nesting, but a chain of operators makes a tree as deep as the chain is long.
fn check_depth(expr: &ast::Expr) -> Result<()> {
    struct Depth(usize);

    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, _: &ast::Expr) -> ControlFlow<()> {
            self.0 += 1;
            if self.0 > DEPTH_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }

        fn post_visit_expr(&mut self, _: &ast::Expr) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
    }

    match expr.visit(&mut Depth(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(too_complex()),
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidExpression, message)
}

pub(crate) fn too_complex() -> Error {
    invalid("the expression is nested too deeply or is too long")
        .help("split it: compute parts in the model's SQL, or use lookup('table', key) for long CASE lists")
}

/// An error at a place in `sql`.
pub(crate) fn invalid_at(sql: &str, span: Span, message: impl Into<String>) -> Error {
    invalid(format!("{}{}", message.into(), place(sql, span.start)))
}

/// ` (at column 7)`, with the line when the text has several, or nothing when the place is unknown.
fn place(sql: &str, at: Location) -> String {
    match (at.line, sql.trim().contains('\n')) {
        (0, _) => String::new(),
        (_, false) => format!(" (at column {})", at.column),
        (_, true) => format!(" (at line {}, column {})", at.line, at.column),
    }
}

/// The parser writes its place into the message; here it is taken out and written our way.
fn parser_error(sql: &str, error: ParserError) -> Error {
    let text = match error {
        ParserError::RecursionLimitExceeded => return too_complex(),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
    };
    let text = text.replace("Expected: ", "expected ").replace("found: EOF", "found the end of the text");
    let text = text.replace("found: ", "found ");
    let Some((message, location)) = text.rsplit_once(" at Line: ") else { return invalid(text) };
    let (line, column) = location.split_once(", Column: ").unwrap_or((location, ""));
    let at = match (line.trim().parse(), column.trim().parse()) {
        (Ok(line), Ok(column)) => Location::new(line, column),
        _ => Location::new(0, 0),
    };
    invalid(format!("{message}{}", place(sql, at)))
}

/// The name in `names` that was probably meant.
pub(crate) fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let allowed = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}
