"""A batch and its checkpoint are stored together, once, whatever is odd about the batch."""

import dataclasses
import sqlite3
import tracemalloc
import zlib
from datetime import timedelta

import msgspec
import pytest

from services.projector.database import VERSION
from services.projector.expiry_queries import (
    forget_job,
    forget_leftovers,
    select_due,
    select_leftovers,
)
from services.projector.queries import count_jobs, find_usage
from services.projector.rows import (
    LOADED_AT_ONCE,
    PendingCleanup,
    clear_view,
    microseconds,
    select_checkpoint,
    select_record,
)
from services.projector.view import Applied, SkippedEntry, apply_entries
from shared.contract.view_api import UsageQuestion
from shared.domain.events import Event
from shared.domain.record import JobRecord
from shared.domain.result import Artifact
from shared.domain.shares import file_bytes
from tests import builders
from tests.system.largest import TEXTS, ended, submitted
from tests.unit.projector.histories import NEWER, POISON, USERS, empty_view, odd_entry, rows_of, stored

MB = 1_000_000
KEY = (builders.USER, builders.JOB)
LIFE = (builders.queued(labels={"course": "cs101"}), builders.running(), builders.completed())

ROWS_OF_VERSION = {
    1: 4_129_895_018,
    2: 819_280_849,
    3: 43_613_439,
    4: 4_025_257_867,
    5: 1_379_360_833,
    6: 682_146_547,
    7: 1_493_274_717,
    8: 2_127_817_297,
    9: 2_668_653_383,
}
"""A fingerprint of what a view of that version holds after LIFE, the bytes of its events included."""


def record_of(view: sqlite3.Connection, key: tuple[str, str] = KEY) -> JobRecord:
    record = select_record(view, key)
    assert record is not None
    return record


def test_a_whole_life_in_one_batch(view: sqlite3.Connection) -> None:
    assert apply_entries(view, stored(LIFE)) == Applied(3)
    record = record_of(view)
    assert (record.status, record.queued_sequence, record.last_sequence) == ("completed", 1, 3)
    assert record.result == builders.result()
    assert record.labels == {"course": "cs101"}


def test_what_a_user_holds_is_counted_until_it_is_gone(view: sqlite3.Connection) -> None:
    file = Artifact(path="a", size=5_000, sha256="ab" * 32)
    left = msgspec.structs.replace(builders.result(), artifacts=(file,))
    entries = stored([*LIFE[:2], msgspec.structs.replace(builders.completed(), result=left)])
    for entry in entries[:2]:
        apply_entries(view, [entry])
    before = find_usage(view, UsageQuestion(user_id=builders.USER))
    assert (before.jobs, before.log_bytes) == (1, sum(one.stored_bytes for one in entries[:2]))
    assert before.artifact_bytes == 0
    for _ in range(2):
        apply_entries(view, entries)
    after = find_usage(view, UsageQuestion(user_id=builders.USER))
    assert (after.checkpoint, after.jobs) == (3, 1)
    assert after.log_bytes == sum(one.stored_bytes for one in entries)
    assert after.artifact_bytes == file_bytes(5_000)
    assert find_usage(view, UsageQuestion(user_id="somebody else")).log_bytes == 0
    apply_entries(view, stored([builders.expired()], first=4))
    gone = find_usage(view, UsageQuestion(user_id=builders.USER))
    assert (gone.jobs, gone.log_bytes, gone.artifact_bytes) == (0, 0, 0)
    assert view.execute("SELECT count(*) FROM usage").fetchone() == (0,)


def test_a_life_in_three_batches_is_the_same(view: sqlite3.Connection) -> None:
    for entry in stored(LIFE):
        apply_entries(view, [entry])
    split = rows_of(view)
    other = empty_view()
    apply_entries(other, stored(LIFE))
    assert split == rows_of(other)
    other.close()


def test_the_checkpoint_names_the_last_entry_and_its_time(view: sqlite3.Connection) -> None:
    entries = stored(LIFE)
    apply_entries(view, entries)
    checkpoint = select_checkpoint(view)
    assert (checkpoint.sequence, checkpoint.stored_at) == (3, entries[-1].stored_at)


def test_entries_up_to_the_checkpoint_change_nothing(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE))
    before = rows_of(view)
    assert apply_entries(view, stored(LIFE)) == Applied(3)
    assert apply_entries(view, stored([builders.queued(builders.job_id())], first=2)) == Applied(3)
    assert rows_of(view) == before


def test_a_batch_that_overlaps_the_checkpoint_adds_only_what_is_new(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE[:2]))
    assert apply_entries(view, stored(LIFE)) == Applied(3)
    assert record_of(view).status == "completed"
    assert count_jobs(view).jobs["completed"] == 1


def test_totals_follow_every_change_of_status(view: sqlite3.Connection) -> None:
    seen = []
    for entry in stored(LIFE):
        apply_entries(view, [entry])
        seen.append({status: count for status, count in count_jobs(view).jobs.items() if count})
    assert seen == [{"queued": 1}, {"running": 1}, {"completed": 1}]


@pytest.mark.parametrize("kind", TEXTS)
def test_memory_does_not_grow_with_a_batch(view: sqlite3.Connection, kind: str) -> None:
    """Of 24 to 65 MB; decoded all at once, one emoji in each text would make 124 MB of 24."""
    jobs = [submitted(kind, number) for number in range(1, 17)]
    entries = stored(
        [event for job in jobs for event in (job, builders.running(job.job_id, kind), ended(job))]
    )
    assert sum(len(entry.payload) for entry in entries) > 24 * MB
    tracemalloc.start()
    try:
        assert apply_entries(view, entries).checkpoint == len(entries)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 * MB


def test_a_failure_inside_the_transaction_stores_nothing(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE[:1]))
    before = rows_of(view)
    view.execute(
        "CREATE TEMP TRIGGER full BEFORE UPDATE ON checkpoint BEGIN SELECT raise(ABORT, 'full'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        apply_entries(view, stored(LIFE))
    view.execute("DROP TRIGGER full")
    assert not view.in_transaction
    assert rows_of(view) == before
    assert apply_entries(view, stored(LIFE)) == Applied(3)


def test_poison_is_skipped_told_and_passed(view: sqlite3.Connection) -> None:
    entries = [*stored(LIFE[:1]), odd_entry(2, POISON), *stored(LIFE[1:], first=3), odd_entry(5, b"{}")]
    applied = apply_entries(view, entries)
    assert applied.checkpoint == 5
    assert [poison.sequence for poison in applied.poison] == [2, 5]
    assert record_of(view).status == "completed"


def test_an_event_of_another_job_than_its_subject_is_poison(view: sqlite3.Connection) -> None:
    """A writer that may publish for one user must not reach into another's view."""
    forged = odd_entry(1, stored([builders.queued(user="bob")])[0].payload)
    assert [poison.sequence for poison in apply_entries(view, [forged]).poison] == [1]
    assert rows_of(view)["jobs"] == []


def test_a_newer_event_ends_the_batch_before_it(view: sqlite3.Connection) -> None:
    entries = [*stored(LIFE[:2]), odd_entry(3, NEWER), *stored(LIFE[2:], first=4)]
    assert apply_entries(view, entries) == Applied(2, newer=SkippedEntry(3, "job.paused.v9"))
    assert apply_entries(view, entries) == Applied(2, newer=SkippedEntry(3, "job.paused.v9"))
    assert record_of(view).status == "running"


def test_a_newer_event_at_the_front_stores_nothing(view: sqlite3.Connection) -> None:
    before = rows_of(view)
    assert apply_entries(view, [odd_entry(1, NEWER)]) == Applied(0, newer=SkippedEntry(1, "job.paused.v9"))
    assert rows_of(view) == before


def test_an_empty_batch_changes_nothing(view: sqlite3.Connection) -> None:
    assert apply_entries(view, []) == Applied(0)


def test_the_end_of_a_job_whose_beginning_has_left_is_passed(view: sqlite3.Connection) -> None:
    assert apply_entries(view, stored(LIFE[1:], first=7)) == Applied(8)
    assert rows_of(view)["jobs"] == []


def test_a_second_beginning_changes_nothing(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE))
    before = rows_of(view)
    apply_entries(view, stored([builders.queued(language="bash", labels={"x": "y"})], first=4))
    after = rows_of(view)
    assert after.pop("checkpoint") != before.pop("checkpoint")
    assert after == before


@pytest.mark.parametrize("user", USERS)
def test_any_user_id_is_found_again_by_the_next_batch(view: sqlite3.Connection, user: str) -> None:
    apply_entries(view, stored([builders.queued(user=user)]))
    apply_entries(view, stored([builders.running(user=user)], first=2))
    record = record_of(view, (user, builders.JOB))
    assert (record.user_id, record.status, record.queued_sequence) == (user, "running", 1)


def test_more_jobs_than_one_statement_loads(view: sqlite3.Connection) -> None:
    jobs = [builders.job_id() for _ in range(2 * LOADED_AT_ONCE + 1)]
    apply_entries(view, stored(builders.queued(job) for job in jobs))
    apply_entries(view, stored([builders.running(job) for job in jobs], first=len(jobs) + 1))
    assert count_jobs(view).jobs["running"] == len(jobs)


def test_a_change_of_the_rows_needs_a_new_version(view: sqlite3.Connection) -> None:
    """Rows of an older shape would go on beside new ones: raise VERSION, and add what this finds."""
    apply_entries(view, stored(LIFE))
    assert ROWS_OF_VERSION.get(VERSION) == zlib.crc32(repr(rows_of(view)).encode())


def test_a_cleared_view_is_an_empty_one_of_the_named_stream(view: sqlite3.Connection) -> None:
    other = empty_view()
    clear_view(other, "2026-01-01T00:00:00Z")
    apply_entries(view, stored(LIFE))
    clear_view(view, "2026-01-01T00:00:00Z")
    assert rows_of(view) == rows_of(other)
    other.close()


# --- what is gone

GONE = (*LIFE, builders.expired())


def test_an_expired_job_leaves_nothing_but_a_place_on_the_list(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE))
    apply_entries(view, stored([builders.expired()], first=4))
    rows = rows_of(view)
    assert (rows["jobs"], rows["labels"]) == ([], [])
    assert set(count_jobs(view).jobs.values()) == {0}
    assert select_leftovers(view, 10) == [
        PendingCleanup(builders.USER, builders.JOB, 4, attempts=1, artifacts=0)
    ]


def test_a_whole_life_with_its_tombstone_in_one_batch_is_the_same(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(GONE))
    other = empty_view()
    for one in stored(GONE):
        apply_entries(other, [one])
    assert rows_of(view) == rows_of(other)
    other.close()


def test_the_tombstone_of_an_unknown_job_is_on_the_list_too(view: sqlite3.Connection) -> None:
    """The view is new, and a crash may have left a part of the job behind."""
    apply_entries(view, stored([builders.expired()], first=9))
    assert select_leftovers(view, 10) == [PendingCleanup(builders.USER, builders.JOB, 9)]


def test_the_list_knows_how_many_files_there_were(view: sqlite3.Connection) -> None:
    files = tuple(Artifact(path=name, size=1, sha256="0" * 64) for name in "abc")
    completed = msgspec.structs.replace(
        builders.completed(attempt=2), result=msgspec.structs.replace(builders.result(), artifacts=files)
    )
    life: list[Event] = [builders.queued(), builders.running(), builders.running(attempt=2), completed]
    apply_entries(view, stored([*life, builders.expired()]))
    assert select_leftovers(view, 10) == [
        PendingCleanup(builders.USER, builders.JOB, 5, attempts=2, artifacts=3)
    ]


def test_only_finished_jobs_become_due(view: sqlite3.Connection) -> None:
    other = builders.job_id()
    end_us = microseconds(builders.completed().time)
    apply_entries(view, stored([builders.queued(ttl_s=60), builders.queued(other, ttl_s=1)]))
    assert select_due(view, 10**18, 10) == []
    apply_entries(view, stored([builders.running(), builders.completed()], first=3))
    assert select_due(view, end_us + 60 * 10**6 - 1, 10) == []
    assert [due.key for due in select_due(view, end_us + 60 * 10**6, 10)] == [KEY]


def test_a_job_without_a_time_to_live_is_never_due(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(LIFE))
    assert select_due(view, 10**18, 10) == []
    assert record_of(view).expires_at is None


def test_a_record_tells_when_it_leaves(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued(ttl_s=60)]))
    assert (record_of(view).ttl_s, record_of(view).expires_at) == (60, None)
    apply_entries(view, stored(LIFE[1:], first=2))
    assert record_of(view).expires_at == builders.completed().time + timedelta(seconds=60)


def test_what_the_log_has_forgotten_is_forgotten(view: sqlite3.Connection) -> None:
    before = rows_of(view)
    apply_entries(view, stored(LIFE))
    forget_job(view, KEY)
    forget_job(view, KEY)
    after = rows_of(view)
    assert after.pop("checkpoint") != before.pop("checkpoint")
    assert after == before


def test_only_the_same_tombstone_is_struck_off(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(GONE))
    (left,) = select_leftovers(view, 10)
    forget_leftovers(view, dataclasses.replace(left, tombstone=left.tombstone - 1))
    assert select_leftovers(view, 10) == [left]
    forget_leftovers(view, left)
    assert select_leftovers(view, 10) == []


def test_a_second_life_under_the_same_key_is_another_job(view: sqlite3.Connection) -> None:
    """An idempotency key that was used again after the tombstone had left."""
    apply_entries(view, stored(GONE))
    apply_entries(view, stored([builders.queued(language="bash")], first=9))
    record = record_of(view)
    assert (record.status, record.language, record.queued_sequence) == ("queued", "bash", 9)
