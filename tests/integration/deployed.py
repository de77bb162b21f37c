"""A real nats-server that runs deploy/nats.conf, as it is but for its address and its directories."""

import asyncio
import secrets
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.local.lifeline import die_with_parent
from headrace.local.nats_server import find_binary, free_port
from headrace.local.nats_users import password_variable
from shared.jetstream.connection import Broker, connect
from shared.jetstream.permissions import RIGHTS
from shared.settings import BrokerSettings
from tests.integration.nats_wire import Wire, wire

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nats.conf"


class Server:
    """The server; `start` may be called again after `kill`."""

    def __init__(self, directory: Path, *, tls: Path | None = None, by_file: bool = False) -> None:
        """Keep everything under `directory`. `tls` holds cert.pem, key.pem and ca.pem, and asks for TLS.

        With `by_file` the passwords come from a file, else from the environment.
        """
        self.port, self.monitoring_port = free_port(), free_port()
        self.passwords = {user: "p" + secrets.token_urlsafe(16) for user in RIGHTS}
        self._config = directory / "nats.conf"
        self._process: Process | None = None
        self._by_file = by_file
        text = CONFIGURATION.read_text()
        assert text.count("0.0.0.0:4222") == text.count('"/data"') == text.count("# tls {") == 1
        text = text.replace("0.0.0.0:4222", f"127.0.0.1:{self.port}")
        assert text.count('\nhttp: "127.0.0.1:8222"\n') == 1
        text = text.replace("127.0.0.1:8222", f"127.0.0.1:{self.monitoring_port}")
        text = text.replace('"/data"', f'"{directory}/data"')
        if tls is not None:
            text = _uncommented(text).replace('"/tls/', f'"{tls}/')
        if by_file:
            assert text.count('# include "passwords.conf"') == 1
            text = text.replace('# include "passwords.conf"', 'include "passwords.conf"')
        self._config.write_text(text)

    @property
    def _variables(self) -> dict[str, str]:
        return {password_variable(user): password for user, password in self.passwords.items()}

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._write_passwords()
        self._process = await asyncio.create_subprocess_exec(
            find_binary(),
            "-c",
            self._config,
            env={} if self._by_file else self._variables,
            stderr=PIPE,
            # All that it logs is kept: with its pipe full, the server would wait to log a refusal.
            limit=16 * 1024 * 1024,
            preexec_fn=die_with_parent,
        )
        await self._says(b"Server is ready")

    async def change_password(self, user: str, password: str) -> None:
        """As an operator would, while the server runs."""
        assert self._by_file
        assert self._process is not None
        self.passwords[user] = password
        self._write_passwords()
        self._process.send_signal(signal.SIGHUP)
        await self._says(b"Reloaded server configuration")

    def _write_passwords(self) -> None:
        if self._by_file:
            lines = [f'{name}: "{password}"' for name, password in self._variables.items()]
            (self._config.parent / "passwords.conf").write_text("\n".join(lines))

    async def _says(self, words: bytes) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async with asyncio.timeout(20):
            while words not in (line := await self._process.stderr.readline()):
                assert line, "it has ended"

    async def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        await self._process.communicate()

    def settings(self, user: str, **changes: str) -> BrokerSettings:
        """How a service connects."""
        named = {"nats_url": f"nats://127.0.0.1:{self.port}", "nats_password": self.passwords[user]}
        return BrokerSettings(nats_user=user, **{**named, **changes})

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[Broker]:
        """A connection as a service has it."""
        async with connect(self.settings(user), service=user) as broker:
            yield broker

    @asynccontextmanager
    async def wire(self, user: str) -> AsyncIterator[Wire]:
        """A bare connection."""
        async with wire(self.port, user, self.passwords[user]) as connection:
            yield connection


@asynccontextmanager
async def deployed_server(
    directory: Path, *, tls: Path | None = None, by_file: bool = False
) -> AsyncIterator[Server]:
    """A running one, ended with the context."""
    server = Server(directory, tls=tls, by_file=by_file)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


def _uncommented(text: str) -> str:
    """The block for TLS as it is when somebody has taken the # away."""
    before, _, rest = text.partition("# tls {")
    block, _, after = rest.partition("# }")
    return f"{before}tls {{{block.replace('# ', '')}}}{after}"
