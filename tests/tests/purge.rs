//! Requests of erasure: what `syncline purge` removes is nowhere in the state any more, and nothing else
//! changes. Values and keys of the records are words that occur nowhere else, so that the bytes of all files
//! and tables can be searched for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::{Project, list_of};
use syncline_tests::server::Server;

const SYNC: &str = "shop.item";
/// In every value of the records that are purged.
const VALUE: &str = "Quetzalcoatlus";
/// Their keys.
const FAILED: &str = "key-Zanzibar-1";
const CREATED: &str = "key-Zanzibar-2";
const KEY: &str = "Zanzibar";

struct World {
    project: Project,
    source: Sqlite,
    target: Sqlite,
}

impl World {
    /// Twenty records and one of those to be purged, none at the target yet.
    fn new() -> Self {
        let entity = "model: { table: item, key: id }\nto: { object: copy }\nwrite_mode: mirror";
        let project = Project::of(
            "{ type: sqlite, path: source.db }",
            "{ type: sqlite, path: target.db }",
            &[("item", entity)],
        );
        let source = Sqlite::create(&project.path("source.db"));
        source.execute("create table item (id text primary key, name text, price integer)");
        let target = Sqlite::create(&project.path("target.db"));
        target
            .execute("create table copy (id text primary key, name text, price integer check (price >= 0))");
        let world = Self { project, source, target };
        for n in 1..=20 {
            world.put(&format!("other-{n}"), &format!("name {n}"), n);
        }
        world.put(FAILED, &format!("{VALUE} loaded"), 1);
        world
    }

    fn put(&self, id: &str, name: &str, price: i64) {
        self.source.execute(&format!("insert or replace into item values ('{id}', '{name}', {price})"));
    }

    /// Leaves traces of every kind: a load, an update, a create, an open and a resolved dead letter, a
    /// correction, and a plan that nobody applied. `run` runs the sync and must end with the code.
    fn leave_traces(&self, run: &dyn Fn(i32, &[&str]), call: &dyn Fn(&[&str])) {
        run(0, &[]);
        self.put(FAILED, &format!("{VALUE} updated"), 2);
        self.put(CREATED, &format!("{VALUE} created"), 3);
        run(0, &[]);
        self.put(FAILED, &format!("{VALUE} refused"), -1);
        run(3, &[]);
        self.put(FAILED, &format!("{VALUE} repaired"), 4);
        run(0, &[]);
        self.put(FAILED, &format!("{VALUE} refused again"), -2);
        self.put("other-20", "refused as well", -3);
        self.put("other-3", "changed", 3);
        run(3, &["--source-ids", &format!("{FAILED},other-20,other-3,{KEY} of nobody")]);
        let letters = list_of(&self.project.expect(0, &["dlq", "list"]).json());
        let letter = letters.iter().find(|letter| letter["row_id"] == FAILED).expect("a letter");
        let corrected = format!("name={VALUE} corrected");
        call(&["dlq", "edit", letter["id"].as_str().expect("an id"), "--set", &corrected]);
        self.put(CREATED, &format!("{VALUE} planned"), 5);
        call(&["plan", SYNC]);
        self.put(CREATED, &format!("{VALUE} created"), 3);
        self.put(FAILED, &format!("{VALUE} repaired"), 4);
    }

    fn history(&self, row: &str) -> Json {
        self.project.expect(0, &["history", SYNC, row]).json()
    }
}

/// Files below a folder that hold these bytes, and all files.
fn files_with(folder: &Path, text: &str) -> (BTreeSet<PathBuf>, usize) {
    let (mut found, mut all) = (BTreeSet::new(), 0);
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            all += 1;
            let bytes = std::fs::read(&path).expect("a file");
            if bytes.windows(text.len()).any(|part| part == text.as_bytes()) {
                found.insert(path);
            }
        }
    }
    (found, all)
}

fn endings(files: &BTreeSet<PathBuf>) -> BTreeSet<String> {
    files.iter().filter_map(|path| Some(path.extension()?.to_string_lossy().into_owned())).collect()
}

#[track_caller]
fn assert_nowhere(folder: &Path, text: &str) {
    let (found, all) = files_with(folder, text);
    assert!(all > 2, "there is a state in {}", folder.display());
    assert!(found.is_empty(), "'{text}' is still in {found:#?}");
}

fn purge(world: &World, keys: &[&str]) -> Json {
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    world.project.expect(0, &[&["purge", SYNC, "--yes"], &keys[..]].concat()).json()
}

#[test]
fn a_purged_value_is_in_no_byte_of_the_state_and_nothing_else_changes() {
    let world = World::new();
    let run = |code: i32, more: &[&str]| {
        world.project.expect(code, &[&["run", SYNC], more].concat());
    };
    world.leave_traces(&run, &|arguments| drop(world.project.expect(0, arguments)));
    let state = world.project.path(".syncline");
    let before = endings(&files_with(&state, VALUE).0);
    let kinds = ["arrow", "db", "seg"].map(String::from);
    assert!(kinds.iter().all(|kind| before.contains(kind)), "the search finds it where it is: {before:?}");
    assert!(endings(&files_with(&state, KEY).0).contains("parquet"), "and the key in outcomes");
    let [others, load] = [world.history("other-20"), world.history("other-1")];
    let letters = list_of(&world.project.expect(0, &["dlq", "list", "--all"]).json());
    let figures = |runs: &[Json]| runs.iter().map(|run| run["rows_failed"].clone()).collect::<Vec<_>>();
    let runs = world.project.runs();

    let purged = purge(&world, &[FAILED, CREATED]);
    for place in ["planned_changes", "outcomes", "row_errors", "runs"] {
        assert!(purged[place].as_u64() > Some(0), "{place}: {purged:#}");
    }
    assert_eq!((&purged["entries_emptied"], &purged["entries_kept"]), (&json!(2), &json!(2)), "{purged:#}");
    assert_eq!(purged["dead_letters"], 2, "{purged:#}");
    assert_nowhere(&state, VALUE);
    let (found, _) = files_with(&state, FAILED);
    assert_eq!(
        endings(&found),
        BTreeSet::from(["seg".to_string()]),
        "the snapshot knows the key: {found:#?}"
    );

    // The others are as they were.
    assert_eq!([world.history("other-20"), world.history("other-1")], [others, load]);
    let left = list_of(&world.project.expect(0, &["dlq", "list", "--all"]).json());
    let of_others: Vec<&Json> = letters.iter().filter(|l| l["row_id"] == "other-20").collect();
    assert_eq!(left.iter().collect::<Vec<_>>(), of_others);
    assert_eq!(figures(&world.project.runs()), figures(&runs), "figures of runs stay");
    for run in world.project.runs() {
        let id = run["id"].as_str().expect("an id");
        world.project.expect(0, &["runs", "show", id]);
        world.project.expect(0, &["errors", id]);
    }

    // The failed record is sent as it would have been, and what did not change is not written.
    world.put(FAILED, &format!("{VALUE} again"), 6);
    let next = world.project.expect(3, &["run", SYNC]).run();
    assert_eq!((&next["rows_created"], &next["rows_deleted"]), (&json!(0), &json!(0)), "{next:#}");
    assert_eq!((&next["rows_updated"], &next["rows_failed"]), (&json!(1), &json!(1)), "{next:#}");
    let again = purge(&world, &[FAILED, CREATED]);
    assert_eq!(again["entries_emptied"], 1, "the next delivery keeps its values again: {again:#}");

    // Gone from the source and the target, not even the keys are left.
    world.source.execute(&format!("delete from item where id like '%{KEY}%'"));
    world.project.run(&["run", SYNC]);
    assert_eq!(world.target.value(&format!("select count(*) from copy where id like '%{KEY}%'")), "0");
    let last = purge(&world, &[FAILED, CREATED, &format!("{KEY} of nobody")]);
    assert_eq!((&last["entries_removed"], &last["entries_kept"]), (&json!(2), &json!(0)), "{last:#}");
    assert_nowhere(&state, KEY);
    assert_nowhere(&state, VALUE);
    world.put("other-20", "name 20", 20);
    let next = world.project.expect(0, &["run", SYNC]).run();
    let counts =
        ["rows_created", "rows_updated", "rows_deleted", "rows_skipped"].map(|name| next[name].clone());
    assert_eq!(counts, [0, 0, 0, 20].map(Json::from), "{next:#}");
    let nothing = purge(&world, &[FAILED]);
    let sum: u64 = ["planned_changes", "outcomes", "dead_letters", "entries_removed", "entries_kept"]
        .map(|place| nothing[place].as_u64().expect("a count"))
        .iter()
        .sum();
    assert_eq!(sum, 0, "{nothing:#}");
}

#[test]
fn a_purge_through_a_server_leaves_nothing_in_its_tables_and_files() {
    let mut world = World::new();
    let state = Postgres::new();
    let files = tempfile::Builder::new().prefix("syncline-files-").tempdir().expect("a folder");
    let place = files.path().to_string_lossy().into_owned();
    let server = Server::start_with(&world.project, &["--state", state.database.url(), "--files", &place]);
    let token = server.first_token.clone().expect("the first token");
    world.project.set_variable("SYNCLINE_TOKEN", &token);
    world.project.set_variable("SYNCLINE_SERVER", &server.client.url);
    let run = |code: i32, more: &[&str]| {
        world.project.expect(code, &[&["run", SYNC], more].concat());
    };
    world.leave_traces(&run, &|arguments| drop(world.project.expect(0, arguments)));
    // What is kept of this request for a repetition names the key.
    let asked = json!({ "type": "test", "source_ids": [FAILED] }).to_string();
    let headers = [("idempotency-key", "once"), ("content-type", "application/json")];
    let answer = server.client.send("POST", &format!("/syncs/{SYNC}/trigger"), &headers, Some(asked.clone()));
    let test = answer.expect(202)["id"].as_str().expect("an id").to_string();
    server.client.ended(&test);
    assert!(tables_with(&state, VALUE).contains("letters"), "the search finds it where it is");
    assert!(tables_with(&state, FAILED).contains("requests"));
    assert!(!files_with(files.path(), VALUE).0.is_empty());

    let estimate = server.client.post(&format!("/syncs/{SYNC}/purge/estimate"), json!({ "keys": [FAILED] }));
    let estimate = estimate.expect(200);
    assert_eq!((&estimate["purged"], &estimate["dead_letters"]), (&json!(false), &json!(2)), "{estimate:#}");
    for wrong in [json!([]), json!([""]), json!(vec!["1"; 1_001])] {
        let asked = server.client.post(&format!("/syncs/{SYNC}/purge/estimate"), json!({ "keys": wrong }));
        assert!(asked.json()["help"].is_string(), "{}", asked.text);
        assert_eq!(asked.problem(422), "bad_usage");
    }
    let unconfirmed = json!({ "keys": [FAILED], "confirm": "yes" });
    server.client.post(&format!("/syncs/{SYNC}/purge"), unconfirmed).problem(422);
    assert!(tables_with(&state, VALUE).contains("letters"), "neither changes anything");
    let purged = purge(&world, &[FAILED, CREATED]);
    assert_eq!(purged["dead_letters"], 2, "{purged:#}");
    assert_eq!(tables_with(&state, VALUE), BTreeSet::new());
    assert_eq!(tables_with(&state, KEY), tables_with(&state, &format!("{KEY} of nobody")), "not asked for");
    assert_nowhere(files.path(), VALUE);

    let again = server.client.send("POST", &format!("/syncs/{SYNC}/trigger"), &headers, Some(asked));
    assert_eq!(again.status, 202, "a repeated request is not carried out twice");
    let log = server.client.get("/audit?action=syncs.purge").expect(200);
    let log = list_of(&log);
    assert_eq!(log.len(), 2, "the refused one too, and no estimate: {log:#?}");
    assert_eq!((&log[0]["result"], &log[0]["detail"]["dead_letters"]), (&json!("ok"), &json!(2)));
    world.put(FAILED, &format!("{VALUE} again"), 6);
    let next = world.project.expect(3, &["run", SYNC]).run();
    assert_eq!((&next["rows_updated"], &next["rows_failed"]), (&json!(1), &json!(1)), "{next:#}");
}

/// Tables of a database with a row that holds the text, in clear or as bytes.
fn tables_with(database: &Postgres, text: &str) -> BTreeSet<String> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let tables = database.rows(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename), tablename from pg_tables \
         where schemaname not in ('pg_catalog', 'information_schema')",
    );
    assert!(tables.len() > 10, "there is a state: {tables:?}");
    let with = tables.into_iter().filter_map(|mut table| {
        let count = format!(
            "select count(*) from {} t where t::text like '%{text}%' or t::text like '%{hex}%'",
            table[0].as_ref().expect("a name")
        );
        (database.value(&count) != "0").then(|| table[1].take().expect("a name"))
    });
    with.collect()
}

#[test]
fn a_held_run_keeps_its_records_until_it_is_decided() {
    let world = World::new();
    world.project.expect(0, &["run", SYNC]);
    world.source.execute(&format!("delete from item where id like 'other-1%' or id = '{FAILED}'"));
    let held = world.project.expect(4, &["run", SYNC]).run();
    let refused = world.project.expect(1, &["purge", SYNC, "--yes", "--key", FAILED]);
    assert_eq!(refused.error_code(), "conflict");
    let told = refused.error().to_string();
    assert!(told.contains(held["id"].as_str().expect("an id")) && told.contains("reject"), "{told}");
    assert!(!files_with(&world.project.path(".syncline"), VALUE).0.is_empty(), "nothing was removed");
    // It does not need this one.
    purge(&world, &["other-2"]);
    world.project.expect(0, &["reject", "last"]);
    purge(&world, &[FAILED]);
    assert_nowhere(&world.project.path(".syncline"), VALUE);
}

#[test]
fn a_purge_wants_a_yes_and_a_plan_that_lost_a_record_is_not_applied() {
    let world = World::new();
    world.project.expect(0, &["plan", SYNC, "--out", "saved.plan"]);
    let asked = world.project.expect(2, &["purge", SYNC, "--key", FAILED]);
    assert!(asked.error().to_string().contains("--yes"), "{asked:?}");
    assert!(!files_with(&world.project.path(".syncline"), VALUE).0.is_empty(), "nothing was removed");
    let purged = purge(&world, &[FAILED]);
    assert_eq!(purged["planned_changes"], 1, "{purged:#}");
    assert_nowhere(&world.project.path(".syncline"), VALUE);
    assert_eq!(world.project.expect(6, &["apply", "saved.plan"]).error_code(), "stale_plan");
    assert_eq!(
        world.project.expect(2, &["purge", "shop.nothing", "--yes", "--key", "1"]).error_code(),
        "not_found"
    );
}

#[test]
fn files_that_a_purge_left_behind_when_it_was_killed_go_with_the_next_one() {
    let world = World::new();
    world.project.expect(0, &["run", SYNC]);
    world.put(FAILED, &format!("{VALUE} updated"), 2);
    world.project.expect(0, &["run", SYNC]);
    // An export, which names each record and its values, comes before the reseed.
    world.project.expect(0, &["seed", SYNC, "--reseed", "--confirm", SYNC]);
    let state = world.project.path(".syncline");
    let exported = || files_with(&state.join("exports"), "other-1\"");
    assert_eq!((exported().0.len(), exported().1), (1, 1));
    let held: Vec<(PathBuf, Vec<u8>)> = files_with(&state, VALUE)
        .0
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending != "db" && ending != "jsonl"))
        .map(|path| (path.clone(), std::fs::read(path).expect("a file")))
        .collect();
    assert!(held.len() >= 2, "{held:?}");
    let purged = purge(&world, &[FAILED]);
    assert_eq!(purged["exported"], 1, "{purged:#}");
    assert_eq!((exported().0.len(), exported().1), (1, 1), "the other records stay in it");
    // As if it had died after its transaction, and another while it wrote.
    for (path, bytes) in &held {
        std::fs::write(path, bytes).expect("a file");
    }
    let unfinished = held[0].0.with_file_name("segment-1.seg.tmp-1");
    std::fs::write(&unfinished, &held[0].1).expect("a file");
    let again = purge(&world, &[FAILED]);
    assert_eq!(again["leftover_files"], held.len() + 1, "{again:#}");
    assert_nowhere(&state, VALUE);
    let next = world.project.expect(0, &["run", SYNC]).run();
    assert_eq!((&next["rows_skipped"], &next["rows_updated"]), (&json!(21), &json!(0)), "{next:#}");
}
