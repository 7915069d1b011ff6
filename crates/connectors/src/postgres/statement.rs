//! Where a statement ends, by the rules of PostgreSQL's lexer.

/// A statement without the semicolon that ends it and what follows, if that is only space and
/// comments. Anything else is left for the server to refuse.
pub fn without_end(sql: &str) -> &str {
    let bytes = sql.as_bytes();
    let mut end = None;
    let mut at = 0;
    while at < bytes.len() {
        let token = token_bytes(sql, at);
        match bytes[at] {
            b';' => end = end.or(Some(at)),
            b if b.is_ascii_whitespace() => {}
            _ if sql[at..].starts_with("--") || sql[at..].starts_with("/*") => {}
            _ if end.is_some() => return sql,
            _ => {}
        }
        at += token;
    }
    &sql[..end.unwrap_or(sql.len())]
}

/// Length of the comment, quoted thing, word or single character that starts at `at`, by the rules
/// of PostgreSQL's lexer with `standard_conforming_strings` on.
fn token_bytes(sql: &str, at: usize) -> usize {
    let rest = &sql[at..];
    let up_to = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("--") {
        return up_to(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return comment_bytes(rest);
    }
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '\'' => quoted_bytes(rest, b'\'', false),
        '"' => quoted_bytes(rest, b'"', false),
        'e' | 'E' if rest[1..].starts_with('\'') => 1 + quoted_bytes(&rest[1..], b'\'', true),
        '$' => dollar_quoted_bytes(rest).unwrap_or(1),
        _ if is_word(first) => up_to(rest.find(|c| !is_word(c) && c != '$')),
        _ => first.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Length of a block comment; they nest.
fn comment_bytes(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a quoted thing; a doubled quote stands for itself, which reads as two things in a row.
fn quoted_bytes(text: &str, quote: u8, backslash_escapes: bool) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash_escapes => at += 2,
            b if b == quote => {
                // Inside an E'' string the second half of '' must keep the backslash rule.
                if backslash_escapes && bytes.get(at + 1) == Some(&quote) {
                    at += 2;
                } else {
                    return at + 1;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn dollar_quoted_bytes(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 1;
    let tag = &text[1..tag_end];
    let named = tag.chars().all(is_word) && !tag.starts_with(|c: char| c.is_ascii_digit());
    let delimiter = &text[..=tag_end];
    named.then(|| match text[delimiter.len()..].find(delimiter) {
        Some(close) => close + delimiter.len() * 2,
        None => text.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closing_semicolon_is_removed() {
        for (sql, expected) in [
            ("select 1", "select 1"),
            ("select 1;", "select 1"),
            ("select 1 ;\n -- done;\n /* ; /* nested */ ; */ ;", "select 1 "),
            ("select 1; select 2", "select 1; select 2"),
            ("select 1; select 2;", "select 1; select 2;"),
            ("select ';' -- ;", "select ';' -- ;"),
            ("select 'it''s;';", "select 'it''s;'"),
            (r"select E'\';';", r"select E'\';'"),
            (r"select E'a''\';';", r"select E'a''\';'"),
            (r"select '\';", r"select '\'"),
            (r#"select "a;b";"#, r#"select "a;b""#),
            ("select $$;$$;", "select $$;$$"),
            ("select $q$ $$; $q$;", "select $q$ $$; $q$"),
            ("select a$b$;", "select a$b$"),
            ("select $1;", "select $1"),
            ("select 'ü;';", "select 'ü;'"),
            ("select 'open;", "select 'open;"),
            ("select /* open;", "select /* open;"),
            ("", ""),
        ] {
            assert_eq!(without_end(sql), expected);
        }
    }
}
