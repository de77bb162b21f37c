"""Executor processes that join and leave, each ended by its pid."""

import asyncio
import sys
from asyncio.subprocess import Process
from pathlib import Path

from headrace.local.nats_server import NatsServer, free_port
from shared.contract.subjects import executor_key
from shared.jetstream.connection import Broker
from shared.jetstream.message import Message

READY_WITHIN_S = 90.0


class Executors:
    """``python -m services.executor``, several times."""

    def __init__(self, nats_server: NatsServer, broker: Broker, directory: Path) -> None:
        self._environment = nats_server.environment
        self._broker = broker
        self._directory = directory
        self._processes: dict[str, Process] = {}
        self._ports: dict[str, int] = {}

    async def join(self, name: str, *, slots: int = 2, **settings: int) -> None:
        """Start one, and return when it has announced itself."""
        there = asyncio.Event()

        async def notice(_: Message) -> None:
            there.set()

        subscription = await self._broker.subscribe(executor_key(name), notice)
        self._ports[name] = free_port()
        environment = {
            **self._environment,
            **{f"HEADRACE_{key.upper()}": str(value) for key, value in settings.items()},
            "HEADRACE_HEALTH_PORT": str(self._ports[name]),
            "HEADRACE_EXECUTOR_ID": name,
            "HEADRACE_SLOTS": str(slots),
            "PATH": "/usr/bin:/bin",
        }
        with self._log_of(name).open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.executor", env=environment, stdout=log, stderr=log
            )
        async with asyncio.timeout(READY_WITHIN_S):
            await there.wait()
        await subscription.unsubscribe()

    def metrics_url(self, name: str) -> str:
        """Where it tells its figures."""
        return f"http://127.0.0.1:{self._ports[name]}/metrics"

    def ask_to_leave(self, name: str) -> None:
        """SIGTERM."""
        self._processes[name].terminate()

    async def left(self, name: str) -> None:
        """Wait for its end, which must be a good one."""
        assert await self._processes[name].wait() == 0, self._log_of(name).read_text()

    async def end(self) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()

    def _log_of(self, name: str) -> Path:
        return self._directory / f"{name}.log"
