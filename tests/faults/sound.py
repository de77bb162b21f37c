"""Makes histories in which every promise is kept, so that one broken on purpose can be told from them.

Jobs of several users are submitted, begun, lost, cancelled and ended at random, as the rules allow; what
clients and subscribers saw is then derived from that log.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from shared.codec import encode
from shared.events import Event, JobQueued, JobRunning, kind_of
from shared.subjects import job_event
from tests import builders
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

BEGAN = builders.NOON
STEP = timedelta(milliseconds=10)
NOTICED = timedelta(milliseconds=2)
"""How long after an event of the log its client knows of it."""

VIEWS = ("projector-1", "projector-2")


@dataclass
class Lane:
    """One user's jobs as they are made: those that are queued, those that run with their attempt."""

    user: str
    concurrency: int
    waiting: list[str] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=dict)
    stopping: set[str] = field(default_factory=set)


class Log:
    """Events as they would be stored, each a moment after the one before."""

    def __init__(self) -> None:
        self.stored: list[Stored] = []

    def append(self, event: Event) -> None:
        self.stored.append(stored_at(len(self.stored) + 1, event))


def stored_at(sequence: int, event: Event) -> Stored:
    """An event in its place."""
    at = BEGAN + sequence * STEP
    timed = msgspec.structs.replace(event, time=at)
    subject = job_event(event.user_id, event.job_id, kind_of(event))
    return Stored(sequence=sequence, stored_at=at, subject=subject, event=msgspec.Raw(encode(timed)))


def log_of(chance: random.Random, *, users: int = 3, jobs: int = 8) -> list[Stored]:
    """The log of so many users with so many jobs each."""
    log = Log()
    lanes = [Lane(f"user {number}", chance.choice((1, 1, 3))) for number in range(users)]
    left = {lane.user: jobs for lane in lanes}
    while any(left.values()) or any(lane.waiting or lane.running for lane in lanes):
        lane = chance.choice(lanes)
        possible: list[Callable[[], None]] = []
        if left[lane.user]:
            possible.append(lambda lane=lane: _submit(log, lane, left))  # type: ignore[misc]
        if lane.waiting and len(lane.running) < lane.concurrency:
            possible.append(lambda lane=lane: _begin(log, lane))  # type: ignore[misc]
        if lane.waiting:
            possible.append(lambda lane=lane: _cancel(log, lane, chance))  # type: ignore[misc]
        if lane.running:
            possible.append(lambda lane=lane: _go_on(log, lane, chance))  # type: ignore[misc]
        if possible:
            chance.choice(possible)()
    return log.stored


def _submit(log: Log, lane: Lane, left: dict[str, int]) -> None:
    left[lane.user] -= 1
    number = len(log.stored)
    job = f"00000000-0000-4000-8000-{number:012d}"
    labels = {KEY_LABEL: f"key {number}"}
    log.append(builders.queued(job, lane.user, labels=labels, concurrency=lane.concurrency))
    lane.waiting.append(job)


def _begin(log: Log, lane: Lane) -> None:
    job = lane.waiting.pop(0)
    lane.running[job] = 1
    log.append(builders.running(job, lane.user, 1, "executor-1"))


def _cancel(log: Log, lane: Lane, chance: random.Random) -> None:
    """Now and then one that waits."""
    if chance.random() < 0.2:
        job = lane.waiting.pop(chance.randrange(len(lane.waiting)))
        log.append(builders.cancelled(job, lane.user))


def _go_on(log: Log, lane: Lane, chance: random.Random) -> None:
    """Lose the executor, ask for the end, or end."""
    job, attempt = chance.choice(list(lane.running.items()))
    fate = chance.random()
    if fate < 0.2 and attempt < 3:
        lane.running[job] += 1
        log.append(builders.running(job, lane.user, attempt + 1, f"executor-{attempt + 1}"))
    elif fate < 0.3 and job not in lane.stopping:
        lane.stopping.add(job)
        log.append(builders.cancel_requested(job, lane.user))
    else:
        del lane.running[job]
        log.append(_outcome(job, lane, attempt, chance))


def _outcome(job: str, lane: Lane, attempt: int, chance: random.Random) -> Event:
    if job in lane.stopping:
        return builders.cancelled(job, lane.user, attempt)
    make = chance.choice((builders.completed, builders.failed, builders.timeout))
    return make(job, lane.user, attempt)


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
