"""Where an executor is made to die. `then` is the job's story in the log afterwards, or those it may have."""

from shared.domain.events import JobCancelled, JobCompleted, JobFailed, JobRunning
from tests.faults.points.point import AFTER, BEFORE, Point, Row, is_a, is_exactly, text

ATTEMPTS = "services.executor.attempts.runner:Attempts"
APPEND = "shared.jetstream.event_log:Log.append"
CONSUMER = "shared.jetstream.pull_consumer:Consumer"
PUBLISH = "shared.jetstream.connection:Broker.publish"
GIVE = "services.executor.attempts.live_input:LiveInput._give"
PURGE_INPUT = "shared.jetstream.input_log:purge_input"
STAGES = "services.executor.attempts.stages:Stages"
SCHEDULER = "services.executor.scheduling.scheduler:Scheduler"

ONCE = "queued running completed"
TWICE = "queued running running completed"
EITHER = f"{ONCE} | {TWICE}"
STOPPED = "queued running cancel_requested cancelled"
STOPPED_LATER = "queued running running cancel_requested cancelled"
STOPPED_AND_OTHERS = f"{STOPPED_LATER} / {ONCE} / {ONCE}"
LOST = "queued running failed"

FETCH, RUNNING, FILE = Row.EXECUTOR_FETCH, Row.EXECUTOR_RUNNING, Row.EXECUTOR_FILE
INPUT, PURGE = Row.EXECUTOR_INPUT, Row.EXECUTOR_PURGE
TERMINAL, DRAIN = Row.EXECUTOR_TERMINAL, Row.EXECUTOR_DRAIN

_BEGINNING = (
    Point(
        "executor.start.zygote_started",
        "services.executor.sandbox.warm.zygote:start_zygote",
        AFTER,
        "start",
        FETCH,
        ONCE,
        from_start=True,
    ),
    Point(
        "executor.start.languages_known",
        "services.executor.languages.catalogue:probe_languages",
        AFTER,
        "start",
        FETCH,
        ONCE,
        from_start=True,
    ),
    Point(
        "executor.start.floor_known",
        "shared.provision:executor_floor",
        AFTER,
        "start",
        FETCH,
        ONCE,
        from_start=True,
    ),
    Point(
        "executor.presence.announced",
        "shared.jetstream.presence:announce",
        AFTER,
        "start",
        FETCH,
        EITHER,
        from_start=True,
    ),
    Point("executor.fetch.arrived", f"{SCHEDULER}._deliver", BEFORE, "plain", FETCH, ONCE),
    Point("executor.fetch.held", f"{SCHEDULER}._deliver", AFTER, "plain", FETCH, ONCE),
    Point("executor.slot.taken", f"{ATTEMPTS}.perform", BEFORE, "plain", FETCH, ONCE),
    Point(
        "executor.cell.taken", "services.executor.sandbox.warm.pools:Pools.take", AFTER, "plain", FETCH, ONCE
    ),
    Point("executor.running.not_appended", APPEND, BEFORE, "plain", FETCH, ONCE, about=is_a(JobRunning)),
    Point("executor.running.published", PUBLISH, AFTER, "plain", RUNNING, EITHER, about=text("jobs.")),
    Point("executor.running.appended", APPEND, AFTER, "plain", RUNNING, TWICE, about=is_a(JobRunning)),
)

_STAGES = (
    Point(
        "executor.cell.begun", "services.executor.sandbox.warm.run:Run.begin", AFTER, "plain", RUNNING, TWICE
    ),
    Point(
        "executor.output.noted",
        "services.executor.attempts.feed_publisher:Feed._send_one",
        AFTER,
        "plain",
        RUNNING,
        TWICE,
        time=2,
    ),
    Point("executor.compile.ended", f"{STAGES}._run_stage", AFTER, "compiled", RUNNING, TWICE),
    Point("executor.run.ended", f"{STAGES}._run_stage", AFTER, "plain", RUNNING, TWICE),
    Point(
        "executor.feed.closed",
        "services.executor.attempts.feed_publisher:Feed.close",
        AFTER,
        "plain",
        RUNNING,
        TWICE,
    ),
    Point(
        "executor.heartbeat.due", PUBLISH, BEFORE, "long", RUNNING, STOPPED_LATER, about=is_exactly(b"+WPI")
    ),
    Point(
        "executor.heartbeat.sent", PUBLISH, AFTER, "long", RUNNING, STOPPED_LATER, about=is_exactly(b"+WPI")
    ),
    Point(
        "executor.file.in_chunks",
        "shared.jetstream.object_store:Upload.describe",
        AFTER,
        "files",
        FILE,
        TWICE,
    ),
    Point("executor.file.stored", "shared.jetstream.object_store:Objects.put", AFTER, "files", FILE, TWICE),
    Point(
        "executor.file.next_begun",
        "shared.jetstream.object_store:Objects.put",
        BEFORE,
        "files",
        FILE,
        TWICE,
        time=2,
    ),
    Point(
        "executor.file.all_stored",
        "services.executor.attempts.artifacts:Artifacts.keep",
        AFTER,
        "files",
        FILE,
        TWICE,
    ),
    Point(
        "executor.superseded.seen",
        "services.executor.scheduling.execution:Execution.ask_to_stop",
        BEFORE,
        "superseded",
        RUNNING,
        "queued running running running cancel_requested cancelled",
        about=is_exactly("superseded"),
    ),
    Point(
        "executor.cancel.seen",
        "services.executor.scheduling.execution:Execution.ask_to_stop",
        BEFORE,
        "cancelled",
        RUNNING,
        STOPPED,
        about=is_exactly("cancelled"),
    ),
    Point(
        "executor.cancel.not_appended",
        APPEND,
        BEFORE,
        "cancelled",
        RUNNING,
        STOPPED,
        about=is_a(JobCancelled),
    ),
    Point(
        "executor.cancel.appended",
        APPEND,
        AFTER,
        "cancelled",
        TERMINAL,
        STOPPED,
        about=is_a(JobCancelled),
    ),
)

_INPUT = (
    Point("executor.input.not_given", GIVE, BEFORE, "talk", RUNNING, TWICE),
    Point("executor.input.given", GIVE, AFTER, "talk", INPUT, TWICE),
    Point("executor.input.next_not_given", GIVE, BEFORE, "talk", INPUT, TWICE, time=2),
    Point("executor.input.end_given", GIVE, AFTER, "talk", INPUT, TWICE, time=2),
    Point("executor.input.not_removed", PURGE_INPUT, BEFORE, "talk", PURGE, ONCE),
    Point("executor.input.removed", PURGE_INPUT, AFTER, "talk", TERMINAL, ONCE),
)

_END = (
    Point("executor.end.not_appended", APPEND, BEFORE, "plain", RUNNING, TWICE, about=is_a(JobCompleted)),
    Point("executor.end.published", PUBLISH, AFTER, "plain", RUNNING, EITHER, about=text(end=".completed")),
    Point("executor.end.appended", APPEND, AFTER, "plain", TERMINAL, ONCE, about=is_a(JobCompleted)),
    Point("executor.end.not_acknowledged", f"{CONSUMER}.ack", BEFORE, "plain", TERMINAL, ONCE),
    Point("executor.end.acknowledged", f"{CONSUMER}.ack", AFTER, "plain", TERMINAL, ONCE),
    Point(
        "executor.lost.not_appended",
        APPEND,
        BEFORE,
        "lost",
        RUNNING,
        LOST,
        about=is_a(JobFailed),
        from_start=True,
    ),
    Point(
        "executor.lost.appended",
        APPEND,
        AFTER,
        "lost",
        TERMINAL,
        LOST,
        about=is_a(JobFailed),
        from_start=True,
    ),
    Point(
        "executor.stop.withdrawn",
        "shared.jetstream.presence:withdraw",
        AFTER,
        "stop",
        DRAIN,
        STOPPED_AND_OTHERS,
    ),
    Point("executor.stop.draining", f"{SCHEDULER}.drain", BEFORE, "stop", DRAIN, STOPPED_AND_OTHERS),
    Point(
        "executor.stop.not_given_back",
        f"{CONSUMER}.give_back",
        BEFORE,
        "stop",
        DRAIN,
        STOPPED_AND_OTHERS,
    ),
    Point(
        "executor.stop.given_back",
        f"{CONSUMER}.give_back",
        AFTER,
        "stop",
        DRAIN,
        STOPPED_AND_OTHERS,
    ),
    Point(
        "executor.stop.drained", f"{SCHEDULER}.drain", AFTER, "drain", DRAIN, f"{STOPPED} / {ONCE} / {ONCE}"
    ),
)

EXECUTOR_POINTS = (*_BEGINNING, *_STAGES, *_INPUT, *_END)
