"""Puts the notifier together: the two followers, the hub between them and the transports, and the server."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from socket import socket
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from services.notifier import front_page
from services.notifier.connections.auth import user_of
from services.notifier.connections.queue_shares import QueueShares
from services.notifier.connections.registry import ClientRegistry
from services.notifier.connections.transport import TransportFactory
from services.notifier.events.catch_up import CatchUp
from services.notifier.events.ends import EndFinder
from services.notifier.events.extent import Extent, Extents, read_extents
from services.notifier.events.fanout import Feeder
from services.notifier.events.hub import Hub
from services.notifier.events.item import LAST_KINDS
from services.notifier.events.known_ends import KnownEnds
from services.notifier.events.ordering import LiveOrder
from services.notifier.events.poison import parse_subject
from services.notifier.events.position import FeedMark, Position
from services.notifier.events.recent_past import read_recent_past
from services.notifier.events.stored_events import History
from services.notifier.operators import Operations
from services.notifier.problems import HANDLERS
from services.notifier.settings import NotifierSettings
from services.notifier.transports import headrace_v1, sse
from services.notifier.transports.dialects.discovery import find_transports
from services.notifier.transports.websocket.protocol import BoundedWebSocketProtocol
from shared.auth import Tokens
from shared.contract.subjects import FEED, JOBS, SubjectError, parse
from shared.jetstream.cancel import Cancellations
from shared.jetstream.connection import Broker, connect
from shared.jetstream.event_log import Log
from shared.jetstream.follower import Follower
from shared.jetstream.input_log import InputLog
from shared.jetstream.stored_message import Entry
from shared.observability import metrics
from shared.service.access_log import AccessLog
from shared.service.http_server.server import listen_at, serve_http
from shared.service.request_ids import RequestIds
from shared.service.runtime import Service

TRANSPORTS: tuple[TransportFactory, ...] = (headrace_v1.transport, sse.transport)

MESSAGE_BYTES_MAX = 128 * 1024
"""Of a client's message: the largest piece of input as base64, and what is said about it."""

SERVER_OPTIONS: dict[str, Any] = {
    "ws": BoundedWebSocketProtocol,
    "ws_max_size": MESSAGE_BYTES_MAX,
    "ws_per_message_deflate": False,
    # The protocol has its own ping, which also proves that the client reads.
    "ws_ping_interval": None,
}


class Notifier:
    """One notifier over one broker connection. Made by `open_notifier`."""

    def __init__(
        self,
        service: Service,
        settings: NotifierSettings,
        broker: Broker,
        extents: Extents,
        known: KnownEnds,
        transports: Sequence[TransportFactory],
    ) -> None:
        """`extents` is what the streams held when it began; it follows what comes after.

        `known` is what is known of them until then.
        """
        hub = Hub()
        log, feed = extents.log, extents.feed
        end = Position(log.last_sequence, FeedMark(feed.last_us, feed.last_sequence))
        order = LiveOrder(end, is_watched=hub.is_watched, parse_subject=parse_subject)
        history = History(broker)
        self.feeder = Feeder(order, hub, known)
        self.log_follower = Follower(
            broker, JOBS, self.feeder.take_log, after=_before_last(log), service="notifier"
        )
        self.feed_follower = Follower(
            broker,
            FEED,
            self.feeder.take_feed,
            after=_before_last(feed),
            on_break=self.feeder.interrupt_feed,
            on_resume=self.feeder.resume_feed,
            service="notifier",
        )
        ends = EndFinder(
            history,
            known,
            wait_for_log=self.log_follower.wait_for,
            wait_for_feed=self.feed_follower.wait_for,
        )
        shares = QueueShares(settings.notifier_user_queues_bytes_max, settings.notifier_queues_bytes_max)
        metrics.QUEUED_BYTES.set_function(lambda: shares.held_bytes)
        event_log = Log(broker)
        inputs = InputLog(broker, event_log, patience_s=settings.append_patience_s)
        hub.on_logged.append(partial(_tell_end, inputs))
        self.registry = ClientRegistry(
            settings,
            Tokens(settings),
            hub,
            history,
            ends,
            CatchUp(hub, history, ends, order.position),
            Cancellations(event_log, patience_s=settings.append_patience_s),
            inputs,
            shares,
        )
        service.check("token_keys", self.registry.tokens.why_no_keys)
        service.watch_follower("log", self.log_follower.progress)
        service.watch_follower("feed", self.feed_follower.progress)
        self._settings = settings
        self.app = Starlette(
            routes=[
                *service.routes(),
                *(route for transport in transports for route in transport(self.registry).routes),
                Operations(self.registry).route(),
                *front_page.routes(),
            ],
            middleware=[
                Middleware(RequestIds),
                Middleware(AccessLog, share=settings.access_log_share, user_of=user_of),
            ],
            exception_handlers=HANDLERS,
        )

    async def work(self, listener: socket) -> None:
        """Follow and serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.log_follower.run())
            group.create_task(self.feed_follower.run())
            group.create_task(self.feeder.release_overdue(self.feed_follower.progress))
            group.create_task(self.registry.end_unread())
            group.create_task(self.registry.tokens.keep_keys())
            group.create_task(self._serve(listener))

    async def _serve(self, listener: socket) -> None:
        """Serve until cancelled; then send every client what waits for it before the server stops."""
        serving = asyncio.create_task(
            serve_http(self.app, listener, self._settings, service="notifier", **SERVER_OPTIONS)
        )
        try:
            await asyncio.shield(serving)
        finally:
            await self.registry.end_all()
            serving.cancel()
            await asyncio.wait({serving})


async def open_notifier(
    service: Service,
    settings: NotifierSettings,
    broker: Broker,
    transports: Sequence[TransportFactory] = TRANSPORTS,
) -> Notifier:
    """A notifier that begins at the present end of both streams. Raises BrokerError."""
    extents = await read_extents(broker)
    known = await read_recent_past(broker, extents)
    return Notifier(service, settings, broker, extents, known, transports)


async def run(service: Service, settings: NotifierSettings) -> None:
    """Serve until told to stop."""
    async with connect(settings, service="notifier") as broker:
        service.watch_broker(broker)
        transports = (*TRANSPORTS, *find_transports(settings.named_dialects))
        notifier = await open_notifier(service, settings, broker, transports)
        listener = listen_at(settings, "notifier")
        await service.run(broker, notifier.work(listener))


def _tell_end(inputs: InputLog, entry: Entry) -> None:
    """Have input removed that was added while its job ended. Other subjects are counted elsewhere."""
    if entry.subject.rpartition(".")[2] in LAST_KINDS:
        with suppress(SubjectError):
            named = parse(entry.subject)
            inputs.on_job_ended(named.user_id, named.job_id)


def _before_last(extent: Extent) -> int:
    """Where to begin, so that the follower is given the last message once more.

    It knows then when its position was stored, and notices a stream that begins anew before its first
    new message. The order of live items has seen that message and skips it.
    """
    return extent.last_sequence - 1 if extent.messages else 0
