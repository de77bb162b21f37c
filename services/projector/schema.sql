-- The view: the state of every job in the log, indexed for the requests of shared/contract/view_api.py.
-- A change here, in JobRecord, or in its fold needs a new VERSION in database.py.

CREATE TABLE checkpoint (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    sequence       INTEGER NOT NULL, -- the last entry of the log that the rows contain
    stored_at_us   INTEGER,          -- when the log stored that entry, NULL before the first
    stream_created TEXT              -- which JOBS stream it was, NULL before the first look at it
) STRICT;

CREATE TABLE jobs (
    user_id         TEXT    NOT NULL,
    job_id          TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    language        TEXT    NOT NULL,
    session         TEXT,
    reason          TEXT,             -- why it did not complete
    created_at_us   INTEGER NOT NULL,
    queued_sequence INTEGER NOT NULL,
    last_sequence   INTEGER NOT NULL,
    expires_at_us   INTEGER,          -- NULL before its end, and for a job that is kept
    log_bytes       INTEGER NOT NULL, -- what its events take in the log
    artifact_bytes  INTEGER NOT NULL, -- what its files take in the object store
    record          BLOB    NOT NULL, -- the JobRecord as JSON, without what stands in the next two
    program         BLOB,             -- names of its files, and all its arguments, as JSON
    result          BLOB,             -- its result as JSON; these are last, so that a list never reads their pages
    PRIMARY KEY (user_id, job_id)
) STRICT;

-- Each filter of view.jobs walks one of these backwards and stops when its page is full. The time is
-- the last column, so that a range of time is decided in the index, without reading a record.
CREATE INDEX jobs_by_user ON jobs (user_id, queued_sequence, created_at_us);
CREATE INDEX jobs_by_status ON jobs (user_id, status, queued_sequence, created_at_us);
CREATE INDEX jobs_by_language ON jobs (user_id, language, queued_sequence, created_at_us);

CREATE INDEX jobs_by_session ON jobs (user_id, session, queued_sequence, created_at_us)
    WHERE session IS NOT NULL;
-- Dead letters of all users, for operators.
CREATE INDEX dead_jobs ON jobs (queued_sequence) WHERE reason = 'executor_lost';

-- Jobs by expiry time, earliest first.
CREATE INDEX jobs_by_expiry ON jobs (expires_at_us) WHERE expires_at_us IS NOT NULL;

-- Jobs with a tombstone whose events or files may still have to be removed: a work list, empty when done.
CREATE TABLE expired (
    user_id   TEXT    NOT NULL,
    job_id    TEXT    NOT NULL,
    tombstone INTEGER NOT NULL, -- its sequence: events of the job before it are to go
    attempts  INTEGER NOT NULL, -- each may have left files
    artifacts INTEGER NOT NULL, -- files of the last one
    PRIMARY KEY (user_id, job_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE labels (
    user_id         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    value           TEXT    NOT NULL,
    queued_sequence INTEGER NOT NULL,
    PRIMARY KEY (user_id, name, value, queued_sequence)
) STRICT, WITHOUT ROWID;

-- Updated with every batch: counting all jobs for view.stats would take longer with every job.
CREATE TABLE totals (
    status TEXT    PRIMARY KEY,
    jobs   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each user with a job holds. The triggers below update it on every write of a job.
CREATE TABLE usage (
    user_id        TEXT    PRIMARY KEY,
    jobs           INTEGER NOT NULL,
    log_bytes      INTEGER NOT NULL,
    artifact_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER job_inserted AFTER INSERT ON jobs BEGIN
    INSERT INTO usage VALUES (new.user_id, 1, new.log_bytes, new.artifact_bytes)
    ON CONFLICT (user_id) DO UPDATE SET
        jobs = jobs + 1,
        log_bytes = log_bytes + excluded.log_bytes,
        artifact_bytes = artifact_bytes + excluded.artifact_bytes;
END;

CREATE TRIGGER job_updated AFTER UPDATE OF log_bytes, artifact_bytes ON jobs BEGIN
    UPDATE usage SET
        log_bytes = log_bytes + new.log_bytes - old.log_bytes,
        artifact_bytes = artifact_bytes + new.artifact_bytes - old.artifact_bytes
    WHERE user_id = new.user_id;
END;

CREATE TRIGGER job_deleted AFTER DELETE ON jobs BEGIN
    UPDATE usage SET
        jobs = jobs - 1,
        log_bytes = log_bytes - old.log_bytes,
        artifact_bytes = artifact_bytes - old.artifact_bytes
    WHERE user_id = old.user_id;
    DELETE FROM usage WHERE user_id = old.user_id AND jobs = 0;
END;
