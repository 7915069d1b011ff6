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
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 976717907711732207, NULL, 1, 2, 1795314405787540, 1795314406581548, 1795314406581548, '1bc049809bae4cc6');
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
INSERT INTO "runs" VALUES ('default', 'run_01a20113d1a172ab8e6b6b9d1c833541', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', 'sync', 'cli', 'completed', 1, 1, 0, '255fec0b81e74584ba12b722b4fd6705', 1795314405793245, '{"v":1,"record":{"id":"run_01a20113d1a172ab8e6b6b9d1c833541","sync_id":"shop.item","sync_uid":"sync_01a20113d19b72ec94eb53b6ee3ac2af","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"255fec0b81e74584ba12b722b4fd6705","retry_of":null,"created_at":"2026-11-22T02:26:45.793245Z","started_at":"2026-11-22T02:26:45.801672Z","completed_at":"2026-11-22T02:26:46.581548Z","epoch":1,"base_generation":0,"rows_processed":24,"rows_created":23,"rows_updated":0,"rows_skipped":0,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.16828466399999997,"change_detection":0.22169399500000003,"destination_writes":0.223303329,"finalization":0.044227165,"waiting":0.008427},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:45.811562Z","ended_at":"2026-11-22T02:26:46.159928Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:46.159928Z","ended_at":"2026-11-22T02:26:46.20155Z"},{"phase":"writing","started_at":"2026-11-22T02:26:46.20155Z","ended_at":"2026-11-22T02:26:46.524092Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:46.524092Z","ended_at":"2026-11-22T02:26:46.581548Z"}],"performance":{"bytes_read":9072,"bytes_written":176898,"peak_memory_bytes":13688,"retries":0,"api_calls":1,"api_call_seconds":0.038323409},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 24 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"24 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:45.811551Z","halted_sync":false,"notices":[]}}');
INSERT INTO "runs" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', 'sync', 'cli', 'held', 1, 2, 1, '6c93498811174cdf82ca8b02e3d1c90d', 1795314406614842, '{"v":1,"record":{"id":"run_01a20113d4d67568b2c729e1d7ba3599","sync_id":"shop.item","sync_uid":"sync_01a20113d19b72ec94eb53b6ee3ac2af","type":"sync","trigger":"cli","status":"held","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"6c93498811174cdf82ca8b02e3d1c90d","retry_of":null,"created_at":"2026-11-22T02:26:46.614842Z","started_at":"2026-11-22T02:26:46.617533Z","completed_at":null,"epoch":2,"base_generation":1,"rows_processed":13,"rows_created":3,"rows_updated":2,"rows_skipped":8,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":13,"rows_delete_failed":0,"skipped":{"unchanged":8},"durations":{"query":0.16020462700000004,"change_detection":0.22747039599999996,"destination_writes":0.0,"finalization":0.0,"waiting":0.002691},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:46.629771Z","ended_at":"2026-11-22T02:26:46.984494Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:46.984494Z","ended_at":"2026-11-22T02:26:47.017463Z"}],"performance":{"bytes_read":5536,"bytes_written":0,"peak_memory_bytes":11116,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[{"guard":"max_deletes","tripped":true,"message":"13 removals planned, 0 in the last 24 hours, of 23 delivered records (limit 10, and 10% or 1,000)","sample":["21","17","24","16","12"]},{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 13 rows; 23 records delivered before","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 13 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"3 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"2 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"13 rows read; the median of 1 complete read before is 24 (limit: a drop of 50%)","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:46.629763Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113d1a172ab8e6b6b9d1c833541', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113d1a172ab8e6b6b9d1c833541', '{"v":1,"record":{"run_id":"run_01a20113d1a172ab8e6b6b9d1c833541","digest":"9495fa3418178f2a054e0bad5d49ce79","created_at":"2026-11-22T02:26:45.811551Z","file":{"path":"runs/run_01a20113d1a172ab8e6b6b9d1c833541/plan-2201060acaca6e14.arrow","bytes":20778,"checksum":"8f138f4da5302d751a35a58c16c6da15"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":24,"rows_created":24,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"1bc049809bae4cc6","base_generation":0,"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":16.666666666666668,"doc":16.666666666666668,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149833332719333566,"match_fields":1}}}');
INSERT INTO "plans" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', '{"v":1,"record":{"run_id":"run_01a20113d4d67568b2c729e1d7ba3599","digest":"cc21cbebf7704aded55f810f7362d434","created_at":"2026-11-22T02:26:46.629763Z","file":{"path":"runs/run_01a20113d4d67568b2c729e1d7ba3599/plan-e896585f712e6757.arrow","bytes":25922,"checksum":"7eac1adac8ef6917476bf1b085f553dd"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":13,"rows_created":3,"rows_updated":2,"rows_skipped":8,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":13,"rows_delete_failed":0},"skipped":{"unchanged":8},"config_hash":"1bc049809bae4cc6","base_generation":1,"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":23.076923076923077,"doc":23.076923076923077,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149833332719333566,"match_fields":1}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113d1a172ab8e6b6b9d1c833541', 'runs/run_01a20113d1a172ab8e6b6b9d1c833541/plan-2201060acaca6e14.arrow');
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', 'runs/run_01a20113d4d67568b2c729e1d7ba3599/plan-e896585f712e6757.arrow');
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
INSERT INTO "chunks" VALUES ('default', 'run_01a20113d1a172ab8e6b6b9d1c833541', 0, 24, 'settled', 1, 'runs/run_01a20113d1a172ab8e6b6b9d1c833541/outcomes-00000-cf8cdcc9f7d296a7.parquet', 2829, '59324bde890969b7a3c15dd9bcfa8357');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', 0, 13, 'planned', 0, NULL, NULL, NULL);
INSERT INTO "chunks" VALUES ('default', 'run_01a20113d4d67568b2c729e1d7ba3599', 1, 5, 'planned', 0, NULL, NULL, NULL);
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "row_errors" VALUES (1, 'default', 'run_01a20113d1a172ab8e6b6b9d1c833541', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the value is refused by check constraint ''copy_name_check''","field":"name","raw_value":"poison","removal":false}}');
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
INSERT INTO "letters" VALUES ('default', 'dl_6915d3cfb2c67dcc625ad319c8f888a4', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', X'028000000000000007', '7', 'run_01a20113d1a172ab8e6b6b9d1c833541', 'open', 'check_violation', '4506aee5b9db70f5', 1795314406557330, '{"v":1,"record":{"id":"dl_6915d3cfb2c67dcc625ad319c8f888a4","sync_uid":"sync_01a20113d19b72ec94eb53b6ee3ac2af","sync_id":"shop.item","entity":"item","key":[2,128,0,0,0,0,0,0,7],"row_id":"7","run_id":"run_01a20113d1a172ab8e6b6b9d1c833541","correlation_id":"255fec0b81e74584ba12b722b4fd6705","state":"open","stage":"execute","code":"check_violation","message":"the value is refused by check constraint ''copy_name_check''","field":"name","raw_value":"poison","fingerprint":"4506aee5b9db70f5","source_row":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.2500","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"P1M7DT0S","doc":{"a":[7,null,1.5]},"tags":["a","b 7",""]},"payload":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.2500","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"P1M7DT0S","doc":{"a":[7,null,1.5]},"tags":["a","b 7",""]},"mapping_version":"7efabcf02ec3b0be","op":"create","attempts":1,"first_seen_at":"2026-11-22T02:26:46.55733Z","last_seen_at":"2026-11-22T02:26:46.55733Z","flags":[]}}');
CREATE TABLE generations (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
INSERT INTO "generations" VALUES ('default', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', 1, '{"v":1,"record":{"sync_uid":"sync_01a20113d19b72ec94eb53b6ee3ac2af","number":1,"run_id":"run_01a20113d1a172ab8e6b6b9d1c833541","created_at":"2026-11-22T02:26:46.541543Z","segments":[{"path":"snapshots/sync_01a20113d19b72ec94eb53b6ee3ac2af/segment-010f1b990e7ea195.seg","bytes":4142,"checksum":"e6b1a1e6a029eb88c2237ca9934fec20"}],"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":23,"edited":0,"foreign":0,"pending":1,"removed":0},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":16.666666666666668,"doc":16.666666666666668,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113d19b72ec94eb53b6ee3ac2af', 1, 'snapshots/sync_01a20113d19b72ec94eb53b6ee3ac2af/segment-010f1b990e7ea195.seg');
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
