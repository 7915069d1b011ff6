-- What a server keeps: runs as a queue, figures over them, and what happens beside them.

ALTER TABLE syncs ADD COLUMN activity TEXT NOT NULL DEFAULT 'active';
ALTER TABLE syncs ADD COLUMN last_claimed_at INTEGER;
UPDATE syncs SET activity = json_extract(state, '$.record.state');

-- The place of a queued run in the line of its sync.
ALTER TABLE runs ADD COLUMN queue INTEGER;
-- When a scheduled run is due.
ALTER TABLE runs ADD COLUMN run_at INTEGER;
ALTER TABLE runs ADD COLUMN started_at INTEGER;
ALTER TABLE runs ADD COLUMN completed_at INTEGER;
-- Microseconds from start to end.
ALTER TABLE runs ADD COLUMN duration INTEGER;
ALTER TABLE runs ADD COLUMN rows_processed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN rows_created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN rows_updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN rows_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN rows_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN worker TEXT;
ALTER TABLE runs ADD COLUMN lease_until INTEGER;
ALTER TABLE runs ADD COLUMN cancel_requested_at INTEGER;

-- Moments are text in the records, with up to nine digits after the second.
UPDATE runs SET
    started_at = 1000000 * strftime('%s', substr(json_extract(record, '$.record.started_at'), 1, 19))
        + substr(rtrim(substr(json_extract(record, '$.record.started_at'), 21), 'Z') || '000000', 1, 6),
    completed_at = 1000000 * strftime('%s', substr(json_extract(record, '$.record.completed_at'), 1, 19))
        + substr(rtrim(substr(json_extract(record, '$.record.completed_at'), 21), 'Z') || '000000', 1, 6),
    -- Counts above the greatest integer become that.
    rows_processed = CAST(json_extract(record, '$.record.rows_processed') AS INTEGER),
    rows_created = CAST(json_extract(record, '$.record.rows_created') AS INTEGER),
    rows_updated = CAST(json_extract(record, '$.record.rows_updated') AS INTEGER),
    rows_deleted = CAST(json_extract(record, '$.record.rows_deleted') AS INTEGER),
    rows_failed = CAST(json_extract(record, '$.record.rows_failed') AS INTEGER);
UPDATE runs SET duration = completed_at - started_at;
UPDATE runs SET queue = (
    SELECT count(*) FROM runs AS other
    WHERE other.workspace_id = runs.workspace_id AND other.sync_uid = runs.sync_uid
    AND other.status = 'queued' AND (other.created_at, other.id) <= (runs.created_at, runs.id))
WHERE status = 'queued';
UPDATE runs SET run_at = created_at WHERE status = 'scheduled';
DELETE FROM runs WHERE status = 'scheduled' AND type = 'sync' AND EXISTS (
    SELECT 1 FROM runs AS other
    WHERE other.workspace_id = runs.workspace_id AND other.sync_uid = runs.sync_uid
    AND other.status = 'scheduled' AND other.type = 'sync'
    AND (other.created_at, other.id) < (runs.created_at, runs.id));

-- Every column that a statement names is in its index, also the constant ones: SQLite reads the row
-- otherwise.

-- A sync has one next fire, whatever races.
CREATE UNIQUE INDEX runs_one_scheduled ON runs (workspace_id, sync_uid)
    WHERE type = 'sync' AND status = 'scheduled';
CREATE INDEX runs_due ON runs (workspace_id, run_at, id) WHERE status = 'scheduled';
CREATE INDEX runs_waiting ON runs (workspace_id, sync_uid, writes, queue, status) WHERE status = 'queued';
CREATE INDEX runs_unfinished ON runs (workspace_id, sync_uid, status, type, writes)
    WHERE status IN ('scheduled', 'queued', 'starting', 'running', 'held');
-- Figures read these alone, no records.
CREATE INDEX runs_ended ON runs
    (workspace_id, completed_at, status, writes, duration, rows_created, rows_updated, rows_deleted, rows_failed)
    WHERE writes = 1 AND completed_at IS NOT NULL;
CREATE INDEX runs_ended_of_sync ON runs
    (workspace_id, sync_uid, completed_at DESC, id DESC, status, writes)
    WHERE writes = 1 AND completed_at IS NOT NULL;

CREATE INDEX syncs_by_activity ON syncs (workspace_id, activity, id);

-- What an active run uses, of which only so many may.
CREATE TABLE run_uses (
    workspace_id TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    runs_max     INTEGER,
    PRIMARY KEY (workspace_id, run_id, name),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX run_uses_by_name ON run_uses (workspace_id, name);

ALTER TABLE letters ADD COLUMN first_seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE letters SET first_seen_at =
    1000000 * strftime('%s', substr(json_extract(record, '$.record.first_seen_at'), 1, 19))
    + substr(rtrim(substr(json_extract(record, '$.record.first_seen_at'), 21), 'Z') || '000000', 1, 6);

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

INSERT INTO incarnation VALUES ('default', lower(hex(randomblob(16))), NULL);
