"""Where a projector is made to die. Its next start must end with the view that the log makes."""

from shared.domain.events import JobExpired
from tests.faults.points.point import AFTER, BEFORE, Point, Row, is_a, is_filled, is_path

VIEW = "services.projector.view"
FILES = "services.projector.view_file"
REBUILD = "services.projector.rebuild"
ANSWERS = "services.projector.view_server:Answers"
SWEEPER = "services.projector.sweeper:Sweeper"
LEAVING = "services.projector.expiry_queries"
QUERIES = "services.projector.queries"
APPEND = "shared.jetstream.event_log:Log.append"
RENAME = "pathlib:Path.replace"

BATCH, QUESTION = Row.PROJECTOR_BATCH, Row.PROJECTOR_QUESTION
ANEW, SWEEP = Row.PROJECTOR_REBUILD, Row.PROJECTOR_SWEEP

_FOLLOWING = (
    Point(
        "projector.start.tables_made",
        "services.projector.database:create_tables",
        AFTER,
        "new",
        BATCH,
        from_start=True,
    ),
    Point(
        "projector.start.not_compared",
        "services.projector.log_identity:reconcile_checkpoint",
        BEFORE,
        "new",
        BATCH,
        from_start=True,
    ),
    Point(
        "projector.start.compared",
        "services.projector.log_identity:reconcile_checkpoint",
        AFTER,
        "new",
        BATCH,
        from_start=True,
    ),
    Point(
        "projector.start.first_batch",
        "services.projector.batch_writer:BatchWriter.take",
        AFTER,
        "new",
        BATCH,
        from_start=True,
    ),
    Point(
        "projector.batch.arrived", "services.projector.batch_writer:BatchWriter.take", BEFORE, "events", BATCH
    ),
    Point("projector.batch.not_applied", f"{VIEW}:apply_entries", BEFORE, "events", BATCH),
    Point("projector.batch.decoded", f"{VIEW}:_decode", AFTER, "events", BATCH),
    Point("projector.batch.rows_written", f"{VIEW}:upsert_jobs", AFTER, "events", BATCH),
    Point("projector.batch.totals_written", f"{VIEW}:update_totals", AFTER, "events", BATCH),
    Point("projector.batch.checkpoint_written", f"{VIEW}:update_checkpoint", AFTER, "events", BATCH),
    Point("projector.batch.committed", f"{VIEW}:apply_entries", AFTER, "events", BATCH),
    Point(
        "projector.batch.taken", "services.projector.batch_writer:BatchWriter.take", AFTER, "events", BATCH
    ),
    Point("projector.stop.told", "shared.service.runtime:_cancel", BEFORE, "stop", BATCH),
    Point("projector.stop.cancelled", "shared.service.runtime:_cancel", AFTER, "stop", BATCH),
)

_ANSWERING = (
    Point("projector.question.arrived", f"{ANSWERS}._answer", BEFORE, "question", QUESTION),
    Point("projector.question.found", f"{QUERIES}:find_job", AFTER, "question", QUESTION),
    Point("projector.question.listed", f"{QUERIES}:list_jobs", AFTER, "questions", QUESTION),
    Point("projector.question.not_sent", f"{ANSWERS}._send", BEFORE, "question", QUESTION),
)

_REBUILDING = tuple(
    Point(
        f"projector.rebuild.{name}",
        function,
        when,
        "rebuild",
        ANEW,
        "new" if name in {"renamed", "swapped"} else "old",
        about=is_path("view.sqlite.rebuild") if function == RENAME else None,
        from_start=True,
        words=("rebuild",),
    )
    for name, function, when in (
        ("not_begun", f"{REBUILD}:rebuild_view", BEFORE),
        ("tables_made", "services.projector.database:create_tables", AFTER),
        ("batch_arrived", "services.projector.batch_writer:BatchWriter.take", BEFORE),
        ("batch_committed", "services.projector.batch_writer:BatchWriter.take", AFTER),
        ("filled", f"{REBUILD}:_fill", AFTER),
        ("synced", f"{FILES}:sync_file", AFTER),
        ("not_swapped", f"{FILES}:replace_view", BEFORE),
        ("old_one_settled", f"{FILES}:_checkpoint_old", AFTER),
        ("not_renamed", RENAME, BEFORE),
        ("renamed", RENAME, AFTER),
        ("swapped", f"{FILES}:replace_view", AFTER),
    )
)

_DAMAGED = (
    Point(
        "projector.damaged.noticed",
        "services.projector.projector:Projector._rebuild",
        BEFORE,
        "damaged",
        ANEW,
        from_start=True,
    ),
    Point("projector.damaged.not_swapped", f"{FILES}:replace_view", BEFORE, "damaged", ANEW, from_start=True),
    Point(
        "projector.damaged.old_one_gone", f"{FILES}:_checkpoint_old", AFTER, "damaged", ANEW, from_start=True
    ),
)

_SWEEPING = (
    Point("projector.sweep.due_found", f"{SWEEPER}._expire", BEFORE, "sweep", SWEEP),
    Point("projector.sweep.tombstone_decided", APPEND, BEFORE, "sweep", SWEEP, about=is_a(JobExpired)),
    Point("projector.sweep.tombstone_written", APPEND, AFTER, "sweep", SWEEP, about=is_a(JobExpired)),
    Point("projector.sweep.listed", f"{VIEW}:insert_leftovers", AFTER, "sweep", SWEEP, about=is_filled),
    Point("projector.sweep.leftovers_found", f"{SWEEPER}._clear", BEFORE, "sweep", SWEEP),
    Point(
        "projector.sweep.chunks_purged", "shared.jetstream.object_store:Objects._purge", AFTER, "sweep", SWEEP
    ),
    Point("projector.sweep.one_file_gone", f"{SWEEPER}._delete_file", AFTER, "sweep", SWEEP),
    Point("projector.sweep.files_gone", f"{SWEEPER}._delete_files", AFTER, "sweep", SWEEP),
    Point(
        "projector.sweep.events_gone", "shared.jetstream.event_log:Log.purge_before", AFTER, "sweep", SWEEP
    ),
    Point("projector.sweep.struck_off", f"{LEAVING}:forget_leftovers", AFTER, "sweep", SWEEP),
    Point("projector.sweep.forgotten", f"{SWEEPER}._clear", AFTER, "sweep", SWEEP),
)

PROJECTOR_POINTS = (*_FOLLOWING, *_ANSWERING, *_REBUILDING, *_DAMAGED, *_SWEEPING)
