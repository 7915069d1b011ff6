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
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113e1d071cc8df15e026b50809f', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 521509111915143970, NULL, 1, 2, 1795314409936718, 1795314410220776, 1795314410220776, '60b47bc38ff92000');
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
INSERT INTO "runs" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', 'sync_01a20113e1d071cc8df15e026b50809f', 'sync', 'cli', 'completed', 1, 1, 0, '764074b2e85b4de8b5cc0d46b2285b70', 1795314409938310, '{"v":1,"record":{"id":"run_01a20113e1d2741e954f11b7a61a62da","sync_id":"shop.item","sync_uid":"sync_01a20113e1d071cc8df15e026b50809f","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"764074b2e85b4de8b5cc0d46b2285b70","retry_of":null,"created_at":"2026-11-22T02:26:49.93831Z","started_at":"2026-11-22T02:26:49.941716Z","completed_at":"2026-11-22T02:26:50.220776Z","epoch":1,"base_generation":0,"rows_processed":16,"rows_created":15,"rows_updated":0,"rows_skipped":0,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.00181038,"change_detection":0.080878108,"destination_writes":0.152689354,"finalization":0.027528619,"waiting":0.003406},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:49.944453Z","ended_at":"2026-11-22T02:26:49.994608Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:49.994608Z","ended_at":"2026-11-22T02:26:50.027147Z"},{"phase":"writing","started_at":"2026-11-22T02:26:50.027147Z","ended_at":"2026-11-22T02:26:50.183543Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:50.183543Z","ended_at":"2026-11-22T02:26:50.220776Z"}],"performance":{"bytes_read":96344,"bytes_written":297270,"peak_memory_bytes":100960,"retries":0,"api_calls":2,"api_call_seconds":0.006540606},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 16 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"16 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"60b47bc38ff92000","planned_at":"2026-11-22T02:26:49.94445Z","halted_sync":false,"notices":[]}}');
INSERT INTO "runs" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', 'sync_01a20113e1d071cc8df15e026b50809f', 'sync', 'cli', 'running', 1, 2, 1, '74e67bda1660415c9d04ba3f414f7701', 1795314410323615, '{"v":1,"record":{"id":"run_01a20113e353755ba952bb2b99d4cc35","sync_id":"shop.item","sync_uid":"sync_01a20113e1d071cc8df15e026b50809f","type":"sync","trigger":"cli","status":"running","phase":"writing","options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"74e67bda1660415c9d04ba3f414f7701","retry_of":null,"created_at":"2026-11-22T02:26:50.323615Z","started_at":"2026-11-22T02:26:50.345663Z","completed_at":null,"epoch":2,"base_generation":1,"rows_processed":17,"rows_created":3,"rows_updated":12,"rows_skipped":2,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0,"skipped":{"unchanged":2},"durations":{"query":0.003583474,"change_detection":0.087963117,"destination_writes":0.0,"finalization":0.0,"waiting":0.022048},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:50.353909Z","ended_at":"2026-11-22T02:26:50.407645Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:50.407645Z","ended_at":"2026-11-22T02:26:50.445474Z"},{"phase":"writing","started_at":"2026-11-22T02:26:50.445474Z","ended_at":null}],"performance":{"bytes_read":96344,"bytes_written":0,"peak_memory_bytes":101724,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 17 rows; 15 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"1 removal planned, 0 in the last 24 hours, of 15 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 1 removal planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"3 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"12 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"17 rows read; the median of 1 complete read before is 16 (limit: a drop of 50%)","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"60b47bc38ff92000","planned_at":"2026-11-22T02:26:50.353901Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"progressive","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":9,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"progressive","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":9,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', '{"v":1,"record":{"run_id":"run_01a20113e1d2741e954f11b7a61a62da","digest":"9f60b7e0067caf048c5990bf235eab87","created_at":"2026-11-22T02:26:49.94445Z","file":{"path":"runs/run_01a20113e1d2741e954f11b7a61a62da/plan-d7175a1f9f426a8a.arrow","bytes":24026,"checksum":"656035392f480a5998c586240c1ac4b7"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"60b47bc38ff92000","base_generation":0,"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
INSERT INTO "plans" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', '{"v":1,"record":{"run_id":"run_01a20113e353755ba952bb2b99d4cc35","digest":"025988902bfd99b2818cbc0e4d12e6b6","created_at":"2026-11-22T02:26:50.353901Z","file":{"path":"runs/run_01a20113e353755ba952bb2b99d4cc35/plan-3e169b3be1840e94.arrow","bytes":33458,"checksum":"d76e81c013066806cb3943101b5fe4e9"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":17,"rows_created":3,"rows_updated":12,"rows_skipped":2,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0},"skipped":{"unchanged":2},"config_hash":"60b47bc38ff92000","base_generation":1,"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149692195520937640,"match_fields":1}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', 'runs/run_01a20113e1d2741e954f11b7a61a62da/plan-d7175a1f9f426a8a.arrow');
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', 'runs/run_01a20113e353755ba952bb2b99d4cc35/plan-3e169b3be1840e94.arrow');
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
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', 0, 9, 'settled', 1, 'runs/run_01a20113e1d2741e954f11b7a61a62da/outcomes-00000-2405a2ce6a1d2a5e.parquet', 2706, '6897521131cb77e1434e2ce8bf188902');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e1d2741e954f11b7a61a62da', 1, 7, 'settled', 1, 'runs/run_01a20113e1d2741e954f11b7a61a62da/outcomes-00001-4beaace54cb9abdc.parquet', 2259, '65210ac98712a17c6a5c83b36bc80a2f');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', 0, 1, 'settled', 1, 'runs/run_01a20113e353755ba952bb2b99d4cc35/outcomes-00000-c6c3dd5bd2b3ad8b.parquet', 2225, '8a0c7dbb60f00154cb62ec0a2c0abcef');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', 1, 9, 'sending', 1, NULL, NULL, NULL);
INSERT INTO "chunks" VALUES ('default', 'run_01a20113e353755ba952bb2b99d4cc35', 2, 6, 'planned', 0, NULL, NULL, NULL);
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "row_errors" VALUES (1, 'default', 'run_01a20113e1d2741e954f11b7a61a62da', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the table''s check ''name <> ''poison'''' does not hold","field":"name","raw_value":"poison","removal":false}}');
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
INSERT INTO "letters" VALUES ('default', 'dl_df560c90c5593a1ae720164a62e741f8', 'sync_01a20113e1d071cc8df15e026b50809f', X'028000000000000007', '7', 'run_01a20113e1d2741e954f11b7a61a62da', 'open', 'check_violation', '4506aee5b9db70f5', 1795314410205446, '{"v":1,"record":{"id":"dl_df560c90c5593a1ae720164a62e741f8","sync_uid":"sync_01a20113e1d071cc8df15e026b50809f","sync_id":"shop.item","entity":"item","key":[2,128,0,0,0,0,0,0,7],"row_id":"7","run_id":"run_01a20113e1d2741e954f11b7a61a62da","correlation_id":"764074b2e85b4de8b5cc0d46b2285b70","state":"open","stage":"execute","code":"check_violation","message":"the table''s check ''name <> ''poison'''' does not hold","field":"name","raw_value":"poison","fingerprint":"4506aee5b9db70f5","source_row":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.25","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"1 mon 7 days","doc":{"a":[7,null,1.5]},"tags":["b 7"]},"payload":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.25","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"1 mon 7 days","doc":{"a":[7,null,1.5]},"tags":["b 7"]},"mapping_version":"7efa3c931e307ea8","op":"create","attempts":1,"first_seen_at":"2026-11-22T02:26:50.205446Z","last_seen_at":"2026-11-22T02:26:50.205446Z","flags":[]}}');
CREATE TABLE generations (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
INSERT INTO "generations" VALUES ('default', 'sync_01a20113e1d071cc8df15e026b50809f', 1, '{"v":1,"record":{"sync_uid":"sync_01a20113e1d071cc8df15e026b50809f","number":1,"run_id":"run_01a20113e1d2741e954f11b7a61a62da","created_at":"2026-11-22T02:26:50.193902Z","segments":[{"path":"snapshots/sync_01a20113e1d071cc8df15e026b50809f/segment-21c55c02c2256321.seg","bytes":2679,"checksum":"c909879e3bc44ba93be1e319a2366876"}],"source_identity":"sqlite:{folder}/source.db","target_identity":"sqlite:{folder}/target.db:copy","target_incarnation":"{file}-856008eba344f03e","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric","ratio":"float64","raw":"bytes","small":"int64","span":"text","tags":"json","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":15,"edited":0,"foreign":0,"pending":1,"removed":0},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113e1d071cc8df15e026b50809f', 1, 'snapshots/sync_01a20113e1d071cc8df15e026b50809f/segment-21c55c02c2256321.seg');
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
