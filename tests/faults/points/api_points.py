"""Where an api is made to die. Each scenario repeats as clients do, and says itself what must be left."""

from shared.domain.events import JobCancelled, JobCancelRequested, JobExpired, JobQueued
from tests.faults.points.point import AFTER, BEFORE, Point, Row, is_a, is_exactly, text

APPEND = "shared.jetstream.event_log:Log.append"
PUT = "services.api.sessions.kv_bucket:Bucket.put"
SUBMISSIONS = "services.api.jobs.submit:Submissions"
ERASURES = "services.api.operators.erasures:Erasures"

STORE = "shared.jetstream.event_log:Log.store"

ACCEPTED, STORED, ELSE = Row.API_APPEND, Row.API_INPUT, Row.API_ELSEWHERE

_BEGINNING = (
    Point(
        "api.start.floor_asked", "shared.provision:executor_floor", BEFORE, "submit", ELSE, from_start=True
    ),
    Point("api.start.listening", "shared.service.runtime:listen_at", AFTER, "submit", ELSE, from_start=True),
    Point(
        "api.start.following",
        "services.api.quotas.unfinished_jobs:UnfinishedJobs.follow",
        BEFORE,
        "submit",
        ELSE,
        from_start=True,
    ),
)

_SUBMITTING = (
    Point("api.token.checked", "shared.auth.tokens:Tokens.check", AFTER, "submit", ELSE),
    Point("api.quota.admitted", "services.api.quotas.quotas:Quotas.admit", AFTER, "submit", ELSE),
    Point("api.quota.has_room", "services.api.quotas.quotas:Quotas.check_room", AFTER, "submit", ELSE),
    Point("api.submit.not_appended", APPEND, BEFORE, "submit", ELSE, about=is_a(JobQueued)),
    Point(
        "api.submit.published",
        "shared.jetstream.connection:Broker.publish",
        AFTER,
        "submit",
        ACCEPTED,
        about=text("jobs."),
    ),
    Point("api.submit.appended", APPEND, AFTER, "submit", ACCEPTED, about=is_a(JobQueued)),
    Point(
        "api.submit.not_answered", "services.api.http.json_response:json_answer", BEFORE, "submit", ACCEPTED
    ),
    Point("api.replay.found", f"{SUBMISSIONS}._earlier", BEFORE, "replay", ACCEPTED),
    Point("api.replay.read", f"{SUBMISSIONS}._earlier", AFTER, "replay", ACCEPTED),
    Point(
        "api.wait.not_begun", "services.api.jobs.wait:JobWaiter.wait_until_finished", BEFORE, "wait", ACCEPTED
    ),
    # A user is called as his point.
    Point(
        "api.wait.end_seen",
        "services.api.quotas.unfinished_jobs:UnfinishedJobs._remove",
        AFTER,
        "wait",
        ACCEPTED,
        about=is_exactly("api.wait.end_seen"),
    ),
    Point("api.wait.over", "services.api.jobs.wait:JobWaiter.wait_until_finished", AFTER, "wait", ACCEPTED),
    Point("api.batch.in_the_middle", APPEND, AFTER, "batch", ACCEPTED, about=is_a(JobQueued), time=3),
    Point("api.batch.all_appended", "services.api.jobs.batch:submit_all", AFTER, "batch", ACCEPTED),
)

_CANCELLING = (
    Point("api.cancel_queued.decided", APPEND, BEFORE, "cancel_queued", ELSE, about=is_a(JobCancelled)),
    Point("api.cancel_queued.appended", APPEND, AFTER, "cancel_queued", ELSE, about=is_a(JobCancelled)),
    Point(
        "api.cancel_running.decided", APPEND, BEFORE, "cancel_running", ELSE, about=is_a(JobCancelRequested)
    ),
    Point(
        "api.cancel_running.appended", APPEND, AFTER, "cancel_running", ELSE, about=is_a(JobCancelRequested)
    ),
)

_INPUT = (
    Point("api.input.arrived", "shared.jetstream.input_log:InputLog.add", BEFORE, "talk", ELSE),
    Point("api.input.not_stored", STORE, BEFORE, "talk", ELSE, about=text("input.")),
    Point(
        "api.input.published",
        "shared.jetstream.connection:Broker.publish",
        AFTER,
        "talk",
        STORED,
        about=text("input."),
    ),
    Point("api.input.stored", STORE, AFTER, "talk", STORED, about=text("input.")),
    Point("api.input.end_stored", STORE, AFTER, "talk", STORED, about=text("input."), time=2),
    # A user is called as his point.
    Point(
        "api.input.not_removed",
        "shared.jetstream.input_log:purge_input",
        BEFORE,
        "talk",
        ELSE,
        about=is_exactly("api.input.not_removed"),
    ),
)

_SESSIONS = (
    Point("api.session.not_created", PUT, BEFORE, "session", ELSE),
    Point("api.session.created", PUT, AFTER, "session", ELSE),
    Point("api.session.not_saved", PUT, BEFORE, "session", ELSE, time=2),
    Point("api.session.saved", PUT, AFTER, "session", ELSE, time=2),
    Point("api.session_run.named", PUT, AFTER, "session_run", ELSE, time=2),
    Point("api.session_run.appended", APPEND, AFTER, "session_run", ACCEPTED, about=is_a(JobQueued)),
)

_FILES = (
    Point(
        "api.upload.in_the_middle",
        "shared.jetstream.object_store:Objects.store_chunk",
        AFTER,
        "upload",
        ELSE,
        time=2,
    ),
    Point("api.upload.in_chunks", "shared.jetstream.object_store:Upload.describe", AFTER, "upload", ELSE),
    Point("api.upload.visible", "services.api.files.service:UserFiles._store", AFTER, "upload", ELSE),
    Point(
        "api.upload.chunks_gone", "shared.jetstream.object_store:Objects.purge_chunks", AFTER, "upload", ELSE
    ),
)

_OPERATORS = (
    Point("api.retry.decided", APPEND, BEFORE, "retry", ELSE, about=is_a(JobQueued)),
    Point("api.retry.appended", APPEND, AFTER, "retry", ACCEPTED, about=is_a(JobQueued)),
    Point("api.erase.sessions_gone", f"{ERASURES}._forget_sessions", AFTER, "erase", ELSE),
    Point("api.erase.first_decided", APPEND, BEFORE, "erase", ELSE, about=is_a(JobExpired)),
    Point("api.erase.between_jobs", APPEND, AFTER, "erase", ELSE, about=is_a(JobExpired)),
    Point("api.erase.all_jobs", f"{ERASURES}._expire_jobs", AFTER, "erase", ELSE),
)

_READING = (
    Point("api.audit.not_begun", "services.api.audit.event_reader:Audit.open", AFTER, "audit", ELSE),
    Point("api.audit.in_the_middle", "services.api.audit.routes:_chunks", AFTER, "audit", ELSE, time=2),
    Point(
        "api.file.in_the_middle", "shared.jetstream.object_store:Objects.read", AFTER, "file", ELSE, time=2
    ),
    Point("api.list.view_asked", "services.api.jobs.queries:Queries._ask", BEFORE, "listing", ELSE),
    Point("api.list.view_answered", "services.api.jobs.queries:Queries._ask", AFTER, "listing", ELSE),
)

_END = (
    Point(
        "api.stop.told", "services.api.quotas.unfinished_jobs:UnfinishedJobs.close", BEFORE, "stop", ACCEPTED
    ),
    Point(
        "api.stop.waits_ended",
        "services.api.quotas.unfinished_jobs:UnfinishedJobs.close",
        AFTER,
        "stop",
        ACCEPTED,
    ),
    Point("api.stop.served", "shared.service.runtime:_cancel", AFTER, "stop", ACCEPTED),
)

API_POINTS = (
    *_BEGINNING,
    *_SUBMITTING,
    *_CANCELLING,
    *_INPUT,
    *_SESSIONS,
    *_FILES,
    *_OPERATORS,
    *_READING,
    *_END,
)
