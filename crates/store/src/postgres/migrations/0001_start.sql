-- Times are microseconds since 1970-01-01 UTC. Columns named `record`, `state` of syncs and `cursor`
-- hold JSON with a version tag. Truth values are the integers 0 and 1. What is ordered by is ordered
-- by its bytes, in whatever language the database was made for.

CREATE TABLE syncline_meta (
    version BIGINT NOT NULL
);

CREATE TABLE incarnation (
    workspace_id TEXT   NOT NULL PRIMARY KEY,
    id           TEXT   NOT NULL,
    restored_at  BIGINT
);

INSERT INTO incarnation
VALUES ('default', md5(random()::text || clock_timestamp()::text || random()::text), NULL);

CREATE TABLE syncs (
    workspace_id      TEXT   NOT NULL,
    uid               TEXT   NOT NULL,
    id                TEXT   COLLATE "C" NOT NULL,
    state             TEXT   NOT NULL,
    -- What `state` says in one word.
    activity          TEXT   NOT NULL DEFAULT 'active',
    -- The 64 bits of the seed, read as a signed number.
    seed              BIGINT NOT NULL,
    cursor            TEXT,
    -- Number of the newest generation; 0: none.
    generation        BIGINT NOT NULL,
    -- The last epoch given to a run of this sync.
    epoch             BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    last_full_read_at BIGINT,
    config_hash       TEXT,
    last_claimed_at   BIGINT,
    PRIMARY KEY (workspace_id, uid)
);

CREATE UNIQUE INDEX syncs_by_id ON syncs (workspace_id, id);
CREATE INDEX syncs_by_activity ON syncs (workspace_id, activity, id);

CREATE TABLE runs (
    workspace_id        TEXT   NOT NULL,
    id                  TEXT   COLLATE "C" NOT NULL,
    sync_uid            TEXT   NOT NULL,
    type                TEXT   NOT NULL,
    triggered_by        TEXT   NOT NULL,
    status              TEXT   NOT NULL,
    writes              BIGINT NOT NULL,
    epoch               BIGINT NOT NULL,
    base_generation     BIGINT,
    correlation_id      TEXT   NOT NULL,
    created_at          BIGINT NOT NULL,
    -- The place of a queued run in the line of its sync.
    queue               BIGINT,
    -- When a scheduled run is due.
    run_at              BIGINT,
    started_at          BIGINT,
    completed_at        BIGINT,
    -- Microseconds from start to end.
    duration            BIGINT,
    rows_processed      BIGINT NOT NULL DEFAULT 0,
    rows_created        BIGINT NOT NULL DEFAULT 0,
    rows_updated        BIGINT NOT NULL DEFAULT 0,
    rows_deleted        BIGINT NOT NULL DEFAULT 0,
    rows_failed         BIGINT NOT NULL DEFAULT 0,
    worker              TEXT,
    lease_until         BIGINT,
    cancel_requested_at BIGINT,
    record              TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
);

-- G23: at most one active writing run per sync, whatever races.
CREATE UNIQUE INDEX runs_one_writer ON runs (workspace_id, sync_uid)
    WHERE writes = 1 AND status IN ('starting', 'running');
-- A sync has one next fire, whatever races.
CREATE UNIQUE INDEX runs_one_scheduled ON runs (workspace_id, sync_uid)
    WHERE type = 'sync' AND status = 'scheduled';

-- Lists are newest first. Every filter is in the index, so that counting and skipping read no records.
CREATE INDEX runs_newest ON runs
    (workspace_id, created_at DESC, id DESC, status, type, triggered_by, sync_uid);
CREATE INDEX runs_of_sync ON runs
    (workspace_id, sync_uid, created_at DESC, id DESC, status, type, triggered_by);
CREATE INDEX runs_by_status ON runs
    (workspace_id, status, created_at DESC, id DESC, type, triggered_by);
CREATE INDEX runs_by_correlation ON runs (workspace_id, correlation_id, created_at DESC, id DESC);

CREATE INDEX runs_due ON runs (workspace_id, run_at, id) WHERE status = 'scheduled';
CREATE INDEX runs_waiting ON runs (workspace_id, sync_uid, writes, queue) WHERE status = 'queued';
CREATE INDEX runs_unfinished ON runs (workspace_id, sync_uid, status, type, writes)
    WHERE status IN ('scheduled', 'queued', 'starting', 'running', 'held');
-- Figures read these alone, no records.
CREATE INDEX runs_ended ON runs
    (workspace_id, completed_at, status, duration, rows_created, rows_updated, rows_deleted, rows_failed)
    WHERE writes = 1 AND completed_at IS NOT NULL;
CREATE INDEX runs_ended_of_sync ON runs
    (workspace_id, sync_uid, completed_at DESC, id DESC, status, rows_failed)
    WHERE writes = 1 AND completed_at IS NOT NULL;

-- Apart from the runs, because lists never need it.
CREATE TABLE run_configs (
    workspace_id TEXT NOT NULL,
    run_id       TEXT COLLATE "C" NOT NULL,
    config       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
);

-- What an active run uses, of which only so many may.
CREATE TABLE run_uses (
    workspace_id TEXT   NOT NULL,
    run_id       TEXT   COLLATE "C" NOT NULL,
    name         TEXT   NOT NULL,
    runs_max     BIGINT,
    PRIMARY KEY (workspace_id, run_id, name),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX run_uses_by_name ON run_uses (workspace_id, name);

-- Live figures of active runs; a crash of the server may lose them.
CREATE UNLOGGED TABLE run_progress (
    workspace_id TEXT NOT NULL,
    run_id       TEXT COLLATE "C" NOT NULL,
    progress     TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id)
);

CREATE TABLE plans (
    workspace_id TEXT NOT NULL,
    run_id       TEXT COLLATE "C" NOT NULL,
    record       TEXT NOT NULL,
    PRIMARY KEY (workspace_id, run_id),
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
);

CREATE TABLE plan_files (
    workspace_id TEXT NOT NULL,
    run_id       TEXT COLLATE "C" NOT NULL,
    path         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, run_id, path),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
);

CREATE TABLE chunks (
    workspace_id      TEXT   NOT NULL,
    run_id            TEXT   COLLATE "C" NOT NULL,
    number            BIGINT NOT NULL,
    rows              BIGINT NOT NULL,
    state             TEXT   NOT NULL,
    attempt           BIGINT NOT NULL,
    outcomes_path     TEXT   COLLATE "C",
    outcomes_bytes    BIGINT,
    outcomes_checksum TEXT,
    PRIMARY KEY (workspace_id, run_id, number),
    FOREIGN KEY (workspace_id, run_id) REFERENCES plans (workspace_id, run_id) ON DELETE CASCADE
);

CREATE TABLE row_errors (
    sequence     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    run_id       TEXT   COLLATE "C" NOT NULL,
    record       TEXT   NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
);

CREATE INDEX row_errors_of_run ON row_errors (workspace_id, run_id, sequence);

-- Letters of runs that have not ended: nobody sees them. Keys may be longer than an index takes, so
-- what makes them unique is their hash.
CREATE TABLE staged_letters (
    workspace_id TEXT  NOT NULL,
    run_id       TEXT  COLLATE "C" NOT NULL,
    key          BYTEA NOT NULL,
    record       TEXT  NOT NULL,
    FOREIGN KEY (workspace_id, run_id) REFERENCES runs (workspace_id, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX staged_letters_one ON staged_letters (workspace_id, run_id, sha256(key));

CREATE TABLE letters (
    workspace_id  TEXT   NOT NULL,
    id            TEXT   COLLATE "C" NOT NULL,
    sync_uid      TEXT   NOT NULL,
    key           BYTEA  NOT NULL,
    row_id        TEXT   NOT NULL,
    run_id        TEXT   COLLATE "C" NOT NULL,
    state         TEXT   NOT NULL,
    code          TEXT   NOT NULL,
    fingerprint   TEXT   NOT NULL,
    first_seen_at BIGINT NOT NULL DEFAULT 0,
    last_seen_at  BIGINT NOT NULL,
    record        TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
);

-- One letter per key that is not done with.
CREATE UNIQUE INDEX letters_one_live ON letters (workspace_id, sync_uid, sha256(key))
    WHERE state IN ('open', 'replaying', 'ignored');
-- Keys and row ids of any length are found by these.
CREATE INDEX letters_live_by_key ON letters USING hash (key)
    WHERE state IN ('open', 'replaying', 'ignored');
CREATE INDEX letters_of_row ON letters USING hash (row_id);

CREATE INDEX letters_newest ON letters (workspace_id, last_seen_at DESC, id DESC, state, code);
CREATE INDEX letters_of_sync ON letters
    (workspace_id, sync_uid, last_seen_at DESC, id DESC, state, code, fingerprint);
CREATE INDEX letters_by_fingerprint ON letters
    (workspace_id, fingerprint, last_seen_at DESC, id DESC, state, code, sync_uid);
CREATE INDEX letters_of_run ON letters (workspace_id, run_id, last_seen_at DESC, id DESC);
CREATE INDEX letters_grouped ON letters
    (workspace_id, fingerprint, sync_uid, last_seen_at, first_seen_at, state, code);

CREATE TABLE generations (
    workspace_id TEXT   NOT NULL,
    sync_uid     TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    record       TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number),
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
);

CREATE TABLE generation_files (
    workspace_id TEXT   NOT NULL,
    sync_uid     TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    path         TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, sync_uid, number, path),
    FOREIGN KEY (workspace_id, sync_uid, number)
        REFERENCES generations (workspace_id, sync_uid, number) ON DELETE CASCADE
);

CREATE TABLE cursor_history (
    sequence     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id TEXT   NOT NULL,
    sync_uid     TEXT   NOT NULL,
    record       TEXT   NOT NULL,
    FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncs (workspace_id, uid)
);

CREATE INDEX cursor_history_of_sync ON cursor_history (workspace_id, sync_uid, sequence DESC);

CREATE TABLE objects (
    workspace_id TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    id           TEXT   COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, kind, id)
);

CREATE TABLE audit (
    workspace_id TEXT   NOT NULL,
    sequence     BIGINT NOT NULL,
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    action       TEXT   NOT NULL,
    target       TEXT   NOT NULL,
    -- The canonical JSON that the hash is over.
    entry        TEXT   NOT NULL,
    hash         TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, sequence)
);

CREATE INDEX audit_by_actor ON audit (workspace_id, actor, sequence DESC);
CREATE INDEX audit_by_action ON audit (workspace_id, action, sequence DESC);
CREATE INDEX audit_by_target ON audit (workspace_id, target, sequence DESC);

CREATE TABLE requests (
    workspace_id TEXT   NOT NULL,
    key          TEXT   NOT NULL,
    fingerprint  TEXT   NOT NULL,
    began_at     BIGINT NOT NULL,
    -- NULL while it is carried out.
    answer       TEXT,
    PRIMARY KEY (workspace_id, key)
);

CREATE INDEX requests_by_age ON requests (workspace_id, began_at);

-- Transactions commit in another order than they append in: an event gets its number when it is read
-- for the first time.
CREATE TABLE events (
    draft        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sequence     BIGINT UNIQUE,
    workspace_id TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    run_id       TEXT   COLLATE "C",
    sync_id      TEXT   COLLATE "C",
    data         TEXT   NOT NULL
);

CREATE INDEX events_unnumbered ON events (draft) WHERE sequence IS NULL;
CREATE INDEX events_in_order ON events (workspace_id, sequence);
CREATE INDEX events_of_run ON events (workspace_id, run_id, sequence) WHERE run_id IS NOT NULL;
CREATE INDEX events_by_age ON events (workspace_id, at);

-- Locked by whoever gives events their numbers. It holds nothing.
CREATE TABLE event_numbering (
    nothing BIGINT
);

CREATE TABLE notices (
    workspace_id    TEXT   NOT NULL,
    id              TEXT   COLLATE "C" NOT NULL,
    channel         TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    next_attempt_at BIGINT,
    delivered_at    BIGINT,
    last_error      TEXT,
    record          TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE INDEX notices_due ON notices (workspace_id, next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX notices_newest ON notices (workspace_id, created_at DESC, id DESC);
CREATE INDEX notices_of_channel ON notices (workspace_id, channel, created_at DESC, id DESC);
