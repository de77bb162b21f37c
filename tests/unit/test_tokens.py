"""Our own tokens: what proves a caller, and everything that does not."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jwt.algorithms import get_default_algorithms

from shared.auth import LEEWAY_S, TokenError, Tokens
from shared.auth.claims import check_user_id
from shared.auth.jwt_format import signed_claims
from shared.settings import TokenSettings
from tests.issuer import NOW, SECRET, Clock, signed, unsigned_token

TOKENS = Tokens(TokenSettings(token_secret=SECRET), now=Clock(NOW))
HOUR = timedelta(hours=1)
NOON = datetime.fromtimestamp(NOW, UTC)
CLAIMS = {"iss": "headrace", "aud": "headrace", "sub": "alice", "exp": NOW + 3_600}


def token(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:  # noqa: ANN401 - claims
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    unsigned = unsigned_token({"alg": algorithm, "typ": "JWT"}, claims)
    return signed(unsigned, get_default_algorithms()[algorithm].sign(unsigned, secret.encode()))


def test_a_caller_is_who_the_token_was_issued_to() -> None:
    issued = TOKENS.issue(
        "*.> ü",
        lifetime=HOUR,
        now=NOON,
        concurrency=3,
        unfinished_max=50,
        requests_per_s=7,
        shares={"waits_max": 9, "log_bytes_max": 2**40},
    )
    caller = TOKENS.verify(issued)
    assert (caller.user_id, caller.scopes) == ("*.> ü", frozenset({"jobs"}))
    assert (caller.concurrency, caller.unfinished_max, caller.requests_per_s) == (3, 50, 7)
    assert (caller.share("waits_max", 5, 100), caller.share("waits_max", 5, 8)) == (9, 8)
    assert (caller.share("connections_max", 5, 100), caller.share("log_bytes_max", 5, 2**50)) == (5, 2**40)
    assert caller.expires_at == NOON + HOUR


def test_what_a_token_does_not_say_is_left_to_the_service() -> None:
    caller = TOKENS.verify(token())
    assert (caller.concurrency, caller.unfinished_max, caller.requests_per_s) == (1, None, None)
    assert caller.scopes == frozenset({"jobs"})


async def test_our_own_tokens_are_checked_without_asking_anybody() -> None:
    assert await TOKENS.check(token()) == TOKENS.verify(token())
    assert TOKENS.why_no_keys() is None
    await TOKENS.keep_keys()


def test_a_signature_that_was_checked_is_remembered_and_nothing_else_is() -> None:
    """The same text is another matter for another secret, another audience, another time."""
    clock, good = Clock(NOW), token()
    tokens = Tokens(TokenSettings(token_secret=SECRET), now=clock)
    first = tokens.verify(good)
    known = signed_claims.cache_info().hits
    assert tokens.verify(good) == first
    assert signed_claims.cache_info().hits == known + 1
    for settings in (
        TokenSettings(token_secret="x" * 40),
        TokenSettings(token_secret=SECRET, token_audience="elsewhere"),
    ):
        with pytest.raises(TokenError):
            Tokens(settings, now=clock).verify(good)
    clock.at = NOW + 3_600 + LEEWAY_S
    with pytest.raises(TokenError, match="expired"):
        tokens.verify(good)


def test_a_refusal_is_not_remembered() -> None:
    wrong = token("x" * 40)
    kept = signed_claims.cache_info().currsize
    for _ in range(2):
        with pytest.raises(TokenError):
            TOKENS.verify(wrong)
    assert signed_claims.cache_info().currsize == kept


ATTACKS = {
    "empty": "",
    "not a token": "abc",
    "three dots": "a.b.c",
    "unsigned": signed(unsigned_token({"alg": "none"}, CLAIMS), b""),
    "another secret": token("x" * 40),
    "another algorithm": token("s" * 64, "HS512"),
    "our secret with another algorithm": token(SECRET + "s" * 40, "HS512"),
    "no expiry": token(exp=None),
    "another audience": token(aud="elsewhere"),
    "no audience": token(aud=None),
    "another issuer": token(iss="mallory"),
    "no issuer": token(iss=None),
    "nobody": token(sub=None),
    "empty user": token(sub=""),
    "long user": token(sub="a" * 129),
    "user is a number": token(sub=7),
    "user has half a character": token(sub="alice\ud800"),
    "no concurrency": token(concurrency=0),
    "true concurrency": token(concurrency=True),
    "text concurrency": token(concurrency="9"),
    "half a quota": token(unfinished_max=1.5),
    "endless quota": token(requests_per_s=2**31),
    "negative quota": token(requests_per_s=-1),
    "scope is a list": token(scope=["jobs"]),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_everything_else_is_refused_without_showing_the_token(attack: str) -> None:
    with pytest.raises(TokenError) as caught:
        TOKENS.verify(attack)
    assert not attack or attack not in str(caught.value)


TIMES: dict[str, tuple[dict[str, Any], str | None]] = {
    "expires within the leeway": ({"exp": NOW - 9}, None),
    "expired at its edge": ({"exp": NOW - 10}, "expired"),
    "valid at the edge": ({"nbf": NOW + 10}, None),
    "not valid beyond it": ({"nbf": NOW + 11}, "not valid yet"),
    "issued at the edge": ({"iat": NOW + 10}, None),
    "issued beyond it": ({"iat": NOW + 11}, "not valid yet"),
    "expires in a text": ({"exp": str(NOW + 60)}, "not a time"),
    "expires truly": ({"exp": True}, "not a time"),
    "never expires": ({"exp": float("inf")}, "cannot be read"),
    "expires at no number": ({"exp": float("nan")}, "cannot be read"),
    "expires after the calendar's end": ({"exp": 10**15}, "not a time"),
    "expires before its beginning": ({"exp": -1}, "not a time"),
    "begins in a list": ({"nbf": [NOW]}, "not a time"),
}


@pytest.mark.parametrize(("claims", "refusal"), TIMES.values(), ids=TIMES.keys())
def test_times_are_kept_to_the_leeway_s_edge(claims: dict[str, Any], refusal: str | None) -> None:
    if refusal is None:
        assert TOKENS.verify(token(**claims)).user_id == "alice"
    else:
        with pytest.raises(TokenError, match=refusal):
            TOKENS.verify(token(**claims))


def test_a_user_id_is_what_can_be_stored_whoever_read_it() -> None:
    for odd in ("*.> ü\n", "alice\0admin", "\0"):
        assert check_user_id(odd) == odd
    for wrong in (7, None, "", "\ud800", "a" * 129):
        with pytest.raises(TokenError):
            check_user_id(wrong)


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(TokenError):
        Tokens(TokenSettings(token_secret="short"))


WITHOUT = """
import sys
from datetime import UTC, datetime, timedelta
for name in ("cryptography", "structlog"):
    sys.modules[name] = None
from shared.settings import TokenSettings
from shared.auth import Tokens
tokens = Tokens(TokenSettings(token_secret="s" * 40))
issued = tokens.issue("alice", lifetime=timedelta(hours=1), now=datetime.now(UTC))
print(tokens.verify(issued).user_id)
"""


async def test_the_command_line_issues_tokens_without_what_only_services_have() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WITHOUT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert await process.communicate() == (b"alice\n", b"")
