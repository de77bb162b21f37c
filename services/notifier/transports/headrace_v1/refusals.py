"""Every `error` that a client of `headrace.v1` is answered. Pure."""

from services.notifier.transports.headrace_v1.messages import ErrorShown
from shared.domain.job_input import InputRefusal

RETRY_AFTER_S = 1.0


def unknown_job(message_id: str | None) -> ErrorShown:
    """The same for a job of another user, so that ids tell nothing."""
    return ErrorShown(id=message_id, code="unknown_job", detail="you have no job of this id", temporary=False)


def bad_cursor(message_id: str, why: str) -> ErrorShown:
    """Begin anew with ``start`` or ``now``, or with the cursor of an event."""
    return ErrorShown(id=message_id, code="bad_cursor", detail=why, temporary=False)


def already_finished(message_id: str) -> ErrorShown:
    """There is nothing left to cancel."""
    return ErrorShown(
        id=message_id, code="already_finished", detail="the job has already ended", temporary=False
    )


def bad_token(why: str) -> ErrorShown:
    """The earlier token counts until it expires."""
    return ErrorShown(code="bad_token", detail=why, temporary=False)


def unavailable(
    message_id: str | None, why: str = "the log does not answer", *, job_id: str | None = None
) -> ErrorShown:
    """The log does not answer, or not so that this program understands it; asking again later may help."""
    return ErrorShown(
        id=message_id,
        job_id=job_id,
        code="unavailable",
        detail=why,
        temporary=True,
        retry_after=RETRY_AFTER_S,
    )


def keys_unavailable(why: str, retry_after_s: float) -> ErrorShown:
    """A token's issuer cannot be asked for its keys, so nothing is known of the token."""
    return ErrorShown(code="unavailable", detail=why, temporary=True, retry_after=retry_after_s)


def busy(message_id: str) -> ErrorShown:
    """This connection asks faster than it is answered."""
    return ErrorShown(
        id=message_id,
        code="busy",
        detail="earlier questions of this connection are still being answered",
        temporary=True,
        retry_after=RETRY_AFTER_S,
    )


def busy_with_input(message_id: str | None, job_id: str) -> ErrorShown:
    """This connection gives input faster than it is stored."""
    return ErrorShown(
        id=message_id,
        job_id=job_id,
        code="busy",
        detail="earlier input of this connection is still being stored",
        temporary=True,
        retry_after=RETRY_AFTER_S,
    )


def invalid_input(message_id: str | None, job_id: str | None, why: str) -> ErrorShown:
    """A value of a message of input is none that it may have."""
    return ErrorShown(id=message_id, job_id=job_id, code="invalid_input", detail=why, temporary=False)


def refused_input(message_id: str | None, job_id: str, refusal: InputRefusal) -> ErrorShown:
    """It is not stored, for the reason that the refusal has."""
    return ErrorShown(
        id=message_id,
        job_id=job_id,
        code=refusal.reason,
        detail=refusal.detail,
        temporary=refusal.retry_after_s is not None,
        retry_after=refusal.retry_after_s,
        expected=refusal.expected,
    )
