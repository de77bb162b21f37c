"""A batch is answered item by item, whatever fails in between."""

from datetime import UTC, datetime

import msgspec
import pytest

from services.api.http.request_context import RequestContext
from services.api.jobs.batch import submit_all
from services.api.jobs.new_job import NewJob
from services.api.jobs.submit import Submissions, Submitted
from shared.auth import Caller
from shared.contract import problems
from shared.contract.problems import ProblemError
from shared.domain.record import fold
from shared.jetstream.errors import UnreachableError
from shared.jetstream.job_history import NewerEventError
from tests import builders

GOOD = {"language": "python", "code": ""}


class _Submissions(Submissions):
    """Fails so at the second item."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.keys: list[str | None] = []

    async def submit(
        self, new: NewJob, caller: Caller, context: RequestContext, key: str | None
    ) -> Submitted:
        del new, caller, context
        self.keys.append(key)
        if len(self.keys) == 2:
            raise self.failure
        record = fold(None, builders.queued(), 7)
        assert record is not None
        return Submitted(record, replayed=False)


@pytest.mark.parametrize(
    ("failure", "statuses", "keys"),
    [
        (UnreachableError("nothing came"), [202, 503, 503, 503], 2),
        (ProblemError(problems.UNAVAILABLE, "not now"), [202, 503, 503, 503], 2),
        (ProblemError(problems.UNKNOWN_FILE, "you have no such file"), [202, 404, 422, 202], 3),
        (NewerEventError(1, "job.later.v9"), [202, 503, 422, 202], 3),
    ],
)
async def test_every_item_has_an_answer(failure: Exception, statuses: list[int], keys: int) -> None:
    submissions = _Submissions(failure)
    caller = Caller(builders.USER, frozenset({"jobs"}), datetime.now(UTC))
    items = [GOOD, GOOD, {"language": ""}, GOOD]
    answers = await submit_all(submissions, items, caller, RequestContext("r", None), "key")
    assert [answer.status for answer in answers] == statuses
    assert submissions.keys == [f"key/{place}" for place in (0, 1, 3)[:keys]]
    assert msgspec.json.encode(answers)
