"""One subscription over one WebSocket (docs/protocol.md). It does not reconnect by itself.

Messages are decoded from their bytes straight into the structs below; unknown messages are ignored.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import aiohttp
import msgspec

from headrace.client.errors import ClosedError, HistoryLostError, ProblemAnswerError, ProtocolError
from headrace.client.http import COME_BACK, proxy_of, translate_errors
from shared.contract.codec import EventObject

SUBPROTOCOL = "headrace.v1"
OPEN_TIMEOUT_S = 10.0
HEARTBEAT_S = 20.0
"""A peer that is silent for this long gets a ping."""

Socket: TypeAlias = "aiohttp.ClientWebSocketResponse[Any]"


class TryAgainError(Exception):
    """The notifier cannot do it now; the request itself is valid."""

    def __init__(self, retry_after_s: float) -> None:
        """Retry after this delay."""
        super().__init__(f"try again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A message that a notifier may send."""


class Acknowledged(_Message, frozen=True, kw_only=True, tag="connection_ack"):
    """The token was accepted."""


class Subscribed(_Message, frozen=True, kw_only=True, tag="subscribed", rename={"after": "from"}):
    """Events after this cursor will follow."""

    after: str


class Shown(_Message, frozen=True, kw_only=True, tag="event"):
    """One event of the log, or one note of the feed."""

    event: EventObject


class Gap(_Message, frozen=True, kw_only=True, tag="gap", rename={"after": "from", "until": "to"}):
    """Events between two cursors may be lost."""

    after: str
    until: str
    reason: str


class Complete(_Message, frozen=True, kw_only=True, tag="complete"):
    """No event will follow."""


class Refused(_Message, frozen=True, kw_only=True, tag="error"):
    """The request cannot be fulfilled, or not now."""

    code: str
    detail: str = ""
    temporary: bool = False
    retry_after: float | None = None


class Ping(_Message, frozen=True, kw_only=True, tag="ping"):
    """A heartbeat that asks for a pong."""


Message: TypeAlias = Acknowledged | Subscribed | Shown | Gap | Complete | Refused | Ping
Expected = TypeVar("Expected", Acknowledged, Subscribed)

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_KNOWN = frozenset(str(member.__struct_config__.tag) for member in Message.__args__)


class _Tag(msgspec.Struct):
    type: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """An open socket that delivers events."""

    socket: Socket
    begins_after: str
    """A cursor."""

    async def events(self, on_gap: Callable[[Gap], None]) -> AsyncGenerator[EventObject, None]:
        """Events until the subscription is complete, or caught up. Raises as `subscribed`."""
        while True:
            message = await _receive(self.socket)
            match message:
                case Shown():
                    yield message.event
                case Complete() | Subscribed():
                    return
                case Refused():
                    raise _refusal(message)
                case Gap(reason="log_purged"):
                    raise HistoryLostError(f"events between {message.after} and {message.until} are gone")
                case Gap():
                    on_gap(message)
                case _:
                    continue


@asynccontextmanager
async def subscribe(
    session: aiohttp.ClientSession, url: str, token: str, *, job_id: str, after: str, until_now: bool
) -> AsyncIterator[Subscription]:
    """A subscription ready to deliver events. Raises HeadraceError (ClosedError for any end),
    TryAgainError."""
    async with await _connect(session, url) as socket:
        await _send(socket, type="connection_init", token=token)
        await _expect(socket, Acknowledged)
        await _send(socket, type="subscribe", id="1", job_id=job_id, after=after)
        answer = await _expect(socket, Subscribed)
        if until_now:
            # Subscriptions catch up one after the other: this one is acknowledged after missed events were
            # sent.
            await _send(socket, type="subscribe", id="2", job_id=job_id, after="now")
        yield Subscription(socket, answer.after)


async def _connect(session: aiohttp.ClientSession, url: str) -> Socket:
    with translate_errors(url):
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                return await session.ws_connect(
                    url,
                    protocols=(SUBPROTOCOL,),
                    proxy=proxy_of(url),
                    heartbeat=HEARTBEAT_S,
                    max_msg_size=0,
                    decode_text=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            if 400 <= error.status < 500 and error.status not in COME_BACK:
                raise ProtocolError(f"{url} answers {error.status}: is it a notifier's address?") from error
            raise


async def _send(socket: Socket, **message: str) -> None:
    """Send, if the peer is still there; if it is not, the next `_receive` raises the reason."""
    with suppress(aiohttp.ClientError, OSError):
        await socket.send_frame(msgspec.json.encode(message), aiohttp.WSMsgType.TEXT)


async def _expect(socket: Socket, kind: type[Expected]) -> Expected:
    message = await _receive(socket)
    if isinstance(message, Refused):
        raise _refusal(message)
    if not isinstance(message, kind):
        raise ProtocolError(f"expected {kind.__name__}, got {type(message).__name__}")
    return message


async def _receive(socket: Socket) -> Message:
    """The next known message that is no ping; pings are answered."""
    while True:
        received = await socket.receive()
        if received.type is not aiohttp.WSMsgType.TEXT:
            raise _closed_error(socket, received)
        message = _decode(received.data)
        if isinstance(message, Ping):
            await _send(socket, type="pong")
        elif message is not None:
            return message


def _decode(content: bytes) -> Message | None:
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError as error:
        try:
            unknown = msgspec.json.decode(content, type=_Tag).type not in _KNOWN
        except msgspec.MsgspecError:
            unknown = False
        if unknown:
            return None
        raise ProtocolError(f"not a message of {SUBPROTOCOL}: {error}") from error


def _closed_error(socket: Socket, received: Any) -> Exception:  # noqa: ANN401 - aiohttp's message
    match received.type:
        case aiohttp.WSMsgType.CLOSE:
            return ClosedError(received.data, received.extra or "")
        case aiohttp.WSMsgType.BINARY:
            return ProtocolError(f"not a message of {SUBPROTOCOL}: binary")
        case _:
            return ClosedError(socket.close_code or 1006, "the connection broke")


def _refusal(message: Refused) -> Exception:
    if message.temporary:
        return TryAgainError(message.retry_after or 0.0)
    return ProblemAnswerError({"title": message.code, "detail": message.detail})
