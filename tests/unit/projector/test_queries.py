"""What questions find: pages, each filter, hostile values, and nothing of anybody else's."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import msgspec
import pytest

from services.projector.database import ViewUnusableError
from services.projector.queries import count_jobs, find_job, jobs_statement, list_jobs
from services.projector.view import apply_entries
from shared.contract.view_api import PAGE_BYTES_MAX, PAGE_MAX, JobQuestion, JobsAnswer, JobsQuestion
from shared.domain.events import Event
from shared.domain.record import JobRecord, fold, summary_of
from tests import builders
from tests.unit.projector.histories import USERS, entry, random_history, stored

HOSTILE = (
    "a.b",
    "$.x",
    "$[0]",
    '"',
    "'",
    "' OR 1=1 --",
    "%",
    "_",
    "a%",
    "*",
    "",
    "\x00",
    "a\x00b",
    "ä",
    "\\",
    ":name",
    "?",
)


def ask(view: sqlite3.Connection, **question: object) -> JobsAnswer:
    fields = {"user_id": builders.USER, **question}
    return list_jobs(view, JobsQuestion(**fields))  # type: ignore[arg-type]  # the caller names real fields


def sequences(answer: JobsAnswer) -> list[int]:
    return [job.queued_sequence for job in answer.jobs]


def record_of(view: sqlite3.Connection) -> JobRecord:
    record = find_job(view, JobQuestion(user_id=builders.USER, job_id=builders.JOB)).job
    assert record is not None
    return record


def test_a_job_is_answered_whole(view: sqlite3.Connection) -> None:
    record: JobRecord | None = None
    events: list[Event] = [builders.queued(), builders.running(), builders.completed()]
    for sequence, event in enumerate(events, 1):
        record = fold(record, event, sequence)
    apply_entries(view, stored(events))
    answer = find_job(view, JobQuestion(user_id=builders.USER, job_id=builders.JOB))
    assert answer.job == record
    assert answer.checkpoint == 3


def test_an_unknown_job_is_none_and_the_checkpoint_tells_up_to_where(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued()]))
    answer = find_job(view, JobQuestion(user_id=builders.USER, job_id=builders.job_id()))
    assert (answer.job, answer.checkpoint) == (None, 1)


def test_another_users_job_is_not_visible(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued(labels={"a": "b"})]))
    assert find_job(view, JobQuestion(user_id="bob", job_id=builders.JOB)).job is None
    assert ask(view, user_id="bob").jobs == ()
    assert ask(view, user_id="bob", label=("a", "b")).jobs == ()


@pytest.mark.parametrize("user", ["*", "%", "_____", "alice'--", "ALICE", "alice ", "alice\x00", "a*"])
def test_no_user_id_matches_another(view: sqlite3.Connection, user: str) -> None:
    apply_entries(view, stored([builders.queued()]))
    assert find_job(view, JobQuestion(user_id=user, job_id=builders.JOB)).job is None
    assert ask(view, user_id=user).jobs == ()


@pytest.mark.parametrize("user", USERS)
def test_any_user_id_finds_its_own(view: sqlite3.Connection, user: str) -> None:
    apply_entries(view, stored([builders.queued(user=user), builders.queued(user="other")]))
    assert find_job(view, JobQuestion(user_id=user, job_id=builders.JOB)).job is not None
    assert sequences(ask(view, user_id=user)) == [1]


def test_pages_hold_every_job_once_newest_first(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(builders.queued(builders.job_id()) for _ in range(25)))
    pages, before = [], None
    while True:
        answer = ask(view, limit=10, before=before)
        pages.append(sequences(answer))
        if (before := answer.before) is None:
            break
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [sequence for page in pages for sequence in page] == list(range(25, 0, -1))


def test_a_last_page_that_is_full_has_no_successor(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(builders.queued(builders.job_id()) for _ in range(10)))
    assert ask(view, limit=10).before is None


def test_a_page_is_not_moved_by_newer_jobs(view: sqlite3.Connection) -> None:
    apply_entries(view, stored(builders.queued(builders.job_id()) for _ in range(4)))
    first = ask(view, limit=2)
    apply_entries(view, stored([builders.queued(builders.job_id())], first=5))
    assert sequences(ask(view, limit=2, before=first.before)) == [2, 1]


def test_lists_leave_out_what_may_be_large(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued(args=("x",)), builders.running(), builders.completed()]))
    (job,) = ask(view).jobs
    assert job == JobRecord(
        **msgspec.structs.asdict(summary_of(record_of(view))), files=(), args=(), result=None
    )
    assert job.status == "completed"


def test_a_page_ends_where_its_bytes_are_used_up_and_goes_on_there(view: sqlite3.Connection) -> None:
    labels = {f"name-{number}": "\x01" * 256 for number in range(16)}
    apply_entries(view, stored(builders.queued(builders.job_id(), labels=labels) for _ in range(100)))
    pages, before = [], None
    while True:
        answer = ask(view, limit=PAGE_MAX, before=before)
        pages.append(sequences(answer))
        assert len(msgspec.json.encode(answer)) < PAGE_BYTES_MAX * 1.1
        if (before := answer.before) is None:
            break
    assert len(pages) == 3
    assert [sequence for page in pages for sequence in page] == list(range(100, 0, -1))


def test_a_job_that_is_larger_than_a_page_is_a_page(view: sqlite3.Connection) -> None:
    """No submission is so large; an older version may have taken one."""
    labels = {"name": "x" * (PAGE_BYTES_MAX + 1)}
    apply_entries(view, stored(builders.queued(builders.job_id(), labels=labels) for _ in range(2)))
    first = ask(view)
    assert sequences(first) == [2]
    assert sequences(ask(view, before=first.before)) == [1]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_label_matches_exactly(view: sqlite3.Connection, hostile: str) -> None:
    labels = [{hostile: "value"}, {"name": hostile}, {hostile: hostile}, {"x": "value", "name": "y"}]
    apply_entries(view, stored(builders.queued(builders.job_id(), labels=one) for one in labels))
    assert sequences(ask(view, label=(hostile, "value"))) == [1]
    assert sequences(ask(view, label=("name", hostile))) == [2]
    assert sequences(ask(view, label=(hostile, hostile))) == [3]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_language_matches_exactly(view: sqlite3.Connection, hostile: str) -> None:
    apply_entries(view, stored([builders.queued(language="python")]))
    assert ask(view, language=hostile).jobs == ()


def test_created_from_is_included_and_created_to_is_not(view: sqlite3.Connection) -> None:
    moments = [builders.NOON + timedelta(microseconds=offset) for offset in range(4)]
    apply_entries(view, stored(builders.queued(builders.job_id(), time=moment) for moment in moments))
    assert sequences(ask(view, created_from=moments[1])) == [4, 3, 2]
    assert sequences(ask(view, created_to=moments[2])) == [2, 1]
    assert sequences(ask(view, created_from=moments[1], created_to=moments[3])) == [3, 2]


def test_times_are_compared_as_moments_not_as_text(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued()]))
    abroad = builders.NOON.astimezone(timezone(timedelta(hours=-9)))
    assert sequences(ask(view, created_from=abroad)) == [1]
    assert sequences(ask(view, created_from=builders.NOON.replace(tzinfo=None))) == [1]
    assert sequences(ask(view, created_to=abroad)) == []
    assert sequences(ask(view, created_from=datetime.min.replace(tzinfo=UTC))) == [1]


def test_all_filters_together_agree_with_a_plain_search(view: sqlite3.Connection) -> None:
    random = Random(7)  # noqa: S311 - reproducible, not secret
    history = random_history(random, 600)
    records: dict[tuple[str, str], JobRecord | None] = {}
    for sequence, event in enumerate(history, 1):
        key = (event.user_id, event.job_id)
        records[key] = fold(records.get(key), event, sequence)
    apply_entries(view, stored(history))
    jobs = sorted((job for job in records.values() if job), key=lambda job: -job.queued_sequence)
    asked = 0
    for user in USERS:
        for status in (None, "queued", "completed"):
            for language in (None, "python"):
                for label in (None, ("kind", "a"), ("a.b'\"$[0]", "b")):
                    for begin in (None, builders.NOON + timedelta(seconds=50)):
                        expected = [
                            job.queued_sequence
                            for job in jobs
                            if job.user_id == user
                            and status in {None, job.status}
                            and language in {None, job.language}
                            and (label is None or job.labels.get(label[0]) == label[1])
                            and (begin is None or job.created_at >= begin)
                        ]
                        answer = ask(
                            view,
                            user_id=user,
                            status=status,
                            language=language,
                            label=label,
                            created_from=begin,
                            limit=100,
                        )
                        assert sequences(answer) == expected
                        asked += bool(expected)
    assert asked > 50


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ({}, "jobs_by_user"),
        ({"status": "running"}, "jobs_by_status"),
        ({"language": "python"}, "jobs_by_language"),
        ({"session": "s"}, "jobs_by_session"),
        ({"created_from": builders.NOON, "created_to": builders.NOON}, "jobs_by_user"),
        ({"label": ("a", "b")}, "labels"),
        ({"label": ("a", "b"), "status": "running", "created_from": builders.NOON}, "labels"),
    ],
)
def test_no_question_sorts_or_reads_a_whole_table(
    view: sqlite3.Connection, question: dict[str, object], index: str
) -> None:
    asked = msgspec.convert({"user_id": "alice", "before": 9, **question}, JobsQuestion)
    statement, values = jobs_statement(asked)
    plan = [row[3] for row in view.execute("EXPLAIN QUERY PLAN " + statement, values)]
    assert index in plan[0]
    assert all(step.startswith("SEARCH") for step in plan), plan


def test_statuses_without_jobs_are_counted_as_none(view: sqlite3.Connection) -> None:
    apply_entries(view, [entry(1, builders.queued())])
    answer = count_jobs(view)
    assert answer.checkpoint == 1
    assert answer.jobs == {
        "queued": 1,
        "running": 0,
        "completed": 0,
        "failed": 0,
        "timeout": 0,
        "cancelled": 0,
    }


def test_a_damaged_record_makes_the_view_unusable(view: sqlite3.Connection) -> None:
    apply_entries(view, stored([builders.queued()]))
    view.execute("UPDATE jobs SET record = x'7b'")
    with pytest.raises(ViewUnusableError, match="cannot be read"):
        ask(view)
