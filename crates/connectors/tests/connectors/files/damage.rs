//! Files that are absent, cut off, damaged or changed meanwhile: an error, never a short read.

use std::fs;

use futures::StreamExt;
use serde_json::json;
use syncline_connector::{ReadFilter, ReadRequest};
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, Op};

use super::fixture::{Home, batch, chunk, contacts, deliver, model, request};

#[tokio::test]
async fn what_is_absent_or_empty_is_never_an_empty_read() {
    let home = Home::new();
    home.put("empty.csv", "");
    home.put("open.csv", "id\n\"1\n");
    home.put("cut.jsonl", "{\"id\":1}\n{\"id\":");
    home.put("no.parquet", "PAR1");
    for pattern in ["none*.csv", "empty.csv", "open.csv", "cut.jsonl", "no.parquet", "../data/empty.csv"] {
        let e = home.read(&model(pattern, &[])).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::ModelQueryFailed, "{pattern}: {}", e.message);
    }
    fs::remove_dir_all(home.path("")).unwrap();
    let gone = home.read(&model("empty.csv", &[])).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::SourceUnreachable, "the folder may be a mount");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_a_source_failure() {
    let home = Home::new();
    for name in ["t.csv", "t.jsonl"] {
        let line = |i: u32| if name == "t.csv" { format!("{i}\n") } else { format!("{{\"id\":{i}}}\n") };
        let head = if name == "t.csv" { "id\n" } else { "" };
        home.put(name, head.to_string() + &(0..100_000).map(line).collect::<String>());
        let request = ReadRequest {
            model: model(name, &[]),
            columns: None,
            filter: ReadFilter::All,
            order_by: vec![],
            identify: None,
        };
        let mut stream = home.source.read(request).await.unwrap();
        stream.next().await.unwrap().unwrap();
        // Batches are read two ahead, so the reader is still far from the end.
        let grown = home.text(name) + &line(7);
        home.put(name, grown);
        let mut last = None;
        while let Some(item) = stream.next().await {
            last = Some(item);
        }
        let e = last.unwrap().unwrap_err();
        assert_eq!(e.kind, ErrorKind::SourceUnreachable, "{}", e.message);
        assert!(e.message.contains("changed while it was read"));
    }
}

/// Reads a cut file: an error, or exactly the rows before a record boundary.
async fn whole_or_error(home: &Home, name: &str, bytes: &[u8], boundaries: &[usize]) {
    for end in 0..bytes.len() {
        home.put(name, &bytes[..end]);
        match home.read(&model(name, &[])).await {
            Err(e) => assert_eq!(e.kind, ErrorKind::ModelQueryFailed, "{end}: {}", e.message),
            Ok(read) => {
                assert!(boundaries.contains(&end), "{name} cut at {end} was read as {:?}", read.texts());
                assert!(read.unreadable.is_empty() && read.invalid.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_file_cut_at_any_byte_is_never_a_short_read_except_between_records() {
    let home = Home::new();
    let csv = "id,name\r\n1,\"a\nb\"\r\n22,hello\r\n";
    // After CR and after LF the record is complete.
    whole_or_error(&home, "t.csv", csv.as_bytes(), &[8, 9, 17, 18, 27]).await;
    let jsonl = "{\"id\":1}\n{\"id\":22,\"n\":\"x\"}\n";
    whole_or_error(&home, "t.jsonl", jsonl.as_bytes(), &[0, 8, 9, 26]).await;
    let rows = contacts(&[("1", Some("a")), ("2", None), ("3", Some(""))]);
    deliver(&home, request("t.parquet", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    let bytes = fs::read(home.path("t.parquet")).unwrap();
    whole_or_error(&home, "cut.parquet", &bytes, &[]).await;
}

#[tokio::test]
async fn a_missing_final_line_break_is_read_only_when_the_connection_says_so() {
    let home = Home::with(json!({"final_newline": "optional"}));
    home.put("c.csv", "id\n1\n2");
    assert_eq!(home.read(&model("c.csv", &[])).await.unwrap().rows.num_rows(), 2);
    home.put("c.csv", "id,n\n1,1\n2");
    assert!(home.read(&model("c.csv", &[])).await.is_err(), "the last record is cut off anyway");
}

#[tokio::test]
async fn a_damaged_parquet_file_is_a_typed_error_at_any_byte() {
    let home = Home::new();
    let rows = batch(
        &[("id", "int64"), ("name", "text"), ("tags", "text[]"), ("at", "timestamptz")],
        &[
            &[Some("1"), Some("a"), Some("[\"x\",null]"), Some("2025-01-31T00:00:00Z")],
            &[Some("2"), None, None, None],
        ],
    );
    let req = request("t.parquet", WriteMode::Upsert, &rows, "run_1");
    deliver(&home, req, &chunk(0, Op::Create, &rows)).await.unwrap();
    let whole = fs::read(home.path("t.parquet")).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= [0x01, 0x80, 0xff][at % 3];
        home.put("t.parquet", &damaged);
        if let Err(e) = home.read(&model("t.parquet", &[])).await {
            let typed = [ErrorKind::ModelQueryFailed, ErrorKind::UnsupportedType];
            assert!(typed.contains(&e.kind), "byte {at}: {:?} {}", e.kind, e.message);
        }
    }
}
