"""/v1/languages: what can be asked for."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.dependencies import parts_of
from services.api.http.auth import AnyCallerOf
from services.api.http.json_response import json_answer
from services.api.http.openapi import examples
from services.api.http.openapi.document import told
from services.api.jobs.responses import Languages

router = APIRouter(prefix="/v1/languages", tags=["languages"])


@router.get("", summary="List the languages that can be asked for", responses=told(examples.LANGUAGES))
async def list_languages(request: Request, _: AnyCallerOf) -> Response:
    """Tell each language's name, version, aliases, extension, stages and default limits.

    Programs of an `offline` one are accepted, and wait for an executor that has it.
    """
    return json_answer(Languages(languages=await parts_of(request).catalogue.offers()))
