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
    """Any failure of a call."""


class ProblemAnswerError(HeadraceError):
    """The service refused; `document` is its problem+json, `status` that of HTTP (None over a WebSocket)."""

    def __init__(
        self, document: Mapping[str, Any], *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        """Keep the whole document; `retry_after_s` if the service said when to retry."""
        super().__init__(_message_of(document))
        self.document = document
        self.status = status
        self.retry_after_s = retry_after_s


class HistoryLostError(HeadraceError):
    """Requested events have left the log. Lost output alone is no error: the result holds it."""


class UnreachableError(HeadraceError):
    """There was no response."""


class ClosedError(HeadraceError):
    """The WebSocket was closed before the end; `code` is 1006 if the connection broke."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep the notifier's code and reason."""
        super().__init__(f"closed with {code}: {reason}")
        self.code = code


class NotFinishedError(HeadraceError, TimeoutError):
    """The job did not end in time. It continues: wait again, or cancel it."""

    def __init__(self, job_id: str, timeout_s: float) -> None:
        """Keep the job's id."""
        super().__init__(f"{job_id} did not end in {timeout_s:g} s")
        self.job_id = job_id


class UsageError(HeadraceError, RuntimeError):
    """The client cannot be used in this way; the message says what to do instead."""


class ProtocolError(HeadraceError):
    """The response does not follow this protocol."""


def _message_of(document: Mapping[str, Any]) -> str:
    """Title and detail, or only one of them if the other adds nothing."""
    title, detail = str(document.get("title") or ""), str(document.get("detail") or "")
    if not title or not detail:
        return title or detail or "the service refused, and did not say why"
    if detail.casefold().startswith(title.casefold()):
        return title[:1] + detail[1:]
    return f"{title}: {detail}"
