"""Tokens: what proves a caller, and everything that does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from shared.settings import TokenSettings
from shared.tokens import TokenError, Tokens

SECRET = "s" * 40
TOKENS = Tokens(TokenSettings(token_secret=SECRET))
HOUR = timedelta(hours=1)


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:  # noqa: ANN401 - claims
    now = datetime.now(UTC)
    claims = {"iss": "headrace", "aud": "headrace", "sub": "alice", "exp": now + HOUR, **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm)


def test_a_caller_is_who_the_token_was_issued_to() -> None:
    issued = TOKENS.issue("*.> ü", lifetime=HOUR, now=datetime.now(UTC), concurrency=3)
    caller = TOKENS.verify(issued)
    assert (caller.user_id, caller.concurrency, caller.scopes) == ("*.> ü", 3, frozenset({"jobs"}))


ATTACKS = {
    "empty": "",
    "not a token": "abc",
    "three dots": "a.b.c",
    "unsigned": jwt.encode({"sub": "alice"}, None, algorithm="none"),
    "another secret": token("x" * 40),
    "another algorithm": token("s" * 64, "HS512"),
    "expired": token(exp=datetime.now(UTC) - HOUR),
    "no expiry": token(exp=None),
    "not yet": token(nbf=datetime.now(UTC) + HOUR),
    "another audience": token(aud="elsewhere"),
    "no audience": token(aud=None),
    "another issuer": token(iss="mallory"),
    "nobody": token(sub=None),
    "empty user": token(sub=""),
    "long user": token(sub="a" * 129),
    "user is a number": token(sub=7),
    "no concurrency": token(concurrency=0),
    "true concurrency": token(concurrency=True),
    "text concurrency": token(concurrency="9"),
    "scope is a list": token(scope=["jobs"]),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_everything_else_is_refused_without_showing_the_token(attack: str) -> None:
    with pytest.raises(TokenError) as caught:
        TOKENS.verify(attack)
    assert not attack or attack not in str(caught.value)


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(TokenError):
        Tokens(TokenSettings(token_secret="short"))
