"""HTTP calls to the api, over connections that are kept for the next one.

Every failure is one of `headrace.errors`; aiohttp's own do not leave this module.
"""

import ipaddress
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from yarl import URL

from headrace.errors import HeadraceError, ProblemAnswerError, ProtocolError, UnreachableError

TIMEOUT_S = 30.0
"""For each step of a call: connecting, and the next bytes."""

Params = Mapping[str, str | int]


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections for HTTP and WebSocket, closed with the context."""
    timeout = aiohttp.ClientTimeout(connect=TIMEOUT_S, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


class Calls:
    """Calls of one caller to one api."""

    def __init__(self, session: aiohttp.ClientSession, api_url: str, token: str) -> None:
        """Use an open session."""
        self._session = session
        self._api_url = api_url.rstrip("/")
        self._proxy = proxy_of(api_url)
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a good answer to one call. `path` is quoted already. Raises HeadraceError."""
        sent = {**self._headers, **(headers or {})}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        async with self._answered(method, path, params=params, headers=sent, data=content) as answer:
            return await answer.read()

    async def pieces(self, path: str, params: Params | None = None) -> AsyncIterator[bytes]:
        """A body as it comes. Raises HeadraceError, also between pieces."""
        async with self._answered("GET", path, params=params, headers=self._headers) as answer:
            async for piece in answer.content.iter_any():
                yield piece

    @asynccontextmanager
    async def _answered(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401 - aiohttp's own options
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = URL(self._api_url + path, encoded=True)
        with translated(self._api_url):
            async with self._session.request(
                method, url, allow_redirects=False, proxy=self._proxy, **options
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise _problem(answer.status, await answer.read())
                yield answer


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Aiohttp's failures as UnreachableError, and those of its WebSocket handshake too."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise UnreachableError(f"{url}: {type(error).__name__}") from error


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL; none for this machine itself."""
    parts = urlsplit(url)
    if parts.hostname is None or _is_loopback(parts.hostname) or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return proxies.get(scheme) or proxies.get("all")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problem(status: int, body: bytes) -> HeadraceError:
    try:
        return ProblemAnswerError(msgspec.json.decode(body, type=dict[str, Any]))
    except msgspec.MsgspecError:
        return ProtocolError(f"{status} without a problem document")
