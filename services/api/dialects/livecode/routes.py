"""Routes of the dialect: `/executions`, `/code-sessions`, and their description."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.dialects.bodies import read_body
from services.api.dialects.livecode import answers
from services.api.dialects.livecode.errors import nest_door
from services.api.dialects.livecode.executions import Executions
from services.api.dialects.livecode.lanes import SessionLanes
from services.api.dialects.livecode.openapi import document
from services.api.dialects.livecode.schemas import ExecutionBody, NewSessionBody, SavedSourceBody
from services.api.dialects.livecode.sessions import CodeSessions
from services.api.dialects.mount import mount
from services.api.http import swagger
from services.api.http.auth import user_of
from services.api.http.door import Dialect

NAME = "livecode"
CREATED = 201


def dialect(deps: ApiDependencies) -> Dialect:
    """The dialect over the api's own objects."""
    lanes = SessionLanes(deps.settings)
    routes = [
        *_execution_routes(Executions(deps, lanes)),
        *_session_routes(CodeSessions(deps, lanes)),
        *_description_routes(needs_token=lanes.anonymous is None),
    ]
    return mount(NAME, routes, nest_door(lanes.anonymous))


def _execution_routes(executions: Executions) -> list[Route]:
    async def create(request: Request) -> Response:
        caller = await user_of(request)
        body = await read_body(request, ExecutionBody)
        submitted = await executions.submit(body, request, caller)
        return JSONResponse(answers.accepted(submitted.job), CREATED)

    async def read(request: Request) -> Response:
        job = await executions.read(request.path_params["id"], await user_of(request))
        return JSONResponse(answers.execution(job))

    return [
        Route("/executions", create, methods=["POST"]),
        Route("/executions/{id}", read, methods=["GET"]),
    ]


def _session_routes(sessions: CodeSessions) -> list[Route]:
    async def create(request: Request) -> Response:
        caller = await user_of(request)
        has_body = bool(await request.body())
        body = await read_body(request, NewSessionBody) if has_body else NewSessionBody()
        return JSONResponse(answers.session(await sessions.create(body, caller)), CREATED)

    async def save(request: Request) -> Response:
        caller = await user_of(request)
        body = await read_body(request, SavedSourceBody)
        saved = await sessions.save(request.path_params["id"], body, caller)
        return JSONResponse(answers.session(saved))

    async def read(request: Request) -> Response:
        found = await sessions.read(request.path_params["id"], await user_of(request))
        return JSONResponse(answers.session_with_source(found))

    async def run(request: Request) -> Response:
        submitted = await sessions.run(request.path_params["id"], request, await user_of(request))
        return JSONResponse(answers.accepted_run(submitted.job), CREATED)

    return [
        Route("/code-sessions", create, methods=["POST"]),
        Route("/code-sessions/{id}", save, methods=["PATCH"]),
        Route("/code-sessions/{id}", read, methods=["GET"]),
        Route("/code-sessions/{id}/run", run, methods=["POST"]),
    ]


def _description_routes(*, needs_token: bool) -> list[Route]:
    """Swagger UI at `/api`, for everyone."""
    assets = swagger.assets()
    described = document(needs_token=needs_token)

    async def page(_: Request) -> Response:
        return swagger.page("Swagger UI: live coding", "api")

    async def start(_: Request) -> Response:
        return swagger.start_script("api-json")

    async def asset(request: Request) -> Response:
        return await assets.get_response(request.path_params["name"], request.scope)

    async def description(_: Request) -> Response:
        return JSONResponse(described)

    return [
        Route("/api", page, methods=["GET"]),
        Route("/api-json", description, methods=["GET"]),
        Route("/api/start.js", start, methods=["GET"]),
        Route("/api/assets/{name}", asset, methods=["GET"]),
    ]
