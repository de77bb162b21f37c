"""Tokens of another issuer over the socket: its users are served, and its absence is nobody's lie."""

import re
import time

import pytest

from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Serve
from tests.issuer import AUDIENCE, Issuer, SigningKey, running_issuer


def provider(issuer: Issuer) -> dict[str, str]:
    return {
        "token_provider": "oidc",
        "token_provider_issuer": issuer.url,
        "token_provider_audience": AUDIENCE,
    }


async def test_its_users_are_served(serve: Serve) -> None:
    async with running_issuer() as issuer:
        url = await serve(**provider(issuer))
        async with connected(url, token=issuer.token(now=int(time.time()), sub="u|1")) as client:
            await client.subscribe()


@pytest.mark.clause("2.7")
async def test_while_it_cannot_be_asked_its_users_are_told_to_come_back(serve: Serve) -> None:
    async with running_issuer() as issuer:
        token = issuer.token(now=int(time.time()))
        await issuer.stop()
        url = await serve(**provider(issuer))
        async with connected(url) as client:
            await client.send(type="connection_init", token=token)
            assert await client.close_code() == 4503
        assert token not in (client.socket.close_reason or "")


@pytest.mark.clause("2.7")
async def test_a_new_key_among_invented_ones_is_told_when_to_come_back(serve: Serve) -> None:
    async with running_issuer() as issuer:
        url = await serve(**provider(issuer))
        now, unseen = int(time.time()), SigningKey("unseen")
        async with connected(url, token=issuer.token(now=now)) as client:
            await client.subscribe()
            async with connected(url) as invented:
                await invented.send(type="connection_init", token=issuer.token(unseen, now=now))
                assert await invented.close_code() == 4401
            issuer.keys.append(unseen.jwk())
            async with connected(url) as early:
                await early.send(type="connection_init", token=issuer.token(unseen, now=now))
                assert await early.close_code() == 4503
                assert re.search(r"try again in [1-9][0-9]? s$", early.socket.close_reason or "")
            await client.send(type="refresh", token=issuer.token(unseen, now=now))
            error = await client.expect("error")
            assert (error["code"], 1 <= error["retry_after"] <= 30) == ("unavailable", True)


@pytest.mark.clause("8.3")
async def test_a_newer_token_that_cannot_be_judged_leaves_the_earlier_one(serve: Serve) -> None:
    async with running_issuer() as issuer:
        url = await serve(**provider(issuer))
        async with connected(url, token=issuer.token(now=int(time.time()))) as client:
            await issuer.stop()
            newer = issuer.token(SigningKey("unseen"), now=int(time.time()))
            await client.send(type="refresh", token=newer)
            error = await client.expect("error")
            assert (error["code"], error["temporary"]) == ("unavailable", True)
            await client.subscribe()
