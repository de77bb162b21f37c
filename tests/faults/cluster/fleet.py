"""The four services twice each, as processes over a cluster, and what they say of themselves."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import free_port
from shared.auth import Tokens
from shared.settings import TokenSettings
from tests.faults.cluster.servers import PAUSE_S, Cluster

SECRET = "s" * 40
KINDS = ("projector", "executor", "notifier", "api")


class Service:
    """One process of the fleet."""

    def __init__(self, kind: str, number: int, directory: Path) -> None:
        self.kind = kind
        self.name = f"{kind}-{number}"
        self.port = free_port()
        self.view = directory / f"view-{number}.sqlite"
        self.log = directory / f"{self.name}.log"
        self.process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, environment: dict[str, str]) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"services.{self.kind}"),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, **self._environment()},
                preexec_fn=die_with_parent,
            )

    def _environment(self) -> dict[str, str]:
        return {
            "HEADRACE_API_PORT": str(self.port),
            "HEADRACE_NOTIFIER_PORT": str(self.port),
            "HEADRACE_HEALTH_PORT": str(self.port),
            "HEADRACE_EXECUTOR_ID": self.name,
            "HEADRACE_VIEW_PATH": str(self.view),
        }

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


class Fleet:
    """All eight."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.services = [Service(kind, number, directory) for kind in KINDS for number in (1, 2)]
        self.environment = {
            **cluster.environment,
            "HEADRACE_TOKEN_SECRET": SECRET,
            "HEADRACE_SLOTS": "2",
            "PATH": "/usr/bin:/bin",
        }
        self._tokens = Tokens(TokenSettings(token_secret=SECRET))
        self._http = httpx.AsyncClient(timeout=10)

    def of(self, kind: str) -> list[Service]:
        return [service for service in self.services if service.kind == kind]

    def token(self, user: str) -> str:
        return self._tokens.issue(user, lifetime=timedelta(hours=1), now=datetime.now(UTC))

    async def start(self) -> None:
        await asyncio.gather(*(service.start(self.environment) for service in self.services))

    async def stop(self) -> None:
        await asyncio.gather(*(service.stop() for service in self.services))
        await self._http.aclose()

    async def readyz(self, service: Service) -> dict[str, Any]:
        """What it says of itself in every detail."""
        answer = await self._http.get(f"{service.url}/readyz?verbose")
        found: dict[str, Any] = answer.json()
        return found

    async def until_ready(self) -> None:
        await asyncio.gather(*(self._until(service, "status", "ok") for service in self.services))

    async def until_every_one_says(self, check: str, text: str) -> None:
        """Wait until this check of each service says why it fails."""
        await asyncio.gather(*(self._until(service, check, text) for service in self.services))

    async def _until(self, service: Service, check: str, text: str) -> None:
        while True:
            try:
                said = await self.readyz(service)
            except httpx.HTTPError:
                assert service.process is not None
                assert service.process.returncode is None, f"{service.name} ended: {service.log.read_text()}"
            else:
                if text in said.get(check, said["checks"].get(check, "")):
                    return
            await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def fleet_of(cluster: Cluster, directory: Path) -> AsyncIterator[Fleet]:
    """A fleet that is ready."""
    fleet = Fleet(cluster, directory)
    try:
        await fleet.start()
        await fleet.until_ready()
        yield fleet
    finally:
        await fleet.stop()
