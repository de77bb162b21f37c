"""Histories as the log would hand them over, and a view's rows to compare."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

from services.projector.database import create_tables
from shared.contract.codec import encode
from shared.contract.subjects import job_event
from shared.domain.events import Event, JobQueued, kind_of
from shared.jetstream.stored_message import Entry
from tests import builders

ANSWERED = ("checkpoint", "jobs", "labels", "totals")
TABLES = (*ANSWERED, "expired", "usage")
POISON = b"\xff not json"
NEWER = b'{"type":"job.paused.v9"}'
USERS = ("alice", "bob", 'eve.*.>"; DROP TABLE jobs; --', "nul\x00nul", "ünï 🦉")

Rows = dict[str, list[tuple[Any, ...]]]


def empty_view() -> sqlite3.Connection:
    """A view in memory, to be closed."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    return connection


def entry(sequence: int, event: Event) -> Entry:
    """An event, stored."""
    subject = job_event(event.user_id, event.job_id, kind_of(event))
    return odd_entry(sequence, encode(event), subject)


def odd_entry(sequence: int, payload: bytes, subject: str = f"jobs.alice.{builders.JOB}.queued") -> Entry:
    """Anything, stored."""
    return Entry(sequence, builders.NOON + timedelta(milliseconds=sequence), subject, payload)


def stored(events: Iterable[Event], first: int = 1) -> list[Entry]:
    """Events in a row."""
    return [entry(sequence, event) for sequence, event in enumerate(events, first)]


def random_queued(random: Random) -> JobQueued:
    """Some user's job, with or without labels."""
    job = f"01890a5d-ac96-774b-bcce-{random.getrandbits(48):012x}"
    labels = {name: random.choice("ab") for name in ("kind", "a.b'\"$[0]") if random.random() < 0.5}
    return builders.queued(
        job,
        random.choice(USERS),
        labels=labels,
        language=random.choice(("python", "bash")),
        time=builders.NOON + timedelta(seconds=random.randrange(100)),
    )


def random_history(random: Random, count: int) -> list[Event]:
    """`count` events of interleaved jobs, each job by the rules, most of them unfinished at some time."""
    waiting: list[list[Event]] = []
    history: list[Event] = []
    while len(history) < count:
        if not waiting or random.random() < 0.3:
            waiting.append(_random_life(random))
        life = random.choice(waiting)
        history.append(life.pop(0))
        waiting = [one for one in waiting if one]
    return history


def _random_life(random: Random) -> list[Event]:
    queued = random_queued(random)
    job, user = queued.job_id, queued.user_id
    end = random.choice((builders.completed, builders.failed, builders.timeout))
    lives: tuple[list[Event], ...] = (
        [builders.cancelled(job, user)],
        [builders.running(job, user), end(job, user)],
        [builders.running(job, user), end(job, user), builders.expired(job, user)],
        [builders.cancelled(job, user), builders.expired(job, user, "erased")],
        [builders.running(job, user), builders.running(job, user, attempt=2), end(job, user, attempt=2)],
        [builders.running(job, user), builders.cancel_requested(job, user), builders.cancelled(job, user, 1)],
    )
    return [queued, *random.choice(lives)]


def rows_of(connection: sqlite3.Connection, tables: Sequence[str] = TABLES) -> Rows:
    """Everything that a view holds, in an order that does not depend on when it was written."""
    # The names are this module's own.
    return {
        table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608
        for table in tables
    }
