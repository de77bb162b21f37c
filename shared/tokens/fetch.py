"""Asks a provider for its key set: bounded in time and size, over https, and nowhere else than told.

http is for an issuer on this very machine. Redirects are not followed, because they would take the
question to a place that nobody configured.
"""

import asyncio
import ipaddress
import ssl

import httpx
import msgspec

DOCUMENT_BYTES_MAX = 256 * 1024
"""Providers publish a handful of keys of less than 1 KiB."""


class FetchError(Exception):
    """The provider did not answer as it should; the message names it and what happened."""


def check_url(url: str) -> httpx.URL:
    """The URL, if a provider may be asked there. Raises ValueError."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("it is not a URL") from error
    if parsed.userinfo or parsed.fragment or not parsed.host:
        raise ValueError("a URL of a provider has a host, and neither a user nor a fragment")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and _is_loopback(parsed.host)):
        raise ValueError("it must begin with https:// (http:// for this machine only)")
    return parsed


class KeySource:
    """Where a provider publishes its key set: at `url`, or where the discovery document there says."""

    def __init__(self, url: str, *, discovers_for: str | None, timeout_s: float) -> None:
        """`discovers_for` is the issuer whose discovery document `url` is. Raises ValueError."""
        self._url = check_url(url)
        self._issuer = discovers_for
        self._discovered: httpx.URL | None = None
        self._timeout_s = timeout_s
        self._is_local = self._url.scheme == "http"
        # Made once, because it reads every root certificate, which takes tens of milliseconds.
        self._ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if self._is_local else httpx.create_ssl_context()

    async def read(self) -> object:
        """The key set, as JSON. Raises FetchError."""
        # Kept only while it leads to keys: a provider may move them.
        known, self._discovered = self._discovered, None
        try:
            async with asyncio.timeout(self._timeout_s), self._client() as client:
                url = known or await self._place(client)
                document = await _get(client, url)
        except TimeoutError:
            raise FetchError(f"{self._url.host} did not answer in {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchError(f"{self._url.host} cannot be asked: {type(error).__name__}") from error
        self._discovered = url
        return document

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._ssl,
            trust_env=not self._is_local,
            follow_redirects=False,
            # `read` bounds the whole, which also ends an answer that comes in drips.
            timeout=None,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "headrace"},
        )

    async def _place(self, client: httpx.AsyncClient) -> httpx.URL:
        """OpenID Connect Discovery 4.3: the document must name the issuer for whom it was asked."""
        if self._issuer is None:
            return self._url
        document = await _get(client, self._url)
        if not isinstance(document, dict) or document.get("issuer") != self._issuer:
            raise FetchError(f"the discovery document at {self._url.host} is not this issuer's")
        try:
            url = check_url(str(document.get("jwks_uri")))
        except ValueError as error:
            raise FetchError(f"jwks_uri of the discovery document: {error}") from None
        if url.scheme != self._url.scheme:
            raise FetchError("the discovery document leads from https to http, or back")
        return url


async def _get(client: httpx.AsyncClient, url: httpx.URL) -> object:
    body = bytearray()
    async with client.stream("GET", url) as answer:
        if answer.status_code != httpx.codes.OK:
            raise FetchError(f"{url.host} answers {answer.status_code}")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError(f"{url.host} sends a compressed document, which was not asked for")
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > DOCUMENT_BYTES_MAX:
                raise FetchError(f"{url.host} sends more than {DOCUMENT_BYTES_MAX} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise FetchError(f"{url.host} does not send JSON") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
