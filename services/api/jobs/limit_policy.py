"""The most that this service gives to one job: checked where a program comes in, and told in OpenAPI."""

from collections.abc import Iterator, Mapping

import msgspec

from services.api.jobs.schemas import LimitsBody, SessionBody, SubmissionBody
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError

Maxima = Mapping[str, Mapping[str, int]]
"""By the schema's name and the field's."""


def maxima(settings: ApiSettings) -> Maxima:
    """What the operator chose."""
    limits = msgspec.to_builtins(settings.limits_max)
    ttl = {"ttl_s": settings.ttl_s_max}
    return {LimitsBody.__name__: limits, SubmissionBody.__name__: ttl, SessionBody.__name__: ttl}


def check_bounds(body: SubmissionBody, settings: ApiSettings) -> None:
    """Raises ProblemError (422) with every field that asks for more than the operator allows."""
    errors = tuple(
        FieldError(field, f"at most {most} is allowed")
        for field, asked, most in _asked(body, settings)
        if asked is not None and asked > most
    )
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        raise ProblemError(problems.INVALID, detail, errors=errors)


def _asked(body: SubmissionBody, settings: ApiSettings) -> Iterator[tuple[str, int | None, int]]:
    """Each bounded field that the client named: its place, what is asked for, and the most of it."""
    yield "ttl_s", body.ttl_s, settings.ttl_s_max
    if body.limits.model_fields_set:
        most = settings.limits_max
        for name, asked in body.limits:
            yield f"limits.{name}", asked, getattr(most, name)
