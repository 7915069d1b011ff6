//! What a destination says of itself and of its objects.

use std::collections::HashSet;

use syncline_core::sync::{Publish, WriteMode};
use syncline_core::{ErrorKind, Op, RunId};

use super::super::DestinationFixture;
use super::super::source::{assert_no_secret, shown};
use super::super::table;
use super::super::values::types;
use super::target::Target;
use crate::OpenRequest;

const FIELDS: &[(&str, &str)] = &[("id", "int64"), ("name", "text")];

/// Limits are in order, nothing is claimed twice, and there is a default way of publishing.
pub async fn the_spec_is_consistent(fixture: &dyn DestinationFixture) {
    let spec = fixture.spec();
    assert!(1 <= spec.batch_size && spec.batch_size <= spec.batch_size_max, "batch sizes are in order");
    assert!(!spec.publish.is_empty(), "there is a default way of publishing");
    assert!(!spec.write_modes.is_empty(), "there is a write mode");
    assert_eq!(spec.write_modes.iter().collect::<HashSet<_>>().len(), spec.write_modes.len());
    for (i, kind) in spec.on_removed.iter().enumerate() {
        assert!(!spec.on_removed[..i].contains(kind), "{kind:?} is claimed twice");
    }
    let mirrors = spec.write_modes.contains(&WriteMode::Mirror);
    assert!(!mirrors || !spec.on_removed.is_empty(), "a mirror removes in some way");
}

/// "What a destination cannot do is refused; nothing is silently ignored."
pub async fn what_is_not_in_the_spec_is_refused(fixture: &dyn DestinationFixture) {
    let (spec, target) = (fixture.spec(), Target::new(fixture, FIELDS, 1).await);
    for mode in WriteMode::ALL.into_iter().filter(|mode| !spec.write_modes.contains(mode)) {
        let error = target.refused(target.request(mode)).await;
        assert_eq!(error.kind, ErrorKind::DestinationUnsuitable, "{mode:?}: {error}");
    }
    for publish in [Publish::Atomic, Publish::Progressive] {
        if !spec.publish.contains(&publish) {
            let error = target.refused(OpenRequest { publish, ..target.upsert() }).await;
            assert_eq!(error.kind, ErrorKind::DestinationUnsuitable, "{publish:?}: {error}");
        }
    }
}

/// "Describes an object, or `None` when it does not exist."
pub async fn a_missing_object_is_told(fixture: &dyn DestinationFixture) {
    let (destination, object) = (fixture.destination(), fixture.new_object());
    let schema = table::schema(&table::columns(FIELDS));
    let plan = destination.creation_plan(&object, &schema, &["id".to_string()]);
    assert!(!plan.unwrap_or_else(|e| panic!("planning a creation failed: {e}")).is_empty());
    let described = destination.describe(&object).await;
    let described = described.unwrap_or_else(|e| panic!("describing a missing object failed: {e}"));
    match described {
        Some(description) => {
            assert!(description.open_schema, "an object that does not exist is None, or takes any fields")
        }
        None => {
            let target = Target::new(fixture, FIELDS, 1).await;
            let mut request = target.upsert();
            request.target.object = object;
            let error = target.refused(request).await;
            assert_eq!(error.kind, ErrorKind::DestinationUnsuitable, "a missing object: {error}");
        }
    }
}

/// "Creates the object", "with a unique key on `match_fields`".
pub async fn a_created_object_has_the_wanted_fields_and_key(fixture: &dyn DestinationFixture) {
    let mut columns = table::columns(&[("id", "int64"), ("code", "text")]);
    columns.extend(types().into_iter().enumerate().map(|(i, ty)| (format!("v{i}"), ty)));
    let target = Target::with(fixture, columns, 2).await;
    let description = target.describe().await;
    assert_eq!(description.not_writable, None, "an object just made can be written");
    assert!(!description.identity.is_empty() && !description.incarnation.is_empty());
    if description.open_schema {
        assert!(description.fields.is_empty(), "fields are empty with an open schema");
        return;
    }
    let names: Vec<&str> = description.fields.iter().map(|f| f.name.as_str()).collect();
    let wanted: Vec<&str> = target.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, wanted, "the fields in their order");
    for (field, (name, ty)) in description.fields.iter().zip(&target.columns) {
        assert_eq!(field.ty, fixture.stored_type(ty), "'{name}', made for {ty}");
        assert!(!field.read_only && field.max_chars.is_none(), "'{name}' takes whatever its type holds");
        assert!(!field.native_type.is_empty(), "'{name}' has the system's own type");
        assert_eq!(field.nullable, !target.match_fields.contains(name), "'{name}' takes NULL");
    }
    let key: HashSet<&String> = target.match_fields.iter().collect();
    let found = description.unique_keys.iter().any(|k| k.iter().collect::<HashSet<_>>() == key);
    assert!(found, "{key:?} is unique, but the unique keys are {:?}", description.unique_keys);
}

/// The incarnation "changes when the object is dropped and recreated …; stays the same otherwise".
pub async fn the_incarnation_survives_our_writes_and_not_a_new_object(fixture: &dyn DestinationFixture) {
    let mut target = Target::new(fixture, FIELDS, 1).await;
    let identity = target.describe().await.identity;
    let write = async |target: &Target<'_>, epoch: u64| {
        let run_id = RunId::from_stored(format!("run_{epoch}"));
        let request = OpenRequest { run_id, epoch, ..target.upsert() };
        let line = format!("{epoch}|x");
        target.write(request, &target.chunk(0, Op::Create, &[&line])).await;
        let description = target.describe().await;
        assert_eq!(description.identity, identity, "an object keeps its identity");
        description.incarnation
    };
    let first = write(&target, 1).await;
    for epoch in 2..5 {
        assert_eq!(write(&target, epoch).await, first, "our own writes keep the incarnation");
    }
    let mut seen = vec![first];
    for epoch in [5, 7] {
        fixture.remove(&target.object).await;
        target.make().await;
        let made = target.describe().await.incarnation;
        assert!(!seen.contains(&made), "an object made anew is another: {made} in {seen:?}");
        let written = write(&target, epoch).await;
        assert!(!seen.contains(&written), "an object made anew and written is another: {written}");
        assert_eq!(write(&target, epoch + 1).await, written, "our own writes keep the incarnation");
        seen.push(written);
    }
}

/// Nothing that people see holds a secret.
pub async fn names_and_messages_of_a_destination_hold_no_secrets(fixture: &dyn DestinationFixture) {
    let (secrets, target) = (fixture.secrets(), Target::new(fixture, FIELDS, 1).await);
    let line = target.destination.check().await.unwrap_or_else(|e| panic!("checking failed: {e}"));
    assert!(!line.is_empty() && !line.contains('\n'), "a check answers one line: {line:?}");
    assert_no_secret(&secrets, &line);
    let description = target.describe().await;
    assert_no_secret(&secrets, &description.identity);
    assert_no_secret(&secrets, &description.incarnation);
    let _newer = target.open(OpenRequest { epoch: 9, ..target.upsert() }).await;
    let error = target.refused(target.upsert()).await;
    assert_no_secret(&secrets, &shown(&error));
}
