//! What messages, notices, logs and traces never hold.

use std::sync::{Arc, Mutex};

use syncline_core::run::{GuardVerdict, StoredError};
use syncline_core::{Run, RunStatus};
use syncline_store::SyncState;
use uuid::Uuid;

use super::fixture::{World, run, start};
use crate::notify::{Channel, ChannelKind, Ended, Event, Links, Telling, decide, slack, webhook};
use crate::traces;

const CANARY: &str = "c4n4ry";

/// A run that has a value of a row wherever it may have one.
fn leaky(status: RunStatus) -> Run {
    let mut run = run("1", status, 0);
    run.error = Some(StoredError {
        code: "model_query_failed".into(),
        message: format!("invalid input syntax: \"{CANARY}\""),
        help: Some(CANARY.into()),
        causes: vec![CANARY.into()],
    });
    run.guards.push(GuardVerdict {
        guard: "max_deletes".into(),
        tripped: true,
        message: "12 removals planned".into(),
        sample: vec![CANARY.into()],
    });
    run.not_found = vec![CANARY.into()];
    run.options.source_ids = vec![CANARY.into()];
    run.notices = vec![CANARY.into()];
    run.requested_by = Some(CANARY.into());
    run.counters = super::fixture::counted(10, 10);
    run
}

#[test]
fn no_value_of_a_row_is_ever_told() {
    use syncline_config::NotificationEvent::*;
    let channel = Channel {
        id: "ops".into(),
        kind: ChannelKind::Webhook,
        events: vec![Completed, Failed, Halted, Held, Recovered],
        error_rate: Some(1.0),
        consecutive_failures: Some(1),
    };
    let halted = SyncState::Halted { reason: CANARY.into(), since: start(), failures: 1 };
    let mut told = 0;
    for status in [RunStatus::Completed, RunStatus::Failed, RunStatus::SourceFailure, RunStatus::Held] {
        let run = leaky(status);
        let ended = Ended { run: &run, state: Some(&halted), is_retried: false, earlier: &[], now: start() };
        for notice in decide(&ended, std::slice::from_ref(&channel), &Uuid::new_v4) {
            let telling: Telling = serde_json::from_value(notice.payload.clone()).unwrap();
            let links = Links { base_url: Some("https://syncline.example".into()) };
            let body = webhook::body(&telling, start(), &links).unwrap();
            let slack = slack::message(&telling, &links).to_string();
            let everything = format!("{notice:?} {} {slack}", String::from_utf8(body).unwrap());
            assert!(!everything.contains(CANARY), "{everything}");
            told += 1;
        }
    }
    assert_eq!(told, 3 + 4 + 4 + 2, "every event was among them");
    for status in RunStatus::ALL {
        let run = Run { correlation_id: "c0ffee".into(), ..leaky(status) };
        let spans = traces::run::spans(&run, traces::run::trace_of(&run).unwrap());
        assert!(format!("{spans:?}").contains("max_deletes") && !format!("{spans:?}").contains(CANARY));
    }
    assert!(
        !format!("{:?}", Telling::of_run(Event::Held, &leaky(RunStatus::Held), start())).contains(CANARY)
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that everything is logged where the test listens.
#[tokio::test(flavor = "current_thread")]
async fn addresses_and_secrets_stay_out_of_logs_and_notices() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let urls = [
        world.receiver.url(&format!("/{CANARY}")),
        format!("http://closed.example:1/{CANARY}"),
        format!("http://user:{CANARY}@receiver.example/"),
        format!("http://metadata.example/{CANARY}"),
        format!("not a url {CANARY}"),
    ];
    for (n, url) in urls.iter().enumerate() {
        for kind in [ChannelKind::Webhook, ChannelKind::Slack] {
            let id = format!("{kind:?}-{n}");
            world.channel(&id, kind, url);
            world.add(&id, &id).await;
            world.receiver.answer_with((500, Vec::new(), CANARY));
            assert!(!format!("{:?}", world.channels.0.lock().unwrap()[&id]).contains(CANARY));
        }
    }
    world.channel("bad-secret", ChannelKind::Webhook, &urls[0]);
    world.change("bad-secret", |target| target.secrets = vec![format!("whsec_{CANARY}")]);
    world.add("bad-secret", "bad-secret").await;
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 11);
    let mut shown = String::new();
    for id in world.channels.0.lock().unwrap().keys() {
        shown += id;
    }
    for channel in ["Webhook-0", "Slack-0", "Webhook-1", "Slack-2", "Webhook-3", "Slack-4", "bad-secret"] {
        let notice = world.notice(channel).await;
        assert!(notice.last_error.is_some(), "{notice:?}");
        shown += &format!("{notice:?} {:?}", world.deliverer.send_test(channel).await.unwrap());
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<_> = log.lines().filter(|line| line.contains("syncline")).collect();
    assert!(ours.iter().filter(|line| line.contains("notice not delivered")).count() == 11, "{ours:#?}");
    assert!(!format!("{shown} {ours:?}").contains(CANARY), "{shown} {ours:#?}");
}
