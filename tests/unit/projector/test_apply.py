"""A batch and its checkpoint are stored together, once, whatever is odd about the batch."""

import sqlite3
import zlib

import pytest

from services.projector.database import VERSION
from services.projector.queries import count_jobs
from services.projector.view import (
    LOADED_AT_ONCE,
    Applied,
    Oddity,
    apply_entries,
    clear_view,
    select_checkpoint,
    select_record,
)
from shared.record import JobRecord
from tests import builders
from tests.unit.projector.histories import NEWER, POISON, USERS, empty_view, odd_entry, rows_of, stored

KEY = (builders.USER, builders.JOB)
LIFE = (builders.queued(labels={"course": "cs101"}), builders.running(), builders.completed())

ROWS_OF_VERSION = {1: 4_129_895_018, 2: 819_280_849, 3: 2_192_360_663}
"""A fingerprint of what a view of that version holds after LIFE."""


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
    assert apply_entries(view, entries) == Applied(2, newer=Oddity(3, "job.paused.v9"))
    assert apply_entries(view, entries) == Applied(2, newer=Oddity(3, "job.paused.v9"))
    assert record_of(view).status == "running"


def test_a_newer_event_at_the_front_stores_nothing(view: sqlite3.Connection) -> None:
    before = rows_of(view)
    assert apply_entries(view, [odd_entry(1, NEWER)]) == Applied(0, newer=Oddity(1, "job.paused.v9"))
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
