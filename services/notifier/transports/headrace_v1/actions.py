"""What the protocol may decide, as values, and the close codes that WebSocket and SSE share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from services.notifier.events.position import After
from services.notifier.transports.headrace_v1.messages import ServerMessage

DONE = 1000
RESTARTING = 1012
LATER = 1013
MALFORMED = 4400
UNAUTHENTICATED = 4401
ORIGIN = 4403
NO_SUBPROTOCOL = 4406
SILENT = 4408
DUPLICATE_ID = 4409
SLOW = 4420
TOO_MANY = 4429
FULL = 4503


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a connection: nothing is sent after it."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a good token gives: who calls, and for how long; `lasts_s` includes the verifier's leeway.

    `shares` are those that the token claims, by claim.
    """

    user_id: str
    expires_in: int
    lasts_s: float
    shares: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """Queue this message."""

    message: ServerMessage


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Verify this token and call `authenticated`, or `refused`."""

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


Action: TypeAlias = (
    Send | Close | Authenticate | RefreshToken | StartSubscription | StopSubscription | GetStatus | CancelJob
)
