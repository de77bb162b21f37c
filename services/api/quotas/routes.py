"""/v1/usage: what the caller holds of everything that users share."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.dependencies import parts_of
from services.api.http.auth import JobsCaller
from services.api.http.json_response import json_answer
from services.api.http.openapi import examples
from services.api.http.openapi.document import told

router = APIRouter(prefix="/v1/usage", tags=["usage"])


@router.get("", summary="Read what you hold of each share", responses=told(examples.USAGE))
async def read_usage(request: Request, caller: JobsCaller) -> Response:
    """Tell what the caller holds of each store and place, and may hold in all while others hold theirs."""
    return json_answer(await parts_of(request).usage.report(caller))
