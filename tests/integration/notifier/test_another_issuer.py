"""Tokens of another issuer over the socket: its users are served, and its absence is nobody's lie."""

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
