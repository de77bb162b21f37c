"""Connects the api to the log and serves the application, at its ports, until it is told to stop."""

from collections.abc import Mapping
from functools import partial
from socket import socket
from typing import Any

from services.api.app import create_app
from services.api.events_tunnel.notifier_side import upstream_at
from services.api.events_tunnel.protocol import FILES_EACH, EventsHttpProtocol
from services.api.quotas.unfinished_jobs import UnfinishedJobs
from services.api.settings import ApiSettings
from shared.auth import Tokens
from shared.contract.subjects import EXPIRED_KIND, JOBS, QUEUED_SUBJECTS, TERMINAL_KINDS, events_of_kind
from shared.dialects.names import prefix_of
from shared.jetstream.connection import connect
from shared.jetstream.follower import Follower
from shared.provision import executor_floor
from shared.service.http_server.server import listen_at, listen_or_refuse, serve_http
from shared.service.runtime import Service


async def run(service: Service, settings: ApiSettings) -> None:
    """Serve until told to stop."""
    tokens = Tokens(settings)
    service.check("token_keys", tokens.why_no_keys)
    async with connect(settings, service="api") as broker:
        service.watch_broker(broker)
        standing = UnfinishedJobs()
        follower = Follower(
            broker,
            JOBS,
            standing.follow,
            after=await executor_floor(broker),
            # A tombstone ends a job too, because its terminal event may be gone.
            subjects=(QUEUED_SUBJECTS, *map(events_of_kind, (*TERMINAL_KINDS, EXPIRED_KIND))),
            without_payloads=True,
            service="api",
        )
        service.watch_follower("log", follower.progress)
        app = create_app(service, settings, tokens, broker, standing)
        listener = listen_at(settings, "api")
        dialects = listen_for_dialects(settings)
        await service.run(
            broker,
            follower.run(),
            tokens.keep_keys(),
            _close_at_end(service, standing),
            serve_http(
                app,
                listener,
                settings,
                service="api",
                more=tuple(dialects),
                **events_options(settings, dialects),
            ),
        )


async def _close_at_end(service: Service, standing: UnfinishedJobs) -> None:
    """When the service stops, answer waiting requests at once, within the grace period."""
    try:
        await service.stopping.wait()
    finally:
        standing.close()


def listen_for_dialects(settings: ApiSettings) -> dict[socket, str]:
    """The sockets of dialects with ports of their own, and the names. Raises SettingsError."""
    where, which = "HEADRACE_API_HOST", "HEADRACE_API_DIALECT_PORTS"
    return {
        listen_or_refuse(settings.api_host, port, where, which): name
        for name, port in settings.dialect_ports.items()
    }


def events_options(settings: ApiSettings, dialects: Mapping[socket, str]) -> dict[str, Any]:
    """Options of the server if the api's port serves events too."""
    if not settings.api_events_upstream:
        return {}
    protocol = partial(
        EventsHttpProtocol,
        upstream=upstream_at(settings.api_events_upstream),
        dialects=settings.named_dialects,
        prefixes={listener.getsockname()[1]: prefix_of(name) for listener, name in dialects.items()},
    )
    return {"http": protocol, "files_each": FILES_EACH}
