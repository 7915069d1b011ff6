SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA syncline;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE syncline.audit (
    workspace_id text NOT NULL,
    sequence bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    entry text NOT NULL,
    hash text NOT NULL
);
CREATE TABLE syncline.chunks (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    rows bigint NOT NULL,
    state text NOT NULL,
    attempt bigint NOT NULL,
    outcomes_path text COLLATE pg_catalog."C",
    outcomes_bytes bigint,
    outcomes_checksum text
);
CREATE TABLE syncline.cursor_history (
    sequence bigint NOT NULL,
    workspace_id text NOT NULL,
    sync_uid text NOT NULL,
    record text NOT NULL
);
ALTER TABLE syncline.cursor_history ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME syncline.cursor_history_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE syncline.event_numbering (
    nothing bigint
);
CREATE TABLE syncline.events (
    draft bigint NOT NULL,
    sequence bigint,
    workspace_id text NOT NULL,
    at bigint NOT NULL,
    kind text NOT NULL,
    run_id text COLLATE pg_catalog."C",
    sync_id text COLLATE pg_catalog."C",
    data text NOT NULL
);
ALTER TABLE syncline.events ALTER COLUMN draft ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME syncline.events_draft_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE syncline.generation_files (
    workspace_id text NOT NULL,
    sync_uid text NOT NULL,
    number bigint NOT NULL,
    path text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE syncline.generations (
    workspace_id text NOT NULL,
    sync_uid text NOT NULL,
    number bigint NOT NULL,
    record text NOT NULL
);
CREATE TABLE syncline.incarnation (
    workspace_id text NOT NULL,
    id text NOT NULL,
    restored_at bigint
);
CREATE TABLE syncline.letters (
    workspace_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    sync_uid text NOT NULL,
    key bytea NOT NULL,
    row_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    code text NOT NULL,
    fingerprint text NOT NULL,
    first_seen_at bigint DEFAULT 0 NOT NULL,
    last_seen_at bigint NOT NULL,
    record text NOT NULL
);
CREATE TABLE syncline.notices (
    workspace_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    channel text NOT NULL,
    state text NOT NULL,
    attempts bigint NOT NULL,
    created_at bigint NOT NULL,
    next_attempt_at bigint,
    delivered_at bigint,
    last_error text,
    record text NOT NULL
);
CREATE TABLE syncline.objects (
    workspace_id text NOT NULL,
    kind text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE syncline.plan_files (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE syncline.plans (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    record text NOT NULL
);
CREATE TABLE syncline.requests (
    workspace_id text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    began_at bigint NOT NULL,
    answer text
);
CREATE TABLE syncline.row_errors (
    sequence bigint NOT NULL,
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    record text NOT NULL
);
ALTER TABLE syncline.row_errors ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME syncline.row_errors_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE syncline.run_configs (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    config text NOT NULL
);
CREATE UNLOGGED TABLE syncline.run_progress (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    progress text NOT NULL
);
CREATE TABLE syncline.run_uses (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    runs_max bigint
);
CREATE TABLE syncline.runs (
    workspace_id text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    sync_uid text NOT NULL,
    type text NOT NULL,
    triggered_by text NOT NULL,
    status text NOT NULL,
    writes bigint NOT NULL,
    epoch bigint NOT NULL,
    base_generation bigint,
    correlation_id text NOT NULL,
    created_at bigint NOT NULL,
    queue bigint,
    run_at bigint,
    started_at bigint,
    completed_at bigint,
    duration bigint,
    rows_processed bigint DEFAULT 0 NOT NULL,
    rows_created bigint DEFAULT 0 NOT NULL,
    rows_updated bigint DEFAULT 0 NOT NULL,
    rows_deleted bigint DEFAULT 0 NOT NULL,
    rows_failed bigint DEFAULT 0 NOT NULL,
    worker text,
    lease_until bigint,
    cancel_requested_at bigint,
    record text NOT NULL
);
CREATE TABLE syncline.staged_letters (
    workspace_id text NOT NULL,
    run_id text NOT NULL COLLATE pg_catalog."C",
    key bytea NOT NULL,
    record text NOT NULL
);
CREATE TABLE syncline.syncline_meta (
    version bigint NOT NULL
);
CREATE TABLE syncline.syncs (
    workspace_id text NOT NULL,
    uid text NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    state text NOT NULL,
    activity text DEFAULT 'active'::text NOT NULL,
    seed bigint NOT NULL,
    cursor text,
    generation bigint NOT NULL,
    epoch bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    last_full_read_at bigint,
    config_hash text,
    last_claimed_at bigint
);
INSERT INTO syncline.chunks VALUES ('default', 'run_done', 0, 100, 'settled', 1, 'runs/run_done/outcomes-0', 10, 'abababababababababababababababab');
INSERT INTO syncline.chunks VALUES ('default', 'run_cut', 1, 100, 'planned', 0, NULL, NULL, NULL);
INSERT INTO syncline.chunks VALUES ('default', 'run_cut', 0, 100, 'sending', 1, NULL, NULL, NULL);
INSERT INTO syncline.cursor_history OVERRIDING SYSTEM VALUE VALUES (1, 'default', 'sync_contact', '{"v":1,"record":{"at":"2026-03-01T12:01:00Z","from":null,"change":{"to":{"kind":"integer","value":41},"reason":"run","run_id":null}}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (1, NULL, 'default', 1795350360645284, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"queued","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":null,"completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (2, NULL, 'default', 1795350360654885, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"starting","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (3, NULL, 'default', 1795350360659346, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"running","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (4, NULL, 'default', 1795350360699812, 'run', 'run_done', 'crm.contact', '{"id":"run_done","sync_id":"crm.contact","type":"sync","trigger":"cli","status":"completed","phase":null,"end_reason":null,"correlation_id":"correlation-done","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":"2026-03-01T12:01:00Z","error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (5, NULL, 'default', 1795350360712066, 'letter', 'run_done', 'crm.contact', '{"sync_id":"crm.contact","run_id":"run_done","changes":{"opened":1,"seen_again":0,"resolved":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (6, NULL, 'default', 1795350360719202, 'sync', NULL, 'crm.contact', '{"id":"crm.contact","state":"halted","reason":"errors","since":"2026-03-01T12:01:00Z","failures":2}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (7, NULL, 'default', 1795350360725477, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"queued","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":null,"completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (8, NULL, 'default', 1795350360734876, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"starting","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.events OVERRIDING SYSTEM VALUE VALUES (9, NULL, 'default', 1795350360737392, 'run', 'run_cut', 'crm.contact', '{"id":"run_cut","sync_id":"crm.contact","type":"one_time","trigger":"cli","status":"running","phase":null,"end_reason":null,"correlation_id":"correlation-cut","run_at":null,"started_at":"2026-03-01T12:00:01Z","completed_at":null,"error":null,"partially_written":false,"counters":{"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0}}');
INSERT INTO syncline.generation_files VALUES ('default', 'sync_contact', 1, 'snapshots/sync_contact/segment-1');
INSERT INTO syncline.generations VALUES ('default', 'sync_contact', 1, '{"v":1,"record":{"sync_uid":"sync_contact","number":1,"run_id":"run_done","created_at":"2026-03-01T12:00:59Z","segments":[{"path":"snapshots/sync_contact/segment-1","bytes":10,"checksum":"abababababababababababababababab"}],"source_identity":"postgres://source","target_identity":"postgres://target","target_incarnation":"oid 1","source_types":{"id":"int64"},"states":{"delivered":7},"null_shares":{"email":12.5},"unkeyed_rows":0,"resume_after":[0,255],"program_version":"0.1.0"}}');
INSERT INTO syncline.incarnation VALUES ('default', '12805c1d0a1cab6cc8ae5dcf336410c3', NULL);
INSERT INTO syncline.letters VALUES ('default', 'dl_1', 'sync_contact', '\x6b00ff', 'row k␀�', 'run_done', 'open', 'row_rejected', 'f1', 1772366440000000, 1772366440000000, '{"v":1,"record":{"id":"dl_1","sync_uid":"sync_contact","sync_id":"crm.contact","entity":"contact","key":[107,0,255],"row_id":"row k\u0000�","run_id":"run_done","correlation_id":"correlation-done","state":"open","stage":"execute","code":"row_rejected","message":"email is taken","field":"email","raw_value":"a@b","fingerprint":"f1","source_row":{"id":1,"email":"a@b"},"payload":{"email":"a@b"},"mapping_version":"m1","op":"create","attempts":1,"first_seen_at":"2026-03-01T12:00:40Z","last_seen_at":"2026-03-01T12:00:40Z","flags":[]}}');
INSERT INTO syncline.plan_files VALUES ('default', 'run_done', 'runs/run_done/plan');
INSERT INTO syncline.plan_files VALUES ('default', 'run_done', 'runs/run_done/updates');
INSERT INTO syncline.plan_files VALUES ('default', 'run_cut', 'runs/run_cut/plan');
INSERT INTO syncline.plan_files VALUES ('default', 'run_cut', 'runs/run_cut/updates');
INSERT INTO syncline.plans VALUES ('default', 'run_done', '{"v":1,"record":{"run_id":"run_done","digest":"d1","created_at":"2026-03-01T12:00:30Z","file":{"path":"runs/run_done/plan","bytes":10,"checksum":"abababababababababababababababab"},"updates":{"path":"runs/run_done/updates","bytes":10,"checksum":"abababababababababababababababab"},"scrubbed":false,"context":{"v":3,"upper":[1,2]}}}');
INSERT INTO syncline.plans VALUES ('default', 'run_cut', '{"v":1,"record":{"run_id":"run_cut","digest":"d1","created_at":"2026-03-01T12:00:30Z","file":{"path":"runs/run_cut/plan","bytes":10,"checksum":"abababababababababababababababab"},"updates":{"path":"runs/run_cut/updates","bytes":10,"checksum":"abababababababababababababababab"},"scrubbed":false,"context":{"v":3,"upper":[1,2]}}}');
INSERT INTO syncline.row_errors OVERRIDING SYSTEM VALUE VALUES (1, 'default', 'run_done', '{"v":1,"record":{"row_id":"7","stage":"transform","code":"bad_value","message":"not a number: ''x''","field":"amount","raw_value":"x","removal":false}}');
INSERT INTO syncline.run_configs VALUES ('default', 'run_done', '{}');
INSERT INTO syncline.run_configs VALUES ('default', 'run_cut', '{}');
INSERT INTO syncline.runs VALUES ('default', 'run_done', 'sync_contact', 'sync', 'cli', 'completed', 1, 1, 0, 'correlation-done', 1772366400000000, NULL, NULL, 1772366401000000, 1772366460000000, 59000000, 0, 0, 0, 0, 0, NULL, NULL, NULL, '{"v":1,"record":{"id":"run_done","sync_id":"crm.contact","sync_uid":"sync_contact","type":"sync","trigger":"cli","status":"completed","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"correlation-done","retry_of":null,"created_at":"2026-03-01T12:00:00Z","started_at":"2026-03-01T12:00:01Z","completed_at":"2026-03-01T12:01:00Z","epoch":1,"base_generation":0,"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.0,"change_detection":0.0,"destination_writes":0.0,"finalization":0.0,"waiting":0.0},"timeline":[],"performance":{"bytes_read":0,"bytes_written":0,"peak_memory_bytes":0,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[],"error":null,"partially_written":false,"complete_read":false,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"c0ffee","planned_at":null,"halted_sync":false,"notices":["a notice with 🧪 and \"quotes\""],"retry_number":0,"takeovers":0}}');
INSERT INTO syncline.runs VALUES ('default', 'run_cut', 'sync_contact', 'one_time', 'cli', 'running', 1, 2, 1, 'correlation-cut', 1772366400000000, NULL, NULL, 1772366401000000, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, '{"v":1,"record":{"id":"run_cut","sync_id":"crm.contact","sync_uid":"sync_contact","type":"one_time","trigger":"cli","status":"running","phase":null,"options":{"read_mode":"incremental","source_ids":[],"max_entities":null,"batch_size":null,"reseed":false,"plan_of":null},"correlation_id":"correlation-cut","retry_of":null,"created_at":"2026-03-01T12:00:00Z","started_at":"2026-03-01T12:00:01Z","completed_at":null,"epoch":2,"base_generation":1,"rows_processed":0,"rows_created":0,"rows_updated":0,"rows_skipped":0,"rows_failed":0,"rows_not_attempted":0,"rows_deleted":0,"rows_delete_failed":0,"skipped":{},"durations":{"query":0.0,"change_detection":0.0,"destination_writes":0.0,"finalization":0.0,"waiting":0.0},"timeline":[],"performance":{"bytes_read":0,"bytes_written":0,"peak_memory_bytes":0,"retries":0,"api_calls":0,"api_call_seconds":0.0},"guards":[],"error":null,"partially_written":false,"complete_read":false,"not_found":[],"cursor_before":null,"cursor_after":null,"config_hash":"c0ffee","planned_at":null,"halted_sync":false,"notices":["a notice with 🧪 and \"quotes\""],"retry_number":0,"takeovers":0}}');
INSERT INTO syncline.staged_letters VALUES ('default', 'run_cut', '\x6f74686572', '{"v":1,"record":{"id":"dl_2","sync_uid":"sync_contact","sync_id":"crm.contact","entity":"contact","key":[111,116,104,101,114],"row_id":"row other","run_id":"run_cut","correlation_id":"correlation-cut","state":"open","stage":"execute","code":"row_rejected","message":"email is taken","field":"email","raw_value":"a@b","fingerprint":"f1","source_row":{"id":1,"email":"a@b"},"payload":{"email":"a@b"},"mapping_version":"m1","op":"create","attempts":1,"first_seen_at":"2026-03-01T12:00:40Z","last_seen_at":"2026-03-01T12:00:40Z","flags":[]}}');
INSERT INTO syncline.syncline_meta VALUES (1);
INSERT INTO syncline.syncs VALUES ('default', 'sync_contact', 'crm.contact', '{"v":1,"record":{"state":"halted","reason":"errors","since":"2026-03-01T12:01:00Z","failures":2}}', 'halted', -6, '{"v":1,"record":{"kind":"integer","value":41}}', 1, 2, 1772366400000000, 1772366460000000, 1772366450000000, 'c0ffee', NULL);
SELECT pg_catalog.setval('syncline.cursor_history_sequence_seq', 1, true);
SELECT pg_catalog.setval('syncline.events_draft_seq', 9, true);
SELECT pg_catalog.setval('syncline.row_errors_sequence_seq', 1, true);
ALTER TABLE ONLY syncline.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (workspace_id, sequence);
ALTER TABLE ONLY syncline.chunks
    ADD CONSTRAINT chunks_pkey PRIMARY KEY (workspace_id, run_id, number);
ALTER TABLE ONLY syncline.cursor_history
    ADD CONSTRAINT cursor_history_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY syncline.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (draft);
ALTER TABLE ONLY syncline.events
    ADD CONSTRAINT events_sequence_key UNIQUE (sequence);
ALTER TABLE ONLY syncline.generation_files
    ADD CONSTRAINT generation_files_pkey PRIMARY KEY (workspace_id, sync_uid, number, path);
ALTER TABLE ONLY syncline.generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (workspace_id, sync_uid, number);
ALTER TABLE ONLY syncline.incarnation
    ADD CONSTRAINT incarnation_pkey PRIMARY KEY (workspace_id);
ALTER TABLE ONLY syncline.letters
    ADD CONSTRAINT letters_pkey PRIMARY KEY (workspace_id, id);
ALTER TABLE ONLY syncline.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (workspace_id, id);
ALTER TABLE ONLY syncline.objects
    ADD CONSTRAINT objects_pkey PRIMARY KEY (workspace_id, kind, id);
ALTER TABLE ONLY syncline.plan_files
    ADD CONSTRAINT plan_files_pkey PRIMARY KEY (workspace_id, run_id, path);
ALTER TABLE ONLY syncline.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (workspace_id, run_id);
ALTER TABLE ONLY syncline.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (workspace_id, key);
ALTER TABLE ONLY syncline.row_errors
    ADD CONSTRAINT row_errors_pkey PRIMARY KEY (sequence);
ALTER TABLE ONLY syncline.run_configs
    ADD CONSTRAINT run_configs_pkey PRIMARY KEY (workspace_id, run_id);
ALTER TABLE ONLY syncline.run_progress
    ADD CONSTRAINT run_progress_pkey PRIMARY KEY (workspace_id, run_id);
ALTER TABLE ONLY syncline.run_uses
    ADD CONSTRAINT run_uses_pkey PRIMARY KEY (workspace_id, run_id, name);
ALTER TABLE ONLY syncline.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (workspace_id, id);
ALTER TABLE ONLY syncline.syncs
    ADD CONSTRAINT syncs_pkey PRIMARY KEY (workspace_id, uid);
CREATE INDEX audit_by_action ON syncline.audit USING btree (workspace_id, action, sequence DESC);
CREATE INDEX audit_by_actor ON syncline.audit USING btree (workspace_id, actor, sequence DESC);
CREATE INDEX audit_by_target ON syncline.audit USING btree (workspace_id, target, sequence DESC);
CREATE INDEX cursor_history_of_sync ON syncline.cursor_history USING btree (workspace_id, sync_uid, sequence DESC);
CREATE INDEX events_by_age ON syncline.events USING btree (workspace_id, at);
CREATE INDEX events_in_order ON syncline.events USING btree (workspace_id, sequence);
CREATE INDEX events_of_run ON syncline.events USING btree (workspace_id, run_id, sequence) WHERE (run_id IS NOT NULL);
CREATE INDEX events_unnumbered ON syncline.events USING btree (draft) WHERE (sequence IS NULL);
CREATE INDEX letters_by_fingerprint ON syncline.letters USING btree (workspace_id, fingerprint, last_seen_at DESC, id DESC, state, code, sync_uid);
CREATE INDEX letters_grouped ON syncline.letters USING btree (workspace_id, fingerprint, sync_uid, last_seen_at, first_seen_at, state, code);
CREATE INDEX letters_live_by_key ON syncline.letters USING hash (key) WHERE (state = ANY (ARRAY['open'::text, 'replaying'::text, 'ignored'::text]));
CREATE INDEX letters_newest ON syncline.letters USING btree (workspace_id, last_seen_at DESC, id DESC, state, code);
CREATE INDEX letters_of_row ON syncline.letters USING hash (row_id);
CREATE INDEX letters_of_run ON syncline.letters USING btree (workspace_id, run_id, last_seen_at DESC, id DESC);
CREATE INDEX letters_of_sync ON syncline.letters USING btree (workspace_id, sync_uid, last_seen_at DESC, id DESC, state, code, fingerprint);
CREATE UNIQUE INDEX letters_one_live ON syncline.letters USING btree (workspace_id, sync_uid, sha256(key)) WHERE (state = ANY (ARRAY['open'::text, 'replaying'::text, 'ignored'::text]));
CREATE INDEX notices_due ON syncline.notices USING btree (workspace_id, next_attempt_at, id) WHERE (state = 'pending'::text);
CREATE INDEX notices_newest ON syncline.notices USING btree (workspace_id, created_at DESC, id DESC);
CREATE INDEX notices_of_channel ON syncline.notices USING btree (workspace_id, channel, created_at DESC, id DESC);
CREATE INDEX requests_by_age ON syncline.requests USING btree (workspace_id, began_at);
CREATE INDEX row_errors_of_run ON syncline.row_errors USING btree (workspace_id, run_id, sequence);
CREATE INDEX run_uses_by_name ON syncline.run_uses USING btree (workspace_id, name);
CREATE INDEX runs_by_correlation ON syncline.runs USING btree (workspace_id, correlation_id, created_at DESC, id DESC);
CREATE INDEX runs_by_status ON syncline.runs USING btree (workspace_id, status, created_at DESC, id DESC, type, triggered_by);
CREATE INDEX runs_due ON syncline.runs USING btree (workspace_id, run_at, id) WHERE (status = 'scheduled'::text);
CREATE INDEX runs_ended ON syncline.runs USING btree (workspace_id, completed_at, status, duration, rows_created, rows_updated, rows_deleted, rows_failed) WHERE ((writes = 1) AND (completed_at IS NOT NULL));
CREATE INDEX runs_ended_of_sync ON syncline.runs USING btree (workspace_id, sync_uid, completed_at DESC, id DESC, status, rows_failed) WHERE ((writes = 1) AND (completed_at IS NOT NULL));
CREATE INDEX runs_newest ON syncline.runs USING btree (workspace_id, created_at DESC, id DESC, status, type, triggered_by, sync_uid);
CREATE INDEX runs_of_sync ON syncline.runs USING btree (workspace_id, sync_uid, created_at DESC, id DESC, status, type, triggered_by);
CREATE UNIQUE INDEX runs_one_scheduled ON syncline.runs USING btree (workspace_id, sync_uid) WHERE ((type = 'sync'::text) AND (status = 'scheduled'::text));
CREATE UNIQUE INDEX runs_one_writer ON syncline.runs USING btree (workspace_id, sync_uid) WHERE ((writes = 1) AND (status = ANY (ARRAY['starting'::text, 'running'::text])));
CREATE INDEX runs_unfinished ON syncline.runs USING btree (workspace_id, sync_uid, status, type, writes) WHERE (status = ANY (ARRAY['scheduled'::text, 'queued'::text, 'starting'::text, 'running'::text, 'held'::text]));
CREATE INDEX runs_waiting ON syncline.runs USING btree (workspace_id, sync_uid, writes, queue) WHERE (status = 'queued'::text);
CREATE UNIQUE INDEX staged_letters_one ON syncline.staged_letters USING btree (workspace_id, run_id, sha256(key));
CREATE INDEX syncs_by_activity ON syncline.syncs USING btree (workspace_id, activity, id);
CREATE UNIQUE INDEX syncs_by_id ON syncline.syncs USING btree (workspace_id, id);
ALTER TABLE ONLY syncline.chunks
    ADD CONSTRAINT chunks_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.plans(workspace_id, run_id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.cursor_history
    ADD CONSTRAINT cursor_history_workspace_id_sync_uid_fkey FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncline.syncs(workspace_id, uid);
ALTER TABLE ONLY syncline.generation_files
    ADD CONSTRAINT generation_files_workspace_id_sync_uid_number_fkey FOREIGN KEY (workspace_id, sync_uid, number) REFERENCES syncline.generations(workspace_id, sync_uid, number) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.generations
    ADD CONSTRAINT generations_workspace_id_sync_uid_fkey FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncline.syncs(workspace_id, uid);
ALTER TABLE ONLY syncline.letters
    ADD CONSTRAINT letters_workspace_id_sync_uid_fkey FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncline.syncs(workspace_id, uid);
ALTER TABLE ONLY syncline.plan_files
    ADD CONSTRAINT plan_files_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.plans(workspace_id, run_id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.plans
    ADD CONSTRAINT plans_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.runs(workspace_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.row_errors
    ADD CONSTRAINT row_errors_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.runs(workspace_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.run_configs
    ADD CONSTRAINT run_configs_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.runs(workspace_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.run_uses
    ADD CONSTRAINT run_uses_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.runs(workspace_id, id) ON DELETE CASCADE;
ALTER TABLE ONLY syncline.runs
    ADD CONSTRAINT runs_workspace_id_sync_uid_fkey FOREIGN KEY (workspace_id, sync_uid) REFERENCES syncline.syncs(workspace_id, uid);
ALTER TABLE ONLY syncline.staged_letters
    ADD CONSTRAINT staged_letters_workspace_id_run_id_fkey FOREIGN KEY (workspace_id, run_id) REFERENCES syncline.runs(workspace_id, id) ON DELETE CASCADE;
