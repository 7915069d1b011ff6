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
INSERT INTO "syncs" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 'shop.item', '{"v":1,"record":{"state":"inactive"}}', 269987782236670358, NULL, 2, 2, 1795314402951631, 1795314404313796, 1795314404313796, '1bc049809bae4cc6');
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
INSERT INTO "runs" VALUES ('default', 'run_01a20113c68d70e5b374c19e1e84b66d', 'sync_01a20113c6877024a9067338ae202199', 'sync', 'cli', 'completed', 1, 1, 0, 'cb9b3bf51f10403aa7df4ad4925b0ad4', 1795314402957460, '{"v":1,"record":{"id":"run_01a20113c68d70e5b374c19e1e84b66d","sync_id":"shop.item","sync_uid":"sync_01a20113c6877024a9067338ae202199","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"cb9b3bf51f10403aa7df4ad4925b0ad4","retry_of":null,"created_at":"2026-11-22T02:26:42.95746Z","started_at":"2026-11-22T02:26:42.961372Z","completed_at":"2026-11-22T02:26:43.525622Z","epoch":1,"base_generation":0,"rows_processed":16,"rows_created":15,"rows_updated":0,"rows_skipped":0,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.13741157899999998,"change_detection":0.12239289700000003,"destination_writes":0.155510573,"finalization":0.040199657,"waiting":0.003912},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:42.96954Z","ended_at":"2026-11-22T02:26:43.19354Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:43.19354Z","ended_at":"2026-11-22T02:26:43.229351Z"},{"phase":"writing","started_at":"2026-11-22T02:26:43.229351Z","ended_at":"2026-11-22T02:26:43.476602Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:43.476602Z","ended_at":"2026-11-22T02:26:43.525622Z"}],"performance":{"bytes_read":6192,"bytes_written":152265,"peak_memory_bytes":10808,"retries":0,"api_calls":1,"api_call_seconds":0.017551708},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 16 rows; 0 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"0 removals planned, 0 in the last 24 hours, of 0 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 0 removals planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"16 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"0 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"no earlier complete read to compare with","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:42.969535Z","halted_sync":false,"notices":[]}}');
INSERT INTO "runs" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', 'sync_01a20113c6877024a9067338ae202199', 'sync', 'cli', 'completed', 1, 2, 1, '3f9c5f3e4fc04b618a336ace0075428e', 1795314403579753, '{"v":1,"record":{"id":"run_01a20113c8fb7399bd2a374e24456651","sync_id":"shop.item","sync_uid":"sync_01a20113c6877024a9067338ae202199","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"3f9c5f3e4fc04b618a336ace0075428e","retry_of":null,"created_at":"2026-11-22T02:26:43.579753Z","started_at":"2026-11-22T02:26:43.593513Z","completed_at":"2026-11-22T02:26:44.313796Z","epoch":2,"base_generation":1,"rows_processed":17,"rows_created":2,"rows_updated":2,"rows_skipped":12,"rows_failed":1,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0,"skipped":{"unchanged":12},"durations":{"query":0.138231731,"change_detection":0.213139245,"destination_writes":0.208324614,"finalization":0.03235051,"waiting":0.01376},"timeline":[{"phase":"extracting","started_at":"2026-11-22T02:26:43.601996Z","ended_at":"2026-11-22T02:26:43.923637Z"},{"phase":"detecting_changes","started_at":"2026-11-22T02:26:43.923637Z","ended_at":"2026-11-22T02:26:43.953382Z"},{"phase":"writing","started_at":"2026-11-22T02:26:43.953382Z","ended_at":"2026-11-22T02:26:44.271647Z"},{"phase":"finalizing","started_at":"2026-11-22T02:26:44.271647Z","ended_at":"2026-11-22T02:26:44.313796Z"}],"performance":{"bytes_read":7760,"bytes_written":469715,"peak_memory_bytes":13140,"retries":0,"api_calls":2,"api_call_seconds":0.031400884},"guards":[{"guard":"target_changed","tripped":false,"message":"the target is the one delivered to before","sample":[]},{"guard":"empty_model","tripped":false,"message":"the model returned 17 rows; 15 records delivered before","sample":[]},{"guard":"max_deletes","tripped":false,"message":"1 removal planned, 0 in the last 24 hours, of 15 delivered records (limit 10, and 10% or 1,000)","sample":[]},{"guard":"unkeyed_rows","tripped":false,"message":"0 rows without a usable key (0 in the last complete read), 1 removal planned","sample":[]},{"guard":"max_creates","tripped":false,"message":"3 creates (no limit)","sample":[]},{"guard":"max_updates","tripped":false,"message":"2 updates (no limit)","sample":[]},{"guard":"max_source_drop","tripped":false,"message":"17 rows read; the median of 1 complete read before is 16 (limit: a drop of 50%)","sample":[]},{"guard":"max_invalid","tripped":false,"message":"0 invalid rows (no limit)","sample":[]}],"error":null,"partially_written":false,"complete_read":true,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"1bc049809bae4cc6","planned_at":"2026-11-22T02:26:43.601989Z","halted_sync":false,"notices":[]}}');
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113c68d70e5b374c19e1e84b66d', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
INSERT INTO "run_configs" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', '{"id":"shop.item","renamed_from":null,"active":false,"tags":[],"source":"from","target":"into","model":{"query":{"table":"item"},"key":["id"],"cursor":null,"timeout":{"secs":3600,"nanos":0}},"to":{"object":"copy","match_fields":["id"]},"write_mode":"mirror","on_removed":"delete","on_match_change":"fail","mapping":[],"exclude":null,"excluded_keys":[],"duplicates":"fail","delete_adopted":false,"full_read_every":{"secs":86400,"nanos":0},"publish":"atomic","schedule":null,"guards":{"max_creates":null,"max_updates":null,"max_deletes":null,"max_source_drop":{"percent":50.0},"max_nulled":50.0,"max_invalid":null},"halt":{"failed_rows":null,"consecutive_failures":null},"store_values":"full","schema_change":"fail","batch_size":null,"plan_ttl":{"secs":3600,"nanos":0},"lookback":{"secs":600,"nanos":0},"duplicates_accepted":false}');
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "plans" VALUES ('default', 'run_01a20113c68d70e5b374c19e1e84b66d', '{"v":1,"record":{"run_id":"run_01a20113c68d70e5b374c19e1e84b66d","digest":"977251d843b427bf6ab056f12323c152","created_at":"2026-11-22T02:26:42.969535Z","file":{"path":"runs/run_01a20113c68d70e5b374c19e1e84b66d/plan-9f671dd95a578e3c.arrow","bytes":19114,"checksum":"ca5ee320e7101e48f4e7a008266916fa"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":16,"rows_created":16,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0},"skipped":{},"config_hash":"1bc049809bae4cc6","base_generation":0,"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149833332719333566,"match_fields":1}}}');
INSERT INTO "plans" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', '{"v":1,"record":{"run_id":"run_01a20113c8fb7399bd2a374e24456651","digest":"c5d75e1b0da82d91c58660b62f0ef9e4","created_at":"2026-11-22T02:26:43.601989Z","file":{"path":"runs/run_01a20113c8fb7399bd2a374e24456651/plan-a66bd2eb0d68638e.arrow","bytes":24258,"checksum":"b982586d0ca14991c8222ff82b1e3c79"},"updates":null,"scrubbed":false,"context":{"version":1,"planned":{"rows_processed":17,"rows_created":3,"rows_updated":2,"rows_skipped":12,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":1,"rows_delete_failed":0},"skipped":{"unchanged":12},"config_hash":"1bc049809bae4cc6","base_generation":1,"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"complete_read":true,"cursor_to":null,"resume_after":null,"resolved":[],"first_failures":0,"mapping_version":9149833332719333566,"match_fields":1}}}');
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113c68d70e5b374c19e1e84b66d', 'runs/run_01a20113c68d70e5b374c19e1e84b66d/plan-9f671dd95a578e3c.arrow');
INSERT INTO "plan_files" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', 'runs/run_01a20113c8fb7399bd2a374e24456651/plan-a66bd2eb0d68638e.arrow');
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
INSERT INTO "chunks" VALUES ('default', 'run_01a20113c68d70e5b374c19e1e84b66d', 0, 16, 'settled', 1, 'runs/run_01a20113c68d70e5b374c19e1e84b66d/outcomes-00000-7d3d847ae5b3ba57.parquet', 2789, '471e00bcd5f2f6c732bead1892283902');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', 0, 1, 'settled', 1, 'runs/run_01a20113c8fb7399bd2a374e24456651/outcomes-00000-c13ac7b80b5e327f.parquet', 2225, '8a0c7dbb60f00154cb62ec0a2c0abcef');
INSERT INTO "chunks" VALUES ('default', 'run_01a20113c8fb7399bd2a374e24456651', 1, 5, 'settled', 1, 'runs/run_01a20113c8fb7399bd2a374e24456651/outcomes-00001-89e715dbfa40a176.parquet', 2745, 'c69905526b8d77a8b971d88b434e7293');
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
INSERT INTO "row_errors" VALUES (1, 'default', 'run_01a20113c68d70e5b374c19e1e84b66d', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the value is refused by check constraint ''copy_name_check''","field":"name","raw_value":"poison","removal":false}}');
INSERT INTO "row_errors" VALUES (2, 'default', 'run_01a20113c8fb7399bd2a374e24456651', '{"v":1,"record":{"row_id":"7","stage":"execute","code":"check_violation","message":"the value is refused by check constraint ''copy_name_check''","field":"name","raw_value":"poison","removal":false}}');
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
INSERT INTO "letters" VALUES ('default', 'dl_91804293b9918a8cf5aef156498ef92d', 'sync_01a20113c6877024a9067338ae202199', X'028000000000000007', '7', 'run_01a20113c8fb7399bd2a374e24456651', 'open', 'check_violation', '4506aee5b9db70f5', 1795314404297568, '{"v":1,"record":{"id":"dl_91804293b9918a8cf5aef156498ef92d","sync_uid":"sync_01a20113c6877024a9067338ae202199","sync_id":"shop.item","entity":"item","key":[2,128,0,0,0,0,0,0,7],"row_id":"7","run_id":"run_01a20113c8fb7399bd2a374e24456651","correlation_id":"3f9c5f3e4fc04b618a336ace0075428e","state":"open","stage":"execute","code":"check_violation","message":"the value is refused by check constraint ''copy_name_check''","field":"name","raw_value":"poison","fingerprint":"4506aee5b9db70f5","source_row":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.2500","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"P1M7DT0S","doc":{"a":[7,null,1.5]},"tags":["a","b 7",""]},"payload":{"id":7,"name":"poison","changed":"2024-03-01T10:07:00Z","small":7,"flag":false,"ratio":7.5,"price":"7.2500","amount":"-123456789012345678901.71","raw":"\\x00ff07","uid":"00000000-0000-0000-0000-000000000007","day":"2024-02-08","clock":"10:00:00.5","wall":"2024-03-01T00:00:07","span":"P1M7DT0S","doc":{"a":[7,null,1.5]},"tags":["a","b 7",""]},"mapping_version":"7efabcf02ec3b0be","op":"create","attempts":2,"first_seen_at":"2026-11-22T02:26:43.501325Z","last_seen_at":"2026-11-22T02:26:44.297568Z","flags":[]}}');
CREATE TABLE generations (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    record       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
INSERT INTO "generations" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 1, '{"v":1,"record":{"sync_uid":"sync_01a20113c6877024a9067338ae202199","number":1,"run_id":"run_01a20113c68d70e5b374c19e1e84b66d","created_at":"2026-11-22T02:26:43.486188Z","segments":[{"path":"snapshots/sync_01a20113c6877024a9067338ae202199/segment-9edadb2f8324e91f.seg","bytes":2936,"checksum":"4b16b269132c541f6baef67fd7da0bda"}],"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":15,"edited":0,"foreign":0,"pending":1,"removed":0},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":18.75,"doc":18.75,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
INSERT INTO "generations" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 2, '{"v":1,"record":{"sync_uid":"sync_01a20113c6877024a9067338ae202199","number":2,"run_id":"run_01a20113c8fb7399bd2a374e24456651","created_at":"2026-11-22T02:26:44.282458Z","segments":[{"path":"snapshots/sync_01a20113c6877024a9067338ae202199/segment-9edadb2f8324e91f.seg","bytes":2936,"checksum":"4b16b269132c541f6baef67fd7da0bda"},{"path":"snapshots/sync_01a20113c6877024a9067338ae202199/segment-69dc2f4b3549c99f.seg","bytes":1186,"checksum":"286bc28875c17ae9fa786e284b309b00"}],"source_identity":"{source}","target_identity":"{target}/public.copy","target_incarnation":"system {system}, database {database}, table {table}","source_types":{"amount":"numeric","changed":"timestamptz","clock":"time","day":"date","doc":"json","flag":"bool","id":"int64","name":"text","price":"numeric(12,4)","ratio":"float64","raw":"bytes","small":"int16","span":"interval","tags":"text[]","uid":"uuid","wall":"timestamp"},"states":{"absent":0,"delivered":16,"edited":0,"foreign":0,"pending":1,"removed":1},"null_shares":{"amount":0.0,"changed":0.0,"clock":0.0,"day":17.647058823529413,"doc":17.647058823529413,"flag":0.0,"id":0.0,"name":0.0,"price":0.0,"ratio":0.0,"raw":0.0,"small":0.0,"span":0.0,"tags":0.0,"uid":0.0,"wall":0.0},"unkeyed_rows":0,"resume_after":null,"program_version":"0.1.0"}}');
CREATE TABLE generation_files (
    workspace_id TEXT    NOT NULL,
    sync_uid     TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 1, 'snapshots/sync_01a20113c6877024a9067338ae202199/segment-9edadb2f8324e91f.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 2, 'snapshots/sync_01a20113c6877024a9067338ae202199/segment-69dc2f4b3549c99f.seg');
INSERT INTO "generation_files" VALUES ('default', 'sync_01a20113c6877024a9067338ae202199', 2, 'snapshots/sync_01a20113c6877024a9067338ae202199/segment-9edadb2f8324e91f.seg');
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
