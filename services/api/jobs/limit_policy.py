"""Maximum limits of one job: checked or applied at submission, and documented in OpenAPI."""

from collections.abc import Iterator

import msgspec

from services.api.http.openapi.responses import Json, Maxima
from services.api.jobs.new_job import NewJob
from services.api.jobs.schemas import SubmissionBody
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError
from shared.domain.events import ClampedLimit


def maxima(settings: ApiSettings) -> Maxima:
    """The operator's maxima that hold for every submission."""
    return {SubmissionBody.__name__: {"ttl_s": settings.ttl_s_max}}


def limits_rule(settings: ApiSettings) -> Json:
    """JSON Schema of a body with limits: within the operator's maxima, unless they may be clamped."""
    limits = {name: {"maximum": most} for name, most in msgspec.to_builtins(settings.limits_max).items()}
    return {
        "if": {"properties": {"limits_policy": {"const": "clamp"}}, "required": ["limits_policy"]},
        "else": {"properties": {"limits": {"properties": limits}}},
    }


def check_bounds(new: NewJob, settings: ApiSettings) -> None:
    """Raises ProblemError (422) with every field that exceeds the operator's maximum.

    Limits that may be clamped never do.
    """
    errors = tuple(
        FieldError(field, f"at most {most} is allowed")
        for field, value, most in _bounded_fields(new, settings)
        if value is not None and value > most
    )
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        raise ProblemError(problems.INVALID, detail, errors=errors)


def clamped_limits(new: NewJob, settings: ApiSettings) -> tuple[ClampedLimit, ...]:
    """The limits that exceed the operator's maximum, with the maximum; none unless they may be clamped."""
    if new.limits_policy != "clamp":
        return ()
    return tuple(
        ClampedLimit(name=name, requested=value, applied=most)
        for name, value, most in _bounded_limits(new, settings)
        if value > most
    )


def _bounded_fields(new: NewJob, settings: ApiSettings) -> Iterator[tuple[str, int | None, int]]:
    """Each field that is refused beyond its maximum: its place, its value, and that maximum."""
    yield "ttl_s", new.ttl_s, settings.ttl_s_max
    if new.limits_policy == "refuse":
        for name, value, most in _bounded_limits(new, settings):
            yield f"limits.{name}", value, most


def _bounded_limits(new: NewJob, settings: ApiSettings) -> Iterator[tuple[str, int, int]]:
    """Each limit of the submission: its name, its value, and its maximum."""
    for name, value in new.limits.items():
        yield name, value, getattr(settings.limits_max, name)
