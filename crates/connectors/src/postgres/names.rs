//! Identifiers and text literals in SQL that we write.

use std::fmt::Write;

use syncline_core::{Error, ErrorKind, Result};

/// A table or view, with its schema when one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    pub schema: Option<String>,
    pub name: String,
}

impl ObjectName {
    /// Reads `table`, `schema.table` or, where a name itself holds a dot, `"my.schema"."table"`.
    ///
    /// Names are taken exactly as written: `Users` is not folded to `users`, with or without
    /// quotes. Fails with [`ErrorKind::InvalidConfig`].
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            Error::new(ErrorKind::InvalidConfig, format!("'{text}' is not the name of a table"))
                .help("write table, schema.table or, for a name with a dot in it, \"my.schema\".\"table\"")
        };
        let (first, rest) = identifier(text).ok_or_else(malformed)?;
        if rest.is_empty() {
            return Ok(Self { schema: None, name: first });
        }
        let (second, rest) = rest.strip_prefix('.').and_then(identifier).ok_or_else(malformed)?;
        if rest.is_empty() { Ok(Self { schema: Some(first), name: second }) } else { Err(malformed()) }
    }

    /// As SQL, quoted: `"schema"."table"`.
    pub fn sql(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }

    /// As [`ObjectName::parse`] reads it, with quotes only where they are needed.
    pub fn plain(&self) -> String {
        let part = |name: &str| if name.contains(['.', '"']) { quoted(name) } else { name.to_string() };
        match &self.schema {
            Some(schema) => format!("{}.{}", part(schema), part(&self.name)),
            None => part(&self.name),
        }
    }
}

/// Splits one identifier, quoted or up to the next dot, from the front. `None`: there is none.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let name = &text[..end];
        let usable = !name.is_empty() && !name.contains(['"', '\0']);
        return usable.then(|| (name.to_string(), &text[end..]));
    };
    let mut name = String::new();
    let mut rest = inside;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => {
                let usable = !name.is_empty() && !name.contains('\0');
                return usable.then_some((name, rest));
            }
        }
    }
}

/// An identifier as SQL, always in quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal that means the same whatever `standard_conforming_strings` says.
///
/// The text must not contain NUL, which no PostgreSQL text can hold.
pub fn literal(text: &str) -> String {
    let mut sql = String::with_capacity(text.len() + 3);
    if text.contains('\\') {
        sql.push_str(" E");
    }
    sql.push('\'');
    push_escaped(&mut sql, text);
    sql.push('\'');
    sql
}

/// A one-dimensional array of texts as an SQL literal, without its type: `'{"a","b"}'`.
pub fn array_literal<'a>(items: impl Iterator<Item = &'a str>) -> String {
    let mut array = String::from("{");
    for item in items {
        if array.len() > 1 {
            array.push(',');
        }
        array.push('"');
        for c in item.chars() {
            if matches!(c, '"' | '\\') {
                array.push('\\');
            }
            array.push(c);
        }
        array.push('"');
    }
    array.push('}');
    literal(&array)
}

fn push_escaped(sql: &mut String, text: &str) {
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '\'' => sql.write_str("''"),
            '\\' => sql.write_str("\\\\"),
            c => sql.write_char(c),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_at_the_dot_and_kept_as_written() {
        for (text, sql, plain) in [
            ("users", r#""users""#, "users"),
            ("Shop.Users", r#""Shop"."Users""#, "Shop.Users"),
            (r#""my.schema"."t""#, r#""my.schema"."t""#, r#""my.schema".t"#),
            (r#"a"."b"#, "", ""),
            (r#"x; drop table y"#, r#""x; drop table y""#, "x; drop table y"),
            (r#""x""; drop table y""#, r#""x""; drop table y""#, r#""x""; drop table y""#),
            ("a.b.c", "", ""),
            ("", "", ""),
            (".t", "", ""),
            (r#""open"#, "", ""),
        ] {
            match ObjectName::parse(text) {
                Ok(name) => assert_eq!((name.sql().as_str(), name.plain().as_str()), (sql, plain)),
                Err(e) => {
                    assert_eq!(sql, "", "{text}: {e}");
                    assert_eq!(e.kind, ErrorKind::InvalidConfig);
                }
            }
        }
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'; drop"), r" E'\\''; drop'");
        assert_eq!(
            array_literal(["a", "b\"c", "d\\", "e'f"].into_iter()),
            r#" E'{"a","b\\"c","d\\\\","e''f"}'"#
        );
        assert_eq!(array_literal([].into_iter()), "'{}'");
    }
}
