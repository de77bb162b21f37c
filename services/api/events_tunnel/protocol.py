"""HTTP protocol of an api that serves events under its port: requests for the notifier use a tunnel."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from services.api.events_tunnel.notifier_side import Upstream
from services.api.events_tunnel.request import EventsRequest, events_target, with_prefix
from services.api.events_tunnel.tunnel import Tunnel
from shared.service.http_server import refusals
from shared.service.http_server.addresses import forwarded_client
from shared.service.http_server.http_protocol import BoundedHttpProtocol, RefusedError

FILES_EACH = 2
"""Open files of one tunnel."""

TUNNELS_PART = 2
"""Half of all connections may be tunnels; the others stay for the api."""

X_FORWARDED_FOR = b"x-forwarded-for"
NO_PREFIXES: Mapping[int, str] = MappingProxyType({})


class EventsHttpProtocol(BoundedHttpProtocol):
    """One connection, until a request on it is for the notifier."""

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - uvicorn's own
        upstream: Upstream,
        dialects: Collection[str] = (),
        prefixes: Mapping[int, str] = NO_PREFIXES,
        **options: Any,  # noqa: ANN401 - uvicorn's own
    ) -> None:
        """`upstream` is shared by all connections. `prefixes` are those of dialects by their own ports."""
        super().__init__(*arguments, **options)
        self._upstream = upstream
        self._dialects = dialects
        self._prefixes = prefixes
        self._request: EventsRequest | None = None

    def on_headers_complete(self) -> None:
        """At the port of a dialect, all paths are below its prefix."""
        prefix = self._prefixes.get(self.server[1] or 0) if self.server is not None else None
        if prefix is not None:
            self.url = with_prefix(prefix, self.url)
        super().on_headers_complete()

    def is_for_another(self) -> bool:
        """Whether the request is for the notifier. Raises RefusedError if a tunnel is impossible."""
        target = events_target(self.url, self._dialects)
        if target is None:
            return False
        path, query = target
        request = EventsRequest(
            method=self.parser.get_method().decode("ascii"),
            path=path,
            query=query,
            version=self.parser.get_http_version(),
            fields=self.headers,
            client=self._client_address(),
        )
        if request.is_of_dialect and not request.is_websocket:
            return False
        if self._is_leaving:
            raise RefusedError(refusals.EVENTS)
        if request.is_loop:
            raise RefusedError(refusals.LOOP)
        if self._upstream.tunnels >= self._registry.connections_max // TUNNELS_PART:
            raise RefusedError(refusals.TUNNELS)
        self._request = request
        return True

    def hand_over(self) -> None:
        """Become a tunnel."""
        assert self._request is not None
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        tunnel = Tunnel(self._request, self._upstream, self._registry, self.server_state)
        # A reading transport cannot switch between a streaming and a buffered protocol.
        self.transport.pause_reading()
        self.transport.set_protocol(tunnel)
        tunnel.begin(self.transport)

    def _client_address(self) -> str:
        """The client's address, also behind trusted proxies; the notifier trusts the api's value."""
        peer = self.client[0] if self.client is not None else ""
        if not self._registry.is_proxy(peer):
            return peer
        fields = [value for name, value in self.headers if name == X_FORWARDED_FOR]
        return forwarded_client(fields, self._registry.trusted) or peer
