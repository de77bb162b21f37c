"""Why a connection ends, as a value: a cause, and a sentence for the client. Pure.

A cause is a name. The causes here are those that the core and every transport know; a transport names its own
besides, and writes each in its own way: as a close code, an event, or a status.
"""

from dataclasses import dataclass

COMPLETE = "complete"
"""The client was sent all that it asked for."""
RESTARTING = "restarting"
"""The process stops; another one can be connected to at once."""
SLOW = "slow"
"""The client does not read what waits for it."""
FULL = "full"
"""This process, or the user, has as many connections as it may have."""
UNAUTHENTICATED = "unauthenticated"
"""No good token, or one that has expired."""


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection: nothing is sent after it."""

    cause: str
    reason: str
