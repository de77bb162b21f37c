"""Examples of responses to operators."""

import msgspec

from services.api.http.openapi.example_values import NOON
from services.api.jobs.example_story import SUBMISSION, about, queued, record_of, running
from services.api.jobs.responses import JobsPage
from services.api.operators.dead_letters import Advisory
from services.api.operators.erasures import REMAINS, Erasure
from services.api.operators.responses import Messages
from shared.domain.events import Event, JobFailed
from shared.domain.record import summary_of
from shared.domain.result import Result

_LOST_JOB, _RETRY = "019b7e8c-03f7-7d64-9f24-8b2e3c4d5f60", "5d0f6a1e-9c4b-5a7d-8e2f-1b3c5d7e9f01"

_LOST: tuple[Event, ...] = (
    queued(_LOST_JOB, SUBMISSION),
    *(running(_LOST_JOB, attempt) for attempt in (1, 2, 3)),
    JobFailed(
        **about(_LOST_JOB, 40),
        attempt=3,
        reason="executor_lost",
        detail="executor-3 was lost in attempt 3 of 3",
        result=Result(),
    ),
)


DEAD = record_of(_LOST, 48)
RETRIED = msgspec.structs.replace(record_of([queued(_RETRY, SUBMISSION)], 53), retry_of=_LOST_JOB)
LETTERS = JobsPage(jobs=(summary_of(DEAD),), next=None)
MESSAGES = Messages(
    messages=[
        Advisory(
            time=NOON,
            kind="io.nats.jetstream.advisory.v1.terminated",
            stream="JOBS",
            consumer="executor",
            sequence=40,
            deliveries=1,
            reason="the message is not an event",
        )
    ]
)
ERASED = Erasure(
    user_id="alice",
    is_done=True,
    expired=3,
    unfinished=0,
    sessions=2,
    files=1,
    remains=tuple(one.format(tombstone_s=86_400) for one in REMAINS),
)
ERASING = msgspec.structs.replace(ERASED, is_done=False, expired=2, unfinished=1)
