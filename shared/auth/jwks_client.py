"""Fetches a provider's key set over https from the configured place only, bounded in time and size.

http is allowed for an issuer on this machine. Redirects are not followed, because they lead to a place that
is not configured. From the environment come only a proxy for https and the path of the system's certificates;
no password file is read.
"""

import asyncio
import ipaddress
import re
import ssl
from http import HTTPStatus
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from yarl import URL

DOCUMENT_BYTES_MAX = 256 * 1024
"""Providers publish a handful of keys of less than 1 KiB."""

_HOST = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)
"""Host names and addresses; internationalized names in their DNS form."""

HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "headrace"}


class FetchError(Exception):
    """The fetch failed; the message names the provider and the cause."""


def check_url(url: str) -> URL:
    """The URL, if keys may be fetched from it. Raises ValueError."""
    try:
        parsed = URL(url)
        host, user = parsed.raw_host, parsed.user or parsed.password
    except ValueError as error:
        raise ValueError("it is not a URL") from error
    if not url.isprintable() or (host and _HOST.fullmatch(host) is None):
        raise ValueError("it is not a URL")
    if user is not None or parsed.fragment or not host:
        raise ValueError("a URL of a provider has a host, and neither a user nor a fragment")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and _is_loopback(host)):
        raise ValueError("it must begin with https:// (http:// for this machine only)")
    return parsed


class KeySource:
    """Where a provider publishes its key set: at `url`, or at the URL in the discovery document there."""

    def __init__(self, url: str, *, discovers_for: str | None, timeout_s: float) -> None:
        """`discovers_for` is the issuer whose discovery document `url` is. Raises ValueError."""
        self._url = check_url(url)
        self._issuer = discovers_for
        self._discovered: URL | None = None
        self._timeout_s = timeout_s
        # Created once, because it reads every root certificate, which takes tens of milliseconds.
        self._ssl = ssl.create_default_context() if self._url.scheme == "https" else True

    async def read(self) -> object:
        """The key set, as JSON. Raises FetchError."""
        # The discovered URL is kept only while it serves keys: a provider may move them.
        known, self._discovered = self._discovered, None
        try:
            async with asyncio.timeout(self._timeout_s), self._session() as session:
                url = known or await self._place(session)
                document = await _get(session, url)
        except TimeoutError:
            raise FetchError(f"{self._url.host} did not answer in {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(f"{self._url.host} cannot be asked: {type(error).__name__}") from error
        self._discovered = url
        return document

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            auto_decompress=False,
            # `read` bounds the total time, which also ends an answer that arrives too slowly.
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
        )

    async def _place(self, session: aiohttp.ClientSession) -> URL:
        """The key set's URL. The document must name the requested issuer (OpenID Connect Discovery 4.3)."""
        if self._issuer is None:
            return self._url
        document = await _get(session, self._url)
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise FetchError(f"the discovery document at {self._url.host} is not this issuer's")
        try:
            url = check_url(str(document.get("jwks_uri")))
        except ValueError as error:
            raise FetchError(f"jwks_uri of the discovery document: {error}") from None
        if url.scheme != self._url.scheme:
            raise FetchError("the discovery document leads from https to http, or back")
        return url


async def _get(session: aiohttp.ClientSession, url: URL) -> object:
    body = bytearray()
    async with session.get(url, allow_redirects=False, proxy=_proxy_of(url)) as answer:
        if answer.status != HTTPStatus.OK:
            raise FetchError(f"{url.host} answers {answer.status}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError(f"{url.host} sends a compressed document, which was not asked for")
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > DOCUMENT_BYTES_MAX:
                raise FetchError(f"{url.host} sends more than {DOCUMENT_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise FetchError(f"{url.host} does not send JSON") from None


def _proxy_of(url: URL) -> str | None:
    """The environment's proxy for https; none for http, which stays on this machine."""
    if url.scheme != "https" or url.host is None or _is_loopback(url.host):
        return None
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    return proxies.get("https") or proxies.get("all")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
