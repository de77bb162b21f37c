"""Serves an application: listening socket, and uvicorn with the bounds of this package."""

import asyncio
import errno
import math
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from shared.observability.logs import get_logger
from shared.service.http_server.config import BoundedConfig
from shared.service.http_server.http_protocol import BoundedHttpProtocol
from shared.service.http_server.registry import ConnectionRegistry
from shared.settings import PREFIX, HttpSettings, invalid_value

logger = get_logger(__name__)

GRACE_S = 5
CHECK_S = 1.0
"""Interval (s) of the check for slow connections, and so the precision of their timeouts."""

RECEIVE_BYTES = 262_144
"""The kernel's receive buffer of a connection (the kernel doubles it). By default it may grow to 32 MiB,
which no bound counts, and a client that only sends would send that much before it reads a response."""

FILES_KEPT = 512
"""Open files reserved for the broker, the view, and connections that are being refused."""


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Its small send buffer makes a stalled client detectable (decision 14).

    Raises OSError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # Connections inherit it. asyncio sets it only on sockets that were created with a protocol number.
    # Without it, a response whose body follows its head waits 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000)
    try:
        listener.bind((host, port))
        listener.listen(1_024)
    except BaseException:
        listener.close()
        raise
    return listener


def listen_at(settings: HttpSettings, name: str) -> socket.socket:
    """Listen at the settings `<name>_host` and `<name>_port`. Raises SettingsError, which names one."""
    host, port = getattr(settings, f"{name}_host"), getattr(settings, f"{name}_port")
    return listen_or_refuse(host, port, f"{PREFIX}{name.upper()}_HOST", f"{PREFIX}{name.upper()}_PORT")


def listen_or_refuse(host: str, port: int, where: str, which: str) -> socket.socket:
    """Listen there. Raises SettingsError, which names the setting of the host or that of the port."""
    try:
        return listen(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise invalid_value(where, host, "an address of this machine", str(error)) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise invalid_value(
                which, str(port), f"a free port of {host}, or 0 for any", "it is in use"
            ) from error
        if error.errno in {errno.EACCES, errno.EPERM}:
            why = "this user may not listen on it"
            raise invalid_value(which, str(port), "a port from 1024 on, or 0 for a free one", why) from error
        raise invalid_value(where, host, "an address of this machine", error.strerror) from error


class _Server(uvicorn.Server):
    """uvicorn's server without signal handling, which `Service` does."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


async def serve_http(
    app: ASGIApp,
    listener: socket.socket,
    settings: HttpSettings,
    *,
    service: str,
    files_each: int = 1,
    more: Sequence[socket.socket] = (),
    **options: Any,  # noqa: ANN401 - uvicorn's own options
) -> None:
    """Serve until cancelled; then stop accepting and let requests end within GRACE_S.

    Without a WebSocket protocol among the options, a handshake is treated as an ordinary request. Each
    connection may take `files_each` open files. `more` are further listening sockets of the same server.
    """
    most = (_open_files() - FILES_KEPT) // files_each
    registry = ConnectionRegistry(settings, connections_max=min(settings.http_connections_max, most))
    config = BoundedConfig(
        app,
        registry,
        timeout_keep_alive=math.ceil(settings.http_idle_s),
        # Only the registry uses the client's address.
        proxy_headers=False,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        **{"http": BoundedHttpProtocol, "ws": "none", **options},
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    logger.info("listening", service=service, host=host, port=port)
    serving = asyncio.create_task(server.serve(sockets=[listener, *more]))
    checking = asyncio.create_task(_check(registry))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        while not serving.done():
            # A second cancellation: requests keep their grace period, and the server has its own bound.
            with suppress(asyncio.CancelledError):
                await asyncio.shield(serving)
        raise
    finally:
        checking.cancel()


async def _check(registry: ConnectionRegistry) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(CHECK_S)
        registry.check(clock())


def _open_files() -> int:
    """Raise the soft limit of open files to the hard limit, and return it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
