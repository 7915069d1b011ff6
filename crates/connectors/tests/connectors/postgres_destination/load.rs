//! Loading empty tables directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncline_connector::{DirectLoad, FieldRule, OpenRequest, Recovery};
use syncline_core::sync::{FieldWrite, Nulls, Publish, WriteMode};
use syncline_core::{ErrorKind, Op, RunId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::target::{World, batch, chunk, destination, names, request, world};

const TABLE: &str = "create table t (id int primary key, name text)";
const FIELDS: &[(&str, &str)] = &[("id", "int32"), ("name", "text")];

fn upsert() -> OpenRequest {
    request("t", WriteMode::Upsert, FIELDS)
}

async fn begin(world: &World, request: &OpenRequest) -> Box<dyn DirectLoad> {
    world.destination.load(request.clone()).await.unwrap().expect("the table can be loaded")
}

async fn load(world: &World, request: &OpenRequest, rows: &[&[&str]]) -> Box<dyn DirectLoad> {
    let mut load = begin(world, request).await;
    load.write(&batch(&request.schema, rows)).await.unwrap();
    assert_eq!(load.finish("digest").await.unwrap(), rows.len() as u64);
    load
}

async fn recovered(world: &World) -> Recovery {
    world.open(upsert()).await.recover(0).await.unwrap()
}

async fn count(world: &World) -> String {
    world.rows("select count(*) as n from t").await.remove(0)
}

/// Column type, canonical type, and a value.
const VALUES: &[(&str, &str, &str)] = &[
    ("bool", "bool", "true"),
    ("int2", "int16", "-32768"),
    ("int8", "int64", "9007199254740993"),
    ("float4", "float32", "0.1"),
    ("float8", "float64", "-Infinity"),
    ("numeric", "numeric", "-10000.00010"),
    ("numeric(6,2)", "numeric", "-1.456"),
    ("text", "text", "emoji 🙂 \t\n\\N"),
    ("varchar(3)", "text", "abc   "),
    ("char(5)", "text", "ab"),
    ("bytea", "bytes", "\\x00ff5c"),
    ("uuid", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("date", "date", "-0043-03-15"),
    ("time", "time", "24:00:00"),
    ("timestamp(0)", "timestamp", "1969-12-31T23:59:59.600000"),
    ("timestamptz", "timestamptz", "2025-06-01T12:00:00Z"),
    ("interval", "interval", "P14M-3DT-90.5S"),
    ("json", "json", "{\"b\": 1,  \"a\": [null]}"),
    ("jsonb", "json", "{\"b\": 1,  \"a\": [null]}"),
    ("int4[]", "int32[]", "[1,null,-3]"),
    ("text[]", "text[]", "[]"),
    ("mood", "text", "sad"),
    ("short", "text", "abc"),
];

#[tokio::test]
async fn rows_are_stored_as_chunks_would_store_them() {
    let world = world("create type mood as enum ('sad', 'happy'); create domain short as varchar(3)").await;
    let columns: Vec<String> = VALUES.iter().enumerate().map(|(i, v)| format!("c{i} {}", v.0)).collect();
    let names: Vec<String> = (0..VALUES.len()).map(|i| format!("c{i}")).collect();
    let mut fields = vec![("id", "int32")];
    fields.extend(names.iter().zip(VALUES).map(|(name, value)| (name.as_str(), value.1)));
    let mut row = vec!["1"];
    row.extend(VALUES.iter().map(|value| value.2));
    let mut nulls = vec!["-"; row.len()];
    nulls[0] = "2";
    for table in ["chunked", "loaded"] {
        // Columns that the request leaves out, and AFTER triggers, are no obstacle.
        world
            .execute(&format!(
                "create table {table} (rest text default 'default', id int primary key, {});
                 create table {table}_log (id int);
                 create function {table}_note() returns trigger language plpgsql as
                   $$ begin insert into {table}_log values (new.id); return null; end $$;
                 create trigger note after insert on {table} for each row execute function {table}_note()",
                columns.join(", ")
            ))
            .await;
    }
    let chunked = request("chunked", WriteMode::Upsert, &fields);
    world.write(chunked.clone(), chunk(&chunked, Op::Create, &[&row, &nulls])).await;
    let run_id = RunId::from_stored("run_2");
    let loaded = OpenRequest { run_id, ..request("loaded", WriteMode::Upsert, &fields) };
    load(&world, &loaded, &[&row, &nulls]).await.commit().await.unwrap();
    let [chunked, loaded] = ["chunked", "loaded"].map(|table| format!("select * from {table} order by id"));
    let stored = world.rows(&loaded).await;
    assert_eq!(stored, world.rows(&chunked).await);
    assert!(stored[0].starts_with("default|1|true|"), "{stored:?}");
    assert_eq!(world.rows("select id from loaded_log order by id").await, ["1", "2"]);
}

#[tokio::test]
async fn nothing_shows_before_commit_others_wait_and_the_ledger_knows() {
    let world = world(TABLE).await;
    let mut load = load(&world, &upsert(), &[&["1", "a"], &["2", "-"]]).await;
    assert_eq!(count(&world).await, "0");
    world.execute("set lock_timeout = '50ms'").await;
    let refused = world.client.batch_execute("insert into t values (3, 'theirs')").await.unwrap_err();
    assert!(refused.as_db_error().unwrap().message().contains("lock timeout"), "{refused}");
    load.commit().await.unwrap();
    assert_eq!(world.rows("select * from t order by id").await, ["1|a", "2|-"]);
    assert_eq!(recovered(&world).await, Recovery::Committed);
    assert_eq!(world.rows("select chunk, plan_digest from _syncline_ledger").await, ["0|digest"]);
    assert!(load.commit().await.is_err());

    // The run's own session goes on where the load ended.
    let mut next = chunk(&upsert(), Op::Create, &[&["2", "b"]]);
    next.number = 1;
    assert_eq!(names(&world.write(upsert(), next).await), ["updated"]);
}

#[tokio::test]
async fn a_load_that_is_given_up_leaves_nothing_and_stands_in_nobodys_way() {
    let world = world(TABLE).await;
    let request = upsert();
    let mut given_up = begin(&world, &request).await;
    let rows: Vec<Vec<String>> = (0..20_000).map(|i| vec![i.to_string(), "x".repeat(50)]).collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    given_up.write(&batch(&request.schema, &rows)).await.unwrap();
    drop(given_up);
    assert_eq!(recovered(&world).await, Recovery::NotApplied);
    assert_eq!(count(&world).await, "0");

    let finished = load(&world, &request, &rows).await;
    drop(finished);
    assert_eq!(recovered(&world).await, Recovery::NotApplied);
    assert_eq!(count(&world).await, "0");

    let nothing = load(&world, &request, &[]).await.commit().await;
    nothing.unwrap();
    assert_eq!(recovered(&world).await, Recovery::Committed);
}

#[tokio::test]
async fn what_copy_cannot_do_is_left_to_chunks() {
    let default_kept = |request: &mut OpenRequest| {
        request.rules[1] = FieldRule { write: FieldWrite::Always, nulls: Nulls::Skip };
    };
    let nothing = |_: &mut OpenRequest| {};
    let keep = "create function keep() returns trigger language plpgsql as $$ begin return new; end $$;";
    type Change<'a> = &'a dyn Fn(&mut OpenRequest);
    let cases: &[(&str, &str, Change<'_>)] = &[
        ("rows", "insert into t values (7, 'theirs')", &nothing),
        ("progressive", "", &|r| r.publish = Publish::Progressive),
        ("update", "", &|r| r.write_mode = WriteMode::Update),
        ("default", "alter table t alter name set default 'x'", &default_kept),
        ("conversion", "alter table t alter name type inet using name::inet", &nothing),
        ("array", "alter table t alter name type varchar[] using array[name]::varchar[]", &|r| {
            r.schema = request("t", WriteMode::Upsert, &[("id", "int32"), ("name", "text[]")]).schema;
        }),
        (
            "trigger",
            &format!("{keep} create trigger b before insert on t for each row execute function keep()"),
            &nothing,
        ),
        ("rule", "create rule r as on insert to t do also notify x", &nothing),
        (
            "partition's rule",
            "drop table t; create table t (id int primary key, name text) partition by hash (id);
             create table p partition of t for values with (modulus 1, remainder 0);
             create rule r as on insert to p do also notify x",
            &nothing,
        ),
        ("inherited rows", "create table child () inherits (t); insert into child values (1, 'x')", &nothing),
    ];
    for (what, setup, change) in cases {
        let world = world(&format!("{TABLE}; {setup}")).await;
        let mut request = upsert();
        change(&mut request);
        assert!(world.destination.load(request.clone()).await.unwrap().is_none(), "{what}");
        world.open(request).await;
    }
}

#[tokio::test]
async fn every_mode_that_creates_and_partitions_can_be_loaded() {
    let partitioned = "drop table t; create table t (id int primary key, name text) partition by range (id);
                       create table p1 partition of t for values from (0) to (2);
                       create table p2 partition of t for values from (2) to (9)";
    for (mode, setup) in [
        (WriteMode::Insert, "alter table t alter name set default 'x'"),
        (WriteMode::Mirror, "create rule r as on delete to t do nothing; drop rule r on t"),
        (WriteMode::Append, ""),
        (WriteMode::Upsert, partitioned),
    ] {
        let world = world(&format!("{TABLE}; {setup}")).await;
        let mut request = request("t", mode, FIELDS);
        request.rules[1].write = FieldWrite::CreateOnly;
        load(&world, &request, &[&["1", "a"], &["2", "-"]]).await.commit().await.unwrap();
        assert_eq!(world.rows("select * from t order by id").await, ["1|a", "2|-"]);
    }
}

#[tokio::test]
async fn row_security_and_missing_rights_are_left_to_chunks() {
    let world = world(
        "create table t (id int primary key, name text);
         create role writer login password 'correct horse'; grant all on t to writer;
         grant all on schema public to writer",
    )
    .await;
    let writer = destination(&world.database.url_as("writer"));
    assert!(writer.load(upsert()).await.unwrap().is_some());
    world.execute("alter table t enable row level security; create policy p on t using (true)").await;
    assert!(writer.load(upsert()).await.unwrap().is_none());
    world.execute("alter table t disable row level security; revoke select, update on t from writer").await;
    let append = request("t", WriteMode::Append, FIELDS);
    assert!(writer.load(append.clone()).await.unwrap().is_none());
    world.execute("grant all on t to writer; drop table _syncline_fence cascade").await;
    world.execute("revoke all on schema public from writer; grant usage on schema public to writer").await;
    assert!(writer.load(append).await.unwrap().is_none(), "there can be no ledger");
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_left_to_chunks() {
    let world = world(TABLE).await;
    world.execute("begin; insert into t values (1, 'theirs')").await;
    let loading = world.destination.load(upsert());
    let found = tokio::time::timeout(Duration::from_secs(30), loading).await.expect("it does not wait long");
    assert!(found.unwrap().is_none());
    world.execute("commit").await;
}

#[tokio::test]
async fn a_row_that_cannot_be_stored_ends_the_load_and_chunks_go_on() {
    for (what, setup, bad) in [
        ("duplicate", "", ["1", "twice"]),
        (
            "null match",
            "alter table t drop constraint t_pkey, alter id drop not null; create unique index on t (id)",
            ["-", "x"],
        ),
        ("nul character", "", ["2", "a\0b"]),
        ("check", "alter table t add check (name <> 'bad')", ["2", "bad"]),
        ("not null", "alter table t alter name set not null", ["2", "-"]),
        ("length", "alter table t alter name type varchar(3)", ["2", "long"]),
        (
            "unknown label",
            "create type m as enum ('a'); alter table t alter name type m using name::m",
            ["2", "b"],
        ),
        (
            "foreign key",
            "create table p (name text primary key); insert into p values ('a');
             alter table t add foreign key (name) references p deferrable initially deferred",
            ["2", "orphan"],
        ),
        (
            "refused by a trigger",
            "create function no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
             create trigger n after insert on t for each row when (new.id = 2) execute function no()",
            ["2", "x"],
        ),
    ] {
        let world = world(&format!("{TABLE}; {setup}")).await;
        let request = upsert();
        let mut load = begin(&world, &request).await;
        let written = load.write(&batch(&request.schema, &[&["1", "a"], &bad])).await;
        let finished = load.finish("digest").await;
        assert!(written.is_err() || finished.is_err(), "{what}");
        assert!(load.commit().await.is_err(), "{what}");
        assert_eq!(count(&world).await, "0");
        let results = world.write(request.clone(), chunk(&request, Op::Create, &[&["1", "a"]])).await;
        assert_eq!(names(&results), ["created"], "{what}");
        drop(load);
    }
}

#[tokio::test]
async fn a_newer_run_takes_over_from_a_load() {
    let world = world(TABLE).await;
    let newer = OpenRequest { epoch: 2, ..upsert() };
    let mut old = load(&world, &upsert(), &[&["1", "old"]]).await;
    let mut new = load(&world, &newer, &[&["1", "new"]]).await;
    assert!(old.commit().await.is_err());
    new.commit().await.unwrap();
    assert_eq!(world.rows("select * from t").await, ["1|new"]);
    let error = world.destination.load(upsert()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Fenced);
}

#[tokio::test]
async fn a_load_that_could_not_be_ended_cannot_commit() {
    let world = world(
        "create table t (id int primary key, name text);
         create role old_load login superuser password 'correct horse';
         create role new_load login password 'correct horse';
         grant all on schema public to new_load; grant all on t to new_load",
    )
    .await;
    let old = destination(&world.database.url_as("old_load"));
    let mut old = old.load(upsert()).await.unwrap().unwrap();
    world.execute("grant all on _syncline_ledger, _syncline_fence to new_load").await;
    old.write(&batch(&upsert().schema, &[&["1", "old"]])).await.unwrap();
    old.finish("digest").await.unwrap();
    let newer = OpenRequest { epoch: 2, ..upsert() };
    let _new = destination(&world.database.url_as("new_load")).open(newer).await.unwrap();
    assert_eq!(old.commit().await.unwrap_err().kind, ErrorKind::Fenced);
    drop(old);
    assert_eq!(count(&world).await, "0");
}

#[tokio::test]
async fn a_killed_server_session_is_worth_another_try_and_was_not_applied() {
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
    let world = world(TABLE).await;
    let mut killed = load(&world, &upsert(), &[&["1", "a"]]).await;
    world.execute(kill).await;
    assert_eq!(killed.commit().await.unwrap_err().kind, ErrorKind::DestinationUnreachable);
    assert_eq!(recovered(&world).await, Recovery::NotApplied);

    let mut killed = begin(&world, &upsert()).await;
    killed.write(&batch(&upsert().schema, &[&["1", "a"]])).await.unwrap();
    world.execute(kill).await;
    assert_eq!(killed.finish("digest").await.unwrap_err().kind, ErrorKind::DestinationUnreachable);
    assert_eq!(recovered(&world).await, Recovery::NotApplied);
    assert_eq!(count(&world).await, "0");
}

/// Passes connections through to the server. While `is_mute`, what the server says is not passed on,
/// and the first thing that it says ends the connection.
async fn muting_proxy(server_port: u16, is_mute: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
            let is_mute = Arc::clone(&is_mute);
            tokio::spawn(async move {
                let (mut client_in, mut client_out) = client.into_split();
                let (mut server_in, mut server_out) = server.into_split();
                let questions =
                    tokio::spawn(async move { tokio::io::copy(&mut client_in, &mut server_out).await });
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = server_in.read(&mut buffer).await {
                    if is_mute.load(Ordering::SeqCst) || client_out.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
                questions.abort();
            });
        }
    });
    port
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_in_the_ledger() {
    let world = world(TABLE).await;
    let is_mute = Arc::new(AtomicBool::new(false));
    let port = muting_proxy(world.database.port(), Arc::clone(&is_mute)).await;
    let url = world.database.url().replacen(&format!(":{}/", world.database.port()), &format!(":{port}/"), 1);
    let through = destination(&url);
    let mut lost = through.load(upsert()).await.unwrap().unwrap();
    lost.write(&batch(&upsert().schema, &[&["1", "a"]])).await.unwrap();
    lost.finish("digest").await.unwrap();
    is_mute.store(true, Ordering::SeqCst);
    assert_eq!(lost.commit().await.unwrap_err().kind, ErrorKind::DestinationUnreachable);
    assert_eq!(recovered(&world).await, Recovery::Committed);
    assert_eq!(world.rows("select * from t").await, ["1|a"]);
}
