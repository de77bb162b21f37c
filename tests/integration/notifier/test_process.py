"""The notifier as a process: how it ends, what it says about itself, and what it never writes down."""

import json

import httpx

from tests import builders
from tests.integration.notifier.client import connected
from tests.integration.notifier.conftest import Start, token
from tests.integration.notifier.writer import Writer


async def test_sigterm_closes_every_socket_to_come_back(start_process: Start) -> None:
    notifier = await start_process()
    async with connected(notifier.url, token=token()) as idle, connected(notifier.url) as silent:
        await idle.subscribe("*")
        notifier.process.terminate()
        assert await idle.close_code() == 1012
        assert await silent.close_code() == 1012
    assert await notifier.ended() == 0


async def test_no_token_reaches_a_log_line(start_process: Start, writer: Writer) -> None:
    notifier = await start_process()
    good, bad = token(), token(lasts_s=-60)
    async with connected(f"{notifier.url}?token={good}", header_token=good) as client:
        await client.init()
        await client.send(type="refresh", token=good)
        await client.expect("refreshed")
        await client.send(type="refresh", token=bad)
        await client.expect("error")
    async with connected(notifier.url, header_token=bad) as client:
        await client.send(type="connection_init", token=bad)
        assert await client.close_code() == 4401
    async with connected(notifier.url) as client:
        await client.socket.send(f'{{"type":"connection_init","token":"{good}"')
        assert await client.close_code() == 4400
    notifier.process.terminate()
    await notifier.ended()
    written = "".join(notifier.lines)
    assert "connection_ends" in written
    for secret in (good, bad):
        assert not any(part in written for part in secret.split(".")[1:])


async def test_health_readiness_and_metrics(start_process: Start, writer: Writer) -> None:
    notifier = await start_process()
    async with connected(notifier.url, token=token()) as client:
        await client.subscribe("*")
        await writer.append(builders.queued(builders.job_id()))
        await client.event()
        assert json.loads(await _get(notifier.url, "/readyz"))["checks"] == {
            "stopping": "ok",
            "broker": "ok",
            "log": "ok",
            "feed": "ok",
        }
        assert json.loads(await _get(notifier.url, "/livez")) == {"status": "ok"}
        assert "headrace_connections 1.0" in (await _get(notifier.url, "/metrics")).decode()


async def _get(url: str, path: str) -> bytes:
    async with httpx.AsyncClient() as client:
        return (await client.get(url.replace("ws://", "http://").replace("/v1/ws", path))).content
