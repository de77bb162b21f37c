"""HTTP calls to the api, over pooled connections.

Every call is idempotent: it reads, or has a key, or requests what may already be done. So it is retried while
there is no response, or one that says to retry, until `patience_s` is over. Every failure is one of
`headrace.client.errors`; aiohttp's own exceptions do not leave this module.
"""

import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
import tenacity
from yarl import URL

from headrace.client.credentials import Credentials
from headrace.client.errors import HeadraceError, ProblemAnswerError, ProtocolError, UnreachableError

TIMEOUT_S = 30.0
"""For each step of a call: connecting, and reading the next bytes."""
PATIENCE_S = 30.0
"""From the first attempt of a call to the last."""
UNAUTHENTICATED = 401
COME_BACK = frozenset({429, 503})
NO_ANSWER = frozenset({502, 503, 504})
"""Statuses of a proxy that cannot reach the service, sent without a problem document."""

Params = Mapping[str, str | int | Sequence[str]]

_growing = tenacity.wait_exponential_jitter(multiplier=0.1, max=3.0, jitter=0.2)


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections for HTTP and WebSocket, closed with the context."""
    timeout = aiohttp.ClientTimeout(connect=TIMEOUT_S, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


class Calls:
    """Calls of one caller to one api."""

    def __init__(
        self, session: aiohttp.ClientSession, api_url: str, credentials: Credentials, *, patience_s: float
    ) -> None:
        """Use an open session."""
        self._session = session
        self._api_url = api_url.rstrip("/")
        self._credentials = credentials
        self._patience_s = patience_s
        self._proxy = proxy_of(api_url)

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a successful response. `path` is quoted already. Raises HeadraceError.

        `body` is sent as JSON, `content` as it is.
        """
        if body is not None:
            content = msgspec.json.encode(body)
            headers = {**(headers or {}), "Content-Type": "application/json"}
        return await self._patiently()(self._read, method, path, params=params, headers=headers, data=content)

    async def pieces(self, path: str, params: Params | None = None) -> AsyncGenerator[bytes, None]:
        """Stream a body. Raises HeadraceError; a connection that breaks between chunks is not retried."""
        answer: aiohttp.ClientResponse = await self._patiently()(self._request, "GET", path, params=params)
        with translate_errors(self._api_url):
            async with answer:
                async for piece in answer.content.iter_any():
                    yield piece

    async def _read(self, method: str, path: str, **options: Any) -> bytes:  # noqa: ANN401 - aiohttp's own options
        answer = await self._request(method, path, **options)
        with translate_errors(self._api_url):
            async with answer:
                return await answer.read()

    async def _request(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:  # noqa: ANN401 - aiohttp's own options
        """A successful response, whose body is still to be read."""
        token = await self._credentials.token()
        answer = await self._send(method, path, token, **options)
        if answer.status == UNAUTHENTICATED and self._credentials.can_be_renewed:
            answer.release()
            token = await self._credentials.other_than(token)
            answer = await self._send(method, path, token, **options)
        if 200 <= answer.status < 300:
            return answer
        with translate_errors(self._api_url):
            async with answer:
                raise _refusal(answer, await answer.read())

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        *,
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 - aiohttp's own options
    ) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        url = URL(self._api_url + path, encoded=True)
        with translate_errors(self._api_url):
            return await self._session.request(
                method, url, headers=headers, allow_redirects=False, proxy=self._proxy, **options
            )

    def _patiently(self) -> tenacity.AsyncRetrying:
        return tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_may_succeed_later),
            wait=_pause_s,
            stop=tenacity.stop_before_delay(self._patience_s),
            reraise=True,
        )


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Translate aiohttp's failures, and those of its WebSocket handshake, to UnreachableError."""
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


def _may_succeed_later(error: BaseException) -> bool:
    match error:
        case UnreachableError():
            # A retry does not make a certificate valid.
            return not isinstance(error.__cause__, aiohttp.ClientSSLError)
        case ProblemAnswerError():
            return error.status in COME_BACK or error.retry_after_s is not None
        case _:
            return False


def _pause_s(state: tenacity.RetryCallState) -> float:
    """The delay that the service asked for, plus jitter, so that clients do not all retry at once."""
    error = state.outcome.exception() if state.outcome is not None else None
    retry_after_s = error.retry_after_s if isinstance(error, ProblemAnswerError) else None
    return (retry_after_s or 0.0) + _growing(state)


def _refusal(answer: aiohttp.ClientResponse, body: bytes) -> HeadraceError:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        if answer.status in NO_ANSWER:
            return UnreachableError(f"{answer.url.origin()}: a proxy answers {answer.status}")
        return ProtocolError(f"{answer.status} without a problem document")
    after = answer.headers.get("Retry-After", "")
    return ProblemAnswerError(
        document, status=answer.status, retry_after_s=float(after) if after.isdecimal() else None
    )
