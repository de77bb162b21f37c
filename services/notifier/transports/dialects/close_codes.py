"""Why a dialect's socket ends, and its close code: that of `/v1/ws` where there is one. Pure."""

from services.notifier.connections.close import COMPLETE, FULL, RESTARTING, SLOW, UNAUTHENTICATED, Close

SILENT = "silent"
UNAVAILABLE = "unavailable"

NO_PONG = Close(SILENT, "no pong")
TOKEN_EXPIRED = Close(UNAUTHENTICATED, "the token has expired")
NO_LOG = Close(UNAVAILABLE, "the log does not answer: connect again")

_CODES = {
    COMPLETE: 1000,
    RESTARTING: 1012,
    UNAVAILABLE: 1013,
    UNAUTHENTICATED: 4401,
    SILENT: 4408,
    SLOW: 4420,
    FULL: 4503,
}


def code_of(close: Close) -> int:
    """The close code that a client sees (RFC 6455, 7.4)."""
    return _CODES[close.cause]
