"""One subscription over two notifiers: the one that is about to die, and then the one that is left.

It goes on after the last event that it was shown, as every client does. `shown` is all of it together.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.faults.resume_checker import TERMINAL, Shown
from tests.faults.resume_socket import EndedError, RawSocket
from tests.integration.notifier import sse

SMALL_BUFFER_BYTES = 4_096
OUTPUT = "job.output.v1"

Step = Callable[[RawSocket], Awaitable[None]]


async def nothing() -> None:
    """Go on at once."""


@dataclass
class Viewer:
    """`first` and `kept` are where the two listen."""

    first: str
    kept: str
    token: str
    shown: list[Shown] = field(default_factory=list)
    breaks: int = 0
    cursor: str = "start"
    printed: Callable[[], Awaitable[object]] = nothing
    """Waited for once, when the first output has been shown, before anything more is read."""

    @property
    def url(self) -> str:
        """Whom to ask now."""
        return self.kept if self.breaks else self.first

    @asynccontextmanager
    async def connected(self, *, is_slow: bool = False) -> AsyncIterator[RawSocket]:
        """A socket that has been told who asks. Raises EndedError, OSError."""
        buffer_bytes = SMALL_BUFFER_BYTES if is_slow else None
        async with RawSocket(self.url, receive_buffer_bytes=buffer_bytes) as socket:
            await socket.open()
            await socket.send(type="connection_init", token=self.token)
            assert (await socket.next())["type"] == "connection_ack"
            yield socket

    async def repeated(self, step: Step) -> None:
        """Do it on a socket, and again on another one if that breaks off."""
        while True:
            try:
                async with self.connected() as socket:
                    await step(socket)
                    return
            except (EndedError, OSError):
                self.breaks += 1

    async def watch(
        self,
        job_id: str = "*",
        *,
        subscribed: Callable[[], Awaitable[object]] = nothing,
        is_slow: bool = False,
    ) -> None:
        """Until one job has ended. `subscribed` is waited for once, before any event is read."""
        done = False
        while not done:
            try:
                async with self.connected(is_slow=is_slow) as socket:
                    await socket.send(type="subscribe", id="s", job_id=job_id, after=self.cursor)
                    answer = await socket.next()
                    assert answer["type"] == "subscribed", answer
                    wait, subscribed = subscribed, nothing
                    await wait()
                    done = await self._read(socket, job_id)
            except (EndedError, OSError):
                self.breaks += 1

    async def watch_stream(self) -> None:
        """The same over Server-Sent Events."""
        while not self._has_ended():
            try:
                await self._read_stream(self.url)
            except (sse.EndedError, httpx.TransportError):
                self.breaks += 1

    async def begin_stream(self, events: int) -> None:
        """Only the first few events, from the one that is left."""
        await self._read_stream(self.kept, events)

    async def _read(self, socket: RawSocket, job_id: str) -> bool:
        """Take events until the job has ended, and of one job also the word that this was all."""
        while True:
            message = await socket.next()
            match message["type"]:
                case "event":
                    self._take(message["event"])
                    if message["event"]["type"] == OUTPUT:
                        wait, self.printed = self.printed, nothing
                        await wait()
                    if job_id == "*" and self._has_ended():
                        return True
                case "complete":
                    assert self._has_ended()
                    return True
                case other:
                    raise AssertionError(other)

    async def _read_stream(self, url: str, events_max: int | None = None) -> None:
        is_new = self.cursor == "start"
        asked = {"after": self.cursor} if is_new else {"resume": self.cursor}
        async with sse.streaming(url, self.token, **asked) as stream:
            while not self._has_ended() and (events_max is None or len(self.shown) < events_max):
                name, shown = await stream.next()
                if name.startswith("job."):
                    self._take(shown)

    def _take(self, event: Shown) -> None:
        self.shown.append(event)
        self.cursor = event["cursor"]

    def _has_ended(self) -> bool:
        return any(event["type"] in TERMINAL for event in self.shown)
