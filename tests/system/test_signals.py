"""Each service ends well when asked to, with the log there or not, and says what it is missing."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from headrace.local.nats_server import NatsServer, free_port
from shared.jetstream.connection import Broker
from tests.cases import cases
from tests.http_client import http_client

LOOK_S = 0.05
"""Between two questions, so that asking takes little from the service that starts."""
SERVICES = ["api", "executor", "projector", "notifier"]


@asynccontextmanager
async def service(
    name: str, nats_server: NatsServer, tmp_path: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    port = str(free_port())
    environment = {
        **nats_server.environment,
        "HEADRACE_TOKEN_SECRET": "s" * 40,
        "HEADRACE_API_PORT": port,
        "HEADRACE_NOTIFIER_PORT": port,
        "HEADRACE_HEALTH_PORT": port,
        "HEADRACE_VIEW_PATH": str(tmp_path / "view.sqlite"),
        "PATH": "/usr/bin:/bin",
    }
    with (tmp_path / "service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{name}", env=environment, stderr=log
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(url: str, status: int) -> dict[str, object]:
    """Ask until it is answered so."""
    async with asyncio.timeout(40), http_client() as http:
        while True:
            try:
                answer = await http.get(url)
            except httpx.HTTPError:
                await asyncio.sleep(LOOK_S)
                continue
            if answer.status_code == status:
                found: dict[str, object] = answer.json()
                return found
            await asyncio.sleep(LOOK_S)


@pytest.mark.parametrize("name", cases(SERVICES, {"projector"}))
async def test_ends_with_zero_when_asked(
    broker: Broker, nats_server: NatsServer, tmp_path: Path, name: str
) -> None:
    assert broker.is_connected
    async with service(name, nats_server, tmp_path) as (process, url):
        await until(f"{url}/readyz", 200)
        assert (await until(f"{url}/livez", 200)) == {"status": "ok"}
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    assert '"event": "service_stopped"' in (tmp_path / "service.log").read_text()


@pytest.mark.full
@pytest.mark.parametrize("name", SERVICES)
async def test_lives_on_without_the_log_says_so_and_still_ends(
    broker: Broker, nats_server: NatsServer, tmp_path: Path, name: str
) -> None:
    assert broker.is_connected
    async with service(name, nats_server, tmp_path) as (process, url):
        await until(f"{url}/readyz", 200)
        await nats_server.kill()
        unready = await until(f"{url}/readyz", 503)
        assert unready["checks"]["broker"] == "no connection to NATS"  # type: ignore[index]  # JSON
        await until(f"{url}/livez", 200)
        await nats_server.start()
        await until(f"{url}/readyz", 200)
        await nats_server.kill()
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0


@pytest.mark.parametrize("name", cases(SERVICES, {"api"}))
async def test_without_its_settings_it_names_the_one_that_is_wrong(tmp_path: Path, name: str) -> None:
    wrong = {"HEADRACE_HEALTH_PORT": "no", "HEADRACE_API_PORT": "no", "HEADRACE_NOTIFIER_PORT": "no"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{name}",
        env={**wrong, "HEADRACE_TOKEN_SECRET": "secret-text" * 4, "HEADRACE_VIEW_PATH": str(tmp_path / "v")},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 2
    (line,) = stderr.splitlines()
    said = json.loads(line)
    assert (said["service"], said["level"], said["event"]) == (name, "error", "service_failed")
    assert re.fullmatch(
        r"HEADRACE_\w+_PORT: 'no' is not allowed: it must be a whole number from 0 to 65535", said["error"]
    )
    assert b"secret-text" not in stderr


async def test_an_executor_does_not_take_an_unknown_demand_for_nothing() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.executor",
        env={"HEADRACE_MINIMUM_ISOLATION": "no-such-wall", "PATH": "/usr/bin:/bin"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert b"no-such-wall" in stderr
    assert b"some of namespaces, uid, uids, cgroup, seccomp" in stderr
    assert b"Traceback" not in stderr
