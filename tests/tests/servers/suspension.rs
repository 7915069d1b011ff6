//! A server that was suspended past its leases comes back: nothing it was about to do takes place [G21].

use serde_json::json;

use crate::world::{Kind, World, trigger, trigger_all, until_writing};

/// Each chunk takes its time, and so does the way from the target's commit to ours.
const SLOW: &str = "engine.chunk.written=sleep(3000);engine.commit.before=sleep(8000)";

#[test]
fn what_a_suspended_server_was_about_to_do_does_not_happen_after_its_runs_were_taken_over() {
    // The first one reads, the next two write, the last one has written and is about to commit.
    let kinds = [Kind::SlowRead, Kind::AppendAtomic, Kind::AppendProgressive, Kind::Upsert];
    let mut world = World::of(&kinds);
    let syncs = world.syncs();
    let late = world.serve_failing(0, SLOW);
    let last = trigger(&late.client, &syncs[3], json!({}));
    late.client.until(&format!("/runs/{last}"), |run| run["phase"] == "finalizing");
    let mut asked = trigger_all(&late.client, &syncs[..3]);
    late.client.until(&format!("/runs/{}", asked[0]), |run| run["phase"] == "extracting");
    asked[1..].iter().for_each(|run| until_writing(&late.client, run));
    asked.push(last);
    late.signal("STOP");

    let successor = world.serve(1);
    let ended: Vec<_> = asked.iter().map(|run| successor.client.ended(run)).collect();
    for (run, kind) in ended.iter().zip(kinds) {
        assert_eq!(run["takeovers"], 1, "{run}");
        match kind {
            // Nothing was planned: it starts anew.
            Kind::SlowRead => assert_eq!(run["error"]["code"], "interrupted", "{run}"),
            _ => assert_eq!(run["status"], "completed", "{run}"),
        }
    }
    assert_eq!(successor.client.run(&syncs[0], json!({}))["status"], "completed");
    world.assert_delivered(&["old"]);
    world.rename("new");
    world.run_all(&successor.client);
    world.assert_delivered(&["old", "new"]);

    late.signal("CONT");
    // It goes on with all of them, and with each it comes to where it is refused.
    let until_idle = std::time::Instant::now();
    while !late.client.get("/metrics").text.contains("syncline_runs_active 0") {
        assert!(until_idle.elapsed().as_secs() < 60, "its runs do not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for (run, record) in asked.iter().zip(&ended) {
        let now = successor.client.get(&format!("/runs/{run}")).expect(200);
        assert_eq!(now, *record, "the record is the successor's");
    }
    world.assert_delivered(&["old", "new"]);
    // It takes part again, and knows what the other one did.
    successor.kill();
    world.assert_settled(&late.client);
}
