"""Starts nats-server and the four services as processes, keeps them running, and ends them together.

A process that dies is started again, a little later each time; whether it died is its own affair, because
nothing that was acknowledged is lost with it.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import NatsServer, NatsServerError, Sync
from headrace.local.ports import Ports
from headrace.local.stack import Address, StackError, announced, claimed, load_secrets

READY_TIMEOUT_S = 60.0
PROBE = aiohttp.ClientTimeout(total=2)
STOP_TIMEOUT_S = 20.0
RESTART_FIRST_S = 0.2
RESTART_MOST_S = 5.0
STEADY_S = 10.0
START_ATTEMPTS_MAX = 3
LAST_WORDS_MAX = 2_000
NATS_USER = "operator"
PROVISIONER = "provisioner"
FACING_CLIENTS = frozenset({"api", "notifier"})


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What can be chosen about a local stack. Port 0 takes a free one."""

    api_port: int = 0
    notifier_port: int = 0
    executors: int = 1
    sync: Sync = "always"
    environment: Mapping[str, str] = field(default_factory=dict)


class Managed:
    """One service process, started again whenever it ends before it was told to."""

    def __init__(
        self, name: str, module: str, environment: Mapping[str, str], log: Path, health_url: str
    ) -> None:
        """Prepare; `keep_running` starts it."""
        self.name = name
        self.health_url = health_url
        self.restarts = 0
        self._module = module
        self._environment = environment
        self._log = log
        self._process: Process | None = None
        self._stopping = False
        self.started = asyncio.Event()

    @property
    def process(self) -> Process:
        """The process that runs now, or ran last."""
        if self._process is None:
            raise StackError(f"{self.name} was not started")
        return self._process

    async def keep_running(self, report: Callable[[str], None]) -> None:
        """Start it, and again when it ends, until `stop`."""
        pause_s = RESTART_FIRST_S
        clock = asyncio.get_running_loop().time
        while not self._is_stopping():
            began = clock()
            self._process = await self._start()
            self.started.set()
            code = await self._process.wait()
            if self._is_stopping():
                return
            self.restarts += 1
            pause_s = RESTART_FIRST_S if clock() - began > STEADY_S else min(pause_s * 2, RESTART_MOST_S)
            report(f"{self.name} ended with {code}, starts again in {pause_s:.1f} s (log: {self._log})")
            await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """The end of its log, for a message to people."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return lines[-1][-LAST_WORDS_MAX:] if lines else "nothing"

    def _is_stopping(self) -> bool:
        return self._stopping

    async def _start(self) -> Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,
                preexec_fn=die_with_parent,
            )


class Stack:
    """A running local stack. Made by `run_stack`."""

    def __init__(
        self, directory: Path, options: StackOptions, report: Callable[[str], None], ports: Ports
    ) -> None:
        """Prepare processes and addresses; nothing runs yet. `ports` are kept for as long as it runs."""
        self.directory = directory
        secrets = load_secrets(directory)
        self.nats = NatsServer(
            directory / "nats",
            user=NATS_USER,
            password=secrets.nats_password,
            passwords=secrets.nats_passwords,
            port=ports.take(),
            sync=options.sync,
        )
        self._options = options
        self._report = report
        self._ports = ports
        self._api_port = options.api_port or ports.take()
        self._notifier_port = options.notifier_port or ports.take()
        self._environment = {
            **_inherited(),
            **self.nats.environment,
            "HEADRACE_TOKEN_SECRET": secrets.token_secret,
            "HEADRACE_API_PORT": str(self._api_port),
            "HEADRACE_NOTIFIER_PORT": str(self._notifier_port),
            "HEADRACE_VIEW_PATH": str(directory / "view.sqlite"),
            **options.environment,
        }
        self.services = {one.name: one for one in self._managed()}

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(
            api_url=f"http://127.0.0.1:{self._api_port}",
            websocket_url=f"ws://127.0.0.1:{self._notifier_port}/v1/ws",
            nats_url=self.nats.url,
            supervisor_pid=os.getpid(),
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """All that its services were told, with the credential of the user who may do everything."""
        return self._environment

    def environment_of(self, service: str) -> dict[str, str]:
        """What a service is told: its own credential, and nothing that it has no use for."""
        told = {**self._environment, **self.nats.environment_of(service)}
        if service not in FACING_CLIENTS:
            # Only services that face clients need to know how their tokens are signed.
            del told["HEADRACE_TOKEN_SECRET"]
        return told

    async def ready(self) -> None:
        """Wait until every service says that it is ready. Raises StackError."""
        waiting: Managed | None = None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S), aiohttp.ClientSession(timeout=PROBE) as http:
                for one in self.services.values():
                    waiting = one
                    await one.started.wait()
                    await _until_ready(http, one)
        except TimeoutError as error:
            assert waiting is not None, "the time was spent waiting for somebody"
            raise StackError(
                f"{waiting.name} was not ready in {READY_TIMEOUT_S:.0f} s; it said: {waiting.last_words()}"
            ) from error

    async def provision(self) -> None:
        """Make the streams, as a process of its own: services may not."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shared.streams",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment_of(PROVISIONER),
        )
        _, stderr = await process.communicate()
        if process.returncode != 0:
            raise StackError(f"the streams could not be made: {stderr.decode(errors='replace').strip()}")

    async def keep_nats_running(self) -> None:
        """Start nats-server again whenever it ends."""
        while True:
            code = await self.nats.process.wait()
            self._report(f"nats-server ended with {code}, starts again")
            await asyncio.sleep(RESTART_FIRST_S)
            try:
                await self.nats.start()
            except NatsServerError as error:
                self._report(str(error))

    async def keep_services_running(self) -> None:
        """Start each service, and again whenever it ends."""
        async with asyncio.TaskGroup() as group:
            for one in self.services.values():
                group.create_task(one.keep_running(self._report))

    async def stop_services(self) -> None:
        """End all services at once, each in its own time."""
        await asyncio.gather(*(one.stop() for one in self.services.values()))

    def _managed(self) -> list[Managed]:
        made = [
            self._one("projector", "projector", self._ports.take()),
            self._one("notifier", "notifier", self._notifier_port),
            self._one("api", "api", self._api_port),
        ]
        for number in range(1, self._options.executors + 1):
            name = "executor" if number == 1 else f"executor-{number}"
            made.append(self._one(name, "executor", self._ports.take()))
        return made

    def _one(self, name: str, package: str, port: int) -> Managed:
        environment = {**self.environment_of(package), "HEADRACE_HEALTH_PORT": str(port)}
        return Managed(
            name,
            f"services.{package}",
            environment,
            self.directory / f"{name}.log",
            f"http://127.0.0.1:{port}/readyz",
        )


@contextlib.asynccontextmanager
async def run_stack(
    directory: Path,
    options: StackOptions | None = None,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Stack]:
    """A ready stack in `directory`, ended with the context. Raises StackError, NatsServerError.

    `report` receives a line for people whenever a process had to be started again.
    """
    with claimed(directory), Ports() as ports:
        stack = Stack(directory, options or StackOptions(), report, ports)
        await stack.nats.start()
        keeping: list[asyncio.Task[None]] = []
        try:
            await stack.provision()
            keeping = [
                asyncio.create_task(stack.keep_nats_running()),
                asyncio.create_task(stack.keep_services_running()),
            ]
            await stack.ready()
            with announced(directory, stack.address):
                yield stack
        finally:
            await stack.stop_services()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await stack.nats.stop()


@contextlib.asynccontextmanager
async def private_stack(options: StackOptions | None = None) -> AsyncIterator[Stack]:
    """A ready stack in a temporary directory, gone with the context."""
    directory = Path(tempfile.mkdtemp(prefix="headrace-"))
    try:
        async with run_stack(directory, options) as stack:
            yield stack
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _inherited() -> dict[str, str]:
    """The caller's environment without settings that are this stack's to make."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}


async def _until_ready(http: aiohttp.ClientSession, one: Managed) -> None:
    """Wait for it, but not for one that ends again and again: it has said why."""
    while one.restarts < START_ATTEMPTS_MAX:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with http.get(one.health_url) as answer:
                if answer.ok:
                    return
        await asyncio.sleep(0.05)
    raise StackError(f"{one.name} cannot start; it said: {one.last_words()}")


__all__ = ["NatsServerError", "Stack", "StackError", "StackOptions", "private_stack", "run_stack"]
