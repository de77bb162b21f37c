"""Limits beyond the operator's maxima: refused, or lowered and told."""

from collections.abc import Mapping

import msgspec
import pytest

from services.api.jobs.fields import LIMIT_MAX
from services.api.jobs.limit_policy import check_bounds, clamped_limits
from services.api.jobs.schemas import LimitsBody, SubmissionBody
from services.api.sessions.documents import StoredRevision, document_of, fingerprint_of, submission_of
from services.api.sessions.schemas import RunBody, SessionBody
from services.api.settings import ApiSettings
from shared.contract.problems import ProblemError
from shared.domain.events import ClampedLimit, Limits
from tests.builders import NOON

SETTINGS = ApiSettings(token_secret="x" * 32)
PROGRAM = {"language": "python", "code": "print(1)"}
GREEDY = {**PROGRAM, "limits": {"memory_bytes": 2**34, "wall_ms": 5}}


def body_of(**fields: object) -> SubmissionBody:
    return SubmissionBody.model_validate({**GREEDY, **fields})


def run_of(document: Mapping[str, object], **fields: object) -> SubmissionBody:
    """The submission of a session's run."""
    saved = document_of(SessionBody.model_validate(document))
    stored = StoredRevision(created_at=NOON, saved_at=NOON, document=saved)
    return submission_of(stored, RunBody.model_validate(fields))


@pytest.mark.parametrize("policy", [{}, {"limits_policy": "refuse"}])
def test_a_limit_beyond_its_maximum_is_refused_unless_it_may_be_clamped(policy: dict[str, str]) -> None:
    new = body_of(**policy).to_new_job()
    with pytest.raises(ProblemError) as refused:
        check_bounds(new, SETTINGS)
    assert [error.field for error in refused.value.problem.errors] == ["limits.memory_bytes"]
    assert clamped_limits(new, SETTINGS) == ()


def test_a_limit_beyond_its_maximum_is_lowered_to_it() -> None:
    new = body_of(limits_policy="clamp").to_new_job()
    check_bounds(new, SETTINGS)
    clamped = clamped_limits(new, SETTINGS)
    most = SETTINGS.memory_bytes_max
    assert clamped == (ClampedLimit(name="memory_bytes", requested=2**34, applied=most),)
    limits = new.limits_over(Limits(processes=3), clamped)
    assert limits == Limits(processes=3, wall_ms=5, memory_bytes=most)


def test_every_limit_is_lowered_from_any_number_to_its_own_maximum() -> None:
    names = list(LimitsBody.model_fields)
    new = body_of(limits=dict.fromkeys(names, LIMIT_MAX), limits_policy="clamp").to_new_job()
    clamped = clamped_limits(new, SETTINGS)
    assert {one.name for one in clamped} == set(names)
    assert {one.requested for one in clamped} == {LIMIT_MAX}
    assert new.limits_over(Limits(), clamped) == SETTINGS.limits_max


def test_what_is_within_the_maxima_is_left_as_it_is() -> None:
    most = msgspec.structs.asdict(SETTINGS.limits_max)
    new = body_of(limits=most, limits_policy="clamp").to_new_job()
    assert clamped_limits(new, SETTINGS) == ()
    assert new.limits_over(Limits()) == SETTINGS.limits_max


def test_what_is_no_limit_is_refused_all_the_same() -> None:
    new = body_of(limits_policy="clamp", ttl_s=SETTINGS.ttl_s_max + 1).to_new_job()
    with pytest.raises(ProblemError, match="ttl_s"):
        check_bounds(new, SETTINGS)


def test_a_submission_without_the_policy_has_the_fingerprint_that_it_always_had() -> None:
    """Else a key that was used before an upgrade would be refused after it."""
    program = SubmissionBody.model_validate(PROGRAM).to_new_job()
    assert program.fingerprint == PROGRAM_FINGERPRINT
    assert body_of(limits_policy="refuse").to_new_job().fingerprint == body_of().to_new_job().fingerprint
    assert body_of(limits_policy="clamp").to_new_job().fingerprint != body_of().to_new_job().fingerprint
    assert fingerprint_of(SubmissionBody.model_validate(PROGRAM)) == RUN_FINGERPRINT
    assert fingerprint_of(body_of(limits_policy="clamp")) != fingerprint_of(body_of())


PROGRAM_FINGERPRINT = "4676591d3eb281979c7a338914f9dd106dbe2a08c2a49f363a76740e6dfe2522"
RUN_FINGERPRINT = "25e8de91d8ed811460b5b1161f2f17fc41b79c6dca7bfaa6f8a19eded9e02075"
"""What was stored before there was a policy."""


def test_a_run_has_the_policy_of_the_limits_that_it_has() -> None:
    clamping = {**GREEDY, "limits_policy": "clamp"}
    assert run_of(clamping).limits_policy == "clamp"
    assert run_of(clamping, args=["x"]).limits_policy == "clamp"
    assert run_of(clamping, limits={"wall_ms": 10**9}).limits_policy == "refuse"
    assert run_of(GREEDY, limits={"wall_ms": 10**9}, limits_policy="clamp").limits_policy == "clamp"
    assert run_of(GREEDY, limits_policy="clamp").limits_policy == "clamp"
