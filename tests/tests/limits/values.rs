//! G15: values at the edges of their types, through the whole program and back.

use std::collections::BTreeSet;

use syncline_tests::databases::Database;

use crate::round_trip::{Column, RoundTrip, Through, WAYS};

/// Types of PostgreSQL, what they are canonically, and the values that systems get wrong.
pub const TYPES: [(&str, &str, &[&str]); 24] = [
    ("boolean", "bool", &["true", "false"]),
    ("smallint", "int16", &["-32768", "32767", "0"]),
    ("int", "int32", &["-2147483648", "2147483647"]),
    (
        "bigint",
        "int64",
        &["9007199254740993", "-9007199254740993", "9223372036854775807", "-9223372036854775808"],
    ),
    ("real", "float32", &["NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "16777217", "0.1"]),
    (
        "double precision",
        "float64",
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "5e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "0.30000000000000004",
        ],
    ),
    (
        "numeric",
        "numeric",
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "9007199254740993",
            "0.000000000000000000000000000000000000000001",
            "-1e-300",
            "1e300",
            "0",
        ],
    ),
    (
        "numeric(38,10)",
        "numeric(38,10)",
        &["NaN", "9999999999999999999999999999.9999999999", "-0.0000000001"],
    ),
    (
        "text",
        "text",
        &[
            "",
            " ",
            "NULL",
            "\\N",
            "null",
            "a,\"b\"\r\nc\td",
            "🦀é\u{301}中\u{10ffff}",
            "\u{feff}",
            "'",
            "\\",
            "{\"a\":1}",
            "2016-12-31T23:59:60Z",
            "\u{1}\u{7f}",
        ],
    ),
    ("varchar(20)", "text", &["", "twenty characters !!", "007", "1e5", "true"]),
    ("bytea", "bytes", &["\\x", "\\x00", "\\xff00", "\\x5c"]),
    ("uuid", "uuid", &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    (
        "date",
        "date",
        &[
            "0001-01-01",
            "9999-12-31",
            "infinity",
            "-infinity",
            "0044-03-15 BC",
            "4714-11-24 BC",
            "12345-06-07",
            "5874897-12-31",
            "2024-02-29",
        ],
    ),
    ("time", "time", &["00:00:00", "23:59:59.999999", "24:00:00", "23:59:60"]),
    (
        "timestamp",
        "timestamp",
        &[
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
            "infinity",
            "-infinity",
            "0044-03-15 12:00:00 BC",
            "4714-11-24 00:00:00 BC",
            "294276-12-31 23:59:59.999999",
            "2016-12-31 23:59:60",
        ],
    ),
    (
        "timestamptz",
        "timestamptz",
        &[
            "0001-01-01 00:00:00Z",
            "9999-12-31 23:59:59.999999Z",
            "infinity",
            "-infinity",
            "0044-03-15 12:00:00Z BC",
            "294276-12-31 23:59:59.999999Z",
            "2016-12-31 23:59:60Z",
            "2025-03-30 01:30:00+02",
        ],
    ),
    (
        "interval",
        "interval",
        &["0", "1 year -1 mon 3 days -04:05:06.789", "178000000 years", "-0.000001 s", "30 days", "1 mon"],
    ),
    (
        "json",
        "json",
        &[
            "null",
            "\"\"",
            "{}",
            "[]",
            "12345678901234567890.12345",
            "{\"b\":1,\"a\":[null,{\"ü\":\"\\n\"}],\"b\":2}",
            "\"\\ud83e\\udd80\"",
            "1e400",
        ],
    ),
    (
        "jsonb",
        "json",
        &[
            "null",
            "\"\"",
            "{}",
            "[]",
            "12345678901234567890.12345",
            "{\"a\": [null, {\"ü\": \"\\n\"}], \"b\": 2}",
        ],
    ),
    ("int[]", "int32[]", &["{}", "{NULL}", "{1,NULL,-2147483648}"]),
    ("text[]", "text[]", &["{}", "{NULL,\"NULL\",\"\",\"a,b\",\"\\\"\",\"\\\\\"}", "{🦀}"]),
    ("double precision[]", "float64[]", &["{NaN,Infinity,-Infinity,NULL,5e-324}"]),
    ("numeric[]", "numeric[]", &["{NaN,NULL,12345678901234567890.123,9007199254740993}"]),
    (
        "timestamptz[]",
        "timestamptz[]",
        &["{infinity,NULL,\"2016-12-31 23:59:60+00\",\"0044-03-15 12:00:00+00 BC\"}"],
    ),
];

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn columns() -> Vec<Column> {
    TYPES.iter().enumerate().map(|(i, (ty, canonical, _))| (format!("c{i}"), *ty, *canonical)).collect()
}

/// Fills the table: one row of NULLs, and rows that together have every edge of every type.
fn fill_with_edges(trip: &RoundTrip) {
    let rows = TYPES.iter().map(|(_, _, edges)| edges.len()).max().unwrap_or(0);
    trip.source.execute("insert into item (id) values (0)");
    for row in 0..rows {
        let values: Vec<String> = TYPES
            .iter()
            .map(|(ty, _, edges)| format!("{}::{ty}", quoted(edges[row % edges.len()])))
            .collect();
        trip.source.execute(&format!("insert into item values ({}, {})", row + 1, values.join(", ")));
    }
}

#[test]
fn every_edge_of_every_type_survives_every_way() {
    for way in WAYS {
        let trip = RoundTrip::new(way, columns());
        fill_with_edges(&trip);
        // Later than what 64 bits of microseconds hold; and SQLite has no NaN.
        let mut refused = BTreeSet::from(["timestamp", "timestamptz"]);
        if way == Through::Sqlite {
            refused.insert("real");
        }
        assert_eq!(trip.prove("edges"), refused, "{way:?}");
    }
}

#[test]
fn large_and_deep_values_survive_every_way() {
    for way in WAYS {
        let column = |name: &str, ty: &'static str, canonical| (name.to_string(), ty, canonical);
        let columns = vec![
            column("label", "text", "text"),
            column("raw", "bytea", "bytes"),
            column("amount", "numeric", "numeric"),
            column("doc", "json", "json"),
            column("tags", "text[]", "text[]"),
        ];
        let trip = RoundTrip::new(way, columns);
        trip.source.execute(
            "insert into item values
               -- All bytes, and texts of several megabytes.
               (1, repeat('Ünïcode 🦀 ', 200000), (select string_agg(set_byte('\\x00', 0, n), '' order by n)
                  from generate_series(0, 255) n), 1, '1', '{}'),
               (2, 'x', (select string_agg(sha256(n::text::bytea), '') from generate_series(1, 60000) n), 2, '2', '{}'),
               -- The longest decimals that PostgreSQL knows, and nearly so.
               (3, '', '', (repeat('9', 131072))::numeric, '3', '{}'),
               (4, '', '', ('-0.' || repeat('0', 16382) || '1')::numeric, '4', '{}'),
               -- A thousand levels.
               (5, '', '', 5, (repeat('[', 1000) || repeat(']', 1000))::json, '{}'),
               (6, '', '', 6, (repeat('{\"a\":', 1000) || 'null' || repeat('}', 1000))::json, '{}'),
               (7, '', '', 7, '7', (select array_agg(case when n % 3 = 0 then null else 'item ' || n end)
                  from generate_series(1, 20000) n))",
        );
        assert!(trip.prove("large and deep").is_empty());
    }
}

#[test]
fn a_negative_zero_is_no_change() {
    let columns = vec![("ratio".to_string(), "double precision", "float64")];
    let trip = RoundTrip::new(Through::Postgres, columns);
    trip.source.execute("insert into item values (1, '-0'), (2, '0')");
    trip.project.expect(0, &["run", "there.item"]);
    trip.source.execute("update item set ratio = -ratio");
    let run = trip.project.expect(0, &["run", "there.item"]).run();
    assert_eq!(crate::counts(&run), [0; 4]);
}

#[test]
fn json_that_is_no_text_is_refused_by_name_where_it_cannot_be_held() {
    // PostgreSQL's json takes half of a surrogate pair and NUL; its jsonb and text do not.
    for way in WAYS {
        let trip = RoundTrip::new(way, vec![("doc".to_string(), "json", "json")]);
        trip.source.execute(
            "insert into item values (1, '\"\\ud800\"'), (2, '{\"\\u0000\":\"\\u0000\"}'), (3, '\"fine\"')",
        );
        if way == Through::Sqlite {
            trip.project.expect(0, &["check", "there", "--create"]);
        }
        for sync in ["there.item", "back.item"] {
            let output = trip.project.json(&["run", sync]);
            assert!(matches!(output.code(), Some(0 | 3)), "{way:?} {sync}: {output}");
        }
        // What arrived is what was sent; what did not is a letter.
        let arrived = trip.back.rows("select id, doc from item order by id");
        let sent = trip.source.rows("select id, doc from item order by id");
        assert!(arrived.iter().all(|row| sent.contains(row)), "{way:?}: {arrived:?}");
        assert!(arrived.contains(&sent[2]), "{way:?}: {arrived:?}");
        let letters = trip.project.open_letters();
        assert_eq!(arrived.len() + letters.len(), 3, "{way:?}: {letters:#?}");
        assert!(letters.iter().all(|letter| letter["field"] == "doc"), "{way:?}: {letters:#?}");
    }
}

#[test]
fn text_that_a_postgres_target_cannot_hold_is_refused_by_row_and_column() {
    let trip = RoundTrip::new(Through::JsonLines, vec![("label".to_string(), "text", "text")]);
    trip.project.write(
        "middle/item.jsonl",
        "{\"id\": 1, \"label\": \"a\\u0000b\"}\n{\"id\": 2, \"label\": \"\\ud800\"}\n{\"id\": 3, \"label\": \"\\ud83e\\udd80\"}\n",
    );
    let run = trip.project.expect(3, &["run", "back.item"]).run();
    assert_eq!(crate::counts(&run), [1, 0, 0, 2]);
    for letter in trip.project.open_letters() {
        assert_eq!(letter["field"], "label", "{letter:#}");
    }
    assert_eq!(trip.back.value("select label from item"), "🦀");
}
