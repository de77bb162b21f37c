"""The dialect's open connections by their ids, and the jobs that name one of them.

The label of a job's `queued` event names a connection. Only the notifier that has the connection finds it
here, so nothing is shared between notifiers. The api has checked whose job it is.
"""

from typing import Protocol

import msgspec

from shared.contract.subjects import SubjectError, parse
from shared.dialects.connections import CONNECTION_ID
from shared.dialects.names import label_of
from shared.jetstream.stored_message import Entry

LABEL = label_of(CONNECTION_ID)
_LABEL_BYTES = LABEL.encode()


class _Labelled(msgspec.Struct):
    labels: dict[str, str] = {}


_decoder = msgspec.json.Decoder(_Labelled)


class NamedConnection(Protocol):
    """A connection that jobs can name."""

    connection_id: str

    @property
    def user_id(self) -> str:
        """Whose connection it is; empty while it has no user."""

    def take_job(self, user_id: str, job_id: str) -> None:
        """A job of this user names the connection; must not wait."""


class OpenConnections:
    """Those of this process. A connection has no user until a job names it, unless it came with a token."""

    def __init__(self) -> None:
        """Begin with none."""
        self._connections: dict[str, NamedConnection] = {}
        self._unbound: set[str] = set()

    @property
    def unbound(self) -> int:
        """How many have no user."""
        return len(self._unbound)

    def enter(self, connection: NamedConnection) -> None:
        """It is open."""
        self._connections[connection.connection_id] = connection
        if not connection.user_id:
            self._unbound.add(connection.connection_id)

    def leave(self, connection: NamedConnection) -> None:
        """It is closed."""
        self._connections.pop(connection.connection_id, None)
        self._unbound.discard(connection.connection_id)

    def take_queued(self, entry: Entry) -> None:
        """A `job.queued` of any user."""
        # Most jobs name no connection, and an event may be large.
        if not self._connections or _LABEL_BYTES not in entry.payload:
            return
        try:
            labels = _decoder.decode(entry.payload).labels
            named = parse(entry.subject)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, SubjectError):
            # What cannot be decoded is counted where it is shown.
            return
        connection = self._connections.get(labels.get(LABEL, ""))
        if connection is None:
            return
        connection.take_job(named.user_id, named.job_id)
        if connection.user_id:
            self._unbound.discard(connection.connection_id)
