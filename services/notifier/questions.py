"""What a client asks about one job over its socket: how it stands, and to stop it. Bounded a connection."""

from collections.abc import Coroutine
from datetime import UTC, datetime

from services.notifier.actions import CancelJob, Look
from services.notifier.item import READER
from services.notifier.members import Members
from services.notifier.messages import (
    ServerMessage,
    StatusShown,
    already_finished,
    busy,
    unavailable,
    unknown_job,
)
from services.notifier.peer import Peer
from shared import metrics
from shared.broker import BrokerError
from shared.job import Moment, Refuse
from shared.log import NewerEventError

QUESTIONS_MAX = 8


class Questions:
    """The questions of one connection that are not answered yet."""

    def __init__(self, peer: Peer, members: Members) -> None:
        """Begin with none."""
        self._peer = peer
        self._members = members
        self._open = 0

    def ask(self, question: Look | CancelJob) -> None:
        """Answer with the job as it stands, or as it stands after the request to stop it."""
        if self._open >= QUESTIONS_MAX:
            self._peer.send(busy(question.id))
            return
        self._open += 1
        answer = self._status if isinstance(question, Look) else self._cancel
        self._peer.do(self._answer(question.id, answer(question.id, question.job_id)))

    async def _answer(self, message_id: str, answer: Coroutine[None, None, ServerMessage]) -> None:
        try:
            self._peer.send(await answer)
        except NewerEventError as error:
            metrics.UNKNOWN.labels(reader=READER).inc()
            self._peer.send(unavailable(message_id, str(error)))
        except BrokerError:
            self._peer.send(unavailable(message_id))
        finally:
            self._open -= 1

    async def _status(self, message_id: str, job_id: str) -> ServerMessage:
        job = await self._members.history.job(self._peer.user_id, job_id)
        return unknown_job(message_id) if job is None else StatusShown(id=message_id, job=job)

    async def _cancel(self, message_id: str, job_id: str) -> ServerMessage:
        moment = Moment(datetime.now(UTC), request_id=self._peer.id)
        outcome = await self._members.cancellations.cancel(self._peer.user_id, job_id, moment)
        if isinstance(outcome, Refuse):
            is_over = outcome.why == "already_finished"
            return already_finished(message_id) if is_over else unknown_job(message_id)
        return await self._status(message_id, job_id)
