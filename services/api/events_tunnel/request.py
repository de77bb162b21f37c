"""A request of the notifier's paths as the api passes it on (pure).

Its head is written anew from what was parsed, so that api and notifier cannot read it in two ways: one of a
few paths, no body, none of the fields that are of one connection alone (RFC 9110, 7.6.1), and the client's
address as the api knows it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import httptools

WEBSOCKET = "/v1/ws"
STREAM = "/v1/stream"
DESCRIPTION = "/asyncapi.yaml"
PATHS = frozenset({WEBSOCKET, STREAM, DESCRIPTION})
"""Those that a proxy gives to the notifier as well (deploy/proxy.conf)."""

VIA = b"headrace-api"
"""By this in the field Via (RFC 9110, 7.6.3) an api knows a request that came through an api already."""

OF_ONE_CONNECTION = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"),
        *(b"upgrade", b"content-length", b"expect", b"x-forwarded-for", b"forwarded"),
    }
)
"""Not passed on: they are of the client's connection, of its body, or say who it is."""

Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """What was parsed of a head. Names of `fields` are in lower case, `path` is one of PATHS."""

    method: str
    path: str
    query: bytes
    version: str
    fields: Fields
    client: str

    @property
    def has_body(self) -> bool:
        """Whether something follows its head that is to be thrown away."""
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and int(value))
            for name, value in self.fields
        )

    @property
    def is_websocket(self) -> bool:
        """Whether it is a handshake (RFC 6455, 4.1)."""
        connection = {word for name, value in self.fields if name == b"connection" for word in _words(value)}
        upgrades = [value.lower() for name, value in self.fields if name == b"upgrade"]
        return (
            (self.method, self.path, self.version) == ("GET", WEBSOCKET, "1.1")
            and b"upgrade" in connection
            and upgrades == [b"websocket"]
            and not self.has_body
        )

    @property
    def is_loop(self) -> bool:
        """Whether an api has passed it on already."""
        return any(name == b"via" and VIA in value for name, value in self.fields)

    def head(self) -> bytes:
        """What the notifier is sent."""
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


def events_target(url: bytes, paths: Collection[str] = PATHS) -> tuple[str, bytes] | None:
    """The path and the query, if it is one of these paths, as the notifier would read it. Raises for no URL.

    What is passed on is the path's own spelling, whatever the client's was.
    """
    parsed = httptools.parse_url(url)
    path = unquote((parsed.path or b"").decode("ascii"))
    return (path, parsed.query or b"") if path in paths else None


def _words(value: bytes) -> list[bytes]:
    return [word.strip().lower() for word in value.split(b",")]
