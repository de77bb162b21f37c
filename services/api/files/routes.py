"""/v1/files: upload a file, list, read and remove files.

A body is passed on to the store as it comes (`services.api.http.request_bodies`), and never held whole.
"""

from typing import Annotated

from fastapi import Path, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from services.api.files import examples
from services.api.files.responses import UploadedFiles
from services.api.files.service import UserFiles
from services.api.http.auth import JobsCaller
from services.api.http.conditional_requests import IfNoneMatch, is_unchanged
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.example_values import text_of
from services.api.http.openapi.responses import (
    NOT_MODIFIED,
    NOTHING,
    DocumentedRouter,
    ExtraResponse,
    problem_responses,
)
from shared.contract import problems

router = DocumentedRouter("/v1/files", tag="files")

OCTETS = "application/octet-stream"
BROKEN_OFF = 400
"""Only in the access log: of an upload that broke off."""
ANY_BODY = {
    "requestBody": {
        "required": False,
        "content": {
            OCTETS: {
                "schema": {"type": "string", "format": "binary"},
                "examples": {"numbers": {"value": text_of(examples.CONTENT)}},
            }
        },
    }
}
FileAddress = Annotated[str, Path(description="`sha256:` and 64 hexadecimal digits.")]


@router.put(
    "",
    status_code=201,
    summary="Upload a file",
    openapi_extra=ANY_BODY,
    responses=router.responses_for(
        examples.FILE,
        status=201,
        also={200: ExtraResponse("It was there already", examples.FILE)},
        refusals=(problems.TOO_LARGE, problems.INVALID, problems.TOO_MANY_FILES, problems.STORAGE_FULL),
    ),
)
async def upload_file(request: Request, caller: JobsCaller) -> Response:
    """Store the body, of any type; with `Repr-Digest` (RFC 9530), only if it has that SHA-256.

    Of an upload that breaks off nothing is kept: send it again.
    """
    digest = request.headers.get("Repr-Digest")
    try:
        stored, is_new = await service_of(request, UserFiles).put(
            caller, request.stream(), length=_length(request), digest=digest
        )
    except ClientDisconnect:
        # There is none to answer: the client has left, or the server has refused its pace.
        return Response(status_code=BROKEN_OFF)
    return json_answer(stored, status=201 if is_new else 200)


@router.get("", summary="List your files", responses=router.responses_for(examples.FILES))
async def list_files(request: Request, caller: JobsCaller) -> Response:
    """List all files of the caller."""
    return json_answer(UploadedFiles(files=await service_of(request, UserFiles).list(caller.user_id)))


@router.get(
    "/{file}",
    summary="Download one of them",
    response_class=StreamingResponse,
    responses=router.responses_for(
        examples.CONTENT,
        media_type=OCTETS,
        headers=("ETag",),
        also=NOT_MODIFIED,
        refusals=(problems.UNKNOWN_FILE,),
    ),
)
async def read_file(
    file: FileAddress, request: Request, caller: JobsCaller, if_none_match: IfNoneMatch = None
) -> Response:
    """Stream a file of the caller."""
    files = service_of(request, UserFiles)
    found = await files.find(caller.user_id, file)
    etag = f'"{found.sha256}"'
    headers = {
        "ETag": etag,
        "Content-Disposition": "attachment",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
    }
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.size)
    return StreamingResponse(await files.open(found), media_type=OCTETS, headers=headers)


@router.delete(
    "/{file}",
    status_code=204,
    summary="Remove one of them",
    responses=NOTHING | problem_responses((problems.UNKNOWN_FILE,)),
)
async def delete_file(file: FileAddress, request: Request, caller: JobsCaller) -> Response:
    """Remove a file. A job that names it and has not begun will fail."""
    await service_of(request, UserFiles).delete(caller.user_id, file)
    return Response(status_code=204)


def _length(request: Request) -> int | None:
    """What the request says that its body has; None for a body in chunks."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdigit() else None
