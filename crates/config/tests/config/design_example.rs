//! The project that the documentation shows: it must load exactly as it stands.

use std::time::Duration;

use syncline_config::{Channel, NotificationEvent};
use syncline_core::sync::{FieldWrite, Limit, ModelQuery, Nulls, OnRemoved, Publish, When, WriteMode};

use crate::fixture::{Folder, id};

const PROJECT: &str = r#"# syncline.yaml
connections:
  warehouse: { type: postgres, url: "${env:WAREHOUSE_URL}" }
  crm:       { type: postgres, url: "${env:CRM_URL}", max_concurrent_runs: 2 }
notifications:
  - { channel: slack, url: "${env:SLACK_URL}", events: [failed, halted, held, recovered], error_rate: 1%, consecutive_failures: 3 }
"#;

const INSTANCE: &str = r#"# syncs/crm.yaml
instance: crm
source: warehouse
target: crm
entities:
  contact:
    active: true                   # only on first sight; afterwards activation is state, not configuration
    model: { sql: "select * from customers where not internal", key: id, cursor: updated_at }
    to: { object: contact, match: external_id }
    write_mode: mirror             # insert | update | upsert (default) | mirror | append | two_way
    full_read: { every: 24h }      # mirror with a cursor finds deletes by a complete read of the keys this often
    exclude: email like '%@example.com'
    mapping:                       # none = all columns by name
      external_id: id
      email: lower(trim(email))
      name: concat_ws(' ', first_name, last_name)
      tier: case when mrr > 1000 then 'gold' else 'standard' end
      phone: { value: phone, write: if_empty, nulls: skip }
    schedule: { every: 15m }       # or { cron: "0 * * * *", timezone: Europe/Berlin, jitter: 30s, overlap: queue_one } or { after: crm.company }
    guards: { max_deletes: 10% }   # an explicit value replaces the whole default
    halt: { failed_rows: 5%, consecutive_failures: 3 }
"#;

#[test]
fn the_documented_example_loads_as_it_stands() {
    let folder = Folder::new().file("syncline.yaml", PROJECT).file("syncs/crm.yaml", INSTANCE);
    let project = folder.project();
    assert!(project.warnings.is_empty(), "{:?}", project.warnings);

    let crm = &project.connections["crm"];
    assert_eq!((crm.type_name.as_str(), crm.max_concurrent_runs), ("postgres", Some(2)));
    assert_eq!(crm.options["url"], "${env:CRM_URL}");
    assert_eq!(crm.options.len(), 1);

    let notice = &project.notifications[0];
    assert_eq!(notice.channel, Channel::Slack);
    assert_eq!(notice.error_rate, Some(1.0));
    assert_eq!(notice.consecutive_failures, Some(3));
    use NotificationEvent::*;
    assert_eq!(notice.events, [Failed, Halted, Held, Recovered]);

    let sync = project.sync(&id("crm.contact")).unwrap();
    assert!(sync.active);
    assert_eq!((sync.source.as_str(), sync.target.as_str()), ("warehouse", "crm"));
    assert_eq!(
        sync.model.query,
        ModelQuery::Sql {
            sql: "select * from customers where not internal".into(),
            origin: "syncs/crm.yaml:8".into()
        }
    );
    assert_eq!(sync.model.key, ["id"]);
    assert_eq!(sync.model.cursor.as_deref(), Some("updated_at"));
    assert_eq!(sync.to.object, "contact");
    assert_eq!(sync.to.match_fields, ["external_id"]);
    assert_eq!(sync.write_mode, WriteMode::Mirror);
    assert_eq!(sync.on_removed, OnRemoved::Delete);
    assert_eq!(sync.full_read_every, Duration::from_secs(86_400));
    assert_eq!(sync.exclude.as_deref(), Some("email like '%@example.com'"));
    assert_eq!(sync.publish, Publish::Atomic);
    assert_eq!(sync.schedule.as_ref().unwrap().when, When::Every(Duration::from_secs(900)));
    assert_eq!(sync.guards.max_deletes, Some(Limit::Percent(10.0)));
    assert_eq!(sync.guards.max_source_drop, Some(Limit::Percent(50.0)));
    assert_eq!(sync.halt.failed_rows, Some(Limit::Percent(5.0)));
    assert_eq!(sync.halt.consecutive_failures, Some(3));
    let fields: Vec<_> = sync.mapping.iter().map(|f| (f.field.as_str(), f.value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("external_id", "id"),
            ("email", "lower(trim(email))"),
            ("name", "concat_ws(' ', first_name, last_name)"),
            ("tier", "case when mrr > 1000 then 'gold' else 'standard' end"),
            ("phone", "phone"),
        ]
    );
    assert_eq!((sync.mapping[4].write, sync.mapping[4].nulls), (FieldWrite::IfEmpty, Nulls::Skip));

    let place = |path| project.place(&sync.id, path).unwrap().to_string();
    assert_eq!(place(""), "syncs/crm.yaml:6");
    assert_eq!(place("mapping.email"), "syncs/crm.yaml:15");
    assert_eq!(place("guards.max_deletes"), "syncs/crm.yaml:20");
    assert_eq!(project.place(&sync.id, "mapping.nothing"), None);
}

#[test]
fn the_other_schedules_of_the_example_load_too() {
    let cron = r#"{ cron: "0 * * * *", timezone: Europe/Berlin, jitter: 30s, overlap: queue_one }"#;
    let sync = Folder::with_entity(&format!("    schedule: {cron}")).sync();
    let schedule = sync.schedule.unwrap();
    assert_eq!(
        schedule.when,
        When::Cron { expression: "0 * * * *".into(), timezone: "Europe/Berlin".into() }
    );
    assert_eq!(schedule.jitter, Duration::from_secs(30));
}
