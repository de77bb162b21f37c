"""One stream of Server-Sent Events: one subscription of one client, around a `ClientConnection`.

Nothing is answered before it is known whether the subscription can be shown, so a refusal is a problem with
its own HTTP status, and not a stream.
"""

import asyncio
import random
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Send

from services.notifier.connections.client_connection import ClientConnection, TransportProfile
from services.notifier.connections.close import COMPLETE, UNAUTHENTICATED, Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.registry import ClientRegistry
from services.notifier.events.item import FRAMED_BYTES_MAX, Text
from services.notifier.events.outcomes import Ended, Refused
from services.notifier.events.position import After
from services.notifier.problems import answer_problem
from services.notifier.transports.sse.encoding import ENCODING, REFUSED, encode_close, encode_retry
from services.notifier.transports.sse.problems import answer_refusal, restarting
from shared.service.http_server.chunks import ChunkWriter, chunk_of

PROFILE = TransportProfile("sse", ENCODING, close_s=15.0)
"""Its patience is longer than the kernel's with a peer that takes nothing (10 s,
`shared.service.runtime.listen`): a response that cannot be completed ends well only by the loss of its
connection."""

SUBSCRIPTION = "stream"
HEARTBEAT = Text(b":\n\n")
PIECE_BYTES = 64 * 1024
"""Of an event, so that it is known how far a client has read it."""
RETRY_MS = (500, 3_000)
"""Clients come back after a time between these, so that those of a lost notifier do not come all at once."""

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # nginx would keep events back until a buffer is full.
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a client wants to be shown. `is_resumed`: it came back, as browsers do after every end."""

    grant: Grant
    job_id: str | None
    after: After
    is_resumed: bool


class StreamSession:
    """Runs from the request to the end of its response."""

    def __init__(
        self,
        registry: ClientRegistry,
        wanted: StreamRequest,
        receive: Receive,
        send: Send,
        chunks: ChunkWriter | None = None,
    ) -> None:
        """Prepare; `run` does it. `chunks` writes small events at once, where the server offers that."""
        self.connection = ClientConnection(registry, PROFILE, self._end_subscription)
        self._wanted = wanted
        self._receive = receive
        self._send = send
        self._chunks = chunks
        self._ping_s = registry.settings.notifier_ping_s
        self._has_begun = False
        self._refusal: Refused | None = None
        self._answer: Response | None = None

    async def run(self) -> Response | None:
        """Return when the response is complete or its client gone; or what to answer instead of a stream."""
        await self.connection.run(self._read(), self._write())
        return self._answer

    async def _read(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _write(self) -> None:
        keeping_time = self.connection.spawn(self._keep_time())
        try:
            taken = await self._begin()
            self.connection.outbox.send_now = self._send_now
            while not isinstance(taken, Close):
                await self._send_content(taken)
                self.connection.outbox.mark_sent()
                taken = await self.connection.outbox.take()
            if self._has_begun:
                await self._send_content(encode_close(taken, _retry_ms()))
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            keeping_time.cancel()

    async def _begin(self) -> bytes | Close:
        """Start the response with the first text of the subscription, or decide what to answer instead."""
        subscription = self.connection.start_subscription(
            SUBSCRIPTION, self._wanted.job_id, self._wanted.after
        )
        first = await self.connection.outbox.take()
        if isinstance(first, Close):
            self._answer = (
                answer_problem(restarting()) if self._refusal is None else answer_refusal(self._refusal)
            )
            return first
        if self._wanted.is_resumed and subscription.is_over and not subscription.has_sent:
            # All was seen. No other answer keeps a browser from coming back for ever.
            self._answer = Response(status_code=204)
            return Close(COMPLETE, "the job has ended")
        await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self._send_content(encode_retry(_retry_ms()))
        self._has_begun = True
        return first

    async def _send_content(self, content: bytes) -> None:
        for begin in range(0, len(content), PIECE_BYTES):
            piece = content[begin : begin + PIECE_BYTES]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            self.connection.outbox.mark_progress()

    def _send_now(self, text: Text) -> bool:
        """Write a small event if all that was written before has left; False if it must wait."""
        if self._chunks is None or text.size > FRAMED_BYTES_MAX:
            return False
        if text.frame is None:
            text.frame = chunk_of(text.payload)
        return self._chunks.write_now(text.frame)

    async def _keep_time(self) -> None:
        """Give signs of life, and end the stream when its token does."""
        clock = asyncio.get_running_loop().time
        expires = clock() + self._wanted.grant.lasts_s
        while (left := expires - clock()) > 0:
            await asyncio.sleep(min(self._ping_s, left))
            if self._has_begun:
                self.connection.send(HEARTBEAT)
        self.connection.end(Close(UNAUTHENTICATED, "the token has expired"))

    def _end_subscription(self, _: str, outcome: Ended | Refused) -> None:
        """The only subscription is complete or could not be shown."""
        if isinstance(outcome, Refused):
            self._refusal = outcome
            self.connection.end(Close(REFUSED, outcome.detail))
        else:
            self.connection.end(Close(COMPLETE, "the job has ended"))


def _retry_ms() -> int:
    return random.randint(*RETRY_MS)  # noqa: S311 - to spread clients, not a secret
