"""Maximum limits of one job: checked at submission, and documented in OpenAPI."""

from collections.abc import Iterator

import msgspec

from services.api.http.openapi.responses import Maxima
from services.api.jobs.new_job import NewJob
from services.api.jobs.schemas import LimitsBody, SubmissionBody
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError


def maxima(settings: ApiSettings) -> Maxima:
    """The operator's maxima."""
    limits = msgspec.to_builtins(settings.limits_max)
    return {LimitsBody.__name__: limits, SubmissionBody.__name__: {"ttl_s": settings.ttl_s_max}}


def check_bounds(new: NewJob, settings: ApiSettings) -> None:
    """Raises ProblemError (422) with every field that exceeds the operator's maximum."""
    errors = tuple(
        FieldError(field, f"at most {most} is allowed")
        for field, value, most in _bounded_fields(new, settings)
        if value is not None and value > most
    )
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        raise ProblemError(problems.INVALID, detail, errors=errors)


def _bounded_fields(new: NewJob, settings: ApiSettings) -> Iterator[tuple[str, int | None, int]]:
    """Each bounded field of the submission: its place, its value, and its maximum."""
    yield "ttl_s", new.ttl_s, settings.ttl_s_max
    for name, value in new.limits.items():
        yield f"limits.{name}", value, getattr(settings.limits_max, name)
