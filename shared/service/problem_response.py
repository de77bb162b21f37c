"""How a problem leaves a service: as problem+json (RFC 9457), named by the id of its request."""

from starlette.responses import JSONResponse, Response

from shared.contract.problems import MEDIA_TYPE, Problem


def document_of(problem: Problem, request_id: str) -> dict[str, object]:
    """The problem's document; its instance is the request."""
    return problem.document(f"urn:headrace:request:{request_id}")


def answer(problem: Problem, request_id: str) -> Response:
    """The response that tells a client of a problem."""
    return JSONResponse(
        document_of(problem, request_id),
        status_code=problem.status or int(problem.kind.status),
        media_type=MEDIA_TYPE,
        headers={**problem.headers, "Link": problem.kind.link},
    )
