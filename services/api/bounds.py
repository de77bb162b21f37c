"""The most that this service gives to one job: checked where a program comes in, and told in OpenAPI."""

from collections.abc import Mapping

import msgspec

from services.api.schemas import LimitsBody, SessionBody, SubmissionBody
from services.api.settings import ApiSettings
from shared import problems
from shared.problems import FieldError, ProblemError

Maxima = Mapping[str, Mapping[str, int]]
"""By the schema's name and the field's."""


def maxima(settings: ApiSettings) -> Maxima:
    """What the operator chose."""
    limits = msgspec.to_builtins(settings.limits_max)
    ttl = {"ttl_s": settings.ttl_s_max}
    return {LimitsBody.__name__: limits, SubmissionBody.__name__: ttl, SessionBody.__name__: ttl}


def check_bounds(body: SubmissionBody, settings: ApiSettings) -> None:
    """Raises ProblemError (422) with every field that asks for more than the operator allows."""
    asked: dict[str, int | None] = {"ttl_s": body.ttl_s}
    most = {"ttl_s": settings.ttl_s_max}
    for name, value in body.limits:
        asked[f"limits.{name}"] = value
        most[f"limits.{name}"] = getattr(settings.limits_max, name)
    errors = tuple(
        FieldError(field, f"at most {most[field]} is allowed")
        for field, value in asked.items()
        if value is not None and value > most[field]
    )
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        raise ProblemError(problems.INVALID, detail, errors=errors)
