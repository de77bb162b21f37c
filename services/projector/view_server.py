"""Answers `view.*` requests from the view, in the queue group that all projectors share.

A request that cannot be decoded, or has impossible parameters, gets a `ViewProblem`: that is the client's
bug, and must not affect the server. If the view becomes unreadable, `serve` ends.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TypeAlias

import msgspec

from services.projector.database import Database, ViewError, ViewLockedError
from services.projector.queries import SEQUENCE_MAX, count_jobs, find_job, find_usage, list_dead, list_jobs
from shared.contract.subjects import VIEW_DEAD, VIEW_JOB, VIEW_JOBS, VIEW_QUEUE, VIEW_STATS, VIEW_USAGE
from shared.contract.view_api import (
    PAGE_MAX,
    DeadQuestion,
    JobQuestion,
    JobsQuestion,
    UsageQuestion,
    ViewAnswer,
    ViewProblem,
)
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.message import Message
from shared.observability.logs import get_logger

logger = get_logger(__name__)

Find: TypeAlias = Callable[[bytes], Awaitable[ViewAnswer]]

_encoder = msgspec.json.Encoder()
_job_question = msgspec.json.Decoder(JobQuestion)
_dead_question = msgspec.json.Decoder(DeadQuestion)
_jobs_question = msgspec.json.Decoder(JobsQuestion)
_usage_question = msgspec.json.Decoder(UsageQuestion)


class QuestionError(ValueError):
    """The request is well-formed but cannot be answered."""


class Answers:
    """The server of `shared.contract.view_api`, for one open view."""

    def __init__(self, broker: Broker, database: Database) -> None:
        """Answer from this view; `serve` subscribes."""
        self._broker = broker
        self._database = database
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Answer until cancelled. Raises ViewError if the view becomes unreadable."""
        finders: dict[str, Find] = {
            VIEW_JOB: self._find_job,
            VIEW_JOBS: self._list_jobs,
            VIEW_STATS: self._count_jobs,
            VIEW_DEAD: self._list_dead,
            VIEW_USAGE: self._find_usage,
        }
        async with AsyncExitStack() as stack:
            for subject, find in finders.items():
                await stack.enter_async_context(self._answering(subject, find))
            await self._broken

    @asynccontextmanager
    async def _answering(self, subject: str, find: Find) -> AsyncIterator[None]:
        async def receive(message: Message) -> None:
            if message.reply:
                await self._send(message.reply, await self._answer(find, message.data))

        subscription = await self._broker.subscribe(subject, receive, queue=VIEW_QUEUE)
        try:
            yield
        finally:
            # Without a connection there is no subscription to end.
            if self._broker.is_connected:
                await subscription.unsubscribe()

    async def _answer(self, find: Find, payload: bytes) -> ViewAnswer:
        try:
            return await find(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, QuestionError) as error:
            return ViewProblem(detail=f"not a question: {error}")
        except ViewLockedError as error:
            return ViewProblem(detail=str(error))
        except ViewError as error:
            if not self._broken.done():
                self._broken.set_exception(error)
            return ViewProblem(detail="the view cannot be read at the moment")

    async def _send(self, reply: str, answer: ViewAnswer) -> None:
        try:
            await self._broker.publish(reply, _encoder.encode(answer))
        except BrokerError as error:
            logger.warning("answer_not_sent", why=str(error))
            # The response was too large for one message, or the connection is gone and this fails as well.
            with suppress(BrokerError):
                problem = ViewProblem(detail="the answer could not be sent: it is too large")
                await self._broker.publish(reply, _encoder.encode(problem))

    async def _find_job(self, payload: bytes) -> ViewAnswer:
        return await self._database.reader.call(find_job, _job_question.decode(payload))

    async def _list_jobs(self, payload: bytes) -> ViewAnswer:
        question = _jobs_question.decode(payload)
        _check_page(question.limit, question.before)
        return await self._database.reader.call(list_jobs, question)

    async def _list_dead(self, payload: bytes) -> ViewAnswer:
        question = _dead_question.decode(payload)
        _check_page(question.limit, question.before)
        return await self._database.reader.call(list_dead, question)

    async def _find_usage(self, payload: bytes) -> ViewAnswer:
        return await self._database.reader.call(find_usage, _usage_question.decode(payload))

    async def _count_jobs(self, _: bytes) -> ViewAnswer:
        return await self._database.reader.call(count_jobs)


def _check_page(limit: int, before: int | None) -> None:
    if not 1 <= limit <= PAGE_MAX:
        raise QuestionError(f"limit is 1 to {PAGE_MAX}, not {limit}")
    if before is not None and not 0 <= before <= SEQUENCE_MAX:
        raise QuestionError(f"before is a sequence, 0 to {SEQUENCE_MAX}")
