"""Life cycle of a service: signals, tasks, readiness, shutdown.

A service is `start(name, settings, main)`. `main` opens its resources and ends in `Service.run`, which
returns after a stop signal and raises when the broker is lost or a task fails.
"""

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import uvloop
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.jetstream.connection import Broker
from shared.jetstream.errors import BrokerError
from shared.jetstream.lag import ConsumerLag
from shared.jetstream.stream_health import StreamHealth
from shared.observability import metrics
from shared.observability.logs import configure, get_logger
from shared.service.http_server.server import listen_at, serve_http
from shared.settings import EXIT_SETTINGS, ListenSettings, ServiceSettings, SettingsError, SettingsT, load
from shared.settings.names import unknown_in

logger = get_logger(__name__)

COLLECTED_AFTER = (5_000, 20, 20)
"""Thresholds of the garbage collector. A full collection stops the process: 240 ms with 1,000 sockets, and a
tenth of a rebuild's time. So one runs only per two million new objects, some thousand new connections."""

MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES = -3, 128 * 1024
"""M_MMAP_THRESHOLD of mallopt(3), fixed at its initial value. The dynamic threshold grows as blocks are
freed; large buffers then come from the heap, which seldom shrinks."""

Check = Callable[[], str | None]
Diagnostics = Callable[[], Mapping[str, object]]
WorkT = TypeVar("WorkT")
ServiceSettingsT = TypeVar("ServiceSettingsT", bound=ServiceSettings)


EXIT_FAILED = 1


class ServiceError(Exception):
    """An expected failure that ends a service: only the message is logged, without traceback."""


class BrokerLostError(ServiceError):
    """The broker has stopped answering; a new process is more likely to reach it."""


EXPECTED = (SettingsError, BrokerError, ServiceError)
"""Failures logged as one line without traceback."""


class Service:
    """One running service: `stopping` is set by SIGTERM or SIGINT; `checks` decide readiness."""

    def __init__(self, name: str, instance: str = "") -> None:
        """Create the service. Without checks it is ready as soon as it answers.

        `instance` is shown by /readyz, so that the program that started the process can recognize it.
        """
        self.name = name
        self.stopping = asyncio.Event()
        self._checks: dict[str, Check] = {"stopping": self._is_stopping}
        self._diagnostics: dict[str, Diagnostics] = {}
        self._quorum: StreamHealth | None = None
        self._registry = metrics.registry_of(name)
        self.instance = instance

    def check(self, name: str, check: Check, diagnostics: Diagnostics | None = None) -> None:
        """Add a readiness check, which returns None, or why the service is not ready.

        `diagnostics` are further details for operators, shown whether ready or not.
        """
        self._checks[name] = check
        if diagnostics is not None:
            self._diagnostics[name] = diagnostics

    def watch_broker(self, broker: Broker) -> None:
        """Add checks: unready while the server does not answer, or the log cannot take events."""
        quorum = self._quorum = StreamHealth(broker)
        self.check("broker", broker.unready_reason, broker.diagnostics)
        self.check("quorum", quorum.unready_reason, quorum.diagnostics)

    def watch_follower(self, name: str, progress: ConsumerLag) -> None:
        """Add a check: unready while a follower lags."""
        self.check(name, progress.unready_reason, progress.diagnostics)

    def is_ready(self) -> bool:
        """Whether every check passes, as /readyz answers."""
        return all(check() is None for check in self._checks.values())

    async def run(self, broker: Broker, *work: Coroutine[Any, Any, object]) -> None:
        """Run all of `work` concurrently until a stop signal, then cancel it. Raises BrokerLostError."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
            if self._quorum is not None:
                tasks.append(group.create_task(self._quorum.run()))
            waits = [group.create_task(self.stopping.wait()), group.create_task(broker.lost.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            await _cancel({*tasks, *waits})
        if broker.lost.is_set():
            raise BrokerLostError("NATS does not answer")

    def routes(self) -> list[Route]:
        """/livez, /readyz and /metrics, for a service's own HTTP server to include."""
        return [
            Route("/livez", self._livez, include_in_schema=False),
            Route("/readyz", self._readyz, include_in_schema=False),
            Route("/metrics", self._metrics, include_in_schema=False),
        ]

    async def serve_health(self, settings: ListenSettings) -> None:
        """Serve only the routes of `routes`, for services without clients."""
        listener = listen_at(settings, "health")
        await serve_http(Starlette(routes=self.routes()), listener, settings, service=self.name)

    def _is_stopping(self) -> str | None:
        return "the service is stopping" if self.stopping.is_set() else None

    async def _metrics(self, _: Request) -> Response:
        return Response(metrics.exposition(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _livez(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        results = {name: check() for name, check in self._checks.items()}
        ready = all(why is None for why in results.values())
        report: dict[str, object] = {
            "status": "ok" if ready else "unready",
            "instance": self.instance,
            "checks": {name: why or "ok" for name, why in results.items()},
        }
        if "verbose" in request.query_params:
            report["facts"] = {name: diagnostics() for name, diagnostics in self._diagnostics.items()}
        return JSONResponse(report, status_code=200 if ready else 503)


def start(
    name: str, kind: type[ServiceSettingsT], main: Callable[[Service, ServiceSettingsT], Awaitable[None]]
) -> None:
    """Load the settings, run `main` until it ends, and exit.

    Exit codes: 0 after a signal, 1 after a failure, 2 for a bad setting, which one log line names.
    """
    configure(name)
    gc.set_threshold(*COLLECTED_AFTER)
    settings = load_or_exit(kind)
    _give_back_large_buffers()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(_run(name, settings, main)))


def load_or_exit(kind: type[SettingsT]) -> SettingsT:
    """Load the settings. Warns of unknown names; exits if a value is not allowed."""
    for unknown, nearest in unknown_in(os.environ):
        logger.warning("unknown_setting", setting=unknown, nearest=nearest)
    try:
        return load(kind)
    except SettingsError as error:
        logger.error("service_failed", error=str(error))
        sys.exit(EXIT_SETTINGS)


def _give_back_large_buffers() -> None:
    """Return large buffers to the operating system when they are freed, if the C library has mallopt(3)."""
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


async def _run(
    name: str, settings: ServiceSettingsT, main: Callable[[Service, ServiceSettingsT], Awaitable[None]]
) -> int:
    service = Service(name, settings.instance)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopping.set)
    try:
        await main(service, settings)
    except Exception as error:
        failures = list(single_failures(error))
        if not all(isinstance(each, EXPECTED) for each in failures):
            logger.exception("service_failed")
            return EXIT_FAILED
        logger.error("service_failed", error=str(failures[0]))
        return EXIT_SETTINGS if isinstance(failures[0], SettingsError) else EXIT_FAILED
    logger.info("service_stopped")
    return 0


def single_failures(error: BaseException) -> Iterator[BaseException]:
    """The leaf exceptions of nested groups; a single exception yields itself."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from single_failures(each)
    else:
        yield error


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel every task. Repeats each second, because nats-py may lose a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=1)
