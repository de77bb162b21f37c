"""What a client asks about one job over its socket: how it stands, and to stop it. Bounded a connection."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.connections.outbox import FULL_PAUSE_S
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.item import READER
from services.notifier.transports.headrace_v1.actions import CancelJob, GetStatus
from services.notifier.transports.headrace_v1.messages import (
    StatusShown,
    already_finished,
    busy,
    unavailable,
    unknown_job,
)
from shared.domain.job import Moment, Refuse
from shared.jetstream.connection import BrokerError
from shared.jetstream.event_log import NewerEventError
from shared.observability import metrics

QUESTIONS_MAX = 8


class PendingRequests:
    """The questions of one connection that are not answered yet."""

    def __init__(self, peer: ClientConnection, members: ClientRegistry) -> None:
        """Begin with none."""
        self._peer = peer
        self._members = members
        self._open = 0
        self._turn = asyncio.Lock()

    def ask(self, question: GetStatus | CancelJob) -> None:
        """Answer with the job as it stands, or as it stands after the request to stop it."""
        if self._open >= QUESTIONS_MAX:
            self._peer.send(busy(question.id))
            return
        self._open += 1
        answer = self._status if isinstance(question, GetStatus) else self._cancel
        self._peer.do(self._answer(question.id, answer(question.id, question.job_id)))

    async def _answer(self, message_id: str, answer: Coroutine[None, None, None]) -> None:
        try:
            await answer
        except NewerEventError as error:
            metrics.UNKNOWN.labels(reader=READER).inc()
            self._peer.send(unavailable(message_id, str(error)))
        except BrokerError:
            self._peer.send(unavailable(message_id))
        finally:
            self._open -= 1

    async def _status(self, message_id: str, job_id: str) -> None:
        """A job may be large: it is read when there is room for it, and one at a time."""
        async with self._turn:
            while True:
                await self._peer.outbox.room()
                async with self._members.history.place(self._peer.user_id):
                    job = await self._members.history.job(self._peer.user_id, job_id)
                    answer = unknown_job(message_id) if job is None else StatusShown(id=message_id, job=job)
                    if self._peer.offer(answer):
                        return
                await asyncio.sleep(FULL_PAUSE_S)

    async def _cancel(self, message_id: str, job_id: str) -> None:
        moment = Moment(datetime.now(UTC), request_id=self._peer.id)
        outcome = await self._members.cancellations.cancel(self._peer.user_id, job_id, moment)
        if isinstance(outcome, Refuse):
            is_over = outcome.why == "already_finished"
            self._peer.send(already_finished(message_id) if is_over else unknown_job(message_id))
        else:
            await self._status(message_id, job_id)
