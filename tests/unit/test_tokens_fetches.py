"""When a provider is asked for its keys, and what holds while it does not answer. No test waits for time."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.auth import KeysUnavailableError, TokenError, Tokens
from shared.auth.jwks_cache import UNKNOWN_KEY_PAUSE_S, WAITING_MAX
from tests.issuer import DISCOVERY, KEYS, Checking, Issuer, SigningKey, accepts, http, running_issuer

NEW = SigningKey("two")
BROKEN = http(b"", status="503 Service Unavailable")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running_issuer() as running:
        yield running


@pytest.fixture
def checking(issuer: Issuer) -> Checking:
    return Checking(issuer.settings())


async def refused(tokens: Tokens, token: str) -> TokenError:
    with pytest.raises(TokenError) as caught:
        await tokens.check(token)
    return caught.value


async def unavailable(tokens: Tokens, token: str) -> bool:
    return isinstance(await refused(tokens, token), KeysUnavailableError)


async def test_a_thousand_unknown_keys_are_one_question_in_thirty_seconds(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    tokens = [issuer.token(NEW, headers={"kid": f"unknown {number}"}) for number in range(1_000)]
    for round_number in range(3):
        for token in tokens:
            assert not await unavailable(checking.tokens, token)
        await asyncio.gather(*(refused(checking.tokens, token) for token in tokens[:100]))
        assert issuer.asked[KEYS] == 2 + round_number
        checking.clock.at += UNKNOWN_KEY_PAUSE_S - 0.001
        await refused(checking.tokens, tokens[0])
        assert issuer.asked[KEYS] == 2 + round_number
        checking.clock.at += 0.001


async def test_the_holder_of_a_new_key_is_told_when_to_come_back_while_others_are_unknown(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    invented = issuer.token(NEW, headers={"kid": "invented"})
    assert not await unavailable(checking.tokens, invented)
    issuer.keys.append(NEW.jwk())
    for waited_s, retry_after_s in ((0.5, 30), (10.0, 20), (19.0, 1)):
        checking.clock.at += waited_s
        for token in (issuer.token(NEW), invented):
            error = await refused(checking.tokens, token)
            assert isinstance(error, KeysUnavailableError)
            assert "signature" not in str(error)
            assert error.retry_after_s == retry_after_s
    assert issuer.asked[KEYS] == 2
    checking.clock.at += retry_after_s
    assert await accepts(checking.tokens, issuer.token(NEW))
    assert issuer.asked[KEYS] == 3
    assert not await unavailable(checking.tokens, issuer.token(NEW, headers={"kid": "one"}))


async def test_who_comes_while_an_older_question_is_under_way_has_one_of_its_own(
    issuer: Issuer, checking: Checking
) -> None:
    """What is answered may have been true before the new key was published."""
    issuer.released.clear()
    first = asyncio.create_task(checking.tokens.check(issuer.token()))
    await issuer.was_asked.wait()
    issuer.keys_answer = http({"keys": list(issuer.keys)})
    checking.clock.at += 1
    second = asyncio.create_task(accepts(checking.tokens, issuer.token(NEW)))
    await asyncio.sleep(0)
    issuer.was_asked.clear()
    issuer.released.set()
    await first
    issuer.released.clear()
    issuer.keys_answer = http({"keys": [*issuer.keys, NEW.jwk()]})
    issuer.released.set()
    assert await second
    assert issuer.asked[KEYS] == 2


async def test_more_than_so_many_do_not_wait_for_one_question(issuer: Issuer, checking: Checking) -> None:
    issuer.released.clear()
    token = issuer.token()
    checks = [asyncio.create_task(checking.tokens.check(token)) for _ in range(WAITING_MAX)]
    await issuer.was_asked.wait()
    assert await unavailable(checking.tokens, token)
    assert not any(check.done() for check in checks)
    issuer.released.set()
    await asyncio.gather(*checks)
    assert await accepts(checking.tokens, token)
    assert issuer.asked[KEYS] == 1


async def test_a_withdrawn_key_is_wrong_also_while_nobody_may_be_asked(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    issuer.keys = [NEW.jwk()]
    assert await accepts(checking.tokens, issuer.token(NEW))
    checking.clock.at += 1
    assert str(await refused(checking.tokens, issuer.token())).endswith("its issuer has no such key")
    assert issuer.asked[KEYS] == 2


async def test_all_who_wait_share_one_question(issuer: Issuer, checking: Checking) -> None:
    issuer.released.clear()
    checks = [asyncio.create_task(checking.tokens.check(issuer.token(sub=f"u{n}"))) for n in range(50)]
    await issuer.was_asked.wait()
    # One of them gives up, perhaps the one who asked: the others do not suffer for it.
    checks[0].cancel()
    issuer.released.set()
    callers = await asyncio.gather(*checks[1:])
    assert [caller.user_id for caller in callers] == [f"u{n}" for n in range(1, 50)]
    assert issuer.asked == {DISCOVERY: 1, KEYS: 1}


async def test_a_new_key_is_accepted_at_once_and_the_old_refused_once_it_is_gone(
    issuer: Issuer, checking: Checking
) -> None:
    old = issuer.token()
    await checking.tokens.check(old)
    issuer.keys = [NEW.jwk()]
    assert await accepts(checking.tokens, old)
    assert await accepts(checking.tokens, issuer.token(NEW))
    assert not await unavailable(checking.tokens, old)
    assert issuer.asked[KEYS] == 2


async def test_a_withdrawn_key_serves_until_its_lifetime_ends(issuer: Issuer, checking: Checking) -> None:
    await checking.tokens.check(issuer.token())
    issuer.keys = [NEW.jwk()]
    checking.clock.at += 599.9
    assert await accepts(checking.tokens, issuer.token())
    assert issuer.asked[KEYS] == 1
    checking.clock.at += 0.1
    assert not await unavailable(checking.tokens, issuer.token())


async def test_who_knows_their_key_does_not_wait_for_somebodys_unknown_one(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    issuer.released.clear()
    issuer.was_asked.clear()
    waiting = asyncio.create_task(refused(checking.tokens, issuer.token(NEW)))
    await issuer.was_asked.wait()
    assert await accepts(checking.tokens, issuer.token())
    assert not waiting.done()
    issuer.released.set()
    await waiting


async def test_a_provider_that_is_down_at_start_is_asked_again_ever_later(
    issuer: Issuer, checking: Checking
) -> None:
    issuer.keys_answer = BROKEN
    began, asked_at = checking.clock.at, []
    for _ in range(1_000):
        before = issuer.asked[KEYS]
        assert await unavailable(checking.tokens, issuer.token())
        asked_at += [checking.clock.at - began] * (issuer.asked[KEYS] - before)
        checking.clock.at += 0.125
    assert asked_at == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert checking.tokens.why_no_keys() is not None
    issuer.keys_answer = None
    checking.clock.at += 30
    assert await accepts(checking.tokens, issuer.token())
    assert checking.tokens.why_no_keys() is None


async def test_known_keys_serve_while_the_provider_is_down_but_not_for_ever(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    await issuer.stop()
    checking.clock.at += 86_400
    assert await accepts(checking.tokens, issuer.token())
    assert await unavailable(checking.tokens, issuer.token(NEW))
    checking.clock.at += 1
    assert await unavailable(checking.tokens, issuer.token())
    with pytest.raises(KeysUnavailableError):
        checking.tokens.verify(issuer.token())
    assert checking.tokens.why_no_keys() is not None
    await issuer.start()
    checking.clock.at += 30
    assert await accepts(checking.tokens, issuer.token())


async def test_a_provider_that_failed_before_delays_nobody_whose_key_is_known(
    issuer: Issuer, checking: Checking
) -> None:
    await checking.tokens.check(issuer.token())
    issuer.keys_answer = BROKEN
    checking.clock.at += 600
    assert await accepts(checking.tokens, issuer.token())
    assert issuer.asked[KEYS] == 2
    checking.clock.at += 1
    issuer.released.clear()
    issuer.was_asked.clear()
    assert await accepts(checking.tokens, issuer.token())
    # It did not wait: the third question had not even arrived.
    assert not issuer.was_asked.is_set()
    async with asyncio.timeout(30):
        await issuer.was_asked.wait()
    issuer.released.set()


async def test_nobody_is_asked_about_a_token_that_no_key_could_have_signed(
    issuer: Issuer, checking: Checking
) -> None:
    for headers in ({"alg": "HS256"}, {"alg": "none"}, {"alg": "RS512"}, {"kid": None}):
        assert not await unavailable(checking.tokens, issuer.token(headers=headers))
    for claims in ({"iss": "https://elsewhere.example"}, {"iss": None}, {"more": "x" * 8_192}):
        assert not await unavailable(checking.tokens, issuer.token(**claims))
    assert not issuer.asked


RIGHT = {"keys": [SigningKey("one").jwk()]}
GARBAGE = {
    "no JSON": http(b"<html>"),
    "not UTF-8": http(b'{"keys": ["\xff"]}'),
    "nested": http(b"[" * 100_000),
    "a list": http([]),
    "no keys": http({}),
    "an object for keys": http({"keys": {"kid": "one"}}),
    "no usable key": http({"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}, None, 7, []]}),
    "huge": http(json.dumps(RIGHT).encode() + b" " * (256 * 1024)),
    "endless": b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(RIGHT).encode() + b" " * (256 * 1024),
    "a redirect": http(b"", status="302 Found", headers="Location: /elsewhere\r\n"),
    "an error": http(RIGHT, status="500 Internal Server Error"),
    "compressed": http(RIGHT, headers="Content-Encoding: gzip\r\n"),
    "cut off": http(RIGHT)[:-20],
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing": b" ",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_teaches_nothing_and_loses_nothing(
    issuer: Issuer, checking: Checking, garbage: bytes
) -> None:
    issuer.keys_answer = garbage
    assert await unavailable(checking.tokens, issuer.token())
    checking.clock.at += 1
    issuer.keys_answer = None
    assert await accepts(checking.tokens, issuer.token())
    checking.clock.at += 600
    issuer.keys_answer = garbage
    assert await accepts(checking.tokens, issuer.token())
    assert set(issuer.asked) == {DISCOVERY, KEYS}
    assert issuer.asked[KEYS] == 3


async def test_a_provider_that_does_not_end_its_answer_is_given_up(issuer: Issuer) -> None:
    checking = Checking(issuer.settings(token_keys_timeout_s=0.05))
    issuer.released.clear()
    async with asyncio.timeout(30):
        assert await unavailable(checking.tokens, issuer.token())


DISCOVERIES: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://elsewhere.example"},
    "no issuer": {"issuer": None},
    "no place": {"jwks_uri": None},
    "a number": {"jwks_uri": 7},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "plain http elsewhere": {"jwks_uri": "http://elsewhere.example/keys"},
    "a loopback by name only": {"jwks_uri": "http://127.0.0.1.elsewhere.example/keys"},
    "a user before the host": {"jwks_uri": "http://127.0.0.1@elsewhere.example/keys"},
}


@pytest.mark.parametrize("document", DISCOVERIES.values(), ids=DISCOVERIES.keys())
async def test_a_discovery_document_leads_only_where_it_may(
    issuer: Issuer, checking: Checking, document: dict[str, Any]
) -> None:
    issuer.discovery = document
    assert await unavailable(checking.tokens, issuer.token())
    assert issuer.asked == {DISCOVERY: 1}


async def test_keys_that_moved_are_found_again(issuer: Issuer, checking: Checking) -> None:
    await checking.tokens.check(issuer.token())
    issuer.keys_answer = http(b"", status="404 Not Found")
    checking.clock.at += 600
    await checking.tokens.check(issuer.token())
    issuer.discovery = {"jwks_uri": f"{issuer.url}/moved"}
    issuer.keys_answer = None
    checking.clock.at += 1
    assert await accepts(checking.tokens, issuer.token(SigningKey("one")))
    async with asyncio.timeout(30):
        await issuer.until_asked("/moved")


async def test_a_given_place_of_keys_needs_no_discovery(issuer: Issuer) -> None:
    checking = Checking(issuer.settings(token_provider_keys_url=f"{issuer.url}/given"))
    assert await accepts(checking.tokens, issuer.token())
    assert issuer.asked == {"/given": 1}


async def test_kept_keys_are_there_from_the_start_and_stay_fresh(issuer: Issuer) -> None:
    tokens = Tokens(issuer.settings(token_keys_lifetime_s=0.05), now=Checking(issuer.settings()).now)
    issuer.keys_answer = BROKEN
    keeping = asyncio.create_task(tokens.keep_keys())
    await issuer.was_asked.wait()
    assert tokens.why_no_keys() is not None
    issuer.keys_answer = None
    async with asyncio.timeout(30):
        while issuer.asked[KEYS] < 5:
            issuer.was_asked.clear()
            await issuer.was_asked.wait()
    assert tokens.why_no_keys() is None
    assert tokens.verify(issuer.token()).user_id == "alice"
    keeping.cancel()
    await asyncio.wait({keeping})
