"""Questions to a projector, and ways to wait until it has come far enough."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from services.projector.database import open_database
from shared.contract.codec import encode
from shared.contract.subjects import VIEW_JOB, VIEW_JOBS, VIEW_STATS, job_event
from shared.contract.view_api import (
    JobAnswer,
    JobQuestion,
    JobsAnswer,
    JobsQuestion,
    StatsAnswer,
    ViewAnswer,
    ViewProblem,
)
from shared.domain.events import Event, kind_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import UnreachableError
from tests.unit.projector.histories import ANSWERED, Rows, rows_of

AnswerT = TypeVar("AnswerT", JobAnswer, JobsAnswer, StatsAnswer, ViewProblem)


async def ask_raw(broker: Broker, subject: str, payload: bytes) -> ViewAnswer:
    """Any bytes as a question."""
    return msgspec.json.decode(
        (await broker.request(subject, payload, timeout_s=10)).data,
        type=JobAnswer | JobsAnswer | StatsAnswer | ViewProblem,
    )


async def ask_job(broker: Broker, question: JobQuestion) -> JobAnswer:
    """`view.job`, which must be answered."""
    return _expect(JobAnswer, await ask_raw(broker, VIEW_JOB, msgspec.json.encode(question)))


async def ask_jobs(broker: Broker, question: JobsQuestion) -> JobsAnswer:
    """`view.jobs`, which must be answered."""
    return _expect(JobsAnswer, await ask_raw(broker, VIEW_JOBS, msgspec.json.encode(question)))


async def ask_stats(broker: Broker) -> StatsAnswer:
    """`view.stats`, which must be answered."""
    return _expect(StatsAnswer, await ask_raw(broker, VIEW_STATS, b""))


async def answering(broker: Broker, until: Callable[[StatsAnswer], bool] = lambda _: True) -> StatsAnswer:
    """Ask until somebody answers, and what `until` waits for. The caller bounds the time."""
    while True:
        try:
            answer = await ask_raw(broker, VIEW_STATS, b"")
        except UnreachableError:
            continue
        if isinstance(answer, StatsAnswer) and until(answer):
            return answer


async def reached(broker: Broker, sequence: int) -> StatsAnswer:
    """Ask until the view contains the log up to `sequence`."""
    return await answering(broker, lambda answer: answer.checkpoint >= sequence)


async def publish(broker: Broker, *events: Event) -> int:
    """Append without expectations; returns the last sequence."""
    sequence = 0
    for event in events:
        subject = job_event(event.user_id, event.job_id, kind_of(event))
        sequence = await publish_raw(broker, subject, encode(event))
    return sequence


async def publish_raw(broker: Broker, subject: str, payload: bytes) -> int:
    """Append any bytes; returns their sequence."""
    answer = msgspec.json.decode((await broker.request(subject, payload)).data)
    return int(answer["seq"])


async def rows_in(path: Path) -> Rows:
    """Everything in the view's file that answers come from: not its list of work, which gets shorter."""
    async with open_database(path) as database:
        return await database.reader.call(rows_of, ANSWERED)


def _expect(kind: type[AnswerT], answer: ViewAnswer) -> AnswerT:
    assert isinstance(answer, kind), answer
    return answer
