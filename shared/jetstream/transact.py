"""Compare-and-set loop of every command on a job: read, decide, append; after a conflict, decide again.

The decision is the caller's pure function. Each append expects the sequence that the decision was based on,
so no other event can come between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from shared.domain.decisions import Append
from shared.domain.events import Event, JobExpired
from shared.jetstream.event_log import Appended, Log


class Known(Protocol):
    """A job as far as the caller knows it: a `History`, or only what its decision needs."""

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest event that is included; 0 for a job without events."""
        ...


T = TypeVar("T")
K = TypeVar("K", bound=Known)
Read: TypeAlias = Callable[[int | None], Awaitable[K]]
"""Reads the job. The argument is a sequence that the result must include; None reads from the leader."""


@dataclass(frozen=True, slots=True)
class Committed(Generic[K]):
    """The event is in the log at `sequence`; `before` is what it was decided on."""

    event: Event
    sequence: int
    before: K


async def transact(
    log: Log,
    read: Read[K],
    decide: Callable[[K], Append | T],
    *,
    patience_s: float,
    known: K | None = None,
    tombstone_s: int | None = None,
) -> Committed[K] | T:
    """Append the event that `decide` returns, or return any other result of `decide`.

    `known` is what the caller knows already, which saves the first read. `tombstone_s` is how long (s) the
    log keeps a tombstone. Raises what `read` and `decide` raise, and BrokerError: the event may then be
    stored all the same.
    """
    job = await read(None) if known is None else known
    while True:
        decision = decide(job)
        if not isinstance(decision, Append):
            return decision
        event = decision.event
        result = await log.append(
            event,
            expected=job.last_sequence,
            patience_s=patience_s,
            ttl_s=tombstone_s if isinstance(event, JobExpired) else None,
        )
        if isinstance(result, Appended):
            return Committed(event, result.sequence, job)
        job = await read(result.last_sequence)
