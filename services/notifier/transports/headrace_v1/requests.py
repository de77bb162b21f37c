"""What a client requests about one job over its socket: its status, or its end. A bounded number at once."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime

from services.notifier.connections.client_connection import ClientConnection
from services.notifier.connections.outbox import FULL_PAUSE_S
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.item import Text
from services.notifier.events.poison import READER
from services.notifier.transports.headrace_v1.actions import CancelJob, GetStatus
from services.notifier.transports.headrace_v1.messages import (
    ServerMessage,
    StatusShown,
    encode_message,
)
from services.notifier.transports.headrace_v1.refusals import already_finished, busy, unavailable, unknown_job
from shared.domain.decisions import CommandContext, Refuse
from shared.jetstream.errors import BrokerError
from shared.jetstream.job_history import NewerEventError
from shared.observability import metrics

REQUESTS_MAX = 8


class PendingRequests:
    """The requests of one connection that are not answered yet."""

    def __init__(self, connection: ClientConnection, registry: ClientRegistry) -> None:
        """Begin with none."""
        self._connection = connection
        self._registry = registry
        self._open = 0
        self._turn = asyncio.Lock()

    def start(self, request: GetStatus | CancelJob) -> None:
        """Answer with the job as it stands, or as it stands after the request to stop it."""
        if self._open >= REQUESTS_MAX:
            self._send(busy(request.id))
            return
        self._open += 1
        answer = self._status if isinstance(request, GetStatus) else self._cancel
        self._connection.spawn(self._answer(request.id, answer(request.id, request.job_id)))

    async def _answer(self, message_id: str, answer: Coroutine[None, None, None]) -> None:
        try:
            await answer
        except NewerEventError as error:
            metrics.UNKNOWN.labels(reader=READER).inc()
            self._send(unavailable(message_id, str(error)))
        except BrokerError:
            self._send(unavailable(message_id))
        finally:
            self._open -= 1

    async def _status(self, message_id: str, job_id: str) -> None:
        """A job may be large: it is read when there is room for it, and one at a time."""
        async with self._turn:
            while True:
                await self._connection.outbox.wait_for_capacity()
                async with self._registry.history.place(self._connection.user_id):
                    job = await self._registry.history.job(self._connection.user_id, job_id)
                    answer = unknown_job(message_id) if job is None else StatusShown(id=message_id, job=job)
                    if self._connection.offer(_text(answer)):
                        return
                await asyncio.sleep(FULL_PAUSE_S)

    async def _cancel(self, message_id: str, job_id: str) -> None:
        moment = CommandContext(datetime.now(UTC), request_id=self._connection.id)
        outcome = await self._registry.cancellations.cancel(self._connection.user_id, job_id, moment)
        if isinstance(outcome, Refuse):
            is_over = outcome.why == "already_finished"
            self._send(already_finished(message_id) if is_over else unknown_job(message_id))
        else:
            await self._status(message_id, job_id)

    def _send(self, message: ServerMessage) -> None:
        self._connection.send(_text(message))


def _text(message: ServerMessage) -> Text:
    """A whole job is bulk; every other answer is small."""
    return Text(encode_message(message), is_bulk=isinstance(message, StatusShown))
