"""Who is calling: checks the signed tokens (JWT) that clients send, and issues our own.

Algorithms, issuers, audiences and keys come from the settings, never from the token. A token's text never
appears in an error, so it cannot reach a log line through one. `TokenError` says that a token does not
prove who is calling; its `KeysUnavailableError`, that nobody can tell at present.
"""

from shared.auth.claims import (
    ARTIFACTS_CLAIM,
    CONCURRENCY_CLAIM,
    CONNECTIONS_CLAIM,
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
from shared.auth.tokens import LOCAL_PREFIX, Tokens

__all__ = [
    "ARTIFACTS_CLAIM",
    "CONCURRENCY_CLAIM",
    "CONNECTIONS_CLAIM",
    "LEEWAY_S",
    "LOCAL_PREFIX",
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
