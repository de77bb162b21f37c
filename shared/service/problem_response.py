"""Responses for problems: problem+json (RFC 9457), with the request id as instance."""

from starlette.responses import JSONResponse, Response

from shared.contract.problems import MEDIA_TYPE, Problem


def document_of(problem: Problem, request_id: str) -> dict[str, object]:
    """The problem's document; `instance` names the request."""
    return problem.document(f"urn:headrace:request:{request_id}")


def answer(problem: Problem, request_id: str) -> Response:
    """The problem's response."""
    return JSONResponse(
        document_of(problem, request_id),
        status_code=problem.status or int(problem.kind.status),
        media_type=MEDIA_TYPE,
        headers={**problem.headers, "Link": problem.kind.link},
    )
