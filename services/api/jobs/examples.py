"""Examples of requests and responses of /v1/jobs."""

from services.api.http.openapi.example_values import REQUEST
from services.api.http.openapi.responses import ExtraResponse
from services.api.jobs.batch import BatchItem
from services.api.jobs.example_story import CANCELLED, STORY, SUBMISSION, record_of, stored
from services.api.jobs.responses import Batch, JobEvents, JobsPage
from services.api.jobs.schemas import BatchBody, SubmissionBody
from services.api.jobs.waiting_reason import WaitingFor, with_waiting_reason
from shared.contract import problems
from shared.contract.problems import Problem
from shared.domain.record import summary_of
from shared.service.problem_response import document_of

__all__ = ["SUBMISSION"]

SEVERAL_FILES = SubmissionBody.model_validate(
    {
        "language": "python",
        "files": [
            {"name": "main.py", "content": "import greetings\nprint(greetings.HELLO)\n"},
            {"name": "greetings.py", "content": "HELLO = 'hello'\n"},
        ],
        "args": ["--verbose"],
        "interpreter_args": ["-Wdefault"],
        "env": {"LANG": "C.UTF-8"},
        "limits": {"wall_ms": 2_000, "memory_bytes": 67_108_864},
        "ttl_s": 3_600,
    }
)
BATCH_BODY = BatchBody(jobs=({"language": "python", "code": "print(1)"}, {"language": "cobol", "code": ""}))

QUEUED = with_waiting_reason(record_of(STORY[:1], 41), WaitingFor(reason="earlier_jobs", position=1))
COMPLETED = with_waiting_reason(record_of(STORY, 41))
CANCELLING = with_waiting_reason(record_of(CANCELLED[:3], 44))
EVENTS = JobEvents(events=[stored(event, 41 + number) for number, event in enumerate(STORY)])
JOBS = JobsPage(jobs=(summary_of(record_of(CANCELLED, 44)), summary_of(COMPLETED)), next="41")
BATCH = Batch(
    jobs=[
        BatchItem(status=202, job=summary_of(QUEUED)),
        BatchItem(
            status=422,
            problem=document_of(
                Problem(problems.UNKNOWN_LANGUAGE, "no executor offers 'cobol'; offered are: bash, python"),
                REQUEST,
            ),
        ),
    ]
)
ENDED_MEANWHILE = {200: ExtraResponse("`Prefer: wait` was given, and the job has ended", COMPLETED)}
