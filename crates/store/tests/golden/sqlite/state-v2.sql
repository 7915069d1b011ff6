PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1398361667;
PRAGMA user_version = 2;
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
    config_hash       TEXT, activity TEXT NOT NULL DEFAULT 'active', last_claimed_at INTEGER,
    PRIMARY KEY (workspace_id, uid)
) STRICT;
CREATE UNIQUE INDEX syncs_by_id ON syncs (workspace_id, id);
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
    record          TEXT    NOT NULL, queue INTEGER, run_at INTEGER, started_at INTEGER, completed_at INTEGER, duration INTEGER, rows_processed INTEGER NOT NULL DEFAULT 0, rows_created INTEGER NOT NULL DEFAULT 0, rows_updated INTEGER NOT NULL DEFAULT 0, rows_deleted INTEGER NOT NULL DEFAULT 0, rows_failed INTEGER NOT NULL DEFAULT 0, worker TEXT, lease_until INTEGER, cancel_requested_at INTEGER,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
CREATE UNIQUE INDEX runs_one_writer ON runs (workspace_id, sync_uid)
    WHERE writes = 1 AND status IN ('starting', 'running');
CREATE INDEX runs_newest ON runs
    (workspace_id, created_at DESC, id DESC, status, type, triggered_by, sync_uid);
CREATE INDEX runs_of_sync ON runs
    (workspace_id, sync_uid, created_at DESC, id DESC, status, type, triggered_by);
CREATE INDEX runs_by_status ON runs
    (workspace_id, status, created_at DESC, id DESC, type, triggered_by);
CREATE INDEX runs_by_correlation ON runs (workspace_id, correlation_id, created_at DESC, id DESC);
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
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
CREATE TABLE row_errors (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX row_errors_of_run ON row_errors (workspace_id, run_id, sequence);
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
    record       TEXT    NOT NULL, first_seen_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
) STRICT;
CREATE UNIQUE INDEX letters_one_live ON letters (workspace_id, sync_uid, key)
    WHERE state IN ('open', 'replaying', 'ignored');
CREATE INDEX letters_newest ON letters (workspace_id, last_seen_at DESC, id DESC, state, code);
CREATE INDEX letters_of_sync ON letters
    (workspace_id, sync_uid, last_seen_at DESC, id DESC, state, code, fingerprint);
CREATE INDEX letters_by_fingerprint ON letters
    (workspace_id, fingerprint, last_seen_at DESC, id DESC, state, code, sync_uid);
CREATE INDEX letters_of_run ON letters (workspace_id, run_id, last_seen_at DESC, id DESC);
CREATE INDEX letters_of_row ON letters (workspace_id, row_id, last_seen_at DESC, id DESC);
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
CREATE INDEX cursor_history_of_sync ON cursor_history (workspace_id, sync_uid, sequence DESC);
CREATE UNIQUE INDEX runs_one_scheduled ON runs (workspace_id, sync_uid)
    WHERE type = 'sync' AND status = 'scheduled';
CREATE INDEX runs_due ON runs (workspace_id, run_at, id) WHERE status = 'scheduled';
CREATE INDEX runs_waiting ON runs (workspace_id, sync_uid, writes, queue, status) WHERE status = 'queued';
CREATE INDEX runs_unfinished ON runs (workspace_id, sync_uid, status, type, writes)
    WHERE status IN ('scheduled', 'queued', 'starting', 'running', 'held');
CREATE INDEX runs_ended ON runs
    (workspace_id, completed_at, status, writes, duration, rows_created, rows_updated, rows_deleted, rows_failed)
    WHERE writes = 1 AND completed_at IS NOT NULL;
CREATE INDEX runs_ended_of_sync ON runs
    (workspace_id, sync_uid, completed_at DESC, id DESC, status, writes)
    WHERE writes = 1 AND completed_at IS NOT NULL;
CREATE INDEX syncs_by_activity ON syncs (workspace_id, activity, id);
CREATE TABLE run_uses (
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    runs_max     INTEGER,
    PRIMARY KEY (workspace_id, run_id, name),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX run_uses_by_name ON run_uses (workspace_id, name);
CREATE INDEX letters_grouped ON letters
    (workspace_id, fingerprint, sync_uid, last_seen_at, first_seen_at, state, code);
CREATE TABLE objects (
    workspace_id TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    id           TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    workspace_id TEXT    NOT NULL,
    sequence     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    target       TEXT    NOT NULL,
    -- The canonical JSON that the hash is over.
    entry        TEXT    NOT NULL,
    hash         TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, sequence)
) STRICT;
CREATE INDEX audit_by_actor ON audit (workspace_id, actor, sequence DESC);
CREATE INDEX audit_by_action ON audit (workspace_id, action, sequence DESC);
CREATE INDEX audit_by_target ON audit (workspace_id, target, sequence DESC);
CREATE TABLE requests (
    workspace_id TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    began_at     INTEGER NOT NULL,
    -- NULL while it is carried out.
    answer       TEXT,
    PRIMARY KEY (workspace_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_age ON requests (workspace_id, began_at);
CREATE TABLE events (
    sequence     INTEGER PRIMARY KEY,
    workspace_id TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    run_id       TEXT,
    sync_id      TEXT,
    data         TEXT    NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (workspace_id, run_id, sequence) WHERE run_id IS NOT NULL;
CREATE INDEX events_by_age ON events (workspace_id, at);
CREATE TABLE notices (
    workspace_id    TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    channel         TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    next_attempt_at INTEGER,
    delivered_at    INTEGER,
    last_error      TEXT,
    record          TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX notices_due ON notices (workspace_id, next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX notices_newest ON notices (workspace_id, created_at DESC, id DESC);
CREATE INDEX notices_of_channel ON notices (workspace_id, channel, created_at DESC, id DESC);
CREATE TABLE incarnation (
    workspace_id TEXT    NOT NULL PRIMARY KEY,
    id           TEXT    NOT NULL,
    restored_at  INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO syncs (workspace_id, uid, id, state, seed, cursor, generation, epoch, created_at, updated_at, last_full_read_at, config_hash, activity, last_claimed_at) VALUES ('default', 'sync_contact', 'crm.contact', '{"v":1,"record":{"state":"halted","reason":"errors","since":"2026-03-01T12:01:00Z","failures":2}}', -6, '{"v":1,"record":{"kind":"integer","value":41}}', 1, 2, 1772366400000000, 1772366460000000, 1772366450000000, 'c0ffee', 'halted', NULL);
INSERT INTO runs (workspace_id, id, sync_uid, type, triggered_by, status, writes, epoch, base_generation, correlation_id, created_at, record, queue, run_at, started_at, completed_at, duration, rows_processed, rows_created, rows_updated, rows_deleted, rows_failed, worker, lease_until, cancel_requested_at) VALUES ('default', 'run_done', 'sync_contact', 'sync', 'cli', 'completed', 1, 1, 0, 'correlation-done', 1772366400000000, '{"v":1,"record":{"id":"run_done","sync_id":"crm.contact","sync_uid":"sync_contact","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"correlation-done","retry_of":null,"created_at":"2026-03-01T12:00:00Z","started_at":"2026-03-01T12:00:01Z","completed_at":"2026-03-01T12:01:00Z","epoch":1,"base_generation":0,"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.0,"change_detection":0.0,"destination_writes":0.0,"finalization":0.0,"waiting":0.0},"timeline":[],"performance":{"bytes_read":0,"bytes_written":0,"peak_memory_bytes":0,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[],"error":null,"partially_written":false,"complete_read":false,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"c0ffee","planned_at":null,"halted_sync":false,"notices":["a notice with 🧪 and \"quotes\""],"retry_number":0,"takeovers":0}}', NULL, NULL, 1772366401000000, 1772366460000000, 59000000, 0, 0, 0, 0, 0, NULL, NULL, NULL);
INSERT INTO runs (workspace_id, id, sync_uid, type, triggered_by, status, writes, epoch, base_generation, correlation_id, created_at, record, queue, run_at, started_at, completed_at, duration, rows_processed, rows_created, rows_updated, rows_deleted, rows_failed, worker, lease_until, cancel_requested_at) VALUES ('default', 'run_cut', 'sync_contact', 'one_time', 'cli', 'running', 1, 2, 1, 'correlation-cut', 1772366400000000, '{"v":1,"record":{"id":"run_cut","sync_id":"crm.contact","sync_uid":"sync_contact","type":"one_time","trigger":"cli","status":"running","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"correlation-cut","retry_of":null,"created_at":"2026-03-01T12:00:00Z","started_at":"2026-03-01T12:00:01Z","completed_at":null,"epoch":2,"base_generation":1,"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.0,"change_detection":0.0,"destination_writes":0.0,"finalization":0.0,"waiting":0.0},"timeline":[],"performance":{"bytes_read":0,"bytes_written":0,"peak_memory_bytes":0,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[],"error":null,"partially_written":false,"complete_read":false,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"c0ffee","planned_at":null,"halted_sync":false,"notices":["a notice with 🧪 and \"quotes\""],"retry_number":0,"takeovers":0}}', NULL, NULL, 1772366401000000, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL);
INSERT INTO run_configs (workspace_id, run_id, config) VALUES ('default', 'run_done', '{}');
INSERT INTO run_configs (workspace_id, run_id, config) VALUES ('default', 'run_cut', '{}');
INSERT INTO plans (workspace_id, run_id, record) VALUES ('default', 'run_done', '{"v":1,"record":{"run_id":"run_done","digest":"d1","created_at":"2026-03-01T12:00:30Z","file":{"path":"runs/run_done/plan","bytes":10,"checksum":"abababababababababababababababab"},"updates":{"path":"runs/run_done/updates","bytes":10,"checksum":"abababababababababababababababab"},"scrubbed":false,"context":{"v":3,"upper":[1,2]}}}');
INSERT INTO plans (workspace_id, run_id, record) VALUES ('default', 'run_cut', '{"v":1,"record":{"run_id":"run_cut","digest":"d1","created_at":"2026-03-01T12:00:30Z","file":{"path":"runs/run_cut/plan","bytes":10,"checksum":"abababababababababababababababab"},"updates":{"path":"runs/run_cut/updates","bytes":10,"checksum":"abababababababababababababababab"},"scrubbed":false,"context":{"v":3,"upper":[1,2]}}}');
INSERT INTO plan_files (workspace_id, run_id, path) VALUES ('default', 'run_cut', 'runs/run_cut/plan');
INSERT INTO plan_files (workspace_id, run_id, path) VALUES ('default', 'run_cut', 'runs/run_cut/updates');
INSERT INTO plan_files (workspace_id, run_id, path) VALUES ('default', 'run_done', 'runs/run_done/plan');
INSERT INTO plan_files (workspace_id, run_id, path) VALUES ('default', 'run_done', 'runs/run_done/updates');
INSERT INTO chunks (workspace_id, run_id, number, rows, state, attempt, outcomes_path, outcomes_bytes, outcomes_checksum) VALUES ('default', 'run_cut', 0, 100, 'sending', 1, NULL, NULL, NULL);
INSERT INTO chunks (workspace_id, run_id, number, rows, state, attempt, outcomes_path, outcomes_bytes, outcomes_checksum) VALUES ('default', 'run_cut', 1, 100, 'planned', 0, NULL, NULL, NULL);
INSERT INTO chunks (workspace_id, run_id, number, rows, state, attempt, outcomes_path, outcomes_bytes, outcomes_checksum) VALUES ('default', 'run_done', 0, 100, 'settled', 1, 'runs/run_done/outcomes-0', 10, 'abababababababababababababababab');
INSERT INTO row_errors (sequence, workspace_id, run_id, record) VALUES (1, 'default', 'run_done', '{"v":1,"record":{"row_id":"7","stage":"transform","code":"bad_value","message":"not a number: ''x''","field":"amount","raw_value":"x","removal":false}}');
INSERT INTO staged_letters (workspace_id, run_id, key, record) VALUES ('default', 'run_cut', X'6F74686572', '{"v":1,"record":{"id":"dl_2","sync_uid":"sync_contact","sync_id":"crm.contact","entity":"contact","key":[111,116,104,101,114],"row_id":"row other","run_id":"run_cut","correlation_id":"correlation-cut","state":"open","stage":"execute","code":"row_rejected","message":"email is taken","field":"email","raw_value":"a@b","fingerprint":"f1","source_row":{"id":1,"email":"a@b"},"payload":{"email":"a@b"},"mapping_version":"m1","op":"create","attempts":1,"first_seen_at":"2026-03-01T12:00:40Z","last_seen_at":"2026-03-01T12:00:40Z","flags":[]}}');
INSERT INTO letters (workspace_id, id, sync_uid, key, row_id, run_id, state, code, fingerprint, last_seen_at, record, first_seen_at) VALUES ('default', 'dl_1', 'sync_contact', X'6B00FF', 'row k', 'run_done', 'open', 'row_rejected', 'f1', 1772366440000000, '{"v":1,"record":{"id":"dl_1","sync_uid":"sync_contact","sync_id":"crm.contact","entity":"contact","key":[107,0,255],"row_id":"row k\u0000�","run_id":"run_done","correlation_id":"correlation-done","state":"open","stage":"execute","code":"row_rejected","message":"email is taken","field":"email","raw_value":"a@b","fingerprint":"f1","source_row":{"id":1,"email":"a@b"},"payload":{"email":"a@b"},"mapping_version":"m1","op":"create","attempts":1,"first_seen_at":"2026-03-01T12:00:40Z","last_seen_at":"2026-03-01T12:00:40Z","flags":[]}}', 1772366440000000);
INSERT INTO generations (workspace_id, sync_uid, number, record) VALUES ('default', 'sync_contact', 1, '{"v":1,"record":{"sync_uid":"sync_contact","number":1,"run_id":"run_done","created_at":"2026-03-01T12:00:59Z","segments":[{"path":"snapshots/sync_contact/segment-1","bytes":10,"checksum":"abababababababababababababababab"}],"source_identity":"postgres://source","target_identity":"postgres://target","target_incarnation":"oid 1","source_types":{"id":"int64"},"states":{"delivered":7},"null_shares":{"email":12.5},"unkeyed_rows":0,"resume_after":[0,255],"program_version":"0.1.0"}}');
INSERT INTO generation_files (workspace_id, sync_uid, number, path) VALUES ('default', 'sync_contact', 1, 'snapshots/sync_contact/segment-1');
INSERT INTO cursor_history (sequence, workspace_id, sync_uid, record) VALUES (1, 'default', 'sync_contact', '{"v":1,"record":{"at":"2026-03-01T12:01:00Z","from":null,"change":{"to":{"kind":"integer","value":41},"reason":"run","run_id":null}}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (1, 'default', 1795329484397000, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"queued","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":null,"completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (2, 'default', 1795329484414000, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"starting","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (3, 'default', 1795329484418000, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"running","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (4, 'default', 1795329484459000, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"completed","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":"2026-03-01T12:01:00Z","error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (5, 'default', 1795329484459000, 'letter', 'run_done', 'crm.contact', '{"sync_id":"crm.contact","run_id":"run_done","changes":{"opened":1,"seen_again":0,"resolved":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (6, 'default', 1795329484460000, 'sync', NULL, 'crm.contact', '{"id":"crm.contact","state":"halted","reason":"errors","since":"2026-03-01T12:01:00Z","failures":2}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (7, 'default', 1795329484474000, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"queued","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":null,"completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (8, 'default', 1795329484479000, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"starting","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO events (sequence, workspace_id, at, kind, run_id, sync_id, data) VALUES (9, 'default', 1795329484489000, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"running","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO incarnation (workspace_id, id, restored_at) VALUES ('default', '68c31d56480f81b4abd5d0ba5f6107b0', NULL);
