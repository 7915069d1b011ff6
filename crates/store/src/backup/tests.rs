//! Backups of older schemas, which no program of today can make.

use super::*;
use crate::{SqliteStore, Store};

const SYNC: &str = "INSERT INTO syncs
    (workspace_id, uid, id, state, seed, cursor, generation, epoch, created_at, updated_at)
    VALUES ('default', 'sync_1', 'crm.contact', '{\"v\":1,\"record\":{\"state\":\"inactive\"}}', 7, NULL, 0, 3, 5, 5)";

#[tokio::test]
async fn a_backup_of_an_older_schema_is_brought_to_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    archive::create_folder(&scratch).unwrap();
    let old = SqliteStore::open_at(&folder.path().join("old"), 1).unwrap();
    let to = scratch.clone();
    let (tables, files) = old
        .write(move |tx| {
            tx.execute(SYNC, &[])?;
            tables::dump(tx, &to)
        })
        .await
        .unwrap();
    let manifest = Manifest {
        format: manifest::FORMAT.into(),
        format_version: 1,
        schema_version: 1,
        program_version: "0.1.0".into(),
        incarnation: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        tables,
        files,
    };
    let path = folder.path().join("backup.tar.zst");
    let store = FileStore::new(folder.path().join("new"));
    write(&manifest, &scratch, &store, &path).unwrap();

    let new = SqliteStore::open(&folder.path().join("new")).unwrap();
    restore(&path, &new, &store, false, &scratch, Timestamp::now()).await.unwrap();
    let syncs = new.syncs().await.unwrap();
    assert_eq!(syncs.len(), 1);
    assert_eq!((syncs[0].id.to_string().as_str(), syncs[0].seed), ("crm.contact", 7));
    let activity = new.read(|tx| tx.first_text("SELECT activity FROM syncs", &[])).await.unwrap();
    assert_eq!(activity.as_deref(), Some("inactive"), "the migration's own step was done");
}

#[tokio::test]
async fn every_table_of_the_schema_is_in_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let dump = store.dump(folder.path()).await.unwrap();
    let there = store
        .read(|tx| tx.texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &[]))
        .await
        .unwrap();
    let mut dumped: Vec<_> = dump.tables.iter().map(|table| table.name.clone()).collect();
    dumped.sort();
    assert_eq!(dumped, there);
}
