//! `run --parallel`: several syncs at once keep the order they depend on, the limits of their
//! connections, and the least share of the memory budget. Needs the feature `failpoints`.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::{Output, Project};

/// Runs last at least this long, so that those of one moment overlap.
const SLOW: &str = "engine.run.started=sleep(700)";

/// A table at the source and a database of its own at the target for each sync, which is named
/// `sNUMBER.item` after its number.
struct World {
    project: Project,
    source: Sqlite,
    targets: Vec<Sqlite>,
}

impl World {
    /// `entities`: what the entity of each sync has beside its model and target. `settings`: more of
    /// `syncline.yaml`, and of the source's connection.
    fn new(entities: &[&str], source: &str, settings: &str) -> Self {
        let project = Project::new();
        let mut connections = format!("  from: {{ type: sqlite, path: source.db{source} }}\n");
        let tables = Sqlite::create(&project.path("source.db"));
        let mut targets = Vec::new();
        for (number, more) in entities.iter().enumerate() {
            connections += &format!("  into{number}: {{ type: sqlite, path: target{number}.db }}\n");
            project.write(
                &format!("syncs/s{number}.yaml"),
                format!(
                    "instance: s{number}\nsource: from\ntarget: into{number}\nentities:\n  item:\n    \
                     model: {{ table: item{number}, key: id }}\n    to: {{ object: copy }}\n{more}"
                ),
            );
            tables.execute(&format!("create table item{number} (id text primary key, v integer)"));
            let target = Sqlite::create(&project.path(&format!("target{number}.db")));
            target.execute("create table copy (id text primary key, v integer)");
            targets.push(target);
        }
        project.write("syncline.yaml", format!("connections:\n{connections}{settings}"));
        let world = Self { project, source: tables, targets };
        (0..entities.len()).for_each(|number| world.fill(number, 3, 4));
        world
    }

    /// Rows whose keys have this many characters.
    fn fill(&self, number: usize, rows: u64, key_chars: u64) {
        self.source.execute(&format!(
            "delete from item{number}; with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
             insert into item{number} select printf('%0{key_chars}d', i), i from n"
        ));
    }

    #[track_caller]
    fn assert_agree(&self, number: usize) {
        let sums = "select count(*), sum(v), min(id), max(id) from ";
        let source = self.source.rows(&format!("{sums} item{number}"));
        assert_eq!(self.targets[number].rows(&format!("{sums} copy")), source, "sync {number}");
    }

    fn run(&self, arguments: &[&str], fail_points: &str) -> Output {
        let arguments = [arguments, &["--output", "json"]].concat();
        self.project.start(&arguments, fail_points).wait()
    }
}

/// Ids of the syncs of an answer, in its order.
fn ids(answer: &Json) -> Vec<&str> {
    answer.as_array().expect("a list").iter().map(|run| run["sync_id"].as_str().unwrap()).collect()
}

/// Start and end of a run, as text that compares like the times.
fn span(run: &Json) -> (&str, &str) {
    (run["started_at"].as_str().expect("started"), run["completed_at"].as_str().expect("ended"))
}

/// Most runs of an answer that went on at one moment.
fn at_once(answer: &Json) -> usize {
    let spans: Vec<_> = answer.as_array().expect("a list").iter().map(span).collect();
    let during = |moment: &str| spans.iter().filter(|(from, to)| *from <= moment && moment < *to).count();
    spans.iter().map(|(from, _)| during(from)).max().unwrap_or(0)
}

#[test]
fn as_many_run_at_once_as_were_asked_for_and_one_by_itself() {
    let world = World::new(&[""; 4], "", "");
    for (arguments, expected) in [
        (&["run", "--all"][..], 1),
        (&["run", "--all", "-j", "2"], 2),
        (&["run", "--all", "--parallel", "4"], 4),
        (&["run", "--all", "-j", "64"], 4),
    ] {
        let output = world.run(arguments, SLOW);
        assert_eq!(output.code(), Some(0), "{output}");
        let answer = output.json();
        assert_eq!(ids(&answer), ["s0.item", "s1.item", "s2.item", "s3.item"], "in the order of selection");
        assert_eq!(at_once(&answer), expected, "{arguments:?}\n{output}");
    }
    (0..4).for_each(|number| world.assert_agree(number));
    for wrong in ["0", "65", "many"] {
        assert_eq!(world.run(&["run", "--all", "-j", wrong], "").code(), Some(2));
    }
}

#[test]
fn runs_of_one_moment_have_short_ids_of_their_own() {
    let world = World::new(&[""; 6], "", "");
    let output = world.project.run(&["run", "--all", "-j", "6"]);
    assert_eq!(output.code(), Some(0), "{output}");
    let short = output.stdout.split_whitespace().filter(|word| word.starts_with("run_"));
    let short: std::collections::BTreeSet<_> = short.collect();
    assert_eq!(short.len(), 6, "{output}");
    for id in short {
        world.project.expect(0, &["runs", "show", id]);
    }
}

#[test]
fn a_connection_is_used_by_as_many_runs_as_it_allows() {
    let world = World::new(&[""; 5], ", max_concurrent_runs: 2", "");
    let output = world.run(&["run", "--all", "-j", "5"], SLOW);
    assert_eq!(output.code(), Some(0), "{output}");
    assert_eq!(ids(&output.json()).len(), 5);
    assert_eq!(at_once(&output.json()), 2, "{output}");
}

#[test]
fn one_object_is_written_by_one_run_at_a_time() {
    let world = World::new(&["", "", ""], "", "");
    for number in [0, 1] {
        let path = format!("syncs/s{number}.yaml");
        world.project.write(&path, world.project.read(&path).replace(&format!("into{number}"), "into2"));
    }
    let output = world.run(&["run", "--all", "-j", "3"], SLOW);
    assert_eq!(at_once(&output.json()), 1, "{output}");
}

#[test]
fn a_sync_waits_for_the_one_it_runs_after_while_others_go_on() {
    let after = |id: &str| format!("    schedule: {{ after: {id} }}\n");
    let world = World::new(&["", &after("s0.item"), &after("s1.item"), ""], "", "");
    let answer = world.run(&["run", "--all", "-j", "4"], SLOW).json();
    let span_of = |number: usize| span(&answer[number]);
    assert_eq!(ids(&answer), ["s0.item", "s1.item", "s2.item", "s3.item"]);
    assert!(span_of(0).1 <= span_of(1).0 && span_of(1).1 <= span_of(2).0, "{answer:#}");
    assert!(span_of(3).0 < span_of(0).1, "the one that waits for nobody does not: {answer:#}");
}

#[test]
fn a_failure_stops_what_runs_after_it_and_nothing_else() {
    let world = World::new(&["", "    schedule: { after: s0.item }\n", "", ""], "", "");
    world.targets[0].execute("drop table copy");
    let output = world.project.run(&["run", "--all", "-j", "4"]);
    assert_eq!(output.code(), Some(1), "{output}");
    let skipped = "skipped s1.item: it runs after s0.item, which did not complete";
    assert!(output.stderr.contains(skipped), "{output}");
    [2, 3].into_iter().for_each(|number| world.assert_agree(number));
    assert_eq!(world.project.runs().len(), 3);
}

/// Each report is a head, which is not indented, and then only its own lines.
#[test]
fn reports_come_as_blocks_and_progress_lines_say_whose_they_are() {
    let world = World::new(&[""; 6], "", "");
    world.source.execute("update item2 set v = 'text' where id = '0001'");
    world.targets[2].execute(
        "drop table copy; create table copy (id text primary key, v integer check (typeof(v) = 'integer'))",
    );
    let output = world.project.run(&["run", "--all", "-j", "6"]);
    let blocks: Vec<_> = output.stdout.split_inclusive("  sync\n").collect();
    assert_eq!(blocks.len(), 6, "{output}");
    for block in blocks {
        let heads = block.lines().filter(|line| !line.starts_with(' ')).count();
        assert_eq!(heads, 1, "{block}\n{output}");
        assert!(block.lines().last().is_some_and(|line| line.starts_with("  run_")), "{block}");
    }
    for line in output.stderr.lines() {
        assert!(line.starts_with('s') && line.contains(".item: "), "{line}");
    }
}

#[test]
fn ctrl_c_cancels_every_run_and_starts_no_more() {
    for signal in ["INT", "TERM"] {
        let world = World::new(&[""; 4], "", "");
        let mut running = world.project.start(&["run", "--all", "-j", "3"], "engine.read.batch=sleep(2000)");
        (0..3).for_each(|_| running.wait_for_line("query execution"));
        running.signal(signal);
        let output = running.wait();
        assert_eq!(output.code(), Some(130), "{output}");
        assert_eq!(output.stderr.matches("cancelling").count(), 1, "{output}");
        let runs = world.project.runs();
        assert_eq!(runs.len(), 3, "the fourth was not started: {output}");
        for run in &runs {
            assert_eq!(run["status"], "cancelled", "{run:#}");
        }
        for target in &world.targets {
            assert_eq!(target.value("select count(*) from copy"), "0");
        }
        assert_eq!(world.run(&["run", "--all", "-j", "4"], "").code(), Some(0));
        (0..4).for_each(|number| world.assert_agree(number));
    }
}

#[test]
fn what_a_kill_left_of_several_runs_is_settled_by_the_next_command() {
    let world = World::new(&[""; 4], "", "");
    for point in ["engine.chunk.sending=2*off->panic", "engine.commit.before=1*off->panic"] {
        (0..4).for_each(|number| world.fill(number, 50, 5));
        assert!(world.run(&["run", "--all", "-j", "4"], point).was_killed(), "{point}");
        let output = world.run(&["run", "--all", "-j", "4"], "");
        assert_eq!(output.code(), Some(0), "{point}: {output}");
        let open = world.project.expect(0, &["runs", "--status", "queued,starting,running"]).json();
        assert_eq!(open["pagination"]["total"], 0, "{point}: {open:#}");
        (0..4).for_each(|number| world.assert_agree(number));
        (0..4).for_each(|number| world.fill(number, 60, 6));
    }
}

#[test]
fn a_budget_too_small_for_all_lets_fewer_run() {
    let world = World::new(&[""; 4], "", "settings: { memory_budget: 40MB }\n");
    let output = world.project.run(&["run", "--all", "-j", "4"]);
    assert_eq!(output.code(), Some(0), "{output}");
    assert!(output.stderr.contains("2 syncs at a time instead of 4"), "{output}");
    let answer = world.run(&["run", "--all", "-j", "4"], SLOW);
    assert_eq!(at_once(&answer.json()), 2, "{answer}");
}
