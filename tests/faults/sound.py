"""Makes histories in which every promise is kept, so that one broken on purpose can be told from them.

What clients and subscribers saw is derived from a log.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from shared.domain.events import JobQueued, JobRunning, kind_of
from tests.faults.history import (
    Began,
    Call,
    Connection,
    History,
    Piece,
    Row,
    Shown,
    Stored,
    View,
)
from tests.faults.rules.story import KEY_LABEL, Fact, Story, story_of
from tests.faults.sound_log import BEGAN, log_of

NOTICED = timedelta(milliseconds=2)
"""How long after an event of the log its client knows of it."""

VIEWS = ("projector-1", "projector-2")


def history_of(log: Sequence[Stored], chance: random.Random) -> History:
    """What everybody saw of this log."""
    story = story_of(log)
    users = sorted({fact.event.user_id for fact in story.facts})
    connections: list[Connection] = []
    shown: list[Shown] = []
    for user in users:
        for number in range(2):
            seen = list(_shown(story, user, f"{user}/{number}", chance))
            shown += seen
            connections += _connections(seen, user)
    return History(
        Began(at=BEGAN, seed=0),
        calls=tuple(_calls(story, chance)),
        connections=tuple(connections),
        shown=tuple(shown),
        log=tuple(log),
        views=tuple(View(name=name, checkpoint=log[-1].sequence) for name in VIEWS),
        rows=tuple(
            Row(view=name, record=msgspec.Raw(msgspec.json.encode(record)))
            for name in VIEWS
            for record in story.newest.values()
        ),
    )


def answered(story: Story, job_id: str, sequence: int, at: datetime, **changes: object) -> Call:
    """A good answer: the job as of a sequence."""
    user = story.of_job[job_id][0].event.user_id
    fields: dict[str, object] = {
        "user": user,
        "asked": "read",
        "asked_at": at,
        "answered_at": at + NOTICED,
        "job_id": job_id,
        "status": 200,
        "sequence": sequence,
        "record": story.records.get((job_id, sequence)),
        "etag": f'"{sequence}"',
    }
    return Call(**{**fields, **changes})  # type: ignore[arg-type]  # the caller names real fields


def _calls(story: Story, chance: random.Random) -> list[Call]:
    calls: list[Call] = []
    for job_id, facts in story.of_job.items():
        for fact in facts:
            if (job_id, fact.sequence) not in story.records:
                continue
            asked_at = fact.stored_at + NOTICED
            if isinstance(fact.event, JobQueued):
                if fact is facts[0] or not isinstance(facts[0].event, JobQueued):
                    calls += _submits(story, fact, fact.event, asked_at)
            elif kind_of(fact.event) == "cancel_requested":
                cancel = {"asked": "cancel", "status": 202, "etag": None}
                calls.append(answered(story, job_id, fact.sequence, asked_at, **cancel))
            elif chance.random() < 0.5:
                calls.append(answered(story, job_id, fact.sequence, asked_at))
    return calls


def _submits(story: Story, fact: Fact, queued: JobQueued, asked_at: datetime) -> list[Call]:
    """One that was answered, the same again, and one whose answer was lost."""
    submit = {"asked": "submit", "status": 202, "key": queued.labels[KEY_LABEL], "etag": None}
    first = answered(story, queued.job_id, fact.sequence, asked_at, **submit)
    repeated = msgspec.structs.replace(
        first, asked_at=asked_at + 2 * NOTICED, answered_at=asked_at + 3 * NOTICED, is_replay=True
    )
    lost = Call(user=first.user, asked="submit", asked_at=asked_at, key=first.key, why="reset")
    return [first, repeated, lost]


def _shown(story: Story, user: str, subscriber: str, chance: random.Random) -> list[Shown]:
    connection = 0
    seen: list[Shown] = []
    for fact in story.facts:
        if fact.event.user_id != user:
            continue
        connection += chance.random() < 0.1
        base = Shown(
            subscriber=subscriber,
            user=user,
            connection=connection,
            at=fact.stored_at + NOTICED,
            type=f"job.{kind_of(fact.event)}.v1",
            job_id=fact.event.job_id,
            digest=story.digests[fact.sequence],
            seq=fact.sequence,
        )
        seen.append(base)
        if isinstance(fact.event, JobRunning):
            seen += _notes(base, fact.event.attempt)
    return seen


def _notes(running: Shown, attempt: int) -> list[Shown]:
    """A note of progress, and output in two pieces."""
    note = msgspec.structs.replace(
        running, seq=None, attempt=attempt, type="job.progress.v1", digest=f"progress {attempt}"
    )
    pieces = [
        Piece(attempt=attempt, stage="run", stream="stdout", offset=offset, size=2) for offset in (0, 2)
    ]
    output = [
        msgspec.structs.replace(note, type="job.output.v1", digest=f"output {piece.offset}", piece=piece)
        for piece in pieces
    ]
    return [note, *output]


def _connections(seen: list[Shown], user: str) -> list[Connection]:
    return [
        Connection(
            subscriber=seen[0].subscriber,
            number=number,
            user=user,
            transport="websocket",
            after="start",
            opened_at=BEGAN,
            closed_at=BEGAN,
            why="done",
        )
        for number in sorted({one.connection for one in seen})
    ]


def sound(seed: int, *, users: int = 3, jobs: int = 8) -> History:
    """A whole history without a violation."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    return history_of(log_of(chance, users=users, jobs=jobs), chance)
