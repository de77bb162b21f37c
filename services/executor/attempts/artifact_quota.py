"""Computes how many bytes of artifacts a user's job may still store: the user's share less the present usage.

The usage is what the view counts, plus what this executor has stored since. What other executors store
meanwhile is not counted yet, so a user can exceed the share by at most what the user's running jobs elsewhere
store. If the view does not respond, only what this executor remembers is counted.
"""

from dataclasses import dataclass

import msgspec

from services.executor.settings import ExecutorSettings
from shared.contract.subjects import ARTIFACTS, VIEW_USAGE, objects_stream
from shared.contract.view_api import UsageAnswer, UsageQuestion, ViewAnswer
from shared.domain.events import JobQueued
from shared.domain.shares import STORE_PARTS, share_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.observability.logs import get_logger

logger = get_logger(__name__)

ANSWER_TIMEOUT_S = 2.0
_answers = msgspec.json.Decoder(ViewAnswer)


@dataclass(slots=True)
class _Reserved:
    """What one job stored; `sequence` is that of its terminal event, None before."""

    user_id: str
    size: int
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a user holds of the store, and may hold in all."""

    used: int
    share: int


@dataclass(frozen=True, slots=True)
class _Store:
    """The store's capacity, and its usage by all users."""

    capacity: int
    total: int


class Allowances:
    """Reads the view and the store, and tracks what is not in the view yet."""

    def __init__(self, broker: Broker, settings: ExecutorSettings) -> None:
        """Start without reservations."""
        self._broker = broker
        self._settings = settings
        self._reserved: dict[str, _Reserved] = {}

    async def allowance(self, queued: JobQueued) -> Allowance:
        """The present allowance: reads come first, so that nothing is awaited between the sum and its use."""
        usage = await self._usage(queued.user_id)
        store = await self._store()
        if usage is not None:
            self._forget_known(usage.checkpoint)
        used = 0 if usage is None else usage.artifact_bytes
        used += sum(one.size for one in self._reserved.values() if one.user_id == queued.user_id)
        most = min(
            queued.artifacts_bytes_max or self._settings.user_artifacts_bytes,
            self._settings.user_artifacts_bytes_max,
        )
        if store is None:
            return Allowance(used, most)
        others = max(0, store.total - used)
        share = share_of(most=most, capacity=store.capacity, others=others, parts=STORE_PARTS)
        return Allowance(used, share)

    def reserve(self, queued: JobQueued, size: int) -> None:
        """Count this many more bytes for a job."""
        self._reserved.setdefault(queued.job_id, _Reserved(queued.user_id, 0)).size += size

    def mark_recorded(self, job_id: str, sequence: int) -> None:
        """The job's terminal event is stored: the view counts its files from that sequence on."""
        if job_id in self._reserved:
            self._reserved[job_id].sequence = sequence

    def forget_unrecorded(self, job_id: str) -> None:
        """This executor's attempt is over: without a terminal event its files are counted for no user."""
        if job_id in self._reserved and self._reserved[job_id].sequence is None:
            del self._reserved[job_id]

    async def _usage(self, user_id: str) -> UsageAnswer | None:
        question = msgspec.json.encode(UsageQuestion(user_id=user_id))
        try:
            message = await self._broker.request(VIEW_USAGE, question, timeout_s=ANSWER_TIMEOUT_S)
            answer = _answers.decode(message.data)
        except (BrokerError, msgspec.MsgspecError) as error:
            logger.warning("usage_unknown", why=str(error))
            return None
        return answer if isinstance(answer, UsageAnswer) else None

    async def _store(self) -> _Store | None:
        try:
            info = await self._broker.api(f"STREAM.INFO.{objects_stream(ARTIFACTS)}")
        except BrokerError as error:
            logger.warning("store_unknown", why=str(error))
            return None
        capacity = int(info["config"].get("max_bytes", -1))
        return None if capacity < 0 else _Store(capacity, int(info["state"]["bytes"]))

    def _forget_known(self, checkpoint: int) -> None:
        """Drop what the view counts by now."""
        self._reserved = {
            job_id: one
            for job_id, one in self._reserved.items()
            if one.sequence is None or one.sequence > checkpoint
        }
