//! Makes the states of a version, with the program of that version. This is done once for each
//! version that changes a format:
//!
//! ```text
//! SYNCLINE_BIN=… cargo test -p syncline-tests --test upgrade -- --ignored the_states_of_this_version
//! ```

use std::fs;
use std::path::Path;

use syncline_tests::databases::Database;

use crate::story::{STORIES, Scene, Story, System, VERSIONS, World, copy_folder, folder};

#[test]
#[ignore = "writes the golden files"]
fn the_states_of_this_version_are_written_down() {
    let version = VERSIONS[VERSIONS.len() - 1];
    for story in &STORIES {
        let folder = folder(version, story);
        assert!(!folder.exists(), "{} is there; golden files never change", folder.display());
        write_down(&play(story), &folder);
    }
}

/// Lives through a story with the program under test.
fn play(story: &'static Story) -> World {
    let world = World::empty(story);
    let rows = story.scene.rows();
    let key = story.scene != Scene::KilledAfterCommit;
    world.source.execute(&story.source.table("item", true, ""));
    world.source.execute(&story.source.records(1..=rows));
    if let Some(target) = &world.target {
        target.execute(&story.target.table("copy", key, ", check (name <> 'poison')"));
        world.source.execute("update item set name = 'poison' where id = 7");
    }
    let failed = if world.target.is_some() { 3 } else { 0 };
    let changes = format!(
        "update item set name = 'changed ' || id, price = '7' where id in (3, 4);
         delete from item where id = {rows};"
    );
    let killed = |point: &str, hit| {
        let output = world.project.run_killed_at(&["run", "shop.item"], point, hit);
        assert!(output.was_killed(), "{}: {output}", story.name);
    };
    match story.scene {
        Scene::KilledAfterCommit => killed("postgres.after_commit", 1),
        _ => {
            world.project.expect(failed, &["run", "shop.item"]);
            world.source.execute(&changes);
            world.source.execute(&story.source.records(rows + 1..=rows + 2));
        }
    }
    match story.scene {
        Scene::KilledAfterCommit => {}
        Scene::Settled => {
            world.project.expect(failed, &["run", "shop.item"]);
        }
        Scene::Held => {
            world.source.execute("delete from item where id > 10 and id <= 22");
            world.project.expect(4, &["run", "shop.item"]);
        }
        Scene::KilledSending => {
            world.source.execute("update item set small = small + 100 where id < 14");
            killed("engine.chunk.sending", 2);
        }
    }
    world
}

fn write_down(world: &World, folder: &Path) {
    fs::create_dir_all(folder).expect("make the story's folder");
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("write a golden file");
    let here = world.project.folder().canonicalize().expect("the project's folder");
    let mut state = sqlite_dump(&world.project.path(".syncline/state.db"));
    if let Some(incarnation) = world.incarnation() {
        state = state.replace(&incarnation, "system {system}, database {database}, table {table}");
    }
    if let Some(address) = &world.postgres {
        state = state.replace(address, "{target}");
    }
    state = match world.story.source {
        System::Postgres => {
            let options = world.source.options();
            let address = options.split('@').nth(1).and_then(|rest| rest.split('"').next());
            state.replace(address.expect("an address"), "{source}")
        }
        _ => state.replace(&here.display().to_string(), "{folder}"),
    };
    if world.story.target == System::Sqlite {
        state = state.replace(&file_token(&state), "{file}");
    }
    write("state.sql", state);
    write("source.sql", dump(&*world.source, world.story.source, &world.project.path("source.db")));
    if let Some(target) = &world.target {
        write("target.sql", dump(&**target, world.story.target, &world.project.path("target.db")));
    }
    let part = |name: &str| copy_folder(&world.project.path(".syncline").join(name), &folder.join(name));
    part("snapshots");
    part("runs");
    // What ended runs planned and wrote is only read to show it.
    let ended = world.state().rows("select id from runs where status = 'completed'");
    for run in ended.iter().flatten().flatten() {
        fs::remove_dir_all(folder.join("runs").join(run)).expect("leave a run's files out");
    }
    copy_folder(&world.project.path("out"), &folder.join("out"));
}

/// What stands for the target's file in its incarnation: the part before the dash.
fn file_token(state: &str) -> String {
    let after = state.split("\"target_incarnation\":\"").nth(1).expect("a generation has an incarnation");
    after.split('-').next().expect("an incarnation has two parts").to_string()
}

fn dump(database: &dyn Database, system: System, path: &Path) -> String {
    match system {
        System::Postgres => postgres_dump(database),
        _ => sqlite_dump(path),
    }
}

/// A SQLite database as SQL.
fn sqlite_dump(path: &Path) -> String {
    let database = syncline_tests::databases::Sqlite::at(path);
    let mut text = String::new();
    for pragma in ["application_id", "user_version"] {
        text += &format!("PRAGMA {pragma} = {};\n", database.value(&format!("pragma {pragma}")));
    }
    let objects = database.rows(
        "select name, sql, type from sqlite_schema where sql is not null and name not like 'sqlite_%'
         order by type <> 'table', rowid",
    );
    for object in &objects {
        let (name, sql) =
            (object[0].as_deref().unwrap_or_default(), object[1].as_deref().unwrap_or_default());
        text += &format!("{sql};\n");
        if object[2].as_deref() != Some("table") {
            continue;
        }
        let columns = database.rows(&format!("select name from pragma_table_info('{name}')"));
        let quoted: Vec<String> =
            columns.iter().flatten().flatten().map(|column| format!("quote(\"{column}\")")).collect();
        for row in database.rows(&format!("select {} from \"{name}\"", quoted.join(", "))) {
            let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            text += &format!("INSERT INTO \"{name}\" VALUES ({});\n", values.join(", "));
        }
    }
    text
}

/// The tables of a PostgreSQL database as SQL.
fn postgres_dump(database: &dyn Database) -> String {
    let tables = database.rows(
        "select c.relname, format('create table %I (%s%s);', c.relname,
            (select string_agg(format('%I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                case when a.attnotnull then ' not null' else '' end,
                coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')), ', ' order by a.attnum)
             from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
            (select string_agg(', ' || pg_get_constraintdef(k.oid), '') from pg_constraint k
             where k.conrelid = c.oid and k.contype in ('p', 'c')))
         from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace order by 1",
    );
    let mut text = String::new();
    for table in &tables {
        let [Some(name), Some(create)] = table.as_slice() else { panic!("{table:?}") };
        text += &format!("{create}\n");
        for row in database.rows(&format!("select * from \"{name}\" order by 1")) {
            let values: Vec<String> = row
                .iter()
                .map(|value| match value {
                    Some(value) => format!("'{}'", value.replace('\'', "''")),
                    None => "null".to_string(),
                })
                .collect();
            text += &format!("insert into \"{name}\" values ({});\n", values.join(", "));
        }
    }
    text
}
