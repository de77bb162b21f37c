"""Examples of requests and responses of /v1/sessions."""

from datetime import timedelta

import msgspec

from services.api.http.openapi.example_values import NOON
from services.api.jobs.example_story import STDIN
from services.api.jobs.examples import QUEUED
from services.api.sessions.documents import Session, SessionCard
from services.api.sessions.responses import Revisions, SessionList
from services.api.sessions.schemas import RunBody, SessionBody

_SESSION = "019b7e8d-77b1-7e85-a035-9c3f4d5e6071"

RUN_BODY = RunBody(stdin=STDIN)
SESSION_BODY = SessionBody(title="Sums", language="python", code="print(sum(map(int, open(0))))\n")
SESSION = Session(
    session_id=_SESSION,
    revision=7,
    title=SESSION_BODY.title,
    language=SESSION_BODY.language,
    created_at=NOON,
    saved_at=NOON + timedelta(minutes=5),
    document=msgspec.Raw(SESSION_BODY.model_dump_json(exclude_unset=True).encode()),
)
SESSIONS = SessionList(
    sessions=[SessionCard(**{name: getattr(SESSION, name) for name in SessionCard.__struct_fields__})]
)
SESSION_RUN = msgspec.structs.replace(QUEUED, session=_SESSION)
REVISIONS = Revisions(revisions=[SESSION], next=None)
