"""A cluster of three nats-servers as processes on loopback, to be killed, frozen, and started again."""

import asyncio
import json
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import MAX_PAYLOAD_BYTES, find_binary, free_port
from shared.contract.subjects import JOBS
from shared.jetstream.connection import Broker, connect
from shared.jetstream.errors import BrokerError, UnreachableError
from shared.jetstream.stream_config import ProvisionSettings
from shared.provision import provision
from shared.retry import retry
from shared.settings import BrokerSettings
from tests.http_client import http_client

USER, PASSWORD = "test", "test-password"
PAUSE_S = 0.05


class Server:
    """One of the three."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.port, self.route_port, self.monitor_port = free_port(), free_port(), free_port()
        self._directory = directory / name
        self._process: Process | None = None
        self.is_frozen = False

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.returncode is None and not self.is_frozen

    def configure(self, routes: list[int]) -> None:
        self._directory.mkdir(parents=True)
        settings = {
            "server_name": self.name,
            "listen": f"127.0.0.1:{self.port}",
            "http": f"127.0.0.1:{self.monitor_port}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {"store_dir": str(self._directory / "data"), "sync_interval": "always"},
            "cluster": {
                "name": "headrace",
                "listen": f"127.0.0.1:{self.route_port}",
                "routes": [f"nats://127.0.0.1:{port}" for port in routes],
            },
            "authorization": {"user": USER, "password": PASSWORD},
        }
        (self._directory / "nats.conf").write_text(json.dumps(settings))

    async def start(self) -> None:
        """Start it; `healthy` waits until it has caught up."""
        with (self._directory / "nats.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(find_binary(), "-c", str(self._directory / "nats.conf")),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def healthy(self) -> None:
        """Wait until it says that its streams and consumers are up to date."""
        async with http_client(timeout=2) as http:
            while True:
                try:
                    answer = await http.get(f"http://127.0.0.1:{self.monitor_port}/healthz")
                    if answer.status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(PAUSE_S)

    async def kill(self) -> None:
        """End it as a crash would, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self.is_frozen = False

    async def stop(self) -> None:
        """Ask it to end, as an upgrade does."""
        assert self._process is not None
        self._process.terminate()
        await self._process.wait()

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self.is_frozen = False


class Cluster:
    """The three, and what they say of the log."""

    def __init__(self, directory: Path) -> None:
        self.servers = [Server(name, directory) for name in ("n1", "n2", "n3")]
        for server in self.servers:
            server.configure([other.route_port for other in self.servers if other is not server])

    @property
    def settings(self) -> BrokerSettings:
        urls = ",".join(server.url for server in self.servers)
        return BrokerSettings(nats_url=urls, nats_user=USER, nats_password=PASSWORD)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HEADRACE_NATS_URL": self.settings.nats_url,
            "HEADRACE_NATS_USER": USER,
            "HEADRACE_NATS_PASSWORD": PASSWORD,
        }

    def named(self, name: str) -> Server:
        return next(server for server in self.servers if server.name == name)

    def others(self, *without: Server) -> list[Server]:
        return [server for server in self.servers if server not in without]

    async def start_all(self) -> None:
        """Start whichever does not run."""
        await asyncio.gather(*(server.start() for server in self.servers if not server.is_up))

    async def healthy(self) -> None:
        await asyncio.gather(*(server.healthy() for server in self.servers))

    @asynccontextmanager
    async def broker(self) -> AsyncIterator[Broker]:
        """A connection, as soon as there is one: a server ends those that a busy machine is slow to begin."""
        async with AsyncExitStack() as opened:

            async def connected() -> Broker:
                return await opened.enter_async_context(connect(self.settings, service="test"))

            yield await retry(connected, on=UnreachableError, within_s=60, pause_s=0.1)

    async def depose(self, stream: str = JOBS) -> None:
        """Ask the stream's leader to step down; again where the answer is lost, perhaps the next leader."""
        async with self.broker() as broker:
            ask = partial(broker.api, f"STREAM.LEADER.STEPDOWN.{stream}")
            await retry(ask, on=UnreachableError, within_s=60, pause_s=0.1)

    async def state(self, stream: str = JOBS) -> dict[str, Any]:
        """What the stream's leader says of it, as soon as there is one, and a connection."""
        return await retry(partial(self._state, stream), on=UnreachableError, within_s=60, pause_s=0.1)

    async def _state(self, stream: str) -> dict[str, Any]:
        async with self.broker() as broker:
            while True:
                try:
                    found = await broker.api(f"STREAM.INFO.{stream}")
                except BrokerError:
                    continue
                if found.get("cluster", {}).get("leader"):
                    return found

    async def leader(self, stream: str = JOBS) -> Server:
        """The server that leads the stream."""
        return self.named((await self.state(stream))["cluster"]["leader"])


@asynccontextmanager
async def cluster_of_three(directory: Path, *, replicas: int = 3) -> AsyncIterator[Cluster]:
    """Three servers that are up, with every stream and durable in so many replicas."""
    cluster = Cluster(directory)
    try:
        await cluster.start_all()
        await cluster.healthy()
        async with cluster.broker() as broker:
            await provision(broker, ProvisionSettings(replicas=replicas))
        yield cluster
    finally:
        await asyncio.gather(*(server.kill() for server in cluster.servers))
