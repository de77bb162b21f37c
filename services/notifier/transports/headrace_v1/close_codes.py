"""Why a connection of `headrace.v1` ends, and its WebSocket close code (docs/protocol.md). Pure."""

from services.notifier.connections.close import COMPLETE, FULL, RESTARTING, SLOW, UNAUTHENTICATED, Close

MALFORMED = "malformed"
ORIGIN = "origin"
NO_SUBPROTOCOL = "no_subprotocol"
SILENT = "silent"
DUPLICATE_ID = "duplicate_id"
TOO_MANY = "too_many"

_CODES = {
    COMPLETE: 1000,
    RESTARTING: 1012,
    MALFORMED: 4400,
    UNAUTHENTICATED: 4401,
    ORIGIN: 4403,
    NO_SUBPROTOCOL: 4406,
    SILENT: 4408,
    DUPLICATE_ID: 4409,
    SLOW: 4420,
    TOO_MANY: 4429,
    FULL: 4503,
}


def code_of(close: Close) -> int:
    """The close code that a client sees (RFC 6455, 7.4)."""
    return _CODES[close.cause]
