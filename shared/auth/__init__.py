"""Authentication: checks the signed tokens (JWT) that clients send, and issues Headrace's own.

Algorithms, issuers, audiences and keys come from the settings, never from the token. A token's text never
appears in an error, so it cannot reach a log line through one. `TokenError` rejects a token; its subclass
`KeysUnavailableError` reports that the keys to check it are not available yet.

`Tokens`, the checker, is imported on first use: with cryptography the import takes a sixth of a second, and
the command line only issues tokens (`issuer`).
"""

from typing import TYPE_CHECKING

from shared.auth.claims import (
    ARTIFACTS_CLAIM,
    CONCURRENCY_CLAIM,
    CONNECTIONS_CLAIM,
    FILES_CLAIM,
    LEEWAY_S,
    LOG_CLAIM,
    REQUESTS_CLAIM,
    SCOPE_AUDIT,
    SCOPE_JOBS,
    SCOPE_OPS,
    SESSIONS_CLAIM,
    SHARE_CLAIMS,
    UNFINISHED_CLAIM,
    WAITS_CLAIM,
    Caller,
    KeysUnavailableError,
    TokenError,
)

if TYPE_CHECKING:
    from shared.auth.tokens import Tokens

__all__ = [
    "ARTIFACTS_CLAIM",
    "CONCURRENCY_CLAIM",
    "CONNECTIONS_CLAIM",
    "FILES_CLAIM",
    "LEEWAY_S",
    "LOG_CLAIM",
    "REQUESTS_CLAIM",
    "SCOPE_AUDIT",
    "SCOPE_JOBS",
    "SCOPE_OPS",
    "SESSIONS_CLAIM",
    "SHARE_CLAIMS",
    "UNFINISHED_CLAIM",
    "WAITS_CLAIM",
    "Caller",
    "KeysUnavailableError",
    "TokenError",
    "Tokens",
]

if not TYPE_CHECKING:
    # Hidden from the type checker, which knows each name and no other.
    def __getattr__(name: str) -> object:
        if name != "Tokens":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from shared.auth.tokens import Tokens  # noqa: PLC0415 - as the module says

        return Tokens
