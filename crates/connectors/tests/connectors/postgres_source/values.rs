//! Values of every type arrive in canonical form, or make their row invalid.

use syncline_connector::{ReadFilter, ReadRequest};
use syncline_core::sync::Model;
use syncline_core::{ErrorKind, LogicalType};
use syncline_tests::postgres::Server;

use super::fixture::{all, column, database, read, refusal, source, sql, table};

#[tokio::test]
async fn every_type_arrives_in_canonical_form() {
    let (_, source) = database(
        "create extension citext; create type mood as enum ('sad', 'very ''happy'''); \
         create domain email as text check (value like '%@%'); create domain price as numeric(10,2); \
         create domain ids as int4[]",
    )
    .await;
    let cases = [
        ("true", "bool", "true"),
        ("'-32768'::int2", "int16", "-32768"),
        ("'2147483647'::int4", "int32", "2147483647"),
        ("'-9223372036854775808'::int8", "int64", "-9223372036854775808"),
        ("4294967295::oid", "int64", "4294967295"),
        ("'1.1754944e-38'::float4", "float32", "0.000000000000000000000000000000000000011754944"),
        ("'NaN'::float4", "float32", "NaN"),
        ("0.1::float8", "float64", "0.1"),
        ("'-Infinity'::float8", "float64", "-Infinity"),
        ("9007199254740993::numeric", "numeric", "9007199254740993"),
        ("1.50::numeric(10,2)", "numeric(10,2)", "1.50"),
        (
            "12345678901234567890.0123456789::numeric(38,10)",
            "numeric(38,10)",
            "12345678901234567890.0123456789",
        ),
        ("-0.00012::numeric", "numeric", "-0.00012"),
        ("-10000.0001::numeric", "numeric", "-10000.0001"),
        ("0.00::numeric", "numeric", "0.00"),
        ("1e25::numeric", "numeric", "10000000000000000000000000"),
        ("100000000::numeric", "numeric", "100000000"),
        ("'NaN'::numeric", "numeric", "NaN"),
        ("'Infinity'::numeric", "numeric", "Infinity"),
        ("'-Infinity'::numeric", "numeric", "-Infinity"),
        ("19.99::price", "numeric(10,2)", "19.99"),
        ("''::text", "text", ""),
        ("'Ünïcode 🦀'::varchar(20)", "text", "Ünïcode 🦀"),
        ("'ab'::char(4)", "text", "ab  "),
        ("'pg_class'::name", "text", "pg_class"),
        ("'Mixed'::citext", "text", "Mixed"),
        ("'very ''happy'''::mood", "text", "very 'happy'"),
        ("'a@b'::email", "text", "a@b"),
        ("'<a>1</a>'::xml", "text", "<a>1</a>"),
        ("'10.0.0.1/8'::inet", "text", "10.0.0.1/8"),
        ("'x'::\"char\"", "text", "x"),
        ("'\\x00ff10'::bytea", "bytes", "\\x00ff10"),
        ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("'0001-01-01'::date", "date", "0001-01-01"),
        ("'9999-12-31'::date", "date", "9999-12-31"),
        ("'4714-11-24 BC'::date", "date", "-4713-11-24"),
        ("'5874897-12-31'::date", "date", "+5874897-12-31"),
        ("'infinity'::date", "date", "infinity"),
        ("'-infinity'::date", "date", "-infinity"),
        ("'24:00:00'::time", "time", "24:00:00"),
        ("'00:00:00.000001'::time", "time", "00:00:00.000001"),
        ("'1969-12-31 23:59:59.999999'::timestamp", "timestamp", "1969-12-31T23:59:59.999999"),
        ("'4714-11-24 00:00:00 BC'::timestamp", "timestamp", "-4713-11-24T00:00:00"),
        ("'294247-01-10 04:00:54.775806'::timestamp", "timestamp", "+294247-01-10T04:00:54.775806"),
        ("'infinity'::timestamp", "timestamp", "infinity"),
        ("'2025-06-01 12:00:00+02'::timestamptz", "timestamptz", "2025-06-01T10:00:00Z"),
        ("'-infinity'::timestamptz", "timestamptz", "-infinity"),
        ("'1 year 2 mons -3 days -90.5 seconds'::interval", "interval", "P14M-3DT-90.5S"),
        ("'{\"a\": 1.0}'::json", "json", "{\"a\": 1.0}"),
        ("'{\"b\":[1,null],\"a\":1.0}'::jsonb", "json", "{\"a\": 1.0, \"b\": [1, null]}"),
        ("array[1,null,3]", "int32[]", "[1,null,3]"),
        ("'[5:6]={7,8}'::int4[]", "int32[]", "[7,8]"),
        ("'{}'::text[]", "text[]", "[]"),
        ("array['a','','\"']::text[]", "text[]", "[\"a\",\"\",\"\\\"\"]"),
        ("array[1.50,'NaN']::numeric(5,2)[]", "numeric(5,2)[]", "[\"1.50\",\"NaN\"]"),
        ("array['sad']::mood[]", "text[]", "[\"sad\"]"),
        ("array['a@b']::email[]", "text[]", "[\"a@b\"]"),
        ("array['::/0']::cidr[]", "text[]", "[\"::/0\"]"),
        ("'10.0.0.1'::inet", "text", "10.0.0.1"),
        ("array[true,null]", "bool[]", "[true,null]"),
        ("array['{\"a\":1}']::jsonb[]", "json[]", "[{\"a\": 1}]"),
        ("'{3,4}'::ids", "int32[]", "[3,4]"),
        ("'1 2'::int2vector", "int16[]", "[1,2]"),
    ];
    let columns: Vec<String> =
        cases.iter().enumerate().map(|(i, (value, ..))| format!("{value} as c{i}")).collect();
    // The second row is NULL in every column.
    let model =
        format!("select {} union all select {}", columns.join(", "), ["null"; 100][..cases.len()].join(", "));
    let described = source.describe(&sql(&model)).await.unwrap();
    let read = read(&source, all(sql(&model))).await.unwrap();
    assert_eq!(read.rows.len(), 2);
    assert!(read.invalid.is_empty(), "{:?}", read.invalid);
    for (i, (value, ty, canonical)) in cases.iter().enumerate() {
        // A union gives up the modifiers of its branches where they differ.
        let bare = |ty: &str| ty.split('(').next().unwrap().trim_end_matches("[]").to_string();
        assert_eq!(bare(&read.types[i]), bare(ty), "{value}");
        assert_eq!(read.rows[0][i].as_deref(), Some(*canonical), "{value}");
        assert_eq!(read.rows[1][i], None, "{value}");
        let field = described.field(i);
        assert_eq!(LogicalType::of(field).unwrap().to_string(), read.types[i], "{value}");
        let alone = source.describe(&sql(&format!("select {value} as v"))).await.unwrap();
        assert_eq!(LogicalType::of(alone.field(0)).unwrap().to_string(), *ty, "{value}");
    }
}

#[tokio::test]
async fn values_without_canonical_form_make_their_row_invalid_and_no_other() {
    let (_, source) = database("").await;
    let model = "select id, case id when 2 then array[[1,2],[3,4]] else array[id] end as list, \
                 case id when 3 then '294276-12-31'::timestamp end as moment, \
                 case id when 4 then interval '178000000 years' else interval '1 day' end as span, \
                 case id when 5 then make_interval(secs => 9300000000) end as secs \
                 from generate_series(1, 6) as id";
    let read = read(&source, all(sql(model))).await.unwrap();
    assert_eq!(column(&read, 0), ["1", "2", "3", "4", "5", "6"]);
    let found: Vec<_> = read
        .invalid
        .iter()
        .map(|i| (i.row, i.error.code.as_str(), i.error.field.as_deref().unwrap(), i.error.message.as_str()))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0].0, 1);
    assert_eq!(found[0].2, "list");
    assert!(found[0].3.contains("2 dimensions"), "{}", found[0].3);
    assert_eq!((found[1].0, found[1].2), (2, "moment"));
    assert_eq!((found[2].0, found[2].2), (4, "secs"));
    assert!(found.iter().all(|f| f.1 == "no_canonical_form"));
    assert_eq!(read.rows[1][1], None);
    assert_eq!(read.rows[2][1].as_deref(), Some("[3]"));
    assert_eq!(read.rows[3][3].as_deref(), Some("P2136000000M0DT0S"));
}

#[tokio::test]
async fn text_of_an_unchecked_encoding_is_invalid_where_it_is_not_utf8() {
    let server = Server::shared();
    let admin = server.database().await.client().await;
    admin
        .batch_execute("create database loose encoding 'SQL_ASCII' locale 'C' template template0")
        .await
        .unwrap();
    let source = source(&server.url("loose"));
    let model = "select 1 as id, 'good' as t union all select 2, convert_from('\\xff41', 'SQL_ASCII')";
    let read = read(&source, all(sql(model))).await.unwrap();
    assert_eq!(column(&read, 1), ["good", "NULL"]);
    assert_eq!(read.invalid.len(), 1);
    assert!(read.invalid[0].error.message.contains("SQL_ASCII"), "{:?}", read.invalid);
}

#[tokio::test]
async fn a_type_without_canonical_form_names_its_column() {
    let (_, source) = database("create table t (id int, at timetz, r int4range)").await;
    for model in [table("t"), sql("select id, at from t")] {
        let error = refusal(&source, all(model.clone())).await;
        assert_eq!(error.kind, ErrorKind::UnsupportedType);
        assert_eq!(error.message, "column 'at' has type timetz, which has no canonical form");
        assert!(error.help.as_deref().unwrap().contains("\"at\"::text"), "{error:?}");
        assert_eq!(source.describe(&model).await.unwrap_err().kind, ErrorKind::UnsupportedType);
    }
    read(&source, all(sql("select id, at::text from t"))).await.unwrap();
}

#[tokio::test]
async fn literals_mean_the_same_whatever_the_role_has_set() {
    let (database, _) = database(
        "create role odd login password 'correct horse'; alter role odd set standard_conforming_strings = off; \
         alter role odd set datestyle = 'SQL, DMY'; alter role odd set timezone = 'Asia/Kolkata'; \
         alter role odd set intervalstyle = 'sql_standard'; alter role odd set bytea_output = 'escape'; \
         create table t (id text, at timestamptz, b bytea); grant select on t to odd; \
         insert into t values (E'a\\\\', '2025-03-04 00:00Z', '\\x41')",
    )
    .await;
    let source = source(&database.url_as("odd"));
    let model =
        Model { key: vec!["id".into(), "at".into(), "b".into()], ..sql("select * from t where id <> '\\';") };
    let keys = vec![vec!["a\\".to_string(), "2025-03-04T00:00:00Z".into(), "\\x41".into()]];
    let request = ReadRequest { filter: ReadFilter::Keys(keys), ..all(model) };
    assert_eq!(read(&source, request).await.unwrap().rows.len(), 1);
}
