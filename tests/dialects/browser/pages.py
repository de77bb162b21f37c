"""Where the tests' pages come from, and where they find the services, as a browser sees it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
from aiohttp import web

from headrace.local.stack import Address
from tests.http_client import http_client

ORIGIN = "http://localhost:5173"
"""The origin of pages: that of Vite's development server."""
API = "localhost:8070"
NOTIFIER = "localhost:8071"
DIALECTS = {
    "jobs": "localhost:8000",
    "connections": "localhost:8005",
    "executions": "localhost:8001",
    "livecode": "localhost:3000",
    "progress": "localhost:8002",
}
"""The dialects' own ports. That of `executions` is in its pages, that of `livecode` in its clients."""
PASSED_ON = ("/api/{path:.*}", "/health/{path:.*}")
"""What pages of `executions` ask of their own origin."""


def url_of(page: str, **given: str) -> str:
    """The address of a page, with what its build would know: addresses and a token."""
    return f"{ORIGIN}/{page}.html?{urlencode(given)}"


def ports_of(address: Address, pages: int) -> dict[str, int]:
    """Which ports of this machine those places are."""
    found = {API: address.api_url, NOTIFIER: address.websocket_url}
    found |= {place: address.dialects[name] for name, place in DIALECTS.items()}
    ports = {place: urlsplit(url).port or 0 for place, url in found.items()}
    return {ORIGIN.removeprefix("http://"): pages, **ports}


@asynccontextmanager
async def served_pages(executions: str) -> AsyncIterator[int]:
    """Serve the pages of this folder; gives the port. `executions` is the address of that dialect."""
    application = web.Application()
    async with http_client(base_url=executions, timeout=60) as http:
        application.add_routes(
            [
                web.get("/favicon.ico", _no_icon),
                *(web.route("*", path, _passing_on(http)) for path in PASSED_ON),
                web.static("/", Path(__file__).parent),
            ]
        )
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()


async def _no_icon(_: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


def _passing_on(http: httpx.AsyncClient) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """As a proxy in front of page and service does, without what else a browser sends."""

    async def pass_on(request: web.Request) -> web.StreamResponse:
        fields = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        body = await request.read()
        answer = await http.request(request.method, request.path, content=body, headers=fields)
        return web.Response(
            status=answer.status_code,
            body=answer.content,
            headers={"Content-Type": answer.headers["Content-Type"]},
        )

    return pass_on
