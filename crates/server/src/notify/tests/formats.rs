//! How messages look.

use serde_json::json;
use syncline_core::run::GuardVerdict;
use syncline_core::{Run, RunStatus};

use super::fixture::{counted, error, run, start};
use crate::notify::telling::ErrorRate;
use crate::notify::{Event, Links, Telling, slack, webhook};

fn links() -> Links {
    Links { base_url: Some("https://syncline.example".into()) }
}

fn failed() -> Run {
    Run {
        error: Some(error("model_query_failed")),
        counters: counted(100, 3),
        ..run("1", RunStatus::Failed, 0)
    }
}

fn slack_text(telling: &Telling, links: &Links) -> String {
    let message = slack::message(telling, links);
    let block = &message["blocks"][0]["text"];
    assert_eq!((&block["type"], &block["verbatim"]), (&json!("mrkdwn"), &json!(true)));
    block["text"].as_str().unwrap().to_string()
}

#[test]
fn a_slack_message_tells_figures_and_links() {
    let telling = Telling::of_run(Event::Failed, &failed(), start());
    assert_eq!(
        slack_text(&telling, &links()),
        "*crm.contact: a run failed (model_query_failed)*\n\
         <https://syncline.example/runs/run_1|Open the run> · \
         <https://syncline.example/api/errors/model_query_failed|About this error>\n\
         The source answered, but the model cannot be read.\n\
         sync failed, 20 s, 100 read, 97 updated, 3 failed"
    );
    let unlinked = slack_text(&telling, &Links::default());
    assert!(!unlinked.contains("http"), "{unlinked}");
}

#[test]
fn every_event_has_a_headline_of_its_own() {
    let mut headlines: Vec<String> = Event::ALL
        .iter()
        .map(|event| {
            let telling = Telling {
                error_rate: Some(ErrorRate { percent: 12.345, limit: 1.0 }),
                failures_in_a_row: Some(3),
                ..Telling::of_run(*event, &failed(), start())
            };
            slack::message(&telling, &links())["text"].as_str().unwrap().to_string()
        })
        .collect();
    assert!(headlines.contains(&"crm.contact: 12.3% of the rows failed (limit 1%)".into()), "{headlines:?}");
    assert!(headlines.contains(&"crm.contact: 3 runs failed in a row (model_query_failed)".into()));
    headlines.sort();
    headlines.dedup();
    assert_eq!(headlines.len(), Event::ALL.len());
}

#[test]
fn names_cannot_mention_or_link_in_slack() {
    let hostile = "<!channel> <@U123> <https://evil.example|click> & *bold*";
    let mut held = run("1", RunStatus::Held, 0);
    held.guards.push(GuardVerdict {
        guard: "max_deletes".into(),
        tripped: true,
        message: hostile.into(),
        sample: Vec::new(),
    });
    let text = slack_text(&Telling::of_run(Event::Held, &held, start()), &Links::default());
    assert!(!text.contains(['<', '>']), "{text}");
    assert!(text.contains("&lt;!channel&gt;") && text.contains(" &amp; "), "{text}");
}

#[test]
fn a_long_message_is_cut_between_lines() {
    let mut held = run("1", RunStatus::Held, 0);
    let verdict = GuardVerdict {
        guard: "max_deletes".into(),
        tripped: true,
        message: "&".repeat(1_000),
        sample: Vec::new(),
    };
    held.guards = vec![verdict; 50];
    let text = slack_text(&Telling::of_run(Event::Held, &held, start()), &links());
    assert!(text.chars().count() <= 3_000, "{}", text.len());
    assert!(text.contains("|Open the run>") && text.ends_with("&amp;"), "{text}");
}

#[test]
fn a_webhook_message_has_a_type_a_time_and_data() {
    let telling = Telling::of_run(Event::Failed, &failed(), start());
    let body = webhook::body(&telling, start(), &links()).unwrap();
    let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        message,
        json!({
            "type": "run.failed",
            "timestamp": "2026-01-01T00:00:00Z",
            "data": {
                "event": "failed",
                "sync_id": "crm.contact",
                "run": {
                    "id": "run_1",
                    "type": "sync",
                    "trigger": "schedule",
                    "status": "failed",
                    "correlation_id": "correlation-1",
                    "started_at": "2025-12-31T23:59:40Z",
                    "completed_at": "2026-01-01T00:00:00Z",
                    "duration_seconds": 20.0,
                    "retry_number": 0,
                    "partially_written": false,
                    "rows_processed": 100,
                    "rows_created": 0,
                    "rows_updated": 97,
                    "rows_skipped": 0,
                    "rows_failed": 3,
                    "rows_not_attempted": 0,
                    "rows_deleted": 0,
                    "rows_delete_failed": 0,
                    "url": "https://syncline.example/runs/run_1"
                },
                "error_code": "model_query_failed",
                "error_url": "https://syncline.example/api/errors/model_query_failed"
            }
        })
    );
}

#[test]
fn the_example_of_the_specification_has_its_signature() {
    let headers = webhook::headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "2021-02-25T15:02:10Z".parse().unwrap(),
        br#"{"test": 2432232314}"#,
        &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()],
    )
    .unwrap();
    assert_eq!(headers["webhook-timestamp"], "1614265330");
    assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_weak_or_broken_secret_signs_nothing_and_is_not_shown() {
    let short = format!("whsec_{}", "A".repeat(28));
    let long = format!("whsec_{}", "A".repeat(88));
    for secret in
        ["s3cret", "whsec_s3cret!", "whsec_", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", &short, &long]
    {
        let error = webhook::headers("msg_1", start(), b"{}", &[secret.to_string()]).unwrap_err();
        assert!(
            !format!("{error:?}").contains(secret.trim_start_matches("whsec_")) || secret == "whsec_",
            "{error:?}"
        );
    }
    assert!(webhook::headers("msg_1", start(), b"{}", &[]).is_err());
}

#[test]
fn ids_cannot_end_the_link_they_stand_in() {
    let url = links().error("x|y> <!channel>/../é").unwrap();
    assert!(!url[24..].contains(['<', '>', '|', ' ']), "{url}");
}
