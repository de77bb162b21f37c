"""One client of the dialect: `{"op": "watch", "run": …}`, as often as it likes within its bound."""

import asyncio

import msgspec
from starlette.websockets import WebSocket

from services.notifier.connections.auth import check
from services.notifier.connections.client_connection import ClientConnection, TransportProfile
from services.notifier.connections.close import COMPLETE, UNAUTHENTICATED, Close
from services.notifier.connections.registry import TOO_MANY_OF_USER, ClientRegistry
from services.notifier.events.item import Text
from services.notifier.events.outcomes import Ended, Refused
from services.notifier.transports.websocket.writer import run_connection
from shared.auth import TokenError
from shared.contract.subjects import is_job_id
from tests.dialect.notifier.encoding import RunsEncoding, code_of, encode_oops

PROFILE = TransportProfile("runs", RunsEncoding(), close_s=5.0)
UNCLEAR = "unclear"


class Watch(msgspec.Struct, tag_field="op", tag="watch"):
    """All that a client says."""

    run: str


class RunsSession:
    """From the accepted handshake to the end of the socket, or of the last run."""

    def __init__(self, websocket: WebSocket, registry: ClientRegistry) -> None:
        """Prepare; `run` does it."""
        self.connection = ClientConnection(registry, PROFILE, self._end_run)
        self._websocket = websocket
        self._registry = registry
        self._runs: set[str] = set()

    async def run(self, token: str | None) -> None:
        """Return when the socket is closed."""
        await run_connection(self._websocket, self.connection, self._read(token), code_of)

    async def _read(self, token: str | None) -> None:
        expiring = await self._authenticate(token)
        try:
            while (frame := await self._websocket.receive())["type"] != "websocket.disconnect":
                if not self.connection.outbox.closing.done():
                    self.connection.record_activity()
                    self._receive(frame.get("text") or "")
        finally:
            if expiring is not None:
                expiring.cancel()

    async def _authenticate(self, token: str | None) -> asyncio.Task[None] | None:
        """Returns what ends the connection with its token."""
        try:
            grant = await check(self._registry.tokens, token or "")
        except TokenError:
            self._fail(Close(UNAUTHENTICATED, "who are you?"))
            return None
        if self.connection.join(grant, self._websocket.scope):
            return self.connection.spawn(self._expire(grant.lasts_s))
        self._fail(TOO_MANY_OF_USER)
        return None

    def _receive(self, text: str) -> None:
        try:
            run = msgspec.json.decode(text, type=Watch).run
        except msgspec.MsgspecError:
            self._fail(Close(UNCLEAR, "say what to watch"))
            return
        if not is_job_id(run):
            self.connection.send(Text(encode_oops("unknown_job")))
        elif run not in self._runs and len(self._runs) < self._registry.settings.notifier_subscriptions_max:
            self._runs.add(run)
            self.connection.start_subscription(run, run, "start")

    def _end_run(self, run: str, outcome: Ended | Refused) -> None:
        self._runs.discard(run)
        if isinstance(outcome, Refused):
            self.connection.send(Text(encode_oops(outcome.reason)))
        elif not self._runs:
            self.connection.end(Close(COMPLETE, "that was all"))

    def _fail(self, close: Close) -> None:
        self.connection.send(Text(encode_oops(close.reason)))
        self.connection.end(close)

    async def _expire(self, lasts_s: float) -> None:
        await asyncio.sleep(lasts_s)
        self._fail(Close(UNAUTHENTICATED, "who are you now?"))
