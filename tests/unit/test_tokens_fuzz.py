"""Whatever is sent as a token, the answer is a caller or a TokenError that does not show it."""

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.auth import Caller, TokenError, Tokens
from tests.issuer import Checking, SigningKey, running_issuer

KEY = SigningKey("one")
Known = tuple[Tokens, dict[str, Any]]


@pytest.fixture(scope="module")
def known() -> Known:
    """A checker that has the provider's keys already, and the claims of a valid token of alice."""

    async def learn() -> Known:
        async with running_issuer() as issuer:
            tokens = Checking(issuer.settings(token_provider_scope_claim="scope")).tokens
            await tokens.check(issuer.token())
            return tokens, issuer.claims()

    return asyncio.run(learn())


def judged(tokens: Tokens, token: str) -> Caller | None:
    try:
        return tokens.verify(token)
    except TokenError as error:
        message = str(error)
        assert not any(part in message for part in token.split(".") if len(part) > 8)
        return None


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
@example("..")
@example("e30.e30.")
@example("eyJhbGciOiJub25lIn0.e30.")
def test_any_text_is_refused(known: Known, text: str) -> None:
    assert judged(known[0], text) is None


@given(
    st.lists(st.binary(max_size=40), min_size=3, max_size=3).map(
        lambda parts: ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    )
)
def test_any_three_parts_are_refused(known: Known, text: str) -> None:
    assert judged(known[0], text) is None


@given(at=st.floats(0, 1, exclude_max=True), put=st.text(max_size=3), length=st.integers(0, 400))
def test_a_token_that_was_changed_is_refused(known: Known, at: float, put: str, length: int) -> None:
    tokens, claims = known
    token = KEY.sign(claims)
    place = int(at * len(token))
    changed = token[:place] + put + token[place + length :]
    caller = judged(tokens, changed)
    assert (caller is not None) == (changed == token)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "concurrency", "unfinished_max", "x"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values, max_size=4))
def test_any_claims_rightly_signed_make_a_caller_or_are_refused(
    known: Known, changes: dict[str, Any]
) -> None:
    tokens, claims = known
    caller = judged(tokens, KEY.sign({**claims, **changes}))
    if caller is not None:
        assert caller.user_id == changes.get("sub", "alice")
        assert json.loads(json.dumps(caller.user_id)) == caller.user_id
        assert caller.scopes <= {"jobs", "audit:all", "ops"}


HEADERS = ["alg", "kid", "typ", "cty", "crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"]


@given(st.dictionaries(st.sampled_from(HEADERS), json_values, max_size=4))
def test_any_header_rightly_signed_makes_the_caller_or_is_refused(
    known: Known, changes: dict[str, Any]
) -> None:
    tokens, claims = known
    caller = judged(tokens, KEY.sign(claims, changes))
    if caller is not None:
        assert caller.user_id == "alice"
        assert changes.get("crit") is None
