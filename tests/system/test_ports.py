"""A local stack whose ports are somebody else's says so, and never takes another's answers for its own."""

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from headrace.local.managed import Managed
from headrace.local.nats_server import NatsServer, NatsServerError
from headrace.local.ready import until_ready
from headrace.local.stack import StackError
from headrace.local.supervisor import Stack, StackOptions, run_stack


@pytest.mark.parametrize("service", ["api", "notifier"])
async def test_the_ports_of_another_stack(shared_stack: Stack, tmp_path: Path, service: str) -> None:
    port = int(shared_stack.environment[f"HEADRACE_{service.upper()}_PORT"])
    options = StackOptions(
        api_port=port if service == "api" else 0, notifier_port=port if service == "notifier" else 0
    )
    with pytest.raises(StackError, match=f"port {port} is in use.*--{service}-port"):
        async with run_stack(tmp_path / "data", options):
            pass
    assert not (tmp_path / "data" / "nats" / "nats-server.log").exists(), "nothing was started"


async def test_a_service_says_of_which_stack_it_is(shared_stack: Stack) -> None:
    async with aiohttp.ClientSession() as http:
        said = set()
        for one in shared_stack.services.values():
            async with http.get(one.health_url) as answer:
                said.add((await answer.json())["instance"])
    assert said == {shared_stack.environment["HEADRACE_INSTANCE"]}


async def test_another_program_s_readiness_is_not_the_service_s_own(tmp_path: Path) -> None:
    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "checks": {}})

    app = web.Application()
    app.router.add_get("/readyz", ready)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        one = Managed("api", "none", {}, tmp_path / "log", f"http://127.0.0.1:{port}/readyz", "ours")
        async with aiohttp.ClientSession() as http:
            with pytest.raises(StackError, match="another program answers at"):
                await until_ready(http, one, lambda _: None)
    finally:
        await runner.cleanup()


async def test_another_server_of_the_log(tmp_path: Path) -> None:
    first = NatsServer(tmp_path / "first", user="test", password="test-password", sync="fast")
    await first.start()
    second = NatsServer(
        tmp_path / "second", user="test", password="test-password", port=first.port, sync="fast"
    )
    try:
        with pytest.raises(NatsServerError, match=r"another server of NATS|ended at once"):
            await second.start()
        with pytest.raises(NatsServerError, match=rf"another server of NATS, '{first.name}'"):
            await second.wait_until_ready(lambda: True)
    finally:
        await second.stop()
        await first.stop()
