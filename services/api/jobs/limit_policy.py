"""Maximum limits of one job: checked or applied at submission, and documented in OpenAPI."""

from collections.abc import Iterator, Mapping

import msgspec

from services.api.http.openapi.responses import Json, Maxima
from services.api.jobs.new_job import NewJob
from services.api.jobs.schemas import SubmissionBody
from services.api.settings import ApiSettings
from shared.contract import problems
from shared.contract.problems import FieldError, ProblemError
from shared.domain.events import ClampedLimit, Limits


def maxima(settings: ApiSettings) -> Maxima:
    """The operator's maxima that hold for every submission."""
    return {SubmissionBody.__name__: field_maxima(settings)}


def field_maxima(settings: ApiSettings) -> Mapping[str, int]:
    """The maxima of a submission's single fields, by name."""
    return {"ttl_s": settings.ttl_s_max, "idle_s": settings.idle_s_max}


def run_rule(settings: ApiSettings) -> Json:
    """JSON Schema of a run's limits: within the operator's maxima, unless they may be clamped.

    Of wall time it has the higher of the two maxima: which one holds depends on the document.
    """
    return _unless_clamped(_limits(settings, max(settings.wall_ms_max, settings.interactive_wall_ms_max)))


def limits_rule(settings: ApiSettings) -> Json:
    """JSON Schema of a submission's limits, likewise; interactive programs have their own wall time."""
    return _unless_clamped(
        {
            "if": {"properties": {"interactive": {"const": True}}, "required": ["interactive"]},
            "then": _limits(settings, settings.interactive_wall_ms_max),
            "else": _limits(settings, settings.wall_ms_max),
        }
    )


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


def default_limits(new: NewJob, offered: Limits, settings: ApiSettings) -> Limits:
    """What holds where the submission names no limit: the language's default.

    An interactive program waits for its input most of the time, so that its wall time has another default.
    """
    if new.interaction is None:
        return offered
    return msgspec.structs.replace(offered, wall_ms=settings.interactive_wall_ms)


def _bounded_fields(new: NewJob, settings: ApiSettings) -> Iterator[tuple[str, int | None, int]]:
    """Each field that is refused beyond its maximum: its place, its value, and that maximum."""
    yield "ttl_s", new.ttl_s, settings.ttl_s_max
    if new.interaction is not None:
        yield "idle_s", new.interaction.idle_s, settings.idle_s_max
    if new.limits_policy == "refuse":
        for name, value, most in _bounded_limits(new, settings):
            yield f"limits.{name}", value, most


def _bounded_limits(new: NewJob, settings: ApiSettings) -> Iterator[tuple[str, int, int]]:
    """Each limit of the submission: its name, its value, and its maximum."""
    for name, value in new.limits.items():
        if name == "wall_ms" and new.interaction is not None:
            yield name, value, settings.interactive_wall_ms_max
        else:
            yield name, value, getattr(settings.limits_max, name)


def _limits(settings: ApiSettings, wall_ms: int) -> Json:
    most = {**msgspec.to_builtins(settings.limits_max), "wall_ms": wall_ms}
    limits = {name: {"maximum": maximum} for name, maximum in most.items()}
    return {"properties": {"limits": {"properties": limits}}}


def _unless_clamped(rule: Json) -> Json:
    clamps = {"properties": {"limits_policy": {"const": "clamp"}}, "required": ["limits_policy"]}
    return {"if": clamps, "else": rule}
