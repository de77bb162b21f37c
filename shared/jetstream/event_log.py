"""The log: compare-and-set append of one event, read of one job, replay of a range.

An append with an unknown outcome is safe to repeat. It carries an event id; on a refusal, `Log` reads the
job's last event before it reports a conflict.
"""

import json
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from shared.contract.codec import encode
from shared.contract.subjects import JOBS, job_event, job_events
from shared.domain.events import Event, Terminal, kind_of
from shared.jetstream.connection import Broker
from shared.jetstream.errors import JetStreamError, UnreachableError
from shared.jetstream.job_history import History, state_of
from shared.jetstream.stored_message import (
    ANSWER_TIMEOUT_S,
    BATCH_BYTES,
    EVENT_ID,
    Entry,
    read_batch,
    read_from_leader,
)
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.retry import poll, retry

logger = get_logger(__name__)

EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
TIME_TO_LIVE = "Nats-TTL"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"

# Wrong last sequence. 10164: in a cluster, while another append to the subject is in flight.
MAYBE_CONFLICT = frozenset({10071, 10164})
# The same message was sent before, and the cluster has neither stored nor dropped it yet.
IN_PROCESS = 10158
REPLICA_LAG_MAX_S = 5.0
REPLICA_PAUSE_S = 0.05
PURGE_TIMEOUT_S = 10.0
STORE_PAUSE_S = 0.05
FULL = "maximum bytes exceeded"
"""The server's error text for a full stream."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The event is stored at `sequence`."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another event came first; `last_sequence` is the job's last one now."""

    last_sequence: int


AppendResult: TypeAlias = Appended | Conflict


class _StaleConflictError(UnreachableError):
    """A stale leader refused the append: for an older event than the writer has seen.

    That is a leader that was frozen and does not know yet that another one was elected.
    """

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(f"a leader knows of no event after {conflict.last_sequence}")
        self.conflict = conflict


class Log:
    """Reads and appends over one broker connection."""

    def __init__(self, broker: Broker) -> None:
        """Use a connected broker."""
        self._broker = broker

    async def append(
        self, event: Event, *, expected: int, patience_s: float, ttl_s: int | None = None
    ) -> AppendResult:
        """Store the event if the job's last sequence is `expected` (0 for a job without events).

        With `ttl_s` the log itself removes the event after that time.

        Repeats until the log answers, for at most `patience_s` seconds. Then it raises UnreachableError, and
        the event may still be stored later.
        """
        result = await self.store(
            job_event(event.user_id, event.job_id, kind_of(event)),
            encode(event),
            subject_filter=job_events(event.user_id, event.job_id),
            expected=expected,
            patience_s=patience_s,
            headers=None if ttl_s is None else {TIME_TO_LIVE: f"{ttl_s}s"},
        )
        if isinstance(result, Appended):
            metrics.APPENDS.labels(type=kind_of(event)).inc()
            if isinstance(event, Terminal):
                _tell_end(event)
        else:
            metrics.CONFLICTS.inc()
        return result

    async def store(
        self,
        subject: str,
        payload: bytes,
        *,
        subject_filter: str,
        expected: int,
        patience_s: float,
        headers: Mapping[str, str] | None = None,
        stream: str = JOBS,
        is_removable: bool = False,
    ) -> AppendResult:
        """Store any message if the last sequence of `subject_filter` is `expected`; see `append`.

        `is_removable`: there may be none left of what was stored before, so that is a conflict as any other.
        """
        every = {
            **(headers or {}),
            EXPECTED_SEQUENCE: str(expected),
            EXPECTED_SUBJECT: subject_filter,
            EVENT_ID: uuid.uuid4().hex,
        }

        async def publish() -> AppendResult:
            with metrics.APPEND_DURATION.time():
                return await self._try_store(subject, payload, every, stream, is_removable=is_removable)

        try:
            return await retry(publish, on=UnreachableError, within_s=patience_s, pause_s=STORE_PAUSE_S)
        except _StaleConflictError as error:
            return error.conflict
        except UnreachableError as error:
            raise UnreachableError(f"{subject} was not confirmed within {patience_s} s: {error}") from error

    async def _try_store(
        self,
        subject: str,
        payload: bytes,
        headers: Mapping[str, str],
        stream: str,
        *,
        is_removable: bool = False,
    ) -> AppendResult:
        """One publish. Raises UnreachableError if it must be repeated."""
        answer = json.loads(
            (await self._broker.request(subject, payload, headers=headers, timeout_s=ANSWER_TIMEOUT_S)).data
        )
        error = answer.get("error")
        if error is None:
            return Appended(int(answer["seq"]))
        if error.get("err_code") not in MAYBE_CONFLICT:
            if is_undecided(error):
                raise UnreachableError(str(error.get("description")))
            raise JetStreamError(
                int(error.get("err_code", 0)), f"append to {subject}: {error.get('description')}"
            )
        last = await self.last(headers[EXPECTED_SUBJECT], stream=stream)
        if last is not None and last.event_id == headers[EVENT_ID]:
            return Appended(last.sequence)
        found, expected = 0 if last is None else last.sequence, int(headers[EXPECTED_SEQUENCE])
        if found == expected:
            raise UnreachableError("conflicts without an event")
        if found < expected and not (is_removable and found == 0):
            raise _StaleConflictError(Conflict(found))
        return Conflict(found)

    async def last(self, subject_filter: str, *, stream: str = JOBS) -> Entry | None:
        """The last stored message of a filter, read from the stream's leader, so never stale."""
        return await read_from_leader(self._broker, stream, {"last_by_subj": subject_filter})

    async def last_sequence(self, *, stream: str = JOBS) -> int:
        """The sequence of the last message ever stored; 0 for a new stream."""
        return int((await self._broker.api(f"STREAM.INFO.{stream}"))["state"]["last_seq"])

    async def stored_at(self, sequence: int, *, stream: str = JOBS) -> datetime | None:
        """When the message at `sequence` was stored; None if there is none (any more)."""
        entry = await read_from_leader(self._broker, stream, {"seq": sequence})
        return None if entry is None else entry.stored_at

    async def read_job(self, user_id: str, job_id: str, *, min_sequence: int | None = None) -> History:
        """Fold one job's events. `min_sequence` is a sequence that the result must include: a known conflict.

        Without it the stream's leader is asked, so the result includes the latest write. Raises BrokerError,
        and NewerEventError if an event of a newer version leaves the job's state undecided.
        """
        entries = await self.read_entries(user_id, job_id, min_sequence=min_sequence)
        return History(state_of(entries), entries[-1].sequence if entries else 0, entries)

    async def read_entries(
        self, user_id: str, job_id: str, *, min_sequence: int | None = None
    ) -> tuple[Entry, ...]:
        """One job's stored events, undecoded; see `read_job`."""
        if min_sequence is None:
            last = await self.last(job_events(user_id, job_id))
            min_sequence = 0 if last is None else last.sequence

        async def read() -> tuple[Entry, ...]:
            return tuple([entry async for entry in self.replay(job_events(user_id, job_id))])

        def is_recent(entries: tuple[Entry, ...]) -> bool:
            return (entries[-1].sequence if entries else 0) >= min_sequence

        try:
            # Direct Get may answer from a replica that lags behind the leader.
            return await poll(read, until=is_recent, within_s=REPLICA_LAG_MAX_S, pause_s=REPLICA_PAUSE_S)
        except TimeoutError as error:
            raise UnreachableError(
                f"no replica of the log has event {min_sequence} of job {job_id}"
            ) from error

    async def purge_before(self, user_id: str, job_id: str, sequence: int) -> None:
        """Purge a job's events before `sequence`. Idempotent. Raises BrokerError."""
        await self._broker.api(
            f"STREAM.PURGE.{JOBS}",
            {"filter": job_events(user_id, job_id), "seq": sequence},
            timeout_s=PURGE_TIMEOUT_S,
        )

    async def replay(
        self,
        subject_filter: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        stream: str = JOBS,
        bytes_max: int = BATCH_BYTES,
    ) -> AsyncGenerator[Entry, None]:
        """A filter's stored messages, `after` < sequence ≤ `up_to`, in order, a bounded batch at a time."""
        more = True
        while more and (up_to is None or after < up_to):
            batch, more = await read_batch(self._broker, stream, subject_filter, after + 1, bytes_max)
            for entry in batch:
                if up_to is not None and entry.sequence > up_to:
                    return
                yield entry
                after = entry.sequence


def _tell_end(event: Terminal) -> None:
    """Log one line for each ended job, in the process that appended the terminal event."""
    stages = event.result.stages if event.result is not None else ()
    logger.info(
        "job_ended",
        job_id=event.job_id,
        user_id=event.user_id,
        status=kind_of(event),
        reason=getattr(event, "reason", None),
        attempt=event.attempt,
        wall_ms=sum(stage.wall_ms for stage in stages),
        cpu_ms=sum(stage.cpu_ms for stage in stages),
        request_id=event.request_id,
    )


def is_undecided(error: Mapping[str, object]) -> bool:
    """Whether a refused publish must be repeated: there was no leader, or the first one is in process."""
    return error.get("code") == 503 or error.get("err_code") == IN_PROCESS
