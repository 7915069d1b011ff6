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
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 6145045886372933772, NULL, 2, 2, 1795314409070594, 1795314409577130, 1795314409577130, '1bc049809bae4cc6');
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
INSERT INTO "runs" VALUES ('default', 'run_01a20113de71760988f277a1797e57d8', 'sync_01a20113de6e74bdafb53ef2fe4da136', 'sync', 'cli', 'completed', 1, 1, 0, '579bd1cfdd984d6ea27ba6f6784d14e2', 1795314409073593, '{"v":1,"record":{"id":"run_01a20113de71760988f277a1797e57d8","sync_id":"shop.item","sync_uid":"sync_01a20113de6e74bdafb53ef2fe4da136","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"579bd1cfdd984d6ea27ba6f6784d14e2","retry_of":null,"created_at":"2026-11-22T02:26:49.073593Z","started_at":"2026-11-22T02:26:49.077447Z","completed_at":"2026-11-22T02:26:49.261631Z","epoch":1,"base_generation":0,"rows_processed":16,"rows_created":15,"rows_updated":0,"rows_skipped":0,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.0015646149999999999,"change_detection":0.058011773,"destination_writes":0.07545519,"finalization":0.025901321,"waiting":0.003854},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:49.094008Z","ended_at":"2026-11-22T02:26:49.109637Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:49.109637Z","ended_at":"2026-11-22T02:26:49.153593Z"},{"phase":"writing","started_at":"2026-11-22T02:26:49.153593Z","ended_at":"2026-11-22T02:26:49.234528Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:49.234528Z","ended_at":"2026-11-22T02:26:49.261631Z"}],"performance":{"bytes_read":96344,"bytes_written":149341,"peak_memory_bytes":100960,"retries":0,"api_calls":1,"api_call_seconds":0.002175665},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 16 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"16 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:49.093995Z","halted_sync":false,"notices":[]}}');
INSERT INTO "runs" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', 'sync_01a20113de6e74bdafb53ef2fe4da136', 'sync', 'cli', 'completed', 1, 2, 1, 'b41258f332e44f6ea42a045ccbebe8a0', 1795314409365517, '{"v":1,"record":{"id":"run_01a20113df95737bacc4b7b5623f1952","sync_id":"shop.item","sync_uid":"sync_01a20113de6e74bdafb53ef2fe4da136","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"b41258f332e44f6ea42a045ccbebe8a0","retry_of":null,"created_at":"2026-11-22T02:26:49.365517Z","started_at":"2026-11-22T02:26:49.36731Z","completed_at":"2026-11-22T02:26:49.57713Z","epoch":2,"base_generation":1,"rows_processed":17,"rows_created":2,"rows_updated":2,"rows_skipped":12,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0,"skipped":{"unchanged":12},"durations":{"query":0.004121457,"change_detection":0.039434036,"destination_writes":0.107343993,"finalization":0.043561751,"waiting":0.001793},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:49.373854Z","ended_at":"2026-11-22T02:26:49.38612Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:49.38612Z","ended_at":"2026-11-22T02:26:49.417426Z"},{"phase":"writing","started_at":"2026-11-22T02:26:49.417426Z","ended_at":"2026-11-22T02:26:49.530698Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:49.530698Z","ended_at":"2026-11-22T02:26:49.57713Z"}],"performance":{"bytes_read":96344,"bytes_written":458178,"peak_memory_bytes":101724,"retries":0,"api_calls":2,"api_call_seconds":0.001109716},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 17 rows; 15 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"1 removal planned, 0 in the last 24 hours, of 15 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 1 removal planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"3 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"2 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"17 rows read; the median of 1 complete read before is 16 (limit: a drop of 50%)","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:49.373845Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113de71760988f277a1797e57d8', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113de71760988f277a1797e57d8', '{"v":1,"record":{"run_id":"run_01a20113de71760988f277a1797e57d8","digest":"07fc74dc767836636d9a4d0bfddb2b19","created_at":"2026-11-22T02:26:49.093995Z","file":{"path":"runs/run_01a20113de71760988f277a1797e57d8/plan-36176d26a4228222.arrow","bytes":18498,"checksum":"dc960b127a0bc7d7da0b513992eabb22"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"1bc049809bae4cc6","base_generation":0,"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
INSERT INTO "plans" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', '{"v":1,"record":{"run_id":"run_01a20113df95737bacc4b7b5623f1952","digest":"4aa9cb4e9f34323c69129ec9067b93b9","created_at":"2026-11-22T02:26:49.373845Z","file":{"path":"runs/run_01a20113df95737bacc4b7b5623f1952/plan-0b5821320824d6d5.arrow","bytes":23450,"checksum":"e4974a93dcf2d8e7cf68be27759620ef"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":17,"rows_created":3,"rows_updated":2,"rows_skipped":12,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0},"skipped":{"unchanged":12},"config_hash":"1bc049809bae4cc6","base_generation":1,"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113de71760988f277a1797e57d8', 'runs/run_01a20113de71760988f277a1797e57d8/plan-36176d26a4228222.arrow');
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', 'runs/run_01a20113df95737bacc4b7b5623f1952/plan-0b5821320824d6d5.arrow');
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
INSERT INTO "chunks" VALUES ('default', 'run_01a20113de71760988f277a1797e57d8', 0, 16, 'settled', 1, 'runs/run_01a20113de71760988f277a1797e57d8/outcomes-00000-8e35a3f065d0d1c6.parquet', 2748, 'c334d80cb7d009d498c52e192a731bcd');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', 0, 1, 'settled', 1, 'runs/run_01a20113df95737bacc4b7b5623f1952/outcomes-00000-e5628b7329bc938f.parquet', 2225, '8a0c7dbb60f00154cb62ec0a2c0abcef');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113df95737bacc4b7b5623f1952', 1, 5, 'settled', 1, 'runs/run_01a20113df95737bacc4b7b5623f1952/outcomes-00001-e4a7e65f3fb046dd.parquet', 2703, 'bc26994eabc4fc6c45ab531a9c1d3022');
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "row_errors" VALUES (1, 'default', 'run_01a20113de71760988f277a1797e57d8', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the table''s check ''name <> ''poison'''' does not hold","field":"name","raw_value":"poison","removal":false}}');
INSERT INTO "row_errors" VALUES (2, 'default', 'run_01a20113df95737bacc4b7b5623f1952', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the table''s check ''name <> ''poison'''' does not hold","field":"name","raw_value":"poison","removal":false}}');
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
INSERT INTO "letters" VALUES ('default', 'dl_82ed7e2c41a421f1f4ef625c0c7557e0', 'sync_01a20113de6e74bdafb53ef2fe4da136', X'028000000000000007', '7', 'run_01a20113df95737bacc4b7b5623f1952', 'open', 'check_violation', '4506aee5b9db70f5', 1795314409545262, '{"v":1,"record":{"id":"dl_82ed7e2c41a421f1f4ef625c0c7557e0","sync_uid":"sync_01a20113de6e74bdafb53ef2fe4da136","sync_id":"shop.item","entity":"item","key":[2,128,0,0,0,0,0,0,7],"row_id":"7","run_id":"run_01a20113df95737bacc4b7b5623f1952","correlation_id":"b41258f332e44f6ea42a045ccbebe8a0","state":"open","stage":"execute","code":"check_violation","message":"the table''s check ''name <> ''poison'''' does not hold","field":"name","raw_value":"poison","fingerprint":"4506aee5b9db70f5","source_row":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.25","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"1 mon 7 days","doc":{"a":[7,null,1.5]},"tags":["b 7"]},"payload":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.25","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"1 mon 7 days","doc":{"a":[7,null,1.5]},"tags":["b 7"]},"mapping_version":"7efa3c931e307ea8","op":"create","attempts":2,"first_seen_at":"2026-11-22T02:26:49.241789Z","last_seen_at":"2026-11-22T02:26:49.545262Z","flags":[]}}');
CREATE TABLE generations (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
INSERT INTO "generations" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 1, '{"v":1,"record":{"sync_uid":"sync_01a20113de6e74bdafb53ef2fe4da136","number":1,"run_id":"run_01a20113de71760988f277a1797e57d8","created_at":"2026-11-22T02:26:49.236118Z","segments":[{"path":"snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-9353551e3325b1e2.seg","bytes":2680,"checksum":"588e661d040ffa660148e248299440f7"}],"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":15,"edited":0,"foreign":0,"pending":1,"removed":0},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
INSERT INTO "generations" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 2, '{"v":1,"record":{"sync_uid":"sync_01a20113de6e74bdafb53ef2fe4da136","number":2,"run_id":"run_01a20113df95737bacc4b7b5623f1952","created_at":"2026-11-22T02:26:49.53449Z","segments":[{"path":"snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-9353551e3325b1e2.seg","bytes":2680,"checksum":"588e661d040ffa660148e248299440f7"},{"path":"snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-eefd7a9e3872439a.seg","bytes":1155,"checksum":"d441561da31c6ce062cff9490b788b67"}],"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":16,"edited":0,"foreign":0,"pending":1,"removed":1},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 1, 'snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-9353551e3325b1e2.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 2, 'snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-9353551e3325b1e2.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113de6e74bdafb53ef2fe4da136', 2, 'snapshots/sync_01a20113de6e74bdafb53ef2fe4da136/segment-eefd7a9e3872439a.seg');
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
