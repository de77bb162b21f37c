"""docs/by-hand.md without systemd: its commands make the secrets, what the units start runs a program.

As on that page, the wheel is installed, and nothing finds the tree.
"""

import asyncio
import re
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from headrace.client.client import open_client
from headrace.client.endpoint import Endpoint
from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import free_port
from tests.http_client import http_client
from tests.installed import build_wheel, environment, install
from tests.units import Unit, read_units

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "by-hand.md").read_text()
PORTS = {"projector": 8073, "executor": 8072, "api": 8070, "notifier": 8071}
READY_S = 60


class ByHand:
    """The page's deployment below a directory of the test: other paths and ports, else as it is."""

    def __init__(self, directory: Path, programs: Path) -> None:
        """Run what the page says of secrets; `programs` is where it is installed."""
        self.directory = directory
        self.programs = programs
        self.ports = {port: free_port() for port in (4222, 8222, 8070, 8071, 8072, 8073)}
        self.log = directory / "log"
        (block,) = [one for one in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "nats.env" in one]
        subprocess.run(  # noqa: S603 - a block of our own page
            ["/bin/sh", "-euc", self._here(block)], cwd=ROOT, check=True
        )
        configuration = directory / "etc" / "nats.conf"
        configuration.write_text(self._here(configuration.read_text()))
        for unit in read_units().values():
            for state in unit.keys.get("StateDirectory", ()):
                (directory / "lib" / state).mkdir(parents=True)

    def _here(self, text: str) -> str:
        text = text.replace("/etc/headrace", str(self.directory / "etc"))
        text = text.replace("/var/lib/", f"{self.directory}/lib/").replace("/run/headrace-executor", "/tmp")  # noqa: S108 - as the unit's is its own
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return text

    def environment(self, unit: Unit) -> dict[str, str]:
        """As systemd makes it; each credential is a file of a directory of the unit's own."""
        given = self.directory / "credentials" / unit.name
        given.mkdir(parents=True, exist_ok=True)
        for name, path in unit.credentials.items():
            (given / name).write_bytes(Path(self._here(path)).read_bytes())
        told = {name: self._here(value) for name, value in unit.environment(str(given)).items()}
        if unit.name == "nats":
            lines = (self.directory / "etc" / "nats.env").read_text().splitlines()
            told |= dict(line.split("=", 1) for line in lines)
        if unit.name == "executor":
            # This host need not have all that the unit demands.
            told["HEADRACE_MINIMUM_ISOLATION"] = "namespaces,uid"
        return environment(**told)

    async def start(self, unit: Unit) -> Process:
        """Start what the unit starts."""
        program, *arguments = unit.command
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                self.programs / program,
                *map(self._here, arguments),
                cwd=self.directory,
                env=self.environment(unit),
                stderr=log,
                preexec_fn=die_with_parent,
            )

    async def until_answered(self, process: Process, url: str) -> None:
        """Until 200 is answered there, by a process that has not ended meanwhile."""
        async with asyncio.timeout(READY_S), http_client() as http:
            while process.returncode is None:
                try:
                    if (await http.get(url)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)
            pytest.fail(self.log.read_text())

    def token(self, user: str) -> str:
        """By the command of the page."""
        (line,) = re.findall(
            r"^HEADRACE_TOKEN_SECRET_FILE=(\S+) /opt/headrace/bin/python (.+) alice$", PAGE, re.MULTILINE
        )
        issued = subprocess.run(  # noqa: S603 - the page's own
            [self.programs / "python", *line[1].split(), user],
            env={"HEADRACE_TOKEN_SECRET_FILE": self._here(line[0])},
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=True,
        )
        return issued.stdout.strip()


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[None]:
    """End it with SIGTERM, as systemd does; it ends well."""
    try:
        yield
    finally:
        assert process.returncode is None, "it has ended"
        process.terminate()
        code = await asyncio.wait_for(process.wait(), 30)
    assert code == 0


@pytest_asyncio.fixture
async def by_hand(tmp_path: Path) -> AsyncIterator[ByHand]:
    """All of it, ready."""
    programs = install(build_wheel(tmp_path), tmp_path / "headrace", "local")
    deployment, units = ByHand(tmp_path, programs), read_units()
    async with AsyncExitStack() as stack:
        server = await deployment.start(units["nats"])
        await stack.enter_async_context(running(server))
        await deployment.until_answered(server, f"http://127.0.0.1:{deployment.ports[8222]}/healthz")
        provisioned = await deployment.start(units["provision"])
        assert await provisioned.wait() == 0, deployment.log.read_text()
        for name, port in PORTS.items():
            service = await deployment.start(units[name])
            await stack.enter_async_context(running(service))
            await deployment.until_answered(service, f"http://127.0.0.1:{deployment.ports[port]}/readyz")
        yield deployment


@pytest.mark.full
@pytest.mark.timeout(180)
async def test_a_program_runs_on_what_the_units_start(by_hand: ByHand) -> None:
    api, notifier = by_hand.ports[8070], by_hand.ports[8071]
    endpoint = Endpoint(f"http://127.0.0.1:{api}", f"ws://127.0.0.1:{notifier}/v1/ws", by_hand.token("alice"))
    async with open_client(endpoint) as client:
        job = await client.submit({"language": "bash", "code": "echo by hand"})
        events = [event.type async for event in client.follow(job.job_id)]
        found = await client.get(job.job_id)
    assert events[-1] == "job.completed.v1"
    assert found.result is not None
    assert found.result.stdout.content == "by hand\n"


def test_only_its_owner_reads_the_secrets(tmp_path: Path) -> None:
    ByHand(tmp_path, tmp_path / "bin")
    etc = tmp_path / "etc"
    assert (etc / "secrets").stat().st_mode & 0o777 == 0o700
    assert (etc / "nats.env").stat().st_mode & 0o777 == 0o600
    secret = (etc / "secrets" / "nats_password_api").read_text()
    assert f"HEADRACE_NATS_PASSWORD_API={secret}\n" in (etc / "nats.env").read_text()
