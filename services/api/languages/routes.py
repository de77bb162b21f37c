"""/v1/languages: the languages that submissions may name."""

from fastapi import Request
from starlette.responses import Response

from services.api.http.auth import AnyCallerOf
from services.api.http.feature import service_of
from services.api.http.json_response import json_answer
from services.api.http.openapi.responses import DocumentedRouter
from services.api.languages import examples
from services.api.languages.catalogue import Catalogue
from services.api.languages.responses import Languages

router = DocumentedRouter("/v1/languages", tag="languages")


@router.get(
    "",
    summary="List the languages that can be asked for",
    responses=router.responses_for(examples.LANGUAGES),
)
async def list_languages(request: Request, _: AnyCallerOf) -> Response:
    """Tell each language's name, version, aliases, extension, stages, default limits and allowed arguments.

    Programs of an `offline` one are accepted, and wait for an executor that has it.
    """
    return json_answer(Languages(languages=await service_of(request, Catalogue).offers()))
