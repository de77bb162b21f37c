"""How a job stands by its stored messages, also where a newer program wrote some of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contract.codec import UndecodableError, UnknownTagError
from shared.contract.subjects import EXPIRED_KIND, TERMINAL_KINDS
from shared.domain.events import Event, JobExpired, JobQueued, Terminal
from shared.domain.job import Expired, Finished, JobState, NoJob, evolve
from shared.jetstream.errors import BrokerError
from shared.jetstream.stored_message import Entry

LAST_KINDS = frozenset({*TERMINAL_KINDS, EXPIRED_KIND})


class NewerEventError(BrokerError):
    """The job has an event of a newer version, so this program cannot decide on the job's state.

    Upgrading this program resolves it. A job that has ended stays ended, whatever the event is.
    """

    def __init__(self, sequence: int, tag: str) -> None:
        """Keep the event's sequence and its type."""
        super().__init__(f"event {sequence} of the job is a {tag}, which this version does not know")
        self.sequence = sequence


@dataclass(frozen=True, slots=True)
class History:
    """One job as folded from the log."""

    state: JobState
    last_sequence: int
    entries: tuple[Entry, ...]


def is_end(entry: Entry) -> bool:
    """Whether the entry is a terminal event of any version; its subject tells."""
    return _kind(entry) in LAST_KINDS


def is_tombstone(entry: Entry) -> bool:
    """Whether the entry is a tombstone of any version."""
    return _kind(entry) == EXPIRED_KIND


def _kind(entry: Entry) -> str:
    return entry.subject.rpartition(".")[2]


def state_of(entries: Sequence[Entry]) -> JobState:
    """The fold of a job's entries. A tombstone overrules any entries left before it.

    Entries that no version can read are skipped. Raises NewerEventError.
    """
    events: list[Event] = []
    newer: NewerEventError | None = None
    for entry in entries:
        try:
            events.append(entry.event())
        except UndecodableError:
            continue
        except UnknownTagError as error:
            newer = newer or NewerEventError(entry.sequence, str(error))
    if events and isinstance(events[-1], JobExpired):
        return Expired(events[-1])
    if newer is not None:
        return _end_beside(newer, events, is_expired=is_tombstone(entries[-1]))
    state: JobState = NoJob()
    for event in events:
        state = evolve(state, event)
    return state


def _end_beside(newer: NewerEventError, events: Sequence[Event], *, is_expired: bool) -> Finished:
    """The terminal state despite a newer event. Raises `newer` if the job has not ended."""
    queued = next((event for event in events if isinstance(event, JobQueued)), None)
    outcome = next((event for event in events if isinstance(event, Terminal)), None)
    if queued is None or outcome is None or is_expired:
        raise newer
    return Finished(queued, outcome)
