"""One WebSocket of one client: carries out what the protocol decides.

A reader, a writer, and the catch-ups live in one task group; the only way between hub and socket is the
bounded outbox, so a client that does not read delays nobody.
"""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import assert_never

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.actions import (
    FULL,
    SLOW,
    Action,
    Authenticate,
    Begin,
    Close,
    Look,
    Send,
    Stop,
)
from services.notifier.catch_up import Client
from services.notifier.cursor import After
from services.notifier.hub import Subscription
from services.notifier.item import Text
from services.notifier.members import Members
from services.notifier.messages import (
    ConnectionAck,
    ServerMessage,
    StatusShown,
    busy,
    encode_message,
    unavailable,
    unknown_job,
)
from services.notifier.outbox import Outbox
from services.notifier.protocol import Protocol, Rules
from shared.broker import BrokerError
from shared.logs import get_logger
from shared.tokens import LEEWAY_S, SCOPE_JOBS, Caller, TokenError

logger = get_logger(__name__)

CLOSE_S = 5.0
"""How long a client may take to read up to its close frame; its socket is given up after that."""

LOOKS_MAX = 8


class Connection:
    """Runs from the accepted handshake to the end of the socket."""

    def __init__(
        self, websocket: WebSocket, members: Members, rules: Rules, header_token: str | None
    ) -> None:
        """Prepare; `run` does it."""
        loop = asyncio.get_running_loop()
        self._id = uuid.uuid4().hex
        self._websocket = websocket
        self._members = members
        self._rules = rules
        self._outbox = Outbox(members.settings.notifier_queue_bytes_max)
        self._protocol = Protocol(rules, header_token=header_token, now=loop.time())
        self._clock = loop.time
        self._timer: asyncio.TimerHandle | None = None
        self._group = asyncio.TaskGroup()
        self._caller: Caller | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._catch_ups: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._looks = 0

    async def run(self) -> None:
        """Return when the socket is closed, or cannot be closed in time."""
        self._arm()
        try:
            async with self._group as group:
                reading = group.create_task(self._read())
                writing = group.create_task(self._write())
                waiting = {reading, writing, self._outbox.closing}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                self._leave()
                if self._outbox.closing.done():
                    await asyncio.wait(
                        {reading, writing}, timeout=CLOSE_S, return_when=asyncio.FIRST_COMPLETED
                    )
                reading.cancel()
                writing.cancel()
        finally:
            self._leave()

    def send(self, message: ServerMessage) -> None:
        """Queue a message; a full queue ends the connection."""
        payload = encode_message(message)
        self._send_text(Text(payload.decode(), len(payload)))

    def _send_text(self, text: Text) -> None:
        if not self._outbox.put(text.text, text.size):
            self._end(Close(SLOW, "events came faster than they were read: resume from the last cursor"))

    def _end(self, close: Close) -> None:
        """After what is queued, except for a client that would not read it."""
        logger.info("connection_ends", connection=self._id, code=close.code, why=close.reason)
        self._outbox.end(close, drop=close.code == SLOW)

    def _leave(self) -> None:
        """Be offered nothing more, and forget what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        for subscription in list(self._subscriptions.values()):
            self._stop(subscription.id)
        self._members.leave(self)

    async def _read(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            text = frame.get("text")
            if text is None:
                self._do(self._protocol.receive_binary())
            else:
                self._do(self._protocol.receive(text, self._clock()))
            self._arm()

    async def _write(self) -> None:
        try:
            while True:
                next_one = await self._outbox.take()
                if isinstance(next_one, Close):
                    await self._websocket.close(next_one.code, next_one.reason)
                    return
                text, size = next_one
                await self._websocket.send({"type": "websocket.send", "text": text})
                self._outbox.sent(size)
        except (WebSocketDisconnect, RuntimeError):
            # RuntimeError is how starlette and uvicorn refuse to send on a socket that is closed already.
            return

    def _arm(self) -> None:
        """Wake at the protocol's deadline. An early wake does no harm, so a later deadline waits for it."""
        deadline = self._protocol.deadline
        if self._timer is not None and not self._timer.cancelled() and self._timer.when() <= deadline:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._do(self._protocol.on_time(self._clock()))
        if not self._outbox.closing.done():
            self._arm()

    def _do(self, actions: list[Action]) -> None:
        if self._outbox.closing.done():
            return
        for action in actions:
            match action:
                case Send(message):
                    self.send(message)
                case Close():
                    self._end(action)
                case Authenticate(token):
                    self._authenticate(token)
                case Begin(subscription_id, job_id, after):
                    self._begin(subscription_id, job_id, after)
                case Stop(subscription_id):
                    self._stop(subscription_id)
                case Look(message_id, job_id):
                    self._look(message_id, job_id)
                case _:
                    assert_never(action)

    def _authenticate(self, token: str) -> None:
        try:
            caller = self._members.tokens.verify(token)
        except TokenError as error:
            self._do(self._protocol.refused(str(error)))
            return
        if SCOPE_JOBS not in caller.scopes:
            self._do(self._protocol.refused(f"the token lacks the scope {SCOPE_JOBS!r}"))
            return
        if not self._members.join(self, caller.user_id):
            self._end(Close(FULL, "too many connections of this user"))
            return
        self._caller = caller
        lasts_s = (caller.expires_at - datetime.now(UTC)).total_seconds()
        self._protocol.authenticated(lasts_s=lasts_s + LEEWAY_S, now=self._clock())
        self.send(
            ConnectionAck(
                connection_id=self._id,
                ping_s=self._rules.ping_s,
                expires_in=max(0, int(lasts_s)),
                max_subscriptions=self._rules.subscriptions_max,
            )
        )

    def _begin(self, subscription_id: str, job_id: str | None, after: After) -> None:
        assert self._caller is not None
        subscription = Subscription(
            self._caller.user_id,
            subscription_id,
            job_id,
            send=self._send_text,
            on_complete=lambda: self._ended(subscription),
        )
        self._subscriptions[subscription_id] = subscription
        self._catch_ups[subscription_id] = self._group.create_task(self._catch_up(subscription, after))

    async def _catch_up(self, subscription: Subscription, after: After) -> None:
        """One at a time, so that one connection keeps aside only so much."""
        async with self._turn:
            client = Client(self.send, self._outbox.room)
            refusal = await self._members.catch_up.run(subscription, after, client)
        if self._subscriptions.get(subscription.id) is subscription:
            del self._catch_ups[subscription.id]
            if refusal is not None:
                self._ended(subscription)
                self.send(refusal)

    def _ended(self, subscription: Subscription) -> None:
        """It is complete or could not begin. The hub drops it by itself."""
        if self._subscriptions.get(subscription.id) is subscription:
            del self._subscriptions[subscription.id]
            self._catch_ups.pop(subscription.id, None)
            self._protocol.ended(subscription.id)

    def _stop(self, subscription_id: str) -> None:
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            subscription.is_over = True
            self._members.hub.remove(subscription)
        catching_up = self._catch_ups.pop(subscription_id, None)
        if catching_up is not None:
            catching_up.cancel()

    def _look(self, message_id: str, job_id: str) -> None:
        if self._looks >= LOOKS_MAX:
            self.send(busy(message_id))
            return
        self._looks += 1
        self._group.create_task(self._show_status(message_id, job_id))

    async def _show_status(self, message_id: str, job_id: str) -> None:
        assert self._caller is not None
        try:
            job = await self._members.history.job(self._caller.user_id, job_id)
        except BrokerError:
            self.send(unavailable(message_id))
        else:
            self.send(unknown_job(message_id) if job is None else StatusShown(id=message_id, job=job))
        finally:
            self._looks -= 1
