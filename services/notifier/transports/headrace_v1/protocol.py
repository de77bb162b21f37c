"""The rules of one connection of `headrace.v1`: a client's texts in, actions out. Pure: no I/O and no clock.

The numbered clauses of docs/protocol.md are kept here. Times come in as seconds of any steady clock;
`deadline` says when `on_time` must be called next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import assert_never

from services.notifier.connections.close import UNAUTHENTICATED, Close
from services.notifier.connections.grant import Grant
from services.notifier.connections.origins import is_allowed_origin
from services.notifier.events.position import parse_after
from services.notifier.transports.headrace_v1.actions import (
    Action,
    Authenticate,
    CancelJob,
    GetStatus,
    RefreshToken,
    Send,
    StartSubscription,
    StopSubscription,
)
from services.notifier.transports.headrace_v1.close_codes import (
    DUPLICATE_ID,
    MALFORMED,
    NO_SUBPROTOCOL,
    ORIGIN,
    SILENT,
    TOO_MANY,
)
from services.notifier.transports.headrace_v1.input_messages import EndInput, Input, Resize, Signal
from services.notifier.transports.headrace_v1.input_rules import check_input
from services.notifier.transports.headrace_v1.messages import (
    EVERY_JOB,
    ID_BYTES_MAX,
    SUBPROTOCOL,
    AskStatus,
    Cancel,
    ClientMessage,
    ClientPing,
    ClientPong,
    ConnectionInit,
    MalformedError,
    Refresh,
    Refreshed,
    ServerPing,
    ServerPong,
    Subscribe,
    Unsubscribe,
    decode_message,
)
from services.notifier.transports.headrace_v1.refusals import bad_cursor, bad_token, unknown_job
from shared.contract.subjects import is_job_id
from shared.domain.token_bucket import TokenBucket

BURST_S = 4.0
"""Messages that a client may send at once, in seconds' worth of its rate."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one connection may do, in numbers."""

    init_s: float
    ping_s: float
    subscriptions_max: int
    commands_per_s: float


def refuse_handshake(
    subprotocols: Sequence[str], *, origin: str | None, host: str, origins: frozenset[str]
) -> Close | None:
    """Why this connection ends before it begins, if it does."""
    if SUBPROTOCOL not in subprotocols:
        return Close(NO_SUBPROTOCOL, f"offer the subprotocol {SUBPROTOCOL}")
    if is_allowed_origin(origin, host, origins):
        return None
    return Close(ORIGIN, "this origin may not connect")


class Protocol:
    """One connection, from its acceptance to its close."""

    def __init__(self, rules: Rules, *, header_token: str | None, now: float) -> None:
        """`header_token` is the bearer token of the handshake, if there was one."""
        self._rules = rules
        self._header_token = header_token
        self._init_until = now + rules.init_s
        self._expires = inf
        self._next_ping = inf
        self._awaits_pong = False
        self._ping_waited = False
        self._is_authenticating = False
        self._user_id: str | None = None
        self._is_closed = False
        self._open: set[str] = set()
        self._messages = TokenBucket(
            rate_per_s=rules.commands_per_s, burst=rules.commands_per_s * BURST_S, now=now
        )

    @property
    def deadline(self) -> float:
        """When `on_time` has something to do."""
        return min(self._init_until, self._next_ping, self._expires)

    def receive(self, text: str, now: float) -> list[Action]:
        """A text frame has arrived."""
        if self._is_closed:
            return []
        if not self._messages.take(now):
            return self._close(TOO_MANY, "too many messages in too short a time")
        try:
            message = decode_message(text)
        except MalformedError as error:
            return self._close(MALFORMED, str(error))
        return self._answer(message)

    def receive_binary(self) -> list[Action]:
        """A binary frame has arrived; there are none in this protocol."""
        return self._close(MALFORMED, "binary frames are not understood")

    def accept_token(self, grant: Grant, now: float) -> None:
        """The token is good."""
        self._user_id = grant.user_id
        self._init_until = inf
        self._expires = now + grant.lasts_s
        self._next_ping = now + self._rules.ping_s

    def refuse_token(self, why: str) -> list[Action]:
        """The token is not good."""
        return self._close(UNAUTHENTICATED, why)

    def accept_newer_token(self, grant: Grant, now: float) -> list[Action]:
        """The newer token is good; it must be of the same user, or events of one would reach another."""
        if grant.user_id != self._user_id:
            return self._close(UNAUTHENTICATED, "the token is of another user")
        self._expires = now + grant.lasts_s
        return [Send(Refreshed(expires_in=grant.expires_in))]

    def refuse_newer_token(self, why: str) -> list[Action]:
        """The newer token is not good; the earlier one still is, until it expires."""
        return [Send(bad_token(why))]

    def end_subscription(self, subscription_id: str) -> None:
        """A subscription is complete or could not begin: its id may be used again."""
        self._open.discard(subscription_id)

    def on_time(self, now: float, *, ping_has_left: bool = True) -> list[Action]:
        """The deadline has come: refuse silence, refuse an expired token, or ask for a sign of life.

        `ping_has_left`: the last ping does not wait behind events any more. Its answer is due from then on.
        """
        if self._is_closed or now < self.deadline:
            return []
        if now >= self._init_until:
            return self._close(SILENT, f"no connection_init within {self._rules.init_s:g} s")
        if now >= self._expires:
            return self._close(UNAUTHENTICATED, "the token has expired")
        if self._awaits_pong and ping_has_left and not self._ping_waited:
            return self._close(SILENT, f"no pong within {self._rules.ping_s:g} s")
        if self._awaits_pong:
            self._ping_waited = not ping_has_left
            self._next_ping = now + self._rules.ping_s
            return []
        self._awaits_pong = True
        self._next_ping = now + self._rules.ping_s
        return [Send(ServerPing())]

    def _answer(self, message: ClientMessage) -> list[Action]:
        match message:
            case ClientPing():
                return [Send(ServerPong())]
            case ClientPong():
                self._awaits_pong = self._ping_waited = False
                return []
            case ConnectionInit():
                return self._init(message)
            case _ if self._user_id is None:
                return self._close(UNAUTHENTICATED, "send connection_init with a token first")
            case Refresh():
                return [RefreshToken(message.token)]
            case Subscribe() | Unsubscribe() | AskStatus() | Cancel():
                return self._command(message)
            case Input() | EndInput() | Resize() | Signal():
                return [check_input(message)]
        assert_never(message)

    def _init(self, message: ConnectionInit) -> list[Action]:
        if self._is_authenticating:
            return self._close(MALFORMED, "connection_init was sent before")
        self._is_authenticating = True
        token = message.token if message.token is not None else self._header_token
        self._header_token = None
        if not token:
            return self._close(UNAUTHENTICATED, "a token is needed")
        return [Authenticate(token)]

    def _command(self, message: Subscribe | Unsubscribe | AskStatus | Cancel) -> list[Action]:
        if not 0 < len(message.id.encode()) <= ID_BYTES_MAX:
            return self._close(MALFORMED, f"an id has 1 to {ID_BYTES_MAX} bytes")
        match message:
            case Subscribe():
                return self._subscribe(message)
            case Unsubscribe():
                self._open.discard(message.id)
                return [StopSubscription(message.id)]
            case AskStatus() | Cancel() if not is_job_id(message.job_id):
                return [Send(unknown_job(message.id))]
            case AskStatus():
                return [GetStatus(message.id, message.job_id)]
            case Cancel():
                return [CancelJob(message.id, message.job_id)]
        assert_never(message)

    def _subscribe(self, message: Subscribe) -> list[Action]:
        if message.id in self._open:
            return self._close(DUPLICATE_ID, "this subscription id is in use")
        if len(self._open) >= self._rules.subscriptions_max:
            return self._close(TOO_MANY, f"more than {self._rules.subscriptions_max} subscriptions")
        job_id = None if message.job_id == EVERY_JOB else message.job_id
        if job_id is not None and not is_job_id(job_id):
            return [Send(unknown_job(message.id))]
        after = parse_after(message.after, of_one_job=job_id is not None)
        if after is None:
            return [Send(bad_cursor(message.id, "after is the cursor of an event, 'start' or 'now'"))]
        self._open.add(message.id)
        return [StartSubscription(message.id, job_id, after)]

    def _close(self, cause: str, reason: str) -> list[Action]:
        self._is_closed = True
        self._init_until = self._next_ping = self._expires = inf
        return [Close(cause, reason)]
