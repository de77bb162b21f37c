"""Issues Headrace's own tokens. Uses no third-party library, so that the command line starts fast.

A token is a JWS in its compact form (RFC 7515 3.1), signed with HMAC SHA-256 (RFC 7518 3.2).
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from shared.auth.claims import (
    CONCURRENCY_CLAIM,
    REQUESTS_CLAIM,
    SCOPE_JOBS,
    UNFINISHED_CLAIM,
    Claims,
    TokenError,
)
from shared.contract.subjects import escape
from shared.settings import SECRET_BYTES_MIN, TokenSettings

ALGORITHM = "HS256"
KEY_ID_OF = b"headrace key id"


class Issuer:
    """Issues tokens signed with the configured secret."""

    def __init__(self, settings: TokenSettings) -> None:
        """Raises TokenError if the secret is too short."""
        check_secret(settings.token_secret)
        self._settings = settings

    def issue(
        self,
        user_id: str,
        *,
        lifetime: timedelta,
        now: datetime,
        scopes: frozenset[str] = frozenset({SCOPE_JOBS}),
        concurrency: int = 1,
        unfinished_max: int | None = None,
        requests_per_s: int | None = None,
        shares: Mapping[str, int] | None = None,
    ) -> str:
        """A token for `user_id`. Raises SubjectError for an id that no subject can hold.

        `shares` are keyed by the names of SHARE_CLAIMS.
        """
        escape(user_id)
        claims: dict[str, object] = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": user_id,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "scope": " ".join(sorted(scopes)),
        }
        if concurrency != 1:
            claims[CONCURRENCY_CLAIM] = concurrency
        if unfinished_max is not None:
            claims[UNFINISHED_CLAIM] = unfinished_max
        if requests_per_s is not None:
            claims[REQUESTS_CLAIM] = requests_per_s
        return _sign(claims | dict(shares or {}), self._settings.token_secret)


def check_secret(secret: str) -> None:
    """Raises TokenError for a secret that is too short."""
    if len(secret.encode()) < SECRET_BYTES_MIN:
        raise TokenError(f"the token secret must have at least {SECRET_BYTES_MIN} bytes")


@lru_cache
def key_id_of(secret: str) -> str:
    """The `kid` of the tokens that a secret signs: 48 bits derived from the secret that do not reveal it.

    The HMAC input cannot be that of a token, because every JWS signing input has a full stop (RFC 7515 5.1).
    """
    return hmac.digest(secret.encode(), KEY_ID_OF, "sha256")[:6].hex()


def _sign(claims: Claims, secret: str) -> str:
    header = {"alg": ALGORITHM, "kid": key_id_of(secret), "typ": "JWT"}
    content = b".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.digest(secret.encode(), content, "sha256")
    return b".".join((content, _base64url(signature))).decode()


def _base64url(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
