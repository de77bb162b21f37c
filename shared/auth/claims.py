"""Turns the claims of a token whose signature was checked into a caller. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.contract.subjects import SubjectError, escape

SCOPE_JOBS = "jobs"
SCOPE_AUDIT = "audit:all"
SCOPE_OPS = "ops"
SCOPES = frozenset({SCOPE_JOBS, SCOPE_AUDIT, SCOPE_OPS})

CONCURRENCY_CLAIM = "concurrency"
UNFINISHED_CLAIM = "unfinished_max"
REQUESTS_CLAIM = "requests_per_s"
WAITS_CLAIM = "waits_max"
CONNECTIONS_CLAIM = "connections_max"
LOG_CLAIM = "log_bytes_max"
SESSIONS_CLAIM = "sessions_bytes_max"
ARTIFACTS_CLAIM = "artifacts_bytes_max"
FILES_CLAIM = "files_bytes_max"
SHARE_CLAIMS = (WAITS_CLAIM, CONNECTIONS_CLAIM, LOG_CLAIM, SESSIONS_CLAIM, ARTIFACTS_CLAIM, FILES_CLAIM)
"""Claims that name a user's share of each place and store (shared.domain.shares)."""

LEEWAY_S = 10
"""Tolerated clock difference (s) between issuer and checker."""

_QUOTA_MAX = 2**31 - 1
_SHARE_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly; enough bytes for a large store."""
_TIME_MAX = datetime(9999, 1, 1, tzinfo=UTC).timestamp()

Claims = Mapping[str, object]


class TokenError(Exception):
    """The token is not accepted; the message is safe to show to the caller."""


class KeysUnavailableError(TokenError):
    """The key could not be fetched yet; the same token may be accepted later."""

    def __init__(self, why: str, retry_after_s: float) -> None:
        """`retry_after_s` is the time (s) until the provider may be asked again."""
        super().__init__(why)
        self.retry_after_s = max(1, math.ceil(retry_after_s))


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user.

    `concurrency` is the K that the token claims (decision 5). `unfinished_max` and `requests_per_s` are the
    claimed quotas, None for the service's defaults. `shares` holds the claimed ones of SHARE_CLAIMS. `lanes`
    are the user ids whose unfinished jobs count together, for a user whose jobs run in several lanes.
    """

    user_id: str
    scopes: frozenset[str]
    expires_at: datetime
    concurrency: int = 1
    unfinished_max: int | None = None
    requests_per_s: int | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    lanes: Sequence[str] = ()

    def share(self, claim: str, default: int, most: int) -> int:
        """The claimed share, up to `most`; `default` without a claim."""
        return min(self.shares.get(claim, default), most)


def caller_of(claims: Claims, user_id: str, scopes: frozenset[str], expires_at: datetime) -> Caller:
    """The caller with the quotas of the claims. Raises TokenError."""
    return Caller(
        user_id=user_id,
        scopes=scopes,
        expires_at=expires_at,
        concurrency=_quota(claims, CONCURRENCY_CLAIM) or 1,
        unfinished_max=_quota(claims, UNFINISHED_CLAIM),
        requests_per_s=_quota(claims, REQUESTS_CLAIM),
        shares={
            name: most
            for name in SHARE_CLAIMS
            if (most := _quota(claims, name, largest=_SHARE_MAX)) is not None
        },
    )


def check_user_id(user_id: object) -> str:
    """The id, if it can be stored, shown and read back unchanged. Raises TokenError."""
    if not isinstance(user_id, str):
        raise TokenError("the token's subject is not a text")
    try:
        user_id.encode()
        escape(user_id)
    except UnicodeEncodeError:
        raise TokenError("the token's subject cannot be a user id: it has half a character") from None
    except SubjectError as error:
        raise TokenError(f"the token's subject cannot be a user id: {error}") from None
    return user_id


def check_times(claims: Claims, now: float) -> datetime:
    """When the token expires, if it is valid at `now` (seconds since 1970). Raises TokenError."""
    expires = time_claim(claims, "exp")
    if expires is None:
        raise TokenError("the token is not valid: a required claim is missing")
    if expires <= now - LEEWAY_S:
        raise TokenError("the token is not valid: it has expired")
    for name in ("nbf", "iat"):
        begins = time_claim(claims, name)
        if begins is not None and begins > now + LEEWAY_S:
            raise TokenError("the token is not valid: it is not valid yet")
    return datetime.fromtimestamp(expires, UTC)


def time_claim(claims: Claims, name: str) -> float | None:
    """A NumericDate claim (RFC 7519 2); None if it is absent. Raises TokenError for anything else."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _TIME_MAX:
        raise TokenError(f"the token's {name} claim is not a time")
    return float(value)


def words_claim(claims: Claims, name: str) -> frozenset[str]:
    """The words of a claim: a list, or a text separated by spaces. Raises TokenError."""
    value = claims.get(name)
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return frozenset(value)
    raise TokenError("the token's scopes are neither a text nor a list of texts")


def _quota(claims: Claims, name: str, *, largest: int = _QUOTA_MAX) -> int | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise TokenError(f"the token's {name} claim is not a positive number")
    return value
