"""One WebSocket of one client: carries out what the protocol decides, around a `ClientConnection`."""

import asyncio
from typing import assert_never

from starlette.websockets import WebSocket

from services.notifier.connections.auth import check
from services.notifier.connections.client_connection import ClientConnection, TransportProfile
from services.notifier.connections.close import FULL, Close
from services.notifier.connections.registry import TOO_MANY_OF_USER, ClientRegistry
from services.notifier.events.item import Text
from services.notifier.events.outcomes import Ended, Refused
from services.notifier.transports.headrace_v1.actions import (
    Action,
    AddPiece,
    Authenticate,
    CancelJob,
    EndAnywhere,
    GetStatus,
    RefreshToken,
    ResizeTerminal,
    Send,
    SendSignal,
    StartSubscription,
    StopSubscription,
)
from services.notifier.transports.headrace_v1.close_codes import code_of
from services.notifier.transports.headrace_v1.encoding import ENCODING, error_of
from services.notifier.transports.headrace_v1.inputs import PendingInputs
from services.notifier.transports.headrace_v1.messages import (
    ConnectionAck,
    ServerMessage,
    ServerPing,
    encode_message,
)
from services.notifier.transports.headrace_v1.protocol import Protocol, Rules
from services.notifier.transports.headrace_v1.refusals import keys_unavailable
from services.notifier.transports.headrace_v1.requests import PendingRequests
from services.notifier.transports.websocket.writer import run_connection
from shared.auth import KeysUnavailableError, TokenError

PROFILE = TransportProfile("websocket", ENCODING, close_s=5.0)


class SocketSession:
    """Runs from the accepted handshake to the end of the socket."""

    def __init__(
        self, websocket: WebSocket, registry: ClientRegistry, rules: Rules, header_token: str | None
    ) -> None:
        """Prepare; `run` does it."""
        self._clock = asyncio.get_running_loop().time
        self._websocket = websocket
        self._registry = registry
        self._rules = rules
        self.connection = ClientConnection(registry, PROFILE, self._end_subscription)
        self._requests = PendingRequests(self.connection, registry)
        self._inputs = PendingInputs(self.connection, registry.inputs, self._send)
        self._protocol = Protocol(rules, header_token=header_token, now=self._clock())
        self._timer: asyncio.TimerHandle | None = None
        self._ping_mark = 0

    async def run(self) -> None:
        """Return when the socket is closed, or cannot be closed in time."""
        self._arm()
        try:
            await run_connection(self._websocket, self.connection, self._read(), code_of)
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _read(self) -> None:
        try:
            await self._read_frames()
        finally:
            self._inputs.drop()

    async def _read_frames(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] == "websocket.disconnect":
                return
            self.connection.record_activity()
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
                    await self._refresh_token(token)
                case _:
                    self._do([action])

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
        is_read = self.connection.outbox.has_passed(self._ping_mark)
        self._do(self._protocol.on_time(self._clock(), ping_has_left=is_read))
        if not self.connection.outbox.closing.done():
            self._arm()

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            if self.connection.outbox.closing.done():
                return
            self._do_one(action)

    def _do_one(self, action: Action) -> None:
        match action:
            case Send(message):
                self._send(message)
                if isinstance(message, ServerPing):
                    self._ping_mark = self.connection.outbox.mark
            case Close():
                self.connection.end(action)
            case StartSubscription(subscription_id, job_id, after):
                self.connection.start_subscription(subscription_id, job_id, after)
            case StopSubscription(subscription_id):
                self.connection.stop_subscription(subscription_id)
            case GetStatus() | CancelJob():
                self._requests.start(action)
            case AddPiece() | EndAnywhere() | ResizeTerminal() | SendSignal():
                self._inputs.put(action)
            case Authenticate() | RefreshToken():
                raise AssertionError("only a client's message asks for the check of a token")
            case _:
                assert_never(action)

    async def _authenticate(self, token: str) -> None:
        try:
            grant = await check(self._registry.tokens, token)
        except KeysUnavailableError as error:
            self.connection.end(Close(FULL, f"{error}: try again in {error.retry_after_s} s"))
            return
        except TokenError as error:
            self._do(self._protocol.refuse_token(str(error)))
            return
        if self.connection.outbox.closing.done():
            return
        if not self.connection.join(grant, self._websocket.scope):
            self.connection.end(TOO_MANY_OF_USER)
            return
        self._protocol.accept_token(grant, self._clock())
        self._send(
            ConnectionAck(
                connection_id=self.connection.id,
                ping_s=self._rules.ping_s,
                expires_in=grant.expires_in,
                max_subscriptions=self._rules.subscriptions_max,
            )
        )

    async def _refresh_token(self, token: str) -> None:
        try:
            grant = await check(self._registry.tokens, token)
        except KeysUnavailableError as error:
            self._send(keys_unavailable(str(error), error.retry_after_s))
        except TokenError as error:
            self._do(self._protocol.refuse_newer_token(str(error)))
        else:
            self._do(self._protocol.accept_newer_token(grant, self._clock()))

    def _end_subscription(self, subscription_id: str, outcome: Ended | Refused) -> None:
        """It is complete or could not be shown: its id is free."""
        self._protocol.end_subscription(subscription_id)
        if isinstance(outcome, Refused):
            self._send(error_of(outcome, subscription_id))

    def _send(self, message: ServerMessage) -> None:
        self.connection.send(Text(encode_message(message)))
