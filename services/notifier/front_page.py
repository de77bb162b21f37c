"""What the notifier shows to a browser: its front page, and the description of its protocol."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from shared.service import problem_pages
from shared.service.pages import Link, front_page

DESCRIPTION = Path(__file__).with_name("asyncapi.yaml")
LINKS = (
    Link("asyncapi.yaml", "The protocol over WebSocket (/v1/ws) and SSE (/v1/stream): AsyncAPI"),
    Link("problems/", "Problems: why a request fails, and what to do then"),
    Link("metrics", "Metrics (where operators can reach them)"),
)


def routes() -> list[Route]:
    """Where they are."""
    return [Route("/", _front), Route("/asyncapi.yaml", _description), *problem_pages.routes()]


async def _front(_: Request) -> Response:
    return front_page(
        "Headrace: notifier", "Shows what becomes of jobs, as it happens and afterwards.", LINKS
    )


async def _description(_: Request) -> Response:
    return FileResponse(DESCRIPTION, media_type="application/yaml")
