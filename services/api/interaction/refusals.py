"""Refusals of input as problems."""

import math
from collections.abc import Mapping

from services.api.http.openapi.responses import WITH_OFFSET
from services.api.interaction.responses import InputPosition
from shared.contract import problems
from shared.contract.problems import ProblemError, ProblemType
from shared.domain.job_input import InputRefusal, RefusalReason
from shared.jetstream.input_log import Outcome
from shared.jetstream.input_turns import PIECES_BURST, PIECES_PER_S

KINDS: Mapping[RefusalReason, ProblemType] = {
    "unknown_job": problems.UNKNOWN_JOB,
    "expired": problems.EXPIRED,
    "already_finished": problems.ALREADY_FINISHED,
    "not_interactive": problems.NOT_INTERACTIVE,
    "no_terminal": problems.NO_TERMINAL,
    "not_running": problems.NOT_RUNNING,
    "input_mismatch": problems.INPUT_MISMATCH,
    "input_ended": problems.INPUT_ENDED,
    "input_limit": problems.INPUT_LIMIT,
    "input_not_read": problems.INPUT_NOT_READ,
    "too_fast": problems.TOO_MANY_REQUESTS,
    "storage_full": problems.STORAGE_FULL,
}


def position_of(outcome: Outcome) -> InputPosition:
    """How far the input goes now. Raises ProblemError for a refusal."""
    if isinstance(outcome, InputRefusal):
        raise _problem_of(outcome)
    return InputPosition(offset=outcome.offset, ended=outcome.is_ended)


def _problem_of(refusal: InputRefusal) -> ProblemError:
    kind = KINDS[refusal.reason]
    headers: dict[str, str] = {}
    if refusal.retry_after_s is not None:
        wait_s = max(1, math.ceil(refusal.retry_after_s))
        headers["Retry-After"] = str(wait_s)
        if refusal.reason == "too_fast":
            burst_s = math.ceil(PIECES_BURST / PIECES_PER_S)
            headers["RateLimit-Policy"] = f'"input";q={PIECES_BURST:.0f};w={burst_s}'
            headers["RateLimit"] = f'"input";r=0;t={wait_s}'
    extra: dict[str, int] = {}
    if kind in WITH_OFFSET and refusal.expected is not None:
        extra["expected_offset"] = refusal.expected
    return ProblemError(kind, refusal.detail, headers=headers, extra=extra)
