"""/v1/languages: what can be asked for."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api import examples
from services.api.admission import AnyCallerOf
from services.api.answers import json_answer
from services.api.openapi import told
from services.api.parts import parts_of
from services.api.shapes import Languages

router = APIRouter(prefix="/v1/languages", tags=["languages"])


@router.get("", summary="List the languages that can be asked for", responses=told(examples.LANGUAGES))
async def list_languages(request: Request, _: AnyCallerOf) -> Response:
    """Tell each language's name, version, aliases, extension, stages and default limits.

    Programs of an `offline` one are accepted, and wait for an executor that has it.
    """
    return json_answer(Languages(languages=await parts_of(request).catalogue.offers()))
