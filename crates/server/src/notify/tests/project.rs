//! Channels that are written in the files of a project.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use syncline_config::{NotificationEvent, Project, SecretSource, load};
use syncline_connector::Registry;
use syncline_core::ErrorKind;
use syncline_http::Reach;

use crate::notify::{Channel, ChannelKind, Event, Target};

const PROJECT: &str = r#"
notifications:
  - { channel: slack, url: "${env:SLACK_URL}" }
  - name: on-call
    channel: webhook
    url: "https://${env:HOST}/hook"
    secret: "${env:NEW}"
    previous_secret: "${env:OLD}"
    reach: private
    events: [completed]
    error_rate: 2.5%
    consecutive_failures: 3
"#;

struct Variables(BTreeMap<&'static str, &'static str>);

impl SecretSource for Variables {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).map(ToString::to_string)
    }

    fn file(&self, _path: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn project() -> Project {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("syncline.yaml"), PROJECT).unwrap();
    load(folder.path(), None, &Registry::default()).unwrap()
}

#[test]
fn channels_want_what_the_files_say() {
    let [slack, on_call] = &Channel::of_project(&project())[..] else { panic!("two channels") };
    assert_eq!((slack.id.as_str(), slack.kind), ("project:slack", ChannelKind::Slack));
    assert_eq!((on_call.id.as_str(), on_call.kind), ("project:on-call", ChannelKind::Webhook));
    assert_eq!(on_call.events, [NotificationEvent::Completed]);
    let wanted = |channel: &Channel| Event::ALL.into_iter().filter(|e| channel.wants(*e)).collect::<Vec<_>>();
    use Event::*;
    assert_eq!(wanted(slack), [Failed, Held, Halted, Recovered, Test]);
    assert_eq!(wanted(on_call), [Completed, HighErrorRate, ConsecutiveFailures, Test]);
    assert_eq!((on_call.error_rate, on_call.consecutive_failures), (Some(2.5), Some(3)));
}

#[test]
fn targets_are_resolved_when_they_are_needed() {
    let project = project();
    let mut variables = Variables([("HOST", "receiver.internal"), ("NEW", "whsec_new")].into());
    let target = |variables: &Variables, id| Target::of_project(&project, id, variables);
    let error = target(&variables, "project:on-call").unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);
    assert!(error.message.contains("OLD") && !error.message.contains("whsec_new"), "{error}");
    variables.0.insert("OLD", "whsec_old");
    let found = target(&variables, "project:on-call").unwrap().unwrap();
    assert_eq!((found.kind, found.reach), (ChannelKind::Webhook, Reach::Private));
    assert_eq!(found.url, "https://receiver.internal/hook");
    assert_eq!(found.secrets, ["whsec_new", "whsec_old"]);
    for unknown in ["project:nobody", "on-call", "", "project:"] {
        assert!(target(&variables, unknown).unwrap().is_none(), "{unknown}");
    }
}
