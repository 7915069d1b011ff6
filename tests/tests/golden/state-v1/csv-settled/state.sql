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
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 1759477911456129950, NULL, 2, 2, 1795314410703086, 1795314411181518, 1795314411181518, 'acbd892299b6d454');
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
INSERT INTO "runs" VALUES ('default', 'run_01a20113e4cf7271a8eec76841a0008d', 'sync_01a20113e4ce7405b737a4466e9bc716', 'sync', 'cli', 'completed', 1, 1, 0, '0d983c7b169d4a4ab3a176f4f6756895', 1795314410703957, '{"v":1,"record":{"id":"run_01a20113e4cf7271a8eec76841a0008d","sync_id":"shop.item","sync_uid":"sync_01a20113e4ce7405b737a4466e9bc716","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"0d983c7b169d4a4ab3a176f4f6756895","retry_of":null,"created_at":"2026-11-22T02:26:50.703957Z","started_at":"2026-11-22T02:26:50.704983Z","completed_at":"2026-11-22T02:26:50.909599Z","epoch":1,"base_generation":0,"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.001772503,"change_detection":0.039349579999999995,"destination_writes":0.088640838,"finalization":0.06482146,"waiting":0.001026},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:50.709317Z","ended_at":"2026-11-22T02:26:50.719165Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:50.719165Z","ended_at":"2026-11-22T02:26:50.750447Z"},{"phase":"writing","started_at":"2026-11-22T02:26:50.750447Z","ended_at":"2026-11-22T02:26:50.842564Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:50.842564Z","ended_at":"2026-11-22T02:26:50.909599Z"}],"performance":{"bytes_read":96344,"bytes_written":149344,"peak_memory_bytes":100960,"retries":0,"api_calls":1,"api_call_seconds":0.000497161},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 16 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"16 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"acbd892299b6d454","planned_at":"2026-11-22T02:26:50.709313Z","halted_sync":false,"notices":[]}}');
INSERT INTO "runs" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', 'sync_01a20113e4ce7405b737a4466e9bc716', 'sync', 'cli', 'completed', 1, 2, 1, '2821e259aa7d4c35b9ae182fe8751c78', 1795314411025476, '{"v":1,"record":{"id":"run_01a20113e61170e3a07bed2f40397b29","sync_id":"shop.item","sync_uid":"sync_01a20113e4ce7405b737a4466e9bc716","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"2821e259aa7d4c35b9ae182fe8751c78","retry_of":null,"created_at":"2026-11-22T02:26:51.025476Z","started_at":"2026-11-22T02:26:51.034003Z","completed_at":"2026-11-22T02:26:51.181518Z","epoch":2,"base_generation":1,"rows_processed":17,"rows_created":2,"rows_updated":2,"rows_skipped":13,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0,"skipped":{"unchanged":13},"durations":{"query":0.001815506,"change_detection":0.037697738,"destination_writes":0.058107777,"finalization":0.019291593,"waiting":0.008527},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:51.05001Z","ended_at":"2026-11-22T02:26:51.058964Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:51.058964Z","ended_at":"2026-11-22T02:26:51.089539Z"},{"phase":"writing","started_at":"2026-11-22T02:26:51.089539Z","ended_at":"2026-11-22T02:26:51.156351Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:51.156351Z","ended_at":"2026-11-22T02:26:51.181518Z"}],"performance":{"bytes_read":96344,"bytes_written":462836,"peak_memory_bytes":101724,"retries":0,"api_calls":2,"api_call_seconds":0.001141853},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 17 rows; 16 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"1 removal planned, 0 in the last 24 hours, of 16 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 1 removal planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"2 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"2 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"17 rows read; the median of 1 complete read before is 16 (limit: a drop of 50%)","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"acbd892299b6d454","planned_at":"2026-11-22T02:26:51.050003Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113e4cf7271a8eec76841a0008d', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy.csv","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy.csv","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113e4cf7271a8eec76841a0008d', '{"v":1,"record":{"run_id":"run_01a20113e4cf7271a8eec76841a0008d","digest":"5955d8851ba6d8a1b2e4bd16a5ae8445","created_at":"2026-11-22T02:26:50.709313Z","file":{"path":"runs/run_01a20113e4cf7271a8eec76841a0008d/plan-0d965e56f54818eb.arrow","bytes":18498,"checksum":"df124810c2ec19a3e316b85bd935948b"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"acbd892299b6d454","base_generation":0,"source_identity":"sqlite:{folder}/source.db","target_identity":"{folder}/out/copy.csv","target_incarnation":"none","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
INSERT INTO "plans" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', '{"v":1,"record":{"run_id":"run_01a20113e61170e3a07bed2f40397b29","digest":"228005bdb7a2e5591db47b567a46c25b","created_at":"2026-11-22T02:26:51.050003Z","file":{"path":"runs/run_01a20113e61170e3a07bed2f40397b29/plan-793c6314a6466501.arrow","bytes":23322,"checksum":"ecc278d6889864db1f8eac1f808d92fe"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":17,"rows_created":2,"rows_updated":2,"rows_skipped":13,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0},"skipped":{"unchanged":13},"config_hash":"acbd892299b6d454","base_generation":1,"source_identity":"sqlite:{folder}/source.db","target_identity":"{folder}/out/copy.csv","target_incarnation":"run_01a20113e4cf7271a8eec76841a0008d","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113e4cf7271a8eec76841a0008d', 'runs/run_01a20113e4cf7271a8eec76841a0008d/plan-0d965e56f54818eb.arrow');
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', 'runs/run_01a20113e61170e3a07bed2f40397b29/plan-793c6314a6466501.arrow');
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
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e4cf7271a8eec76841a0008d', 0, 16, 'settled', 1, 'runs/run_01a20113e4cf7271a8eec76841a0008d/outcomes-00000-958015030e25f21a.parquet', 2304, 'de7823619f8128012c63e7550709c2a3');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', 0, 1, 'settled', 1, 'runs/run_01a20113e61170e3a07bed2f40397b29/outcomes-00000-b9f55454c5fa4ae4.parquet', 2225, '8a0c7dbb60f00154cb62ec0a2c0abcef');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e61170e3a07bed2f40397b29', 1, 4, 'settled', 1, 'runs/run_01a20113e61170e3a07bed2f40397b29/outcomes-00001-945bd28857232efb.parquet', 2264, '9b310a30e7aa7d5c68e9ed1eb40e2673');
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
INSERT INTO "generations" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 1, '{"v":1,"record":{"sync_uid":"sync_01a20113e4ce7405b737a4466e9bc716","number":1,"run_id":"run_01a20113e4cf7271a8eec76841a0008d","created_at":"2026-11-22T02:26:50.845623Z","segments":[{"path":"snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-c69fee28a1445f33.seg","bytes":2775,"checksum":"2df633704c492620e0d102542bd4b47b"}],"source_identity":"sqlite:{folder}/source.db","target_identity":"{folder}/out/copy.csv","target_incarnation":"run_01a20113e4cf7271a8eec76841a0008d","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":16,"edited":0,"foreign":0,"pending":0,"removed":0},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
INSERT INTO "generations" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 2, '{"v":1,"record":{"sync_uid":"sync_01a20113e4ce7405b737a4466e9bc716","number":2,"run_id":"run_01a20113e61170e3a07bed2f40397b29","created_at":"2026-11-22T02:26:51.162822Z","segments":[{"path":"snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-c69fee28a1445f33.seg","bytes":2775,"checksum":"2df633704c492620e0d102542bd4b47b"},{"path":"snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-3c47d81df3d8b938.seg","bytes":1111,"checksum":"e569ac0e25ee1ee1d4830e67c3104428"}],"source_identity":"sqlite:{folder}/source.db","target_identity":"{folder}/out/copy.csv","target_incarnation":"run_01a20113e4cf7271a8eec76841a0008d","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":17,"edited":0,"foreign":0,"pending":0,"removed":1},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 1, 'snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-c69fee28a1445f33.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 2, 'snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-3c47d81df3d8b938.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113e4ce7405b737a4466e9bc716', 2, 'snapshots/sync_01a20113e4ce7405b737a4466e9bc716/segment-c69fee28a1445f33.seg');
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
