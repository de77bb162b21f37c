"""Subscribers of all jobs of a user, over each of the transports: what they are shown is noted, and after
every broken connection they go on at any notifier behind the last event that they handled.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime

import aiohttp
import msgspec

from headrace.client.client import AsyncClient
from headrace.client.errors import HeadraceError, HistoryLostError
from headrace.client.models import output_bytes
from headrace.client.subscription import Gap, TryAgainError, subscribe
from shared.contract.codec import EventObject
from tests.faults.history import Connection, Missed, Piece, Shown, Transport, digest_of_event, now
from tests.faults.history_file import Recorder
from tests.faults.rules.subscribers import ENDS

AGAIN_AFTER_S = (0.05, 0.5)
SILENCE_MAX_S = 30.0
"""A stream gives a sign of life every 20 s; a black hole ends earlier."""

EVENT_BYTES_MAX = 4 * 1024 * 1024
OUTPUT = "job.output.v1"


class Watcher:
    """One subscriber, over as many connections as it takes."""

    transport: Transport

    def __init__(
        self,
        name: str,
        user: str,
        token: str,
        *,
        session: aiohttp.ClientSession,
        notifier_urls: list[str],
        chance: random.Random,
        recorder: Recorder,
    ) -> None:
        """`run` connects. `on_end` is told of each job's end."""
        self.name = name
        self.on_end: Callable[[Watcher], None] = lambda _: None
        self.ended: set[str] = set()
        self.token = token
        self.session = session
        self._user = user
        self._urls = notifier_urls
        self._chance = chance
        self._recorder = recorder
        self._cursor = "start"
        self._connection = 0
        self._has_ended = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            after, opened_at, why = self._cursor, now(), "over"
            try:
                async with aclosing(self.events(self._chance.choice(self._urls), after)) as events:
                    async for event in events:
                        self._handle(event)
            except HistoryLostError as error:
                self.missed("log_purged")
                why = str(error)
            except (HeadraceError, TryAgainError, aiohttp.ClientError, TimeoutError, OSError) as error:
                why = f"{type(error).__name__}: {error}"
            except asyncio.CancelledError:
                self._note_connection(after, opened_at, "done")
                raise
            self._note_connection(after, opened_at, why)
            self._connection += 1
            await asyncio.sleep(self._chance.uniform(*AGAIN_AFTER_S))

    async def saw_ends(self, jobs: Iterable[str]) -> None:
        """Return when the end of each of these was shown."""
        wanted = set(jobs)
        while not wanted <= self.ended:
            self._has_ended.clear()
            await self._has_ended.wait()

    def events(self, url: str, after: str) -> AsyncGenerator[EventObject, None]:
        """Events of one connection."""
        raise NotImplementedError

    def missed(self, reason: str) -> None:
        """Something is gone."""
        self._recorder.note(
            Missed(subscriber=self.name, connection=self._connection, at=now(), reason=reason)
        )

    def _handle(self, event: EventObject) -> None:
        self._cursor = event.cursor
        self._recorder.note(
            Shown(
                subscriber=self.name,
                user=self._user,
                connection=self._connection,
                at=now(),
                type=event.type,
                job_id=event.job_id,
                digest=digest_of_event(event),
                seq=event.seq,
                attempt=None if event.seq is not None else event.data["attempt"],
                piece=_piece(event) if event.type == OUTPUT else None,
            )
        )
        if event.type.split(".")[1] in ENDS:
            self.ended.add(event.job_id)
            self._has_ended.set()
            self.on_end(self)

    def _note_connection(self, after: str, opened_at: datetime, why: str) -> None:
        self._recorder.note(
            Connection(
                subscriber=self.name,
                number=self._connection,
                user=self._user,
                transport=self.transport,
                after=after,
                opened_at=opened_at,
                closed_at=now(),
                why=why,
            )
        )


class WebSocketWatcher(Watcher):
    """One WebSocket after another, at any notifier."""

    transport: Transport = "websocket"

    async def events(self, url: str, after: str) -> AsyncGenerator[EventObject, None]:
        """As docs/protocol.md has it."""
        socket_url = f"ws{url.removeprefix('http')}/v1/ws"
        async with (
            subscribe(
                self.session, socket_url, self.token, job_id="*", after=after, until_now=False
            ) as subscription,
            aclosing(subscription.events(self._on_gap)) as events,
        ):
            async for event in events:
                yield event

    def _on_gap(self, gap: Gap) -> None:
        self.missed(gap.reason)


class ClientWatcher(WebSocketWatcher):
    """The client's own `follow`, which comes back by itself, to one notifier."""

    transport: Transport = "client"

    async def events(self, url: str, after: str) -> AsyncGenerator[EventObject, None]:
        """All in one."""
        async with (
            AsyncClient(url, self.token, websocket_url=f"ws{url.removeprefix('http')}/v1/ws") as client,
            aclosing(client.follow("*", after=after, on_gap=self._on_gap)) as events,
        ):
            async for event in events:
                yield event


class StreamWatcher(Watcher):
    """Server-Sent Events, as a browser reads them."""

    transport: Transport = "sse"

    async def events(self, url: str, after: str) -> AsyncGenerator[EventObject, None]:
        """Up to the end of one response."""
        headers = {"Authorization": f"Bearer {self.token}", "Last-Event-ID": after}
        timeout = aiohttp.ClientTimeout(sock_connect=SILENCE_MAX_S, sock_read=SILENCE_MAX_S)
        async with self.session.get(
            f"{url}/v1/stream", headers=headers, timeout=timeout, read_bufsize=EVENT_BYTES_MAX
        ) as answer:
            answer.raise_for_status()
            fields: dict[bytes, bytes] = {}
            async for line in answer.content:
                name, _, value = line.rstrip(b"\n").partition(b": ")
                if name:
                    fields[name] = value
                    continue
                kind, told = fields.get(b"event", b""), fields.get(b"data", b"")
                fields = {}
                if kind == b"gap":
                    self.missed(msgspec.json.decode(told)["reason"])
                elif kind == b"close":
                    return
                elif kind.startswith(b"job."):
                    yield msgspec.json.decode(told, type=EventObject)


SECOND: tuple[type[Watcher], ...] = (StreamWatcher, ClientWatcher)


def watchers_of(
    user: str,
    token: str,
    number: int,
    *,
    session: aiohttp.ClientSession,
    notifier_urls: list[str],
    chance: random.Random,
    recorder: Recorder,
) -> list[Watcher]:
    """One over a WebSocket, and one over something else."""
    makers: tuple[type[Watcher], ...] = (WebSocketWatcher, SECOND[number % len(SECOND)])
    return [
        make(
            f"{user}: {make.transport}",
            user,
            token,
            session=session,
            notifier_urls=notifier_urls,
            chance=random.Random(chance.random()),  # noqa: S311 - a test's dice
            recorder=recorder,
        )
        for make in makers
    ]


def _piece(event: EventObject) -> Piece:
    return Piece(
        attempt=event.data["attempt"],
        stage=event.data["stage"],
        stream=event.data["stream"],
        offset=event.data["offset"],
        size=len(output_bytes(event)),
    )
