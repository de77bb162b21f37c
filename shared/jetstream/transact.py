"""Read a job, decide on how it stands, append the decision; on a conflict decide again on what is there now.

The one loop of every command on a job. What is decided is the caller's, and pure; each append expects the
event that the decision was made on, so nothing can come between.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from shared.domain.events import Event, JobExpired
from shared.domain.job import Append
from shared.jetstream.event_log import Appended, History, Log

T = TypeVar("T")
Read: TypeAlias = Callable[[int | None], Awaitable[History]]
"""Reads the job; the argument is a sequence that the answer must include, None asks the leader for it."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The event is in the log at `sequence`, and follows what `before` says."""

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
    """Append what `decide` says, or return what else it says.

    `known` is how the job stands as far as the caller knows, which saves reading it first; `tombstone_s` is
    how long the log keeps a tombstone. Raises what `read` and `decide` raise, and BrokerError: the event may
    then be stored all the same.
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
