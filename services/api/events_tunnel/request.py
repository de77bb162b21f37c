"""Builds the request that the api forwards to the notifier. Pure.

The head is regenerated from the parsed request, so that api and notifier cannot interpret it differently
(request smuggling). It has one of a few paths, no body, no hop-by-hop fields (RFC 9110, 7.6.1), and the
client's address as determined by the api.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

import httptools

from shared.dialects.names import PREFIXES, prefix_of

WEBSOCKET = "/v1/ws"
STREAM = "/v1/stream"
DESCRIPTION = "/asyncapi.yaml"
PATHS = frozenset({WEBSOCKET, STREAM, DESCRIPTION})
"""The paths that a proxy forwards to the notifier as well (deploy/proxy.conf)."""

VIA = b"headrace-api"
"""Name in the Via field (RFC 9110, 7.6.3), by which an api recognizes a request that an api forwarded."""

OF_ONE_CONNECTION = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"),
        *(b"upgrade", b"content-length", b"expect", b"x-forwarded-for", b"forwarded"),
    }
)
"""Fields that are not forwarded: those of the client's connection, its body, or its address."""

Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """A parsed head. Names of `fields` are in lower case, `path` is one of PATHS or of a dialect."""

    method: str
    path: str
    query: bytes
    version: str
    fields: Fields
    client: str

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head, which is discarded."""
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and int(value))
            for name, value in self.fields
        )

    @property
    def is_websocket(self) -> bool:
        """Whether it is a WebSocket handshake (RFC 6455, 4.1)."""
        connection = {word for name, value in self.fields if name == b"connection" for word in _words(value)}
        upgrades = [value.lower() for name, value in self.fields if name == b"upgrade"]
        return (
            (self.method, self.version) == ("GET", "1.1")
            and (self.path == WEBSOCKET or self.is_of_dialect)
            and b"upgrade" in connection
            and upgrades == [b"websocket"]
            and not self.has_body
        )

    @property
    def is_of_dialect(self) -> bool:
        """Whether its path is a dialect's, where only a WebSocket handshake is the notifier's."""
        return self.path.startswith(PREFIXES)

    @property
    def is_loop(self) -> bool:
        """Whether an api has forwarded it already."""
        return any(name == b"via" and VIA in value for name, value in self.fields)

    def head(self) -> bytes:
        """The head to send to the notifier."""
        named = {word for name, value in self.fields if name == b"connection" for word in _words(value)}
        lines = [self._line()]
        lines += [
            name + b": " + value
            for name, value in self.fields
            if name not in OF_ONE_CONNECTION and (name == b"host" or name not in named)
        ]
        lines += [b"x-forwarded-for: " + self.client.encode("latin-1"), b"via: 1.1 " + VIA]
        if self.is_websocket:
            lines += [b"connection: upgrade", b"upgrade: websocket"]
        else:
            lines += [b"connection: close"]
        return b"\r\n".join([*lines, b"", b""])

    def _line(self) -> bytes:
        target = self.path.encode() + (b"?" + self.query if self.query else b"")
        version = b"HTTP/1.0" if self.version == "1.0" else b"HTTP/1.1"
        return b" ".join([self.method.encode(), target, version])


def events_target(url: bytes, dialects: Collection[str] = ()) -> tuple[str, bytes] | None:
    """The path and the query, if the notifier has the path, or may have it: that of a dialect's socket.

    The forwarded path has the canonical spelling, regardless of the client's. Raises for an invalid URL.
    """
    parsed = httptools.parse_url(url)
    path = unquote((parsed.path or b"").decode("ascii"))
    if path in PATHS:
        return path, parsed.query or b""
    if any(path == prefix_of(name) or path.startswith(prefix_of(name) + "/") for name in dialects):
        return quote(path), parsed.query or b""
    return None


def with_prefix(prefix: str, url: bytes) -> bytes:
    """The URL of a request to a dialect's own port, as it is at the api's. Raises for an invalid URL."""
    parsed = httptools.parse_url(url)
    path = parsed.path or b"/"
    query = b"?" + parsed.query if parsed.query else b""
    return prefix.encode() + (path if path.startswith(b"/") else b"/" + path) + query


def _words(value: bytes) -> list[bytes]:
    return [word.strip().lower() for word in value.split(b",")]
