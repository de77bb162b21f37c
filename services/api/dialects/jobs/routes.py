"""Routes of `jobs`: POST /execute, GET /execute/jobs/{job_id}."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.api.dependencies import ApiDependencies
from services.api.dialects.bodies import TimedProgram, read_body
from services.api.dialects.errors import fastapi_door
from services.api.dialects.mount import mount
from services.api.dialects.polled_job import polled_job
from services.api.dialects.programs import find_job, new_job, submit
from services.api.http.auth import user_of
from services.api.http.door import Dialect
from services.api.http.json_response import json_answer
from shared.dialects.jobs import NAME

TTL_S = 86_400
"""How long a job is kept after its end."""


def dialect(deps: ApiDependencies) -> Dialect:
    """Its routes over the api's objects."""

    async def execute(request: Request) -> Response:
        caller = await user_of(request)
        body = await read_body(request, TimedProgram)
        new = new_job(deps.settings, body.code, timeout_s=body.timeout_s(deps.settings), ttl_s=TTL_S)
        submitted = await submit(deps, request, caller, new)
        # A repetition gets the first answer again: at `completed` its client would not wait for the result.
        return json_answer({"job_id": submitted.job.job_id, "status": "pending"})

    async def read(request: Request) -> Response:
        caller = await user_of(request)
        return json_answer(polled_job(await find_job(deps, caller, request.path_params["job_id"])))

    routes = [
        Route("/execute", execute, methods=["POST"]),
        # Whatever follows is an id, so that a malformed one is answered as one that never was.
        Route("/execute/jobs/{job_id:path}", read, methods=["GET"]),
    ]
    return mount(NAME, routes, fastapi_door())
