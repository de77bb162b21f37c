"""Compare-and-set loop of every command on a job: read, decide, append; after a conflict, decide again.

The decision is the caller's pure function. Each append expects the sequence that the decision was based on,
so no other event can come between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from shared.domain.events import Event, JobExpired
from shared.domain.job import Append
from shared.jetstream.event_log import Appended, Log
from shared.jetstream.job_history import History

T = TypeVar("T")
Read: TypeAlias = Callable[[int | None], Awaitable[History]]
"""Reads the job. The argument is a sequence that the result must include; None reads from the leader."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The event is in the log at `sequence`; `before` is the history it was decided on."""

    event: Event
    sequence: int
    before: History


async def transact(
    log: Log,
    read: Read,
    decide: Callable[[History], Append | T],
    *,
    patience_s: float,
    known: History | None = None,
    tombstone_s: int | None = None,
) -> Committed | T:
    """Append the event that `decide` returns, or return any other result of `decide`.

    `known` is the history that the caller has, which saves the first read. `tombstone_s` is how long (s) the
    log keeps a tombstone. Raises what `read` and `decide` raise, and BrokerError: the event may then be
    stored all the same.
    """
    history = await read(None) if known is None else known
    while True:
        decision = decide(history)
        if not isinstance(decision, Append):
            return decision
        event = decision.event
        result = await log.append(
            event,
            expected=history.last_sequence,
            patience_s=patience_s,
            ttl_s=tombstone_s if isinstance(event, JobExpired) else None,
        )
        if isinstance(result, Appended):
            return Committed(event, result.sequence, history)
        history = await read(result.last_sequence)
