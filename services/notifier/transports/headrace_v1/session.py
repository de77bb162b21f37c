"""One WebSocket of one client: carries out what the protocol decides, around a `ClientConnection`."""

import asyncio
from typing import assert_never

from starlette.websockets import WebSocket, WebSocketDisconnect

from services.notifier.connections.auth import check
from services.notifier.connections.client_connection import ClientConnection, Transport
from services.notifier.connections.registry import ClientRegistry
from services.notifier.transports.encoding import FRAMES
from services.notifier.transports.headrace_v1.actions import (
    FULL,
    Action,
    Authenticate,
    CancelJob,
    Close,
    GetStatus,
    RefreshToken,
    Send,
    StartSubscription,
    StopSubscription,
)
from services.notifier.transports.headrace_v1.messages import (
    ConnectionAck,
    ErrorShown,
    ServerPing,
    keys_unavailable,
)
from services.notifier.transports.headrace_v1.protocol import Protocol, Rules
from services.notifier.transports.headrace_v1.requests import PendingRequests
from services.notifier.transports.websocket.flow import flow_of
from shared.auth import KeysUnavailableError, TokenError
from shared.service.http_server.accepted import count_connection

CARRIER = Transport("websocket", FRAMES, close_s=5.0)


class Connection:
    """Runs from the accepted handshake to the end of the socket."""

    def __init__(
        self, websocket: WebSocket, members: ClientRegistry, rules: Rules, header_token: str | None
    ) -> None:
        """Prepare; `run` does it."""
        self._clock = asyncio.get_running_loop().time
        self._websocket = websocket
        self._members = members
        self._rules = rules
        self.peer = ClientConnection(members, CARRIER, self._ended)
        self._questions = PendingRequests(self.peer, members)
        self._protocol = Protocol(rules, header_token=header_token, now=self._clock())
        self._timer: asyncio.TimerHandle | None = None
        self._ping_mark = 0

    async def run(self) -> None:
        """Return when the socket is closed, or cannot be closed in time."""
        self._arm()
        try:
            await self.peer.run(self._read(), self._write())
        finally:
            if self._timer is not None:
                self._timer.cancel()
            flow_of(self._websocket.scope).give_up()

    async def _read(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            self.peer.is_heard()
            text = frame.get("text")
            if text is None:
                self._do(self._protocol.receive_binary())
            else:
                await self._obey(self._protocol.receive(text, self._clock()))
            self._arm()

    async def _obey(self, actions: list[Action]) -> None:
        """Nothing more is read while a token is checked, so a client need not wait for the answer either."""
        for action in actions:
            match action:
                case Authenticate(token):
                    await self._authenticate(token)
                case RefreshToken(token):
                    await self._renew(token)
                case _:
                    self._do([action])

    async def _write(self) -> None:
        outbox, flow = self.peer.outbox, flow_of(self._websocket.scope)
        try:
            while True:
                next_one = await outbox.take()
                if isinstance(next_one, Close):
                    await self._websocket.close(next_one.code, next_one.reason)
                    return
                await flow.send_text(next_one, outbox.moved)
                outbox.sent()
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
        is_read = self.peer.outbox.has_passed(self._ping_mark)
        self._do(self._protocol.on_time(self._clock(), ping_has_left=is_read))
        if not self.peer.outbox.closing.done():
            self._arm()

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if self.peer.outbox.closing.done():
                return
            match action:
                case Send(message):
                    self.peer.send(message)
                    if isinstance(message, ServerPing):
                        self._ping_mark = self.peer.outbox.mark
                case Close():
                    self.peer.end(action)
                case StartSubscription(subscription_id, job_id, after):
                    self.peer.begin(subscription_id, job_id, after)
                case StopSubscription(subscription_id):
                    self.peer.stop(subscription_id)
                case GetStatus() | CancelJob():
                    self._questions.ask(action)
                case Authenticate() | RefreshToken():
                    raise AssertionError("only a client's message asks for the check of a token")
                case _:
                    assert_never(action)

    async def _authenticate(self, token: str) -> None:
        try:
            grant = await check(self._members.tokens, token)
        except KeysUnavailableError as error:
            self.peer.end(Close(FULL, f"{error}: try again in {error.retry_after_s} s"))
            return
        except TokenError as error:
            self._do(self._protocol.refused(str(error)))
            return
        if self.peer.outbox.closing.done():
            return
        is_counted = count_connection(self._websocket.scope, grant.user_id)
        if not is_counted or not self.peer.join(grant):
            self.peer.end(Close(FULL, "too many connections of this user"))
            return
        self._protocol.authenticated(grant, self._clock())
        self.peer.send(
            ConnectionAck(
                connection_id=self.peer.id,
                ping_s=self._rules.ping_s,
                expires_in=grant.expires_in,
                max_subscriptions=self._rules.subscriptions_max,
            )
        )

    async def _renew(self, token: str) -> None:
        try:
            grant = await check(self._members.tokens, token)
        except KeysUnavailableError as error:
            self.peer.send(keys_unavailable(str(error), error.retry_after_s))
        except TokenError as error:
            self._do(self._protocol.not_renewed(str(error)))
        else:
            self._do(self._protocol.renewed(grant, self._clock()))

    def _ended(self, subscription_id: str, refusal: ErrorShown | None) -> None:
        """It is complete or could not be shown: its id is free."""
        self._protocol.ended(subscription_id)
        if refusal is not None:
            self.peer.send(refusal)
