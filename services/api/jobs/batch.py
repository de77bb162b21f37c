"""Batch submission: many submissions in one request, each accepted or refused by itself, in order."""

from collections.abc import Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from services.api.http.problems import invalid, newer_event, no_answer
from services.api.http.request_context import RequestContext
from services.api.jobs.schemas import SubmissionBody
from services.api.jobs.submit import Submissions
from shared.auth import Caller
from shared.contract.problems import Problem, ProblemError
from shared.domain.record import JobSummary, summary_of
from shared.jetstream.errors import BrokerError
from shared.jetstream.job_history import NewerEventError
from shared.observability.logs import get_logger
from shared.service.problem_response import document_of

logger = get_logger(__name__)


class BatchItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one submission: the job or the problem.

    The job is shown as lists show it: a hundred that were submitted before may have printed a lot.
    """

    status: int
    """The HTTP status that the submission would have had alone."""
    job: JobSummary | None = None
    """The accepted job, as lists show it."""
    replayed: bool = False
    """Whether the same submission was accepted before."""
    problem: dict[str, Any] | None = None
    """Why it was refused: a problem document (RFC 9457)."""


async def submit_all(
    submissions: Submissions,
    items: Sequence[object],
    caller: Caller,
    context: RequestContext,
    key: str | None,
) -> list[BatchItem]:
    """Submit one after the other, so that the user's lane has the order of the batch.

    Each item has its own idempotency key, made of the batch's key and its index. If a part of the service
    does not answer, the remaining items are refused for the same reason without a try.
    """
    answers: list[BatchItem] = []
    outage: Problem | None = None
    for place, item in enumerate(items):
        problem = outage
        if problem is None:
            try:
                body = SubmissionBody.model_validate(item)
                own_key = None if key is None else f"{key}/{place}"
                submitted = await submissions.submit(body.to_new_job(), caller, context, own_key)
                answers.append(
                    BatchItem(status=202, job=summary_of(submitted.job), replayed=submitted.replayed)
                )
                continue
            except ValidationError as error:
                errors = error.errors(include_url=False, include_context=False, include_input=False)
                problem = invalid(errors, SubmissionBody)
            except NewerEventError as error:
                # Only this item must wait.
                problem = newer_event(error)
            except ProblemError as error:
                problem = error.problem
                outage = problem if problem.status >= 500 else None
            except BrokerError as error:
                logger.warning("broker_unavailable", request_id=context.request_id, why=str(error))
                problem = outage = no_answer()
        answers.append(BatchItem(status=problem.status, problem=document_of(problem, context.request_id)))
    return answers
