"""/v1/languages: what can be run right now."""

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.context import CallerOf
from services.api.parts import parts_of

router = APIRouter(prefix="/v1/languages", tags=["languages"])


@router.get("", summary="List the languages that live executors offer")
async def list_languages(request: Request, _: CallerOf) -> Response:
    """Tell each language's name, version, aliases, extension, stages and default limits."""
    offers = await parts_of(request).catalogue.offers()
    return Response(msgspec.json.encode({"languages": offers}), media_type="application/json")
