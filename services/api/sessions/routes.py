"""/v1/sessions: source documents that are saved while they are edited, and run on request."""

from typing import Annotated

from fastapi import Body, Query, Request
from starlette.responses import Response

from services.api.http.auth import JobsCaller
from services.api.http.conditional_requests import (
    IfMatch,
    IfNoneMatch,
    expected_sequence,
    is_unchanged,
    tag_of,
)
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.example_values import requests
from services.api.http.openapi.responses import (
    NOT_MODIFIED,
    NOTHING,
    DocumentedRouter,
    problem_responses,
)
from services.api.http.pagination import PageCursor, next_link, page_cursor, page_start
from services.api.http.parameters import SessionId
from services.api.http.request_context import context_of
from services.api.jobs.submission_response import accepted_responses, answer_accepted
from services.api.jobs.wait import Prefer, wait_of
from services.api.sessions import examples
from services.api.sessions.documents import Session
from services.api.sessions.responses import Revisions, SessionList
from services.api.sessions.runs import SessionRuns
from services.api.sessions.schemas import RunBody, SessionBody
from services.api.sessions.service import Sessions
from shared.contract import problems

router = DocumentedRouter("/v1/sessions", tag="sessions")

Document = Annotated[SessionBody, Body(openapi_examples=requests(examples.SESSION_BODY))]
RUNS = requests(examples.RUN_BODY)
LINKS = ("read_session", "save_session", "read_session_history", "run_session", "delete_session")
Revision = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="an earlier revision")]


@router.post(
    "",
    status_code=201,
    summary="Begin a session",
    responses=router.responses_for(
        examples.SESSION,
        status=201,
        headers=("Location", "ETag"),
        links=LINKS,
        refusals=(problems.TOO_MANY_SESSIONS, problems.STORAGE_FULL),
    ),
)
async def create_session(body: Document, request: Request, caller: JobsCaller) -> Response:
    """Save a new document."""
    session = await service_of(request, Sessions).create(body, caller)
    return _saved_response(session, status=201, headers={"Location": f"/v1/sessions/{session.session_id}"})


@router.get(
    "", summary="List your sessions, last saved first", responses=router.responses_for(examples.SESSIONS)
)
async def list_sessions(request: Request, caller: JobsCaller) -> Response:
    """List all sessions of the caller, without their documents."""
    return json_answer(SessionList(sessions=await service_of(request, Sessions).list_summaries(caller)))


@router.get(
    "/{session_id}",
    summary="Read a session",
    responses=router.responses_for(
        examples.SESSION,
        headers=("ETag",),
        also=NOT_MODIFIED,
        refusals=(problems.UNKNOWN_SESSION,),
    ),
)
async def read_session(
    session_id: SessionId,
    request: Request,
    caller: JobsCaller,
    revision: Revision = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read the document as it was saved last, or in an earlier revision."""
    session = await service_of(request, Sessions).read(session_id, caller, revision=revision)
    if is_unchanged(if_none_match, tag_of(session.revision)):
        return Response(status_code=304, headers={"ETag": tag_of(session.revision)})
    return _saved_response(session)


@router.put(
    "/{session_id}",
    summary="Save a session",
    responses=router.responses_for(
        examples.SESSION,
        headers=("ETag",),
        refusals=(problems.UNKNOWN_SESSION, problems.PRECONDITION_FAILED, problems.STORAGE_FULL),
    ),
)
async def save_session(
    session_id: SessionId, body: Document, request: Request, caller: JobsCaller, if_match: IfMatch = None
) -> Response:
    """Save the whole document as a new revision; with `If-Match` only after that one."""
    expected = expected_sequence(if_match)
    return _saved_response(
        await service_of(request, Sessions).save(session_id, body, caller, expected=expected)
    )


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="Delete a session",
    responses=NOTHING | problem_responses((problems.UNKNOWN_SESSION, problems.PRECONDITION_FAILED)),
)
async def delete_session(
    session_id: SessionId, request: Request, caller: JobsCaller, if_match: IfMatch = None
) -> Response:
    """Forget every revision of the document. Its runs stay in the log."""
    await service_of(request, Sessions).delete(session_id, caller, expected=expected_sequence(if_match))
    return Response(status_code=204)


@router.get(
    "/{session_id}/history",
    summary="Read a session's revisions",
    responses=router.responses_for(
        examples.REVISIONS, headers=("Link",), refusals=(problems.UNKNOWN_SESSION,)
    ),
)
async def read_session_history(
    session_id: SessionId, request: Request, caller: JobsCaller, cursor: PageCursor = None
) -> Response:
    """List the revisions that are kept, with their documents, oldest first; `next` continues the page."""
    sessions = service_of(request, Sessions)
    revisions, more = await sessions.history(session_id, caller, after=page_start(cursor) or 0)
    following = page_cursor(revisions[-1].revision if more else None)
    page = Revisions(revisions=revisions, next=following)
    return json_answer(page, headers=next_link(request, following))


@router.post(
    "/{session_id}/run",
    status_code=202,
    summary="Run a session",
    responses=accepted_responses(
        router, examples.SESSION_RUN, refusals=(problems.UNKNOWN_SESSION, problems.PRECONDITION_FAILED)
    ),
)
async def run_session(
    session_id: SessionId,
    request: Request,
    caller: JobsCaller,
    body: Annotated[RunBody | None, Body(openapi_examples=RUNS)] = None,
    if_match: IfMatch = None,
    prefer: Prefer = None,
) -> Response:
    """Submit the document as it was saved last. The same again, while that is unfinished, is the same job."""
    expected = expected_sequence(if_match)
    submitted = await service_of(request, SessionRuns).run(
        session_id, body or RunBody(), caller, context_of(request), expected=expected
    )
    return await answer_accepted(submitted, caller, request, wait_of(prefer))


def _saved_response(
    session: Session, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return json_answer(session, status=status, headers={"ETag": tag_of(session.revision), **(headers or {})})
