"""While the secret of our own tokens is changed: the new one signs, and the one before is still accepted."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.auth import TokenError, Tokens
from shared.auth.issuer import key_id_of
from shared.settings import TokenSettings
from tests.issuer import NOW, Clock, forge

OLD, NEW, OLDER = "the old secret, " * 3, "the new secret, " * 3, "the one before the old, " * 3
NOON = datetime.fromtimestamp(NOW, UTC)
CLAIMS = {"iss": "headrace", "aud": "headrace", "sub": "alice", "exp": NOW + 3_600}


def tokens_with(secret: str, previous: str | None = None) -> Tokens:
    return Tokens(TokenSettings(token_secret=secret, token_secret_previous=previous), now=Clock(NOW))


def issued(tokens: Tokens) -> str:
    return tokens.issue("alice", lifetime=timedelta(hours=1), now=NOON)


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    return found


BEFORE, WHILE, AFTER = tokens_with(OLD), tokens_with(NEW, OLD), tokens_with(NEW)


def test_a_rotation_refuses_nobody_until_it_is_over() -> None:
    old = issued(BEFORE)
    assert WHILE.verify(old).user_id == "alice"
    new = issued(WHILE)
    assert WHILE.verify(new) == AFTER.verify(new)
    for tokens, token in ((BEFORE, new), (AFTER, old)):
        with pytest.raises(TokenError, match="its signature is wrong"):
            tokens.verify(token)


def test_only_the_present_secret_signs() -> None:
    assert issued(WHILE) == issued(AFTER) != issued(BEFORE)


@pytest.mark.parametrize("named", [{}, {"kid": "of another program"}, {"kid": ""}], ids=str)
@pytest.mark.parametrize("secret", [OLD, NEW])
def test_a_token_that_names_no_secret_of_ours_is_tried_with_both(secret: str, named: dict[str, str]) -> None:
    token = forge({"alg": "HS256", "typ": "JWT", **named}, CLAIMS, secret.encode())
    assert WHILE.verify(token).user_id == "alice"


@pytest.mark.parametrize("named", [{}, {"kid": key_id_of(OLD)}, {"kid": key_id_of(NEW)}], ids=str)
def test_a_secret_that_is_neither_is_refused(named: dict[str, str]) -> None:
    token = forge({"alg": "HS256", **named}, CLAIMS, OLDER.encode())
    with pytest.raises(TokenError, match="its signature is wrong"):
        WHILE.verify(token)


def test_a_token_is_tried_with_the_secret_that_it_names_and_no_other() -> None:
    token = forge({"alg": "HS256", "kid": key_id_of(NEW)}, CLAIMS, OLD.encode())
    with pytest.raises(TokenError, match="its signature is wrong"):
        WHILE.verify(token)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_what_else_is_wrong_is_told_whichever_secret_signed(secret: str) -> None:
    token = forge({"alg": "HS256"}, {**CLAIMS, "aud": "elsewhere"}, secret.encode())
    with pytest.raises(TokenError, match="issued for or by someone else"):
        WHILE.verify(token)


def test_the_name_of_a_secret_is_its_own_and_does_not_hold_it() -> None:
    names = {key_id_of(secret) for secret in (OLD, NEW, OLDER, OLD + "x")}
    assert len(names) == 4
    for secret in (OLD, NEW):
        name = key_id_of(secret)
        assert header_of(issued(tokens_with(secret)))["kid"] == name
        assert len(bytes.fromhex(name)) == 6
        # Nor is it the beginning of what would be a signature of this secret.
        signature = forge({"alg": "HS256"}, CLAIMS, secret.encode()).rpartition(".")[2]
        assert not base64.urlsafe_b64decode(signature + "==").startswith(bytes.fromhex(name))


def test_a_previous_secret_that_is_too_short_is_refused() -> None:
    with pytest.raises(TokenError, match="at least 32 bytes"):
        tokens_with(NEW, "short")
