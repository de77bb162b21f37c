"""What the protocol may decide, as values. Pure."""

from dataclasses import dataclass
from typing import TypeAlias

from services.notifier.connections.close import Close
from services.notifier.events.position import After
from services.notifier.transports.headrace_v1.messages import ServerMessage
from shared.domain.enumerations import SignalName
from shared.domain.interaction import TerminalSize
from shared.domain.job_input import NewPiece


@dataclass(frozen=True, slots=True)
class Send:
    """Queue this message."""

    message: ServerMessage


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Verify this token and call `accept_token`, or `refuse_token`."""

    token: str


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Verify this newer token and call `renewed`, or `not_renewed`."""

    token: str


@dataclass(frozen=True, slots=True)
class StartSubscription:
    """Start this subscription and call `ended` when it is over; no `job_id` is every job."""

    id: str
    job_id: str | None
    after: After


@dataclass(frozen=True, slots=True)
class StopSubscription:
    """End this subscription; nothing is sent for it any more."""

    id: str


@dataclass(frozen=True, slots=True)
class GetStatus:
    """Answer with the job as it stands."""

    id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Record that the user wants the job stopped, and answer with the job as it stands then."""

    id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class InputTarget:
    """Which job a client gives input, and the client's own name of its message, if it has one."""

    id: str | None
    job_id: str


@dataclass(frozen=True, slots=True)
class AddPiece(InputTarget):
    """Store a piece of input."""

    piece: NewPiece


@dataclass(frozen=True, slots=True)
class EndAnywhere(InputTarget):
    """Store the end of the input, wherever it is."""


@dataclass(frozen=True, slots=True)
class ResizeTerminal(InputTarget):
    """Store another size of the terminal."""

    size: TerminalSize


@dataclass(frozen=True, slots=True)
class SendSignal(InputTarget):
    """Store a signal for the program."""

    signal: SignalName


GiveInput: TypeAlias = AddPiece | EndAnywhere | ResizeTerminal | SendSignal
"""Commands that are carried out one after the other, in the order in which they came."""

Action: TypeAlias = (
    Send
    | Close
    | Authenticate
    | RefreshToken
    | StartSubscription
    | StopSubscription
    | GetStatus
    | CancelJob
    | GiveInput
)
