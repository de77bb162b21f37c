"""/v1/usage: the caller's usage of every shared store and place."""

from fastapi import Request
from starlette.responses import Response

from services.api.http.auth import JobsCaller
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import DocumentedRouter
from services.api.usage import examples
from services.api.usage.report import Usage

router = DocumentedRouter("/v1/usage", tag="usage")


@router.get("", summary="Read what you hold of each share", responses=router.responses_for(examples.USAGE))
async def read_usage(request: Request, caller: JobsCaller) -> Response:
    """Tell what the caller holds of each store and place, and may hold in all while others hold theirs."""
    return json_answer(await service_of(request, Usage).report(caller))
