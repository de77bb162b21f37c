"""What can keep a call of the client from its answer.

::

    HeadraceError
    ├── ProblemAnswerError   the service said no; `document` is its problem+json
    ├── HistoryLostError     events that were asked for are not kept any more
    ├── UnreachableError     no answer while the client was patient; may be repeated, with the same key
    ├── ClosedError          the notifier closed for a reason that coming back would not change; see `code`
    ├── NotFinishedError     the job goes on, but the time to wait for it is over; also a TimeoutError
    ├── ProtocolError        an answer that this version does not understand
    ├── UsageError           the client is not open, or not here; also a RuntimeError
    ├── StackError           nothing tells where the service is (`headrace.local.stack`)
    ├── SpeedError           no speed at which a history can be replayed (`headrace.history.replay`)
    ├── HistoryFileError     a history file cannot be written or read (`headrace.history.file`)
    ├── DamagedError         a history file is not what was exported (`headrace.history.file`)
    ├── UnsafePathError      an artifact's path leads outside (`headrace.client.artifacts`)
    └── WrongContentError    an artifact did not arrive as the job left it (`headrace.client.artifacts`)
"""

from collections.abc import Mapping
from typing import Any


class HeadraceError(Exception):
    """Anything that keeps a call from its answer."""


class ProblemAnswerError(HeadraceError):
    """The service refused; `document` is its problem+json, `status` that of HTTP (None over a WebSocket)."""

    def __init__(
        self, document: Mapping[str, Any], *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        """Keep the whole document; `retry_after_s` where the service said when to come back."""
        super().__init__(_message_of(document))
        self.document = document
        self.status = status
        self.retry_after_s = retry_after_s


class HistoryLostError(HeadraceError):
    """Events that were asked for have left the log. Lost output alone is no error: the result holds it."""


class UnreachableError(HeadraceError):
    """No answer came."""


class ClosedError(HeadraceError):
    """The WebSocket was closed before all was shown; `code` is 1006 where it just broke."""

    def __init__(self, code: int, reason: str) -> None:
        """Say as the notifier said it."""
        super().__init__(f"closed with {code}: {reason}")
        self.code = code


class NotFinishedError(HeadraceError, TimeoutError):
    """The job did not end in time. It goes on: ask again, or cancel it."""

    def __init__(self, job_id: str, timeout_s: float) -> None:
        """Name the job."""
        super().__init__(f"{job_id} did not end in {timeout_s:g} s")
        self.job_id = job_id


class UsageError(HeadraceError, RuntimeError):
    """The client cannot be used like this; the message says how it can."""


class ProtocolError(HeadraceError):
    """The answer is not one of this protocol."""


def _message_of(document: Mapping[str, Any]) -> str:
    """Title and detail, or one of them where the other says nothing more."""
    title, detail = str(document.get("title") or ""), str(document.get("detail") or "")
    if not title or not detail:
        return title or detail or "the service refused, and did not say why"
    if detail.casefold().startswith(title.casefold()):
        return title[:1] + detail[1:]
    return f"{title}: {detail}"
