"""Who is calling: checks and issues the signed tokens (JWT) that clients send.

Algorithm, issuer and audience come from the settings, never from the token. A token's text never
appears in an error, so it cannot reach a log line through one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from shared.settings import TokenSettings
from shared.subjects import SubjectError, escape

ALGORITHM = "HS256"
LEEWAY_S = 10
SECRET_BYTES_MIN = 32
"""RFC 7518 3.2: an HS256 key is at least as long as its hash."""

SCOPE_JOBS = "jobs"
SCOPE_AUDIT = "audit:all"
SCOPE_OPS = "ops"
CONCURRENCY_CLAIM = "concurrency"


class TokenError(Exception):
    """The token does not prove who is calling; the message is safe to show to the caller."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A user who proved who they are. `concurrency` is the K that the token asks for (DESIGN 5.2)."""

    user_id: str
    scopes: frozenset[str]
    expires_at: datetime
    concurrency: int = 1
    unfinished_max: int | None = None
    requests_per_s: int | None = None


class Tokens:
    """Checks and issues tokens with one shared secret."""

    def __init__(self, settings: TokenSettings) -> None:
        """Refuse a secret that is too short to be one. Raises TokenError."""
        if len(settings.token_secret.encode()) < SECRET_BYTES_MIN:
            raise TokenError(f"the token secret must have at least {SECRET_BYTES_MIN} bytes")
        self._settings = settings

    def verify(self, token: str) -> Caller:
        """The caller that a token names. Raises TokenError."""
        try:
            claims = jwt.decode(
                token,
                self._settings.token_secret,
                algorithms=[ALGORITHM],
                audience=self._settings.token_audience,
                issuer=self._settings.token_issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise TokenError(f"the token is not valid: {_reason(error)}") from None
        user_id = claims["sub"]
        try:
            escape(user_id)
        except SubjectError as error:
            raise TokenError(f"the token's subject cannot be a user id: {error}") from None
        concurrency = claims.get(CONCURRENCY_CLAIM, 1)
        if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
            raise TokenError("the token's concurrency claim is not a positive number")
        scope = claims.get("scope", SCOPE_JOBS)
        if not isinstance(scope, str):
            raise TokenError("the token's scope claim is not a text")
        return Caller(
            user_id, frozenset(scope.split()), datetime.fromtimestamp(claims["exp"], UTC), concurrency
        )

    def issue(
        self,
        user_id: str,
        *,
        lifetime: timedelta,
        now: datetime,
        scopes: frozenset[str] = frozenset({SCOPE_JOBS}),
        concurrency: int = 1,
    ) -> str:
        """A token for `user_id`. Raises SubjectError for an id that no subject can hold."""
        escape(user_id)
        claims: dict[str, object] = {
            "iss": self._settings.token_issuer,
            "aud": self._settings.token_audience,
            "sub": user_id,
            "iat": now,
            "exp": now + lifetime,
            "scope": " ".join(sorted(scopes)),
        }
        if concurrency != 1:
            claims[CONCURRENCY_CLAIM] = concurrency
        return jwt.encode(claims, self._settings.token_secret, algorithm=ALGORITHM)


def _reason(error: jwt.PyJWTError) -> str:
    """A word for the caller; only our own words, because the library's may quote the token."""
    match error:
        case jwt.ExpiredSignatureError():
            return "it has expired"
        case jwt.ImmatureSignatureError():
            return "it is not valid yet"
        case jwt.InvalidAudienceError() | jwt.InvalidIssuerError():
            return "it was issued for or by someone else"
        case jwt.MissingRequiredClaimError():
            return "a required claim is missing"
        case jwt.InvalidAlgorithmError() | jwt.InvalidSignatureError():
            return "its signature is wrong"
        case _:
            return "it cannot be read"
