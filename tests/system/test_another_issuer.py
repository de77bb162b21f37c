"""The api as a process that accepts another issuer's tokens: a real issuer, its rotation, its absence."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from headrace.local.nats_server import NatsServer, free_port
from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.auth import Tokens
from shared.contract.codec import decode_event
from shared.contract.subjects import user_events
from shared.domain.events import Event, JobCompleted, tag_of
from shared.jetstream.connection import Broker
from shared.jetstream.message import Message
from shared.settings import TokenSettings
from tests.http_client import http_client
from tests.issuer import AUDIENCE, DISCOVERY, KEYS, SECRET, Issuer, SigningKey, running_issuer
from tests.system.conftest import TERMINAL, broker_of, user_of

pytestmark = pytest.mark.full

PROGRAM = {"language": "python", "code": "print(6 * 7)"}
OLD, NEW = SigningKey("one"), SigningKey("two", "ES256")


def environment(issuer: Issuer) -> dict[str, str]:
    return {
        "HEADRACE_TOKEN_PROVIDER": "oidc",
        "HEADRACE_TOKEN_PROVIDER_ISSUER": issuer.url,
        "HEADRACE_TOKEN_PROVIDER_AUDIENCE": AUDIENCE,
    }


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def run(stack: Stack, http: httpx.AsyncClient, user: str, token: str) -> tuple[str, Event]:
    """Submit the program; gives where the job is and its terminal event, once that is stored."""
    ended: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    async def take(message: Message) -> None:
        event = decode_event(message.subject, message.data)
        if tag_of(event) in TERMINAL:
            ended.set_result(event)

    async with broker_of(stack) as broker, asyncio.timeout(60):
        await broker.subscribe(user_events(user), take)
        # The server has the subscription once it has answered something that came after.
        await broker.api("INFO")
        answer = await http.post("/v1/jobs", json=PROGRAM, headers=bearer(token))
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"], await ended


async def test_a_token_of_another_issuer_runs_a_job_and_its_rotation_is_followed(tmp_path: Path) -> None:
    async with running_issuer() as issuer:
        options = StackOptions(environment=environment(issuer))
        async with (
            run_stack(tmp_path / "data", options) as stack,
            http_client(base_url=stack.address.api_url) as http,
        ):
            old = issuer.token(OLD, now=int(time.time()), sub="u|1")
            place, end = await run(stack, http, "u|1", old)
            assert isinstance(end, JobCompleted)
            assert (end.user_id, end.result.stdout.content) == ("u|1", "42\n")

            issuer.keys = [NEW.jwk()]
            new = issuer.token(NEW, now=int(time.time()), sub="u|1")
            assert isinstance((await run(stack, http, "u|1", new))[1], JobCompleted)
            assert (await http.get(place, headers=bearer(new))).status_code == 200
            refused = await http.get("/v1/languages", headers=bearer(old))
            assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")

            # Its key may be published by now: nobody has asked since the other new one was seen.
            unseen = issuer.token(SigningKey("three"), now=int(time.time()))
            later = await http.get("/v1/languages", headers=bearer(unseen))
            assert later.status_code == 503
            assert 1 <= int(later.headers["Retry-After"]) <= 30

            await issuer.stop()
            assert (await http.get("/v1/languages", headers=bearer(new))).status_code == 200
            await issuer.start()

            # An operator of the same name is somebody else.
            async with user_of(stack, "u|1") as operator:
                theirs = await http.get(place, headers=bearer(operator.token))
            assert theirs.status_code == 404
            written = (stack.directory / "api.log").read_text()
            assert not any(part in written for part in (*old.split("."), *new.split(".")))


@asynccontextmanager
async def api_process(nats_server: NatsServer, issuer: Issuer, log: Path) -> AsyncIterator[str]:
    """``python -m services.api`` alone; gives its URL once it answers."""
    port = free_port()
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.api",
            env={
                **nats_server.environment,
                **environment(issuer),
                "HEADRACE_TOKEN_SECRET": SECRET,
                "HEADRACE_API_PORT": str(port),
                "PATH": "/usr/bin:/bin",
            },
            stderr=stderr,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def until(http: httpx.AsyncClient, path: str, status: int, headers: dict[str, str]) -> httpx.Response:
    """Ask until it is answered so."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await http.get(path, headers=headers)
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.05)


@pytest.mark.full
async def test_while_the_issuer_cannot_be_asked_nobody_is_called_a_liar(
    broker: Broker, nats_server: NatsServer, tmp_path: Path
) -> None:
    assert broker.is_connected, "the streams are there"
    async with running_issuer() as issuer:
        token = issuer.token(now=int(time.time()))
        await issuer.stop()
        async with (
            api_process(nats_server, issuer, tmp_path / "api.log") as url,
            http_client(base_url=url) as http,
        ):
            answer = await until(http, "/v1/languages", 503, bearer(token))
            assert answer.json()["type"] == "urn:headrace:problem:unavailable"
            assert int(answer.headers["Retry-After"]) > 0
            await issuer.start()
            await until(http, "/v1/languages", 200, bearer(token))


@pytest.mark.full
async def test_an_api_is_ready_once_it_has_the_issuer_s_keys_without_being_asked_for_them(
    broker: Broker, nats_server: NatsServer, tmp_path: Path
) -> None:
    assert broker.is_connected, "the streams are there"
    async with running_issuer() as issuer:
        await issuer.stop()
        async with (
            api_process(nats_server, issuer, tmp_path / "api.log") as url,
            http_client(base_url=url) as http,
        ):
            unready = await until(http, "/readyz", 503, {})
            assert unready.json()["checks"]["token_keys"] == "the keys of the token provider could not be had"
            own = Tokens(TokenSettings(token_secret=SECRET)).issue(
                "ops", lifetime=timedelta(hours=1), now=datetime.now(UTC)
            )
            assert (await http.get("/v1/languages", headers=bearer(own))).status_code == 200
            await issuer.start()
            assert (await until(http, "/readyz", 200, {})).json()["checks"]["token_keys"] == "ok"
            assert issuer.asked == {DISCOVERY: 1, KEYS: 1}
