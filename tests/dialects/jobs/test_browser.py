"""A page whose hooks open a socket with each job, in a real browser: it shows each job's own result."""

import asyncio
import json
import shutil
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from headrace.local.nats_server import free_port
from headrace.local.supervisor import StackOptions, run_stack
from shared.dialects.jobs import NAME
from tests.system.conftest import user_of

RUNS = 12
PAGE = Path(__file__).with_name("hooks.html")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@asynccontextmanager
async def served(port: int) -> AsyncIterator[asyncio.Future[dict[str, Any]]]:
    """The page at `/`; what it posts is the future's."""
    shown: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PAGE.read_text(), content_type="text/html")

    async def take(request: web.Request) -> web.StreamResponse:
        shown.set_result(json.loads(await request.text()))
        return web.Response()

    application = web.Application()
    application.add_routes([web.get("/", page), web.post("/shown", take)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield shown
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browser(url: str, profile: Path) -> AsyncIterator[None]:
    """Debian's Chromium with a profile of its own, ended with all its processes."""
    program = shutil.which("chromium")
    assert program is not None, "apt-get install chromium"
    process = await asyncio.create_subprocess_exec(
        program,
        *OPTIONS,
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        url,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.full
@pytest.mark.timeout(240)
@pytest.mark.row("jobs", "4.1", "6.1", "6.2", "6.3", "7.2")
async def test_the_hooks_show_every_result_in_a_browser(tmp_path: Path) -> None:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    environment = {"HEADRACE_API_ORIGINS": origin, "HEADRACE_NOTIFIER_ORIGINS": origin}
    options = StackOptions(environment=environment, dialects=[f"{NAME}=0"])
    async with run_stack(tmp_path / "data", options) as stack, user_of(stack) as user, served(port) as shown:
        api = stack.address.dialects[NAME]
        given = {"api": api, "socket": api.replace("http", "ws", 1), "token": user.token, "runs": str(RUNS)}
        async with asyncio.timeout(180), browser(f"{origin}/?{urlencode(given)}", tmp_path / "profile"):
            told = await shown
    assert told["failures"] == []
    assert told["shown"] == [
        {"wasConnected": True, "hasEnded": True, "stdout": f"{number}\n"} for number in range(RUNS)
    ]
    # Those that were closed came back.
    assert told["sockets"] > RUNS + 3
