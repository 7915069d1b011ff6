use super::*;
use proptest::prelude::*;

/// Expressions over `a` int32, `b` numeric(12,3), `t` text, `d` timestamp, `f` float64.
const EXPRESSIONS: &[&str] = &[
    "a / (a - 3)",
    "a + 2147483000",
    "cast(t as int)",
    "case when a > 3 then cast(t as int) else a end",
    "coalesce(nullif(t, ''), cast(a / (a - 1) as text))",
    "b * b / a",
    "round(b, a)",
    "b % 7",
    "concat_ws('-', t, a, b, d)",
    "upper(t) || left(t, a)",
    "a in (1, 2, 3) or b > 5",
    "a <> 0 and 10 / a > 2",
    "d + interval '1 month'",
    "extract(epoch from d)",
    "date_trunc('week', d)",
    "d at time zone 'America/New_York'",
    "lpad(t, a, 'xy')",
    "regexp_replace(t, '[0-9]+', '<\\0>', 'g')",
    "f / a",
    "greatest(a, b)",
    "least(f, a)",
    "cast(f as int)",
    "split_part(t, '1', a)",
    "case a when 1 then t when 2 then 'two' end",
    "t ~ '^[a-z]'",
    "to_char(d, 'YYYY-MM-DD HH24:MI:SS')",
    "md5(t)",
    "rpad(t, a)",
    "repeat(t, a)",
    "right(t, a)",
    "left(t, a * cast(4294967296 as bigint))",
    "substr(t, a, 3)",
    "substr(t, a * cast(4294967296 as bigint), a)",
    "overlay(t placing 'x' from a for 2)",
    "chr(a)",
    "ascii(t)",
    "to_hex(a)",
    "levenshtein(t, 'abc')",
    "translate(t, 'abc', 'x')",
    "initcap(t)",
    "reverse(t)",
    "replace(t, '', 'x')",
    "split_part(t, '', a)",
    "regexp_count(t, '[0-9]')",
    "strpos(t, 'é')",
    "encode(t, 'base64')",
    "decode(t, 'hex')",
    "decode(t, 'base64')",
    "starts_with(t, 'a') or ends_with(t, 'é') or contains(t, '1')",
    "octet_length(t) + length(t)",
    "round(b, a) + trunc(b, -a)",
    "d - timestamp '2000-01-01 00:00:00'",
    "make_date(a, a, a)",
    "cast(d as date) + a",
    "cast(a as smallint) * a",
    "power(f, a)",
    "ln(f) + sqrt(f)",
    "cast(f as numeric(10,2))",
    "cast(b as int) % a",
    "to_timestamp(f)",
    "phone(t, 'DE')",
    "country(t)",
    "mask(t)",
    "-a",
    "abs(a)",
];

fn columns() -> [(&'static str, LogicalType); 5] {
    [
        ("a", LogicalType::Int32),
        ("b", LogicalType::Numeric(Some((12, 3)))),
        ("t", LogicalType::Text),
        ("d", LogicalType::Timestamp),
        ("f", LogicalType::Float64),
    ]
}

type Row = (Option<i32>, Option<String>, Option<String>, Option<String>, Option<String>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let a = proptest::option::of(prop_oneof![-5..8i32, any::<i32>()]);
    let b = proptest::option::of(prop_oneof![
        (-999_999_999i64..999_999_999).prop_map(|v| format!(
            "{}{}.{:03}",
            if v < 0 { "-" } else { "" },
            v.abs() / 1000,
            v.abs() % 1000
        )),
        Just("NaN".to_string()),
        Just("0.000".to_string()),
    ]);
    let t = proptest::option::of(prop_oneof!["[a-c1é]{0,6}", "[0-9]{1,4}"]);
    let d = proptest::option::of(prop_oneof![
        (1900..2100i32, 1..13u32, 1..29u32, 0..24u32)
            .prop_map(|(y, m, d, h)| format!("{y}-{m:02}-{d:02}T{h:02}:30:00")),
        Just("infinity".to_string()),
    ]);
    let f = proptest::option::of(prop_oneof![
        (-1e6..1e6f64).prop_map(|v| v.to_string()),
        Just("NaN".to_string()),
        Just("Infinity".to_string()),
    ]);
    proptest::collection::vec((a, b, t, d, f), 1..24)
}

fn to_batch(rows: &[Row]) -> RecordBatch {
    let a: Vec<Option<String>> = rows.iter().map(|r| r.0.map(|v| v.to_string())).collect();
    let texts: [Vec<Option<&str>>; 5] = [
        a.iter().map(|v| v.as_deref()).collect(),
        rows.iter().map(|r| r.1.as_deref()).collect(),
        rows.iter().map(|r| r.2.as_deref()).collect(),
        rows.iter().map(|r| r.3.as_deref()).collect(),
        rows.iter().map(|r| r.4.as_deref()).collect(),
    ];
    let fields: Vec<_> = columns().iter().map(|(name, ty)| ty.field(name, true)).collect();
    let arrays = texts.iter().zip(columns()).map(|(t, (_, ty))| text::parse(t, &ty).0).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn row_by_row_equals_the_whole_batch(rows in rows()) {
        let batch = to_batch(&rows);
        let compiler = Compiler::new(batch.schema(), lookups()).unwrap();
        for sql in EXPRESSIONS {
            let expression = compiler.compile(sql).unwrap();
            let whole = expression.evaluate(&batch).unwrap();
            let values = shown(&expression, &whole);
            let mut faults = Vec::new();
            for (row, value) in values.iter().enumerate() {
                let single = expression.evaluate(&batch.slice(row, 1)).unwrap();
                prop_assert_eq!(&shown(&expression, &single)[0], value, "{} row {}", sql, row);
                faults.extend(single.errors.into_iter().map(|f| (row, f.message)));
            }
            let found: Vec<_> = whole.errors.into_iter().map(|f| (f.row, f.message)).collect();
            prop_assert_eq!(found, faults, "{}", sql);
        }
    }

    #[test]
    fn decimal_sums_and_products_are_exact(a in -10_000_000_000i128..10_000_000_000, b in -10_000_000_000i128..10_000_000_000) {
        let decimal = |v: i128, scale: usize| {
            let digits = format!("{:0>width$}", v.abs(), width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{}{whole}.{fraction}", if v < 0 { "-" } else { "" })
        };
        let (x, y) = (decimal(a, 3), decimal(b, 3));
        prop_assert_eq!(first(&format!("cast('{x}' as numeric(15,3)) + cast('{y}' as numeric(15,3))")), decimal(a + b, 3));
        prop_assert_eq!(first(&format!("cast('{x}' as numeric(15,3)) * cast('{y}' as numeric(15,3))")), decimal(a * b, 6));
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in "[a-z0-9'\"()+*/,.:|<>=~ $\\\\\n-]{0,60}") {
        if let Err(error) = compiler().compile(&text) {
            prop_assert_eq!(error.kind, syncline_core::ErrorKind::InvalidExpression);
        }
    }
}
