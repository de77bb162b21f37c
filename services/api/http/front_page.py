"""Front page and documentation for browsers, and an index for programs."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from services.api.events_tunnel.request import DESCRIPTION, STREAM, WEBSOCKET
from services.api.http import swagger
from services.api.http.json_response import json_answer
from shared.service import problem_pages
from shared.service.pages import Link, front_page
from shared.version import VERSION

LINKS = (
    Link("docs", "Documentation of the api, to try it out"),
    Link("openapi.json", "The same for programs: OpenAPI"),
    Link("asyncapi.yaml", "Events over WebSocket and SSE: AsyncAPI (the notifier has it)"),
    Link("problems/", "Problems: why a request fails, and what to do then"),
    Link("metrics", "Metrics (where operators can reach them)"),
)

RESOURCES = {
    "jobs": "/v1/jobs",
    "batch": "/v1/jobs/batch",
    "events": "/v1/events",
    "sessions": "/v1/sessions",
    "languages": "/v1/languages",
    "usage": "/v1/usage",
    "dead_letters": "/v1/dead-letters",
    "openapi": "/openapi.json",
    "docs": "/docs",
    "problems": "/problems/",
}
OF_THE_NOTIFIER = {"websocket": WEBSOCKET, "stream": STREAM, "asyncapi": DESCRIPTION}


def install(app: FastAPI, events_url: str) -> None:
    """Add the pages. `events_url` is the notifier's origin, empty where it is the api's own."""
    elsewhere = {name: events_url + path for name, path in OF_THE_NOTIFIER.items()}
    found = {"name": "headrace", "version": VERSION, "links": {**RESOURCES, **elsewhere}}

    async def index(_: Request) -> Response:
        return json_answer(found)

    app.router.routes.extend(
        [
            Route("/", _front, include_in_schema=False),
            Route("/v1", index, include_in_schema=False),
            Route("/v1/", index, include_in_schema=False),
            Route("/docs", _docs, include_in_schema=False),
            Route("/docs/start.js", _start, include_in_schema=False),
            Mount("/docs/assets", swagger.assets()),
            *problem_pages.routes(),
        ]
    )


async def _front(_: Request) -> Response:
    return front_page("Headrace: api", "Runs programs, and keeps the whole story of every run.", LINKS)


async def _docs(_: Request) -> Response:
    return swagger.page("Headrace: documentation of the api", "docs")


async def _start(_: Request) -> Response:
    return swagger.start_script("openapi.json")
