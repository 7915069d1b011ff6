PRAGMA application_id = 1398361667;
PRAGMA user_version = 1;
CREATE TABLE syncs (
    workspace_id      TEXT    NOT NULL,
    uid               TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    -- The 64 bits of the seed, read as a signed number.
    seed              INTEGER NOT NULL,
    cursor            TEXT,
    -- Number of the newest generation; 0: none.
    generation        INTEGER NOT NULL,
    -- The last epoch given to a run of this sync.
    epoch             INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    last_full_read_at INTEGER,
    config_hash       TEXT,
    PRIMARY KEY (workspace_id, uid)
) STRICT;
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113db5275dbbace4823886895c8', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 8935097643135938466, NULL, 0, 1, 1795314408275027, 1795314408275027, NULL, NULL);
CREATE TABLE runs (
    workspace_id    TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    sync_uid        TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    triggered_by    TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    writes          INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    base_generation INTEGER,
    correlation_id  TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    record          TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
INSERT INTO "runs" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', 'sync_01a20113db5275dbbace4823886895c8', 'sync', 'cli', 'running', 1, 1, 0, '42f63dd2c7ff43bb8591dd85ab86ce4b', 1795314408275946, '{"v":1,"record":{"id":"run_01a20113db5376688abbc14c4a4f6c60","sync_id":"shop.item","sync_uid":"sync_01a20113db5275dbbace4823886895c8","type":"sync","trigger":"cli","status":"running","phase":"writing","options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"42f63dd2c7ff43bb8591dd85ab86ce4b","retry_of":null,"created_at":"2026-11-22T02:26:48.275946Z","started_at":"2026-11-22T02:26:48.285477Z","completed_at":null,"epoch":1,"base_generation":0,"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.119568235,"change_detection":0.15581214699999998,"destination_writes":0.0,"finalization":0.0,"waiting":0.009531},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:48.294104Z","ended_at":"2026-11-22T02:26:48.537029Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:48.537029Z","ended_at":"2026-11-22T02:26:48.569495Z"},{"phase":"writing","started_at":"2026-11-22T02:26:48.569495Z","ended_at":null}],"performance":{"bytes_read":6192,"bytes_written":0,"peak_memory_bytes":10808,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 16 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"16 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"702c39d7bc2b0afb","planned_at":"2026-11-22T02:26:48.294094Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":"changed","timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":[]},"write_mode":"append","on_removed":"ignore","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"progressive","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":9,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', '{"v":1,"record":{"run_id":"run_01a20113db5376688abbc14c4a4f6c60","digest":"a2576cbedbef76e22260d766c9ff1488","created_at":"2026-11-22T02:26:48.294094Z","file":{"path":"runs/run_01a20113db5376688abbc14c4a4f6c60/plan-28c48730f1e6f5a9.arrow","bytes":24514,"checksum":"44d91b5182c50c55b391f19f7c345ee2"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"702c39d7bc2b0afb","base_generation":0,"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":{"kind":"timestamp","value":{"micros":1709288160000000,"zoned":true}},"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149833332719333566,"match_fields":0}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', 'runs/run_01a20113db5376688abbc14c4a4f6c60/plan-28c48730f1e6f5a9.arrow');
CREATE TABLE chunks (
    workspace_id      TEXT    NOT NULL,
    run_id            TEXT    NOT NULL,
    number            INTEGER NOT NULL,
    rows              INTEGER NOT NULL,
    state             TEXT    NOT NULL,
    attempt           INTEGER NOT NULL,
    outcomes_path     TEXT,
    outcomes_bytes    INTEGER,
    outcomes_checksum TEXT,
    PRIMARY KEY (workspace_id, run_id, number),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "chunks" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', 0, 9, 'sending', 1, 'runs/run_01a20113db5376688abbc14c4a4f6c60/outcomes-00000-24c316783eb548a9.parquet', 2266, '847e202325efcae59fb05bfc5d881660');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113db5376688abbc14c4a4f6c60', 1, 7, 'planned', 0, NULL, NULL, NULL);
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE TABLE staged_letters (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    key          BLOB NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, key),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE TABLE letters (
    workspace_id TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    key          BLOB    NOT NULL,
    row_id       TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    last_seen_at INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
CREATE TABLE generations (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TABLE cursor_history (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
CREATE UNIQUE INDEX syncs_by_id ON syncs (workspace_id, id);
CREATE UNIQUE INDEX runs_one_writer ON runs (workspace_id, sync_uid)
    WHERE writes = 1 AND status IN ('starting', 'running');
CREATE INDEX runs_newest ON runs
    (workspace_id, created_at DESC, id DESC, status, type, triggered_by, sync_uid);
CREATE INDEX runs_of_sync ON runs
    (workspace_id, sync_uid, created_at DESC, id DESC, status, type, triggered_by);
CREATE INDEX runs_by_status ON runs
    (workspace_id, status, created_at DESC, id DESC, type, triggered_by);
CREATE INDEX runs_by_correlation ON runs (workspace_id, correlation_id, created_at DESC, id DESC);
CREATE INDEX row_errors_of_run ON row_errors (workspace_id, run_id, sequence);
CREATE UNIQUE INDEX letters_one_live ON letters (workspace_id, sync_uid, key)
    WHERE state IN ('open', 'replaying', 'ignored');
CREATE INDEX letters_newest ON letters (workspace_id, last_seen_at DESC, id DESC, state, code);
CREATE INDEX letters_of_sync ON letters
    (workspace_id, sync_uid, last_seen_at DESC, id DESC, state, code, fingerprint);
CREATE INDEX letters_by_fingerprint ON letters
    (workspace_id, fingerprint, last_seen_at DESC, id DESC, state, code, sync_uid);
CREATE INDEX letters_of_run ON letters (workspace_id, run_id, last_seen_at DESC, id DESC);
CREATE INDEX letters_of_row ON letters (workspace_id, row_id, last_seen_at DESC, id DESC);
CREATE INDEX cursor_history_of_sync ON cursor_history (workspace_id, sync_uid, sequence DESC);
