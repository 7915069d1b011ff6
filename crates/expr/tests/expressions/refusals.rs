use super::*;
use syncline_core::ErrorKind;

/// `(expression, part of the message, part of the help)`.
const CASES: &[(&str, &str, &str)] = &[
    ("emial", "unknown column 'emial' (at column 1)", "did you mean 'email'?"),
    ("lower(emial)", "unknown column 'emial' (at column 7)", "did you mean 'email'?"),
    ("1 +\n  emial", "(at line 2, column 3)", "email"),
    ("nothing_alike_at_all", "unknown column", "the columns are: id"),
    ("name", "could be the column 'Name' or 'NAME'", "double quotes"),
    ("c.email", "'c.email' is not a column", "without a table"),
    ("lowr(email)", "unknown function 'lowr' (at column 1)", "did you mean 'lower'?"),
    ("lookup('contries', id)", "there is no lookup table 'contries'", "did you mean 'countries'?"),
    ("lookup(email, id)", "the table of lookup is a name in quotes", "lookup('table', key)"),
    ("now()", "deterministic", "model's SQL"),
    ("current_date", "deterministic", "model's SQL"),
    ("current_timestamp", "deterministic", "model's SQL"),
    ("random()", "deterministic", "md5"),
    ("gen_random_uuid()", "deterministic", "md5"),
    ("age(seen)", "not available", "a - b"),
    ("current_user", "deterministic", "model's SQL"),
    ("sum(id)", "aggregate", "model's SQL"),
    ("max(id)", "aggregate", "greatest"),
    ("count(*)", "aggregate", "model's SQL"),
    ("row_number() over (order by id)", "window function", "model's SQL"),
    ("lower(email) over ()", "window functions", "model's SQL"),
    ("(select 1)", "subquery", "lookup"),
    ("exists (select 1)", "subquery", "lookup"),
    ("id in (select 1)", "subquery", "lookup"),
    ("email > 5", "text cannot be compared with integer", "cast"),
    ("firstname = 1", "text cannot be compared with integer", "cast"),
    ("email in (1, 2)", "text cannot be compared with integer", "cast"),
    ("email between 1 and 2", "text cannot be compared with integer", "cast"),
    ("case email when 1 then 2 end", "CASE mixes text and integer", "cast"),
    ("active = 1", "boolean cannot be compared with integer", "cast"),
    ("ref = email", "uuid cannot be compared with text", "cast"),
    ("doc = '{}'", "json cannot be compared", "text"),
    ("tags = tags", "text[] cannot be compared", "array_to_string"),
    ("lower(5)", "argument 1 of lower is text, not integer", "cast"),
    ("lower(id)", "argument 1 of lower is text, not integer", "cast"),
    ("length(mrr)", "argument 1 of length is text, not numeric(12,2)", "cast"),
    ("md5(id)", "text or bytes, not integer", "cast"),
    ("email + 1", "there is no text + integer", "||"),
    ("id || 1", "joins texts", "concat"),
    ("seen * 2", "there is no timestamptz * integer", ""),
    ("local + '1 day'", "there is no timestamp + text", "interval"),
    ("case when true then 1 else 'x' end", "'x' is not a valid integer", ""),
    ("coalesce(id, email)", "coalesce mixes integer and text", "cast"),
    ("case when id then 1 end", "boolean was expected here, not integer", ""),
    ("id and true", "boolean was expected here, not integer", ""),
    ("'abc'::int", "'abc' is not a valid integer", ""),
    ("date '2025-02-30'", "'2025-02-30' is not a valid date", ""),
    ("cast(born as int)", "date cannot be cast to integer", ""),
    ("tags::text", "text[] cannot be cast to text", "array_to_string"),
    ("cast(id as money)", "there is no type", "numeric(p,s)"),
    ("cast(id as numeric(100,2))", "numeric(100,2) is not possible", "precision"),
    ("1 / 0", "division by zero", ""),
    ("round(ratio, 2)", "for numeric, not double precision", "cast"),
    ("lower(email, 2)", "lower takes 1 argument, not 2", "lower(text)"),
    ("lower()", "lower takes 1 argument, not 0", "lower(text)"),
    ("regexp_like(email, '(')", "is not a regular expression", "look-around"),
    ("regexp_replace(email, 'a', 'b', 'q')", "'q' is not a flag", "'g'"),
    ("seen at time zone 'Berlin'", "'Berlin' is not a known time zone", ""),
    ("to_char(seen, '%Y')", "'%'", ""),
    ("to_char(mrr, '9.99')", "argument 1 of to_char is a date or timestamp, not numeric(12,2)", "round"),
    ("to_char(seen, email)", "constant text", "to_char"),
    ("extract(soon from seen)", "not a field of dates", "year"),
    ("extract(hour from born)", "date has no such field", ""),
    ("encode(raw, 'rot13')", "'rot13' is not a coding", "base64"),
    ("interval 'soon'", "is not an interval", "1 day"),
    ("email collate \"C\"", "COLLATE", ""),
    ("email similar to 'a%'", "SIMILAR TO", "regexp_like"),
    ("email like 'a' escape 'x'", "ESCAPE", "backslash"),
    ("doc -> 'a'", "->", "model's SQL"),
    ("$1", "no value", ""),
    ("", "empty", ""),
    ("   ", "empty", ""),
    ("email,", "ends before ','", "one expression"),
    ("email; drop table x", "ends before ';'", "one expression"),
    ("email as e", "ends before", "one expression"),
    ("lower(email", "expected", ""),
    ("'open", "Unterminated", ""),
    ("*", "", ""),
    ("concat(distinct email)", "plain arguments", ""),
    ("sum(id) filter (where true)", "aggregate", ""),
];

#[test]
fn what_is_wrong_is_said_with_its_place_and_remedy() {
    let mut wrong = Vec::new();
    for (sql, message, help) in CASES {
        let Err(error) = compiler().compile(sql) else {
            wrong.push(format!("{sql}: compiled"));
            continue;
        };
        let advice = error.help.clone().unwrap_or_default();
        if error.kind != ErrorKind::InvalidExpression
            || !error.message.contains(message)
            || !advice.contains(help)
        {
            wrong.push(format!("{sql}: {:?} {} ({advice})", error.kind, error.message));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_condition_is_boolean() {
    let compiler = compiler();
    assert_eq!(*compiler.compile_condition("email like '%@example.com'").unwrap().ty(), LogicalType::Bool);
    assert_eq!(*compiler.compile_condition("NULL").unwrap().ty(), LogicalType::Bool);
    let error = compiler.compile_condition("lower(email)").unwrap_err();
    assert!(error.message.contains("a condition is boolean, but this is text"), "{error}");
}

/// Bombs must be refused; that they do not overflow this thread's stack is the point.
#[test]
fn bombs_are_refused_and_do_not_overflow_the_stack() {
    let n = syncline_expr::DEPTH_MAX;
    for bomb in [
        format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("{}true", "not ".repeat(3_000)),
        format!("{}1", "- ".repeat(4_000)),
        vec!["1"; 1_900].join("+"),
        vec!["email"; 1_900].join("||"),
        format!("{}1{}", "abs(".repeat(2_000), ")".repeat(2_000)),
        format!("{}1{}", "case when true then ".repeat(500), " end".repeat(500)),
        format!("1{}", "::int".repeat(1_900)),
        format!("{}email{}", "coalesce(".repeat(40), ", '')".repeat(40)),
        format!("{}true{}", "(".repeat(30), " between false and true)".repeat(30)),
        "1,".repeat(10_000),
        format!("'{}'", "x".repeat(20_000)),
        vec!["1"; n + 10].join("+"),
    ] {
        let error = refused(&bomb);
        assert_eq!(error.kind, ErrorKind::InvalidExpression, "{}", &bomb[..40]);
    }
}

#[test]
fn what_stays_below_the_limits_is_evaluated() {
    let chain = vec!["id"; syncline_expr::DEPTH_MAX - 2].join("+");
    assert_eq!(first(&chain), (syncline_expr::DEPTH_MAX - 2).to_string());
    let texts = vec!["'a'"; syncline_expr::DEPTH_MAX - 2].join("||");
    assert_eq!(first(&texts).len(), syncline_expr::DEPTH_MAX - 2);
    let conditions = (0..100).map(|i| format!("id = {i}")).collect::<Vec<_>>().join(" or ");
    assert_eq!(first(&conditions), "true");
    let cases: String = (0..200).map(|i| format!(" when {i} then 'v{i}'")).collect();
    assert_eq!(first(&format!("case id{cases} end")), "v1");
    let nested = format!("{}id{}", "abs(".repeat(20), ")".repeat(20));
    assert_eq!(first(&nested), "1");
}
