"""/v1/jobs/{id}/artifacts: the files that a job left.

The program chooses their names and bytes, so a browser must neither render them nor sniff their type: every
file is an attachment without a specific type.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Request
from starlette.responses import Response, StreamingResponse

from services.api.artifacts import examples
from services.api.artifacts.responses import Artifacts
from services.api.artifacts.service import ArtifactReader
from services.api.http.auth import JobsCaller
from services.api.http.conditional_requests import IfNoneMatch, is_unchanged
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import NO_JOB, NOT_MODIFIED, DocumentedRouter
from services.api.http.parameters import JobId
from shared.contract import problems

router = DocumentedRouter("/v1/jobs/{job_id}/artifacts", tag="artifacts")

OCTETS = "application/octet-stream"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_")


@router.get(
    "",
    summary="List the files that a job left",
    responses=router.responses_for(examples.FILES, refusals=(*NO_JOB, problems.NOT_FINISHED)),
)
async def list_artifacts(job_id: JobId, request: Request, caller: JobsCaller) -> Response:
    """List what was kept, and what was asked for and is not kept; 409 until the job has ended."""
    result = await service_of(request, ArtifactReader).result(caller.user_id, job_id)
    return json_answer(Artifacts(artifacts=result.artifacts, skipped=result.skipped))


@router.get(
    "/{path:path}",
    summary="Download one of them",
    response_class=StreamingResponse,
    responses=router.responses_for(
        examples.FILE,
        media_type=OCTETS,
        headers=("ETag", "Content-Disposition"),
        also=NOT_MODIFIED,
        refusals=(*NO_JOB, problems.UNKNOWN_ARTIFACT, problems.NOT_FINISHED),
    ),
)
async def read_artifact(
    job_id: JobId,
    path: Annotated[str, Path(description="The file's `path` in the list, each of its parts encoded.")],
    request: Request,
    caller: JobsCaller,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Stream one file as it was when the program ended; 409 until the job has ended."""
    artifacts = service_of(request, ArtifactReader)
    found = await artifacts.find(caller.user_id, job_id, path)
    etag = f'"{found.artifact.sha256}"'
    headers = {
        "ETag": etag,
        "Content-Disposition": disposition(path.rpartition("/")[2]),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    pieces = await artifacts.open(found)
    headers["Content-Length"] = str(found.artifact.size)
    return StreamingResponse(pieces, media_type=OCTETS, headers=headers)


def disposition(name: str) -> str:
    """`Content-Disposition` for any name: an ASCII fallback, and the exact name (RFC 6266, 8187)."""
    plain = "".join(letter if letter in _PLAIN else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
