//! Delivery: signatures, retries, refusals.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use syncline_http::{RETRY_AFTER_MAX, Reach};
use syncline_store::NoticeState;

use super::fixture::{Received, Receiver, SECRET, World, start};
use crate::notify::{ChannelKind, RETRY_DELAYS};

/// HMAC by its definition (RFC 2104), independent of the library that signs.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).chain(message.iter().copied()).collect();
    let outer = block.iter().map(|byte| byte ^ 0x5c).chain(Sha256::digest(inner));
    Sha256::digest(outer.collect::<Vec<u8>>()).to_vec()
}

/// What a receiver does before it believes a message.
fn verify(message: &Received, secret: &str, now: Timestamp) -> Result<(), &'static str> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, sent) = (message.header("webhook-id"), message.header("webhook-timestamp"));
    let signed = [id.as_bytes(), b".", sent.as_bytes(), b".", &message.body].concat();
    let expected = format!("v1,{}", STANDARD.encode(hmac(&key, &signed)));
    if !message.header("webhook-signature").split(' ').any(|signature| signature == expected) {
        return Err("signature");
    }
    let age = now.as_second() - sent.parse::<i64>().unwrap();
    if age.abs() <= 300 { Ok(()) } else { Err("age") }
}

fn another_secret() -> String {
    format!("whsec_{}", STANDARD.encode([9; 24]))
}

#[tokio::test]
async fn a_receiver_can_verify_a_message_and_notices_any_change() {
    let world = World::new().await;
    world.add("1", "webhook").await;
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 1);
    let received = world.receiver.received();
    let message = &received[0];
    assert_eq!((message.path.as_str(), message.header("content-type")), ("/hook", "application/json"));
    assert_eq!(message.header("webhook-id"), "msg_1");
    assert_eq!(verify(message, SECRET, start()), Ok(()));
    assert_eq!(message.json()["type"], "run.failed");
    assert_eq!(message.json()["data"]["run"]["url"], "https://syncline.example/runs/run_1");

    let changed = |change: &dyn Fn(&mut Received)| {
        let mut copy = message.clone();
        change(&mut copy);
        verify(&copy, SECRET, start())
    };
    let body = String::from_utf8(message.body.to_vec()).unwrap().replace("run.failed", "run.completed");
    assert_eq!(changed(&|m| m.body = body.clone().into()), Err("signature"));
    assert_eq!(
        changed(&|m| drop(m.headers.insert("webhook-id", "msg_2".parse().unwrap()))),
        Err("signature")
    );
    let later = (start().as_second() + 400).to_string();
    assert_eq!(
        changed(&|m| drop(m.headers.insert("webhook-timestamp", later.parse().unwrap()))),
        Err("signature"),
        "an old message cannot be given a new date"
    );
    assert_eq!(verify(message, SECRET, start() + jiff::SignedDuration::from_mins(6)), Err("age"));
    assert_eq!(verify(message, &another_secret(), start()), Err("signature"));
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_verify() {
    let world = World::new().await;
    let new = another_secret();
    world.change("webhook", |target| target.secrets = vec![new.clone(), SECRET.into()]);
    world.add("1", "webhook").await;
    world.deliverer.deliver_due().await.unwrap();
    let message = &world.receiver.received()[0];
    assert_eq!(message.header("webhook-signature").split(' ').count(), 2);
    assert_eq!(verify(message, &new, start()), Ok(()));
    assert_eq!(verify(message, SECRET, start()), Ok(()));
}

#[tokio::test]
async fn every_endpoint_has_its_own_key() {
    let world = World::new().await;
    world.channel("other", ChannelKind::Webhook, &world.receiver.url("/other"));
    world.change("other", |target| target.secrets = vec![another_secret()]);
    world.add("1", "other").await;
    world.deliverer.deliver_due().await.unwrap();
    let message = &world.receiver.received()[0];
    assert_eq!(verify(message, SECRET, start()), Err("signature"));
    assert_eq!(verify(message, &another_secret(), start()), Ok(()));
}

#[tokio::test]
async fn a_notice_is_tried_for_a_day_and_then_given_up() {
    let world = World::new().await;
    world.add("1", "webhook").await;
    let mut attempts = 0;
    loop {
        world.receiver.answer(500);
        assert_eq!(world.deliverer.deliver_due().await.unwrap(), 1);
        attempts += 1;
        assert_eq!(world.deliverer.deliver_due().await.unwrap(), 0, "it is not due before its time");
        let notice = world.notice("1").await;
        assert_eq!(notice.attempts, attempts);
        assert_eq!(notice.last_error.as_deref(), Some("the receiver answered HTTP 500"));
        let Some(next) = notice.next_attempt_at else {
            assert_eq!(notice.state, NoticeState::Failed);
            break;
        };
        assert_eq!(notice.state, NoticeState::Pending);
        world.clock.set(next);
    }
    assert_eq!(attempts as usize, RETRY_DELAYS.len() + 1);
    let received = world.receiver.received();
    assert!(received.iter().all(|message| message.header("webhook-id") == "msg_1"));
    assert!(received.iter().all(|message| message.body == received[0].body));
    let sent = |message: &Received| message.header("webhook-timestamp").parse::<i64>().unwrap();
    let hours = (sent(received.last().unwrap()) - sent(&received[0])) as f64 / 3_600.0;
    assert!((23.0..30.0).contains(&hours), "{hours}");
    for message in &received {
        let at = Timestamp::from_second(sent(message)).unwrap();
        assert_eq!(verify(message, SECRET, at), Ok(()), "each attempt is signed with its own date");
    }
}

#[tokio::test]
async fn a_receiver_that_was_down_gets_the_notice_later() {
    let world = World::new().await;
    world.add("1", "webhook").await;
    world.receiver.answer(503);
    world.deliverer.deliver_due().await.unwrap();
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 1);
    let notice = world.notice("1").await;
    assert_eq!((notice.state, notice.attempts), (NoticeState::Delivered, 2));
    assert!(notice.delivered_at.is_some() && notice.last_error.is_none(), "{notice:?}");
    world.clock.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 0);
    assert_eq!(world.receiver.received().len(), 2);
}

#[tokio::test]
async fn retry_after_is_obeyed_within_reason() {
    let world = World::new().await;
    let asked = [
        ("600", 600),
        ("Thu, 01 Jan 2026 00:10:00 GMT", 600),
        ("99999999", RETRY_AFTER_MAX.as_secs() as i64),
        // Less than what would be waited anyway, and nonsense: the ordinary delay and its jitter.
        ("0", 5),
        ("soon", 5),
    ];
    for (n, (value, seconds)) in asked.into_iter().enumerate() {
        for status in [429, 503] {
            let id = format!("{n}-{status}");
            world.add(&id, "webhook").await;
            world.receiver.answer_with((status, vec![("retry-after", value.into())], ""));
            assert_eq!(world.deliverer.deliver_due().await.unwrap(), 1);
            let notice = world.notice(&id).await;
            let waits = notice.next_attempt_at.unwrap().duration_since(start()).as_secs();
            assert_eq!(waits, seconds, "{value}");
            assert_eq!(notice.state, NoticeState::Pending);
        }
    }
}

#[tokio::test]
async fn answers_that_would_stay_the_same_end_the_attempts() {
    let world = World::new().await;
    let answers = [
        (200, NoticeState::Delivered),
        (204, NoticeState::Delivered),
        (302, NoticeState::Failed),
        (304, NoticeState::Failed),
        (400, NoticeState::Failed),
        (401, NoticeState::Failed),
        (404, NoticeState::Failed),
        (408, NoticeState::Pending),
        (410, NoticeState::Failed),
        (422, NoticeState::Failed),
        (429, NoticeState::Pending),
        (500, NoticeState::Pending),
        (502, NoticeState::Pending),
        (504, NoticeState::Pending),
    ];
    for (status, state) in answers {
        let id = status.to_string();
        world.add(&id, "webhook").await;
        world.receiver.answer(status);
        assert_eq!(world.deliverer.deliver_due().await.unwrap(), 1, "{status}");
        let notice = world.notice(&id).await;
        assert_eq!((notice.state, notice.attempts), (state, 1), "{status}");
        let error = notice.last_error.unwrap_or_default();
        assert_eq!(error.contains(&id), state != NoticeState::Delivered, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_nothing() {
    let world = World::new().await;
    let other = Receiver::start().await;
    for status in [301, 302, 303, 307, 308] {
        let id = status.to_string();
        world.add(&id, "webhook").await;
        world.receiver.answer_with((status, vec![("location", other.url("/stolen"))], ""));
        world.deliverer.deliver_due().await.unwrap();
        assert_eq!(world.notice(&id).await.state, NoticeState::Failed, "{status}");
    }
    assert_eq!(other.received().len(), 0);
}

#[tokio::test]
async fn a_slow_receiver_is_tried_again_and_holds_up_nobody() {
    let world = World::with_timeout(Duration::from_millis(300)).await;
    world.channel("slow", ChannelKind::Webhook, &world.receiver.url("/slow"));
    world.add("1", "slow").await;
    world.add("2", "webhook").await;
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 2);
    let slow = world.notice("1").await;
    assert_eq!(slow.state, NoticeState::Pending);
    assert!(slow.last_error.unwrap().contains("did not answer"));
    assert_eq!(world.notice("2").await.state, NoticeState::Delivered);
}

#[tokio::test]
async fn refused_addresses_are_never_dialled() {
    let world = World::new().await;
    let urls = [
        ("http://169.254.169.254/latest/meta-data/", Reach::Loopback),
        ("http://metadata.example/", Reach::Loopback),
        ("http://[::ffff:169.254.169.254]/", Reach::Loopback),
        (&world.receiver.url("/hook"), Reach::Public),
        (&world.receiver.url("/hook"), Reach::Private),
    ];
    for (n, (url, reach)) in urls.into_iter().enumerate() {
        let id = n.to_string();
        world.channel(&id, ChannelKind::Webhook, url);
        world.change(&id, |target| target.reach = reach);
        world.add(&id, &id).await;
        world.deliverer.deliver_due().await.unwrap();
        let notice = world.notice(&id).await;
        assert_eq!(notice.state, NoticeState::Failed, "{url}: {notice:?}");
    }
    assert_eq!(world.receiver.received().len(), 0);
}

#[tokio::test]
async fn a_target_is_looked_up_for_each_attempt() {
    let world = World::new().await;
    world.add("1", "unresolved").await;
    world.add("2", "gone").await;
    world.deliverer.deliver_due().await.unwrap();
    let unresolved = world.notice("1").await;
    assert_eq!(unresolved.state, NoticeState::Pending);
    assert_eq!(unresolved.last_error.as_deref(), Some("the environment variable X is not set"));
    let gone = world.notice("2").await;
    assert_eq!(gone.state, NoticeState::Failed);
    assert!(gone.last_error.unwrap().contains("does not exist any more"));

    world.channel("moved", ChannelKind::Webhook, "http://closed.example:1/");
    world.add("3", "moved").await;
    world.deliverer.deliver_due().await.unwrap();
    world.channel("moved", ChannelKind::Webhook, &world.receiver.url("/moved"));
    world.clock.set(world.notice("3").await.next_attempt_at.unwrap());
    world.deliverer.deliver_due().await.unwrap();
    assert_eq!(world.notice("3").await.state, NoticeState::Delivered);
}

#[tokio::test]
async fn slack_gets_blocks_and_its_own_error_is_told() {
    let world = World::new().await;
    world.add("1", "slack").await;
    world.deliverer.deliver_due().await.unwrap();
    let message = &world.receiver.received()[0];
    assert!(!message.headers.contains_key("webhook-signature"));
    assert_eq!(message.json()["text"], "crm.contact: a run failed (model_query_failed)");
    for (body, told) in [
        ("no_service", "Slack answered HTTP 404: no_service"),
        ("<html>Not found</html>", "the receiver answered HTTP 404"),
    ] {
        world.add(body, "slack").await;
        world.receiver.answer_with((404, Vec::new(), body));
        world.deliverer.deliver_due().await.unwrap();
        assert_eq!(world.notice(body).await.last_error.as_deref(), Some(told));
    }
}

#[tokio::test]
async fn a_test_of_a_channel_is_answered_at_once_and_leaves_no_notice() {
    let world = World::new().await;
    let tested = world.deliverer.send_test("webhook").await.unwrap();
    assert!(tested.delivered && tested.status == Some(200) && tested.error.is_none(), "{tested:?}");
    let message = &world.receiver.received()[0];
    assert_eq!(message.json()["type"], "test");
    assert_eq!(verify(message, SECRET, start()), Ok(()));
    world.receiver.answer_with((403, Vec::new(), "invalid_token"));
    let tested = world.deliverer.send_test("slack").await.unwrap();
    assert!(!tested.delivered && tested.status == Some(403), "{tested:?}");
    assert_eq!(tested.error.as_deref(), Some("Slack answered HTTP 403: invalid_token"));
    let gone = world.deliverer.send_test("gone").await.unwrap();
    assert!(!gone.delivered && gone.status.is_none(), "{gone:?}");
    assert_eq!(world.deliverer.deliver_due().await.unwrap(), 0);
}

#[tokio::test]
async fn the_loop_delivers_what_it_is_woken_for_and_stops_when_asked() {
    let world = World::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let deliverer = world.deliverer.clone();
    let running = tokio::spawn(async move { deliverer.run(async { drop(stopped.await) }).await });
    for n in 0..40 {
        world.add(&n.to_string(), "webhook").await;
    }
    world.deliverer.wake();
    let all_arrived = async {
        while world.receiver.received().len() < 40 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_arrived).await.expect("all notices arrive");
    stop.send(()).unwrap();
    running.await.unwrap();
    let mut ids: Vec<_> =
        world.receiver.received().iter().map(|m| m.header("webhook-id").to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), world.receiver.received().len()), (40, 40));
}
