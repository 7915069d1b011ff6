//! Traces for OpenTelemetry, as a collector of the test's own receives them.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use syncline_tests::collector::{Collector, Manner, Span};
use syncline_tests::databases::{Database, Postgres};
use syncline_tests::project::Running;

use crate::world::{SYNC, World};

const PHASES: [&str; 4] = ["extracting", "detecting_changes", "writing", "finalizing"];
/// Of a caller, as W3C describes it.
const CALLER: (&str, &str) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");

fn world() -> (World, Collector) {
    with("")
}

fn with(more: &str) -> (World, Collector) {
    let (mut world, collector) = (World::with(more), Collector::default());
    collector.listen_to(&mut world.project);
    (world, collector)
}

fn traceparent(flags: &str) -> String {
    format!("00-{}-{}-{flags}", CALLER.0, CALLER.1)
}

/// The spans of runs without those of their phases.
fn roots(spans: &[Span]) -> Vec<&Span> {
    spans.iter().filter(|span| span.name == "syncline.run").collect()
}

#[track_caller]
fn root(spans: &[Span]) -> &Span {
    let roots = roots(spans);
    assert_eq!(roots.len(), 1, "{spans:#?}");
    roots[0]
}

/// Phases of a run's span, in their order.
fn phases<'a>(spans: &'a [Span], root: &Span) -> Vec<&'a str> {
    let mut children: Vec<_> = spans.iter().filter(|span| span.parent == root.id).collect();
    children.sort_by_key(|span| span.start);
    for child in &children {
        assert!(root.start <= child.start && child.start <= child.end && child.end <= root.end, "{child:?}");
        assert_eq!(child.trace, root.trace);
        for name in ["syncline.run.id", "syncline.correlation_id"] {
            assert_eq!(child.attribute(name), root.attribute(name));
        }
    }
    children.iter().map(|span| span.name.strip_prefix("syncline.run.").expect("its phase")).collect()
}

/// Whether a span tells what the API tells of the run.
#[track_caller]
fn assert_tells(span: &Span, run: &Json) {
    let of_run = [
        ("syncline.run.id", "id"),
        ("syncline.sync.id", "sync_id"),
        ("syncline.run.type", "type"),
        ("syncline.run.status", "status"),
        ("syncline.correlation_id", "correlation_id"),
        ("syncline.rows.read", "rows_processed"),
        ("syncline.rows.created", "rows_created"),
        ("syncline.rows.updated", "rows_updated"),
        ("syncline.rows.deleted", "rows_deleted"),
        ("syncline.rows.skipped", "rows_skipped"),
        ("syncline.rows.failed", "rows_failed"),
    ];
    for (attribute, field) in of_run {
        let wanted = run[field].as_str().map_or_else(|| run[field].to_string(), str::to_string);
        assert_eq!(span.attribute(attribute), wanted, "{attribute}: {run}");
    }
    assert_eq!(span.trace, run["correlation_id"].as_str().unwrap(), "a trace has the correlation id");
    assert_eq!((span.parent.as_str(), span.is_of_server), ("", false));
}

#[test]
fn a_run_of_the_command_line_is_one_trace_however_many_rows_it_has() {
    let (mut world, collector) = world();
    world.project.set_variable("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-the-test,x-tenant=7");
    world.project.set_variable("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    world.fill(1, 20_000);
    world.source.execute("update item set price = -1 where id = 5");
    let first = world.project.expect(3, &["run", SYNC]).run();
    let spans = collector.spans();
    let told = root(&spans);
    assert_tells(told, &first);
    assert_eq!(
        (told.attribute("syncline.rows.created"), told.attribute("syncline.rows.failed")),
        ("19999", "1")
    );
    assert_eq!(told.attribute("syncline.run.trigger"), "cli");
    assert_eq!(told.error, None);
    assert_eq!(phases(&spans, told), PHASES);
    assert_eq!(spans.len(), 1 + PHASES.len());
    let of = |name: &str| told.of.get(name).map(String::as_str);
    assert_eq!(of("service.name"), Some("syncline"));
    assert_eq!(of("deployment.environment.name"), Some("test"));
    let received = &collector.received()[0];
    assert_eq!(received.path, "/v1/traces");
    assert_eq!(received.headers["content-type"], "application/x-protobuf");
    assert_eq!(received.headers["authorization"], "Bearer of-the-test");
    assert_eq!(received.headers["x-tenant"], "7");
    world.source.execute("update item set price = 1 where id = 5");
    let second = world.project.expect(0, &["run", SYNC]).run();
    let spans = collector.spans();
    let told = roots(&spans);
    assert_eq!(told.len(), 2);
    assert_tells(told[1], &second);
}

#[test]
fn a_request_is_in_the_trace_of_its_caller_and_linked_to_its_run() {
    let (mut world, collector) = world();
    world.project.set_variable("OTEL_SERVICE_NAME", "sync-of-the-shop");
    let server = world.serve();
    let headers = [("traceparent", traceparent("01"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("/syncs/{SYNC}/trigger");
    let asked = server.client.send("POST", &path, &headers, None).expect(202);
    let run = server.client.ended(asked["id"].as_str().unwrap());
    let spans = collector
        .until(|spans| !roots(spans).is_empty() && spans.iter().any(|span| span.name.starts_with("POST")));
    let told = root(&spans);
    assert_tells(told, &run);
    assert_eq!(told.attribute("syncline.run.trigger"), "api");
    let request = spans.iter().find(|span| span.name == "POST /api/v1/syncs/{sync_id}/trigger").unwrap();
    assert!(request.is_of_server);
    assert_eq!((request.trace.as_str(), request.parent.as_str()), CALLER);
    assert_eq!(request.links, [(told.trace.clone(), told.id.clone())]);
    assert_eq!(request.attribute("http.request.method"), "POST");
    assert_eq!(request.attribute("http.route"), "/api/v1/syncs/{sync_id}/trigger");
    assert_eq!(request.attribute("http.response.status_code"), "202");
    assert_eq!(request.attribute("syncline.correlation_id"), told.trace);
    assert!(spans.iter().all(|span| span.of["service.name"] == "sync-of-the-shop"));
    assert_eq!(server.client.get("/runs/run_of_nobody").status, 404);
    let spans = collector.until(|spans| spans.iter().any(|span| span.attributes.contains_key("error.type")));
    let refused = spans.iter().find(|span| span.attributes.contains_key("error.type")).unwrap();
    assert_eq!(refused.name, "GET /api/v1/runs/{run_id}");
    assert_eq!((refused.attribute("error.type"), &refused.error), ("not_found", &None));
    assert_eq!(refused.parent, "");
}

/// What a caller does not want to be traced is not; its run is a trace of its own.
#[test]
fn samplers_decide_what_is_sent() {
    let (world, collector) = world();
    let server = world.serve();
    let unwanted = traceparent("00");
    let path = format!("/syncs/{SYNC}/trigger");
    let asked = server.client.send("POST", &path, &[("traceparent", &unwanted)], None).expect(202);
    server.client.ended(asked["id"].as_str().unwrap());
    assert_eq!(server.terminate(), Some(0));
    let spans = collector.spans();
    root(&spans);
    assert!(spans.iter().all(|span| span.trace != CALLER.0), "{spans:#?}");

    let (mut world, collector) = self::world();
    world.project.set_variable("OTEL_TRACES_SAMPLER", "traceidratio");
    world.project.set_variable("OTEL_TRACES_SAMPLER_ARG", "0.5");
    let server = world.serve();
    let runs = 40;
    for _ in 0..runs {
        server.client.run(SYNC, json!({}));
    }
    assert_eq!(server.terminate(), Some(0));
    let sent = roots(&collector.spans()).len();
    // One time in 2^40 all or none of them are.
    assert!(0 < sent && sent < runs, "{sent} of {runs}");
}

#[test]
fn a_run_that_fails_is_an_error_with_its_code() {
    let (world, collector) = world();
    world.source.execute("alter table item rename to other");
    let output = world.project.json(&["run", SYNC]);
    let run = output.run();
    assert_ne!(output.code(), Some(0));
    let spans = collector.spans();
    let told = root(&spans);
    assert_tells(told, &run);
    let code = run["error"]["code"].as_str().unwrap();
    assert_eq!(told.error.as_deref(), Some(code));
    assert_eq!(told.attribute("error.type"), code);
}

#[test]
fn a_held_run_and_what_follows_its_approval_are_two_spans_of_one_trace() {
    let (world, collector) = with("guards: { max_creates: 5 }");
    let server = world.serve();
    let held = server.client.run(SYNC, json!({}));
    assert_eq!(held["status"], "held");
    let id = held["id"].as_str().unwrap();
    let spans = collector.until(|spans| !roots(spans).is_empty());
    let first = root(&spans).clone();
    assert_tells(&first, &held);
    assert_eq!(first.attribute("syncline.run.guards"), "max_creates");
    assert_eq!(phases(&spans, &first), PHASES[..2]);
    server.client.post(&format!("/runs/{id}/approve"), json!(null)).expect(202);
    let run = server.client.ended(id);
    assert_eq!(run["status"], "completed", "{run}");
    let approval = "POST /api/v1/runs/{run_id}/approve";
    let spans =
        collector.until(|spans| roots(spans).len() == 2 && spans.iter().any(|span| span.name == approval));
    let second = roots(&spans)[1];
    assert_tells(second, &run);
    assert_eq!(phases(&spans, second), PHASES[2..]);
    assert!(second.id != first.id && second.start >= first.end);
    let approval = spans.iter().find(|span| span.name == approval).unwrap();
    assert_eq!(approval.links, [(second.trace.clone(), second.id.clone())]);
}

#[test]
fn a_run_that_was_killed_is_told_of_by_the_process_that_settles_it() {
    let (world, collector) = world();
    let killed = world.project.run_killed_at(&["run", SYNC], "engine.publish.before", 1);
    assert_ne!(killed.code(), Some(0));
    assert!(collector.spans().is_empty());
    world.project.expect(0, &["run", SYNC]);
    let runs = world.project.runs();
    assert_eq!(runs.len(), 2);
    let spans = collector.spans();
    for run in &runs {
        let told: Vec<_> =
            roots(&spans).into_iter().filter(|span| span.trace == run["correlation_id"]).collect();
        assert_eq!(told.len(), 1, "{run}");
        assert_tells(told[0], run);
    }
    let settled = roots(&spans)[0];
    assert!(phases(&spans, settled).starts_with(&PHASES[..1]), "what it did before is told too: {spans:#?}");
}

#[test]
fn a_collector_that_is_not_well_costs_a_run_nothing() {
    for manner in [None, Some(Manner::Refuses(503)), Some(Manner::Refuses(400)), Some(Manner::Hangs)] {
        let mut world = World::new();
        let collector = manner.map(Collector::of);
        match &collector {
            Some(collector) => collector.listen_to(&mut world.project),
            // Port 1 is nobody's.
            None => world.project.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        }
        let began = Instant::now();
        let output = world.project.expect(0, &["run", SYNC]);
        assert!(output.stderr.is_empty(), "{manner:?}: {output}");
        // The end waits 5 seconds for the last spans.
        assert!(began.elapsed() < Duration::from_secs(20), "{manner:?}: {:?}", began.elapsed());
        world.assert_agree();
        world.fill(11, 20);
        let output = world.project.run(&["-v", "run", SYNC]);
        let lines = output.stderr.lines().filter(|line| line.contains("traces are not taken")).count();
        // A collector that hangs is not known to be gone when the program ends.
        let ended = output.stderr.contains("the last traces were not taken in time");
        assert!(lines == 1 || (manner == Some(Manner::Hangs) && ended), "{manner:?}: {output}");
        world.assert_agree();
        assert!(collector.is_none_or(|collector| collector.connections() > 0), "{manner:?}");
    }
}

#[test]
fn a_server_does_not_wait_for_a_collector_that_hangs() {
    let mut world = World::new();
    let collector = Collector::of(Manner::Hangs);
    collector.listen_to(&mut world.project);
    // Far fewer than there will be: the others are dropped.
    world.project.set_variable("OTEL_BSP_MAX_QUEUE_SIZE", "8");
    world.project.set_variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4");
    let server = world.serve();
    for round in 1..=5 {
        world.fill(round * 10, round * 10 + 9);
        assert_eq!(server.client.run(SYNC, json!({}))["status"], "completed");
    }
    world.assert_agree();
    assert!(collector.connections() > 0);
    let began = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn nothing_is_sent_unless_it_is_asked_for() {
    let (mut world, collector) = world();
    world.project.set_variable("OTEL_SDK_DISABLED", "true");
    world.project.expect(0, &["run", SYNC]);
    let server = world.serve();
    server.client.run(SYNC, json!({}));
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(collector.connections(), 0);

    // Without an endpoint not even to where collectors usually are, which somebody else may be here.
    let usual = std::net::TcpListener::bind("127.0.0.1:4318");
    let world = World::new();
    world.project.expect(0, &["run", SYNC]);
    if let Ok(usual) = usual {
        usual.set_nonblocking(true).unwrap();
        assert!(usual.accept().is_err(), "somebody came");
    }
}

#[test]
fn what_is_sent_is_compressed_if_that_is_asked_for() {
    let (mut world, collector) = world();
    world.project.set_variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    world.project.expect(0, &["run", SYNC]);
    let received = &collector.received()[0];
    assert_eq!(received.headers["content-encoding"], "gzip");
    assert!(received.body.starts_with(&[0x1f, 0x8b]), "{:?}", received.body);
}

#[test]
fn a_wrong_variable_is_named_and_stops_nothing() {
    let (mut world, collector) = world();
    world.project.set_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let output = world.project.run(&["run", SYNC]);
    assert_eq!(output.code(), Some(0), "{output}");
    assert!(output.stderr.contains("OTEL_EXPORTER_OTLP_PROTOCOL can be http/protobuf only"), "{output}");
    world.assert_agree();
    let endpoint = format!("http://user:c4n4ry@{}", collector.address());
    world.project.set_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
    world.project.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    let output = world.project.run(&["run", SYNC]);
    assert_eq!(output.code(), Some(0), "{output}");
    assert!(output.stderr.contains("holds a user or password"), "{output}");
    assert!(!output.text().contains("c4n4ry"), "{output}");
    assert_eq!(collector.connections(), 0);
}

#[test]
fn no_value_key_query_or_secret_is_in_a_trace() {
    const CANARY: &str = "c4n4ry";
    let (mut world, collector) = world();
    world.project.write_entities(&[
        ("item", "model: { table: item, key: name }\nto: { object: copy, match: [id] }\nmapping: { id: id, name: name, price: price }"),
        ("query", &format!("model: {{ sql: \"select id, name, price from item where name <> '{CANARY}-sql'\", key: id }}\nto: {{ object: copy }}")),
        ("broken", &format!("model: {{ sql: \"select {CANARY}_column from item\", key: id }}\nto: {{ object: copy }}")),
    ]);
    world.source.execute(&format!(
        "update item set name = '{CANARY}-' || id; update item set price = -1 where id = 3"
    ));
    world.project.set_variable("SHOP_SECRET", &format!("{CANARY}-secret"));
    world.project.set_variable("OTEL_EXPORTER_OTLP_HEADERS", &format!("x-key={CANARY}"));
    let server = world.serve();
    let client = &server.client;
    let ids = json!({ "source_ids": [format!("{CANARY}-1"), format!("{CANARY}-none")] });
    let mut failed = 0;
    for (sync, request) in [("item", json!({})), ("item", ids), ("query", json!({})), ("broken", json!({}))] {
        let path = format!("/syncs/shop.{sync}/trigger");
        let asked = client.post(&path, request);
        assert!([202, 422].contains(&asked.status), "{}", asked.text);
        if asked.status == 202 {
            let run = client.ended(asked.json()["id"].as_str().unwrap());
            failed += u32::from(run["status"] == "failed" || run["rows_failed"].as_u64() > Some(0));
        }
    }
    assert!(failed >= 2, "something has to quote values");
    for path in [
        format!("/syncs/{CANARY}"),
        format!("/syncs?search={CANARY}"),
        format!("/dead-letters?search={CANARY}"),
        format!("/{CANARY}"),
        format!("/syncs/shop.item/records?key={CANARY}-1"),
    ] {
        client.get(&path);
    }
    let letters = client.get("/dead-letters").expect(200);
    assert!(letters.to_string().contains(CANARY), "the canary is where values belong: {letters}");
    assert_eq!(server.terminate(), Some(0));
    assert!(roots(&collector.spans()).len() >= 3);
    for received in collector.received() {
        let text = String::from_utf8_lossy(&received.body);
        assert!(!text.contains(CANARY), "{text}");
        assert_eq!(received.headers["x-key"], CANARY, "only the collector gets what is meant for it");
    }
}

#[test]
fn a_worker_sends_traces_too() {
    let (mut world, collector) = with("schedule: { every: 1s }");
    let (state, files) = (Postgres::new(), tempfile::tempdir().expect("a folder"));
    world.project.set_variable("SYNCLINE_STATE", state.database.url());
    world.project.set_variable("SYNCLINE_FILES", files.path().to_str().unwrap());
    let server = world.serve();
    server.client.post(&format!("/syncs/{SYNC}/activate"), Json::Null).expect(200);
    assert_eq!(server.terminate(), Some(0));
    let before = collector.spans().len();
    let mut worker = Running::start(world.project.command(&["worker"]));
    let spans = collector.until(|spans| roots(&spans[before..]).len() > 1);
    assert!(spans[before..].iter().all(|span| span.name.starts_with("syncline.run")), "{spans:#?}");
    assert_eq!(roots(&spans[before..])[0].attribute("syncline.run.trigger"), "schedule");
    assert!(worker.is_running());
    worker.signal("TERM");
    assert_eq!(worker.wait().code(), Some(0));
}
