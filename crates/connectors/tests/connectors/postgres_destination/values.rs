//! Values arrive exactly as they were sent.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use syncline_core::sync::WriteMode;
use syncline_core::{LogicalType, Op, text};

use super::target::{World, chunk, names, request, world};

/// Column type, canonical type, canonical text, and the text that PostgreSQL shows.
const VALUES: &[(&str, &str, &str, &str)] = &[
    ("bool", "bool", "true", "true"),
    ("int2", "int16", "-32768", "-32768"),
    ("int4", "int32", "2147483647", "2147483647"),
    ("int8", "int64", "-9223372036854775808", "-9223372036854775808"),
    ("int8", "int64", "9007199254740993", "9007199254740993"),
    ("float4", "float32", "0.1", "0.1"),
    ("float8", "float64", "0.30000000000000004", "0.30000000000000004"),
    ("float8", "float64", "NaN", "NaN"),
    ("float8", "float64", "-Infinity", "-Infinity"),
    ("numeric", "numeric", "NaN", "NaN"),
    ("numeric", "numeric", "-Infinity", "-Infinity"),
    ("numeric", "numeric", "0.000", "0.000"),
    (
        "numeric(38,10)",
        "numeric(38,10)",
        "1234567890123456789012345678.0123456789",
        "1234567890123456789012345678.0123456789",
    ),
    ("numeric(6,2)", "numeric", "-1.5", "-1.50"),
    ("text", "text", "", ""),
    ("text", "text", "emoji 🙂 \t\n\\N", "emoji 🙂 \t\n\\N"),
    ("varchar(9)", "text", "abc", "abc"),
    ("char(5)", "text", "ab", "ab   "),
    ("bytea", "bytes", "\\x00ff5c", "\\x00ff5c"),
    ("uuid", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("date", "date", "0001-01-01", "0001-01-01"),
    ("date", "date", "9999-12-31", "9999-12-31"),
    ("date", "date", "-0043-03-15", "0044-03-15 BC"),
    ("date", "date", "infinity", "infinity"),
    ("time", "time", "24:00:00", "24:00:00"),
    ("time", "time", "23:59:59.999999", "23:59:59.999999"),
    ("timestamp", "timestamp", "1969-12-31T23:59:59.999999", "1969-12-31 23:59:59.999999"),
    ("timestamp", "timestamp", "-infinity", "-infinity"),
    ("timestamptz", "timestamptz", "2025-06-01T12:00:00Z", "2025-06-01 12:00:00+00"),
    ("interval", "interval", "P14M-3DT-90.5S", "1 year 2 mons -3 days -00:01:30.5"),
    ("json", "json", "{\"b\": 1,  \"a\": [null]}", "{\"b\": 1,  \"a\": [null]}"),
    ("jsonb", "json", "{\"b\": 1,  \"a\": [null]}", "{\"a\": [null], \"b\": 1}"),
    ("int4[]", "int32[]", "[1,null,-3]", "{1,NULL,-3}"),
    ("text[]", "text[]", "[]", "{}"),
    ("text[]", "text[]", "[\"a,b\",\"\",null,\"\\\"\"]", "{\"a,b\",\"\",NULL,\"\\\"\"}"),
    ("varchar(3)[]", "text[]", "[\"abc\"]", "{abc}"),
    ("numeric(5,1)[]", "numeric[]", "[\"1.25\",\"NaN\"]", "{1.3,NaN}"),
    (
        "uuid[]",
        "uuid[]",
        "[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
    ),
    ("jsonb[]", "json[]", "[{\"a\":1}]", "{\"{\\\"a\\\": 1}\"}"),
    ("inet", "text", "10.0.0.1/8", "10.0.0.1/8"),
    ("inet[]", "text[]", "[\"10.0.0.1\"]", "{10.0.0.1}"),
    ("bit(3)", "text", "101", "101"),
    ("\"char\"", "text", "x", "x"),
    ("oid", "int64", "4294967295", "4294967295"),
    ("xml", "text", "<a/>", "<a/>"),
    ("timetz", "text", "10:00:00+02", "10:00:00+02"),
    ("int4range", "text", "[1,5)", "[1,5)"),
    ("mood", "text", "sad", "sad"),
    ("mood[]", "text[]", "[\"sad\",\"happy\"]", "{sad,happy}"),
    ("short", "text", "abc", "abc"),
    ("short[]", "text[]", "[\"abc\"]", "{abc}"),
    ("int8", "int32", "7", "7"),
    ("text", "int64", "7", "7"),
];

#[tokio::test]
async fn every_type_arrives_as_it_was_sent() {
    let columns: String = VALUES.iter().enumerate().map(|(i, (ty, ..))| format!(", v{i} {ty}")).collect();
    let world = world(&format!(
        "create type mood as enum ('happy', 'sad'); create domain short as varchar(3) check (value <> 'no');
         create table t (id int primary key{columns})"
    ))
    .await;
    let names_of: Vec<String> = (0..VALUES.len()).map(|i| format!("v{i}")).collect();
    let mut fields = vec![("id", "int32")];
    fields.extend(VALUES.iter().zip(&names_of).map(|((_, ty, ..), name)| (name.as_str(), *ty)));
    let request = request("t", WriteMode::Upsert, &fields);
    let mut row = vec!["1"];
    row.extend(VALUES.iter().map(|(_, _, sent, _)| *sent));
    let nulls: Vec<&str> = (0..row.len()).map(|i| if i == 0 { "2" } else { "-" }).collect();
    let chunk = chunk(&request, Op::Create, &[&row, &nulls]);
    assert_eq!(names(&world.write(request, chunk).await), ["created", "created"]);
    world.execute("set timezone = 'UTC'").await;
    for (i, (ty, _, sent, shown)) in VALUES.iter().enumerate() {
        let sql = format!("select v{i}::text from t order by id");
        let rows = world.client.query(&sql, &[]).await.unwrap();
        // A cast from char(n) to text drops the padding that the column has.
        let stored: Option<String> = match *ty {
            "char(5)" => {
                world.client.query_one(&format!("select v{i} from t where id = 1"), &[]).await.unwrap().get(0)
            }
            _ => rows[0].get(0),
        };
        assert_eq!(stored.as_deref(), Some(*shown), "{ty} {sent}");
        assert_eq!(rows[1].get::<_, Option<String>>(0), None, "{ty}");
    }
}

/// Any canonical text of a type, such that PostgreSQL can hold the value.
fn any_text(ty: &LogicalType) -> BoxedStrategy<String> {
    use LogicalType::*;
    match ty {
        Bool => any::<bool>().prop_map(|v| v.to_string()).boxed(),
        Int16 => any::<i16>().prop_map(|v| v.to_string()).boxed(),
        Int32 => any::<i32>().prop_map(|v| v.to_string()).boxed(),
        Int64 => any::<i64>().prop_map(|v| v.to_string()).boxed(),
        Float32 => any::<f32>().prop_map(|v| v.to_string()).boxed(),
        Float64 => any::<f64>().prop_map(|v| v.to_string()).boxed(),
        Numeric(_) => prop_oneof![
            "-?[1-9][0-9]{0,60}(\\.[0-9]{1,40})?",
            "0(\\.[0-9]{1,40})?",
            "-?0\\.0{1,20}[1-9]",
            Just("NaN".to_string()),
            Just("Infinity".to_string()),
        ]
        .boxed(),
        Text => any::<String>().prop_map(|v| v.replace('\0', "")).boxed(),
        Bytes => proptest::collection::vec(any::<u8>(), 0..50)
            .prop_map(|v| v.iter().fold("\\x".to_string(), |text, b| format!("{text}{b:02x}")))
            .boxed(),
        Uuid => any::<u128>().prop_map(|v| uuid::Uuid::from_u128(v).to_string()).boxed(),
        Date => (-1_000_000i64..3_000_000)
            .prop_map(|days| {
                let (y, m, d) = text::civil_from_days(days);
                let sign = if y < 0 { "-" } else { "+" };
                format!("{sign}{:04}-{m:02}-{d:02}", y.abs())
            })
            .boxed(),
        Time => (0i64..86_400_000_000)
            .prop_map(|v| {
                let (s, f) = (v / 1_000_000, v % 1_000_000);
                format!("{:02}:{:02}:{:02}.{f:06}", s / 3600, s / 60 % 60, s % 60)
            })
            .boxed(),
        Timestamp => (any_text(&Date), any_text(&Time)).prop_map(|(d, t)| format!("{d}T{t}")).boxed(),
        TimestampTz => (any_text(&Date), any_text(&Time)).prop_map(|(d, t)| format!("{d}T{t}Z")).boxed(),
        Interval => (-100_000i32..100_000, any::<i32>(), -1_000_000_000i64..1_000_000_000)
            .prop_map(|(m, d, s)| format!("P{m}M{d}DT{s}S"))
            .boxed(),
        Json => prop_oneof![
            any::<i32>().prop_map(|v| v.to_string()),
            any::<String>().prop_map(|v| serde_json::Value::from(v.replace('\0', "")).to_string()),
            proptest::collection::vec(any::<Option<bool>>(), 0..4)
                .prop_map(|v| serde_json::json!({ "a": v }).to_string()),
        ]
        .boxed(),
        Array(item) => {
            let item = (**item).clone();
            proptest::collection::vec(proptest::option::of(any_text(&item)), 0..5)
                .prop_map(move |items| serde_json::Value::from(items).to_string())
                .boxed()
        }
    }
}

/// The rows whose stored value is not the one that the server reads from its literal.
async fn differing(world: &World, ty: &str, literals: &[String]) -> Vec<String> {
    let sql = format!(
        "select l.text || ' became ' || coalesce(t.v::text, 'NULL')
         from unnest($1::text[]) with ordinality as l(text, n) left join t on t.id = l.n - 1
         where t.v::text is distinct from (l.text::{ty})::text"
    );
    let rows = world.client.query(&sql, &[&literals]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The literal that PostgreSQL reads as the same value.
fn literal(ty: &LogicalType, value: &str) -> String {
    let date = |text: &str| {
        let (sign, rest) = text.split_at(1);
        let (year, rest) = rest.split_once('-').unwrap();
        let year: i64 = year.parse().unwrap();
        match (sign, year) {
            ("-", y) => (format!("{:04}-{rest}", y + 1), " BC"),
            (_, 0) => (format!("0001-{rest}"), " BC"),
            (_, y) => (format!("{y:04}-{rest}"), ""),
        }
    };
    match ty {
        LogicalType::Date => {
            let (text, era) = date(value);
            text + era
        }
        LogicalType::Timestamp | LogicalType::TimestampTz => {
            let (day, clock) = value.split_once('T').unwrap();
            let (day, era) = date(day);
            format!("{day} {}{era}", clock.replace('Z', "+00"))
        }
        LogicalType::Interval => {
            let rest = &value[1..];
            let (months, rest) = rest.split_once('M').unwrap();
            let (days, seconds) = rest.split_once("DT").unwrap();
            format!("{months} months {days} days {} seconds", seconds.trim_end_matches('S'))
        }
        LogicalType::Array(item) => {
            let items: Vec<Option<String>> = serde_json::from_str(value).unwrap();
            let items = items.into_iter().map(|v| match v {
                None => "NULL".to_string(),
                Some(v) => format!("\"{}\"", literal(item, &v).replace('\\', "\\\\").replace('"', "\\\"")),
            });
            format!("{{{}}}", items.collect::<Vec<_>>().join(","))
        }
        _ => value.to_string(),
    }
}

#[test]
fn random_values_of_every_type_are_stored_exactly() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (native, canonical) in [
        ("bool", "bool"),
        ("int2", "int16"),
        ("int4", "int32"),
        ("int8", "int64"),
        ("float4", "float32"),
        ("float8", "float64"),
        ("numeric", "numeric"),
        ("text", "text"),
        ("bytea", "bytes"),
        ("uuid", "uuid"),
        ("date", "date"),
        ("time", "time"),
        ("timestamp", "timestamp"),
        ("timestamptz", "timestamptz"),
        ("interval", "interval"),
        ("json", "json"),
        ("jsonb", "json"),
        ("numeric[]", "numeric[]"),
        ("text[]", "text[]"),
        ("timestamptz[]", "timestamptz[]"),
    ] {
        let ty: LogicalType = canonical.parse().unwrap();
        let world =
            Arc::new(runtime.block_on(world(&format!("create table t (id int primary key, v {native})"))));
        let run = std::cell::Cell::new(0);
        let mut runner = TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
        let value =
            any_text(&ty).prop_filter("it stands for NULL in rows of these tests", |text| text != "-");
        let values = proptest::collection::vec(value, 30);
        let outcome = runner.run(&values, |values| {
            run.set(run.get() + 1);
            let mut request = request("t", WriteMode::Upsert, &[("id", "int32"), ("v", canonical)]);
            request.run_id = syncline_core::RunId::from_stored(format!("run_{}", run.get()));
            let ids: Vec<String> = (0..values.len()).map(|i| i.to_string()).collect();
            let rows: Vec<[&str; 2]> =
                ids.iter().zip(&values).map(|(id, v)| [id.as_str(), v.as_str()]).collect();
            let rows: Vec<&[&str]> = rows.iter().map(|r| r.as_slice()).collect();
            let chunk = chunk(&request, Op::Update, &rows);
            runtime.block_on(async {
                for result in world.write(request, chunk).await {
                    prop_assert!(!matches!(result, syncline_core::RowResult::Rejected(_)), "{result:?}");
                }
                let literals: Vec<String> = values.iter().map(|value| literal(&ty, value)).collect();
                prop_assert_eq!(differing(&world, native, &literals).await, Vec::<String>::new());
                Ok(())
            })
        });
        outcome.unwrap();
    }
}
