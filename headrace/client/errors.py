"""Errors of the client: every reason for which a call can fail.

::

    HeadraceError
    ├── ProblemAnswerError   the service refused; `document` is its problem+json
    ├── HistoryLostError     requested events are no longer kept
    ├── UnreachableError     no response within `patience_s`; may be retried, with the same key
    ├── ClosedError          the notifier closed for a reason that a reconnection would not change; see `code`
    ├── NotFinishedError     the job continues, but the waiting time is over; also a TimeoutError
    ├── ProtocolError        a response that this version does not understand
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
