"""Starts nats-server and the four services as processes, keeps them running, and ends them together.

A process that dies is restarted, with a growing delay. The supervisor need not know why it died, because
nothing that was acknowledged is lost with it.
"""

import asyncio
import contextlib
import os
import secrets as secrets_module
import shutil
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from headrace.local.dialect_ports import hold_all, parse_options, settings_of
from headrace.local.log_files import BYTES_MAX, keep_small
from headrace.local.managed import RESTART_FIRST_S, Managed, last_message
from headrace.local.nats_server import NatsServer, NatsServerError, Sync
from headrace.local.ports import LOOPBACK, Ports
from headrace.local.ready import until_ready
from headrace.local.stack import Address, StackError, announce, claim, load_secrets

PROBE = aiohttp.ClientTimeout(total=2)
NATS_USER = "operator"
PROVISIONER = "provisioner"
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}
TRUSTED = "HEADRACE_HTTP_TRUSTED_PROXIES"
FACING_CLIENTS = frozenset({"api", "notifier"})
SLOW_START_S = 10.0
"""What takes longer is told."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Options of a local stack. Port 0 takes a free one; `environment` is for its services."""

    api_port: int = 0
    notifier_port: int = 0
    executors: int = 1
    sync: Sync = "always"
    environment: Mapping[str, str] = field(default_factory=dict)
    dialects: Sequence[str] = ()
    """Dialects with a port of their own, each as `executions=8001`."""
    log_bytes_max: int = BYTES_MAX
    """How long a log file may be before it is rotated."""


class Stack:
    """A running local stack. Made by `run_stack`."""

    def __init__(
        self, directory: Path, options: StackOptions, report: Callable[[str], None], ports: Ports
    ) -> None:
        """Prepare processes and addresses; nothing runs yet. `ports` stay reserved while it runs."""
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
        self._api_port = self._hold_port("api", options.api_port)
        self._notifier_port = self._hold_port("notifier", options.notifier_port)
        api_host = options.environment.get("HEADRACE_API_HOST", LOOPBACK)
        self._dialects = hold_all(ports, parse_options(options.dialects), api_host)
        self._instance = secrets_module.token_hex(8)
        self._environment = {
            **_inherit_environment(),
            **self.nats.environment,
            "HEADRACE_TOKEN_SECRET": secrets.token_secret,
            "HEADRACE_API_PORT": str(self._api_port),
            "HEADRACE_NOTIFIER_PORT": str(self._notifier_port),
            "HEADRACE_API_EVENTS_UPSTREAM": f"http://{self._host_of('notifier')}:{self._notifier_port}",
            "HEADRACE_VIEW_PATH": str(directory / "view.sqlite"),
            "HEADRACE_INSTANCE": self._instance,
            **options.environment,
            **settings_of(self._dialects, options.environment.get("HEADRACE_DIALECTS", "")),
        }
        self.services = {one.name: one for one in self._create_processes()}

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(
            api_url=f"http://{self._host_of('api')}:{self._api_port}",
            websocket_url=f"ws://{self._host_of('notifier')}:{self._notifier_port}/v1/ws",
            nats_url=self.nats.url,
            supervisor_pid=os.getpid(),
            dialects={name: f"http://{self._host_of('api')}:{port}" for name, port in self._dialects.items()},
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment for all services, with the credential of the user with all rights."""
        return self._environment

    def environment_of(self, service: str) -> dict[str, str]:
        """The environment of one service: its own credential, and only the settings that it reads."""
        environment = {**self._environment, **self.nats.environment_of(service)}
        if service not in FACING_CLIENTS:
            # Only services that face clients need to know how their tokens are signed.
            for name in ("HEADRACE_TOKEN_SECRET", "HEADRACE_TOKEN_SECRET_PREVIOUS"):
                environment.pop(name, None)
        if service == "notifier":
            environment[TRUSTED] = ",".join(filter(None, (environment.get(TRUSTED), self._api_as_client())))
        return environment

    async def ready(self) -> None:
        """Wait until every service is ready, however much it has to read. Raises the first StackError."""
        async with aiohttp.ClientSession(timeout=PROBE) as http:
            waits = [asyncio.create_task(self._ready(http, one)) for one in self.services.values()]
            try:
                await asyncio.gather(*waits)
            finally:
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)

    async def _ready(self, http: aiohttp.ClientSession, one: Managed) -> None:
        await one.started.wait()
        await until_ready(http, one, self._report)

    async def provision(self) -> None:
        """Create the streams, in a separate process: services may not."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shared.provision",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment_of(PROVISIONER),
        )
        _, stderr = await process.communicate()
        if process.returncode != 0:
            raise StackError(
                f"the streams could not be made: {last_message(stderr.decode(errors='replace'))}"
            )

    async def keep_nats_running(self) -> None:
        """Restart nats-server whenever it ends."""
        while True:
            code = await self.nats.process.wait()
            self._report(f"nats-server ended with {code}, starts again")
            await asyncio.sleep(RESTART_FIRST_S)
            try:
                await self.nats.start()
            except NatsServerError as error:
                self._report(str(error))

    async def keep_services_running(self) -> None:
        """Start each service, and restart it whenever it ends."""
        async with asyncio.TaskGroup() as group:
            for one in self.services.values():
                group.create_task(one.keep_running(self._report))

    async def keep_logs_small(self) -> None:
        """Rotate the logs of all processes that have become too long."""
        logs = [self.nats.log, *(one.log for one in self.services.values())]
        await keep_small(logs, self._report, bytes_max=self._options.log_bytes_max)

    async def stop_services(self) -> None:
        """End all services at once, each with its own timeout."""
        await asyncio.gather(*(one.stop() for one in self.services.values()))

    def _create_processes(self) -> list[Managed]:
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
            f"http://{self._host_of(package)}:{port}/readyz",
            self._instance,
        )

    def _hold_port(self, package: str, port: int) -> int:
        """The port that clients use. Raises StackError before anything has started."""
        host = self._options.environment.get(f"HEADRACE_{package.upper()}_HOST", LOOPBACK)
        return self._ports.hold(port, f"--{package}-port", host=host)

    def _api_as_client(self) -> str:
        """The address from which the api proxies requests: the notifier trusts its forwarded client
        address."""
        host = self._host_of("notifier")
        return host[1:-1] if host.startswith("[") else socket.gethostbyname(host)

    def _host_of(self, package: str) -> str:
        """The host for URLs of a service from here: one that listens on all addresses is reached on
        loopback."""
        host = self._options.environment.get(f"HEADRACE_{package.upper()}_HOST", LOOPBACK)
        host = EVERYWHERE.get(host, host)
        return f"[{host}]" if ":" in host else host


@contextlib.asynccontextmanager
async def run_stack(
    directory: Path,
    options: StackOptions | None = None,
    *,
    report: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[Stack]:
    """A ready stack in `directory`, ended with the context. Raises StackError, NatsServerError.

    `report` receives a line for people whenever a process was restarted, or takes long to start.
    """
    with claim(directory), Ports() as ports:
        stack = Stack(directory, options or StackOptions(), report, ports)
        slow = asyncio.get_running_loop().call_later(SLOW_START_S, report, "nats-server reads its log first")
        try:
            await stack.nats.start()
        finally:
            slow.cancel()
        keeping: list[asyncio.Task[None]] = []
        try:
            await stack.provision()
            keeping = [
                asyncio.create_task(stack.keep_nats_running()),
                asyncio.create_task(stack.keep_services_running()),
                asyncio.create_task(stack.keep_logs_small()),
            ]
            await _wait_until_ready(stack, keeping)
            with announce(directory, stack.address):
                yield stack
        finally:
            await stack.stop_services()
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await stack.nats.stop()


async def _wait_until_ready(stack: Stack, keeping: list[asyncio.Task[None]]) -> None:
    """Wait until all is ready. Raises what prevents a process from starting, such as a log's OSError."""
    ready = asyncio.create_task(stack.ready())
    try:
        await asyncio.wait({ready, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        for failed in keeping:
            if failed.done() and (failure := failed.exception()) is not None:
                raise _single(failure)
        await ready
    finally:
        ready.cancel()


def _single(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


@contextlib.asynccontextmanager
async def private_stack(options: StackOptions | None = None) -> AsyncIterator[Stack]:
    """A ready stack in a temporary directory, removed with the context."""
    directory = Path(tempfile.mkdtemp(prefix="headrace-"))
    try:
        async with run_stack(directory, options) as stack:
            yield stack
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _inherit_environment() -> dict[str, str]:
    """The caller's environment without settings that only the stack sets."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}


__all__ = ["NatsServerError", "Stack", "StackError", "StackOptions", "private_stack", "run_stack"]
