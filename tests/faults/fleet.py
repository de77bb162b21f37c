"""Several processes of every service on one nats-server, each behind a proxy, to be disturbed one by one.

The processes are those that `headrace up` starts, told the same; only their number, their ports and the way
to the server are the run's own. Whoever ends is started again, as any supervisor would.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from headrace.local.ports import Ports
from headrace.local.stack import claim
from headrace.local.supervisor import Stack, StackOptions
from tests.faults.history_file import Recorder
from tests.faults.members import Member, Replica, Server
from tests.faults.proxy import Proxy
from tests.undebugged import undebugged

READY_WITHIN_S = 60.0
LAST_WORDS_MAX = 2_000
FACES_CLIENTS = frozenset({"api", "notifier"})


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes of each service, and how many programs an executor runs at a time."""

    apis: int = 2
    executors: int = 3
    projectors: int = 2
    notifiers: int = 2
    slots: int = 2


@dataclass
class Fleet:
    """All members. `clients` are the proxies behind which apis and notifiers can be reached."""

    stack: Stack
    server: Server
    replicas: list[Replica] = field(default_factory=list)
    api_urls: list[str] = field(default_factory=list)
    notifier_urls: list[str] = field(default_factory=list)

    @property
    def members(self) -> list[Member]:
        """Everybody."""
        return [self.server, *self.replicas]

    def of(self, service: str) -> list[Replica]:
        """The members that run one service."""
        return [replica for replica in self.replicas if replica.service == service]

    async def ready(self) -> None:
        """Wait until every service says that it is ready. Raises TimeoutError."""
        probe = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=probe) as http:
            for replica in self.replicas:
                await self._until_ready(http, replica)

    async def _until_ready(self, http: aiohttp.ClientSession, replica: Replica) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await _is_ready(http, replica.health_url):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            raise TimeoutError(f"{replica.life} is not ready; it said: {_last_words(replica.log)}") from error

    def view_paths(self) -> dict[str, Path]:
        """Where each projector keeps its view."""
        return {replica.name: _view_path(self.stack, replica.name) for replica in self.of("projector")}


@asynccontextmanager
async def fleet_of(directory: Path, size: Size, recorder: Recorder) -> AsyncIterator[Fleet]:
    """A ready fleet, ended with the context."""
    undebugged()
    async with AsyncExitStack() as open_ones:
        open_ones.enter_context(claim(directory))
        ports = open_ones.enter_context(Ports())
        stack = Stack(directory, StackOptions(), lambda _: None, ports)
        await stack.nats.start()
        open_ones.push_async_callback(stack.nats.stop)
        await stack.provision()
        fleet = Fleet(stack, Server(stack.nats, recorder))
        counts = {
            "projector": size.projectors,
            "notifier": size.notifiers,
            "executor": size.executors,
            "api": size.apis,
        }
        for service, count in counts.items():
            for number in range(1, count + 1):
                await _add(fleet, service, number, size, recorder, ports, open_ones)
        keeping = [asyncio.create_task(member.keep_running()) for member in fleet.members]
        try:
            await fleet.ready()
            yield fleet
        finally:
            await asyncio.gather(*(replica.stop() for replica in fleet.replicas))
            await fleet.server.stop()
            await asyncio.gather(*keeping)


async def _add(
    fleet: Fleet,
    service: str,
    number: int,
    size: Size,
    recorder: Recorder,
    ports: Ports,
    open_ones: AsyncExitStack,
) -> None:
    """One more replica, with a proxy of its own to the server, and one to itself if clients come."""
    name = f"{service}-{number}"
    to_server = await open_ones.enter_async_context(Proxy("127.0.0.1", fleet.stack.nats.port))
    health_port, port = ports.take(), ports.take()
    environment = {
        **fleet.stack.environment_of(service),
        "HEADRACE_NATS_URL": f"nats://127.0.0.1:{to_server.port}",
        "HEADRACE_HEALTH_PORT": str(health_port),
        "HEADRACE_API_PORT": str(port),
        "HEADRACE_NOTIFIER_PORT": str(port),
        "HEADRACE_VIEW_PATH": str(_view_path(fleet.stack, name)),
        "HEADRACE_SLOTS": str(size.slots),
    }
    log = fleet.stack.directory / f"{name}.log"
    replica = Replica(name, service, recorder, environment=environment, log=log)
    replica.proxies.append(to_server)
    replica.health_url = f"http://127.0.0.1:{port if service in FACES_CLIENTS else health_port}/readyz"
    if service in FACES_CLIENTS:
        to_clients = await open_ones.enter_async_context(Proxy("127.0.0.1", port))
        replica.proxies.append(to_clients)
        urls = fleet.api_urls if service == "api" else fleet.notifier_urls
        urls.append(f"http://127.0.0.1:{to_clients.port}")
    fleet.replicas.append(replica)


def _view_path(stack: Stack, name: str) -> Path:
    return stack.directory / f"{name}.sqlite"


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1][:LAST_WORDS_MAX] if lines else "nothing"


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
