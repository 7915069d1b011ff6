//! G5, G6, G29: ends that break off, vanish, or come back as something else.

use syncline_tests::databases::{Database, Postgres};

use crate::shop::{COPY, Shop, counts, tripped};

#[test]
fn a_source_that_dies_while_it_is_read_changes_nothing_and_deletes_nothing() {
    let shop = Shop::new(50, "write_mode: mirror");
    shop.run(0, &[]);
    // Far more than fits into the buffers between the two processes.
    shop.source.execute(
        "insert into item select n, repeat('x', 400), n from generate_series(1000, 80000) n;
         delete from item where id <= 5",
    );
    let arguments = ["run", "shop.item", "--output", "json"];
    let running = shop.project.start(&arguments, "engine.read.batch=1*sleep(3000)");
    let terminate = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where application_name = 'syncline' and datname = current_database() and query ilike '%copy%'";
    let admin = Postgres::new();
    let terminate = terminate.replace("current_database()", &format!("'{}'", shop.source.database.name()));
    while admin.value(&terminate) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = running.wait();
    assert_eq!((output.code(), output.error_code().as_str()), (Some(5), "source_unreachable"), "{output}");
    let run = shop.project.last_run();
    assert_eq!((run["status"].as_str(), run["rows_deleted"].as_u64()), (Some("source_failure"), Some(0)));
    assert_eq!(shop.count(), "50", "nothing was written and nothing deleted");
    shop.source.execute("delete from item where id >= 1000");
    assert_eq!(counts(&shop.run(0, &[])), [45, 0, 0, 5, 45, 0]);
    shop.assert_equal();
}

#[test]
fn a_target_that_dies_while_it_is_written_is_written_again_as_a_whole() {
    let shop = Shop::new(500, "batch_size: 100\npublish: progressive");
    let running = shop
        .project
        .start(&["run", "shop.item", "--output", "json"], "engine.chunk.written=1*off->1*sleep(2000)->off");
    let terminate = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where application_name = 'syncline' and datname = '{}' and state = 'idle in transaction'",
        shop.target.database.name()
    );
    let admin = Postgres::new();
    while admin.value(&terminate) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = running.wait();
    // The run reaches the target again by itself.
    assert_eq!(output.code(), Some(0), "{output}");
    shop.assert_equal();
    assert_eq!(counts(&shop.run(0, &[]))[1..4], [0, 0, 0]);
}

#[test]
fn a_target_that_was_dropped_and_recreated_is_noticed() {
    let shop = Shop::new(20, "write_mode: mirror");
    shop.run(0, &[]);
    shop.target.execute(&format!("drop table copy; {COPY}"));
    assert_eq!(tripped(&shop.run(4, &[])), ["target_changed"]);
    assert_eq!(counts(&shop.run(0, &["--cursor", "full"]))[1], 20);
    shop.assert_equal();
    assert_eq!(counts(&shop.run(0, &[]))[1..4], [0, 0, 0]);
}

#[test]
fn a_target_restored_from_an_old_dump_is_noticed() {
    let shop = Shop::new(20, "");
    shop.run(0, &[]);
    shop.target.execute("create table saved as table copy");
    shop.source.execute("update item set name = 'later'");
    shop.run(0, &[]);
    // What `pg_restore --clean` does.
    shop.target.execute(&format!("drop table copy; {COPY}; insert into copy select * from saved"));
    assert_eq!(tripped(&shop.run(4, &[])), ["target_changed"]);
    shop.run(0, &["--cursor", "full"]);
    shop.assert_equal();
}

#[test]
fn a_connection_that_points_somewhere_else_is_noticed() {
    let mut shop = Shop::new(20, "");
    shop.run(0, &[]);
    let other = Postgres::new();
    other.execute(COPY);
    let connections =
        format!("connections:\n  from: {}\n  into: {}\n", shop.source.options(), other.options());
    shop.project.write("syncline.yaml", connections);
    assert_eq!(tripped(&shop.run(4, &[])), ["target_changed"]);
    assert_eq!(other.value("select count(*) from copy"), "0");
    shop.target = other;
    shop.run(0, &["--cursor", "full"]);
    shop.assert_equal();
}

#[test]
fn a_column_that_changed_its_type_stops_the_run_until_somebody_decides() {
    let shop = Shop::new(5, "");
    shop.run(0, &[]);
    shop.source.execute("alter table item alter version type text using 'v' || version");
    let failed = shop.run(1, &[]);
    assert_eq!(failed["error"]["code"], "schema_changed", "{failed:#}");
    assert!(failed["error"]["message"].as_str().unwrap_or_default().contains("version"), "{failed:#}");
    shop.source.execute("alter table item alter version type bigint using substr(version, 2)::bigint");
    assert_eq!(counts(&shop.run(0, &[])), [5, 0, 0, 0, 5, 0]);
}

#[test]
fn a_reseed_removes_what_the_sync_delivered_and_nothing_else_and_writes_it_anew() {
    let shop = Shop::new(20, "write_mode: mirror");
    shop.target.execute("insert into copy values (1000, 'theirs', 0)");
    shop.run(0, &[]);
    shop.target.execute("update copy set name = 'drifted' where id <= 20");
    let unconfirmed = shop.project.expect(2, &["seed", "shop.item", "--reseed"]);
    assert_eq!(unconfirmed.error_code(), "bad_usage");
    let run = shop.project.expect(0, &["seed", "shop.item", "--reseed", "--confirm", "shop.item"]).run();
    assert_eq!(counts(&run), [20, 20, 0, 20, 0, 0]);
    assert_eq!(shop.target.value("select name from copy where id = 1000"), "theirs");
    shop.target.execute("delete from copy where id = 1000");
    shop.assert_equal();
    assert_eq!(counts(&shop.run(0, &[]))[1..4], [0, 0, 0]);
}
