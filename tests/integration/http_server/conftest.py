"""A server in this process with a small application and changed settings; and the real services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headrace.local.supervisor import Stack, StackOptions, run_stack
from shared.service.http_server.accepted import count_connection
from shared.service.http_server.server import listen, serve_http
from shared.settings import HttpSettings
from tests.cases import cases
from tests.integration.http_server.services import Target, failures_in, target_of
from tests.system.conftest import user_of

LARGE_BYTES = 32 * 1024 * 1024


async def hello(_: Request) -> Response:
    """Answer without reading."""
    return PlainTextResponse("hello")


async def whole(request: Request) -> Response:
    """Answer how long the body was."""
    return PlainTextResponse(str(len(await request.body())))


async def large(_: Request) -> Response:
    """Answer more than buffers hold."""
    return PlainTextResponse("x" * LARGE_BYTES)


async def enter(request: Request) -> Response:
    """Take the name that is given for a user."""
    is_counted = count_connection(request.scope, request.headers["user"])
    return PlainTextResponse("in" if is_counted else "full", 200 if is_counted else 503)


ROUTES = [
    Route("/", hello, methods=["GET", "POST"]),
    Route("/whole", whole, methods=["POST"]),
    Route("/large", large),
    Route("/enter", enter),
]

Serve = Callable[..., Awaitable[int]]


@asynccontextmanager
async def serving(**changes: float | str) -> AsyncIterator[int]:
    """A server with changed settings; gives its port."""
    settings = HttpSettings(**changes)  # type: ignore[arg-type]  # the caller names real fields
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    task = asyncio.create_task(serve_http(Starlette(routes=ROUTES), listener, settings, service="test"))
    try:
        yield port
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server with changed settings."""
    async with AsyncExitStack() as stack:

        async def start(**changes: float | str) -> int:
            return await stack.enter_async_context(serving(**changes))

        yield start


SERVICES = ("api", "notifier", "projector")
BOUNDS = {
    "HEADRACE_HTTP_FIRST_BYTE_S": "2",
    "HEADRACE_HTTP_HEAD_S": "2",
    "HEADRACE_HTTP_IDLE_S": "2",
    "HEADRACE_HTTP_BODY_S": "6",
    "HEADRACE_HTTP_PROGRESS_S": "2",
    "HEADRACE_NOTIFIER_INIT_S": "2",
    # What is measured is the services' own speed.
    "PYTHONASYNCIODEBUG": "",
}
"""Shorter than an operator's, so that the tests are."""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One stack for all attacks of this folder."""
    directory = tmp_path_factory.mktemp("stack") / "data"
    async with run_stack(directory, StackOptions(sync="fast", environment=BOUNDS)) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def token(stack: Stack) -> AsyncIterator[str]:
    """Of the neighbour."""
    async with user_of(stack, "alice") as user:
        yield user.token


@pytest.fixture(params=cases(SERVICES, {"api"}))
def target(stack: Stack, token: str, request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each service that listens; it is the same process afterwards, and has logged no failure."""
    found = target_of(stack, request.param, token)
    yield found
    assert stack.services[found.name].process.pid == found.pid
    assert stack.services[found.name].process.returncode is None
    assert failures_in(stack.directory / f"{found.name}.log") == []
