//! Write modes, removals, field rules, changed match values and rows that cannot be written.

use std::sync::Arc;

use arrow::array::RecordBatch;
use syncline_connector::Chunk;
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};
use syncline_core::{ErrorKind, Op, RowResult};

use super::fixture::{FORMATS, Home, batch, chunk, contacts, current, deliver, model, names, request, row};

#[tokio::test]
async fn write_modes_say_what_they_did() {
    for object in FORMATS {
        let home = Home::new();
        let first = contacts(&[("1", Some("a")), ("2", Some("b"))]);
        let results = deliver(
            &home,
            request(object, WriteMode::Insert, &first, "run_1"),
            &chunk(0, Op::Create, &first),
        )
        .await;
        assert_eq!(names(&results.unwrap()), ["created", "created"]);
        let second = contacts(&[("2", Some("B")), ("3", None)]);
        for (mode, expected, names_after) in [
            (WriteMode::Insert, ["exists", "created"], vec![Some("a"), Some("b"), None]),
            (WriteMode::Update, ["updated", "updated"], vec![Some("a"), Some("B"), None]),
            (WriteMode::Upsert, ["updated", "updated"], vec![Some("a"), Some("B"), None]),
        ] {
            let run = format!("run_{mode:?}");
            let results =
                deliver(&home, request(object, mode, &second, &run), &chunk(0, Op::Update, &second))
                    .await
                    .unwrap();
            assert_eq!(names(&results), expected, "{object} {mode:?}");
            let now: Vec<Option<String>> =
                current(&home, object).await.into_iter().map(|r| r[1].clone()).collect();
            assert_eq!(now, row(&names_after), "{object} {mode:?}");
        }
        let unknown = contacts(&[("9", Some("z"))]);
        let results = deliver(
            &home,
            request(object, WriteMode::Update, &unknown, "run_u"),
            &chunk(0, Op::Update, &unknown),
        )
        .await;
        assert_eq!(names(&results.unwrap()), ["absent"]);
        let gone = contacts(&[("1", None), ("8", None)]);
        let remove = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
        let results =
            deliver(&home, request(object, WriteMode::Mirror, &gone, "run_d"), &remove).await.unwrap();
        assert_eq!(names(&results), ["removed", "removed"]);
        assert_eq!(current(&home, object).await, [row(&[Some("2"), Some("B")]), row(&[Some("3"), None])]);
    }
}

#[tokio::test]
async fn removals_can_clear_or_flag() {
    for object in FORMATS {
        let home = Home::new();
        let rows = contacts(&[("1", Some("a")), ("2", Some("b"))]);
        let mut req = request(object, WriteMode::Mirror, &rows, "run_1");
        req.flag = Some(("gone".into(), "true".into()));
        deliver(&home, req.clone(), &chunk(0, Op::Create, &rows)).await.unwrap();
        let payload = contacts(&[("1", None), ("2", None)]);
        let mut removal = chunk(1, Op::Remove(RemovalAction::Clear), &payload);
        removal.ops[1] = Op::Remove(RemovalAction::Flag);
        deliver(&home, req, &removal).await.unwrap();
        let read =
            home.read(&model(object, &[("id", "int64"), ("name", "text"), ("gone", "bool")])).await.unwrap();
        let expected = [row(&[Some("1"), None, None]), row(&[Some("2"), Some("b"), Some("true")])];
        assert_eq!(read.texts(), expected, "{object}");
    }
}

#[tokio::test]
async fn a_flag_of_now_is_the_time_of_the_write() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    let mut req = request("t.csv", WriteMode::Mirror, &rows, "run_1");
    req.flag = Some(("gone_at".into(), "now".into()));
    deliver(&home, req.clone(), &chunk(0, Op::Create, &rows)).await.unwrap();
    deliver(&home, req.clone(), &chunk(1, Op::Remove(RemovalAction::Flag), &rows)).await.unwrap();
    let read = home.read(&model("t.csv", &[("gone_at", "timestamptz")])).await.unwrap();
    assert!(read.invalid.is_empty());
    let at: jiff::Timestamp = read.texts()[0][2].clone().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now() - at).total(jiff::Unit::Second).unwrap().abs() < 60.0);
    req.flag = Some(("id".into(), "soon".into()));
    let e = home.destination.open(req).await.err().unwrap();
    assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{}", e.message);
}

#[tokio::test]
async fn field_rules_protect_what_is_there() {
    const FIELDS: [(&str, &str); 4] = [("id", "int64"), ("once", "text"), ("fill", "text"), ("keep", "text")];
    for object in FORMATS {
        let home = Home::new();
        let first = batch(
            &FIELDS,
            &[
                &[Some("1"), Some("a"), Some("a"), Some("a")],
                &[Some("2"), None, None, None],
                &[Some("3"), Some(""), Some(""), Some("")],
            ],
        );
        let mut req = request(object, WriteMode::Upsert, &first, "run_1");
        req.rules[1].write = FieldWrite::CreateOnly;
        req.rules[2].write = FieldWrite::IfEmpty;
        req.rules[3].nulls = Nulls::Skip;
        deliver(&home, req.clone(), &chunk(0, Op::Create, &first)).await.unwrap();
        let second = batch(
            &FIELDS,
            &[
                &[Some("1"), Some("b"), Some("b"), None],
                &[Some("2"), Some("b"), Some("b"), Some("b")],
                &[Some("3"), Some("b"), Some("b"), None],
            ],
        );
        deliver(&home, req, &chunk(1, Op::Update, &second)).await.unwrap();
        let expected = [
            row(&[Some("1"), Some("a"), Some("a"), Some("a")]),
            row(&[Some("2"), None, Some("b"), Some("b")]),
            row(&[Some("3"), Some(""), Some("b"), Some("")]),
        ];
        assert_eq!(home.read(&model(object, &FIELDS)).await.unwrap().texts(), expected, "{object}");
    }
}

#[tokio::test]
async fn records_may_take_each_others_match_values() {
    for object in FORMATS {
        let home = Home::new();
        let first = contacts(&[("1", Some("a")), ("2", Some("b")), ("3", Some("c")), ("4", Some("d"))]);
        deliver(&home, request(object, WriteMode::Upsert, &first, "run_1"), &chunk(0, Op::Create, &first))
            .await
            .unwrap();
        // 1 and 2 swap, 3 becomes 5, a new 3 appears, and 4 wants the value 1, which is taken again.
        let payload = contacts(&[("2", Some("a")), ("1", Some("b")), ("5", Some("c")), ("3", Some("new"))]);
        let old = batch(&[("id", "int64")], &[&[Some("1")], &[Some("2")], &[Some("3")], &[None]]);
        let moves = Chunk { old_match: Some(old), ..chunk(0, Op::Update, &payload) };
        let mut session =
            home.destination.open(request(object, WriteMode::Upsert, &payload, "run_2")).await.unwrap();
        assert_eq!(
            names(&session.write(&moves).await.unwrap()),
            ["updated", "updated", "updated", "created"]
        );
        let payload = contacts(&[("1", Some("d"))]);
        let old = batch(&[("id", "int64")], &[&[Some("4")]]);
        let taken = Chunk { old_match: Some(old), ..chunk(1, Op::Update, &payload) };
        assert_eq!(names(&session.write(&taken).await.unwrap()), ["rejected"]);
        session.commit().await.unwrap();
        let expected = [("2", "a"), ("1", "b"), ("5", "c"), ("4", "d"), ("3", "new")];
        let expected: Vec<_> = expected.iter().map(|(id, name)| row(&[Some(id), Some(name)])).collect();
        assert_eq!(current(&home, object).await, expected, "{object}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_written_are_rejected_and_the_others_arrive() {
    let home = Home::new();
    let columns = [("id", "int64"), ("doc", "json")];
    let good = batch(&columns, &[&[Some("1"), Some("{}")], &[None, Some("{}")], &[Some("3"), Some("[]")]]);
    // Canonical json is valid; a source that lies must not spoil the file.
    let docs = arrow::array::StringArray::from(vec!["{}", "{}", "{"]);
    let payload = RecordBatch::try_new(good.schema(), vec![good.column(0).clone(), Arc::new(docs)]).unwrap();
    let results = deliver(
        &home,
        request("t.jsonl", WriteMode::Upsert, &payload, "run_1"),
        &chunk(0, Op::Create, &payload),
    )
    .await
    .unwrap();
    assert_eq!(names(&results), ["created", "rejected", "rejected"]);
    let fields: Vec<Option<&str>> = results
        .iter()
        .map(|r| if let RowResult::Rejected(e) = r { e.field.as_deref() } else { None })
        .collect();
    assert_eq!(fields, [None, Some("id"), Some("doc")]);
    assert_eq!(home.text("t.jsonl"), "{\"id\":1,\"doc\":{}}\n");
}
